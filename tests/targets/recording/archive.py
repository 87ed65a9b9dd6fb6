"""Records of driven targets as files: each a folder within a compressed tar file, many of them in one where that is
smaller.

    NAME/record.json             what it is of and what made it
    NAME/run.json, …             the run directory, without what can be made again
    NAME/SCENARIO/hits.jsonl, …
"""

from __future__ import annotations

import io
import lzma
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from assertions.record.types import Record

FORMAT = 1
"""Raised when a record's files are laid out in another way."""
SUFFIX = ".tar.xz"
PACKED = "targets"
"""Beginning of the names of archives that hold many records."""
MANY = 24
"""Records in one archive: enough to have much in common, few enough to unpack a part."""
_DICTIONARY_BYTES = 32 * 1024 * 1024
"""So far back records in one archive are compared; to pack takes ten times as much memory."""
_BLOCK_BYTES = 1024 * 1024
AGAIN = "make them again with `python -m tests.targets record --core`"
RESTORE = "restore it, or remove it and make its records again with `python -m tests.targets record --core --resume`"
_DAMAGED = (tarfile.TarError, lzma.LZMAError, EOFError)
"""What reading a damaged archive raises, at its beginning or further on."""


class ArchiveError(Exception):
    """Records can't be read; one sentence that says which and what to do."""


class OtherFormat(ArchiveError):
    """A record is laid out as another version does it: nothing but a new record helps."""


class Made(Record, frozen=True, kw_only=True):
    """What a record is of, and what made it: `record.json`."""

    format: int
    name: str
    """The record's own: the target's, or `TARGET@contract`."""
    target: str
    conditions: str
    """Under which limits and profiles it was driven; see `conditions`."""
    scenarios: tuple[str, ...]
    commit: str
    """Of the checkout, marked `-dirty` where files differed from it."""
    when: str
    """ISO 8601, UTC."""
    attempts: int
    """Runs that it took; more than 1: the earlier ones were judged wrongly, or not at all."""
    seconds: float
    load_side_sha256: str
    """Of the code that drove the target and wrote the record."""
    profiles_sha256: str
    """Of the scenarios' profiles."""
    target_sha256: str
    """Of the target's own code."""
    limits_sha256: str
    """Of the limits by which the run was judged when it was made; `prove` takes the limits of today."""
    judge_sha256: str
    """Of the judge that agreed with the record when it was made."""
    python: str
    packages: dict[str, str]


class _Format(msgspec.Struct):
    format: int = 0
    name: str = "?"


def archives(folder: Path) -> list[Path]:
    """Every archive in a folder, those of many records first: a single one is newer."""
    found = sorted(folder.glob(f"*{SUFFIX}"))
    return sorted(found, key=lambda path: not path.name.startswith(PACKED))


def read_made(data: bytes, where: str) -> Made:
    """Decode a record.json. ArchiveError for one of another format."""
    try:
        head = msgspec.json.decode(data, type=_Format)
        if head.format != FORMAT:
            raise OtherFormat(
                f"{where} holds a record of format {head.format}, this version reads format {FORMAT}; {AGAIN}"
            )
        return msgspec.json.decode(data, type=Made)
    except msgspec.DecodeError as error:
        raise ArchiveError(f"{where} holds a record.json that can't be read ({error}); {AGAIN}") from error


def listed(folder: Path) -> dict[str, tuple[Made, Path]]:
    """What the records of a folder are of, by name, each with the archive that holds its newest version."""
    found: dict[str, tuple[Made, Path]] = {}
    for path in archives(folder):
        with _opened(path) as tar:
            for member in tar:
                if member.name.endswith("/record.json") and member.name.count("/") == 1:
                    file = tar.extractfile(member)
                    made = read_made(file.read() if file else b"", path.name)
                    if made.name != (folder_name := member.name.partition("/")[0]):
                        raise ArchiveError(
                            f"{path.name} holds a folder {folder_name} with the record of {made.name}; {RESTORE}"
                        )
                    found[made.name] = (made, path)
            assert tar.fileobj is not None
            while tar.fileobj.read(_BLOCK_BYTES):  # to its end, where the checksum stands
                pass
    return found


def of_records(folder: Path) -> list[Path]:
    """The archives in a folder that hold records, of whichever format; others there belong to somebody else."""
    return [path for path in archives(folder) if _holds_records(path)]


def _holds_records(path: Path) -> bool:
    with _opened(path) as tar:
        return any(member.name.count("/") == 1 and member.name.endswith("/record.json") for member in tar)


def unpack(path: Path, names: Iterable[str], to: Path) -> Iterator[str]:
    """Unpack records of an archive into folders under `to`, and yield each name when its folder is whole."""
    wanted = set(names)
    last = None
    with _opened(path) as tar:
        for member in tar:
            name, _, inner = member.name.partition("/")
            if last is not None and name != last:
                yield last
                last = None
            if name not in wanted or not member.isfile() or ".." in Path(inner).parts:
                continue
            last = name
            place = to / name / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            file = tar.extractfile(member)
            assert file is not None
            with place.open("wb") as out:
                shutil.copyfileobj(file, out)
    if last is not None:
        yield last


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open for reading from start to end. ArchiveError when it is no archive, or is found damaged on the way."""
    what = "is no archive of records"
    try:
        with tarfile.open(path, "r:xz") as tar:
            what = "is damaged"
            yield tar
    except _DAMAGED as error:
        raise ArchiveError(f"{path.name} {what} ({error}); {RESTORE}") from error


def pack(folders: Sequence[Path], path: Path) -> None:
    """Write record folders into one archive, equal bytes for equal folders, and put it in place in one step."""
    part = path.with_name(path.name + ".part")
    # a single one is packed with others later
    hard = {"preset": 9 | lzma.PRESET_EXTREME, "dict_size": _DICTIONARY_BYTES} if len(folders) > 1 else {"preset": 6}
    filters = [{"id": lzma.FILTER_LZMA2, **hard}]
    with (
        lzma.open(part, "wb", format=lzma.FORMAT_XZ, filters=filters) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for folder in folders:
            for member in sorted(folder.rglob("*")):
                if member.is_file():
                    info = tarfile.TarInfo(f"{folder.name}/{member.relative_to(folder).as_posix()}")
                    data = member.read_bytes()
                    info.size, info.mode = len(data), 0o644
                    tar.addfile(info, io.BytesIO(data))
    part.replace(path)


def pack_all(folder: Path, order: Sequence[str], work: Path) -> list[Path]:
    """Pack all records of a folder anew, MANY in an archive, in the given order; records not named there are dropped.

    work: an empty folder for unpacked records.
    """
    known = listed(folder)
    names = [name for name in order if name in known]
    parts = [names[at : at + MANY] for at in range(0, len(names), MANY)]
    written = []
    for number, part in enumerate(parts, 1):
        for path in dict.fromkeys(known[name][1] for name in part):
            for _ in unpack(path, [name for name in part if known[name][1] == path], work):
                pass
        new = work / f"{PACKED}-{number}{SUFFIX}"
        pack([work / name for name in part], new)
        written.append(new)
        for name in part:
            shutil.rmtree(work / name)
    old = of_records(folder)
    places = [shutil.move(new, folder / f"{new.name}.new") for new in written]
    for path in old:
        path.unlink()
    return [Path(place).rename(folder / Path(place).name.removesuffix(".new")) for place in places]
