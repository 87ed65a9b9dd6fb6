"""What the cost curves measure: the service's exports, and the harness's own work, by number of records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

EXPORTS = ("csv", "pdf")
HARNESS = ("requests recorded", "csv records checked", "pdf records checked")
"""Series of the harness's own work."""


@dataclass(frozen=True)
class Count:
    """How many records were gone over."""

    records: int


def series_work(series: str, records: int, folder: Path) -> Callable[[], Count]:
    """Return one piece of work, its input made. ValueError for an unknown series. Only what is used is imported."""
    if series in EXPORTS:
        return _export(folder / f"body-{series}-{records}", folder)
    if series == "requests recorded":
        return _recorded(records, folder)
    if series in ("csv records checked", "pdf records checked"):
        return _checked(series[:3], records, folder)
    raise ValueError(f"expected one of {', '.join((*EXPORTS, *HARNESS))}, got {series!r}")


def _export(sent: Path, folder: Path) -> Callable[[], Count]:
    from service.jobs.pipeline import export_body  # noqa: PLC0415
    from service.pdf import fonts  # noqa: PLC0415

    fonts.warm_up()
    held = sent.read_bytes()

    def work() -> Count:
        done = export_body(held, folder)
        (folder / done.name).rename(folder / "last-export")
        return Count(done.records)

    return work


def _recorded(records: int, folder: Path) -> Callable[[], Count]:
    from benchmarks.workloads.harness import request_sent  # noqa: PLC0415
    from loadtests.generator.shard_writer import ShardWriter  # noqa: PLC0415

    def work() -> Count:
        shard = ShardWriter(folder, 0)
        for index in range(records):
            shard.hit(request_sent(index))
        shard.close((), ())
        return Count(shard.hit_count)

    return work


def _checked(format: str, records: int, folder: Path) -> Callable[[], Count]:
    from assertions.contents.csv import check_csv_of  # noqa: PLC0415
    from assertions.contents.pdf.check import check_pdf_of  # noqa: PLC0415
    from assertions.contents.sent import expected  # noqa: PLC0415
    from assertions.contents.tags import TAG_PLACEHOLDER, USER, tagged  # noqa: PLC0415
    from assertions.contents.template import Request, Template  # noqa: PLC0415
    from loadtests.datasets.records import encode_body, make_dataset, make_tag  # noqa: PLC0415
    from service.jobs.pipeline import export_body  # noqa: PLC0415

    template, tag = encode_body(make_dataset(f"{format}-{records}", 17)), make_tag(1, 1)
    path = folder / export_body(tagged(template, tag), folder).name
    data = path.read_bytes()
    path.unlink()
    check = check_csv_of if format == "csv" else check_pdf_of

    def work() -> Count:
        whole = partial(expected, tagged(template, tag), None, TAG_PLACEHOLDER)
        outcome = check(data, Request(Template(template, TAG_PLACEHOLDER), tag, USER, None, whole))
        if outcome.finding_count:
            raise ValueError(f"expected no finding, got {outcome.findings[:3]}")
        return Count(records)

    return work
