"""Faults that users reported or the faulty targets show, each as a changed record."""
