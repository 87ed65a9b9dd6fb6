"""Evidence in addition to the load: the embedded service, its log, checked files, queries, provenance."""
