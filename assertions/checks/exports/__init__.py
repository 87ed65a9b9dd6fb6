"""Checks of answers, file names, downloads and file contents."""
