"""Drives load on a target with Locust, and records raw what happened; others judge it."""
