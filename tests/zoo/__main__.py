"""The zoo's door: `python -m tests.zoo --help`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.zoo.animal import Unknown, chosen
from tests.zoo.check import look

HELP = """\
Export services of our own, healthy and broken, by which the harness is judged.

examples:
  python -m tests.zoo list                        every animal, its group and what is wrong with it
  python -m tests.zoo check                       does each start, answer /health and an export, and end?
  python -m tests.zoo serve keeper                start one; a JSON line on stdout says where it listens
"""


def parser() -> argparse.ArgumentParser:
    """The door's options."""
    top = argparse.ArgumentParser(
        prog="python -m tests.zoo", description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="show the animals")
    listing.add_argument("names", nargs="*", metavar="NAME", help="animals or groups; all by default")
    listing.add_argument("--json", action="store_true", help="as JSON, for programs")
    check = commands.add_parser("check", help="start each for a moment and speak with it")
    check.add_argument("names", nargs="*", metavar="NAME", help="animals or groups; all by default")
    serve = commands.add_parser("serve", help="run one animal until SIGTERM")
    serve.add_argument("name", metavar="NAME")
    serve.add_argument("--port", type=int, default=0, help="default 0: any free one")
    serve.add_argument("--exports", type=Path, default=Path("exports"), metavar="DIR", help="where files go")
    return top


def list_animals(names: Sequence[str], as_json: bool) -> int:
    """Print the animals."""
    found = chosen(names)
    if as_json:
        rows = [
            {"name": one.name, "group": one.group, "healthy": one.healthy, "expect": sorted(one.expect), "why": one.why}
            for one in found
        ]
        print(json.dumps(rows, indent=2))
        return 0
    width = max(len(one.name) for one in found)
    for one in found:
        print(
            f"{one.name:{width}}  {one.group:10}  {one.why}"
            + (f" [{', '.join(sorted(one.expect))}]" if one.expect else "")
        )
    return 0


def check(names: Sequence[str]) -> int:
    """Look at the animals; 1 when one does not live."""
    found = chosen(names)
    dead = [looked for looked in map(look, found) if looked.problem]
    for looked in dead:
        print(f"{looked.name}: {looked.problem}")
    print(f"{len(found) - len(dead)} of {len(found)} animals live and answer")
    return 1 if dead else 0


def serve(name: str, port: int, exports: Path) -> int:
    """Run one animal, with the folder above its exports as its own."""
    found = [animal for animal in chosen([name]) if animal.name == name]
    if not found:
        raise Unknown(f"{name} is a group; name one animal of it")
    folder = exports.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder.parent)

    def announce(url: str) -> None:
        print(json.dumps({"event": "listening", "url": url, "pid": os.getpid()}), flush=True)

    found[0].build(folder).serve(port, announce)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """0: done; 1: the harness misjudged an animal; 2: nothing could be judged."""
    options = parser().parse_args(argv)
    try:
        if options.command == "list":
            return list_animals(options.names, options.json)
        if options.command == "check":
            return check(options.names)
        return serve(options.name, options.port, options.exports)
    except (Unknown, OSError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main())
