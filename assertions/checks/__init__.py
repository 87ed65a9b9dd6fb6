"""The checks, one family a folder: what the judge looks at."""
