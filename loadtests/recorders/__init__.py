"""Recorders: metrics pages, processes, the exports folder; and the files that they write."""
