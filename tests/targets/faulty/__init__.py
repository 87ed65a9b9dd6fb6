"""Broken animals, a module a group."""
