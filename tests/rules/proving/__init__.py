"""Tests of mutation, replay and faults."""
