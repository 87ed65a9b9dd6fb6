"""Checks of the harness itself: the load generator, its calibration, promtool and the dashboard check."""
