"""Driving targets and keeping their records."""
