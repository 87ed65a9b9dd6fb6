"""Recorded samples of a sound target, as `promtool tsdb dump` prints them."""

from __future__ import annotations

import lzma

from assertions.contract import FORMATS

SCRAPES = 40
TARGET = 'instance="127.0.0.1:4001", job="export"'


def lines(count: int = SCRAPES) -> list[str]:
    """A dump of a sound target's series: each scrape one more export of each format, all of them fast."""
    made = []
    for number in range(count):
        values = {f'__name__="up", {TARGET}': 1}
        for name in ("export_concurrent_running", "export_queue_depth"):
            values[f'__name__="{name}", {TARGET}'] = 1
        for fmt in FORMATS:
            label = f'format="{fmt}", {TARGET}'
            for status, value in (("started", number), ("succeeded", number), ("failed", 0), ("rejected", 0)):
                values[f'__name__="export_requests_total", status="{status}", user="a", {label}'] = value
            for bound in ("100", "10000", "30000", "60000", "+Inf"):
                values[f'__name__="export_latency_ms_bucket", le="{bound}", size="large", {label}'] = number
            values[f'__name__="export_bytes_total", status="success", {label}'] = 1000 * number
            values[f'__name__="export_fail_total", reason="io", {label}'] = 0
            values[f'__name__="export_memory_bytes", {label}'] = 1_000_000
            values[f'__name__="export_throughput_ops_per_sec", {label}'] = 1
            values[f'__name__="export_success_rate", {label}'] = 1
        made += [f"{{{labels}}} {value} {1_000 * number}" for labels, value in values.items()]
        made.append(f'{{__name__="ALERTS", alertname="X", alertstate="firing"}} 1 {1_000 * number}')
    return made


def dump(samples: list[str]) -> bytes:
    """The lines as a server's record keeps them."""
    return lzma.compress("\n".join(samples).encode())
