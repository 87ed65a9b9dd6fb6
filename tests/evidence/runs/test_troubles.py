"""Running where something goes wrong: every trouble is a sentence, no GREEN is left, signals and disks included."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest

from assertions.judge import Report, with_incidents
from assertions.record.files import write_one
from assertions.record.types import RecordError
from evidence import publish as publishing
from evidence import run as running
from evidence.collect.check_workers import OpeningError
from evidence.collect.embedded import EmbeddedError
from evidence.settings import RunError
from evidence.timings import Timings
from tests.assertions.healthy.records import healthy
from tests.evidence.command import REPORT, colours_in, first_line, green_before
from tests.evidence.recorded import Recorded, raising, run, settings, the_context
from tests.evidence.sample_reports import GREEN, RED

Patch = pytest.MonkeyPatch


def test_an_incident_begins_anew(recorded: Recorded, tmp_path: Path) -> None:
    """After something went wrong the next scenario begins a new run rather than completing that one."""
    out = tmp_path / "run"
    run(settings(out, "smoke"), recorded.stages)
    with pytest.raises(RunError, match="load: it is down"):
        run(settings(out, "load"), recorded.but(drive=raising(RunError("it is down"))))
    assert the_context(out).incidents == ("load: it is down",)
    assert (out / "smoke").exists()
    run(settings(out, "load"), recorded.stages)
    assert the_context(out).incidents == ()
    assert not (out / "smoke").exists()


TROUBLES = [
    (RunError("it is down"), "it is down"),
    (RecordError("hits.jsonl is missing"), "hits.jsonl is missing"),
    (EmbeddedError("did not start"), "did not start"),
    (OpeningError("a process died"), "a process died"),
    (OSError(28, "No space left on device"), "can't be written or read: No space left on device"),
    (OSError(28, "No space left on device", "there"), "there can't be written or read: No space left on device"),
    (BrokenPipeError(), "can't be written or read"),
]


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        *(("drive", error, words) for error, words in TROUBLES),
        *((where, *TROUBLES[4]) for where in ("check_files", "check_tools", "publish")),
    ],
)
def test_every_trouble_is_a_sentence(
    recorded: Recorded, tmp_path: Path, where: str, error: Exception, words: str
) -> None:
    """Whatever goes wrong, wherever: one sentence, an incident in the report, and no GREEN though all is recorded."""
    out = green_before(tmp_path / "run")
    real = publishing.publish
    calls: list[Path] = []

    def once(place: Path, timings: Timings, drawn: publishing.Drawn | None) -> Report:
        calls.append(place)
        if len(calls) == 1:
            raise error
        return real(place, timings, drawn)

    stages = recorded.but(**{where: once if where == "publish" else raising(error)})
    names = ("smoke", "load", "batch") if where == "publish" else ("smoke",)
    with pytest.raises(RunError) as raised:
        run(settings(out, *names), stages)
    assert words in str(raised.value)
    assert first_line(out).startswith("# NO DATA: ")
    assert words in first_line(out)
    assert colours_in(out) == []
    assert (out / "manifest.json").is_file()


@pytest.mark.parametrize("where", ["drive", "check_files", "check_tools", "publish"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("our own defect")])
def test_interrupts_and_defects_go_on(recorded: Recorded, tmp_path: Path, where: str, error: BaseException) -> None:
    """Ctrl-C and our own defects leave no GREEN, also when the report itself is what breaks, and are not hidden."""
    out = green_before(tmp_path / "run")
    with pytest.raises(type(error)):
        run(settings(out, "smoke"), recorded.but(**{where: raising(error)}))
    assert first_line(out).startswith("# NO DATA: ")
    assert ("interrupted" if isinstance(error, KeyboardInterrupt) else "our own defect") in first_line(out)
    assert colours_in(out) == []


def test_a_second_interrupt_waits_for_the_report(recorded: Recorded, tmp_path: Path) -> None:
    """Ctrl-C while the last report is written does not cut it off; afterwards signals are heard again."""
    out = tmp_path / "run"
    real = publishing.publish

    def again(place: Path, timings: Timings, drawn: publishing.Drawn | None) -> Report:
        os.kill(os.getpid(), signal.SIGINT)
        return real(place, timings, drawn)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(settings(out, "smoke"), recorded.but(drive=raising(KeyboardInterrupt()), publish=again))
    assert signal.getsignal(signal.SIGINT) is before
    assert (out / "manifest.json").is_file()


def test_a_full_disk_leaves_no_colour(recorded: Recorded, tmp_path: Path, monkeypatch: Patch) -> None:
    """Where not even the small report can be written the old ones are gone, and the folder can be used again."""
    out = green_before(tmp_path / "run")
    write_bytes, full = Path.write_bytes, OSError(28, "No space left on device")

    def refuse(path: Path, data: bytes) -> int:
        if path.name == "verdict.json":
            raise full
        return write_bytes(path, data)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", refuse)
        with pytest.raises(RunError, match="No space left"):
            run(settings(out, "smoke"), recorded.stages)
    assert colours_in(out) == []
    assert not (out / REPORT).exists()
    run(settings(out, "smoke"), recorded.stages)
    assert first_line(out).startswith("# NO DATA: ")


def test_profiles_that_can_not_be_read(recorded: Recorded, tmp_path: Path, monkeypatch: Patch) -> None:
    """A profile that can't be read is what the sentence names, not the run directory; a folder is no profile."""
    folder = tmp_path / "p"
    (folder / "other.toml").mkdir(parents=True)
    run(settings(tmp_path / "run", "smoke", profiles=folder), recorded.stages)
    (folder / "smoke.toml").write_text("")
    real = Path.read_bytes

    def broken(path: Path) -> bytes:
        if path.name == "smoke.toml":
            raise OSError(5, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(RunError, match=r"smoke\.toml can't be written or read"):
        run(settings(tmp_path / "run", "smoke", profiles=folder), recorded.stages)


@pytest.mark.parametrize(
    ("doing", "there", "completed", "words"),
    [
        ("smoke: ", False, False, "the record was complete"),
        ("smoke: ", True, False, "the record was complete"),
        ("smoke: ", True, True, "the exported files were opened"),
        ("", True, True, "the report was written"),
    ],
)
def test_what_was_missing_when_it_was_interrupted(
    tmp_path: Path, doing: str, there: bool, completed: bool, words: str
) -> None:
    """The sentence tells how far the run had come."""
    if there:
        scenario = healthy("smoke").scenario
        phases = tuple(msgspec.structs.replace(phase, completed=completed) for phase in scenario.phases)
        (tmp_path / "smoke").mkdir()
        write_one(tmp_path / "smoke" / "scenario.json", msgspec.structs.replace(scenario, phases=phases))
    assert running._missing(tmp_path, doing) == words


def test_incidents_are_never_green() -> None:
    """An incident prevents GREEN, and leaves RED as it is."""
    assert with_incidents(GREEN, ()) is GREEN
    assert with_incidents(RED, ("x",)) is RED
    assert (with_incidents(GREEN, ("x", "y")).colour, with_incidents(GREEN, ("x",)).headline) == (
        "NO DATA",
        "NO DATA: x",
    )
