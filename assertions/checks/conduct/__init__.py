"""Checks of how the target behaves: health, status, bad input, disconnects, shutdown."""
