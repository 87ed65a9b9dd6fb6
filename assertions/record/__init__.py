"""The raw record: its types, its files, one view per scenario, the whole run."""
