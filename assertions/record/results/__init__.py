"""What other commands add to a run directory once its scenarios are recorded."""
