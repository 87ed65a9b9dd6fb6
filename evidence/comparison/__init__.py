"""Comparing two runs: what got better, what got worse, and what can't be told, by a stated test on raw samples."""
