"""Recompute a run directory's verdict from its files: hashes, contents of kept files, judgement, every report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from assertions.judge import Report
from assertions.judged_run import judge_run
from assertions.limits import Limits, LimitsError
from assertions.record.run import Run
from assertions.record.types import RecordError
from assertions.verdicts import Verdict
from evidence.background import in_background
from evidence.bundle import consistency, digest, inventory, manifest, recomputed
from evidence.bundle.attest import inputs, signing
from evidence.bundle.attest.signing import SigningError
from evidence.bundle.errors import UnfinishedError, VerifyError
from evidence.bundle.inventory import InventoryError
from evidence.bundle.layout import HTML, PDF, REPORT, VERDICT
from evidence.collect.check_workers import OpeningError
from evidence.collect.code_version import judge_sha256
from evidence.collect.file_checks import recheck
from evidence.collect.provenance import Context
from evidence.comparison import stored
from evidence.publish import artifacts, drawings_for, read_folder, report_model, texts, verdict_json, with_digest
from evidence.reports.faces.html import without_library
from evidence.reports.faces.pdf import pdf, pdf_words
from evidence.reports.model import ReportModel
from evidence.reports.plots.interactive import PACKAGE, library_version
from evidence.timings import Timings

MOST_PLACEHOLDER_BYTES = 1_000_000
"""Of a report of one line, which stands until there is a whole one."""


def verify(out: Path, key: Path | None = None, timings: Timings | None = None) -> tuple[list[str], Report | None]:
    """(what does not hold, one sentence each; the verdict as judged anew). VerifyError when `out` is no bundle.

    key: the public key with which the bundle must be signed; VerifyError where it can't be used. timings: measures the
    stages.
    """
    if not out.is_dir():
        raise VerifyError(f"{out} is no run directory; make one with `export-at-scale run smoke load batch`")
    try:
        return _verify(out, key, timings or Timings())
    except OSError as error:
        raise VerifyError(f"{error.filename or out} can't be read: {error.strerror or error}") from error


def _verify(out: Path, key: Path | None, timings: Timings) -> tuple[list[str], Report | None]:
    try:
        said = manifest.read(out)
    except RecordError as error:
        raise VerifyError(f"{out} is no bundle: {_unfinished(out) or error}") from error
    with timings.measure("hashes"):
        try:
            there = inventory.take(out)
        except InventoryError as error:
            return [f"it is not judged again: {error}"], None
        problems = manifest.differences(out, said, there)
    problems += [f"{name} is no file of a run" for name in inventory.foreign(there.files)]
    problems += [f"{name} is there as {first}, too" for first, name in inventory.alike(there.files)]
    if there.irregular:  # what is behind a link or a pipe is not read
        return [*problems, "it is not judged again: it may hold regular files and folders only"], None
    try:
        with timings.measure("records"):
            run, limits, context = read_folder(out)
        # files are checked by other processes, meanwhile the rest is done here
        with in_background(lambda: recheck([out / name for name in run.scenarios])) as rechecked:
            with timings.measure("judge"):
                report = judge_run(run, limits)
            with timings.measure("records"):
                problems += _other_parts(context, said, limits)
                problems += _evidence_differs(out)
                problems += [problem for name in run.scenarios for problem in consistency.checked(out / name)]
            with timings.measure("report"):
                drawings = drawings_for(run, limits, report, context)
                model = report_model(run, limits, report, context, drawings)
                faces = texts(out, with_digest(model, _digest_named(out)), drawings)
                differs = [
                    *_verdict_differs(out, report),
                    *_faces_differ(out, model, faces, context.packages.get(PACKAGE)),
                ]
            if differs and context.harness_sha256 != judge_sha256():
                if not problems:
                    raise VerifyError(_other_judge(out, context))
                return [*problems, _other_judge(out, context)], report
            problems += differs
            with timings.measure("report"):
                problems += _artifacts_differ(out, run, report)
            with timings.measure("comparison"):
                problems += stored.differences(out, run.scenarios)
            with timings.measure("records"):
                problems += inputs.of_records(out, run.scenarios, context)
                problems += signing.differences(out, key, report, context)
                unfinished = _done(lambda: recomputed.differences(out), problems)
            with timings.measure("kept files"):  # what is left of it when all else is done
                unfinished += _done(rechecked, problems)
            if unfinished and not problems:
                raise VerifyError(f"{out} could not be verified: {'; '.join(unfinished)}")
            return [*problems, *unfinished], report
    except SigningError as error:
        raise VerifyError(str(error)) from error
    except (RecordError, LimitsError) as error:
        sentence = str(error).replace(f"{out}/", "")  # a run directory may be moved
        return [*problems, f"it can't be judged again: {sentence}"], None


def _done(check: Callable[[], list[str]], problems: list[str]) -> list[str]:
    """Add what a check finds to the problems; return why it did not come to its end, which is no problem found."""
    try:
        problems += check()
    except (UnfinishedError, OpeningError) as error:
        return [str(error)]
    return []


def _other_parts(context: Context, said: manifest.Manifest, limits: Limits) -> Iterator[str]:
    """Yield what shows that the parts are of different runs."""
    if context.run_id != said.run_id:
        yield f"manifest.json is of the run {said.run_id}, run.json of {context.run_id}"
    if context.limits_sha256 != limits.sha256:
        yield "limits.toml is not the one that the run began with, by the hash in run.json"


def _digest_named(out: Path) -> str:
    """Return what the report says of its evidence files; the digest itself is held against the files elsewhere."""
    text = (out / REPORT).read_text(encoding="utf-8", errors="replace") if (out / REPORT).is_file() else ""
    return digest.named_in(text) or digest.of(out)


def _evidence_differs(out: Path) -> Iterator[str]:
    named, found = _digest_named(out), digest.of(out)
    if named != found:
        yield (
            f"{REPORT} was made of other evidence files, or of edited ones: it names {named[:-52]}…, "
            f"and there are {found[:-52]}…"
        )


def _other_judge(out: Path, context: Context) -> str:
    version = f"commit {context.commit[:12]}" if context.commit else "the version that has this judge"
    return (
        f"{out} was made by judge {context.harness_sha256[:16]}, and this one is {judge_sha256()[:16]}, so its verdict "
        f"can't be recomputed here; verify it with {version}"
    )


def _unfinished(out: Path) -> str | None:
    """What the report of a run that never came to its end says, if there is one."""
    path = out / REPORT
    if not path.is_file() or path.stat().st_size > MOST_PLACEHOLDER_BYTES:
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    # a report of one line is the one that stands until there is a whole one
    return lines[0].removeprefix("# ") if len(lines) == 1 and lines[0].startswith("# NO DATA") else None


def _verdict_differs(out: Path, report: Report) -> Iterator[str]:
    path = out / VERDICT
    if not path.is_file():
        yield f"{VERDICT} is missing"
        return
    # what can't be written in JSON (NaN) must not look like a difference
    told_bytes, mine_bytes = path.read_bytes(), verdict_json(report)
    if told_bytes == mine_bytes:
        return
    try:
        reported = msgspec.json.decode(told_bytes, type=Report)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield f"{VERDICT} is no verdict: {error}"
        return
    mine = msgspec.json.decode(mine_bytes, type=Report)
    if reported.headline != mine.headline:
        yield f"{VERDICT} says {reported.headline!r}, judged again it is {mine.headline!r}"
    then, now = ({f"{one.scenario}/{one.id}": one for one in report.verdicts} for report in (reported, mine))
    for key in dict.fromkeys((*then, *now)):
        if then.get(key) != now.get(key):
            yield f"{VERDICT} says {key} {_differing(then.get(key), now.get(key))}"
    yield f"{VERDICT} differs from what the raw record gives when judged again"


def _differing(then: Verdict | None, now: Verdict | None) -> str:
    """Say in what two verdicts differ: status and reason, or the first field that differs where these are equal."""
    if then is None or now is None or _said(then) != _said(now):
        return f"{_said(then)}; judged again it is {_said(now)}"
    field, old, new = next(_fields_differ(msgspec.to_builtins(then), msgspec.to_builtins(now)), ("", "", ""))
    return f"{field} {old!r}; judged again it is {new!r}"


def _fields_differ(then: object, now: object, at: str = "") -> Iterator[tuple[str, object, object]]:
    """Yield each field in which two documents differ, as its path and both values."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            yield from _fields_differ(then.get(key), now.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, pair in enumerate(zip(then, now, strict=True)):
            yield from _fields_differ(*pair, f"{at}[{place}]")
    elif then != now:
        yield at, then, now


def _said(verdict: Verdict | None) -> str:
    return "nothing" if verdict is None else f"{verdict.status} ({verdict.judgement.reason})"


def _faces_differ(out: Path, model: ReportModel, faces: Mapping[str, str], library: str | None) -> Iterator[str]:
    """Compare each face. library: the version whose script is in the page; that of another one can't be compared."""
    other_library = library != library_version()
    for name, wanted in faces.items():
        yield from _text_differs(out / name, wanted, without_library if name == HTML and other_library else str)
    yield from _pdf_differs(out / PDF, model)


def _text_differs(path: Path, wanted: str, compared: Callable[[str], str]) -> Iterator[str]:
    text = compared(path.read_bytes().decode("utf-8", "replace") if path.is_file() else "")
    wanted = compared(wanted)
    if text == wanted:
        return
    then, now = text.split("\n"), wanted.split("\n")
    if then[0] != now[0]:
        yield f"{path.name} begins with {then[0]!r}, judged again it is {now[0]!r}"
    else:
        line = next((n for n, pair in enumerate(zip(then, now, strict=False), 1) if pair[0] != pair[1]), len(then))
        yield f"{path.name} line {line} is not what the raw record gives when judged again"


def _pdf_differs(path: Path, model: ReportModel) -> Iterator[str]:
    """Compare the words of each page; the pictures are compared by their hash in the manifest."""
    if not path.is_file():
        yield f"{path.name} is missing"
        return
    try:
        then = pdf_words(path.read_bytes())
    except ValueError as error:
        yield f"{path.name} can't be read: {error}"
        return
    now = pdf_words(pdf(model, {}))
    if then != now:
        page = next((n for n, pair in enumerate(zip(then, now, strict=False), 1) if pair[0] != pair[1]), len(now))
        yield f"{path.name} page {page} does not say what the raw record gives when judged again"


def _artifacts_differ(out: Path, run: Run, report: Report) -> Iterator[str]:
    for name, content in artifacts(run, report):
        path = out / name
        if not path.is_file() or path.read_bytes() != content:
            yield f"{name} is not what the raw record holds"
