"""Who runs, who waits, who is refused, and that every step is counted as it happens."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from service.jobs.admission import Admission, QueueFull
from service.jobs.exports import Exports
from service.jobs.pool import WorkerDied
from tests.service.helpers import JSON, Gate, Local, assert_identity, encoded, local, sample, until


def encode_request(tag: str, format: str = "csv") -> bytes:
    """A small order that says who asked."""
    return encoded(format=format, columns=["tag"], data=[{"tag": tag}], user=tag)


def admitted(admission: Admission, count: int) -> bool:
    """Do so many run or wait?"""
    return admission.running + admission.waiting == count


def handed_over(gate: Gate, count: int) -> bool:
    """Has the executor got so many?"""
    return len(gate.held) >= count


def ended(page: str, status: str) -> float:
    """Exports by status."""
    return sample(page, "export_requests_total", status=status)


def test_five_run_a_hundred_wait_and_the_next_is_refused(tmp_path: Path) -> None:
    """The 106th export gets 429 with Retry-After and the queue's depth; the 105 before it all succeed, in order."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path) as service:
            admission = service.service.exports.admission
            asked: list[asyncio.Task[tuple[int, Any, dict[str, str]]]] = []
            for number in range(105):
                asked.append(asyncio.create_task(service.post(encode_request(str(number)))))
                await until(partial(admitted, admission, number + 1))
            assert (admission.running, admission.waiting, len(gate.held)) == (5, 100, 5)
            page = await service.page()
            assert sample(page, "export_concurrent_running") == 5
            assert sample(page, "export_queue_depth") == 100
            assert_identity(page)
            status, body, headers = await service.post(encode_request("late", "pdf"))
            assert (status, body["success"], body["queueDepth"]) == (429, False, 100)
            assert 1 <= int(headers["Retry-After"]) <= 120
            page = await service.page()
            assert sample(page, "export_requests_total", status="rejected", format="pdf") == 1
            assert ended(page, "started") == 105
            assert sample(page, "export_success_rate", format="pdf") == 1
            for number in range(105):
                await until(partial(handed_over, gate, number + 1))
                assert admission.running <= 5
                gate.held[number].run()
                assert (await asked[number])[0] == 200
                if number % 20 == 0:
                    assert_identity(await service.page())
            # first in, first out: the files' one cell says whose turn it was
            names = [(await one)[1]["result"]["filename"].split("/")[1] for one in asked]
            assert [(tmp_path / name).read_bytes() for name in names] == [b"tag\r\n%d\r\n" % one for one in range(105)]
            started = [held.call.args[0].request.user for held in gate.held]  # type: ignore[attr-defined]
            assert started == [str(number) for number in range(105)]
            page = await service.page()
            assert (ended(page, "succeeded"), ended(page, "failed")) == (105, 0)
            assert sample(page, "export_queue_depth") == 0

    asyncio.run(scene())


def test_retry_after_grows_with_the_queue_and_with_how_long_exports_take() -> None:
    """The hint is the recent mean run times the queue ahead, over the places, from 1 to 120 seconds."""

    async def scene() -> None:
        admission = Admission(2, 10, lambda running, waiting: None)
        assert admission.retry_after_s() == 1
        for _ in range(3):
            admission.leave(admission.enter(), ran_s=4.0)
        assert admission.retry_after_s() == 2
        for _ in range(12):
            admission.enter()
        assert admission.retry_after_s() == 12
        with pytest.raises(QueueFull):
            admission.enter()
        slow = Admission(1, 1, lambda running, waiting: None)
        slow.leave(slow.enter(), ran_s=1_000.0)
        assert slow.retry_after_s() == 120

    asyncio.run(scene())


async def ask_and_leave(service: Local, tag: str, shown: Any) -> None:
    """Ask for an export, and hang up when `shown()` is true."""
    session = aiohttp.ClientSession()
    asked = asyncio.create_task(session.post(f"{service.url}/export/run", data=encode_request(tag), headers=JSON))
    await until(shown)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await session.close()


def test_a_client_that_leaves_the_queue_frees_its_place(tmp_path: Path) -> None:
    """A waiting export whose client hangs up is never run, is counted as failed, and the next one moves up."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path, max_concurrent=1) as service:
            admission = service.service.exports.admission
            first = asyncio.create_task(service.post(encode_request("first")))
            await until(lambda: admission.running == 1)
            await ask_and_leave(service, "gone", lambda: admission.waiting == 1)
            await until(lambda: admission.waiting == 0)
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_requests_total", status="failed", user="gone") == 1
            assert sample(page, "export_fail_total", reason="client_gone", format="csv") == 1
            last = asyncio.create_task(service.post(encode_request("last")))
            await until(lambda: admission.waiting == 1)
            gate.held[0].run()
            await until(lambda: len(gate.held) == 2)
            gate.held[1].run()
            assert [(await one)[0] for one in (first, last)] == [200, 200]
            assert len(list(tmp_path.iterdir())) == 2

    asyncio.run(scene())


@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_a_running_export_leaves_no_file(tmp_path: Path, begun: bool) -> None:
    """What no worker has begun is dropped; what one has begun keeps its place until it ends, and its file goes."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path, max_concurrent=1) as service:
            admission = service.service.exports.admission

            def handed() -> bool:
                """The client leaves only after the worker, if it is to, has begun."""
                return len(gate.held) == 1 and (not begun or gate.held[0].future.set_running_or_notify_cancel())

            await ask_and_leave(service, "gone", handed)
            if begun:
                await until(lambda: any(one.client_left for one in admitted_exports(service.service.exports)))
                assert admission.running == 1
                gate.held[0].run()
            await until(lambda: admission.running == 0)
            assert gate.held[0].future.cancelled() is not begun
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_fail_total", reason="client_gone") == 1
            assert list(tmp_path.iterdir()) == []

    asyncio.run(scene())


def admitted_exports(exports: Exports) -> list[Any]:
    """The exports that are admitted now."""
    return list(exports.admitted)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (OSError(28, "No space left on device"), 507, "disk_full"),
        (OSError(122, "Disk quota exceeded"), 507, "disk_full"),
        (OSError(5, "Input/output error"), 500, "io"),
        (WorkerDied("the worker process died in mid-export"), 500, "worker_died"),
        (ZeroDivisionError("a bug"), 500, "internal"),
    ],
)
def test_a_failed_export_is_answered_and_counted_by_its_reason(
    tmp_path: Path, error: Exception, status: int, reason: str
) -> None:
    """Each kind of failure has its status and its reason, leaves no file, and the next export works."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path) as service:
            asked = asyncio.create_task(service.post(encode_request("a", "pdf")))
            await until(lambda: len(gate.held) == 1)
            gate.held[0].future.set_exception(error)
            answer = await asked
            assert (answer[0], answer[1]["success"]) == (status, False)
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_fail_total", reason=reason, format="pdf") == 1
            assert sample(page, "export_success_rate", format="pdf") == 0
            assert sample(page, "export_latency_ms_count", format="pdf") == 0
            assert list(tmp_path.iterdir()) == []
            again = asyncio.create_task(service.post(encode_request("b", "pdf")))
            await until(lambda: len(gate.held) == 2)
            gate.held[1].run()
            assert (await again)[0] == 200
            assert sample(await service.page(), "export_success_rate", format="pdf") == 0.5

    asyncio.run(scene())


def test_any_executor_can_run_the_exports(tmp_path: Path) -> None:
    """A thread pool in place of the process pool gives the same files."""

    async def scene() -> None:
        with ThreadPoolExecutor(3) as threads:
            async with local(threads, exports=tmp_path) as service:
                answers = await asyncio.gather(
                    *(service.post(encode_request(str(number), "pdf" if number % 2 else "csv")) for number in range(20))
                )
                assert [answer[0] for answer in answers] == [200] * 20
                assert_identity(await service.page())

    asyncio.run(scene())


def test_while_stopping_new_exports_are_503_and_admitted_ones_finish(tmp_path: Path) -> None:
    """A stop refuses new work with Retry-After; what runs and what waits is still done."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path, max_concurrent=1) as service:
            admission = service.service.exports.admission
            asked = [asyncio.create_task(service.post(encode_request(tag))) for tag in "ab"]
            await until(lambda: admission.running + admission.waiting == 2)
            service.service.stopping = True
            status, body, headers = await service.post(encode_request("c"))
            assert (status, body["success"]) == (503, False)
            assert int(headers["Retry-After"]) >= 1
            assert sample(await service.page(), "export_requests_total", status="rejected") == 1
            for number in range(2):
                await until(partial(handed_over, gate, number + 1))
                gate.held[number].run()
            assert [(await one)[0] for one in asked] == [200, 200]

    asyncio.run(scene())


def test_when_the_grace_time_is_over_waiting_exports_are_503(tmp_path: Path) -> None:
    """Those that wait are told so, counted as failed by the shutdown, and those that run go on."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path, max_concurrent=1) as service:
            admission = service.service.exports.admission
            runs = asyncio.create_task(service.post(encode_request("runs")))
            await until(lambda: admission.running == 1)
            waits = asyncio.create_task(service.post(encode_request("waits")))
            await until(lambda: admission.waiting == 1)
            service.service.exports.withdraw_waiting()
            status, _, headers = await waits
            assert status == 503
            assert "Retry-After" in headers
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_fail_total", reason="shutdown") == 1
            gate.held[0].run()
            assert (await runs)[0] == 200

    asyncio.run(scene())


def test_no_room_for_a_big_body_is_507_and_a_failed_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full before the body is read whole is no rejection: it counts as started and failed."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    async def scene() -> None:
        monkeypatch.setattr("service.request.body._write", full)
        async with local(Gate(), exports=tmp_path) as service:
            status, body, _ = await service.post(b" " * 6_000_000)
            assert (status, body["success"]) == (507, False)
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_fail_total", reason="disk_full", format="unknown") == 1
            assert sample(page, "export_requests_total", status="rejected") == 0
            assert list(tmp_path.iterdir()) == []

    asyncio.run(scene())


def test_a_checker_that_dies_is_a_failed_export(tmp_path: Path) -> None:
    """A big body whose checking process is killed: 500, counted as started and failed, nothing left behind."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path) as service:
            asked = asyncio.create_task(service.post(b" " * 6_000_000))
            await until(lambda: len(gate.held) == 1)
            gate.held[0].future.set_exception(WorkerDied("killed"))
            assert (await asked)[0] == 500
            page = await service.page()
            assert_identity(page)
            assert sample(page, "export_fail_total", reason="worker_died", format="unknown") == 1
            assert list(tmp_path.iterdir()) == []

    asyncio.run(scene())


def test_bodies_beyond_the_memory_budget_go_over_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the budget for bodies in memory is spent, even a small one is spooled, and the budget comes back."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path) as service:
            budget = service.service.budget
            assert budget.take(128 * 1024 * 1024)
            asked = asyncio.create_task(service.post(encode_request("a")))
            await until(lambda: len(gate.held) > 0)
            assert [one.suffix for one in tmp_path.iterdir()] == [".part"]
            gate.held[0].run()  # its check, as it does not fit the loop's budget either
            await until(lambda: len(gate.held) > 1)
            gate.held[1].run()
            assert (await asked)[0] == 200
            budget.give(128 * 1024 * 1024)
            assert budget.take(128 * 1024 * 1024)
            assert len(list(tmp_path.iterdir())) == 1

    asyncio.run(scene())
