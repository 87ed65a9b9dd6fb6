"""Options of the suites, and the table of ratios at their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.statistics.bounds import Verdict
from service.pdf import fonts

DEFAULT_RECORDS = 100_000
LEAST_RECORDS = 1_000
Report = Callable[..., None]
_LINES = pytest.StashKey[list[str]]()


def _count(text: str) -> int:
    count = int(text)
    if count < LEAST_RECORDS:
        raise ValueError(f"at least {LEAST_RECORDS} records")
    return count


def pytest_addoption(parser: pytest.Parser) -> None:
    """The suites' own options."""
    group = parser.getgroup("benchmarks of the export service")
    group.addoption(
        "--bench-records",
        metavar="N",
        type=_count,
        default=DEFAULT_RECORDS,
        help="size of the big exports (default %(default)s: all suites take under 4 minutes; 1000000 for the full run)",
    )
    group.addoption(
        "--bench-noisy-ok",
        action="store_true",
        help="a ratio for which the machine is too busy is skipped with the words NO DATA instead of failing",
    )


def pytest_configure(config: pytest.Config) -> None:
    """A list for the table."""
    config.stash[_LINES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print every figure, judged or not."""
    if config.stash[_LINES]:
        terminalreporter.section("ratios and figures")
        for line in config.stash[_LINES]:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def big(pytestconfig: pytest.Config) -> int:
    """Records of the big exports."""
    return int(pytestconfig.getoption("--bench-records"))


@pytest.fixture(scope="session", autouse=True)
def warm_fonts() -> None:
    """As the service's workers do before their first export."""
    fonts.warm_up()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for the files."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


@pytest.fixture
def figures(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Callable[[Mapping[str, float]], None]:
    """Keep absolute figures: into pytest-benchmark's extra_info and the table; they are never judged."""

    def keep(named: Mapping[str, float]) -> None:
        rounded = {name: round(value, 3) for name, value in named.items()}
        benchmark.extra_info.update(rounded)
        told = ", ".join(f"{name} {value:g}" for name, value in rounded.items())
        request.config.stash[_LINES].append(f"         {request.node.name}: {told}")

    return keep


@pytest.fixture
def hold(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Hold the verdicts of one test: all are told, then the test fails if one is no PASS."""

    def check(*verdicts: Verdict) -> None:
        for verdict in verdicts:
            benchmark.extra_info[verdict.bound.name] = f"{verdict.word}: {verdict.sentence}"
            request.config.stash[_LINES].append(f"{verdict.word:<8} {request.node.name}: {verdict.sentence}")
        failed = [verdict for verdict in verdicts if verdict.word == "FAIL"]
        unknown = [verdict for verdict in verdicts if verdict.word == "NO DATA"]
        if failed or (unknown and not request.config.getoption("--bench-noisy-ok")):
            told = "\n".join(
                f"{verdict.word}: {verdict.sentence} ({verdict.bound.reason})" for verdict in (*failed, *unknown)
            )
            pytest.fail(told, pytrace=False)
        if unknown:
            pytest.skip("; ".join(f"NO DATA: {verdict.sentence}" for verdict in unknown))

    return check
