"""Prometheus itself: found or fetched, started beside a target, asked, and ended."""
