"""Plots of a run, from its record, with the limits drawn in: static pictures, and plots that can be zoomed."""
