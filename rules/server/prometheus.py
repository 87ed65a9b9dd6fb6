"""A real Prometheus server for a target: on a free port of 127.0.0.1, asked over its HTTP API, ended by its pid.

Its first scrape comes about 5 s after its start, whatever the interval: start it before the load.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from assertions.contract import METRICS_PATH
from rules.records import RulesError
from rules.server.fetch import PROMETHEUS, find_binary

RULES: Final = Path(__file__).resolve().parents[1] / "export.yml"
READY_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 15.0
QUERY_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.05

T = TypeVar("T")

_LISTENING: Final = re.compile(r'msg="Listening on"[^\n]* address=127\.0\.0\.1:(\d+)')


class PrometheusError(RulesError):
    """The server did not start, did not answer, or refused a query; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One series of an instant query's result."""

    labels: Mapping[str, str]
    """With `__name__` where the result has one."""
    value: float
    """May be NaN or infinite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as the server sees it now."""

    name: str
    severity: str
    """Empty where the rule gives none."""
    state: str
    """`pending` or `firing`."""
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One scraped target as the server sees it."""

    url: str
    health: str
    """`up`, `down`, or `unknown` before the first scrape."""
    error: str
    """Of the latest scrape; empty when it went well."""


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


class _Series(msgspec.Struct, frozen=True):
    metric: dict[str, str]
    value: tuple[float, str]


class Matrix(msgspec.Struct, frozen=True):
    """One series of a range query's result."""

    metric: dict[str, str]
    values: tuple[tuple[float, str], ...]
    """(Unix seconds, value as written), in order of time."""


class Rule(msgspec.Struct, frozen=True):
    """One rule as the server evaluates it."""

    name: str
    health: str
    """`ok`, `err`, or `unknown` before its first evaluation."""
    error: str = msgspec.field(name="lastError", default="")
    labels: dict[str, str] = {}

    @property
    def severity(self) -> str:
        """Empty where the rule gives none."""
        return self.labels.get("severity", "")


class _RuleGroup(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...]


class _Rules(msgspec.Struct, frozen=True):
    groups: tuple[_RuleGroup, ...]


class _MatrixResult(msgspec.Struct, frozen=True):
    result: tuple[Matrix, ...]


class _Vector(msgspec.Struct, frozen=True):
    result: list[_Series]


class _Alert(msgspec.Struct, frozen=True):
    labels: dict[str, str]
    state: str


class _Alerts(msgspec.Struct, frozen=True):
    alerts: list[_Alert]


class _Target(msgspec.Struct, frozen=True):
    scrapeUrl: str
    health: str
    lastError: str = ""


class _Targets(msgspec.Struct, frozen=True):
    activeTargets: list[_Target]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """A running server."""

    url: str
    """Its base, `http://127.0.0.1:<port>`."""
    pid: int

    def query(self, expression: str, at: float | None = None) -> tuple[Sample, ...]:
        """Evaluate an expression that yields a vector. PrometheusError when the server refuses it.

        at: Unix seconds; None: now.
        """
        moment = {} if at is None else {"time": f"{at:.3f}"}
        answer = self._get("query", _Vector, query=expression, **moment)
        return tuple(Sample(labels=series.metric, value=float(series.value[1])) for series in answer.result)

    def query_range(self, expression: str, start: float, end: float, step_s: float) -> tuple[Matrix, ...]:
        """Evaluate an expression from `start` to `end` (Unix seconds), each `step_s`. PrometheusError as in `query`."""
        words = {"query": expression, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step_s:.3f}"}
        return self._get("query_range", _MatrixResult, **words).result

    def rules(self) -> tuple[Rule, ...]:
        """Return all rules, group by group, the groups in order of their names."""
        return tuple(rule for group in self._get("rules", _Rules).groups for rule in group.rules)

    def alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that are pending or firing now."""
        return tuple(
            Alert(
                name=alert.labels.get("alertname", ""),
                severity=alert.labels.get("severity", ""),
                state=alert.state,
                labels=alert.labels,
            )
            for alert in self._get("alerts", _Alerts).alerts
        )

    def targets(self) -> tuple[Target, ...]:
        """Return the targets, and how their latest scrape went."""
        found = self._get("targets", _Targets, state="active").activeTargets
        return tuple(Target(url=target.scrapeUrl, health=target.health, error=target.lastError) for target in found)

    def wait_for_scrapes(self, count: int = 1, timeout_s: float = 30.0) -> None:
        """Return once the target was scraped well `count` times. PrometheusError when that takes over `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        while True:
            good = self.query("sum(sum_over_time(up[10m]))")
            if good and good[0].value >= count:
                return
            if time.monotonic() > deadline:
                seen = "; ".join(f"{target.url} is {target.health} {target.error}".strip() for target in self.targets())
                raise PrometheusError(f"not {count} good scrapes within {timeout_s:g} s: {seen or 'no target'}")
            time.sleep(POLL_S)

    def _get(self, call: str, kind: type[T], **parameters: str) -> T:
        url = f"{self.url}/api/v1/{call}?{urllib.parse.urlencode(parameters)}"
        try:
            answer = msgspec.json.decode(_fetch(url), type=_Answer)
            if answer.status != "success":
                raise PrometheusError(f"Prometheus refused {call}: {answer.error}")
            return msgspec.json.decode(answer.data, type=kind)
        except msgspec.DecodeError as error:
            raise PrometheusError(f"Prometheus answered {call} in an unknown form: {error}") from error


@contextmanager
def running(
    target: str,
    *,
    rules: Path | None = RULES,
    scrape_interval_s: float = 1.0,
    data: Path | None = None,
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[Prometheus]:
    """Run a server that scrapes `target` (a base URL) and evaluates `rules`, as long as the block lasts.

    Both happen each `scrape_interval_s`, of which a whole number of milliseconds is taken, at least one. The samples
    are kept in `data` (for `promtool tsdb`), or deleted without it; what the server logs likewise in `log`.
    options: further ones of the server. PrometheusError when the server does not start,
    ToolMissing when it can't be had.
    """
    config = configuration(target, rules, scrape_interval_s)
    with _server(config, data=data, log=log, env=env, options=options) as server:
        yield server


@contextmanager
def serving(data: Path, *, lookback_s: float = 300.0, env: Mapping[str, str] | None = None) -> Iterator[Prometheus]:
    """Run a server that only serves what is in `data`, however old, as long as the block lasts; errors as `running`.

    lookback_s: for how long a sample stands for its series.
    """
    options = ("--storage.tsdb.retention.time=100y", f"--query.lookback-delta={round(lookback_s * 1000)}ms")
    with _server({}, data=data, log=None, env=env, options=options) as server:
        yield server


@contextmanager
def _server(
    config: Mapping[str, object],
    *,
    data: Path | None,
    log: Path | None,
    env: Mapping[str, str] | None,
    options: Sequence[str] = (),
) -> Iterator[Prometheus]:
    binary = find_binary(PROMETHEUS, os.environ if env is None else env)
    with tempfile.TemporaryDirectory(prefix="prometheus-") as made:
        folder = Path(made)
        file = folder / "prometheus.yml"
        file.write_text(json.dumps(config), encoding="utf-8")
        log = folder / "log" if log is None else log
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [
                    str(binary),
                    f"--config.file={file}",
                    f"--storage.tsdb.path={folder / 'data' if data is None else data}",
                    "--web.listen-address=127.0.0.1:0",
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            yield Prometheus(url=_wait_until_ready(process, log), pid=process.pid)
        finally:
            _stop(process)


def configuration(target: str, rules: Path | None, scrape_interval_s: float) -> dict[str, object]:
    """Return the server's configuration (JSON is YAML too). ValueError when `target` is no http(s) base URL."""
    parts = urllib.parse.urlsplit(target)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValueError(f"a target is a base URL such as http://127.0.0.1:4001, not {target!r}")
    interval = f"{max(1, round(scrape_interval_s * 1000))}ms"  # 0 would mean Prometheus' default, a minute
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [] if rules is None else [str(rules.resolve())],
        "scrape_configs": [
            {
                "job_name": "export",
                "scheme": parts.scheme,
                "metrics_path": parts.path.rstrip("/") + METRICS_PATH,
                "static_configs": [{"targets": [parts.netloc]}],
            }
        ],
    }


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the server's base URL once it takes queries."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        text = log.read_text(encoding="utf-8", errors="replace")
        if process.poll() is not None:
            raise PrometheusError(
                f"Prometheus ended at its start (exit code {process.returncode}): {_last_words(text)}"
            )
        if match := _LISTENING.search(text):
            url = f"http://127.0.0.1:{match[1]}"
            try:
                _fetch(f"{url}/-/ready")
            except PrometheusError:
                pass  # 503 until its storage is open
            else:
                return url
        time.sleep(POLL_S)
    raise PrometheusError(f"Prometheus was not ready within {READY_TIMEOUT_S:g} s")


def _last_words(log: str) -> str:
    reported = [
        line for line in log.splitlines() if "level=error" in line or "level=ERROR" in line or line.startswith("Error")
    ]
    return " | ".join(reported[:2] or log.splitlines()[-2:]) or "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _fetch(url: str) -> bytes:
    # No proxy: the server is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=QUERY_TIMEOUT_S) as answer:
            body: bytes = answer.read()
            return body
    except urllib.error.HTTPError as error:
        with error:
            body = error.read()
        if body.startswith(b"{"):
            return body  # the API's own account of what is wrong
        raise PrometheusError(f"Prometheus answered {error.code}: {body[:200].decode(errors='replace')}") from error
    except (OSError, http.client.HTTPException) as error:
        raise PrometheusError(f"Prometheus does not answer: {error}") from error
