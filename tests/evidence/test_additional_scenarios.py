"""Additional scenarios at the evidence command: judged, reported, verified; none is GREEN for the three."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assertions.checks.catalogue import CHECKS
from assertions.record.files import read_lines, read_one
from assertions.record.types import Plan, Probe
from evidence import command as entry
from loadtests.plan.profile import load_profile
from tests.evidence.command import Target, first_line, run_command

pytestmark = pytest.mark.e2e

SHORT_SOAK = """\
[leak]
case = ["csv-20"]
count = 48
seconds = 20

[[phase]]
name = "warmup"
mode = "sequence"
mix = [{ case = "csv-20", count = 2 }]

[[phase]]
name = "measure"
mode = "open"
clients = 20
arrivals = "uniform"
rate_per_s = 20
seconds = 600
scaled = true
mix = [{ case = "csv-20" }]
"""


def test_a_soak_of_one_s_own_is_judged_and_verified(target: Target, tmp_path: Path) -> None:
    """Four seconds instead of ten minutes: the rate is kept, leak and drift are judged, and the bundle holds."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mysoak.toml").write_text(SHORT_SOAK)
    out = tmp_path / "out"
    ended = run_command(
        "run", "mysoak", "--minutes", str(4 / 60), "--profiles", tmp_path / "profiles", "--target", target.url,
        "--exports", target.exports, "--out", out,
    )  # fmt: skip
    plan = read_one(out / "mysoak" / "plan.json", Plan)
    assert [len(phase.requests) for phase in plan.phases] == [2, 80, 48, 120]
    assert len([one for one in read_lines(out / "mysoak" / "probes.jsonl", Probe) if one.phase == "leak"]) > 40
    verdicts = {
        one["id"]: one["judgement"]["status"]
        for one in json.loads((out / "verdict.json").read_bytes())["verdicts"]
        if one["scenario"] == "mysoak"
    }
    assert verdicts.keys() >= {"drift", "leak-memory", "leak-fds", "generator", "answers", "csv-contents", "throughput"}
    assert "latency-outside" not in verdicts
    # what a generator that other tests held back has measured is no success rate
    success = "PASS" if (verdicts["generator"], verdicts["calibration"]) == ("PASS", "PASS") else "NO DATA"
    assert (verdicts["answers"], verdicts["csv-contents"], verdicts["success-outside"]) == ("PASS", "PASS", success)
    assert f"mysoak: {list(verdicts.values()).count('PASS')} PASS" in ended.out
    assert "GREEN" not in first_line(out).replace("GREEN_EVIDENCE", "")
    assert ended.code in (0, 1, 2)
    optional = {check.id for check in CHECKS if check.optional}
    unseen = [name for name, status in verdicts.items() if status == "NO DATA" and name not in optional]
    assert ended.code == (1 if "FAIL" in verdicts.values() else 2 if unseen else 0)
    checked = run_command("verify", out)
    assert checked.code == 0, checked.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gone",), "there is no scenario 'gone'; there are batch, burst, load, smoke, soak, spike"),
        (("smoke", "--minutes", "5"), "--minutes stretches no phase of smoke; it is for soak and the like"),
        (("burst", "--minutes", "5"), "profile burst has no phase with `scaled = true`, so --minutes means nothing"),
        (("plots", "--profiles", "."), "a scenario may not be named plots, a name of the harness's own"),
        (("run", "--profiles", "."), "a scenario may not be named run, a name of the harness's own"),
    ],
)
def test_what_can_not_be_run_is_reported_before_anything_is_emptied(
    words: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scenario without a profile, minutes that would stretch nothing, a name of the run directory's own."""
    assert entry.main(["run", *words, "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines() == [f"evidence: {sentence}"]
    assert not (tmp_path / "out").exists()


def test_ours_are_there_by_name() -> None:
    """Soak, spike and burst can be asked for without a folder of profiles."""
    assert [load_profile(name).name for name in ("soak", "spike", "burst")] == ["soak", "spike", "burst"]
