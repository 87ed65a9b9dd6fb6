"""Options of the suites, what they keep, and the table of ratios at their end."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.http_service import Refused
from benchmarks.laps.lap import Lap, run_lap, time_work
from benchmarks.laps.race import timed
from benchmarks.report.types import BoundVerdict, Kept, Measure
from benchmarks.statistics.bounds import Verdict
from benchmarks.workloads.all import WORKLOADS
from benchmarks.workloads.exports import TARGET
from service.pdf import fonts

DEFAULT_RECORDS = 100_000
LEAST_RECORDS = 1_000
SUITE_S = 1.0
"""About so long is one workload run again and again."""
LEAST_ROUNDS, MOST_ROUNDS = 3, 25
Report = Callable[..., None]
_LINES = pytest.StashKey[list[str]]()
_MEASURES = pytest.StashKey[list[Measure]]()
_VERDICTS = pytest.StashKey[list[BoundVerdict]]()


def _count(text: str) -> int:
    count = int(text)
    if count < LEAST_RECORDS:
        raise ValueError(f"at least {LEAST_RECORDS} records")
    return count


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the suites' own options."""
    group = parser.getgroup("benchmarks of the export service")
    group.addoption("--full", action="store_true", help="all sizes up to a million records")
    group.addoption("--bounds", action="store_true", help="only what is held against bounds (some four minutes)")
    group.addoption("--target", metavar="URL", help="measure somebody else's service over HTTP; nothing else is run")
    group.addoption("--measures", metavar="FILE", type=Path, help="write every measured workload into this JSON file")
    group.addoption(
        "--bench-records",
        metavar="N",
        type=_count,
        default=DEFAULT_RECORDS,
        help="size of the big exports that are held against bounds (default %(default)s)",
    )
    group.addoption(
        "--bench-noisy-ok",
        action="store_true",
        help="a ratio for which the machine is too busy is skipped with the words NO DATA instead of failing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Prepare what is kept, and hand the target on to the workloads."""
    config.addinivalue_line("markers", "bounds: held against benchmarks/statistics/bounds.py; run only with --bounds")
    config.stash[_LINES] = []
    config.stash[_MEASURES] = []
    config.stash[_VERDICTS] = []
    target = config.getoption("--target")
    if target:
        os.environ[TARGET] = str(target)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--full` or `--target` do not ask for."""
    full, bounds, target = (config.getoption(name) for name in ("--full", "--bounds", "--target"))
    kept = [item for item in items if _is_wanted(item, full=full, bounds=bounds, target=bool(target))]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def _is_wanted(item: pytest.Item, *, full: bool, bounds: bool, target: bool) -> bool:
    parameters = getattr(item, "callspec", None)
    workload = WORKLOADS.get(parameters.params.get("name", "")) if parameters is not None else None
    if target and (workload is None or not workload.http):
        return False
    if bounds or item.get_closest_marker("bounds"):
        return bounds and item.get_closest_marker("bounds") is not None
    return full or workload is None or not workload.full


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print every figure, judged or not."""
    if config.stash[_LINES]:
        terminalreporter.section("ratios and figures")
        for line in config.stash[_LINES]:
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the measured workloads where `--measures` asks for it."""
    path = session.config.getoption("--measures")
    if path is not None:
        measures: list[Measure] = session.config.stash[_MEASURES]
        verdicts: list[BoundVerdict] = session.config.stash[_VERDICTS]
        kept = Kept(measures=tuple(measures), verdicts=tuple(verdicts))
        path.write_bytes(msgspec.json.encode(kept))


@pytest.fixture(scope="session")
def big(pytestconfig: pytest.Config) -> int:
    """Return the records of the big exports."""
    return int(pytestconfig.getoption("--bench-records"))


@pytest.fixture(scope="session", autouse=True)
def warm_fonts() -> None:
    """Load the fonts, as the service's workers do before their first export."""
    fonts.warm_up()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for the files."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


@pytest.fixture
def run_workload(benchmark: BenchmarkFixture, tmp_path: Path, pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Return a function that runs a workload for about a second, compares its output, and keeps its times."""

    def run(name: str) -> None:
        workload = WORKLOADS[name]
        benchmark.group = workload.suite
        try:
            with workload.open(tmp_path) as prepared:
                gc.collect()
                gc.freeze()
                first = run_lap(prepared, thorough=True)
                rounds = max(LEAST_ROUNDS, min(MOST_ROUNDS, math.ceil(SUITE_S / max(first.wall_s, 1e-6))))
                laps: list[Lap] = []
                results: list[object] = []

                def clean() -> None:
                    if results:
                        prepared.check(results.pop())
                    prepared.clean()
                    gc.collect()

                def work() -> None:
                    lap, result = time_work(prepared)
                    laps.append(lap)
                    results.append(result)

                timed(benchmark, work, setup=clean, rounds=rounds)
                prepared.check(results.pop())
        except Refused as error:
            pytest.skip(f"NO DATA: {error}")
        finally:
            gc.unfreeze()
        kept = Measure(
            name=name,
            suite=workload.suite,
            what=workload.what,
            clock=workload.clock,
            records=workload.records,
            wall_s=tuple(lap.wall_s for lap in laps),
            # of somebody else's service only the client's CPU time is known
            cpu_s=() if pytestconfig.getoption("--target") else tuple(lap.cpu_s for lap in laps),
        )
        benchmark.extra_info.update(records=workload.records, cpu_s=list(kept.cpu_s))
        pytestconfig.stash[_MEASURES].append(kept)

    return run


@pytest.fixture
def figures(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Callable[[Mapping[str, float]], None]:
    """Return a function that keeps absolute figures: in pytest-benchmark's extra_info and the table, never judged."""

    def keep(named: Mapping[str, float]) -> None:
        rounded = {name: round(value, 3) for name, value in named.items()}
        benchmark.extra_info.update(rounded)
        text = ", ".join(f"{name} {value:g}" for name, value in rounded.items())
        request.config.stash[_LINES].append(f"         {request.node.name}: {text}")

    return keep


@pytest.fixture
def hold(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that keeps the verdicts of one test, then fails if one of them is no PASS."""

    def check(*verdicts: Verdict) -> None:
        for verdict in verdicts:
            benchmark.extra_info[verdict.bound.name] = f"{verdict.word}: {verdict.sentence}"
            request.config.stash[_VERDICTS].append(
                BoundVerdict(
                    name=verdict.bound.name, where=request.node.name, word=verdict.word, sentence=verdict.sentence
                )
            )
            request.config.stash[_LINES].append(f"{verdict.word:<8} {request.node.name}: {verdict.sentence}")
        failed = [verdict for verdict in verdicts if verdict.word == "FAIL"]
        unknown = [verdict for verdict in verdicts if verdict.word == "NO DATA"]
        if failed or (unknown and not request.config.getoption("--bench-noisy-ok")):
            text = "\n".join(
                f"{verdict.word}: {verdict.sentence} ({verdict.bound.reason})" for verdict in (*failed, *unknown)
            )
            pytest.fail(text, pytrace=False)
        if unknown:
            pytest.skip("; ".join(f"NO DATA: {verdict.sentence}" for verdict in unknown))

    return check
