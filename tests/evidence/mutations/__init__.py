"""Random mutations of a bundle, by kind, and whether `verify` finds each."""
