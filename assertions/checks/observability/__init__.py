"""What a real Prometheus recorded during the run: scrapes, rules, alerts, panels."""
