"""Tests of the checks on Prometheus, panels and replayed alerts."""
