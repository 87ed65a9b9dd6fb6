"""Drawing the dashboard file with Grafana's open front-end libraries, from the samples that a run recorded."""
