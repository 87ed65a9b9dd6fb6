"""What every command shares: output that can neither end a run nor change its exit code, and how it starts.

A closed pipe, a full disk behind stdout, an encoding without our signs: these are the reader's troubles, not the run's.
"""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec

import click

P = ParamSpec("P")
NO_VERDICT = 2
"""Exit code of bad usage, as of everything else from which no verdict can come."""


class _Output(io.FileIO):
    """A standard stream that accepts whatever is written to it; what can't be delivered is dropped."""

    def write(self, data: Any) -> int:
        """Return the number of bytes written or dropped."""
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def guard_output() -> None:
    """Make stdout and stderr take every sign and survive every reader. Streams that a test put there stay."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is not io.TextIOWrapper:
            continue  # None where it was closed before the start
        raw = stream.buffer.raw if isinstance(stream.buffer, io.BufferedWriter) else stream.buffer  # unbuffered
        if not isinstance(raw, io.FileIO) or isinstance(raw, _Output):
            continue
        buffered = io.BufferedWriter(_Output(stream.fileno(), "wb", closefd=False))
        text = io.TextIOWrapper(buffered, encoding=stream.encoding, errors="replace", line_buffering=True)
        setattr(sys, name, text)


def run_command(command: click.Command, argv: Sequence[str] | None, name: str) -> int:
    """Run a click command as a command and return its exit code, which is 2 on bad usage. KeyboardInterrupt.

    name: the command as the user types it, for `--help` and for messages.
    """
    guard_output()
    words = None if argv is None else [str(word) for word in argv]
    try:
        result = command.main(words, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return NO_VERDICT
    except click.Abort:
        raise KeyboardInterrupt from None
    return result if isinstance(result, int) else 0


def sentences(prefix: str, *errors: type[Exception]) -> Callable[[Callable[P, int]], Callable[P, int]]:
    """Return a decorator for a command: these errors, and an interrupt, become sentences on stderr and exit code 2.

    prefix: begins each line. An error with `problems` is one line for each.
    """

    def decorate(command: Callable[P, int]) -> Callable[P, int]:
        @functools.wraps(command)
        def guarded(*args: P.args, **named: P.kwargs) -> int:
            try:
                return command(*args, **named)
            except errors as error:
                for problem in getattr(error, "problems", (error,)):
                    print(f"{prefix}: {problem}", file=sys.stderr)
            except KeyboardInterrupt:
                print(f"{prefix}: interrupted", file=sys.stderr)
            return NO_VERDICT

        return guarded

    return decorate
