"""Broken targets, a module a group."""
