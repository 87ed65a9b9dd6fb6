"""A run directory with recorded samples: a healthy service's pages as a Prometheus would have kept them."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from assertions.record.files import write_one
from assertions.record.prometheus_run import PROMETHEUS, SAMPLES, PrometheusRun
from tests.assertions.healthy.records import healthy

INSTANCE = "127.0.0.1:4001"


def write_recorded(out: Path) -> PrometheusRun:
    """Write load's samples and what the server reported of the run; return the latter."""
    record = healthy("load")
    reported = record.prometheus
    assert reported is not None
    folder = out / "load"
    folder.mkdir(parents=True)
    write_one(folder / PROMETHEUS, reported)
    dumped = "\n".join(_lines(reported.start, reported.end))
    (folder / SAMPLES).write_bytes(lzma.compress(dumped.encode()))
    return reported


def _lines(start: float, end: float) -> Iterator[str]:
    """One page a second, as `promtool tsdb dump` prints samples."""
    due = start
    for timed in healthy("load").pages:
        moment = timed.scrape.start
        if moment < due or moment > end:
            continue
        due = moment + 1
        for family in text_string_to_metric_families(timed.scrape.text):
            for sample in family.samples:
                labels = {"__name__": sample.name, **sample.labels, "instance": INSTANCE, "job": "export"}
                inside = ", ".join(f'{name}="{value}"' for name, value in labels.items())
                yield f"{{{inside}}} {sample.value} {round(moment * 1000)}"
