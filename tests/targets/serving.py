"""Run one target until SIGTERM: `python -m tests.targets.serving NAME`, which starts without the judge's modules."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.targets.fixtures.entry import Unknown, chosen


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--port", type=int, default=0, help="default 0: any free one")
    parser.add_argument("--exports", type=Path, default=Path("exports"), metavar="DIR", help="where files go")


def serve(name: str, port: int, exports: Path) -> int:
    """Run one target, with the folder above its exports as its own; a JSON line on stdout gives its URL and pid."""
    found = [target for target in chosen([name]) if target.name == name]
    if not found:
        raise Unknown(f"{name} is a group; name one target of it")
    folder = exports.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder.parent)

    def announce(url: str) -> None:
        sys.stdout.write(json.dumps({"event": "listening", "url": url, "pid": os.getpid()}) + "\n")
        sys.stdout.flush()

    found[0].build(folder).serve(port, announce)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve a target by its name."""
    parser = argparse.ArgumentParser(prog="python -m tests.targets.serving", description=__doc__)
    add_serve_options(parser)
    options = parser.parse_args(argv)
    return serve(options.name, options.port, options.exports)


if __name__ == "__main__":
    raise SystemExit(main())
