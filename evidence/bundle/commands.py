"""The subcommands on bundles: verify, gate, and `evidence` pack, sign, keygen."""

from __future__ import annotations

from pathlib import Path

import click

from assertions.console import sentences
from assertions.judge import Report
from assertions.summary import runbook_text
from evidence.bundle import pack
from evidence.bundle.apart import verify_apart
from evidence.bundle.attest import signing
from evidence.bundle.attest.signing import SigningError
from evidence.bundle.errors import VerifyError
from evidence.bundle.layout import DEFAULT_OUT
from evidence.bundle.manifest import ATTESTATION
from evidence.bundle.pack import PackError
from evidence.reports.units import LONGEST_OWN, plain
from evidence.timings import Timings, table
from loadtests import options

FOLDER = click.argument("folder", type=options.FILE, default=DEFAULT_OUT, metavar="[DIR]")
BUNDLE = click.argument("bundle", type=options.FILE, default=DEFAULT_OUT, metavar="[DIR|ARCHIVE]")
MOST_SHOWN = 200
"""Problems that are printed."""
KEY = click.option("--key", type=options.FILE, metavar="FILE", help="The public key with which it must be signed.")


def _verified(bundle: Path, key: Path | None, timings: Timings | None = None) -> tuple[list[str], Report | None]:
    if not bundle.exists():
        raise VerifyError(
            f"{bundle} is no run directory and no archive of one; make one with `export-at-scale run smoke load batch`"
        )
    return verify_apart(bundle, key, timings=timings)


def _print(problems: list[str]) -> None:
    """Print each on one line, without what a terminal obeys: names of files come from whoever made the bundle."""
    for problem in problems[:MOST_SHOWN]:
        print(plain(problem, LONGEST_OWN))
    if len(problems) > MOST_SHOWN:
        print(f"… and {len(problems) - MOST_SHOWN:,} more")


@click.command("verify")
@BUNDLE
@KEY
@sentences("evidence", VerifyError)
def verify_command(bundle: Path, key: Path | None) -> int:
    """Re-hash a bundle, re-judge it from its raw record, and compare with what it says.

    With --key the bundle must also be signed with that key: without it, whoever edits raw records and publishes them
    again makes a bundle that holds.
    """
    problems, report = _verified(bundle, key)
    _print(problems)
    if problems:
        print(f"{bundle} does not hold; problems: {len(problems)}")
        return 1
    signed = "" if key is None else ", signed with this key"
    said = report.headline if report else "nothing"
    print(f"{bundle} holds{signed}: every file is as listed, and judged again it is {said}")
    return 0


@click.command("gate")
@BUNDLE
@KEY
@click.option("--timings", "show_timings", is_flag=True, help="Print how long each stage took.")
@sentences("evidence", VerifyError)
def gate_command(bundle: Path, key: Path | None, show_timings: bool) -> int:
    """Verify, and exit 0 only if the bundle holds and its colour is GREEN.

    GREEN: the scenarios smoke, load and batch were run, no check is a FAIL in any scenario, none has NO DATA but
    optional and waived ones, and nothing kept the run from its end. A waived check stands in the report's first line.
    """
    measured = Timings.since_start()
    measured.end_start()
    problems, report = _verified(bundle, key, measured)
    if report is not None:
        print(runbook_text(report))
    _print(problems)
    if show_timings:
        print(table(measured.stages, "gate"))
    if problems or report is None or report.colour != "GREEN":
        print("gate: closed")
        return 1
    print("gate: open")
    return 0


@click.group("evidence")
def evidence_group() -> None:
    """Pack a bundle into one archive, sign it, make keys."""


@evidence_group.command("pack")
@FOLDER
@click.argument("archive", type=options.FILE, required=False, metavar="[OUT.zip]")
@sentences("evidence", PackError)
def pack_command(folder: Path, archive: Path | None) -> int:
    """Pack a bundle into one archive, which `verify` reads; equal bundles make equal archives."""
    target = archive or pack.default_archive(folder)
    try:
        size = pack.pack(folder, target)
    except OSError as error:
        raise PackError(f"{error.filename or target} can't be read or written: {error.strerror or error}") from error
    print(f"{target}: {size / 1e6:.1f} MB")
    return 0


@evidence_group.command("sign")
@FOLDER
@click.option("--key", type=options.FILE, required=True, metavar="FILE", help="The private key, in PEM.")
@sentences("evidence", SigningError)
def sign_command(folder: Path, key: Path) -> int:
    """Verify a bundle, and sign a statement on what it says: `attestation.json`."""
    signing.check_private(key)
    try:
        (folder / ATTESTATION).unlink(missing_ok=True)
        problems, _ = _verified(folder, None)
        if problems:
            raise SigningError(f"{folder} does not hold, so it is not signed: {problems[0]}; see `verify`")
        signing.sign_stored(folder, key)
    except VerifyError as error:
        raise SigningError(str(error)) from error
    except OSError as error:
        raise SigningError(f"{error.filename or folder} can't be written: {error.strerror or error}") from error
    print(f"{folder / ATTESTATION} is signed")
    return 0


@evidence_group.command("keygen")
@click.argument("key", type=options.FILE, metavar="FILE")
@sentences("evidence", SigningError)
def keygen_command(key: Path) -> int:
    """Make an Ed25519 key pair: the private key FILE, the public key FILE.pub."""
    public = signing.make_keys(key)
    print(f"private key: {key} (keep it where only the signer reads it)")
    print(f"public key:  {public} (for `verify --key`)")
    return 0
