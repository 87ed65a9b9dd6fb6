"""Tests of run directories as bundles."""
