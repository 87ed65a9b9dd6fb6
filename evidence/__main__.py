"""The door: `python -m evidence` is the command `export-at-scale`. See `--help`."""

from __future__ import annotations

from evidence.command import main

if __name__ == "__main__":
    raise SystemExit(main(name="python -m evidence"))
