"""A small metrics endpoint over real HTTP: the contract's nine families, with counters that grow at each scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from assertions.contract import FAMILIES, FORMATS, REQUEST_STATUSES, SIZES

BOUNDS_MS = (100, 1000, 10000, 30000, 60000)
EXPORTS_A_SCRAPE = 10


def page(scrapes: int, *, running: int = 2, waiting: int = 3, top_bound_ms: float = 60000) -> str:
    """Return a metrics page as it reads after so many scrapes; every export took under 100 ms and succeeded."""
    done = EXPORTS_A_SCRAPE * scrapes
    moved = {"started": done, "succeeded": done}
    series: dict[str, dict[str, int]] = {
        "export_requests_total": {
            f'{{format="{fmt}",status="{status}",user="a"}}': moved.get(status, 0)
            for fmt in FORMATS
            for status in REQUEST_STATUSES
        },
        "export_latency_ms": _latency(done, top_bound_ms),
        "export_bytes_total": {f'{{format="{fmt}",status="success"}}': done * 1000 for fmt in FORMATS},
        "export_concurrent_running": {"": running},
        "export_queue_depth": {"": waiting},
        "export_fail_total": {f'{{reason="disk",format="{fmt}"}}': 0 for fmt in FORMATS},
        "export_memory_bytes": {f'{{format="{fmt}"}}': 5_000_000 for fmt in FORMATS},
        "export_throughput_ops_per_sec": {f'{{format="{fmt}"}}': 1 for fmt in FORMATS},
        "export_success_rate": {f'{{format="{fmt}"}}': 1 for fmt in FORMATS},
    }
    lines: list[str] = []
    for family in FAMILIES:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{family.name}{labels} {value}" for labels, value in series[family.name].items()]
    return "\n".join(lines) + "\n"


def _latency(done: int, top_bound_ms: float) -> dict[str, int]:
    samples: dict[str, int] = {}
    bounds = [*(f"{bound:.1f}" for bound in BOUNDS_MS if bound <= top_bound_ms), "+Inf"]
    for fmt in FORMATS:
        for size in SIZES:
            labels = f'format="{fmt}",size="{size}"'
            samples |= {f'_bucket{{{labels},le="{bound}"}}': done for bound in bounds}
            samples |= {f"_sum{{{labels}}}": done * 50, f"_count{{{labels}}}": done}
    return samples


@contextmanager
def serving(
    *, running: int = 2, waiting: int = 3, without: str = "", change: Callable[[str], str] = str
) -> Iterator[str]:
    """Serve the page under /export/metrics on a free port; yield the base URL.

    without: a family that is left out. change: what is done to each page.
    """
    scrapes = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal scrapes
            if self.path != "/export/metrics":
                self.send_error(404)
                return
            scrapes += 1
            lines = page(scrapes, running=running, waiting=waiting).splitlines(keepends=True)
            text = "".join(line for line in lines if not (without and without in line))
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(change(text).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
