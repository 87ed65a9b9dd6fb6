"""Signing and checking a statement: the key's own holds, any other or edited one does not."""

from __future__ import annotations

import builtins
import json
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence.bundle import manifest
from evidence.bundle.attest import signing, statement
from evidence.bundle.attest.signing import SigningError
from evidence.publish import judge_folder
from tests.evidence.command import run_command
from tests.evidence.conftest import Made

pytestmark = pytest.mark.e2e


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    """A private and a public key."""
    return tmp_path / "key", signing.make_keys(tmp_path / "key")


def differences(out: Path, key: Path | None) -> list[str]:
    """What does not hold."""
    _, _, report, context = judge_folder(out)
    return signing.differences(out, key, report, context)


def test_signed_and_checked(bundle: Path, keys: tuple[Path, Path]) -> None:
    """A bundle that was signed holds with the key, without one, and not with another key."""
    private, public = keys
    assert differences(bundle, public) == ["attestation.json is missing: the bundle is not signed"]
    signing.sign_stored(bundle, private)
    assert (differences(bundle, public), differences(bundle, None)) == ([], [])
    other = signing.make_keys(private.with_name("other"))
    assert differences(bundle, other) == ["attestation.json is not signed with this key, or was changed"]


def test_the_statement(bundle: Path) -> None:
    """The statement names the manifest's hash, the colour, the figures, and every test by its result."""
    _, _, report, context = judge_folder(bundle)
    said = statement.of(bundle, report, context)
    assert (said["_type"], said["predicateType"], said["predicate"]["result"]) == (
        "https://in-toto.io/Statement/v1",
        "https://in-toto.io/attestation/test-result/v0.1",
        "FAILED",
    )
    assert said["subject"][0]["digest"] == {"sha256": manifest.sha256(bundle / "manifest.json")}
    assert said["subject"][0]["annotations"]["colour"] == "RED"
    assert said["subject"][0]["annotations"]["figures"]["smoke/smoke-latency"]["unit"] == "ms"
    assert "smoke/smoke-latency" in said["predicate"]["failedTests"]
    assert len(said["predicate"]["passedTests"]) == sum(one.status == "PASS" for one in report.verdicts)


def published_again(document: dict[str, Any]) -> None:
    """Edit nothing; the manifest is what changes."""


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text.replace("  ", " ", 1), "is not written as this version writes it"),
        (lambda text: text + " ", "is not written as this version writes it"),
        (lambda text: text.replace("in-toto+json", "in-toto+xml"), "holds no in-toto statement"),
        (lambda text: "{}", "is no signed statement: KeyError"),
        (lambda text: "{", "is no signed statement: JSONDecodeError"),
        (lambda text: "[" * 100_000, "is no signed statement: RecursionError"),
        (
            lambda text: json.dumps({**json.loads(text), "signatures": []}, indent=2) + "\n",
            "is not signed with this key",
        ),
    ],
)
def test_an_edited_attestation(bundle: Path, keys: tuple[Path, Path], edit: Callable[[str], str], words: str) -> None:
    """An attestation that was changed in any way does not hold."""
    private, public = keys
    signing.sign_stored(bundle, private)
    path = bundle / "attestation.json"
    path.write_text(edit(path.read_text()))
    (problem,) = differences(bundle, public)
    assert words in problem


def test_another_manifest(bundle: Path, keys: tuple[Path, Path]) -> None:
    """A bundle that was edited after it was signed is named as that, with the key and without."""
    private, public = keys
    signing.sign_stored(bundle, private)
    (bundle / "manifest.json").write_bytes((bundle / "manifest.json").read_bytes() + b"\n")
    for key in (public, None):
        (problem,) = differences(bundle, key)
        assert "the bundle was edited or published again after it was signed" in problem


def test_a_statement_on_another_verdict(bundle: Path, keys: tuple[Path, Path]) -> None:
    """A statement that a holder of the key wrote by hand must still be what the record gives."""
    private, public = keys
    _, _, report, context = judge_folder(bundle)
    from msgspec.structs import replace

    signing.sign(bundle, private, replace(report, colour="GREEN"), context)
    assert differences(bundle, public) == ["attestation.json says something else of this bundle than its record gives"]


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private key is nobody else's to read, is never overwritten, and may have a password."""
    private = tmp_path / "key"
    public = signing.make_keys(private)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert public.read_text().startswith("-----BEGIN PUBLIC KEY-----")
    with pytest.raises(SigningError, match="is there already"):
        signing.make_keys(private)
    monkeypatch.setenv(signing.PASSWORD, "secret")
    locked = tmp_path / "locked"
    signing.make_keys(locked)
    signing.check_private(locked)
    monkeypatch.delenv(signing.PASSWORD)
    with pytest.raises(SigningError, match="give the password"):
        signing.check_private(locked)
    with pytest.raises(SigningError, match="can't be read"):
        signing.check_private(tmp_path / "none")
    with pytest.raises(SigningError, match="no private key in PEM"):
        signing.check_private(public)


def test_keys_of_openssl(bundle: Path, tmp_path: Path) -> None:
    """Keys that openssl made are good."""
    private, public = tmp_path / "k.pem", tmp_path / "k.pub"
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    signing.sign_stored(bundle, private)
    assert differences(bundle, public) == []


def test_without_the_library(bundle: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, signing says how to install it; verifying without a key does not need it."""
    private, _ = keys
    signing.sign_stored(bundle, private)
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("securesystemslib", "cryptography"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SigningError, match=r"install the extra in a checkout: `pip install '\.\[sign\]'`"):
        signing.check_private(private)
    assert differences(bundle, None) == []


def test_by_the_command(made: Made, bundle: Path, tmp_path: Path) -> None:
    """The commands make keys, sign what holds, and verify with the key; what was edited is neither signed nor holds."""
    key = tmp_path / "k"
    assert run_command("evidence", "keygen", key).code == 0
    assert run_command("evidence", "sign", bundle, "--key", key).code == 0
    assert run_command("verify", bundle, "--key", f"{key}.pub").out.startswith(f"{bundle} holds, signed with this key")
    ended = run_command("verify", made.path, "--key", f"{key}.pub")
    assert (ended.code, "attestation.json is missing: the bundle is not signed" in ended.out) == (1, True)
    assert run_command("verify", bundle, "--key", tmp_path / "none").code == 2
    (bundle / "notes.txt").write_text("x")
    ended = run_command("evidence", "sign", bundle, "--key", key)
    assert (ended.code, "does not hold, so it is not signed" in ended.err) == (2, True)
