"""Thin sessions that run the packages' commands. `nox -l` lists them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["smoke", "load", "batch"]
nox.options.error_on_missing_interpreters = True


def _run(session: nox.Session, *words: str) -> None:
    # compiled once and kept, also where PYTHONDONTWRITEBYTECODE is set: a run and the tests start many processes
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(session.cache_dir, "bytecode").resolve())}
    session.run(*words, env=kept)


def _scenario(session: nox.Session) -> None:
    session.install("-r", "requirements/run.txt")
    _run(session, "python", "-m", "evidence", "run", session.name, *_those_to_come(session.name), *session.posargs)


def _those_to_come(name: str) -> list[str]:
    """Return options that name the scenarios which this nox command runs after one: together they make one run."""
    words = list(takewhile(lambda word: word != "--", sys.argv[1:]))
    asked = [word for word in words if word in nox.options.sessions] or nox.options.sessions
    later = asked[asked.index(name) + 1 :] if name in asked else []
    return [word for other in later for word in ("--then", other)]


@nox.session
def smoke(session: nox.Session) -> None:
    """1k records as CSV and PDF, odd data, bad input. `-- --target URL` judges a service of your own."""
    _scenario(session)


@nox.session
def load(session: nox.Session) -> None:
    """10k records, five clients at once, then equal exports to find leaks."""
    _scenario(session)


@nox.session
def batch(session: nox.Session) -> None:
    """The five scenarios in order, then bursts beyond the limits."""
    _scenario(session)


@nox.session
def soak(session: nox.Session) -> None:
    """Steady load for `-- --minutes N` (10), then equal exports: drift and leaks. GREEN takes the three above."""
    session.install("-r", "requirements/run.txt")
    words = [] if any(word.startswith("--out") for word in session.posargs) else ["--out", "evidence/soak"]
    _run(session, "python", "-m", "evidence", "run", "soak", *words, *session.posargs)


@nox.session
def stress(session: nox.Session) -> None:
    """Rising rates until a limit breaks, 10k to 1M records; explores, so no GREEN. `-- --target URL` for your own."""
    session.install("-r", "requirements/run.txt")
    _run(session, "python", "-m", "evidence", "stress", *session.posargs)


@nox.session
def gate(session: nox.Session) -> None:
    """CI: exit 0 only if all six assertions PASS, nothing is missing and the evidence holds."""
    session.install("-r", "requirements/run.txt")
    _run(session, "python", "-m", "evidence", "gate", *session.posargs)


def _linters(session: nox.Session) -> None:
    session.install("-r", "requirements/lint.txt")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")


def _types_and_tests(session: nox.Session, *words: str) -> None:
    """Run mypy while pytest runs: it takes one core, and without its cache as long as a third of the tests."""
    printed = Path(session.cache_dir, "mypy.txt").resolve()
    with printed.open("w") as output, ThreadPoolExecutor(1) as threads:
        types = threads.submit(session.run, "mypy", stdout=output, stderr=subprocess.STDOUT)
        try:
            _pytest(session, *words)
        finally:
            types.exception()  # waits for it
            session.log(f"mypy: {printed.read_text().strip()}")
    types.result()


def _pytest(session: nox.Session, *words: str) -> None:
    # worksteal: a worker takes whole files first, so that what a file's tests share is made once
    usual = ("--dist", "worksteal", "--durations=15")
    _run(session, "pytest", *usual, *words, *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Style, types, import arrows, and all the tests that start no process: about a minute and a half."""
    _linters(session)
    _types_and_tests(session, "-n", "2", "-m", "not e2e")


@nox.session
def tests(session: nox.Session) -> None:
    """All the tests, with style, types and import arrows. `-- --cov`: with the coverage of the judging packages."""
    _linters(session)
    # more than the cores: an end-to-end test mostly waits, for a run to rest or a target to answer
    _types_and_tests(session, "-n", "4")


@nox.session
def rules(session: nox.Session) -> None:
    """Alert rules: promtool's check and tests, coverage, and a score of mutants that must be 100 %."""
    session.install("-r", "requirements/run.txt")
    _run(session, "python", "-m", "rules", "check")
    _run(session, "python", "-m", "rules", "mutate", *session.posargs)


@nox.session
def panels(session: nox.Session) -> None:
    """Draw the dashboard from recorded samples: of a run directory (`-- DIR`), else of a run of load."""
    session.install("-r", "requirements/test.txt")
    _run(session, "python", "-m", "evidence", "panels", *session.posargs)


@nox.session
def prove(session: nox.Session) -> None:
    """Judge recorded faulty and healthy targets, store the proof. `-- --live core|all` drives them for real."""
    session.install("-r", "requirements/test.txt")
    _run(session, "python", "-m", "tests.targets", "prove", *session.posargs)


@nox.session
def record(session: nox.Session) -> None:
    """Drive the core of the targets (`-- --all` every one) and keep their records, for `prove`."""
    session.install("-r", "requirements/test.txt")
    _run(session, "python", "-m", "tests.targets", "record", *(session.posargs or ["--core", "--resume"]))


@nox.session
def steady(session: nox.Session) -> None:
    """False positives: judge the healthy service N times (`-- N`, default 20) while the CPU is busy."""
    session.install("-r", "requirements/run.txt")
    _run(session, "python", "-m", "tests.steady", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Faults on purpose, for service and harness, with counts (under 10 minutes). `-- --long`: 200 kills."""
    session.install("-r", "requirements/test.txt")
    session.run("python", "-m", "tests.faults", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Schemathesis on the service's OpenAPI document, raw HTTP and any bodies. `-- --full`: 10,000 cases."""
    session.install("-r", "requirements/fuzz.txt")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def audit(session: nox.Session) -> None:
    """Known vulnerabilities in requirements/*.txt, by pip-audit; NO DATA where its database can't be reached."""
    session.install("-r", "requirements/audit.txt")
    session.run("python", "-m", "tests.deploy.audit", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Wheel, source archive and software bill of materials (CycloneDX) of a release, into dist/."""
    session.install("-r", "requirements/audit.txt")
    session.run("uv", "build", "--build-constraints", "requirements/run.txt", "--require-hashes", "--quiet")
    session.run(
        "cyclonedx-py", "requirements", "requirements/run.txt", "--pyproject", "pyproject.toml",
        "--output-reproducible", "--validate", "-o", "dist/export-at-scale.cdx.json",
    )  # fmt: skip


@nox.session
def bench(session: nox.Session) -> None:
    """Speed and memory, compared with peers. `-- --full`: all sizes; `-- --against REV`: did we get slower?"""
    session.install("-r", "requirements/bench.txt")
    if shutil.which("npm") and not Path("benchmarks/peers/node/node_modules").is_dir():
        # peers that can't be installed are NO DATA, no error
        words = ("npm", "ci", "--prefix", "benchmarks/peers/node")
        session.run(*words, external=True, silent=True, success_codes=range(256))
    _run(session, "python", "-m", "benchmarks", "bench", *session.posargs)


@nox.session
def profile(session: nox.Session) -> None:
    """Where time and memory go: flame graphs and allocation reports into evidence/profile/."""
    session.install("-r", "requirements/bench.txt")
    _run(session, "python", "-m", "benchmarks", "profile", *session.posargs)


@nox.session
def image(session: nox.Session) -> None:
    """Build the image on a Debian base and run smoke against its service. Takes root, buildah and debootstrap."""
    session.install("-r", "requirements/test.txt")
    _run(session, "python", "-m", "tests.deploy.image", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Write the locked requirement files anew, from pyproject.toml; those of single tools from requirements/*.in."""
    session.install("uv")
    sources = {
        "run": ("package",), "test": ("package", "test"), "lint": ("package", "test", "lint"),
        "bench": ("package", "test", "bench", "peers"), "fuzz": ("package", "test", "fuzz"), "audit": None, "nox": None,
    }  # fmt: skip
    for name, groups in sources.items():
        words = [word for group in groups or () for word in ("--group", group)]
        session.run(
            "uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--quiet",
            "--python-version", "3.11", f"requirements/{name}.in" if groups is None else "pyproject.toml", *words,
            "-o", f"requirements/{name}.txt", *session.posargs,
        )  # fmt: skip
