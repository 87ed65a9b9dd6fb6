"""Is the metrics page there, is it well-formed, does it hold the nine families, and did they move with the load?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..bundle import InFlight, ScenarioRecord, TimedPage
from ..contract import DEFAULT_USER, FAMILIES, FORMATS, REQUEST_STATUSES, SIZES, Family
from ..demands import FROM_THE_START, HELP_LINE, HISTOGRAM_TOO, quoted
from ..exposition import FamilyPage, Page, series_text
from ..limits import Limits
from ..statistics import percentile
from ..verdicts import Judgement, Reading, against, failed, no_data, passed

CROWDS = ("edge", "edge-again")
"""Phases in which more ask than may wait: a page may come late there, its readings count all the same."""
NO_PAGES = "there is no readable page from before the first request, or none from after the last"
MOVING_GAUGES = ("export_memory_bytes", "export_throughput_ops_per_sec")
RECENT_LEAST = 5
"""Exports of a format in the last minute, below which its throughput can't be held against them."""
USERS_KEPT = 100
"""The contract's bound on distinct `user` values; later ones are `other`."""
USERS_SHOWN_LEAST = 95
"""Names there must be before any is counted as `other`; a service may count those words themselves."""
MEDIA = ("text/plain", "application/openmetrics-text")
REASONS_MOST = 2
"""Reasons that may appear while load runs: the set is closed, and known from the start as far as can be."""
MEMORY_LEAST_BYTES = 4096
"""A page of memory: no process holds 10,000 records in less."""
STEADY_EXPORTS = 20
"""So many small exports after a large one, and the memory of the latest is no more that of the large one; so many large
ones, and one of them at least added something."""
SETTLED_S = 1.0
"""So long after an export's end its gauges are set."""
FOREIGN_LEAST = 3
"""So often a gauge of one format moved by the other's exports is no accident."""
PAGE_BYTES_MOST = 1 << 20
"""A page of bounded label sets is tens of kB; Prometheus users alarm at a fraction of this."""


def scrapes(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The page was answered, throughout, often enough for a peak to mean something."""
    if not record.scrapes:
        return no_data("nothing was scraped")
    bad = [scrape for scrape in record.scrapes if scrape.status != 200]
    if len(bad) > max(1, 0.01 * len(record.scrapes)):
        first = bad[0]
        what = f"status {first.status}" if first.status is not None else first.error
        return failed(f"{len(bad)} of {len(record.scrapes)} scrapes of the metrics page failed, the first with {what}")
    biggest = max(len(scrape.text.encode()) for scrape in record.scrapes)
    if biggest > PAGE_BYTES_MOST:
        return failed(f"the metrics page grew to {biggest:,} bytes; label values must be bounded")
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    during = [timed for timed in record.pages if timed.scrape.moment == "during"]
    if not during:
        return no_data("no page was read while load ran")
    starts = [timed.scrape.start for timed in during]
    gaps = [
        (later - earlier) * 1000
        for earlier, later, one, two in zip(starts, starts[1:], during, during[1:], strict=False)
        if one.scrape.phase == two.scrape.phase and one.scrape.phase not in CROWDS
    ]
    gap = Reading(
        name="gap between scrapes, P95",
        value=percentile(gaps, 0.95) if gaps else 0.0,
        unit="ms",
        source="scrapes.jsonl",
        count=len(during),
    )
    judged = against(limits["scrape_gap_p95_ms"], gap, f"the P95 gap between {len(during)} scrapes under load")
    return judged if judged.status == "PASS" else no_data(judged.reason, gap, limit=judged.limit)


def exposition(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every page parses strictly, and the nine families have a type and a help line."""
    if not record.pages:
        return no_data("no metrics page was read")
    for timed in record.pages:
        if timed.page.errors:
            return failed(f"the metrics page is malformed ({timed.scrape.moment} load): {timed.page.errors[0]}")
        media = (timed.scrape.content_type or "").split(";")[0].strip().lower()
        if media and media not in MEDIA:
            return failed(f"the metrics page came as {media}, which Prometheus does not read")
        without = [known.name for known in FAMILIES if (found := timed.page.family(known.name)) and not found.has_help]
        if without:
            return failed(f"no HELP line for {', '.join(without)}; {quoted(HELP_LINE)}")
    return passed(f"{len(record.pages)} pages parse strictly, with type and help")


def coverage(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The nine families are there from the start, of their type, with their labels."""
    moments = {f"{timed.scrape.moment} load": timed.page for timed in record.pages}
    for moment, page in moments.items():
        absent = [known.name for known in FAMILIES if page.family(known.name) is None]
        if absent:
            return failed(f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} missing ({moment})")
        problems = [
            problem
            for known in FAMILIES
            if (found := page.family(known.name)) is not None and (problem := _family_problem(known, found)) is not None
        ]
        if problems:
            return failed(f"{'; '.join(problems)} ({moment})")
    lacking = list(_missing_series(record.before)) if record.before is not None else []
    if lacking:
        more = f" (and {len(lacking) - 1} more series)" if len(lacking) > 1 else ""
        return failed(f"{lacking[0]} before the first request{more}; {quoted(f'{FROM_THE_START}, {HISTOGRAM_TOO}')}")
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    aliased = [known.name for known in FAMILIES if known.name not in record.after.families]
    note = f"; {', '.join(aliased)} goes by an alias" if aliased else ""
    return passed(f"all nine families are there, of their type, with their labels{note}")


def _family_problem(known: Family, found: FamilyPage) -> str | None:
    if found.kind != known.kind:
        return f"{known.name} is a {found.kind or 'family without a type'}, not a {known.kind}"
    for sample in found.samples:
        missing = [label for label in known.labels if label not in sample.labels]
        if missing:
            return f"a series of {known.name} lacks the label {', '.join(missing)}"
        if not known.labels and not math.isfinite(sample.value):
            return f"{known.name} reads {sample.value}"
    if not known.labels and not found.samples:
        return f"{known.name} has no value"
    return None


def _missing_series(page: Page) -> Iterator[str]:
    for name in ("export_fail_total", "export_bytes_total", "export_memory_bytes", "export_success_rate"):
        for fmt in FORMATS:
            if page.total(name, format=fmt) is None:
                yield f'{name} has no series for format="{fmt}"'
    for fmt in FORMATS:
        if page.total("export_throughput_ops_per_sec", format=fmt) is None:
            yield f'export_throughput_ops_per_sec has no series for format="{fmt}"'
        for size in SIZES:
            if page.histogram("export_latency_ms", format=fmt, size=size) is None:
                yield f'export_latency_ms has no series for format="{fmt}", size="{size}"'


def moved(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Each family moved as the load moved it: a metric that stands still measures nothing."""
    for fmt in FORMATS:
        for name in MOVING_GAUGES:
            impossible = _impossible(name, fmt, _readings(record, name, fmt))
            if impossible:
                return failed(impossible)
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    if not record.done:
        return no_data("no export was done, so nothing could move")
    formats = sorted({hit.format for hit in record.done if hit.format in FORMATS})
    for fmt in formats:
        for name, labels in (
            ("export_requests_total", {"status": "started"}),
            ("export_requests_total", {"status": "succeeded"}),
            ("export_bytes_total", {"status": "success"}),
        ):
            change = record.delta(name, format=fmt, **labels)
            if not change or change <= 0:
                return failed(f"{series_text(name, {'format': fmt, **labels})} did not move while exports were done")
        for name in MOVING_GAUGES:
            problem = _gauge_problem(record, name, fmt)
            if problem:
                return failed(problem)
    return passed(f"requests, bytes, latency, memory and throughput moved with the load ({', '.join(formats)})")


def _gauge_problem(record: ScenarioRecord, name: str, fmt: str) -> str | None:
    read = _readings(record, name, fmt)
    if name == "export_memory_bytes":
        return _memory_problem(record, fmt, read)
    return None if any(value > 0 for value in read) else f'{name}{{format="{fmt}"}} stayed at 0 while exports were done'


def _readings(record: ScenarioRecord, name: str, fmt: str) -> list[float]:
    values = [timed.page.total(name, format=fmt) for timed in record.pages]
    return [value for value in values if value is not None]


def _impossible(name: str, fmt: str, read: Sequence[float]) -> str | None:
    """A reading that no load explains."""
    bad = next((value for value in read if not math.isfinite(value) or value < 0), None)
    return None if bad is None else f'{name}{{format="{fmt}"}} reads {bad}'


def _memory_problem(record: ScenarioRecord, fmt: str, read: Sequence[float]) -> str | None:
    """A small export may add less than a page of memory to a process, and so may a large one to a warm process."""
    name = f'export_memory_bytes{{format="{fmt}"}}'
    large = sum(hit.format == fmt and (hit.records or 0) >= 10_000 for hit in record.done)
    if large >= STEADY_EXPORTS and max(read, default=0.0) < MEMORY_LEAST_BYTES:
        if not any(read):
            return f"{name} stayed at 0 while exports were done"
        return f"{name} never reads more than {max(read):g} bytes with 10,000 records"
    exports_before = (
        record.before.total("export_requests_total", format=fmt, status="succeeded") if record.before else 0
    )
    if not exports_before and len(set(read)) == 1 and read[0] > 0:
        return f"{name} reads {read[0]:g} on every page, before the first export too: it is of none"
    if _small_behind_large(record, fmt) and sorted(read) == read and len(set(read) - {0.0}) > 1:
        return (
            f"{name} never fell, though {STEADY_EXPORTS} and more small exports followed large ones: "
            "it is not that of the latest export"
        )
    foreign = _moved_by_others(record, fmt)
    if len(foreign) >= FOREIGN_LEAST:
        before, after = foreign[0]
        return f"{name} went from {before:g} to {after:g} while no {fmt} export ran ({len(foreign)} times)"
    return None


def _moved_by_others(record: ScenarioRecord, fmt: str) -> list[tuple[float, float]]:
    """The format's memory on two pages that follow each other and differ, though none of its exports ran between them.

    Neither ours, by our clock, nor another client's, by the target's own count.
    """
    ours = InFlight(hit for hit in record.posts if hit.format == fmt)
    moved = []
    for earlier, later in pairwise(record.pages):
        one, two = (timed.page.total("export_memory_bytes", format=fmt) for timed in (earlier, later))
        if one is None or two is None or one == two:
            continue
        counts = [timed.page.total("export_requests_total", format=fmt) for timed in (earlier, later)]
        inside = _inside(earlier.page, fmt)
        if counts[0] == counts[1] and not inside and not ours.most(earlier.scrape.start, later.scrape.end, SETTLED_S):
            moved.append((one, two))
    return moved


def _inside(page: Page, fmt: str) -> float:
    """How many exports of a format have started and not ended, by the target's own count."""
    started, succeeded, failed_ = (
        page.total("export_requests_total", format=fmt, status=status) or 0.0
        for status in ("started", "succeeded", "failed")
    )
    return started - succeeded - failed_


def _small_behind_large(record: ScenarioRecord, fmt: str) -> bool:
    sizes = [hit.records or 0 for hit in sorted(record.done, key=lambda hit: hit.end) if hit.format == fmt]
    behind = next((sizes[-at:] for at, size in enumerate(reversed(sizes)) if size >= 10_000), [])
    return len(behind) >= STEADY_EXPORTS and len(behind) < len(sizes)


def throughput_gauge(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The throughput gauge is near what was seen to finish in the minute before."""
    last = next((timed for timed in reversed(record.pages) if timed.scrape.moment in ("rest", "after")), None)
    if last is None:
        return no_data("no page was read at rest")
    compared = False
    for fmt in FORMATS:
        # what failed may count as finished, and whatever ended without an answer
        asked = [hit.end for hit in record.posts if hit.format == fmt and hit.status not in (400, 413, 429, 503)]
        ends = sorted(hit.end for hit in record.done if hit.format == fmt)
        recent = [end for end in ends if end > last.scrape.start - 55]
        if len(recent) < RECENT_LEAST:
            continue
        compared = True
        value = last.page.total("export_throughput_ops_per_sec", format=fmt)
        if value is None:
            return failed(f'export_throughput_ops_per_sec has no series for format="{fmt}"')
        least = 0.5 * len(recent) / 60
        # a service may be younger than a minute, and knows how young
        span = max(1.0, min(60.0, last.scrape.start - record.pages[0].scrape.start))
        counted = sum(1 for end in asked if end > last.scrape.start - 65)
        most = 0.1 + 1.3 * (counted + _of_others(record, fmt)) / span
        if not least <= value <= most:
            return failed(
                f'export_throughput_ops_per_sec{{format="{fmt}"}} reads {value:g} where {len(recent)} exports were '
                f"seen to finish in the minute before: at least {least:.3g}, at most {most:.3g} a second"
            )
    if not compared:
        return no_data(f"fewer than {RECENT_LEAST} exports of each format finished in the minute before the last page")
    return passed("the throughput gauge is in the range of what was seen to finish")


def _of_others(record: ScenarioRecord, fmt: str) -> float:
    """Exports that were done in the minute before ours, at the most."""
    if record.before is None:
        return 0.0
    told = record.before.total("export_throughput_ops_per_sec", format=fmt) or 0.0
    return min(60 * told, record.before.total("export_requests_total", format=fmt, status="succeeded") or 0.0)


def labels_bounded(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Label values come from closed sets; `user` keeps its first 100 values."""
    page = record.after or (record.pages[-1].page if record.pages else None)
    if page is None:
        return no_data("there is no readable page from after the last request")
    missing = [known.name for known in FAMILIES if page.family(known.name) is None]
    for known in FAMILIES:
        family = page.family(known.name)
        if family is None:
            continue
        users = {sample.labels["user"] for sample in family.samples if "user" in sample.labels} - {"other"}
        came = any(one.value for one in family.samples if one.labels.get("user") == DEFAULT_USER)
        # who is there at 0 from the start, and never came, is beside the first 100
        kept = users if came else users - {DEFAULT_USER}
        if len(kept) > USERS_KEPT:
            return failed(
                f"{known.name} has {len(kept)} users; the contract keeps the first 100 and calls others `other`"
            )
        others = any(
            sample.labels.get("user") == "other" and sample.value > 0 and not sample.name.endswith("_created")
            for sample in family.samples
        )
        if others and len(users) < USERS_SHOWN_LEAST:
            return failed(
                f'{known.name} counts under user="other" with {len(users)} users shown; the first 100 keep their names'
            )
        known_before = _reasons(record.before, known.name) if record.before else set()
        new = _reasons(page, known.name) - known_before
        if len(new) > REASONS_MOST:
            return failed(f"{known.name} has {len(new)} reasons that were not there before, {min(new)!r} among them")
        allowed = {"status": {*REQUEST_STATUSES}} if known.name == "export_requests_total" else {}
        allowed |= {"size": {*SIZES}} if known.name == "export_latency_ms" else {}
        allowed |= {"format": {*FORMATS, "unknown"}}
        for sample in family.samples:
            for label, values in allowed.items():
                if label in sample.labels and sample.labels[label] not in values:
                    return failed(
                        f'{known.name} has {label}="{sample.labels[label]}", none of {", ".join(sorted(values))}'
                    )
    if record.after is None:
        return no_data("there is no readable page from after the last request")
    if missing:
        return no_data(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    sent = len({hit.user for hit in record.posts if hit.user})
    return passed(f"label values stay in their closed sets ({sent} users were sent)")


def _reasons(page: Page, name: str) -> set[str]:
    family = page.family(name)
    return {sample.labels["reason"] for sample in family.samples if "reason" in sample.labels} if family else set()


def monotonic(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Counters never fall: a fall is a restart or a lie."""
    if len(record.pages) < 2:
        return no_data("fewer than two metrics pages were read")
    for earlier, later in zip(record.pages, record.pages[1:], strict=False):
        fallen = next(_fallen(earlier, later), None)
        if fallen:
            return failed(f"{fallen}; the service restarted, or the counter can't be believed")
    return passed(f"no counter fell over {len(record.pages)} pages")


def _fallen(earlier: TimedPage, later: TimedPage) -> Iterator[str]:
    if earlier.page is later.page or earlier.scrape.end > later.scrape.start:
        return
    for known in FAMILIES:
        if known.kind == "gauge":
            continue
        before, after = earlier.page.family(known.name), later.page.family(known.name)
        if before is None or after is None:
            continue
        now = {(s.name, tuple(sorted(s.labels.items()))): s.value for s in after.samples}
        for sample in before.samples:
            if sample.name.endswith("_created"):
                continue
            value = now.get((sample.name, tuple(sorted(sample.labels.items()))))
            if value is None:
                yield f"the series {series_text(sample.name, sample.labels)} vanished"
            elif value < sample.value:
                yield f"{series_text(sample.name, sample.labels)} fell from {sample.value:g} to {value:g}"
