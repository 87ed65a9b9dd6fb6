"""Tests of rules built from the limits file."""
