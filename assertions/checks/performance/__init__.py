"""Checks of time: latency, throughput, drift."""
