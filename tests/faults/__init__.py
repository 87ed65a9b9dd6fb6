"""Faults on purpose, for service and harness, and what came of each: `nox -s faults`."""
