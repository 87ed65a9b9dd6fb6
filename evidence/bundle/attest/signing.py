"""Signing a bundle's statement with a key file, and checking it: a DSSE envelope, `attestation.json`.

The envelope is securesystemslib's, the keys are cryptography's; both come with the extra `sign`.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from assertions.judge import Report
from assertions.record.files import read_one
from assertions.record.types import RecordError
from evidence.bundle import manifest
from evidence.bundle.attest import statement
from evidence.bundle.layout import ATTESTATION, CONTEXT
from evidence.collect.provenance import Context

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PASSWORD = "EXPORT_AT_SCALE_KEY_PASSWORD"
"""The variable that has a private key's password."""
MOST_BYTES = 16 * 1024**2
INSTALL = "install the extra in a checkout: `pip install '.[sign]'`"

T = TypeVar("T")


class SigningError(Exception):
    """A bundle can't be signed, or a key can't be used; one sentence."""


def _with_library(work: Callable[[], T]) -> T:
    try:
        return work()
    except ImportError as error:
        raise SigningError(f"signing needs securesystemslib and cryptography; {INSTALL}") from error


def make_keys(private: Path) -> Path:
    """Write a new Ed25519 key pair, and return the public key's path. SigningError where a file is there."""
    public = private.with_name(f"{private.name}.pub")

    def made() -> tuple[bytes, bytes]:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            NoEncryption,
            PrivateFormat,
            PublicFormat,
        )

        key = Ed25519PrivateKey.generate()
        word = os.environ.get(PASSWORD)
        locked = BestAvailableEncryption(word.encode()) if word else NoEncryption()
        return (
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        )

    for path, content, mode in zip((private, public), _with_library(made), (0o600, 0o644), strict=True):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(content)
        except FileExistsError:
            raise SigningError(f"{path} is there already; a key is never overwritten") from None
        except OSError as error:
            raise SigningError(f"{path} can't be written: {error.strerror}") from error
    return public


def check_private(path: Path) -> None:
    """Raise SigningError where a private key can't be used."""
    _signer(path)


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SigningError(f"the {what} key {path} can't be read: {error.strerror}") from error


def _signer(path: Path) -> Any:
    content, word = _read(path, "private"), os.environ.get(PASSWORD)

    def load() -> Any:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner

        try:
            return CryptoSigner(load_pem_private_key(content, word.encode() if word else None))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningError(
                f"{path} is no private key in PEM that can be used ({error}); make one with `evidence keygen`, and "
                f"give the password of a locked one in {PASSWORD}"
            ) from error

    return _with_library(load)


def _public_key(path: Path) -> Any:
    content = _read(path, "public")

    def load() -> Any:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
        from securesystemslib.signer import SSlibKey

        try:
            return SSlibKey.from_crypto(load_pem_public_key(content))
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SigningError(f"{path} is no public key in PEM that can be used ({error})") from error

    return _with_library(load)


def sign(folder: Path, key: Path, report: Report, context: Context) -> None:
    """Write the signed statement of a bundle next to its manifest. SigningError, OSError."""
    signer = _signer(key)
    payload = statement.encoded(statement.of(folder, report, context))

    def signed() -> dict[str, Any]:
        from securesystemslib.dsse import Envelope

        envelope = Envelope(payload, PAYLOAD_TYPE, {})
        envelope.sign(signer)
        found: dict[str, Any] = envelope.to_dict()
        return found

    (folder / ATTESTATION).write_bytes(_dumped(_with_library(signed)))


def sign_stored(folder: Path, key: Path) -> None:
    """Sign a bundle as it stands; what it says must have been verified before. SigningError."""
    try:
        sign(folder, key, statement.stored_report(folder), read_one(folder / CONTEXT, Context))
    except (RecordError, ValueError) as error:
        raise SigningError(f"{folder} can't be signed: {error}") from error


def differences(folder: Path, key: Path | None, report: Report, context: Context) -> list[str]:
    """Return why the attestation does not hold, a sentence each; without a key only its statement is compared.

    A bundle without one holds where no key is given. SigningError where the key can't be used.
    """
    said, problem = opened(folder, key)
    if problem is not None:
        return [problem]
    if said is None:
        return []
    wanted = json.loads(statement.encoded(statement.of(folder, report, context)))
    return [] if said == wanted else [f"{ATTESTATION} says something else of this bundle than its record gives"]


def opened(folder: Path, key: Path | None) -> tuple[Any, str | None]:
    """Return the statement and why it does not fit the manifest next to it; (None, None): there is none, nor a key.

    With a key the signature must be that key's. SigningError where the key can't be used. OSError.
    """
    public = None if key is None else _public_key(key)
    path = folder / ATTESTATION
    if not path.is_file():
        return None, None if public is None else f"{ATTESTATION} is missing: the bundle is not signed"
    if path.stat().st_size > MOST_BYTES:
        return None, f"{ATTESTATION} is larger than {MOST_BYTES // 1024**2} MB"
    try:
        payload, problem = _opened(path.read_bytes(), public)
        said = json.loads(payload)
        named = said["subject"][0]["digest"]["sha256"]
    except SigningError:
        raise
    except Exception as error:  # whatever a library makes of what somebody wrote
        return None, f"{ATTESTATION} is no signed statement: {type(error).__name__}: {error}"
    mine = manifest.sha256(folder / manifest.NAME)
    if problem is None and named != mine:
        problem = (
            f"{ATTESTATION} is of another manifest: it names {str(named)[:16]}, manifest.json has {mine[:16]}: the "
            "bundle was edited or published again after it was signed"
        )
    return said, problem


def _dumped(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=2) + "\n").encode()


def _opened(text: bytes, public: Any) -> tuple[bytes, str | None]:
    """Return the envelope's payload, and why its signature does not hold."""
    if public is None:
        return base64.b64decode(json.loads(text)["payload"], validate=True), None

    def verified() -> tuple[bytes, str | None]:
        from securesystemslib.dsse import Envelope
        from securesystemslib.exceptions import VerificationError

        envelope = Envelope.from_dict(json.loads(text))
        if text != _dumped(envelope.to_dict()):  # spaces or spare bits of base64 that no signature covers
            return envelope.payload, f"{ATTESTATION} is not written as this version writes it"
        if envelope.payload_type != PAYLOAD_TYPE:
            return envelope.payload, f"{ATTESTATION} holds no in-toto statement: {envelope.payload_type}"
        try:
            envelope.verify([public], 1)
        except VerificationError:
            return envelope.payload, f"{ATTESTATION} is not signed with this key, or was changed"
        return envelope.payload, None

    return _with_library(verified)
