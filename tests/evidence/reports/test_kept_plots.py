"""Pictures of plots are kept by all that is drawn, and drawn anew for anything else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec

from evidence.reports.plots import static
from evidence.reports.plots.model import Drawing, Panel, Series
from rules.server.cache import Cache


def test_a_kept_picture_is_of_the_same_drawing(tmp_path: Path) -> None:
    """A drawing drawn before is not drawn again; one with another point is; words are always those of now."""
    cache = Cache(tmp_path, 8)
    point = Series(label="a", kind="points", xs=(1.0,), ys=(1.0,), colour="#000000")
    panel = Panel(title="panel", unit="ms", series=(point,))
    drawing = Drawing(
        name="n", title="title", caption="caption", panels=(panel,), x_label="s", axis="n", x_range=(0.0, 2.0)
    )
    first = static.drawn([drawing], cache)
    assert first == static.drawn([drawing])
    assert len(list(tmp_path.iterdir())) == 1
    kept = next(tmp_path.iterdir())
    cache.put(kept.name, msgspec.msgpack.encode(("<svg kept>", b"png")))
    [(text, png)] = static.drawn([dataclasses.replace(drawing, caption="other words")], cache)
    assert png == b"png"
    assert "other words" in text
    assert text.startswith("<svg kept ")
    moved = dataclasses.replace(
        drawing, panels=(dataclasses.replace(panel, series=(dataclasses.replace(point, ys=(2.0,)),)),)
    )
    assert static.drawn([moved], cache) == static.drawn([moved]) != first
    assert len(list(tmp_path.iterdir())) == 2
