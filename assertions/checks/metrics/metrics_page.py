"""Checks: the metrics page answers, is well-formed, and has the nine families with bounded labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from assertions.contract import DEFAULT_USER, FAMILIES, FORMATS, REQUEST_STATUSES, SIZES, Family
from assertions.demands import FROM_THE_START, HELP_LINE, HISTOGRAM_TOO, quoted
from assertions.limits import Limits
from assertions.prometheus.exposition import FamilyPage, Page, series_text
from assertions.prometheus.page_series import moved
from assertions.record.phases import JudgedFor
from assertions.record.scrapes import TimedPage
from assertions.record.view import ScenarioRecord
from assertions.stats import percentile
from assertions.units import show
from assertions.verdicts import Judgement, Reading, failed, judge_reading, no_data, passed

NO_PAGES = "there is no readable page from before the first request, or none from after the last"
MOVING_GAUGES = ("export_memory_bytes", "export_throughput_ops_per_sec")
RECENT_LEAST = 5
"""Exports of a format in the last minute, below which its throughput can't be compared with them."""
USERS_KEPT = 100
"""The contract's bound on distinct `user` values; later ones are `other`."""
USERS_SHOWN_LEAST = 95
"""User names that must be shown before any is counted as `other`; a service may count those words themselves."""
MEDIA = ("text/plain", "application/openmetrics-text")
BAD_SHARE = 0.01
"""Share of the scrapes that may fail; one may in any case."""
REASONS_MOST = 2
"""Reasons that may appear under load: the set is closed, and known from the start as far as it can be."""
PAGE_BYTES_MOST = 1 << 20
"""Bytes; a page of bounded label sets is tens of kB."""


def scrapes(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The page was answered throughout, often enough for a peak to be seen."""
    if not record.scrapes:
        return no_data("the metrics page was never read")
    bad = [scrape for scrape in record.scrapes if scrape.status != 200]
    if len(bad) > max(1, BAD_SHARE * len(record.scrapes)):
        first = bad[0]
        what = f"status {first.status}" if first.status is not None else first.error
        return failed(f"{len(bad)} of {len(record.scrapes)} scrapes of the metrics page failed, the first with {what}")
    sizes = [timed.bytes for timed in record.pages]
    biggest = max([*sizes, *(len(scrape.text.encode()) for scrape in bad)])
    if biggest > PAGE_BYTES_MOST:
        return failed(f"the metrics page grew to {show(biggest, 'bytes')}; label values must be bounded")
    if record.before is None or record.after is None:
        return no_data(NO_PAGES)
    during = [timed for timed in record.pages if timed.scrape.moment == "during"]
    if not during:
        return no_data("no metrics page was read under load")
    crowds = record.names_for(JudgedFor.QUEUE)  # a page may come late there; its readings count all the same
    starts = [timed.scrape.start for timed in during]
    gaps = [
        (later - earlier) * 1000
        for earlier, later, one, two in zip(starts, starts[1:], during, during[1:], strict=False)
        if one.scrape.phase == two.scrape.phase and one.scrape.phase not in crowds
    ]
    gap = Reading(
        name="gap between scrapes, P95",
        value=percentile(gaps, 0.95) if gaps else 0.0,
        unit="ms",
        source="scrapes.jsonl",
        count=len(during),
    )
    judged = judge_reading(
        limits["scrape_gap_p95_ms"], gap, f"P95 of the time between {len(during)} scrapes under load"
    )
    return judged if judged.status == "PASS" else no_data(judged.reason, gap, limit=judged.limit)


def exposition(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Every page keeps to the text format, and the nine families have a type and a help line."""
    if not record.pages:
        return no_data("no metrics page was read")
    for timed in record.pages:
        if timed.page.errors:
            return failed(f"the metrics page is malformed ({timed.scrape.moment} load): {timed.page.errors[0]}")
        media = (timed.scrape.content_type or "").split(";")[0].strip().lower()
        if media and media not in MEDIA:
            return failed(f"the metrics page has the media type {media}, which Prometheus does not read")
        without = [known.name for known in FAMILIES if (found := timed.page.family(known.name)) and not found.has_help]
        if without:
            return failed(f"no HELP line for {', '.join(without)}; {quoted(HELP_LINE)}")
    return passed(f"{len(record.pages)} pages keep to the text format, with type and help")


def coverage(record: ScenarioRecord, limits: Limits) -> Judgement:
    """The nine families are on the page from the start, with their types and labels."""
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
    note = f"; {', '.join(aliased)} has an alias's name" if aliased else ""
    return passed(f"all nine families are on the page, with their types and labels{note}")


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


def _readings(record: ScenarioRecord, name: str, fmt: str) -> list[float]:
    values = [timed.page.total(name, format=fmt) for timed in record.pages]
    return [value for value in values if value is not None]


def _impossible(name: str, fmt: str, read: Sequence[float]) -> str | None:
    """Return a reading that no load explains; None: there is none."""
    bad = next((value for value in read if not math.isfinite(value) or value < 0), None)
    return None if bad is None else f'{name}{{format="{fmt}"}} reads {bad}'


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
        came = any(one.value for one in family.values() if one.labels.get("user") == DEFAULT_USER)
        # a default user at 0 from the start, who never asked, does not count among the first 100
        kept = users if came else users - {DEFAULT_USER}
        if len(kept) > USERS_KEPT:
            return failed(
                f"{known.name} has {len(kept)} users; the contract keeps the first 100 and counts all others as `other`"
            )
        others = any(sample.labels.get("user") == "other" and sample.value > 0 for sample in family.values())
        if others and len(users) < USERS_SHOWN_LEAST:
            return failed(
                f'{known.name} counts under user="other" though it shows {len(users)} users; the first 100 keep theirs'
            )
        known_before = _reasons(record.before, known.name) if record.before else set()
        new = _reasons(page, known.name) - known_before
        if len(new) > REASONS_MOST:
            return failed(
                f"{known.name} has {len(new)} reasons that it did not have before the load, {min(new)!r} among them"
            )
        allowed = {"status": {*REQUEST_STATUSES}} if known.name == "export_requests_total" else {}
        allowed |= {"size": {*SIZES}} if known.name == "export_latency_ms" else {}
        allowed |= {"format": {*FORMATS, "unknown"}}
        for sample in family.samples:
            for label, values in allowed.items():
                if label in sample.labels and sample.labels[label] not in values:
                    return failed(
                        f'{known.name} has {label}="{sample.labels[label]}"; allowed are {", ".join(sorted(values))}'
                    )
    if record.after is None:
        return no_data("there is no readable page from after the last request")
    if missing:
        return no_data(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    sent = len({hit.user for hit in record.posts if hit.user})
    return passed(
        f"label values stay in their closed sets ({sent} users sent requests)",
        catches=f"one value outside its set, or more than {USERS_KEPT} users, would not have passed",
    )


def _reasons(page: Page, name: str) -> set[str]:
    family = page.family(name)
    return {sample.labels["reason"] for sample in family.samples if "reason" in sample.labels} if family else set()


def monotonic(record: ScenarioRecord, limits: Limits) -> Judgement:
    """Counters never fall: a fall is a restart or a fault."""
    if len(record.pages) < 2:
        return no_data("fewer than two metrics pages were read")
    for earlier, later in zip(record.pages, record.pages[1:], strict=False):
        fallen = next(_fallen(earlier, later), None)
        if fallen:
            return failed(f"{fallen}; the service restarted, or the counter is wrong")
    return passed(
        f"no counter fell over {len(record.pages)} pages",
        catches="a counter that fell from one page to the next, or vanished, would not have passed",
    )


def _fallen(earlier: TimedPage, later: TimedPage) -> Iterator[str]:
    if earlier.page is later.page or earlier.scrape.end > later.scrape.start:
        return
    for known in FAMILIES:
        if known.kind == "gauge":
            continue
        before, after = earlier.page.family(known.name), later.page.family(known.name)
        if before is None or after is None:
            continue
        for sample, now in moved(before, after):
            if sample.name.endswith("_created"):
                continue
            if now is None:
                yield f"the series {series_text(sample.name, sample.labels)} vanished"
            elif now.value < sample.value:
                yield f"{series_text(sample.name, sample.labels)} fell from {sample.value:g} to {now.value:g}"
