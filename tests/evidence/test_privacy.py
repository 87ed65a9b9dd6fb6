"""What must never reach a run directory: the target's token, the headers sent to it, and user names in addresses."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from assertions.record.files import read_one
from evidence.collect.provenance import Context
from tests.evidence.command import Target, profiles, run_command

pytestmark = pytest.mark.e2e

TOKEN, HEADER = "t0ken-51f2c9", "h3ader-7ab0d4"
SECRETS = {"EXPORT_TARGET_TOKEN": TOKEN, "EXPORT_TARGET_HEADERS": f"X-Team: {HEADER}\n"}


def holding(out: Path, *secrets: str) -> list[str]:
    """Files below a folder that hold one of the secrets, in their bytes or in a compressed stream of a PDF."""
    found = []
    for path in sorted(one for one in out.rglob("*") if one.is_file()):
        content = path.read_bytes()
        parts = [content, *(streams(content) if path.suffix == ".pdf" else [])]
        if any(secret.encode() in part for secret in secrets for part in parts):
            found.append(path.relative_to(out).as_posix())
    return found


def streams(content: bytes) -> list[bytes]:
    """The compressed streams of a PDF that can be read without a PDF reader."""
    found = []
    for part in content.split(b"stream\n")[1:] + content.split(b"stream\r\n")[1:]:
        decoder = zlib.decompressobj()
        try:
            found.append(decoder.decompress(part))
        except zlib.error:
            continue
    return found


def test_token_and_headers_stay_out_of_the_bundle(target: Target, tmp_path: Path) -> None:
    """A run with a token and a header leaves neither in any file, nor on the terminal; run.json names the variables."""
    words = ("run", "smoke", "--target", target.url, "--exports", target.exports, "--out", tmp_path / "out")
    ended = run_command(*words, "--profiles", profiles(tmp_path / "profiles"), environment=SECRETS)
    assert (tmp_path / "out" / "report.html").is_file(), ended.err
    assert holding(tmp_path / "out", TOKEN, HEADER) == []
    assert TOKEN not in ended.out + ended.err
    assert HEADER not in ended.out + ended.err
    assert holding(tmp_path / "out", "X-Team") == []
    assert read_one(tmp_path / "out" / "run.json", Context).header_variables == tuple(SECRETS)


@pytest.mark.parametrize("option", ["--target", "--url"])
def test_user_names_and_passwords_in_addresses_are_refused(tmp_path: Path, option: str) -> None:
    """An address with a user name ends the command with 2 before anything is written."""
    ended = run_command("run", "smoke", option, f"https://alice:{TOKEN}@127.0.0.1:1", "--out", tmp_path / "out")
    assert ended.code == 2
    assert not (tmp_path / "out").exists()
    assert TOKEN not in ended.out + ended.err


def test_a_secret_would_be_found(tmp_path: Path) -> None:
    """The search finds a secret in a text file and in a compressed stream."""
    (tmp_path / "a.txt").write_text(f"x {TOKEN} y")
    (tmp_path / "b.pdf").write_bytes(b"%PDF stream\n" + zlib.compress(TOKEN.encode()) + b"endstream")
    assert holding(tmp_path, TOKEN) == ["a.txt", "b.pdf"]
