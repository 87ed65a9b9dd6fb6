"""What counts as kept of clients that are gone, and what does not."""

from __future__ import annotations

import pytest

from assertions.leak_detection import left_by_clients


@pytest.mark.parametrize(
    ("rests", "rose"),
    [
        pytest.param([20, 26, 32], 12, id="one each"),
        pytest.param([20, 46, 72], 52, id="several each"),
        pytest.param([20, 26, 26], None, id="a pool for as many as come at once"),
        pytest.param([20, 60, 65], None, id="a pool that grows once more"),
        pytest.param([20, 21, 19], None, id="noise"),
        pytest.param([20], None, id="not seen after"),
    ],
)
def test_what_is_lost_is_lost_again_with_each_client(rests: list[float], rose: float | None) -> None:
    """Only what rises in each round, with the clients of that round, was left behind by them."""
    assert left_by_clients(rests, 6) == rose
