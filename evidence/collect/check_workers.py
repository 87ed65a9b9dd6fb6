"""Processes that open files, each within limits of memory and of processor time; a file that breaks them is named."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, cast

STUCK_TIMES: Final = 10
"""A process whose wall-clock time is more than this multiple of its processor time is taken for stuck."""
_PR_SET_PDEATHSIG: Final = 1
_STOPPING: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_FROM_OUTSIDE: Final = {*_STOPPING, signal.SIGKILL}
"""What no file makes a process end by."""
_END_S: Final = 5.0
"""How long an ended process is waited for."""


class OpeningError(Exception):
    """The files could not be checked; one sentence."""


class CheckersError(Exception):
    """The processes can't do their work, whatever the file is; one sentence."""


class Task(Protocol):
    """One file to be opened."""

    @property
    def group(self) -> str:
        """Tasks of one group share what is made once; they go to one process where that can be."""

    @property
    def weight(self) -> int:
        """How long it takes, in its own unit."""

    @property
    def memory_bytes(self) -> int:
        """Address space that it may take."""

    @property
    def seconds(self) -> float:
        """Processor time that it may take."""


TaskT = TypeVar("TaskT", bound=Task)
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Breach:
    """A task that was not finished."""

    reason: str
    """What the file did, in words that follow `found`."""


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Checkers(Generic[TaskT, ResultT]):
    """Processes that each have one task at a time. A context: whatever happens, none of them is left behind."""

    def __init__(self, work: Callable[[TaskT], ResultT], count: int) -> None:
        self._work = work
        self._count = count
        self._idle: list[_Process] = []
        self._busy: dict[Connection, tuple[_Process, int]] = {}

    def __enter__(self) -> Checkers[TaskT, ResultT]:
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes at once, without asking them; a second interrupt waits until they are gone."""
        with _unheard():
            for process in (*self._idle, *(process for process, _ in self._busy.values())):
                process.end()
            self._idle.clear()
            self._busy.clear()

    def run(
        self, tasks: Sequence[TaskT], prepare: Callable[[TaskT], TaskT] = lambda task: task
    ) -> Iterator[tuple[int, ResultT | Breach]]:
        """Yield each task's index and result as they come.

        prepare: changes a task just before it begins. What the work raises is raised here. CheckersError where a
        process is ended from outside or stands still.
        """
        queue = _Queue(tasks)
        died: set[int] = set()
        while queue or self._busy:
            while queue and len(self._busy) < self._count:
                process = self._idle.pop() if self._idle else _Process(self._work)
                index = queue.take(process.group)
                self._begin(process, index, prepare(tasks[index]))
            for process, index in self._ended():
                task = tasks[index]
                answer = process.answer()
                if answer is None:
                    code = process.end()
                    if code == -signal.SIGPROF:
                        yield index, Breach(f"it took more than {task.seconds:.0f} s of processor time")
                    elif code is None or code >= 0 or -code in _FROM_OUTSIDE:
                        cause = "" if code is None else f" ({_cause(code)})"
                        raise CheckersError(f"a process that checks files died{cause}; is there memory enough?")
                    elif index not in died:  # by chance? once more, in a separate process
                        died.add(index)
                        queue.put_back(index)
                    else:
                        yield index, Breach(f"it ended the process that opened it, twice ({_cause(code)})")
                    continue
                result, error, spent = answer
                if spent:
                    process.end()
                else:
                    self._idle.append(process)
                if error is not None:
                    raise error
                yield index, result

    def _begin(self, process: _Process, index: int, task: TaskT) -> None:
        process.begin(task)
        self._busy[process.connection] = process, index

    def _ended(self) -> list[tuple[_Process, int]]:
        """Wait for processes that answered or died; CheckersError where none does in time."""
        longest = max(process.seconds for process, _ in self._busy.values()) * STUCK_TIMES
        ready = wait(list(self._busy), timeout=longest)
        if not ready:
            raise CheckersError(f"no process that checks files ended in {longest:.0f} s; is this machine suspended?")
        return [self._busy.pop(cast(Connection, connection)) for connection in ready]


class _Queue:
    """Tasks by group, the group with the most work first."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self._tasks = tasks
        self._groups: dict[str, deque[int]] = {}
        self._left: dict[str, int] = {}
        for index, task in enumerate(tasks):
            self._groups.setdefault(task.group, deque()).append(index)
            self._left[task.group] = self._left.get(task.group, 0) + task.weight

    def __bool__(self) -> bool:
        return bool(self._groups)

    def take(self, group: str | None) -> int:
        """Take a task of a group, else of the one with the most work left."""
        chosen = group if group in self._groups else max(self._groups, key=lambda name: self._left[name])
        assert chosen is not None
        index = self._groups[chosen].popleft()
        self._left[chosen] -= self._tasks[index].weight
        if not self._groups[chosen]:
            del self._groups[chosen]
        return index

    def put_back(self, index: int) -> None:
        """Let a task be done next of its group."""
        group = self._tasks[index].group
        self._groups.setdefault(group, deque()).appendleft(index)
        self._left[group] = self._left.get(group, 0) + self._tasks[index].weight


class _Process:
    """One process and the pipe to it."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        # forked before any thread of ours runs would be faster, but a spawned one is safe with threads
        context = get_context("spawn")
        self.connection, other = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(other, work), daemon=True)
        self.group: str | None = None
        self.seconds = 0.0
        with _unheard():
            self.process.start()
        other.close()

    def begin(self, task: Task) -> None:
        """Give the process a task."""
        self.group, self.seconds = task.group, task.seconds
        with contextlib.suppress(BrokenPipeError):  # it died meanwhile: no answer comes
            self.connection.send(task)

    def answer(self) -> tuple[Any, BaseException | None, bool] | None:
        """Return the result, the error and whether the process should be replaced; None where it died."""
        try:
            return cast(tuple[Any, BaseException | None, bool], self.connection.recv())
        except (EOFError, ConnectionResetError):
            return None

    def end(self) -> int | None:
        """Kill the process unless it is dead; return what ended it."""
        self.process.join(0 if self.process.exitcode is None and not _closed(self.connection) else _END_S)
        code = self.process.exitcode
        self.process.kill()
        self.process.join(_END_S)
        self.connection.close()
        return code if code is not None else self.process.exitcode


def _closed(connection: Connection) -> bool:
    """Whether the other end of a pipe is gone: its process is about to be dead."""
    try:
        return connection.poll() and not connection.recv_bytes()
    except (EOFError, OSError):
        return True


@contextmanager
def _unheard() -> Iterator[None]:
    """Hear of Ctrl-C and the like only afterwards; processes that are born meanwhile never do."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    """Do tasks until the other end is gone."""
    ignore_signals()
    base = _mapped_bytes()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            connection.send(do(work, connection.recv(), base))


def ignore_signals() -> None:
    """Ctrl-C in a terminal reaches this process too; its parent ends it, or its parent's end does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def do(work: Callable[[Any], Any], task: Task, base: int) -> tuple[Any, BaseException | None, bool]:
    """Do one task within its limits. base: address space that this process has in any case."""
    with _limits(task, base):
        try:
            return work(task), None, False
        except MemoryError:
            return Breach(f"it took more than {task.memory_bytes / 1e6:,.0f} MB of memory"), None, True
        except Exception as error:
            return None, error, True


@contextmanager
def _limits(task: Task, base: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = base + task.memory_bytes
    with contextlib.suppress(ValueError, OSError):  # a system that knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    signal.setitimer(signal.ITIMER_PROF, task.seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _mapped_bytes() -> int:
    """Return the address space of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
