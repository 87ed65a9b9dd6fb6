"""Series that nobody offers, logs with errors in them, files that are gone, buckets that stay empty."""

from __future__ import annotations

from assertions.record.queries import LabelMatcher, Queries, Selector
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import none_done, table, without
from tests.assertions.healthy.records import changed, drop, values, with_pages, with_scenario

_NO_PAGE = "there is no readable page from before the first request"


def _asking(series: str, *matchers: LabelMatcher) -> Queries:
    return Queries(selectors=(Selector(source="alert Mine", series=series, matchers=matchers),))


def _logged(record: ScenarioRecord, line: str) -> ScenarioRecord:
    return changed(record, log=(*(record.log or ()), line))


def _no_finite_bucket(text: str) -> str:
    """All exports are beyond the highest finite bound."""
    return "\n".join(
        f"{line.rpartition(' ')[0]} 0" if line.startswith("export_latency_ms_bucket") and "+Inf" not in line else line
        for line in text.split("\n")
    )


FAILS = (
    *table(
        "offered",
        "load",
        (
            "a label value that nobody counts",
            lambda r: changed(
                r, queries=_asking("export_requests_total", LabelMatcher(label="status", op="=", value="done"))
            ),
            'alert Mine queries export_requests_total{status="done"}, and no series on the last page',
        ),
        (
            "a series that nobody offers",
            lambda r: changed(r, queries=_asking("export_latency_seconds_bucket")),
            "alert Mine queries export_latency_seconds_bucket, and no series on the last page matches;",
        ),
    ),
    *table(
        "service-log",
        "smoke",
        (
            "an error in the log",
            lambda r: _logged(r, '{"event":"request-failed","level":"error","error":"KeyError"}'),
            "1 of 3 lines of smoke-service.log are errors, the first: {",
        ),
    ),
    *table(
        "files-present",
        "batch",
        (
            "a file is gone",
            lambda r: with_scenario(r, absent=("export_1_a.csv",)),
            "1 of the files that answers named are missing in the exports folder at the end, export_1_a.csv",
        ),
    ),
    *table(
        "buckets",
        "smoke",
        (
            "all beyond the last bound",
            lambda r: with_pages(r, _no_finite_bucket),
            "but none of its finite buckets filled",
            ("behaviour", "histogram", "latency-sum"),
        ),
    ),
)

BLIND = (
    *table(
        "offered",
        "load",
        ("no queries", lambda r: changed(r, queries=None), "queries.json is not there"),
        ("no selector", lambda r: changed(r, queries=Queries(selectors=())), "queries.json holds no selector"),
        (
            "a pattern of another dialect",
            lambda r: changed(
                r, queries=_asking("export_requests_total", LabelMatcher(label="status", op="=~", value="(?s"))
            ),
            "a pattern in queries.json can't be read here",
        ),
    ),
    *table(
        "service-log",
        "smoke",
        ("not captured", lambda r: changed(r, log=None), "the service's log was not captured"),
        ("blank", lambda r: changed(r, log=("", "  ")), "the service wrote no line into its log during the scenario"),
    ),
    *table(
        "files-present",
        "load",
        ("unseen", lambda r: with_scenario(r, absent=None), "the exports folder can't be seen"),
        ("none done", none_done, "no export was finished"),
    ),
    *table(
        "buckets",
        "load",
        ("none before", without("before"), _NO_PAGE),
        ("none after", without("after"), _NO_PAGE),
        ("no histogram", lambda r: with_pages(r, drop("export_latency_ms")), "the latency histogram counted no export"),
        (
            "nothing counted",
            lambda r: with_pages(r, values("export_latency_ms", lambda _: 0)),
            "the latency histogram counted no export",
        ),
    ),
)
