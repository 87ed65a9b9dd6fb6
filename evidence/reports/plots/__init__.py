"""Plots of a run: static SVG, drawn from the record, with the limits drawn in."""

from evidence.reports.plots.draw import draw, planned

__all__ = ["draw", "planned"]
