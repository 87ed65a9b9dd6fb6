"""Healthy targets: all that the contract allows, and a harness must not object to."""
