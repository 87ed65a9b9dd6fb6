"""Run directories that are compared: which can be a baseline, what is stored, and what a run makes of it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace as with_parts
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from assertions.record.files import read_one, write_one
from assertions.record.types import Plan
from evidence import command
from evidence import run as running
from evidence.bundle import manifest, run_folder
from evidence.bundle.attest import inputs
from evidence.bundle.verify import verify
from evidence.collect.code_version import judge_sha256
from evidence.collect.provenance import Context
from evidence.comparison import repeated, stored
from evidence.comparison.folders import check_files, compare_into, compare_runs, read_recorded
from evidence.comparison.types import Comparison, Row
from evidence.publish import publish
from evidence.settings import RunError, Settings
from evidence.stages import compare_with_baseline
from loadtests.plan.profile import load_profile
from tests.assertions.healthy.records import changed, healthy, healthy_run, with_hits, write_run
from tests.evidence.command import Shown
from tests.evidence.recorded import Recorded
from tests.evidence.sample_reports import context

LIMITS = Settings(scenarios=(), out=Path(), target=None).limits


def recorded_run(folder: Path, run_id: str, slower: float = 1.0) -> Path:
    """A published run directory of healthy scenarios, the measured exports of load slower by a factor."""
    load = with_hits(
        healthy("load"),
        lambda hit: {"end": hit.intended + slower * (hit.end - hit.intended)} if hit.phase == "measure" else None,
    )
    run = (
        healthy_run() if slower == 1 else with_parts(healthy_run(), scenarios={**healthy_run().scenarios, "load": load})
    )
    planned = {
        name: changed(record, plan=replace(record.plan, profile_sha256=load_profile(name).sha256))
        for name, record in run.scenarios.items()
    }
    run = with_parts(run, scenarios=planned)
    write_run(run, folder)
    shutil.copyfile(LIMITS, folder / "limits.toml")
    reported = context(run_id=run_id, harness_sha256=judge_sha256(), limits_sha256=manifest.sha256(LIMITS))
    write_one(folder / "run.json", reported)
    profiles = {name: record.plan.profile_sha256 for name, record in run.scenarios.items()}
    inputs.write(folder, reported, profiles, now=0.0)
    publish(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def bare() -> Iterator[None]:
    """Plots are not drawn, kept files, of which these records have none, not opened, and no other process is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.publish.drawings_of", lambda *parts: ())
        patch.setattr("evidence.bundle.verify.recheck", lambda folder: [])
        patch.setattr("evidence.bundle.recomputed.differences", lambda folder: [])
        patch.setattr("evidence.comparison.folders.verify_apart", verify)
        yield


@pytest.fixture(scope="module")
def green(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GREEN run directory that verifies; read it, don't change it."""
    return recorded_run(tmp_path_factory.mktemp("green") / "run", "20260101T000000Z-1")


@pytest.fixture(scope="module")
def slower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory whose measured exports took half as long again; read it, don't change it."""
    return recorded_run(tmp_path_factory.mktemp("slower") / "run", "20260102T000000Z-2", slower=1.5)


@pytest.fixture
def copy(green: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(green, tmp_path / "copy"))


def compare_command(*words: str | Path) -> int:
    """The exit code of `compare`."""
    return command.main(["compare", *map(str, words)])


def test_a_run_against_itself(green: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing got worse: exit 0, and the last line counts the outcomes."""
    assert compare_command(green, green) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 worse, 0 better, ")


def test_a_slower_run_is_worse(green: Path, slower: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Latencies that grew by half are exit 1, and the JSON has the rows."""
    assert compare_command(green, slower, "--json", "--any") == 1
    comparison = msgspec.json.decode(capsys.readouterr().out, type=Comparison)
    assert {row.case for row in comparison.rows if row.outcome == "worse" and row.measure == "latency"} == {
        hit.case for hit in healthy("load").done if hit.phase == "measure"
    }


def test_the_comparison_as_a_page(
    green: Path, slower: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--html` writes a page with every row and plot next to the text; where it can't be written the exit code is 2."""
    page = tmp_path / "comparison.html"
    assert compare_command(green, slower, "--json", "--html", page) == 1
    rows = msgspec.json.decode(capsys.readouterr().out, type=Comparison).rows
    text = page.read_text(encoding="utf-8")
    assert Counter(re.findall('data-outcome="([a-z ]+)"', text)) == Counter(row.outcome for row in rows)
    assert 'id="figure-baseline-ratios"' in text
    assert 'id="figure-latency-1"' in text
    assert compare_command(green, slower, "--html", tmp_path / "none" / "comparison.html") == 2
    assert "can't be written: No such file or directory" in capsys.readouterr().err


def test_a_page_of_runs_that_can_not_be_compared(
    green: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page says why, and has no row and no plot."""
    context_of = read_one(copy / "run.json", Context)
    write_one(copy / "run.json", replace(context_of, incidents=("the disk was full",)))
    publish(copy)
    page = tmp_path / "comparison.html"
    assert compare_command(green, copy, "--html", page) == 2
    text = page.read_text(encoding="utf-8")
    assert "the newer run did not come to its end: the disk was full" in text
    assert "data-outcome" not in text
    assert "<figure" not in text


def test_an_edited_baseline(copy: Path, green: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that does not verify is no baseline, with --any neither, and no newer run."""
    (copy / "load" / "hits.jsonl").write_bytes((copy / "load" / "hits.jsonl").read_bytes() + b"\n")
    assert [compare_command(copy, green), compare_command(copy, green, "--any"), compare_command(green, copy)] == [
        2
    ] * 3
    assert "can't be a baseline, it does not verify: load/hits.jsonl was changed" in capsys.readouterr().err


def test_a_red_baseline(copy: Path, green: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A baseline that is not GREEN is refused, and taken with --any."""
    (copy / "promtool.json").write_text(json.dumps({"ok": False, "steps": []}))
    publish(copy)
    assert compare_command(copy, green) == 2
    assert "a baseline is GREEN; with --any it is taken" in capsys.readouterr().err
    assert compare_command(copy, green, "--any") == 0


def test_what_is_no_run(green: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there, or holds no run, is exit 2 with its name."""
    assert compare_command(tmp_path / "none", green) == 2
    assert compare_command(green, tmp_path) == 2
    assert str(tmp_path / "none") in capsys.readouterr().err


def test_unlike_runs(green: Path, copy: Path) -> None:
    """Another profile, another seed or other limits are named, and nothing is compared."""
    plan = read_one(copy / "load" / "plan.json", Plan)
    write_one(copy / "load" / "plan.json", replace(plan, profile_sha256="x", seed=plan.seed + 1))
    write_one(copy / "run.json", replace(read_one(copy / "run.json", Context), limits_sha256="y", cpus=64))
    comparison = compare_runs(read_recorded(green), read_recorded(copy))
    assert comparison.problems == (
        "other limits (limits.toml)",
        "another profile of load",
        f"another seed of load: {plan.seed} and {plan.seed + 1}",
    )
    assert comparison.rows == ()
    assert [note.partition(":")[0] for note in comparison.notes] == ["other machines"]


def test_scenarios_of_one_run_only(green: Path, copy: Path) -> None:
    """What both ran is compared, and the rest is noted; without a common scenario nothing is."""
    shutil.rmtree(copy / "load")
    comparison = compare_runs(read_recorded(green), read_recorded(copy))
    assert {row.scenario for row in comparison.rows} == {"smoke", "batch"}
    assert comparison.notes == ("load was run in the baseline only",)
    for name in ("smoke", "batch"):
        shutil.rmtree(copy / name)
    assert compare_runs(read_recorded(green), read_recorded(copy)).problems == ("no scenario was run in both",)


def test_the_last_green(green: Path, tmp_path: Path) -> None:
    """The newest older run that is GREEN is the baseline; without a history there is none."""
    out = tmp_path / "out"
    history = run_folder.history_of(out)
    assert run_folder.last_green(history) is None
    for name, colour in (("20260101T", "GREEN"), ("20260102T", "GREEN"), ("20260103T", "RED")):
        (history / name).mkdir(parents=True)
        (history / name / "verdict.json").write_text(json.dumps({"colour": colour}))
    assert run_folder.last_green(history) == history / "20260102T"


def test_a_run_is_compared_with_the_last_green(recorded: Recorded, tmp_path: Path) -> None:
    """A second run says what changed in its report, and its comparison is listed and stands the check of `verify`."""
    out = tmp_path / "run"
    asked = Settings(scenarios=("smoke", "load", "batch"), out=out, target="http://127.0.0.1:9")
    codes = [running.run(asked, Shown(), recorded.stages)[1] for _ in range(2)]
    comparison = stored.read(out)
    assert comparison is not None
    assert (codes, comparison.problems, comparison.count("worse")) == ([0, 0], (), 0)
    assert f"- {stored.changes_of(out)[0]}" in (out / "GREEN_EVIDENCE_v1.7.md").read_text()  # type: ignore[index]
    assert "comparison.json" in {artifact.path for artifact in manifest.read(out).artifacts}
    assert list(stored.differences(out, healthy_run().scenarios)) == []
    check_files(out)


def worse_than(green: Path, out: Path) -> None:
    """Store a comparison in which everything tested got worse, as a much slower run would."""
    comparison = compare_runs(read_recorded(green), read_recorded(out, judged=False))
    stored.write(out, replace(comparison, rows=tuple(replace(row, outcome="worse") for row in comparison.rows)))


@pytest.mark.parametrize(("baseline", "code"), [(None, 0), ("last-green", 1)])
def test_worse_counts_when_it_was_asked_for(
    recorded: Recorded, green: Path, tmp_path: Path, baseline: str | None, code: int
) -> None:
    """What got worse changes the exit code with --baseline only, and the colour never, here that of only smoke."""
    stages = recorded.but(compare=lambda settings, view: worse_than(green, settings.out))
    asked = Settings(scenarios=("smoke",), out=tmp_path / "run", target="http://127.0.0.1:9", baseline=baseline)
    report, ended, _ = running.run(asked, Shown(), stages)
    assert (report.colour, ended) == ("NO DATA", code)


def test_a_baseline_that_is_none(recorded: Recorded, tmp_path: Path) -> None:
    """A named baseline is verified before the run; a bad one ends it with nothing driven."""
    asked = Settings(scenarios=("smoke",), out=tmp_path / "run", target="http://127.0.0.1:9", baseline=str(tmp_path))
    with pytest.raises(RunError, match="can't be a baseline"):
        running.run(asked, Shown(), recorded.stages)
    with pytest.raises(RunError, match="is the run directory itself"):
        running.run(replace_baseline(asked), Shown(), recorded.stages)
    assert recorded.done == []


def replace_baseline(asked: Settings) -> Settings:
    """The same run, compared with its own run directory."""
    return with_parts(asked, baseline=str(asked.out))


def test_a_baseline_that_broke_meanwhile(copy: Path, green: Path) -> None:
    """A baseline that can't be read any more is a comparison that says so, without the folder's whole path."""
    history = run_folder.history_of(copy)
    shutil.copytree(green, history / "older")
    (history / "older" / "run.json").unlink()
    comparison = compare_into(copy, None)
    assert comparison is not None
    assert comparison.problems == ("older does not verify: run.json is missing",)
    assert stored.read(copy) == comparison
    shutil.rmtree(history)
    assert compare_into(copy, None) is None
    assert stored.read(copy) is None


def test_what_a_run_says_of_it(copy: Path, green: Path, tmp_path: Path) -> None:
    """A run says the outcome; without a GREEN one before only where it was asked; what can't be read stops nothing."""
    asked = Settings(scenarios=("smoke",), out=copy, target="http://127.0.0.1:9")
    shown = Shown()
    compare_with_baseline(asked, shown)
    assert shown.lines == []
    compare_with_baseline(with_parts(asked, baseline="last-green"), shown)
    compare_with_baseline(with_parts(asked, baseline=str(green)), shown)
    (copy / "run.json").unlink()
    compare_with_baseline(with_parts(asked, baseline=str(green)), shown)
    assert shown.lines[0] == "comparison: no earlier run was GREEN, so nothing is compared"
    assert shown.lines[1].startswith("comparison: Against the GREEN run 20260101T000000Z-1 of ")
    assert shown.lines[2].startswith(f"comparison: {copy} can't be compared: ")


def test_repeated_runs_are_measured(green: Path, slower: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command compares run directories, prints the figures, and stores them unless it is only to print them."""
    monkeypatch.setattr(repeated, "STORED", tmp_path / "repeated_runs.json")
    words = [str(green), str(slower), "--waiting", str(slower), "--machine", "here"]
    printed = CliRunner().invoke(repeated.main, [*words, "--print"])
    assert (printed.exit_code, repeated.stored_line()) == (0, "")
    assert printed.output.startswith("Measured on 2 repeated runs of batch, load, smoke (here): of 1 pairs ")
    stored_too = CliRunner().invoke(repeated.main, words)
    assert (stored_too.exit_code, f"{repeated.stored_line()}\n") == (0, stored_too.output)


def test_an_edited_comparison(green: Path, copy: Path) -> None:
    """An outcome against its figures, a figure against the raw record, and a broken file are found."""
    comparison = compare_runs(read_recorded(green), read_recorded(copy))
    records = read_recorded(copy).run.scenarios

    def found(row: Row) -> list[str]:
        stored.write(copy, replace(comparison, rows=(row, *comparison.rows[1:])))
        return list(stored.differences(copy, records))

    first = comparison.rows[0]
    assert found(first) == []
    assert found(replace(first, outcome="better")) == [
        "comparison.json: an outcome does not follow from the figures next to it"
    ]
    assert found(replace(first, newer_count=1)) == [
        f"comparison.json: {first.measure} of smoke, {first.phase} is not what the raw record gives"
    ]
    (copy / "comparison.json").write_text("{}")
    assert len(list(stored.differences(copy, records))) == 1
    [line] = stored.changes_of(copy) or ()
    assert line.startswith("comparison.json can't be read: ")
