"""The raw record: its types, its files, one view a scenario, the whole run."""
