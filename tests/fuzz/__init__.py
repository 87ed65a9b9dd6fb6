"""Fuzzing the service: schemathesis on its OpenAPI document, and properties of raw HTTP and bodies."""
