"""Readers of Prometheus formats: metrics pages and PromQL."""
