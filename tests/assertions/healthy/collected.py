"""What a healthy run has in addition to its records: queries of a few alerts and panels, and a log without errors."""

from __future__ import annotations

from assertions.record.queries import LabelMatcher, Queries, Selector

QUERIES = Queries(
    selectors=(
        Selector(source="alert ExportLatencyP95High", series="export_latency_ms_bucket"),
        Selector(
            source="panel Export success rate",
            series="export_requests_total",
            matchers=(LabelMatcher(label="status", op="=~", value="succeeded|failed"),),
        ),
        Selector(
            source="panel Export success rate",
            series="export_requests_total",
            matchers=(LabelMatcher(label="status", op="=", value="succeeded"),),
        ),
        Selector(source="panel Export success rate", series="export_fail_total"),
        Selector(source="panel Concurrent exports", series="export_concurrent_running"),
    )
)
LOG = ('{"event":"listening","port":4001}', '{"event":"export-failed","level":"info","reason":"client_gone"}')
