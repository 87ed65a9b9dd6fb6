"""Rules, their tests and the dashboard's bounds, built from the limits file."""
