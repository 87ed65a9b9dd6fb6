"""Tests of drawing the panels."""
