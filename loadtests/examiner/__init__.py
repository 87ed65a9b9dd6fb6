"""Experiments after the load: behaviour, leaks, bursts, over-admission, disconnects."""
