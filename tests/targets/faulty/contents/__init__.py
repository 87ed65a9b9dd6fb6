"""Faulty file contents, a module a format."""
