"""Experiments as data, and their outcomes; shared by the load tests and the judge."""
