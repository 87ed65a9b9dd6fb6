"""What a run is judged by: hashed before, held after, signed at the end; relative rules and their baseline."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from assertions.limits import DEFAULT_PATH
from assertions.record.files import read_one, write_one
from assertions.record.results.baseline import BASELINE, Baseline
from assertions.record.types import Plan
from evidence import run as running
from evidence.bundle.attest import inputs, signing
from evidence.bundle.attest.inputs import Inputs
from evidence.publish import judge_folder, read_folder
from evidence.settings import RunError, Settings
from loadtests.plan.profile import load_profile
from loadtests.progress_view import View
from loadtests.runner.request import RunRequest
from tests.evidence.command import REPORT, Shown
from tests.evidence.recorded import Recorded

NAMES = ("smoke", "load", "batch")
RELATIVE = """
[[rule]]
id = "no-slower"
case = "csv-10k"
statistic = "max"
op = "<="
baseline = "+15 %"
reason = "no slower than last time"
scenario = "load"
"""


def settings(out: Path, *scenarios: str, **fields: Any) -> Settings:
    """A run of these scenarios against a target that nobody asks."""
    return Settings(scenarios=scenarios, out=out, target="http://127.0.0.1:9", **fields)


def statuses(out: Path, check: str) -> list[str]:
    """The statuses of a check's verdicts."""
    _, _, report, _ = judge_folder(out)
    return [verdict.status for verdict in report.verdicts if verdict.id == check]


def test_hashes_are_written_before_the_load(recorded: Recorded, tmp_path: Path) -> None:
    """Before the first scenario is driven the hashes are there; a scenario that joins adds its own."""
    seen: list[Inputs] = []

    def drive(out: Path, request: RunRequest, view: View) -> None:
        seen.append(read_one(out / inputs.NAME, Inputs))
        recorded.drive(out, request, view)

    out = tmp_path / "run"
    running.run(settings(out, "smoke"), Shown(), recorded.but(drive=drive))
    running.run(settings(out, "load"), Shown(), recorded.but(drive=drive))
    assert [list(found.profiles) for found in seen] == [["smoke"], ["smoke", "load"]]
    assert seen[0].profiles["smoke"] == load_profile("smoke", None).sha256
    assert seen[1].written["smoke"] == seen[0].written["smoke"]


@pytest.mark.parametrize("what", ["limits", "profile"])
def test_what_changes_under_way_ends_without_green(recorded: Recorded, tmp_path: Path, what: str) -> None:
    """Limits or a plan that are others than at the start leave a run without a verdict, which says so."""

    def drive(out: Path, request: RunRequest, view: View) -> None:
        recorded.drive(out, request, view)
        if what == "limits":
            (out / "limits.toml").write_bytes(DEFAULT_PATH.read_bytes() + b"# later\n")
        else:
            plan = out / "batch" / "plan.json"
            if plan.is_file():
                text = plan.read_text().replace(read_one(plan, Plan).profile_sha256, "0" * 64)
                plan.write_text(text)

    out = tmp_path / "run"
    with pytest.raises(RunError, match=f"the {what}.* changed after the run began"):
        running.run(settings(out, *NAMES), Shown(), recorded.but(drive=drive))
    _, _, report, _ = judge_folder(out)
    assert report.colour == "NO DATA"
    assert "changed after the run began" in report.headline


def test_a_signed_run(recorded: Recorded, tmp_path: Path) -> None:
    """A run with a key ends signed; a key that can't be used ends it before anything is touched."""
    out, key = tmp_path / "run", tmp_path / "key"
    with pytest.raises(RunError, match=r"the private key .* can't be read"):
        running.run(settings(out, "smoke", sign=key), Shown(), recorded.stages)
    assert not out.exists()
    public = signing.make_keys(key)
    running.run(settings(out, *NAMES, sign=key), Shown(), recorded.stages)
    _, _, report, context = judge_folder(out)
    assert signing.differences(out, public, report, context) == []


def test_a_run_that_is_published_again_is_no_longer_signed(recorded: Recorded, tmp_path: Path) -> None:
    """A scenario that joins a signed run makes another bundle, which needs its own signature."""
    out, key = tmp_path / "run", tmp_path / "key"
    signing.make_keys(key)
    running.run(settings(out, "smoke", sign=key), Shown(), recorded.stages)
    running.run(settings(out, "load"), Shown(), recorded.stages)
    assert not (out / "attestation.json").exists()


def test_a_limits_file_with_a_rule_only_reads_the_same_in_any_folder(recorded: Recorded, tmp_path: Path) -> None:
    """What the limits file lacks is named in the report without the folder, which is another one for an auditor."""
    out, limits, elsewhere = tmp_path / "run", tmp_path / "mine.toml", tmp_path / "elsewhere" / "bundle"
    limits.write_text(RELATIVE.lstrip())
    running.run(settings(out, *NAMES, limits=limits), Shown(), recorded.stages)
    shutil.copytree(out, elsewhere)
    here, there = (read_folder(folder)[1].notes for folder in (out, elsewhere))
    assert here == there
    assert [note.split(" [[")[0] for note in there] == ["limits.toml has no"] * 2
    assert "; limits.toml has no " in (out / REPORT).read_text()


def test_a_relative_rule_and_its_baseline(recorded: Recorded, tmp_path: Path) -> None:
    """A relative rule has no data at first, holds against an equal baseline, and fails against a quicker one."""
    out, limits = tmp_path / "run", tmp_path / "limits.toml"
    limits.write_bytes(DEFAULT_PATH.read_bytes() + RELATIVE.encode())
    running.run(settings(out, *NAMES), Shown(), recorded.stages)
    _, code, _ = running.run(settings(out, *NAMES, limits=limits), Shown(), recorded.stages)
    assert (code, statuses(out, "rule-no-slower"), (out / BASELINE).exists()) == (2, ["NO DATA"], False)
    shown = Shown()
    running.run(settings(out, *NAMES, limits=limits, baseline="last-green"), shown, recorded.stages)
    assert statuses(out, "rule-no-slower") == ["PASS"]
    assert "relative rules: compared with the run 20260102T030405Z-42" in shown.lines
    baseline = read_one(out / BASELINE, Baseline)
    quicker = {name: value / 2 for name, value in baseline.figures.items()}
    write_one(out / BASELINE, Baseline(run_id="x", started=0.0, figures=quicker))
    assert statuses(out, "rule-no-slower") == ["FAIL"]
    (out / BASELINE).write_text("{")
    assert statuses(out, "rule-no-slower") == ["NO DATA"]
