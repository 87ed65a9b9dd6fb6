"""The command: `export-at-scale`, and the same as `python -m evidence`. See `--help`."""

from __future__ import annotations

import sys

from evidence.interrupts import ignore_signals, take_signals


def entry(name: str = "export-at-scale") -> int:
    """Run the command line; return the exit code. An interrupt is heard from the first moment to the last."""
    take_signals()
    try:
        from evidence.command import main  # noqa: PLC0415 - it takes its time, in which signals may come

        return main(name=name)
    except KeyboardInterrupt:
        print("evidence: interrupted", file=sys.stderr)
        return 2
    finally:
        ignore_signals()


if __name__ == "__main__":
    raise SystemExit(entry("python -m evidence"))
