"""Faces of the report: each a function of the model, nothing else."""
