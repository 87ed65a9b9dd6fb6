"""One scenario, from plan to raw record."""
