"""Prometheus itself: found or fetched, started for a target, queried, and ended."""
