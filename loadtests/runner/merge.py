"""Merging what the generators wrote, and checking that it is complete."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from assertions.record.types import Fetch, Hit, Record
from loadtests.recorders.shards import EndMark, end_mark_path, fetches_path, hits_path

R = TypeVar("R", bound=Record)


@dataclass
class MergedRecord:
    """The merged record."""

    hits: Counter[str] = field(default_factory=Counter)
    """Hits of each phase."""
    last_index: dict[str, int] = field(default_factory=dict)
    """The highest index recorded in each phase."""
    marks: int = 0
    """Generators whose end mark is there and agrees with their files."""
    broken: dict[int, str] = field(default_factory=dict)
    """Generators whose record is incomplete, and why."""
    event_loop_lags_ms: list[float] = field(default_factory=list)
    scheduling_delays_ms: list[float] = field(default_factory=list)
    start_delays_ms: list[float] = field(default_factory=list)
    firsts: dict[str, Hit] = field(default_factory=dict)
    """The first export answered with 200 of each case."""
    sequence: list[Hit] = field(default_factory=list)
    """The hits of the phase named `sequence`, for the seed log."""


def merge(folder: Path, workers: int, open_phases: frozenset[str], out_hits: Path, out_fetches: Path) -> MergedRecord:
    """Merge all generators' files by the end of each request; note a generator without its end mark, drop none."""
    merged = MergedRecord()
    counted: list[Counter[str]] = [Counter() for _ in range(workers)]
    encode = msgspec.json.Encoder().encode
    with out_hits.open("wb") as file:
        hits = [_records(hits_path(folder, worker), Hit, counted[worker], "hits") for worker in range(workers)]
        for hit in heapq.merge(*hits, key=attrgetter("end")):
            _note(merged, hit, open_phases)
            file.write(encode(hit) + b"\n")
    with out_fetches.open("wb") as file:
        fetches = [
            _records(fetches_path(folder, worker), Fetch, counted[worker], "fetches") for worker in range(workers)
        ]
        for fetch in heapq.merge(*fetches, key=attrgetter("end")):
            file.write(encode(fetch) + b"\n")
    for worker in range(workers):
        _check(merged, folder, worker, counted[worker])
    return merged


def _note(merged: MergedRecord, hit: Hit, open_phases: frozenset[str]) -> None:
    merged.hits[hit.phase] += 1
    merged.last_index[hit.phase] = max(hit.index, merged.last_index.get(hit.phase, -1))
    if hit.phase in open_phases:
        merged.start_delays_ms.append((hit.start - hit.intended) * 1000)
    if hit.status == 200:
        merged.firsts.setdefault(hit.case, hit)
    if hit.phase == "sequence":
        merged.sequence.append(hit)


def _check(merged: MergedRecord, folder: Path, worker: int, counted: Counter[str]) -> None:
    try:
        mark = msgspec.json.decode(end_mark_path(folder, worker).read_bytes(), type=EndMark)
    except (OSError, msgspec.DecodeError):
        merged.broken[worker] = f"generator {worker} left no end mark"
        return
    merged.event_loop_lags_ms.extend(mark.event_loop_lags_ms)
    merged.scheduling_delays_ms.extend(mark.scheduling_delays_ms)
    if (mark.hits, mark.fetches) == (counted["hits"], counted["fetches"]):
        merged.marks += 1
    else:
        merged.broken[worker] = (
            f"generator {worker} recorded {mark.hits} hits and {mark.fetches} fetches, "
            f"its files hold {counted['hits']} and {counted['fetches']}"
        )


def _records(path: Path, kind: type[R], counted: Counter[str], name: str) -> Iterator[R]:
    """Yield the records of one generator's file, up to a text line that was cut off when it was ended."""
    decode = msgspec.json.Decoder(kind).decode
    try:
        file: BinaryIO = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for line in file:
            try:
                record = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                return
            counted[name] += 1
            yield record
