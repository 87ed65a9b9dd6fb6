"""Which sentences of the contract each check rests on, word for word; a test holds both against each other.

A check may demand nothing of a target that `docs/contract.md` does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FROM_THE_START: Final = "Every label set that can come is there at 0 from the start"
HISTOGRAM_TOO: Final = "the histogram's series included"
HELP_LINE: Final = "each family has a HELP line and a TYPE line"
UNKNOWN_FILE: Final = "404 for all else"
UNKNOWN_DOWNLOAD: Final = "404 for a name that is not there"

_P95: Final = "P95 of 10k-record exports"
_GIVEN_BACK: Final = "no leak of memory, file descriptors, threads, processes or files"
_MEMORY: Final = "peak memory that the latest export of the format added to its process"
_PEAK: Final = "the peak during the load, not the value at rest"
_FULL: Final = "five run and 100 wait"

DEMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "scrapes": ("The metrics page answers throughout, and stays small",),
    "exposition": (
        HELP_LINE,
        "each line ends in a line feed only, the last one too",
        "a backslash stands only before a backslash, a quote or an `n`",
    ),
    "coverage": ("all nine families are there, of their type, with their labels", FROM_THE_START, HISTOGRAM_TOO),
    "moved": ("moved as the load moved them",),
    "labels": ("Label values come from closed sets", "`user` keeps its first 100 values, all later ones are `other`"),
    "monotonic": ("Counters never fall",),
    "offered": (
        "its series are `export_latency_ms_bucket`, `_sum`, `_count`",
        "each of their selectors finds a series",
    ),
    "buckets": ("so that the P95 can be read from it, in each format and size",),
    "requests": (
        "requests, by status `started`, `succeeded`, `failed`, `rejected`",
        "Rejected is what was refused before it started",
    ),
    "latency-counts": ("The histogram counts each finished export once, in its format and size",),
    "identity": ("`started = succeeded + failed + running + waiting` at every instant",),
    "success-target": ("succeeded / (succeeded + failed) by the target's counters",),
    "success-outside": ("exports done / exports asked for, so within the limits a rejection is a failure too",),
    "success-gauge": ("succeeded / (succeeded + failed) since start; 1 before the first",),
    "bytes-target": ("Bytes Exported > 0",),
    "bytes-outside": ("Bytes Exported > 0",),
    "bytes-agree": ("and equal to the bytes of the files made",),
    "latency-outside": (_P95,),
    "latency-target": (_P95, "The histogram's highest finite bound lies above the P95 of what is exported"),
    "latency-agree": ("`processingTime` runs from the request's arrival, its wait in the queue included",),
    "latency-sum": ("with the time that its answer reports",),
    "histogram": ("its buckets are cumulative and end in `+Inf`",),
    "smoke-latency": ("1k export < 1 s",),
    "batch": ("batch of five scenarios (csv 1k, 5k, 10k; pdf 1k, 5k) < 30 s with no 429",),
    "throughput": ("throughput ≥ 0.05 exports/s",),
    "throughput-gauge": ("exports finished a second, over the last minute",),
    "drift": ("equal exports do not get slower",),
    "concurrency-target": (_PEAK,),
    "concurrency-outside": (_PEAK,),
    "concurrency-agree": ("exports running now",),
    "queue-target": (_FULL,),
    "queue-outside": (_FULL,),
    "queue-agree": ("exports waiting now",),
    "rejections": (_FULL, "Retry-After is seconds, an hour at the most", "same shape, with `queueDepth`"),
    "rest": ("After the load the gauges come back to rest",),
    "answered": ("Every request is answered",),
    "answers": (
        '200 | done | `{"success": true, "result": {"success": true, "bytes": int, "filename": path',
        "`records` is how many were sent",
        "A body as this page has it is never refused with 400 or 413",
        "its timestamp is of its time",
    ),
    "names": ("A name can't be guessed from others and is never used twice",),
    "downloads": (
        "200 the file, with its media type, length and a download name",
        "with no Content-Encoding where identity is asked",
        "the same each time it is fetched",
    ),
    "csv-contents": ("A reader gets back what was sent",),
    "pdf-contents": ("nothing is cut off silently",),
    "behaviour": (
        "Nothing outside the exports folder can be reached",
        UNKNOWN_FILE,
        UNKNOWN_DOWNLOAD,
        "one sentence that names the field",
        "its place must come free",
        "who asks for OpenMetrics gets the same counts",
    ),
    "health": ("`/health` answers within 500 ms under load (P95)",),
    "status-page": (
        '"concurrentExports": int, "queueDepth": int, "maxConcurrentExports": 5',
        "each time they say is the time of the answer",
        "`version` names the release that runs, and stays the same while it runs",
    ),
    "memory-gauge": (_MEMORY,),
    "memory": ("memory < 100 MB an export",),
    "memory-agree": (_MEMORY,),
    "leak-memory": (_GIVEN_BACK,),
    "leak-fds": (_GIVEN_BACK,),
    "leak-threads": (_GIVEN_BACK,),
    "leak-children": (_GIVEN_BACK,),
    "files-present": ("The file of an export that was answered 200 stays in the exports folder",),
    "service-log": ("only for a fault of the service itself",),
    "prometheus-scrape": (
        "The metrics page answers throughout, and stays small",
        "No sample's line begins with a blank",
    ),
    "prometheus-panels": ("Alert rules and panels ask for these series with the label values named here",),
    "prometheus-alerts": (_PEAK, _FULL),
    "alerts-replayed": (_PEAK, _FULL, FROM_THE_START, "The metrics page answers throughout, and stays small"),
    "leftovers": ("no file shows under its final name before it is complete", "no file is left behind"),
}
"""By check."""

OWN: Final = frozenset(
    {"generator", "calibration", "shutdown", "rules", "dashboard", "package", "panels-drawn", "prometheus-rules"}
)
"""Checks of the harness's own instrument, service, rules, dashboard and package, which demand nothing of a target."""


def quoted(words: str) -> str:
    """Return a reason's reference to the contract, in its words."""
    return f'the contract: "{words}"'
