"""Proof that the rules work: mutants that the tests must kill, recorded runs replayed, faults that must fire."""
