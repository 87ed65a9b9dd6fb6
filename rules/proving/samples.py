"""Samples that a Prometheus server recorded in a scenario: read from its dump, and prolonged."""

from __future__ import annotations

import lzma
import re
from pathlib import Path
from typing import Final

from rules.proving.faults import Key, Series
from rules.records import RulesError

_LINE: Final = re.compile(r"\{(?P<labels>.*)\} (?P<value>\S+) (?P<ms>[0-9]+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_COUNTERS: Final = ("_total", "_bucket", "_sum", "_count")
"""How the name of a series ends whose value only grows."""


def read_samples(path: Path) -> tuple[Series, int]:
    """Return the target's recorded series, one value a scrape (None: none), and the number of scrapes.

    RulesError where the file is missing, malformed or without a scrape.
    """
    try:
        lines = lzma.decompress(path.read_bytes()).decode().splitlines()
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise RulesError(f"{path.name}: no recorded samples can be read there ({error}); run load") from error
    found: dict[str, dict[int, float]] = {}
    labelled: dict[str, dict[str, str]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise RulesError(f"{path.name}: {line[:80]!r} is no sample as `promtool tsdb dump` prints them")
        labels = dict(_LABEL.findall(match["labels"]))
        if labels.get("__name__") == "up" or labels.get("__name__", "").startswith("export_"):
            found.setdefault(match["labels"], {})[int(match["ms"])] = float(match["value"])
            labelled[match["labels"]] = labels
    scrapes = sorted({ms for key, values in found.items() if labelled[key]["__name__"] == "up" for ms in values})
    if not scrapes:
        raise RulesError(f"{path.name} holds no scrape of a target")
    return {
        tuple(sorted(labelled[key].items())): [values.get(ms) for ms in scrapes] for key, values in found.items()
    }, len(scrapes)


def repeated(series: Series, times: int) -> Series:
    """Return the series with their samples so many times in a row; counters go on where they were.

    A series that began late is there from the second time on.
    """
    return {key: _repeated(key, values, times) for key, values in series.items()}


def _repeated(key: Key, values: list[float | None], times: int) -> list[float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return values * times
    grows = dict(key)["__name__"].endswith(_COUNTERS)
    step = known[-1] - known[0] if grows else 0.0
    again = [known[0] if value is None else value for value in values]
    return [*values, *(value + number * step for number in range(1, times) for value in again)]
