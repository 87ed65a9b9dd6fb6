"""Tests of runs from begin to end, and of what goes wrong on the way."""
