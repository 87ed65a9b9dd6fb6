"""From a TOML profile to a plan of requests (pure)."""
