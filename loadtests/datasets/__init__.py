"""What is exported: records, edge cases, large bodies (pure)."""
