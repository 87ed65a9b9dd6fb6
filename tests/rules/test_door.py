"""The door as users run it: rules broken on purpose turn it red, and its exit codes and files are as documented."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from assertions.records import read_one
from rules.records import PromtoolResults, Step
from tests.rules.conftest import Copies, Door, edit
from tests.rules.endpoint import page

NAMES = ("version", "check rules", "test rules", "rule coverage", "expressions")


def steps(out: Path) -> dict[str, Step]:
    """The steps on file, by name."""
    return {step.name: step for step in read_one(out / "promtool.json", PromtoolResults).steps}


def failed(out: Path) -> set[str]:
    """The names of the steps on file that are not ok."""
    return {name for name, step in steps(out).items() if not step.ok}


def test_the_committed_rules_pass(door: Door, tmp_path: Path) -> None:
    """Our own rules pass every check: exit 0, both files written, the five alerts named."""
    done = door("--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert results.ok
    assert tuple(step.name for step in results.steps) == NAMES
    assert results.alerts == (
        "ExportLatencyP95High",
        "ExportSuccessRateLow",
        "ExportQueueDepthHigh",
        "ExportConcurrencyHigh",
        "ExportMemoryHigh",
    )
    text = (tmp_path / "promtool_results.txt").read_text()
    assert text.startswith(f"promtool {results.version}\n")
    assert "$ promtool check rules --lint=all --lint-fatal export.yml\nexit code 0\n" in text
    assert "$ promtool test rules export.test.yml\nexit code 0\n" in text


COVERAGE, EXPRESSIONS, TEST, CHECK = "rule coverage", "expressions", "test rules", "check rules"
MISSPELT = "eval_time: 8m\n        alertname: ExportQueueDepth"


@dataclass(frozen=True)
class Break:
    """One thing broken on purpose, and which checks see it."""

    old: str
    """Empty: the whole file."""
    new: str
    seen_by: set[str]
    in_tests: bool = False
    """True: in the test file; False: in the rule file."""


BREAKS = {
    "zero rules": Break("", "groups: []\n", {TEST, COVERAGE, EXPRESSIONS}),
    "wrong metric": Break("export_queue_depth > 80", "export_queue_dept > 80", {TEST, COVERAGE, EXPRESSIONS}),
    "rate of a gauge": Break("export_queue_depth > 80", "rate(export_queue_depth[5m]) > 80", {TEST, EXPRESSIONS}),
    "no le": Break("sum by (le, format, size)", "sum by (format, size)", {TEST, EXPRESSIONS}),
    "bucket twice": Break("latency_ms_bucket", "latency_ms_bucket_bucket", {TEST, COVERAGE, EXPRESSIONS}),
    "moved limit": Break("> 10000", "> 25000", {TEST}),
    "longer wait": Break("for: 10m", "for: 10h", {TEST}),
    "same rule twice": Break("severity: critical", "severity: warning", {CHECK, TEST, COVERAGE}),
    "misspelt alert": Break(f"{MISSPELT}High", f"{MISSPELT}Hihg", {COVERAGE}, in_tests=True),
    "glob without a match": Break("  - export.yml\n", "  - export.yml\n  - no-such-*.yml\n", {COVERAGE}, in_tests=True),
}
"""`bucket twice` is what the first implementation's family name leads to."""


def seen_by(copies: Copies, door: Door, out: Path) -> set[str]:
    """Run the door on the copies, which must be red; return the failed checks."""
    done = door("check", "--rules", copies.rules, "--tests", copies.tests, "--out", out)
    assert (done.returncode, done.stderr) == (1, "")
    assert not read_one(out / "promtool.json", PromtoolResults).ok
    return failed(out)


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_turns_red(name: str, copies: Copies, door: Door, tmp_path: Path) -> None:
    """Each break gives exit 1, and exactly the checks that can see it fail."""
    broken = BREAKS[name]
    path = copies.tests if broken.in_tests else copies.rules
    if broken.old:
        edit(path, broken.old, broken.new)
    else:
        path.write_text(broken.new)
    assert seen_by(copies, door, tmp_path / "out") == broken.seen_by


def test_an_alert_without_a_test_is_red(copies: Copies, door: Door, tmp_path: Path) -> None:
    """An alert whose test is taken away passes in promtool; the meta-check alone sees it."""
    text = copies.tests.read_text()
    start, end = text.index("  - name: concurrency"), text.index("  # csv exactly at its limit")
    edit(copies.tests, text[start:end], "")
    assert seen_by(copies, door, tmp_path / "out") == {COVERAGE}
    assert steps(tmp_path / "out")[COVERAGE].output.splitlines() == [
        'ExportConcurrencyHigh{severity="critical"} has no case in which it fires',
        'ExportConcurrencyHigh{severity="critical"} has no case in which it keeps silent',
    ]


def test_a_syntax_error_is_red(copies: Copies, door: Door, tmp_path: Path) -> None:
    """PromQL that promtool can't parse fails its own check with promtool's exit code 1."""
    edit(copies.rules, "export_queue_depth > 80", "export_queue_depth >> 80")
    done = door("--rules", copies.rules, "--tests", copies.tests, "--out", tmp_path)
    assert done.returncode == 1
    assert steps(tmp_path)["check rules"].exit_code == 1
    assert failed(tmp_path) == {"check rules", "test rules", "rule coverage", "expressions"}


def test_a_lint_finding_is_red(copies: Copies, door: Door, tmp_path: Path) -> None:
    """A rule that is there twice, word for word, fails promtool's lint with its exit code 3."""
    text = copies.rules.read_text()
    start = text.index("      - alert: ExportConcurrencyHigh")
    rule = text[start : text.index("\n\n", start) + 1]
    edit(copies.rules, rule, rule + rule)
    done = door("--rules", copies.rules, "--tests", copies.tests, "--out", tmp_path)
    assert done.returncode == 1
    assert steps(tmp_path)["check rules"].exit_code == 3


def test_a_metrics_page_is_checked(door: Door, tmp_path: Path) -> None:
    """A page of the contract passes, with the complaints about the contract's own names allowed by name."""
    snapshot = tmp_path / "metrics_snapshot.txt"
    snapshot.write_text(page(3))
    done = door("--metrics", snapshot, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    step = steps(tmp_path)["check metrics"]
    assert (step.ok, step.exit_code, step.argv) == (True, 3, ("promtool", "check", "metrics"))
    assert step.note is not None
    assert "export_latency_ms metric names should not contain abbreviated units" in step.note


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("", "the page holds no samples"),
        (page(3).replace("export_latency_ms", "other_latency_ms"), "the page holds no export_latency_ms buckets"),
        (page(3, top_bound_ms=30000), 'ExportLatencyP95High{severity="critical"} can never fire: the highest finite'),
        (page(3).replace("export_queue_depth", "export_queue_total"), None),
        (page(3) + "broken{\n", None),
    ],
    ids=["empty", "no buckets", "low buckets", "lint", "unreadable"],
)
def test_a_wrong_metrics_page_is_red(text: str, note: str | None, door: Door, tmp_path: Path) -> None:
    """A page that is empty, unreadable, badly named, or no ground for the alerts gives exit 1."""
    snapshot = tmp_path / "metrics_snapshot.txt"
    snapshot.write_text(text)
    done = door("--metrics", snapshot, "--out", tmp_path)
    assert (done.returncode, failed(tmp_path)) == (1, {"check metrics"})
    if note is not None:
        assert note in (steps(tmp_path)["check metrics"].note or "")


def test_without_promtool_there_is_no_verdict_but_a_record(door: Door, tmp_path: Path) -> None:
    """When promtool can't be had: exit 2, one sentence with what to do, and results on file that are not ok."""
    home = tmp_path / "home"
    done = door("--out", tmp_path, PATH=str(tmp_path), HOME=str(home), XDG_CACHE_HOME="", PROMTOOL="")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "rules: no verdict: promtool is not on PATH and apt did not bring it: apt-get is not on"
    )
    assert "brew install prometheus" in done.stderr
    assert done.stderr.count("\n") == 1
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.ok, results.version) == (False, None)
    assert failed(tmp_path) == {"version", "check rules", "test rules"}
    assert "promtool: could not be had" in (tmp_path / "promtool_results.txt").read_text()


@pytest.mark.parametrize("option", ["--rules", "--tests", "--metrics"])
def test_a_missing_input_is_no_verdict(option: str, door: Door, tmp_path: Path) -> None:
    """A file that is not there gives exit 2 and one sentence that names it, and the results are still on file."""
    done = door(option, tmp_path / "absent.yml", "--out", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("rules: no verdict: absent.yml: no ")
    assert done.stderr.count("\n") == 1
    assert not read_one(tmp_path / "promtool.json", PromtoolResults).ok


def test_malformed_yaml_is_no_verdict(copies: Copies, door: Door) -> None:
    """A file that is no rule file gives exit 2 and one sentence."""
    copies.rules.write_text("groups: [\n")
    done = door("--rules", copies.rules, "--tests", copies.tests)
    assert done.returncode == 2
    assert done.stderr.startswith("rules: no verdict: export.yml is no rule file: ")
    assert done.stderr.count("\n") == 1


def test_bad_usage_and_a_bad_folder_are_no_verdict(door: Door, tmp_path: Path) -> None:
    """An unknown option, and a folder that can't be made, give exit 2 without a traceback."""
    assert door("--no-such").returncode == 2
    file = tmp_path / "file"
    file.write_text("")
    done = door("--out", file)
    assert done.returncode == 2
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_teaches(door: Door) -> None:
    """The help names the exit codes and an example."""
    done = door("--help")
    assert done.returncode == 0
    assert "exit codes:" in done.stdout
    assert "python -m rules check --metrics" in done.stdout
