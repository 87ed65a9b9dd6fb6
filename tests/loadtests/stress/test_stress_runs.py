"""Stress through the real command, real Locust and real HTTP, on a target whose break point is known."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import msgspec
import pytest

from assertions import limits as limits_file
from assertions.record.files import read_one
from assertions.record.types import Scenario
from loadtests.datasets.large_bodies import large_body
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.runner.locust_process import free_port
from loadtests.stress.search import Stress
from loadtests.stress.session import read_stress
from tests.loadtests.command import run_command, start_command
from tests.loadtests.fake_target import Manners, Seen, fake_target
from tests.processes import end_of, wait_until

pytestmark = pytest.mark.e2e

WORK_S = 0.05
"""Of one export; one at a time, so the truth is 20 exports/s."""


class OneWorker:
    """Makes one export at a time: whoever comes while it works waits in line."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self, seen: Seen) -> float:
        with self.lock:
            time.sleep(WORK_S)
        return 0.0


def own_limits(folder: Path, p95_ms: int) -> Path:
    """Our limits with another bound for the latency."""
    text = limits_file.DEFAULT_PATH.read_text("utf-8")
    changed = text.replace("target = 10_000\ncritical = 30_000\n", f"target = {p95_ms}\n")
    assert changed != text
    path = folder / "limits.toml"
    path.write_text(changed, "utf-8")
    return path


def test_the_break_point_found_lies_around_the_truth(tmp_path: Path) -> None:
    """A worker that makes 20 a second holds 7 and breaks at 60; the report is what the raw records give again.

    Both lie so far from the truth that a busy machine changes neither; the search itself is tested without load.
    """
    out, limits = tmp_path / "out", own_limits(tmp_path, 400)
    with fake_target(Manners(delay_s=OneWorker())) as target:
        ended = run_command(
            "stress", "--target", target.url, "--out", out, "--limits", limits, "--sizes", "20", "--formats", "csv",
            "--rates", "7,60,120", "--seconds", "3",
        )  # fmt: skip
        url, bodies = target.url, [seen.body for seen in target.seen]
    assert ended.code == 0, ended.err
    report = msgspec.json.decode((out / "stress.json").read_bytes(), type=Stress)
    (found,) = report.found
    assert (found.case, found.outcome) == ("csv-20", "held")
    assert (found.highest_held_per_s, found.lowest_broke_per_s) == (7, 60)
    # a rate at which the generator was not fit is tried again
    told = [(one.rate_per_s, one.planned, one.word) for one in found.steps if one.word != "no data"]
    assert told == [(7, 21, "held"), (60, 180, "broke")]
    assert len(set(bodies)) == 1  # encoded once, the same bytes each time
    assert len(bodies) == sum(one.planned for one in found.steps) + len(found.unloaded_ms)
    assert all(ms >= WORK_S * 1000 for ms in found.unloaded_ms)
    assert read_stress(out, ("csv-20",), limits_file.load(limits), url, 17) == report
    assert "csv-20" in ended.out
    assert not list(out.glob("*/*/spool")) and not list(out.glob("*/*/sent"))


def test_a_size_that_is_refused_unloaded_holds_at_no_rate(tmp_path: Path) -> None:
    """A body that is too long is reported as that, without load; exit code 1. Another session begins anew."""
    with fake_target(Manners(status=lambda seen: 413 if len(seen.body) > 10_000 else 200)) as target:
        for _ in range(2):
            ended = run_command(
                "stress", "--target", target.url, "--out", tmp_path / "out", "--sizes", "5,500", "--formats", "csv",
                "--rates", "5", "--seconds", "1",
            )  # fmt: skip
            assert ended.code == 1, ended.err
    small, large = json.loads((tmp_path / "out" / "stress.json").read_bytes())["found"]
    assert (small["outcome"], small["highest_held_per_s"]) == ("at least", 5)
    assert (large["outcome"], large["reason"]) == ("below", "one export at rest was answered with 413")


def test_what_can_not_be_begun_is_one_sentence_and_exit_2(tmp_path: Path) -> None:
    """No target, a folder of somebody else's, a size that is none, limits that can't be used."""
    gone = f"http://127.0.0.1:{free_port()}"
    (tmp_path / "taken" / "csv-5").mkdir(parents=True)
    (tmp_path / "taken" / "csv-5" / "mine.txt").write_text("mine")
    (tmp_path / "limits.toml").write_text("[[limit]]\n")
    with fake_target() as target:
        for words in (
            ("--target", gone, "--out", tmp_path / "a"),
            ("--target", target.url, "--out", tmp_path / "taken", "--sizes", "5"),
            ("--target", target.url, "--out", tmp_path / "a", "--limits", tmp_path / "limits.toml"),
        ):
            ended = run_command("stress", *words)
            assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
            assert ended.err.startswith("loadtests: ")
        for wrong in (("--sizes", "many"), ("--sizes", "0"), ("--formats", "xls"), ("--rates", "5,-1"),
                      ("--seconds", "nan"), ("--max-rate", "0")):  # fmt: skip
            assert run_command("stress", "--target", target.url, "--out", tmp_path / "a", *wrong).code == 2
        assert not target.seen
    assert (tmp_path / "taken" / "csv-5" / "mine.txt").read_text() == "mine"


def test_a_session_keeps_out_of_other_folders(tmp_path: Path) -> None:
    """Such as one that holds evidence, which would no longer verify."""
    (tmp_path / "manifest.json").write_text("{}")
    ended = run_command("stress", "--target", "http://127.0.0.1:9", "--out", tmp_path)
    assert ended.code == 2
    with fake_target() as fake:
        ended = run_command("stress", "--target", fake.url, "--out", tmp_path)
    assert (ended.code, "holds manifest.json, which is no stress session's" in ended.err) == (2, True), ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_an_interrupted_session_ends_at_once_and_names_no_rate(tmp_path: Path) -> None:
    """Ctrl-C in a step closes that step's record and ends the session with 2; there is no report."""
    out = tmp_path / "out"
    with fake_target() as target:
        words = ("--sizes", "5", "--formats", "csv", "--rates", "5,10", "--seconds", "60")
        process = start_command("stress", "--target", target.url, "--out", out, *words)
        wait_until(lambda: len(target.seen) >= 8)
        process.send_signal(signal.SIGINT)
        ended = end_of(process)
    assert (ended.code, ended.err.splitlines()[-1]) == (2, "loadtests: interrupted")
    phase = read_one(out / "csv-5" / "step-01" / "scenario.json", Scenario).phases[0]
    assert not phase.completed
    assert not (out / "csv-5" / "step-02").exists()
    assert not (out / "stress.json").exists()


def test_a_large_body_holds_the_records_of_its_case() -> None:
    """Encoded in slices it holds what the whole data set does, and is what a scenario would send but for its title."""
    for case in ("csv-2500", "pdf-1k", "csv-0"):
        mine, whole = json.loads(large_body(case, 3)), json.loads(encode_body(make_dataset(case, 3)))
        assert mine.pop("title") != ""
        whole.pop("title")
        assert mine == whole
