"""Checks of the metrics page: its form, its counters, its gauges, its histogram."""
