"""What is wrong with files, in a sentence: each kind of finding once, with count and example, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from assertions.record.finding_codes import RANK
from assertions.record.types import FileCheck, Finding, Hit

KINDS_SHOWN = 3
"""Kinds with an example; the others have a count only."""


def sentence(broken: Sequence[FileCheck], hits: Mapping[str, Hit]) -> str:
    """Return what is wrong with files. broken: those with findings, at least one; hits: the exports, by id."""
    counts, files, first = Counter[str](), Counter[str](), dict[str, tuple[FileCheck, Finding]]()
    for check in sorted(broken, key=lambda check: check.kept is None):  # a kept file is the better example
        kinds = check.kinds or Counter(finding.code for finding in check.findings)
        counts.update(kinds)
        files.update(kinds.keys())
        for finding in check.findings:
            first.setdefault(finding.code, (check, finding))
    order = sorted(counts, key=lambda code: RANK.get(code, len(RANK)))
    examples = [
        _example(*first[code], counts[code], files[code], hits)
        for code in order
        if code in first and (code != "brief" or len(order) == 1)
    ]
    shown, rest = examples[:KINDS_SHOWN], [code for code in order if code in first and code != "brief"][KINDS_SHOWN:]
    if rest:
        shown.append("also " + ", ".join(f"{code} ({counts[code]:,} in {_files(files[code])})" for code in rest))
    if "brief" in counts and len(order) > 1:
        shown.append(f"{files['brief']:,} of the files were read only up to their first broken page")
    return "; ".join(shown)


def kinds(broken: Sequence[FileCheck]) -> tuple[str, ...]:
    """Return a line for each kind of finding, the worst first: its count, and its first example."""
    counts, first = Counter[str](), dict[str, tuple[FileCheck, Finding]]()
    for check in broken:
        counts.update(check.kinds or Counter(finding.code for finding in check.findings))
        for finding in check.findings:
            first.setdefault(finding.code, (check, finding))
    order = sorted(first, key=lambda code: RANK.get(code, len(RANK)))
    return tuple(f"{counts[code]:,} x {code}: {_example(*first[code], 1, 1, {})}" for code in order)


def _files(count: int) -> str:
    return f"{count:,} file" if count == 1 else f"{count:,} files"


def _example(check: FileCheck, finding: Finding, count: int, files: int, hits: Mapping[str, Hit]) -> str:
    hit = hits.get(check.hit)
    where = f" at {finding.where}" if finding.where else ""
    example = f"{check.hit}: {finding.code}{where}, expected {finding.expected!r}, found {finding.found!r}"
    also = [f"{count:,} of this kind in {_files(files)}"] if count > 1 else []
    also += [check.kept] if check.kept else []
    also += [f"requested with the body of {hit.case} and the tag {hit.tag}"] if hit else []
    return f"{example} ({', '.join(also)})" if also else example
