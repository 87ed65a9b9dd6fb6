"""What must hold, as data, and the pure judge of one figure. Ratios and counts only: no bound on absolute times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import median, quantiles
from typing import Literal

Word = Literal["PASS", "FAIL", "NO DATA"]

SPREAD_LIMIT = 0.30
"""Of the interleaved repeats: quartile distance through median. Beyond it the machine is too busy for a ratio."""
LEAST_REPEATS = 3


@dataclass(frozen=True)
class Bound:
    """One line of the table."""

    name: str
    claim: str
    """What is asked, in words."""
    sense: Literal["at least", "at most"]
    value: float
    unit: str
    reason: str
    """Why just this much."""


_TABLE = (
    Bound("pdf-canvas", "PDF from a body, against reportlab's plain canvas", "at least", 10, "times as fast",
          "a canvas draws cell by cell; a page written as one literal text block need not"),
    Bound("pdf-pydyf", "PDF from a body, against pydyf with the same pages", "at least", 1, "times as fast",
          "the quickest writer of PDF objects on PyPI"),
    Bound("pdf-limit", "PDF from a body, against a hand-made writer", "at least", 0.5, "of its speed",
          "the limit measures, checks, embeds and looks at nothing; this is what care may cost"),
    Bound("csv-naive", "CSV from a body, against json.loads and csv.DictWriter", "at least", 2.5, "times as fast",
          "what most services do"),
    Bound("csv-limit", "CSV from a body, against ','.join of decoded rows", "at least", 0.55, "of its speed",
          "the limit neither decodes nor checks nor quotes"),
    Bound("http-csv", "10k CSV over HTTP, against csv.DictWriter called directly", "at least", 1, "times as fast",
          "queue, process pool and HTTP must not eat the gain"),
    Bound("http-pdf", "10k PDF over HTTP, against reportlab's canvas called directly", "at least", 10, "times as fast",
          "queue, process pool and HTTP must not eat the gain"),
    Bound("memory-body", "peak growth of a fresh worker over the body", "at most", 8.0, "MB",
          "constant, whatever the number of records"),
    Bound("memory-source", "peak of the whole process, records from SQLite", "at most", 40.0, "MB",
          "interpreter, fonts and export together"),
    Bound("two-workers", "exports a second of two workers, against one", "at least", 1.8, "times as many",
          "two cores must be used; the pool by itself, without HTTP and clients"),
    Bound("health-p99", "P99 of /health while five 10k PDFs run", "at most", 10.0, "ms",
          "the event loop does no export's work"),
    Bound("leak-memory", "memory that stays after an export", "at most", 1_000.0, "bytes an export",
          "what 200 exports can tell from allocator noise"),
    Bound("leak-descriptors", "descriptors that stay open after 200 exports", "at most", 0, "descriptors", "none may"),
    Bound("leak-threads", "threads that live on after 200 exports", "at most", 0, "threads", "none may"),
    Bound("load-stall", "P95 of a server that stalls, off its own schedule's", "at most", 2.0, "%",
          "waiting clients would leave the stall out altogether"),
    Bound("load-p50", "median by the client, off the server's", "at most", 1.0, "ms",
          "client, loopback and the server's own reading of its clock"),
    Bound("load-p95", "P95 by the client, off the server's", "at most", 3.0, "ms",
          "client, loopback and the server's own reading of its clock"),
    Bound("load-p99", "P99 by the client, off the server's", "at most", 3.0, "ms",
          "client, loopback and the server's own reading of its clock"),
    Bound("load-1000", "lateness P99 of 1,000 open arrivals a second by one process", "at most", 5.0, "ms",
          "what the profiles are planned for"),
    Bound("load-2000", "lateness P99 of 2,000 open arrivals a second by one process", "at most", 20.0, "ms",
          "beyond it the load is another than the one asked"),
    Bound("load-record", "CPU time of a recorded request, against Locust's own without a record", "at most", 1.05,
          "times as much", "a record of everything must not be why the load is less"),
    Bound("load-posts", "10k-record POSTs encoded once", "at least", 2_000, "a CPU-second",
          "bodies are not encoded again"),
    Bound("load-socket", "10k-record POSTs, against a bare socket that sends the same bytes", "at least", 0.25,
          "of its number a CPU-second", "a client that encodes each body again comes to a twentieth"),
    Bound("check-csv", "checking a CSV file, against only the csv module's reader", "at most", 1.5, "times as long",
          "a run opens every file; what all files of a case share is made once"),
    Bound("check-pdf", "checking a PDF file, against only PDFium's text of its pages", "at most", 1.5, "times as long",
          "a run opens every file; what all files of a case share is made once"),
    Bound("leak-files", "files in addition to the 200 exported ones", "at most", 0, "files", "none may"),
)  # fmt: skip

BOUNDS = {bound.name: bound for bound in _TABLE}


@dataclass(frozen=True)
class Verdict:
    """One judged figure; `word` says it, `sentence` explains it."""

    bound: Bound
    word: Word
    sentence: str


def spread_of(ratios: Sequence[float]) -> float:
    """Quartile distance through median; 0 for one value."""
    if len(ratios) < 2:
        return 0.0
    low, middle, high = quantiles(ratios, n=4, method="inclusive")
    return (high - low) / middle if middle else float("inf")


def judge(bound: Bound, value: float) -> Verdict:
    """A figure against its bound; what is no finite number is NO DATA."""
    what = f"{bound.claim}: {value:.4g} {bound.unit}, {bound.sense} {bound.value:g} asked"
    if not isfinite(value):
        return Verdict(bound, "NO DATA", what)
    holds = value >= bound.value if bound.sense == "at least" else value <= bound.value
    return Verdict(bound, "PASS" if holds else "FAIL", what)


def judge_ratios(bound: Bound, top: Sequence[float], bottom: Sequence[float]) -> Verdict:
    """`top` / `bottom` of interleaved repeats, by their medians; NO DATA when the pairs spread too far or are too few.

    The spread decides before the bound does: a ratio that swings is neither a pass nor a failure.
    """
    pairs = [one / other for one, other in zip(top, bottom, strict=True)]
    if len(pairs) < LEAST_REPEATS:
        why = f"{len(pairs)} repeats, at least {LEAST_REPEATS} are needed"
        return Verdict(bound, "NO DATA", f"{bound.claim}: {why}")
    spread = spread_of(pairs)
    found = judge(bound, median(top) / median(bottom))
    said = f"{found.sentence}; {len(pairs)} repeats, spread {spread:.0%}"
    if spread > SPREAD_LIMIT:
        return Verdict(bound, "NO DATA", f"{said}, over {SPREAD_LIMIT:.0%}: the machine is too busy")
    return Verdict(bound, found.word, said)
