"""Fixtures of the service's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.helpers import Running, running


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    """A fresh service with default settings."""
    with running(exports=tmp_path / "exports") as one:
        yield one


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One service for all tests that count nothing."""
    with running("--max-body", "8MiB", exports=tmp_path_factory.mktemp("shared") / "exports") as one:
        yield one
