"""What the evidence rests on beside the load: the embedded service, its log, checked files, queries, provenance."""
