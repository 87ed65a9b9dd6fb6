"""The command in a real subprocess: what it prints, and its exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from assertions.__main__ import main
from assertions.checks.catalogue import CHECKS
from assertions.limits import DEFAULT_PATH
from tests.assertions.cases import scrapes_failing
from tests.assertions.healthy.records import changed, healthy, healthy_run, values, with_pages, write_run
from tests.processes import run_module

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def judged(*arguments: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `python -m assertions`."""
    ended = run_module("assertions", *arguments)
    return ended.code, ended.out, ended.err


def refused(*arguments: str | Path) -> str:
    """The one sentence on stderr of a call that ends with 2 and prints nothing."""
    code, out, said = judged(*arguments)
    assert (code, out) == (2, "")
    assert said.startswith("assertions: ")
    assert said.count("\n") == 1
    return said.removeprefix("assertions: ").rstrip("\n")


@pytest.fixture(scope="module")
def healthy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a healthy service."""
    return write_run(healthy_run(), tmp_path_factory.mktemp("healthy"))


def test_a_healthy_run_directory_passes_all_six(healthy_folder: Path) -> None:
    """Written to disk and judged by the command, a healthy run shows the runbook's six lines and ends with 0."""
    code, out, said = judged(healthy_folder)
    lines = out.splitlines()
    assert (code, said) == (0, "")
    assert lines[0] == "=== Export Metrics Assertions ==="
    assert lines[lines.index("=== Assertions ===") + 1 :][:7] == [
        "✅ Metrics Coverage",
        "✅ Latency P95 < 10s",
        "✅ Success Rate >= 95%",
        "✅ Concurrent <= 5",
        "✅ Queue Depth <= 100",
        "✅ Bytes Exported > 0",
        "✅ All export metrics assertions passed!",
    ]
    assert lines[-3:-1] == ["6 of 6 assertions PASS", "Verdict: GREEN"]


def test_a_failed_assertion_ends_with_1(tmp_path: Path) -> None:
    """A metric that never moved turns its assertion red, says why, and the command ends with 1."""
    still = with_pages(healthy("load"), values("export_memory_bytes", lambda _: 0))
    code, out, said = judged(write_run(healthy_run(load=still), tmp_path))
    assert (code, said) == (1, "")
    assert "❌ FAIL  Metrics Coverage\n" in out
    assert '    because: load/moved: export_memory_bytes{format="csv"} stayed at 0 while exports were made\n' in out
    assert "5 of 6 assertions PASS\nVerdict: RED: 1 of " in out


def test_a_failure_counts_more_than_what_is_missing(tmp_path: Path) -> None:
    """Where one scenario failed and another was not run, the command ends with 1."""
    run = healthy_run(smoke=scrapes_failing(2, 500)(healthy("smoke")))
    kept = {name: record for name, record in run.scenarios.items() if name != "batch"}
    code, out, _ = judged(write_run(replace(run, scenarios=kept), tmp_path))
    assert code == 1
    assert "⚪ NO DATA  Queue Depth <= 100" in out


def test_a_scenario_not_run_ends_with_2(healthy_folder: Path, tmp_path: Path) -> None:
    """Without the batch there is no verdict, and the text says what has not been run."""
    folder = tmp_path / "run"
    shutil.copytree(healthy_folder, folder, ignore=lambda _, names: {"batch"} & set(names))
    code, out, said = judged(folder)
    assert (code, said) == (2, "")
    assert "⚪ NO DATA  Concurrent <= 5\n" in out
    assert "because: run/concurrency-target: the scenario batch has not been run\n" in out
    assert "0 of 6 assertions PASS" in out
    assert "verdicts have no data; batch not run\n" in out


def test_a_run_without_a_single_scenario_ends_with_2(tmp_path: Path) -> None:
    """An empty folder is never green."""
    code, out, _ = judged(tmp_path)
    assert code == 2
    assert out.count("⚪ NO DATA") == 6
    assert "\n⚪ 0 of 6 export metrics assertions passed\n" in out
    assert "smoke, load, batch not run" in out


def test_a_broken_record_ends_with_2_and_is_named(healthy_folder: Path, tmp_path: Path) -> None:
    """A line that is no hit is reported by file and line, in the verdict."""
    folder = tmp_path / "run"
    shutil.copytree(healthy_folder, folder)
    hits = (folder / "load" / "hits.jsonl").read_text().splitlines(keepends=True)
    (folder / "load" / "hits.jsonl").write_text("".join([*hits[:6], "{}\n", *hits[7:]]))
    code, out, _ = judged(folder)
    assert code == 2
    assert "hits.jsonl line 7 is no Hit: Object missing required field `id`" in out


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    """A run directory that is not there ends with 2 and says how to make one."""
    said = refused(tmp_path / "none")
    assert said == (f"{tmp_path / 'none'} is no run directory; make one with `export-at-scale run smoke load batch`")


def test_limits_that_are_wrong_are_one_sentence(healthy_folder: Path, tmp_path: Path) -> None:
    """A limits file that can't be used ends with 2 before anything is judged."""
    bad = tmp_path / "my.toml"
    bad.write_text(DEFAULT_PATH.read_text().replace("target = 10_000", "target = true"))
    assert refused(healthy_folder, "--limits", bad) == (
        f"{bad} can't be used: [[limit]] number 1 (latency_p95_ms): Expected `float`, got `bool` - at `$.target`"
    )


def test_limits_that_are_missing_are_one_sentence(healthy_folder: Path, tmp_path: Path) -> None:
    """A limits file that is not there is reported with its path."""
    bad = tmp_path / "none.toml"
    assert refused(healthy_folder, "--limits", bad) == f"the limits file {bad} can't be read: No such file or directory"


def test_limits_given_are_the_limits_used(healthy_folder: Path, tmp_path: Path) -> None:
    """A stricter file turns the same record red."""
    strict = tmp_path / "strict.toml"
    strict.write_text(DEFAULT_PATH.read_text().replace("target = 10_000", "target = 100"))
    code, out, _ = judged(healthy_folder, "--limits", strict)
    assert code == 1
    assert "P95 of 100 exports of 10k records: 529 ms (limit < 100 ms)" in out


def test_a_run_is_judged_by_its_own_limits(healthy_folder: Path, tmp_path: Path) -> None:
    """Limits that lie in the run directory are used unless others are given."""
    folder = tmp_path / "run"
    shutil.copytree(healthy_folder, folder)
    (folder / "limits.toml").write_text(DEFAULT_PATH.read_text().replace("target = 10_000", "target = 100"))
    assert judged(folder)[0] == 1
    assert judged(folder, "--limits", DEFAULT_PATH)[0] == 0


def test_an_unknown_option_is_bad_usage() -> None:
    """The usage is printed and the command ends with 2."""
    code, out, said = judged("--nothing")
    assert (code, out) == (2, "")
    assert said.splitlines()[-1].startswith("Error: No such option")


def test_the_list_names_every_check() -> None:
    """--list has one line a check, with where it is judged, and ends with 0."""
    code, out, said = judged("--list")
    lines = out.splitlines()
    assert (code, said) == (0, "")
    assert [line.split()[0] for line in lines] == [check.id for check in CHECKS]
    assert "behaviour            smoke                Bad input refused, nothing reachable outside" in lines
    assert "leftovers            smoke, load, batch   Only complete exports in the folder (optional)" in lines
    assert "rules                run                  Alert rules tested with promtool" in lines


def test_the_help_reports_the_exit_codes() -> None:
    """--help says what 0, 1 and 2 mean."""
    code, out, _ = judged("--help")
    assert code == 0
    assert [f"\n    {number}  " in out for number in (0, 1, 2)] == [True] * 3


def test_main_returns_its_code_in_the_same_process(healthy_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Called as a function the command returns what the command exits with."""
    assert main([str(healthy_folder)]) == 0
    assert "6 of 6 assertions PASS" in capsys.readouterr().out
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.count("\n") == len(CHECKS)
    assert main([str(healthy_folder / "none")]) == 2
    assert capsys.readouterr().err.startswith("assertions: ")
    assert main(["--nothing"]) == 2


def test_no_page_at_all_is_never_green(tmp_path: Path) -> None:
    """A target whose metrics page was never read has no verdict, in the command's code too."""
    blind = {name: changed(healthy(name), scrapes=()) for name in ("smoke", "load", "batch")}
    code, out, _ = judged(write_run(healthy_run(**blind), tmp_path))
    assert code == 2
    assert "⚪ NO DATA  Metrics Coverage" in out
    assert "✅" not in out


def noted(folder: Path, **notes: object) -> Path:
    """A run directory with a `run.json` that says this, and keys that the judge does not use."""
    (folder / "run.json").write_text(json.dumps({"run_id": "x", "target": "embedded", **notes}))
    return folder


def test_waivers_of_the_run_are_the_commands_too(tmp_path: Path) -> None:
    """What the run accepted is accepted here: the command says the report's own headline, and passes what it covers."""
    folder = noted(
        write_run(replace(healthy_run(), dashboard=None), tmp_path), waivers={"dashboard": "no Grafana here"}
    )
    code, out, _ = judged(folder)
    assert (code, out.splitlines()[-2]) == (0, "Verdict: GREEN, waived: dashboard (no Grafana here)")


def test_an_incident_of_the_run_is_no_verdict_here_either(healthy_folder: Path, tmp_path: Path) -> None:
    """A run in which something could not be done ends with 2, with that as its headline, though all six pass."""
    shutil.copytree(healthy_folder, folder := tmp_path / "run")
    code, out, _ = judged(noted(folder, incidents=["load: the target is gone", "another"]))
    assert (code, out.splitlines()[-2]) == (2, "Verdict: NO DATA: load: the target is gone")


def test_a_failure_outweighs_an_incident(tmp_path: Path) -> None:
    """What was seen to fail is a failure whatever else could not be done."""
    still = with_pages(healthy("load"), values("export_memory_bytes", lambda _: 0))
    folder = noted(write_run(healthy_run(load=still), tmp_path), incidents=["batch: interrupted"])
    code, out, _ = judged(folder)
    assert code == 1
    assert out.partition("Verdict: ")[2].startswith("RED: 1 of ")


def test_a_run_json_that_can_not_be_read_is_one_sentence(healthy_folder: Path, tmp_path: Path) -> None:
    """Without its waivers and incidents a run directory has no verdict."""
    shutil.copytree(healthy_folder, folder := tmp_path / "run")
    (folder / "run.json").write_text('{"incidents": "none"}')
    assert refused(folder) == (
        f"{folder / 'run.json'} holds no waivers and incidents that can be used: "
        "Expected `array`, got `str` - at `$.incidents`"
    )


def test_signs_that_the_terminal_lacks_are_replaced(healthy_folder: Path) -> None:
    """An output whose encoding has no check mark changes neither the verdict nor the exit code."""
    ended = run_module("assertions", healthy_folder, environment={"PYTHONIOENCODING": "ascii"})
    assert (ended.code, ended.err) == (0, "")
    assert "\n? All export metrics assertions passed!\n" in ended.out
