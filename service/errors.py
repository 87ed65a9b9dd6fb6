"""The root of the service's exceptions."""

from __future__ import annotations


class ServiceError(Exception):
    """Root of all exceptions that the service raises; each kind is defined in the module that raises it."""
