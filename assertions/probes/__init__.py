"""Experiments as data, and what one of them shows; shared by the load tests and the judge."""
