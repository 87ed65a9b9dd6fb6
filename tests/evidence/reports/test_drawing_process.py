"""The process that draws plots: same pictures, and nothing lost where it dies."""

from __future__ import annotations

import os
import signal

import pytest

from evidence.reports.plots import drawing_process, static
from evidence.reports.plots.drawing_process import DrawingProcess, draw_side_by_side
from evidence.reports.plots.model import Drawing, Panel, Series

DRAWINGS = [
    Drawing(
        name=f"plot-{number}",
        title="title",
        caption="caption",
        panels=(
            Panel(
                title="panel",
                unit="ms",
                series=(Series(label="a", kind="points", xs=(1.0, 2), ys=(number, 1.0), colour="#000000"),),
            ),
        ),
        x_label="s",
        axis="n",
        x_range=(0.0, 3.0),
    )
    for number in (1, 2, 3)
]


@pytest.mark.e2e
def test_pictures_are_those_that_are_drawn_here() -> None:
    """The process draws each plot as this one does, and is over afterwards."""
    with drawing_process.started() as drawing:
        assert drawing.wait_until_ready()
        assert drawing.draw(DRAWINGS) == static.draw_all(DRAWINGS)
        assert drawing.draw(DRAWINGS[:1]) == static.draw_all(DRAWINGS[:1])
        assert drawing.draw([]) == []
        process = drawing._process
    assert process is not None
    assert process.returncode == -signal.SIGKILL


@pytest.mark.e2e
def test_a_process_that_died_is_replaced_by_this_one() -> None:
    """Where the process ended, before it was ready or later, the plots are drawn all the same."""
    for ready in (False, True):
        with drawing_process.started() as drawing:
            if ready:
                drawing.wait_until_ready()
            assert drawing._process is not None
            os.kill(drawing._process.pid, signal.SIGKILL)
            assert drawing.draw(DRAWINGS[:2]) == static.draw_all(DRAWINGS[:2])


def test_no_process_draws_here() -> None:
    """Without a process nothing is waited for."""
    drawing = DrawingProcess(None)
    assert not drawing.wait_until_ready()
    assert drawing.draw(DRAWINGS[:1]) == static.draw_all(DRAWINGS[:1])


def test_one_plot_takes_no_second_process() -> None:
    """A single plot is drawn by the process itself."""
    assert draw_side_by_side(DRAWINGS[:1]) == static.draw_all(DRAWINGS[:1])
