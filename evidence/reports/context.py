"""Under what a run was made: target, harness, machine, waivers. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterable

from assertions.judge import Report
from assertions.limits import Limits
from evidence.collect.benchmark_results import WRITTEN_BY
from evidence.collect.provenance import Context
from evidence.reports.figures import Figures
from evidence.reports.units import duration, quantity
from evidence.subject import as_lines


def whole_s(figures: Figures) -> float:
    """Return the seconds from the first scenario's start to the last one's end."""
    places = figures.places.values()
    return max(place.end for place in places) - min(place.end - place.seconds for place in places)


def harness_name(context: Context, digits: int = 12) -> str:
    """Return the harness's name, version and commit, with whether files differed from it."""
    dirty = {True: ", with uncommitted changes", False: "", None: ", changes unknown"}[context.dirty]
    version = context.packages.get("export-at-scale")
    name = "Export@Scale v1.7" if version is None else f"Export@Scale {version}"
    return f"{name}, commit {(context.commit or 'unknown')[:digits]}{dirty}"


def context_lines(report: Report, limits: Limits, context: Context, figures: Figures) -> Iterable[tuple[str, str]]:
    """Yield label and value of each line under Context."""
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(context.started))
    lasted = f", {duration(whole_s(figures))} with what lies between the scenarios" if len(figures.places) > 1 else ""
    yield "run", f"{context.run_id}, begun {began}{lasted}"
    yield "target", f"{context.target}, version {figures.target_version or 'unknown'}"
    for label, value in as_lines(context.subject):
        yield f"subject, {label}", value
    for scenario, place in figures.places.items():
        insecure = ", its certificate not checked" if place.insecure else ""
        yield f"target in {scenario}", f"{place.url}{insecure}, seed {place.seed}, {duration(place.seconds)}"
    yield "harness", harness_name(context, 40)
    yield "judge", context.harness_sha256[:16]
    yield "limits", "; ".join((report.limits_sha256[:16], *limits.notes))
    yield "machine", f"{context.machine}, {context.cpus} CPUs, {quantity(context.memory_bytes, 'bytes')}"
    packages = ", ".join(f"{name} {version}" for name, version in context.packages.items())
    yield "Python", f"{context.python}; {packages}"
    yield "benchmarks", "; ".join(context.benchmarks) or f"NO DATA: no results of this commit ({WRITTEN_BY})"
    for scenario, line in figures.generators.items():
        yield f"load generator in {scenario}", line
    for name, reason in context.waivers.items():
        yield "waiver", f"{name} ({reason})"
