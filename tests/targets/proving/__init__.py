"""Judging records, and the proof made of it."""
