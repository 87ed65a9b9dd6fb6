"""A Prometheus that serves the samples of a recorded run, as `promtool tsdb dump` wrote them."""

from __future__ import annotations

import lzma
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rules.records import RulesError
from rules.server.fetch import PROMTOOL, ToolFailed, find_binary, run
from rules.server.prometheus import Prometheus, serving

IMPORT_TIMEOUT_S: Final = 120.0
LOOKBACK_SCRAPES: Final = 3
_LINE: Final = re.compile(r"\{(?P<labels>.*)\} (?P<value>\S+) (?P<ms>[0-9]+)")
_LABEL: Final = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def openmetrics(dumped: str) -> str:
    """Return dumped samples as an OpenMetrics text, each series' samples together. RulesError for any other text.

    NaN is left out: so the dump writes the mark by which Prometheus ends a series, and a mark can't be taken in again.
    """
    series: dict[str, list[str]] = {}
    for line in dumped.splitlines():
        match = _LINE.fullmatch(line)
        labels = dict(_LABEL.findall(match["labels"])) if match is not None else {}
        name = labels.pop("__name__", None)
        if match is None or name is None:
            raise RulesError(f"{line[:80]!r} is no sample as `promtool tsdb dump` prints them")
        inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
        seconds = f"{int(match['ms']) / 1000:.3f}"
        if match["value"] == "NaN":
            continue
        series.setdefault(f"{name}{{{inside}}}", []).append(f"{match['value']} {seconds}")
    lines = [f"{key} {sample}" for key in sorted(series) for sample in series[key]]
    return "\n".join([*lines, "# EOF\n"])


@contextmanager
def serving_samples(samples: Path, scrape_interval_s: float) -> Iterator[Prometheus]:
    """Serve a run's compressed samples while the block lasts. RulesError where they can't be read or served.

    A series ends where it has no sample for a few scrapes, since the marks of its end can't be taken in.
    """
    try:
        dumped = lzma.decompress(samples.read_bytes()).decode()
    except (OSError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise RulesError(f"{samples.name}: no recorded samples can be read there ({error})") from error
    with tempfile.TemporaryDirectory(prefix="samples-") as made:
        text, data = Path(made) / "samples.txt", Path(made) / "data"
        text.write_text(openmetrics(dumped), encoding="utf-8")
        argv = [
            str(find_binary(PROMTOOL, os.environ)), "tsdb", "create-blocks-from", "openmetrics",
            "--max-block-duration=24h", str(text), str(data),
        ]  # fmt: skip
        done = run(argv, timeout_s=IMPORT_TIMEOUT_S)
        if done.returncode != 0:
            raise ToolFailed(argv, done.returncode, done.stderr, "could not take the recorded samples in")
        with serving(data, lookback_s=LOOKBACK_SCRAPES * scrape_interval_s) as server:
            yield server
