"""The recorders' parts that need no whole run: merging, processes, leftovers, the resting page, the grid of time."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from assertions.record.files import read_lines
from assertions.record.types import Fetch, Hit, Probe
from assertions.stats import percentile_or_none
from loadtests.client.addresses import is_local
from loadtests.client.clock import start_clock
from loadtests.client.target_settings import parse_target
from loadtests.protocol import messages
from loadtests.recorders.exports_folder import FolderWatch, absent, exports_folder, holds, leftovers
from loadtests.recorders.jsonl import LineFile
from loadtests.recorders.pages import resting_page
from loadtests.recorders.processes import Prober, find_process
from loadtests.recorders.run_state import RunState, seen_between
from loadtests.recorders.shards import EndMark, end_mark_path, fetches_path, hits_path
from loadtests.recorders.ticker import Ticker, next_due, stop_all
from loadtests.runner.merge import merge


def a_hit(index: int, end: float) -> Hit:
    """A hit of phase `one`."""
    return Hit(
        id=f"one-{index}", phase="one", index=index, case="csv-1", method="POST", path="/export/run", format="csv",
        records=1, user=None, tag=None, bytes_sent=1, intended=end - 2, start=end - 1, end=end, status=200, error=None,
        headers={}, answer="{}", client="locust-0-0",
    )  # fmt: skip


def write_part(folder: Path, worker: int, hits: list[Hit], *, mark: int | None, tail: bytes = b"") -> None:
    """One generator's files; `mark` None: it left no end mark."""
    lines = b"".join(msgspec.json.encode(hit) + b"\n" for hit in hits)
    hits_path(folder, worker).write_bytes(lines + tail)
    fetches_path(folder, worker).write_bytes(b"")
    if mark is not None:
        text = messages.encode(EndMark(hits=mark, fetches=0, event_loop_lags_ms=(1.0, 2.0)))
        end_mark_path(folder, worker).write_bytes(text)


def test_whole_parts_are_merged_in_the_order_of_their_ends(tmp_path: Path) -> None:
    """Both generators' hits are there, by time; lateness counts for open phases only."""
    write_part(tmp_path, 0, [a_hit(0, 10.0), a_hit(2, 30.0)], mark=2)
    write_part(tmp_path, 1, [a_hit(1, 20.0)], mark=1)
    merged = merge(tmp_path, 2, frozenset({"one"}), tmp_path / "hits.jsonl", tmp_path / "fetches.jsonl")
    assert [hit.index for hit in read_lines(tmp_path / "hits.jsonl", Hit)] == [0, 1, 2]
    assert list(read_lines(tmp_path / "fetches.jsonl", Fetch)) == []
    assert (merged.hits["one"], merged.marks, merged.broken) == (3, 2, {})
    assert merged.start_delays_ms == [1000.0] * 3
    assert merged.firsts["csv-1"].index == 0


@pytest.mark.parametrize(
    ("mark", "tail", "why"),
    [
        (None, b"", "generator 1 left no end mark"),
        (None, b'{"id":"one-', "generator 1 left no end mark"),
        (2, b"", "generator 1 recorded 2 hits and 0 fetches, its files hold 1 and 0"),
        (2, b'{"id":"one-', "generator 1 recorded 2 hits and 0 fetches, its files hold 1 and 0"),
    ],
)
def test_a_part_that_is_not_whole_is_noted_and_kept(tmp_path: Path, mark: int | None, tail: bytes, why: str) -> None:
    """What a dead generator wrote stays; its missing mark, or one that disagrees, is said."""
    write_part(tmp_path, 0, [a_hit(0, 10.0)], mark=1)
    write_part(tmp_path, 1, [a_hit(1, 20.0)], mark=mark, tail=tail)
    merged = merge(tmp_path, 2, frozenset(), tmp_path / "hits.jsonl", tmp_path / "fetches.jsonl")
    assert (merged.hits["one"], merged.marks, merged.broken) == (2, 1, {1: why})
    assert merged.start_delays_ms == []


def test_a_generator_that_wrote_nothing_is_noted(tmp_path: Path) -> None:
    """One that died before it opened its files."""
    merged = merge(tmp_path, 1, frozenset(), tmp_path / "hits.jsonl", tmp_path / "fetches.jsonl")
    assert merged.broken == {0: "generator 0 left no end mark"}


@pytest.mark.parametrize(
    ("values", "ratio", "value"),
    [([], 0.95, None), ([3.0], 0.95, 3.0), ([1.0, 2.0], 0.5, 1.0), (list(map(float, range(1, 101))), 0.95, 95.0),
     (list(map(float, range(1, 22))), 0.95, 20.0)],
)  # fmt: skip
def test_percentiles_are_by_percentile_or_none(values: list[float], ratio: float, value: float | None) -> None:
    """The value at rank ceil(n * ratio)."""
    assert percentile_or_none(values, ratio) == value


@pytest.mark.e2e
def test_a_target_is_found_by_its_port(tmp_path: Path) -> None:
    """The root of the processes that listen, with a note; a given pid is believed only when it runs."""
    code = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); "
        "print(s.getsockname()[1], flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        target = parse_target(f"http://127.0.0.1:{child.stdout.readline().strip()}", start_clock())
        found = find_process(target, None)
        assert (found.pid, found.note) == (child.pid, f"listens on port {target.port}")
        assert find_process(target, os.getpid()).pid == os.getpid()
        out = LineFile(tmp_path / "probes.jsonl", pytest.fail)
        prober = Prober(target, RunState(), out, child.pid)
        probe = prober.probe()
        assert probe.resting
        assert [one.pid for one in probe.processes] == [child.pid]
        sample = probe.processes[0]
        assert 0 < (sample.uss_bytes or 0) <= sample.rss_bytes <= (sample.peak_rss_bytes or 0)
        assert (sample.fds or 0) >= 4
        assert sample.threads == 1
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert prober.probe().processes == ()
    out.close()
    assert len(list(read_lines(tmp_path / "probes.jsonl", Probe))) == 2
    gone = find_process(target, child.pid)
    assert (gone.pid, gone.note) == (None, f"no process {child.pid} runs here")
    assert find_process(target, None).pid is None


def test_a_host_elsewhere_has_no_process_here() -> None:
    """The note says why; addresses of this machine are its own."""
    found = find_process(parse_target("http://192.0.2.7:4001", start_clock()), None)
    assert (found.pid, found.note) == (None, "192.0.2.7 is not this machine")
    assert is_local("127.0.0.1")
    assert is_local("localhost")
    assert not is_local("no-such-host.invalid")


def test_a_file_that_grows_under_its_final_name_is_seen(tmp_path: Path) -> None:
    """Whole from the first, or given its name when it is whole: nothing to say; all others are named once."""
    old, half, empty, gone = (tmp_path / f"export_{n}_a.csv" for n in range(1, 5))
    old.write_bytes(b"a")
    now = [0.0]

    def look(seconds: float = 0.05) -> None:
        now[0] += seconds
        watch.look()

    watch = FolderWatch(tmp_path, lambda: now[0])
    old.write_bytes(b"ab")
    half.write_bytes(b"a")
    empty.write_bytes(b"")
    gone.write_bytes(b"abc")
    part = tmp_path / "export_5_whole.pdf.part"
    part.write_bytes(b"a")
    look()
    half.write_bytes(b"abc")
    gone.write_bytes(b"")
    part.rename(tmp_path / "export_5_whole.pdf")
    look()
    half.write_bytes(b"abcd")
    gone.unlink()
    look(6.0)
    (tmp_path / "export_5_whole.pdf").write_bytes(b"another file, long after")
    look()
    assert watch.grew == [half.name]
    empty.write_bytes(b"at last")
    look()
    assert watch.grew == [half.name, empty.name]


def test_a_folder_that_can_not_be_read_shows_nothing(tmp_path: Path) -> None:
    """It may be removed, or come later."""
    watch = FolderWatch(tmp_path / "none", lambda: 0.0)
    watch.look()
    assert watch.grew == []


def test_leftovers_are_all_but_finished_exports(tmp_path: Path) -> None:
    """Temporary files, stubs and strangers are named, also in folders below; a folder that can't be seen is None."""
    for name in ("export_1700000000000_abc123XYZ.csv", "export_1700000000000_abcdefghi.pdf"):
        (tmp_path / name).write_text("x")
    assert leftovers(tmp_path) == ()
    (tmp_path / "tmp").mkdir()
    for name in ("export_1_a.csv.part", "export_x_abc.csv", ".hidden", "tmp/job1"):
        (tmp_path / name).write_text("x")
    assert leftovers(tmp_path) == (".hidden", "export_1_a.csv.part", "export_x_abc.csv", "tmp/job1")
    assert leftovers(None) is None


def test_a_folder_in_which_none_of_the_targets_files_was_ever_seen_is_another(tmp_path: Path) -> None:
    """They may be in folders below it, or have been removed meanwhile."""
    reported = frozenset({"export_1_a.csv", "export_2_b.csv"})
    (tmp_path / "export_9_z.csv").write_text("somebody else's")
    assert not holds(tmp_path, reported, set())
    assert not holds(tmp_path / "none", reported, {"export_9_z.csv"})
    assert holds(tmp_path, reported, {"export_2_b.csv"})
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "export_1_a.csv").write_text("x")
    assert holds(tmp_path, reported, set())


@pytest.mark.e2e
def test_the_exports_folder_is_found_next_to_an_answered_file(tmp_path: Path) -> None:
    """Given, it is taken; else the answer's file is looked for from the target's working folder, and must be there."""
    here = Path(psutil.Process().cwd())
    (tmp_path / "export_1_a.csv").write_text("x")
    assert exports_folder(tmp_path, None, None) == tmp_path.resolve()
    assert exports_folder(tmp_path / "gone", None, None) is None
    assert exports_folder(None, os.getpid(), os.path.relpath(tmp_path / "export_1_a.csv", here)) == tmp_path.resolve()
    assert exports_folder(None, os.getpid(), "exports/export_0_nowhere.csv") is None
    assert exports_folder(None, None, "exports/a.csv") is None


def test_a_page_at_rest_leaves_out_what_moves_by_itself() -> None:
    """Only the service's own families count, without the throughput of the last minute; a busy page is not at rest."""
    page = 'process_cpu_seconds_total 1\nexport_throughput_ops_per_sec{format="csv"} 2\nexport_concurrent_running 0\n'
    assert resting_page(page + "export_queue_depth 0.0\n") == ("export_concurrent_running 0", "export_queue_depth 0.0")
    assert resting_page(page + "export_queue_depth 3\n") is None
    assert resting_page("") == ()
    assert resting_page("  export_queue_depth{} 3\n") is None
    assert resting_page('export_queue_depth { zone="a" }\t3 1795000000000\n') is None


def test_only_a_wholly_quiet_observation_shows_rest() -> None:
    """One that touches a phase at either end belongs to the load."""
    state = RunState()
    before = state.snapshot()
    state.enter("during", "one")
    during = state.snapshot()
    state.enter("rest")
    rest = state.snapshot()
    assert seen_between(before, before).moment == "before"
    assert (seen_between(before, during).moment, seen_between(before, during).phase) == ("during", "one")
    assert (seen_between(during, rest).moment, seen_between(during, rest).phase) == ("during", "one")
    assert seen_between(rest, rest).moment == "rest"


def test_an_observation_over_a_whole_phase_is_no_rest() -> None:
    """One that began before a phase and ended after it saw the phase, too."""
    state = RunState()
    before = state.snapshot()
    state.enter("during", "one")
    state.enter("rest")
    assert seen_between(before, state.snapshot()).moment == "during"


@pytest.mark.parametrize(
    ("now", "due"), [(10.05, 10.25), (10.25, 10.25), (10.26, 10.5), (10.49, 10.5), (10.51, 10.75), (20.1, 20.25)]
)
def test_a_slow_call_skips_places_of_the_grid(now: float, due: float) -> None:
    """After a call that was due at 10.0 the next is on the grid, and never past: calls do not pile up."""
    assert next_due(10.0, 0.25, now) == due


def test_a_ticker_calls_until_it_is_stopped() -> None:
    """One call after the other, in a thread; none after the stop."""
    calls: list[float] = []
    third = threading.Event()

    def call() -> None:
        calls.append(time.monotonic())
        if len(calls) == 3:
            third.set()

    ticker = Ticker("quick", call, time.monotonic, interval_s=0.001)
    ticker.start()
    assert third.wait(20)
    stop_all([ticker])
    count = len(calls)
    assert count >= 3
    ticker.stop()
    assert len(calls) == count


def test_lines_that_cannot_be_written_are_reported(tmp_path: Path) -> None:
    """A full disk reaches the runner as a sentence."""
    reported: list[str] = []
    file = LineFile(Path("/dev/full"), reported.append)
    file.write(a_hit(0, 1.0))
    file.close()
    assert reported == ["the record can't be written: No space left on device"]


def test_a_port_nobody_listens_on_is_said() -> None:
    """No process, and what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = find_process(parse_target(f"http://127.0.0.1:{port}", start_clock()), None)
    assert found.pid is None
    assert found.note.endswith(f"listens on port {port}; give --target-pid")


def test_a_finished_name_that_no_answer_named_is_left_over(tmp_path: Path) -> None:
    """A stub under a final name is named, unless a request without an answer may have left it; older files are not."""
    reported, stub = "export_1700000000000_abc123XYZ.csv", "export_1700000000001_stub.csv"
    (tmp_path / "sub").mkdir()
    for name in (reported, stub, "sub/export_1700000000002_below.pdf"):
        (tmp_path / name).write_text("x")
    named = frozenset({reported, "export_1700000000002_below.pdf"})
    assert leftovers(tmp_path, 0.0, named) == (stub,)
    assert leftovers(tmp_path, 0.0, named, unanswered=1) == ()
    assert leftovers(tmp_path, time.time() + 60, named) == ()


def test_absent_are_named_files_that_no_folder_below_holds(tmp_path: Path) -> None:
    """A file that an answer named counts as there wherever below the folder; a folder of its name is none."""
    (tmp_path / "export_1_a.csv").write_text("a")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "export_2_b.csv").write_text("b")
    (tmp_path / "export_3_c.csv").mkdir()
    reported = frozenset({"export_1_a.csv", "export_2_b.csv", "export_3_c.csv", "export_4_d.pdf"})
    assert absent(tmp_path, reported) == ("export_3_c.csv", "export_4_d.pdf")
    assert absent(tmp_path, frozenset()) == ()
