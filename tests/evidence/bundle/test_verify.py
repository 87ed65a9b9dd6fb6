"""Verifying a real run directory: whatever is changed in it is found, with and without a mended manifest."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import pytest

from assertions.record.files import read_one
from assertions.record.types import Plan
from evidence.bundle import manifest
from evidence.bundle.errors import VerifyError
from evidence.bundle.verify import verify
from evidence.collect.request_bodies import request_body
from evidence.publish import verdict_json
from evidence.reports.faces.pdf import pdf
from tests.evidence.bundle.tampering import edit, mend, name_again, problems
from tests.evidence.command import REPORT, copied, run_command
from tests.evidence.conftest import Made
from tests.evidence.golden import model_of

pytestmark = pytest.mark.e2e


def test_a_whole_run_holds(made: Made) -> None:
    """What a run left holds, and judged again it is what it was."""
    said, report = verify(made.path)
    assert said == []
    assert report is not None
    assert verdict_json(report) == (made.path / "verdict.json").read_bytes()


def test_every_artifact_by_one_bit(made: Made, tmp_path: Path) -> None:
    """One bit changed in the middle of any file of the run is found, and the file named."""
    out = copied(made.path, tmp_path)
    listed = manifest.read(out)
    names = [artifact.path for artifact in listed.artifacts]
    assert {"run.json", "limits.toml", "verdict.json", REPORT, "smoke/hits.jsonl", "sample_1k.csv"} <= set(names)
    for name in names:
        content = (out / name).read_bytes()
        if not content:
            continue
        middle = len(content) // 2
        (out / name).write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        (problem,) = manifest.differences(out, listed)
        assert problem.startswith(f"{name} was changed: ")
        (out / name).write_bytes(content)
    assert verify(out)[0] == []


def test_a_changed_byte_by_the_command(bundle: Path) -> None:
    """The command ends with 1 and names the file in which one byte was changed."""
    name = "smoke/hits.jsonl"
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    ended = run_command("verify", bundle)
    assert (ended.code, ended.err) == (1, "")
    assert f"{name} was changed" in ended.out


def test_a_removed_and_an_added_file_by_the_command(bundle: Path) -> None:
    """The command ends with 1 and names both."""
    (bundle / "smoke" / "health.jsonl").unlink()
    (bundle / "added.txt").write_text("x")
    ended = run_command("verify", bundle)
    assert ended.code == 1
    assert "smoke/health.jsonl is missing" in ended.out
    assert "added.txt is not in the manifest" in ended.out


def test_a_number_in_the_verdict(bundle: Path) -> None:
    """An edited reason in verdict.json is found though the manifest was mended, because it is judged again."""

    def better(document: Any) -> None:
        verdict = next(one for one in document["verdicts"] if one["id"] == "smoke-latency")
        verdict["judgement"]["reason"] = "it took 1 ms"

    edit(bundle / "verdict.json", better)
    mend(bundle)
    found = problems(bundle)
    assert "verdict.json says smoke/smoke-latency" in found
    assert "it took 1 ms" in found


def test_a_colour_in_the_verdict(bundle: Path) -> None:
    """A verdict.json made GREEN by hand is found, by its headline and by the gate."""

    def green(document: Any) -> None:
        document["colour"], document["headline"] = "GREEN", "GREEN"

    edit(bundle / "verdict.json", green)
    mend(bundle)
    assert "verdict.json says 'GREEN', judged again it is 'RED" in problems(bundle)
    ended = run_command("gate", bundle)
    assert ended.code == 1
    assert ended.out.endswith("gate: closed\n")


def test_a_field_in_the_verdict(bundle: Path) -> None:
    """Where status and reason are unchanged, the field that was edited is named, with both values."""

    def another_title(document: Any) -> None:
        document["verdicts"][0]["title"] = "Another title"

    edit(bundle / "verdict.json", another_title)
    mend(bundle)
    assert " title 'Another title'; judged again it is '" in problems(bundle)


def test_an_unheard_key_in_the_verdict(bundle: Path) -> None:
    """verdict.json must be the same to the byte: a key more is found."""
    edit(bundle / "verdict.json", lambda document: document.update(note="all well"))
    mend(bundle)
    assert problems(bundle) == "verdict.json differs from what the raw record gives when judged again"


def test_the_first_line(bundle: Path) -> None:
    """A report whose first line was made GREEN is found though the manifest was mended."""
    text = (bundle / REPORT).read_text()
    (bundle / REPORT).write_text("# GREEN\n" + text.split("\n", 1)[1])
    mend(bundle)
    assert f"{REPORT} begins with '# GREEN', judged again it is '# RED" in problems(bundle)


def test_a_tick(bundle: Path) -> None:
    """A box ticked by hand is found, by its line, though the manifest was mended."""
    text = (bundle / REPORT).read_text()
    number = next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith("- [ ] "))
    (bundle / REPORT).write_text(text.replace("- [ ] ", "- [x] ", 1))
    mend(bundle)
    assert problems(bundle) == f"{REPORT} line {number} is not what the raw record gives when judged again"


def test_a_report_with_more(bundle: Path) -> None:
    """Lines put behind the report's end are found."""
    with (bundle / REPORT).open("a") as file:
        file.write("# GREEN\n")
    mend(bundle)
    assert f"{REPORT} line " in problems(bundle)


FACES = ("report.html", "junit.xml", "step_summary.md")


def test_every_face(made: Made, tmp_path: Path) -> None:
    """A colour edited in any face is found though the manifest was mended; so is a PDF that says something else."""
    out = copied(made.path, tmp_path)
    for name in FACES:
        text = (out / name).read_text(encoding="utf-8")
        (out / name).write_text(text.replace("RED", "GREEN"), encoding="utf-8")
    (out / "report.pdf").write_bytes(pdf(model_of("green"), {}))
    mend(out)
    found = problems(out)
    assert [name for name in (*FACES, "report.pdf") if name not in found] == []
    assert "report.pdf page 1 does not say what the raw record gives" in found
    (out / "report.pdf").write_bytes(b"%PDF-1.4 nothing")
    mend(out)
    assert "report.pdf can't be read" in problems(out)


def test_a_value_in_a_plot(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of a plot in the page is found, whichever version of the library is installed."""
    out = copied(made.path, tmp_path)
    page = (out / "report.html").read_text(encoding="utf-8")
    begin = page.index('"xs":[') + 6
    value = page[begin : page.index(",", begin)]
    (out / "report.html").write_text(f"{page[:begin]}{float(value) + 1}{page[begin + len(value) :]}", encoding="utf-8")
    mend(out)
    assert "report.html line " in problems(out)
    monkeypatch.setattr("evidence.bundle.verify.library_version", lambda: "1.0")
    assert "report.html line " in problems(out)


def test_another_version_of_the_library(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another version is installed the page holds all the same; its script is of the version in run.json."""
    monkeypatch.setattr("evidence.bundle.verify.library_version", lambda: "1.0")
    monkeypatch.setattr("evidence.reports.faces.html.library", lambda: "another script")
    assert verify(made.path)[0] == []


@pytest.mark.parametrize("name", [REPORT, "verdict.json", "report.pdf", *FACES])
def test_no_report(bundle: Path, name: str) -> None:
    """A report or a verdict that is gone is found though the manifest was mended."""
    (bundle / name).unlink()
    mend(bundle)
    assert name in problems(bundle)


@pytest.mark.parametrize("name", ["assert.log", "metrics_snapshot.txt", "sample_1k.csv", "seed_batch.log"])
def test_an_artifact_that_is_another(bundle: Path, name: str) -> None:
    """The runbook's artifacts must be what the record holds, though the manifest was mended."""
    assert (bundle / name).is_file()
    (bundle / name).write_bytes(b"all well\n")
    mend(bundle)
    assert problems(bundle) == f"{name} is not what the raw record holds"


def test_an_older_run_directory(bundle: Path) -> None:
    """A run directory with the bodies in `sent`, plain scrapes, and no hashes in the plan is verified all the same."""
    older(bundle)
    mend(bundle)
    # the report of this version names the digest of the files as they were
    assert [problem for problem in verify(bundle)[0] if "was made of other evidence files" not in problem] == []


def older(bundle: Path) -> None:
    """Lay the smoke scenario out as older versions did."""
    folder = bundle / "smoke"
    plan = read_one(folder / "plan.json", Plan)
    (folder / "sent").mkdir()
    for case in plan.bodies or ():
        (folder / "sent" / f"{case}.json").write_bytes(request_body(plan, case))
    edit(folder / "plan.json", lambda document: document.pop("bodies"))
    packed = folder / "scrapes.jsonl.xz"
    (folder / "scrapes.jsonl").write_bytes(lzma.decompress(packed.read_bytes()))
    packed.unlink()


def test_data_that_were_sent_are_malformed(bundle: Path) -> None:
    """Where what was sent can't be read the kept file can't be checked again, and that is said."""
    older(bundle)
    (bundle / "smoke" / "sent" / "csv-1k.json").write_text("{")
    mend(bundle)
    assert "can't be checked again: the request body is not JSON" in problems(bundle)


def test_another_run_or_limits(bundle: Path) -> None:
    """Parts of different runs don't make one: the run's id and the hash of its limits must be the same everywhere."""
    edit(bundle / "run.json", lambda document: document.update(run_id="another"))
    with (bundle / "limits.toml").open("a") as file:
        file.write("# later\n")
    mend(bundle)
    text = problems(bundle)
    assert "run.json of another" in text
    assert "limits.toml is not the one that the run began with" in text


def test_another_judge(bundle: Path) -> None:
    """A bundle whose verdict differs because another version judged it has no verdict here: one sentence, no list."""
    edit(bundle / "run.json", lambda document: document.update(harness_sha256="00" * 32))
    name_again(bundle)
    with pytest.raises(VerifyError, match=r"was made by judge 0{16}, .*; verify it with "):
        verify(bundle)


def test_another_judge_does_not_hide_a_changed_file(bundle: Path) -> None:
    """What the manifest finds is named, whichever version judged the bundle."""
    edit(bundle / "run.json", lambda document: document.update(harness_sha256="00" * 32))
    said, _ = verify(bundle)
    assert said[0].startswith("run.json")
    assert "was made by judge " in said[-1]


def test_gate_shows_its_stages(bundle: Path) -> None:
    """With --timings each stage of verifying stands there with its seconds, and their sum; the verdict is the same."""
    plain, timed = run_command("gate", bundle), run_command("gate", bundle, "--timings")
    assert timed.code == plain.code
    shown = [line for line in timed.out.splitlines() if line not in plain.out.splitlines()]
    names = [line.removeprefix("gate ").rsplit(maxsplit=2)[0].strip() for line in shown]
    assert names == ["start", "hashes", "records", "judge", "report", "comparison", "kept files", "other", "in all"]
    assert all(line.endswith(" s") for line in shown)
