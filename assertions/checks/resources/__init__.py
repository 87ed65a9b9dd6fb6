"""Checks of memory, processes, leaks and leftover files."""
