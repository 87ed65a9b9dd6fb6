"""The load generator measured against a server whose times are known."""
