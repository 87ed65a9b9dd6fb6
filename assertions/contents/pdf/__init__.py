"""Checks of PDF contents, record by record."""
