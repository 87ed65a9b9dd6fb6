"""Experiments beside the load: behaviour, leaks, bursts, over-admission, disconnects."""
