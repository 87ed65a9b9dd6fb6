"""Edits of a recorded healthy target: faults that no service can have."""
