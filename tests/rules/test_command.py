"""The command as users run it: rules broken on purpose turn it red, and its exit codes and files are as documented."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from assertions.limits import DEFAULT_PATH
from assertions.record.files import read_one
from rules.records import PromtoolResults, Step
from tests.processes import run_module
from tests.rules.conftest import Copies, RunCommand, cut, edit
from tests.rules.endpoint import page

pytestmark = pytest.mark.e2e

NAMES = ("version", "check rules", "test rules", "rule coverage", "expressions")


def steps(out: Path) -> dict[str, Step]:
    """The steps on file, by name."""
    return {step.name: step for step in read_one(out / "promtool.json", PromtoolResults).steps}


def failed(out: Path) -> set[str]:
    """The names of the steps on file that are not ok."""
    return {name for name, step in steps(out).items() if not step.ok}


def test_the_committed_rules_pass(run_command: RunCommand, tmp_path: Path) -> None:
    """Our own rules pass every check: exit 0, both files written, the alerts named."""
    done = run_command("--kept", "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert results.ok
    assert tuple(step.name for step in results.steps) == NAMES
    assert results.alerts == (
        "ExportLatencyP95High",
        "ExportFailSpike",
        "ExportBytesAnomaly",
        "ExportConcurrentHigh",
        "ExportSuccessRateLow",
        "ExportSuccessRateCritical",
        "ExportQueueNearlyFull",
        "ExportQueueOverBound",
        "ExportOverConcurrencyLimit",
        "ExportMemoryHigh",
        "ExportTargetDown",
        "ExportMetricsMissing",
        "ExportQueueStalled",
        "ExportErrorBudgetBurnFast",
        "ExportErrorBudgetBurnSlow",
    )
    text = (tmp_path / "promtool_results.txt").read_text()
    assert text.startswith(f"promtool {results.version}\n")
    assert "$ promtool check rules --lint=all --lint-fatal export.yml\nexit code 0\n" in text
    assert "$ promtool test rules export.test.yml\nexit code 0\n" in text


COVERAGE, EXPRESSIONS, TEST, CHECK = "rule coverage", "expressions", "test rules", "check rules"
METRICS, OFFERED = "check metrics", "series offered"
MISSPELT = "eval_time: 9m\n        alertname: ExportQueueOver"


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
    "no le": Break("sum by (job, le, format, size)", "sum by (job, format, size)", {TEST, EXPRESSIONS}),
    "bucket twice": Break("latency_ms_bucket", "latency_ms_bucket_bucket", {TEST, COVERAGE, EXPRESSIONS}),
    "moved limit": Break("> 10000", "> 25000", {TEST}),
    "longer wait": Break("for: 10m", "for: 10h", {TEST}),
    "same rule twice": Break("severity: critical", "severity: warning", {CHECK, TEST, COVERAGE}),
    "misspelt alert": Break(f"{MISSPELT}Bound", f"{MISSPELT}Buond", {COVERAGE}, in_tests=True),
    "glob without a match": Break("  - export.yml\n", "  - export.yml\n  - no-such-*.yml\n", {COVERAGE}, in_tests=True),
}
"""`bucket twice` is what the first implementation's family name leads to."""


def seen_by(copies: Copies, run_command: RunCommand, out: Path) -> set[str]:
    """Run the command on the copies, which must be red; return the failed checks."""
    done = run_command("check", "--rules", copies.rules, "--tests", copies.tests, "--out", out)
    assert (done.code, done.err) == (1, "")
    assert not read_one(out / "promtool.json", PromtoolResults).ok
    return failed(out)


@pytest.mark.parametrize("name", BREAKS)
def test_each_break_turns_red(name: str, some: Copies, run_command: RunCommand, tmp_path: Path) -> None:
    """Each break gives exit 1, and exactly the checks that can see it fail."""
    broken = BREAKS[name]
    path = some.tests if broken.in_tests else some.rules
    if broken.old:
        edit(path, broken.old, broken.new)
    else:
        path.write_text(broken.new)
    assert seen_by(some, run_command, tmp_path / "out") == broken.seen_by


def test_an_alert_without_a_test_is_red(some: Copies, run_command: RunCommand, tmp_path: Path) -> None:
    """An alert whose test is removed passes in promtool; only the meta-check sees it."""
    text = some.tests.read_text()
    start, end = text.index("  - name: concurrency"), text.index("  # ---- ExportMemoryHigh")
    edit(some.tests, text[start:end], "")
    assert seen_by(some, run_command, tmp_path / "out") == {COVERAGE}
    assert steps(tmp_path / "out")[COVERAGE].output.splitlines() == [
        'ExportOverConcurrencyLimit{severity="critical"} has no case in which it fires',
        'ExportOverConcurrencyLimit{severity="critical"} has no case in which it keeps silent',
    ]


def test_a_syntax_error_is_red(some: Copies, run_command: RunCommand, tmp_path: Path) -> None:
    """PromQL that promtool can't parse fails its own check with promtool's exit code 1."""
    edit(some.rules, "export_queue_depth > 80", "export_queue_depth >> 80")
    done = run_command("--rules", some.rules, "--tests", some.tests, "--out", tmp_path)
    assert done.code == 1
    assert steps(tmp_path)["check rules"].exit_code == 1
    assert failed(tmp_path) == {"check rules", "test rules", "rule coverage", "expressions"}


def test_a_lint_finding_is_red(some: Copies, run_command: RunCommand, tmp_path: Path) -> None:
    """A rule that is there twice, word for word, fails promtool's lint with its exit code 3."""
    text = some.rules.read_text()
    start = text.index("      - alert: ExportOverConcurrencyLimit")
    rule = text[start : text.index("\n\n", start) + 1]
    edit(some.rules, rule, rule + rule)
    done = run_command("--rules", some.rules, "--tests", some.tests, "--out", tmp_path)
    assert done.code == 1
    assert steps(tmp_path)["check rules"].exit_code == 3


def test_a_metrics_page_is_checked(run_command: RunCommand, tmp_path: Path) -> None:
    """A page of the contract passes, with the complaints about the contract's own names allowed by name."""
    snapshot = tmp_path / "metrics_snapshot.txt"
    snapshot.write_text(page(3))
    done = run_command("--kept", "--metrics", snapshot, "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    step = steps(tmp_path)["check metrics"]
    assert (step.ok, step.exit_code, step.argv) == (True, 3, ("promtool", "check", "metrics"))
    assert step.note is not None
    assert "export_latency_ms metric names should not contain abbreviated units" in step.note
    assert steps(tmp_path)["series offered"].note == "22 expressions find their series"


@pytest.mark.parametrize(
    ("text", "red", "said"),
    [
        ("", {METRICS, OFFERED}, "the page holds no samples"),
        (
            page(3).replace("export_latency_ms", "other_latency_ms"),
            {METRICS, OFFERED},
            "the page holds no export_latency_ms buckets",
        ),
        (
            page(3, top_bound_ms=30000),
            {METRICS},
            'ExportLatencyP95High{severity="critical"} can never fire: the highest finite',
        ),
        (
            page(3).replace("export_queue_depth", "export_queue_total"),
            {METRICS, OFFERED},
            'ExportQueueOverBound{severity="critical"}: no series export_queue_depth is on the page',
        ),
        (page(3) + "broken{\n", {METRICS, OFFERED}, "text format parsing error in line"),
        (page(3).replace("\n", "\r\n"), {METRICS}, 'line 2: unknown metric type "counter\\r"'),
        (page(3).rstrip("\n"), {METRICS}, "unexpected end of input stream"),
        (
            page(3).replace('le="+Inf"} 30\n', 'le="+Inf"} 30\nexport_latency_ms_bucket{le="Infinity"} 30\n', 1)
            + 'export_latency_ms_bucket{le="+Inf"} 30\n',
            {OFFERED},
            'export_latency_ms_bucket has one bucket twice, le="Infinity" and le="+Inf", in 1 of its series',
        ),
    ],
    ids=["empty", "no buckets", "low buckets", "lint", "unreadable", "crlf", "no last line feed", "doubled bucket"],
)
def test_a_wrong_metrics_page_is_red(
    text: str, red: set[str], said: str, run_command: RunCommand, tmp_path: Path
) -> None:
    """A page that is empty, malformed, badly named, or no ground for the alerts gives exit 1 and the reason."""
    snapshot = tmp_path / "metrics_snapshot.txt"
    snapshot.write_bytes(text.encode())
    done = run_command("--kept", "--metrics", snapshot, "--out", tmp_path)
    assert (done.code, failed(tmp_path)) == (1, red)
    assert said in (tmp_path / "promtool_results.txt").read_text()


def test_without_promtool_there_is_no_verdict_but_a_record(run_command: RunCommand, tmp_path: Path) -> None:
    """When promtool can't be had: exit 2, one sentence with what to do, and results on file that are not ok."""
    home = tmp_path / "home"
    done = run_command("--out", tmp_path, PATH=str(tmp_path), HOME=str(home), XDG_CACHE_HOME="", PROMTOOL="")
    assert done.code == 2
    assert done.err.startswith("rules: no verdict: promtool is not on PATH and apt did not bring it: apt-get is not on")
    assert "brew install prometheus" in done.err
    assert done.err.count("\n") == 1
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.ok, results.version) == (False, None)
    assert failed(tmp_path) == {"version", "check rules", "test rules"}
    assert "promtool: could not be had" in (tmp_path / "promtool_results.txt").read_text()


@pytest.mark.parametrize("option", ["--rules", "--tests", "--metrics"])
def test_a_missing_input_is_no_verdict(option: str, run_command: RunCommand, tmp_path: Path) -> None:
    """A file that is not there gives exit 2 and one sentence that names it, and the results are still on file."""
    done = run_command("--kept", option, tmp_path / "absent.yml", "--out", tmp_path)
    assert done.code == 2
    assert done.err.startswith("rules: no verdict: absent.yml: no ")
    assert done.err.count("\n") == 1
    assert not read_one(tmp_path / "promtool.json", PromtoolResults).ok


def test_malformed_yaml_is_no_verdict(copies: Copies, run_command: RunCommand) -> None:
    """A file that is no rule file gives exit 2 and one sentence."""
    copies.rules.write_text("groups: [\n")
    done = run_command("--rules", copies.rules, "--tests", copies.tests)
    assert done.code == 2
    assert done.err.startswith("rules: no verdict: export.yml is no rule file: ")
    assert done.err.count("\n") == 1


def test_bad_usage_and_a_bad_folder_are_no_verdict(run_command: RunCommand, tmp_path: Path) -> None:
    """An unknown option, and a folder that can't be made, give exit 2 without a traceback."""
    assert run_command("--no-such").code == 2
    file = tmp_path / "file"
    file.write_text("")
    done = run_command("--kept", "--out", file)
    assert done.code == 2
    assert "can't be written" in done.err
    assert "Traceback" not in done.err


def test_help_teaches() -> None:
    """In a separate process the help names the exit codes and an example."""
    done = run_module("rules", "--help")
    assert done.code == 0
    assert "exit codes:" in done.out
    assert "export-at-scale rules check --metrics" in done.out


def limits(folder: Path, old: str, new: str) -> Path:
    """The default limits with one text replaced."""
    text = DEFAULT_PATH.read_text()
    assert old in text
    path = folder / "limits.toml"
    path.write_text(text.replace(old, new))
    return path


def test_build_writes_rules_with_other_limits(run_command: RunCommand, tmp_path: Path) -> None:
    """`build --limits FILE --out FILE` moves the alerts' bounds, and the rules built pass their own tests."""
    mine = limits(tmp_path, "target = 10_000\ncritical = 30_000", "target = 2_000\ncritical = 6_000")
    built = tmp_path / "deploy" / "mine.yml"
    done = run_command("build", "--limits", mine, "--out", built)
    assert (done.code, done.out, done.err) == (0, "wrote mine.yml and mine.test.yml\n", "")
    assert re.findall(r"export_latency_ms_bucket.* > (\S+)", built.read_text()) == ["2000", "6000"]
    cut(Copies(built, built.with_name("mine.test.yml")))
    checked = run_command("check", "--rules", built, "--out", tmp_path)
    assert (checked.code, checked.err) == (0, "")
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.file, results.ours) == ("mine.yml", False)


def test_check_with_other_limits(run_command: RunCommand, tmp_path: Path) -> None:
    """`check --limits FILE` checks our rules as built from it: a bound above every bucket is reported by the page."""
    mine = limits(tmp_path, "target = 10_000\ncritical = 30_000", "target = 10_000\ncritical = 90_000")
    snapshot = tmp_path / "page.txt"
    snapshot.write_text(page(3))
    done = run_command("check", "--limits", mine, "--metrics", snapshot, "--out", tmp_path)
    assert (done.code, failed(tmp_path)) == (1, {METRICS})
    assert 'ExportLatencyP95High{severity="critical"} can never fire: the highest finite bucket is 60000 ms' in (
        steps(tmp_path)[METRICS].note or ""
    )
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.file, results.ours) == ("export.yml", True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "--limits", "x.toml"), "build --limits FILE needs --out FILE"),
        (("build", "--metrics", "x.txt"), "No such option"),
        (("check", "--limits", "x.toml", "--rules", "y.yml"), "no other rules or tests can be given"),
        (("check", "--limits", "no-such.toml"), "no-such.toml can't be read"),
        (("build", "--limits", "no-such.toml", "--out", "x.yml"), "no-such.toml can't be read"),
        (("build", "--out", "/dev/null/x.yml"), "x.yml can't be written: "),
    ],
)
def test_bad_usage_of_limits_is_no_verdict(arguments: tuple[str, ...], said: str, run_command: RunCommand) -> None:
    """What can't be built gives exit 2 and says why."""
    done = run_command(*arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_limit_without_a_bad_side_is_no_verdict(run_command: RunCommand, tmp_path: Path) -> None:
    """A limit turned round leaves its alert without a meaning: exit 2, and the limit is named."""
    mine = limits(tmp_path, 'op = "<"\ntarget = 10_000\ncritical = 30_000', 'op = ">"\ntarget = 10_000')
    done = run_command("build", "--limits", mine, "--out", tmp_path / "x.yml")
    assert done.code == 2
    assert done.err == ("rules: no verdict: limit latency_p95_ms: an alert on it needs an operator of < or <=, not >\n")


THEIRS = """\
groups:
- name: g
  rules:
  - record: format:export_failures:rate5m
    expr: sum by (format) (rate(export_fail_total[5m]))
  - alert: Failing
    expr: format:export_failures:rate5m > 0.1
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.format }}"}
  - alert: Down
    expr: up{job="export"} == 0
    labels: {severity: critical}
  - alert: Deep
    expr: export_queue_depth > 50
    labels:
      severity: '{{ if gt $value 80.0 }}critical{{ else }}warning{{ end }}'
"""
THEIR_TESTS = """\
rule_files: [theirs.yml]
evaluation_interval: 1m
tests:
- interval: 1m
  input_series:
  - {series: 'export_fail_total{format="csv",reason="io"}', values: '0+60x20'}
  - {series: 'up{job="export"}', values: '1x10 0x10'}
  - {series: 'export_queue_depth{instance="a"}', values: '40x5 90x15'}
  alert_rule_test:
  - eval_time: 15m
    alertname: Failing
    exp_alerts: [{exp_labels: {severity: warning, format: csv}, exp_annotations: {summary: csv}}]
  - {eval_time: 0m, alertname: Failing, exp_alerts: []}
  - {eval_time: 15m, alertname: Down, exp_alerts: [{exp_labels: {severity: critical, job: export}}]}
  - {eval_time: 5m, alertname: Down, exp_alerts: []}
  - {eval_time: 15m, alertname: Deep, exp_alerts: [{exp_labels: {severity: critical, instance: a}}]}
  - {eval_time: 3m, alertname: Deep, exp_alerts: []}
"""


def test_a_rule_file_of_the_users_own(run_command: RunCommand, tmp_path: Path) -> None:
    """Recorded names, `up` and a severity chosen by the value are right, and the tests are found next to the rules."""
    (tmp_path / "theirs.yml").write_text(THEIRS)
    (tmp_path / "theirs.test.yml").write_text(THEIR_TESTS)
    done = run_command("check", "--rules", tmp_path / "theirs.yml", "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    results = read_one(tmp_path / "promtool.json", PromtoolResults)
    assert (results.file, results.ours, results.alerts) == ("theirs.yml", False, ("Failing", "Down", "Deep"))
