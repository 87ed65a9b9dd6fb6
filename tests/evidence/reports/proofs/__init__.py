"""Tests of the proofs in a report."""
