"""`recompute.py`: agrees with runs of every colour, and with none that was edited; it needs nothing of ours."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace as with_fields
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from assertions.checks.catalogue import CHECKS
from assertions.contract import FAMILIES
from assertions.limits import DEFAULT_PATH
from assertions.record.files import write_one
from assertions.record.run import Run
from evidence.bundle import manifest, recompute
from evidence.bundle.layout import REPORT, VERDICT
from evidence.bundle.recomputed import PROGRAM, differences, put
from evidence.publish import judge_folder, verdict_json
from tests.assertions.healthy.records import changed, each, healthy, healthy_run, with_hits, write_run
from tests.evidence.sample_reports import context

LEAST = """
[[limit]]
id = "smoke_latency_ms"
op = "<"
target = 0.001
unit = "ms"
reason = "none can hold it"
"""


def stored(run: Run, folder: Path, limits: bytes = DEFAULT_PATH.read_bytes()) -> Path:
    """Write what the program reads of a bundle."""
    write_run(run, folder)
    (folder / "limits.toml").write_bytes(limits)
    write_one(folder / "run.json", context())
    put(folder)
    return judged(folder)


def judged(folder: Path) -> Path:
    """Write the verdict of what is in the folder now, with its report's first line, and the manifest."""
    _, _, report, _ = judge_folder(folder)
    (folder / VERDICT).write_bytes(verdict_json(report))
    (folder / REPORT).write_text(f"# {report.headline}\n", encoding="utf-8")
    (folder / manifest.NAME).unlink(missing_ok=True)
    manifest.write(folder, "run")
    return folder


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the program reads of a GREEN bundle; read it, don't change it."""
    return stored(healthy_run(), tmp_path_factory.mktemp("green") / "run")


@pytest.fixture
def folder(green: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(green, tmp_path / "copy"))


def found(folder: Path) -> tuple[int, str]:
    """Run the program in this process."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code: int = recompute.main([str(folder)])  # type: ignore[no-untyped-call]
    return code, output.getvalue()


def ended(folder: Path) -> tuple[int, str]:
    """Run the bundle's own copy as anybody would."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "recompute.py"), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def no_pages() -> Run:
    """A run whose load could not read the metrics page."""
    load = healthy("load")
    return healthy_run(load=changed(load, scrapes=each(load.scrapes, lambda _: {"status": 503, "text": ""})))


def refused() -> Run:
    """A run in which every tenth export under load failed."""
    return healthy_run(
        load=with_hits(healthy("load"), lambda hit: {"status": 500, "answer": "{}"} if hit.index % 10 == 3 else None)
    )


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("colour", "make", "limits"),
    [
        ("GREEN", healthy_run, b""),
        ("RED", healthy_run, LEAST.encode()),
        ("RED", refused, b""),
        ("RED", no_pages, b""),
        ("NO DATA", lambda: with_fields(healthy_run(), scenarios={"smoke": healthy("smoke")}), b""),
        ("NO DATA", lambda: with_fields(healthy_run(), scenarios={"load": healthy("load")}), b""),
    ],
)
def test_agrees(tmp_path: Path, colour: str, make: Callable[[], Run], limits: bytes) -> None:
    """The program agrees with what the judge made of a run, whatever its colour."""
    folder = stored(make(), tmp_path, limits or DEFAULT_PATH.read_bytes())
    code, text = ended(folder)
    assert (code, text.splitlines()[-1].partition(": ")[2].startswith(colour)) == (0, True), text
    assert differences(folder) == []


def test_a_record_that_can_not_be_read(folder: Path) -> None:
    """A scenario whose record is malformed has no data for the program as for the judge."""
    (folder / "load" / "hits.jsonl").write_text("{\n")
    judged(folder)
    assert found(folder)[0] == 0


def verdict_of(folder: Path, change: Callable[[Any], None]) -> None:
    """Edit the verdict, and mend the manifest."""
    document = json.loads((folder / VERDICT).read_bytes())
    change(document)
    (folder / VERDICT).write_text(json.dumps(document))
    (folder / manifest.NAME).unlink()
    manifest.write(folder, "run")


def one_verdict(key: str) -> Callable[[Any], Any]:
    """Return a function that finds a verdict in the document."""
    scenario, _, check = key.partition("/")
    return lambda document: next(
        one for one in document["verdicts"] if (one["scenario"], one["id"]) == (scenario, check)
    )


@pytest.mark.parametrize(
    "key",
    [
        "load/latency-outside",
        "load/latency-target",
        "smoke/smoke-latency",
        "run/success-outside",
        "run/success-target",
        "run/concurrency-target",
        "run/queue-target",
        "run/bytes-target",
        "run/bytes-outside",
        "batch/batch",
        "load/throughput",
        "smoke/memory-gauge",
    ],
)
def test_a_figure_that_is_another(folder: Path, key: str) -> None:
    """An edited figure of each of the six assertions and of the runbook's targets is found, and named."""

    def better(document: Any) -> None:
        reading = one_verdict(key)(document)["judgement"]["readings"][0]
        reading["value"] = reading["value"] * 0.99 + 0.001

    verdict_of(folder, better)
    code, text = found(folder)
    assert code == 1
    assert text.startswith(f"{key}: the bundle says ")


def test_memory_that_its_samples_deny(folder: Path) -> None:
    """A figure for memory by the process that is less than its samples show is found."""

    def less(document: Any) -> None:
        one_verdict("load/memory")(document)["judgement"]["readings"][0]["value"] = 1

    verdict_of(folder, less)
    assert "load/memory: 1 bytes, its samples show" in found(folder)[1]


def test_a_pass_that_the_limit_denies(tmp_path: Path) -> None:
    """A FAIL that was made a PASS does not agree with the limit; nor does the colour."""
    folder = stored(healthy_run(), tmp_path, LEAST.encode())

    def green(document: Any) -> None:
        document["colour"] = document["headline"] = "GREEN"
        one_verdict("smoke/smoke-latency")(document)["judgement"]["status"] = "PASS"

    verdict_of(folder, green)
    code, text = found(folder)
    assert code == 1
    assert "smoke/smoke-latency: PASS, but" in text


def test_another_colour_or_assertion(tmp_path: Path) -> None:
    """A colour or an assertion that the verdicts don't give is found."""
    folder = stored(with_fields(healthy_run(), scenarios={"smoke": healthy("smoke")}), tmp_path)

    def green(document: Any) -> None:
        document["colour"] = "GREEN"
        document["assertions"][0]["status"] = "PASS"

    verdict_of(folder, green)
    text = found(folder)[1]
    assert "assertion Metrics Coverage: the bundle says PASS, the raw record gives NO DATA" in text
    assert "colour: the bundle says GREEN, the raw record gives NO DATA" in text


def test_a_page_that_says_something_else(folder: Path) -> None:
    """Each figure of the last page is found where it is another."""

    def other(document: Any) -> None:
        for key, value in document["page"].items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                document["page"][key] = value + 1

    verdict_of(folder, other)
    named = {line.partition(":")[0] for line in found(folder)[1].splitlines()}
    keys = ("latency_sum_ms", "latency_count", "succeeded", "failed", "running", "waiting", "bytes", "families")
    assert {f"last page, {key}" for key in keys} <= named


def test_files_that_are_not_as_listed(folder: Path) -> None:
    """A changed, a missing and an added file, and a link, are named."""
    (folder / "limits.toml").write_text((folder / "limits.toml").read_text() + "\n")
    (folder / "smoke" / "health.jsonl").unlink()
    (folder / "smoke" / "health.jsonl").symlink_to("probes.jsonl")
    (folder / "queries.json").unlink()
    (folder / "added").write_text("")
    text = found(folder)[1]
    assert "limits.toml is not the file that the manifest says" in text
    assert "smoke/health.jsonl is missing" in text
    assert "queries.json is missing" in text
    assert "added is not in the manifest" in text


@pytest.mark.e2e
def test_no_bundle(tmp_path: Path) -> None:
    """A folder that is no bundle ends the program with 2, and says how it is used."""
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "python recompute.py DIR" in done.stdout


@pytest.mark.e2e
def test_another_program_in_the_bundle(folder: Path) -> None:
    """A bundle whose copy is another program is named, and that program is not run."""
    (folder / "recompute.py").write_text("raise SystemExit(0)\n")
    assert differences(folder) == ["recompute.py is not the program that this version puts into bundles"]


def test_it_stands_alone() -> None:
    """The program has at most 300 lines and imports the standard library only."""
    text = PROGRAM.read_text(encoding="utf-8")
    assert text.count("\n") <= 300
    nodes = list(ast.walk(ast.parse(text)))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= set(sys.stdlib_module_names)
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom)]


def test_its_lists_are_the_contract_s() -> None:
    """The checks that it holds for optional, and the families, are those of the catalogue and of the contract."""
    assert set(recompute.OPTIONAL.split()) == {check.id for check in CHECKS if check.optional}
    assert {f"export_{name}" for name in recompute.NINE.split()} == {
        family.name.removesuffix("_total") for family in FAMILIES
    }


def test_a_waived_verdict(tmp_path: Path) -> None:
    """A waived verdict keeps neither its assertion nor the run from GREEN."""
    load = healthy("load")
    run = healthy_run(load=changed(load, probes=each(load.probes, lambda _: {"processes": ()})))
    folder = stored(run, tmp_path)
    write_one(folder / "run.json", replace(context(), waivers={"memory": "remote target"}))
    judged(folder)
    assert found(folder)[0] == 0
    assert "waived: memory" in found(folder)[1]


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("evidence/export/recompute.py", True),
        ("evidence/export.history/20261130T101010Z-7/recompute.py", True),
        ("evidence/bundle/recompute.py", False),
    ],
)
def test_copies_in_run_directories_are_not_type_checked(path: str, left_out: bool) -> None:
    """After a run in a checkout its linters still pass, and they see the program itself."""
    with (Path(__file__).parents[3] / "pyproject.toml").open("rb") as file:
        patterns = tomllib.load(file)["tool"]["mypy"]["exclude"]
    assert any(re.search(pattern, path) for pattern in patterns) is left_out
