"""Comparing two runs: what got better, what got worse, and what stays undecided, by a stated test on raw samples."""
