"""Locust's web interface for a profile."""
