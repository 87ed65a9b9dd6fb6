"""Running: joining, what is left behind, exit codes; the load itself is a stand-in here."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from assertions.judge import Report, judge
from assertions.limits import load as load_limits
from assertions.record.files import read_one
from assertions.verdicts import failed, no_data, not_run, passed
from evidence import command, subcommands
from evidence import publish as publishing
from evidence import run as running
from evidence.bundle import commands, run_folder
from evidence.bundle.errors import VerifyError
from evidence.collect.embedded import Embedded
from evidence.interrupts import take_signals
from evidence.reports.proofs import fault_coverage
from evidence.run import exit_code
from evidence.settings import RunError, Settings
from evidence.stages import Stages
from loadtests.progress_view import View
from loadtests.runner.request import RunRequest
from tests.assertions.healthy.records import healthy, healthy_run, with_scenario, with_status, write_run
from tests.evidence.command import PROFILE, Shown, first_line
from tests.evidence.recorded import Recorded, raising, record_of, run, settings, the_context
from tests.evidence.sample_reports import GREEN, RED, SMOKE_ONLY, report

Patch = pytest.MonkeyPatch


def test_green_at_once(recorded: Recorded, tmp_path: Path, monkeypatch: Patch) -> None:
    """Three healthy scenarios make a GREEN run, with code 0 and a first line that says so."""
    (tmp_path / "proof.json").write_text("{}")
    monkeypatch.setattr(fault_coverage, "STORED", tmp_path / "proof.json")
    judged, code = run(settings(tmp_path / "run", "smoke", "load", "batch"), recorded.stages)
    assert (judged.colour, code) == ("GREEN", 0)
    expected = "# GREEN – http://127.0.0.1:4001 1.7.0-export-scale, unnamed, 2026-01-02 03:04 UTC, 20 s"
    assert first_line(tmp_path / "run") == expected
    assert (tmp_path / "run" / "sensitivity.json").read_text() == "{}"


def test_scenarios_complete_each_other(recorded: Recorded, tmp_path: Path) -> None:
    """Scenarios run one after the other join one run; each is green for itself, the last makes the whole GREEN."""
    out = tmp_path / "run"
    colours = []
    for name in ("smoke", "load", "batch"):
        judged, code = run(settings(out, name), recorded.stages)
        colours.append((judged.colour, code))
    assert colours == [("NO DATA", 0), ("NO DATA", 0), ("GREEN", 0)]


@pytest.mark.parametrize(
    "fields",
    [{"target": "http://127.0.0.1:8"}, {"waivers": {"memory": "remote"}}, {"target": None, "scenarios": ("load",)}],
)
def test_another_target_begins_anew(recorded: Recorded, tmp_path: Path, fields: Any) -> None:
    """With another target or other waivers nothing of the run that is there stays."""
    run(settings(tmp_path / "run", "smoke"), recorded.stages)
    run(settings(tmp_path / "run", "load", **fields), recorded.stages)
    assert not (tmp_path / "run" / "smoke").exists()
    assert (tmp_path / "run" / "load").exists()


def test_other_limits_and_profiles_begin_anew(recorded: Recorded, tmp_path: Path) -> None:
    """Other limits, or other profiles, begin a new run; the same ones do not."""
    out, mine = tmp_path / "run", tmp_path / "limits.toml"
    mine.write_bytes(Settings(scenarios=(), out=out, target=None, waivers={}).limits.read_bytes() + b"# mine\n")
    run(settings(out, "smoke"), recorded.stages)
    run(settings(out, "load", limits=mine), recorded.stages)
    assert sorted(path.name for path in out.iterdir() if path.name in ("smoke", "load")) == ["load"]
    assert (out / "limits.toml").read_bytes() == mine.read_bytes()
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "batch.toml").write_text(PROFILE)
    run(settings(out, "batch", limits=mine, profiles=tmp_path / "p"), recorded.stages)
    assert sorted(path.name for path in out.iterdir() if path.name in ("load", "batch")) == ["batch"]
    run(settings(out, "smoke", limits=mine, profiles=tmp_path / "p"), recorded.stages)
    assert sorted(path.name for path in out.iterdir() if path.name in ("smoke", "batch")) == ["batch", "smoke"]


def test_a_scenario_that_is_there_begins_anew(recorded: Recorded, tmp_path: Path) -> None:
    """Running a scenario again begins a new run, and what somebody put next to it stays."""
    out = tmp_path / "run"
    run(settings(out, "smoke", "load"), recorded.stages)
    (out / "notes.txt").write_text("mine")
    run(settings(out, "load"), recorded.stages)
    assert not (out / "smoke").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_somebody_elses_folder(recorded: Recorded, tmp_path: Path) -> None:
    """A folder with other things in it is refused, and stays as it is."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="choose an empty --out"):
        run(settings(tmp_path, "smoke"), recorded.stages)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("judged", "code"),
    [
        (GREEN, 0),
        (SMOKE_ONLY, 0),
        (RED, 1),
        (report("NO DATA", "NO DATA", {"names": no_data("unseen")}), 2),
        (report("NO DATA", "NO DATA", {"names": not_run("load")}), 0),
        (report("RED", "RED", {"names": no_data("unseen"), "rules": failed("broken")}), 1),
        (report("GREEN", "GREEN", {"memory": no_data("unseen")}, {"memory": "remote"}), 0),
        (report("GREEN", "GREEN", {"rules": passed("all well")}), 0),
    ],
)
def test_exit_codes(judged: Report, code: int) -> None:
    """0: nothing failed of what was run; 1: something failed; 2: something that was run could not be measured."""
    assert exit_code(judged) == code


@pytest.mark.e2e
def test_the_shutdown_of_the_embedded_service_is_noted(recorded: Recorded, tmp_path: Path) -> None:
    """The embedded service is really started and ended, and how it ended goes into the scenario's record."""
    seen: list[RunRequest] = []

    def drive(out: Path, request: RunRequest, view: View) -> None:
        seen.append(request)
        assert Path(request.exports or "").is_dir()
        recorded.drive(out, request, view)

    run(settings(tmp_path / "run", "smoke", target=None), recorded.but(serve=Stages().serve, drive=drive))
    scenario = read_one(tmp_path / "run" / "smoke" / "scenario.json", type(healthy("smoke").scenario))
    assert (scenario.embedded, scenario.shutdown_exit_code) == (True, 0)
    assert seen[0].target.startswith("http://127.0.0.1:") and seen[0].embedded


@pytest.mark.e2e
def test_the_service_ends_while_files_are_checked(recorded: Recorded, tmp_path: Path) -> None:
    """Files are checked while the service is ended; an interrupt there leaves no service behind."""
    services: list[Embedded] = []
    ended = threading.Event()

    @contextlib.contextmanager
    def serve(log: Path) -> Iterator[Embedded]:
        with Stages().serve(log) as service:
            services.append(service)
            yield service

    @contextlib.contextmanager
    def observe(name: str, target: str, folder: Path) -> Iterator[None]:
        yield
        ended.set()

    def check_files(*_: object) -> None:
        assert ended.wait(60)

    mine = recorded.but(serve=serve, observe=observe, check_files=check_files)
    assert run(settings(tmp_path / "run", "smoke", target=None), mine)[1] == 0
    with pytest.raises(KeyboardInterrupt):
        run(
            settings(tmp_path / "other", "smoke", target=None),
            recorded.but(serve=serve, check_files=raising(KeyboardInterrupt())),
        )
    assert [service.process.poll() is None for service in services] == [False, False]


def test_the_command_in_this_process(
    recorded: Recorded, tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    """run, verify and gate through the command: codes and words, GREEN, RED and interrupted."""
    out = str(tmp_path / "run")
    words = ["run", "smoke", "load", "batch", "--target", "http://127.0.0.1:9/", "--out", out]
    monkeypatch.setattr(subcommands, "run", lambda asked, shown: running.run(asked, shown, recorded.stages))
    assert command.main([*words, "--workers", "1", "--waive", "memory=a  reason", "--timings"]) == 0
    assert the_context(Path(out)).waivers == {"memory": "a reason"}
    assert the_context(Path(out)).target == "http://127.0.0.1:9"
    reported = capsys.readouterr().out
    assert "Verdict: GREEN" in reported
    assert re.search(r"^smoke   load +\d+\.\d\d s$", reported, re.MULTILINE)
    monkeypatch.setattr(commands, "verify_apart", lambda folder, key, timings: ([], GREEN))
    assert command.main(["verify", out]) == 0
    assert command.main(["gate", out]) == 0
    assert capsys.readouterr().out.endswith("gate: open\n")
    for problems, judged in ([], RED), (["x was changed"], GREEN), ([], SMOKE_ONLY), (["broken"], None):
        answer = problems, judged
        monkeypatch.setattr(commands, "verify_apart", lambda folder, key, timings, answer=answer: answer)
        assert command.main(["gate", out]) == 1
        assert command.main(["verify", out]) == (1 if problems else 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    take_signals()
    monkeypatch.setattr(commands, "verify_apart", raising(VerifyError("no")))
    assert command.main(["verify", out]) == 2
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    monkeypatch.setattr(subcommands, "run", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert command.main(words) == 2
    assert capsys.readouterr().err.endswith("evidence: interrupted; the report says so\n")


def test_a_smoke_only_reads_as_such(recorded: Recorded, tmp_path: Path) -> None:
    """What passed is counted, and what was not run is named once, without a line for each of its checks."""
    judged, code = run(settings(tmp_path / "run", "smoke"), recorded.stages)
    assert code == 0
    passes = sum(one.scenario == "smoke" and one.status == "PASS" for one in judged.verdicts)
    assert subcommands.closing_text(judged).splitlines()[-1].startswith(f"smoke: {passes} PASS, 0 FAIL")
    assert subcommands.closing_text(judged).endswith("; load and batch not run yet")
    optional = [one.id for one in judged.verdicts if one.scenario == "smoke" and one.status == "NO DATA"]
    shown = f", {len(optional)} NO DATA (not needed for GREEN)" if optional else ""
    assert f" 0 FAIL{shown}; load" in subcommands.closing_text(judged)
    assert "FAIL  " not in subcommands.closing_text(judged)


def test_an_older_run_is_moved_aside(recorded: Recorded, tmp_path: Path) -> None:
    """A run that begins anew says why, and leaves the one that was there whole, in the history next to the run."""
    out = tmp_path / "run"
    run(settings(out, "smoke"), recorded.stages)
    before = {path.relative_to(out): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    shown = Shown()
    running.run(settings(out, "smoke"), shown, recorded.stages)
    (kept,) = (tmp_path / "run.history").iterdir()
    assert {path.relative_to(kept): path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before
    line = f"a new run begins, since the older one has smoke already; the older run is kept in {kept}"
    assert line in shown.lines


@pytest.mark.parametrize(("then", "joined"), [(("load",), True), (("smoke",), False)])
def test_what_is_to_come_makes_a_new_run(
    recorded: Recorded, tmp_path: Path, then: tuple[str, ...], joined: bool
) -> None:
    """Load completes the run that has smoke, unless a command after it would run smoke again."""
    out = tmp_path / "run"
    run(settings(out, "smoke"), recorded.stages)
    run(replace(settings(out, "load"), then=then), recorded.stages)
    assert (out / "smoke").exists() == joined
    assert (tmp_path / "run.history").exists() != joined


def test_a_target_that_is_down_costs_nothing(recorded: Recorded, tmp_path: Path) -> None:
    """Where the target can't be reached, the older run stays where it is, byte for byte, and no folder is made."""
    out = tmp_path / "run"
    run(settings(out, "smoke"), recorded.stages)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for place in (out, tmp_path / "new"):
        with pytest.raises(RunError, match="it is down"):
            run(settings(place, "smoke"), recorded.but(reach=raising(RunError("it is down"))))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()


def test_the_history_keeps_the_last_twenty_and_the_last_green(tmp_path: Path) -> None:
    """Older ones go; a GREEN one that is older than all of the twenty stays."""
    for number in range(25):
        colour = "GREEN" if number == 2 else "RED"
        write_older(tmp_path / f"2026-{number:02}", colour)
    run_folder.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2026-02", *(f"2026-{n:02}" for n in range(5, 25))]


def write_older(folder: Path, colour: str) -> None:
    """A run directory of this colour, as far as the history looks at it."""
    folder.mkdir()
    (folder / "run.json").write_text('{"run_id": "x", "harness_sha256": "y"}')
    (folder / "verdict.json").write_text(f'{{"colour": "{colour}"}}')


def test_figures(tmp_path: Path) -> None:
    """Figures of a record show the target's version only where it is a text, and unknown where nothing was measured."""
    record = healthy("smoke")
    odd = with_status(record, lambda body: body.update(version=7))
    bare = with_scenario(
        odd, generator=type(record.scenario.generator)(**{**generator_fields(record), "cpu_ratio": None})
    )
    said = judge(healthy_run(), load_limits())
    shown = publishing.figures(replace(healthy_run(), scenarios={"smoke": bare}), said, load_limits(), ())
    assert shown.target_version is None
    assert "busiest unknown" in shown.generators["smoke"]
    assert (
        publishing.figures(replace(healthy_run(), scenarios={"smoke": record}), said, load_limits(), ()).target_version
        is not None
    )
    assert said.colour == "GREEN"


def test_figures_show_both_latencies_and_the_instrument() -> None:
    """From the planned and from the real start, case by case; and what the generator measured of the known server."""
    run = replace(healthy_run(), scenarios={"load": healthy("load")})
    shown = publishing.figures(run, judge(run, load_limits()), load_limits(), ())
    found = next(row for row in shown.latencies if (row.phase, row.case) == ("measure", "csv-10k"))
    assert len(found.started_ms) == len(found.planned_ms) > 50
    for started, planned in zip(found.started_ms, found.planned_ms, strict=True):
        assert planned - started == pytest.approx(0.2, abs=0.01)
    assert (shown.instruments["load"].cpu_ratio, shown.instruments["load"].scheduling_delay_p99_ms) == (0.2, None)
    assert list(shown.instruments["load"].errors_ms) == pytest.approx([1.0] * 100, abs=0.01)


def generator_fields(record: Any) -> dict[str, Any]:
    """The fields of a record's generator."""
    made = record.scenario.generator
    return {name: getattr(made, name) for name in made.__struct_fields__}


def test_abort_on_fail_goes_on_while_a_green_can_come(recorded: Recorded, tmp_path: Path) -> None:
    """Nothing failed: all three are run."""
    judged, _ = run(settings(tmp_path / "run", "smoke", "load", "batch", abort_on_fail=True), recorded.stages)
    assert (judged.colour, recorded.done) == ("GREEN", ["smoke", "load", "batch"])


@pytest.mark.parametrize("stopped", [False, True])
def test_abort_on_fail_ends_with_the_scenario_that_failed(recorded: Recorded, tmp_path: Path, stopped: bool) -> None:
    """A FAIL, or a load that was stopped for one, leaves what comes after undone, and says so."""
    shown = Shown()

    def failing(out: Path, request: RunRequest, view: View) -> None:
        name = request.scenario
        recorded.drive(out, request, view)
        record = record_of(request)
        if stopped:
            phases = tuple(
                msgspec.structs.replace(phase, completed=False, ended="aborted", note="stopped early: too slow")
                for phase in record.scenario.phases
            )
            record = with_scenario(record, phases=phases)
        else:
            record = with_status(record, lambda body: body.update(status="asleep"))
        shutil.rmtree(out / name)
        write_run(replace(healthy_run(), scenarios={name: record}), out)

    asked = settings(tmp_path / "run", "smoke", "load", "batch", abort_on_fail=True)
    running.run(asked, shown, recorded.but(drive=failing))
    assert recorded.done == ["smoke"]
    reason = "stopped early: too slow" if stopped else "status-page is FAIL"
    assert any(reason in line and "the run can no longer be GREEN, load, batch not run" in line for line in shown.lines)


@pytest.mark.parametrize("minutes", [None, 1.0])
def test_a_additional_scenario_may_be_stretched_or_not(minutes: float | None) -> None:
    """Its own length is as good as another."""
    subcommands.check_scenarios(settings(Path(), "soak", minutes=minutes))
