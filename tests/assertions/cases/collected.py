"""Series that nobody offers, logs with errors in them, files that are gone, buckets that stay empty."""

from __future__ import annotations

from assertions.record.queries import LabelMatcher, Queries, Selector
from assertions.record.view import ScenarioRecord
from tests.assertions.cases import Case, none_done, without
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
    Case(
        id="offered",
        name="a label value that nobody counts",
        on="load",
        change=lambda r: changed(
            r, queries=_asking("export_requests_total", LabelMatcher(label="status", op="=", value="done"))
        ),
        reason='alert Mine queries export_requests_total{status="done"}, and no series on the last page',
    ),
    Case(
        id="offered",
        name="a series that nobody offers",
        on="load",
        change=lambda r: changed(r, queries=_asking("export_latency_seconds_bucket")),
        reason="alert Mine queries export_latency_seconds_bucket, and no series on the last page matches;",
    ),
    Case(
        id="service-log",
        name="an error in the log",
        on="smoke",
        change=lambda r: _logged(r, '{"event":"request-failed","level":"error","error":"KeyError"}'),
        reason="1 of 3 lines of smoke-service.log are errors, the first: {",
    ),
    Case(
        id="files-present",
        name="a file is gone",
        on="batch",
        change=lambda r: with_scenario(r, absent=("export_1_a.csv",)),
        reason="1 of the files that answers named are missing in the exports folder at the end, export_1_a.csv",
    ),
    Case(
        id="buckets",
        name="all beyond the last bound",
        on="smoke",
        change=lambda r: with_pages(r, _no_finite_bucket),
        reason="but none of its finite buckets filled",
        also=("behaviour", "histogram", "latency-sum"),
    ),
)

BLIND = (
    Case(
        id="offered",
        name="no queries",
        on="load",
        change=lambda r: changed(r, queries=None),
        reason="queries.json is not there",
    ),
    Case(
        id="offered",
        name="no selector",
        on="load",
        change=lambda r: changed(r, queries=Queries(selectors=())),
        reason="queries.json holds no selector",
    ),
    Case(
        id="offered",
        name="a pattern of another dialect",
        on="load",
        change=lambda r: changed(
            r, queries=_asking("export_requests_total", LabelMatcher(label="status", op="=~", value="(?s"))
        ),
        reason="a pattern in queries.json can't be read here",
    ),
    Case(
        id="service-log",
        name="not captured",
        on="smoke",
        change=lambda r: changed(r, log=None),
        reason="the service's log was not captured",
    ),
    Case(
        id="service-log",
        name="blank",
        on="smoke",
        change=lambda r: changed(r, log=("", "  ")),
        reason="the service wrote no line into its log during the scenario",
    ),
    Case(
        id="files-present",
        name="unseen",
        on="load",
        change=lambda r: with_scenario(r, absent=None),
        reason="the exports folder can't be seen",
    ),
    Case(id="files-present", name="none done", on="load", change=none_done, reason="no export was finished"),
    Case(id="buckets", name="none before", on="load", change=without("before"), reason=_NO_PAGE),
    Case(id="buckets", name="none after", on="load", change=without("after"), reason=_NO_PAGE),
    Case(
        id="buckets",
        name="no histogram",
        on="load",
        change=lambda r: with_pages(r, drop("export_latency_ms")),
        reason="the latency histogram counted no export",
    ),
    Case(
        id="buckets",
        name="nothing counted",
        on="load",
        change=lambda r: with_pages(r, values("export_latency_ms", lambda _: 0)),
        reason="the latency histogram counted no export",
    ),
)
