"""The kinds of mutation: each changes a copy of a bundle at random, and says what it did."""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Callable
from pathlib import Path

from evidence.bundle import manifest
from evidence.bundle.digest import DERIVED
from evidence.bundle.layout import COMPARISON
from evidence.publish import publish

Mutation = Callable[[Path, random.Random], str]
_NUMBER = re.compile(rb"(?<![\w.#-])\d+(?:\.\d+)?(?![\w.])")
_NEW = ("notes.txt", "smoke/hits-2.jsonl", "smoke/kept/measure-9999.csv", "plots/more.svg", "other/plan.json")


def _files(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*") if path.is_file() and path.stat().st_size)


def _name(out: Path, path: Path) -> str:
    return path.relative_to(out).as_posix()


def _mend(out: Path) -> None:
    run_id = manifest.read(out).run_id
    manifest.write(out, run_id)


def flip_byte(out: Path, dice: random.Random) -> str:
    """Change one byte of one file."""
    path = dice.choice(_files(out))
    content = bytearray(path.read_bytes())
    at = dice.randrange(len(content))
    content[at] ^= dice.randrange(1, 256)
    path.write_bytes(content)
    return f"byte {at} of {_name(out, path)}"


def remove_file(out: Path, dice: random.Random) -> str:
    """Remove one file."""
    path = dice.choice(_files(out))
    path.unlink()
    return _name(out, path)


def add_file(out: Path, dice: random.Random) -> str:
    """Add one file, a copy of another."""
    name, source = dice.choice(_NEW), dice.choice(_files(out))
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_bytes(source.read_bytes())
    return name


def swap_files(out: Path, dice: random.Random) -> str:
    """Put two files in each other's place."""
    while True:
        one, other = dice.sample(_files(out), 2)
        if one.read_bytes() != other.read_bytes():
            break
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return f"{_name(out, one)} and {_name(out, other)}"


def truncate_file(out: Path, dice: random.Random) -> str:
    """Cut a file off somewhere."""
    path = dice.choice(_files(out))
    with path.open("r+b") as file:
        size = dice.randrange(path.stat().st_size)
        file.truncate(size)
    return f"{_name(out, path)} to {size} bytes"


def _another_number(content: bytes, dice: random.Random) -> bytes | None:
    found = list(_NUMBER.finditer(content))
    if not found:
        return None
    number = dice.choice(found)
    digits = bytearray(number[0])
    at = dice.choice([n for n, digit in enumerate(digits) if chr(digit).isdigit()])
    digits[at] = dice.choice([digit for digit in b"123456789" if digit != digits[at]])
    return content[: number.start()] + bytes(digits) + content[number.end() :]


def edit_number(out: Path, dice: random.Random) -> str:
    """Edit one number in one file, and mend the manifest."""
    while True:
        path = dice.choice([path for path in _files(out) if path.name not in manifest.UNLISTED])
        if path.name.endswith(".jsonl.xz"):
            edited = _another_number(lzma.decompress(path.read_bytes()), dice)
            assert edited is not None
            edited = lzma.compress(edited, preset=1)
            break
        if path.suffix in (".json", ".jsonl", ".toml", ".log", ".txt", ".md", ".html", ".xml", ".svg", ".csv"):
            edited = _another_number(path.read_bytes(), dice)
            if edited is not None:
                break
    path.write_bytes(edited)
    _mend(out)
    kind = "a page or artifact" if _name(out, path) in DERIVED else "evidence"
    return f"a number in {_name(out, path)} ({kind})"


def edit_lines(out: Path, dice: random.Random) -> str:
    """Remove, repeat or move a line of a raw file, and mend the manifest."""
    while True:
        path = dice.choice([path for path in _files(out) if path.suffix == ".jsonl"])
        lines = path.read_bytes().splitlines(keepends=True)
        if len(set(lines)) > 2:
            break
    before = list(lines)
    while lines == before:
        at, to = dice.sample(range(len(lines)), 2)
        match dice.randrange(3):
            case 0:
                del lines[at]
            case 1:
                lines.insert(to, lines[at])
            case _:
                lines[at], lines[to] = lines[to], lines[at]
    path.write_bytes(b"".join(lines))
    _mend(out)
    return f"lines of {_name(out, path)}"


def publish_again(out: Path, dice: random.Random) -> str:
    """Make requests quicker in the raw record, and publish everything again, as a forger would."""
    path = out / "smoke" / "hits.jsonl"
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    share = dice.uniform(0.5, 0.95)
    for hit in lines:
        hit["end"] = hit["start"] + (hit["end"] - hit["start"]) * share
    path.write_text("".join(json.dumps(hit, separators=(",", ":"), ensure_ascii=False) + "\n" for hit in lines))
    (out / COMPARISON).unlink(missing_ok=True)  # what compares the true figures would give the forger away
    publish(out)
    return f"every request of smoke took {share:.0%} of its time"


KINDS: dict[str, Mutation] = {
    "byte flipped": flip_byte,
    "file removed": remove_file,
    "file added": add_file,
    "files swapped": swap_files,
    "file truncated": truncate_file,
    "number edited, hashes mended": edit_number,
    "lines edited, hashes mended": edit_lines,
    "records edited, published again": publish_again,
}
REPUBLISHED = "records edited, published again"
"""The only kind that no key means no finding of."""
