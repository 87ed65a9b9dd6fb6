"""Checks of admission: at most five exports run, at most a hundred wait."""
