"""Limits: the file that is shipped can be used, and every kind of bad one is named."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest

from assertions import limits as limits_file
from assertions.alert_bounds import ALERT_IDS
from assertions.limits import DEFAULT_PATH, FORMER_IDS, IDS, Limit, LimitsError, load, parse

OWN = DEFAULT_PATH.read_text()


def problem(text: str | bytes) -> str:
    """What is said of a file that can't be used."""
    with pytest.raises(LimitsError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), "limits.toml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    """What is said of our own file with one thing changed."""
    assert old in OWN
    return problem(OWN.replace(old, new, 1))


def test_the_file_shipped_names_every_limit_once() -> None:
    """Our own file is whole, and its hash is that of its bytes."""
    limits = load()
    assert set(limits.by_id) == IDS
    assert limits.sha256 == hashlib.sha256(DEFAULT_PATH.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("limit_id", "op", "target", "critical"),
    [
        ("latency_p95_ms", "<", 10_000, 30_000),
        ("success_ratio", ">=", 0.95, 0.90),
        ("concurrent_exports", "<=", 5, None),
        ("queue_depth", "<=", 100, None),
        ("exported_bytes", ">", 0, None),
        ("throughput_per_s", ">=", 0.05, None),
        ("memory_bytes", "<", 100e6, 500e6),
        ("smoke_latency_ms", "<", 1_000, None),
        ("batch_s", "<", 30, None),
    ],
)
def test_the_contracts_figures(limit_id: str, op: str, target: float, critical: float | None) -> None:
    """The limits shipped are those of the contract, with their sides."""
    limit = load()[limit_id]
    assert (limit.op, limit.target, limit.critical) == (op, target, critical)


@pytest.mark.parametrize(
    ("op", "inside", "at", "outside"),
    [
        ("<", math.nextafter(10, 0), False, 10.1),
        ("<=", 10.0, True, math.nextafter(10, 11)),
        (">", math.nextafter(10, 11), False, 9.9),
        (">=", 10.0, True, math.nextafter(10, 0)),
    ],
)
def test_each_operator_just_inside_at_and_just_outside(op: str, inside: float, at: bool, outside: float) -> None:
    """A limit holds up to its bound, and at it only where the sign says so."""
    limit = Limit(id="x", op=op, target=10.0, unit="ms", reason="r")  # type: ignore[arg-type]
    assert (limit.holds(inside), limit.holds(10.0), limit.holds(outside)) == (True, at, False)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("op", ["<", "<=", ">", ">="])
def test_no_operator_holds_for_what_is_not_finite(op: str, value: float) -> None:
    """NaN and infinities never pass, on whichever side."""
    assert not Limit(id="x", op=op, target=1.0, unit="ms", reason="r").holds(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "critical"), [(29_999.9, False), (30_000.0, True), (30_000.1, True), (math.nan, True), (math.inf, True)]
)
def test_critical_from_its_bound_on(value: float, critical: bool) -> None:
    """At the critical bound of a `<` limit and beyond, and for NaN, a failure is critical."""
    assert load()["latency_p95_ms"].is_critical(value) is critical


@pytest.mark.parametrize(("value", "critical"), [(0.9001, False), (0.90, False), (0.8999, True)])
def test_critical_below_a_floor(value: float, critical: bool) -> None:
    """Below 90 % a failing success rate is critical, at it not yet."""
    assert load()["success_ratio"].is_critical(value) is critical


def test_without_a_critical_bound_nothing_is_critical() -> None:
    """Where there is no such step, no value is beyond it."""
    assert not load()["queue_depth"].is_critical(1e9)


def test_a_limit_is_written_as_a_person_reads_it() -> None:
    """Seconds, percent and megabytes, as exact as the file has them."""
    limits = load()
    shown = [str(limits[one]) for one in ("latency_p95_ms", "success_ratio", "memory_bytes", "throughput_per_s")]
    assert shown == ["< 10 s", ">= 95 %", "< 100 MB", ">= 0.05 exports/s"]


def test_a_limit_that_is_left_out_takes_its_default() -> None:
    """An older limits file stays usable when a limit is added; the note names the file and the id."""
    start = OWN.index('[[limit]]\nid = "success_ratio"')
    older = parse(OWN[start:].encode(), "mine.toml")
    assert older["latency_p95_ms"] == load()["latency_p95_ms"]
    assert older.notes == ("mine.toml has no [[limit]] latency_p95_ms: the default is used",)
    assert load().notes == ()


def test_an_empty_file_is_the_default_one() -> None:
    """All limits and alert bounds are the default file's, and the notes name each."""
    empty = parse(b"", "mine.toml")
    assert (empty.by_id, empty.alerts) == (load().by_id, load().alerts)
    assert [sum(name in note for name in (*IDS, *ALERT_IDS)) for note in empty.notes] == [len(IDS), len(ALERT_IDS)]


@pytest.mark.parametrize("former", FORMER_IDS)
def test_a_former_id_is_taken_as_its_new_name(former: str) -> None:
    """A limits file from before a limit was renamed is used as it was meant, and the note has both names."""
    older = parse(OWN.replace(f'id = "{FORMER_IDS[former]}"', f'id = "{former}"').encode(), "mine.toml")
    assert older.by_id == load().by_id
    assert older.notes == (f"mine.toml: {former!r} is called {FORMER_IDS[former]!r} now, and is used as that",)


def test_a_former_id_with_its_new_name_is_there_twice() -> None:
    """Which of the two is meant is unknown."""
    twice = OWN.replace('id = "scrape_gap_p95_ms"', 'id = "generator_lag_p99_ms"')
    assert "'generator_event_loop_lag_p99_ms' is there twice" in problem(twice)


def test_the_default_file_lacks_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A default file without one of its limits is an error, not a search for another default."""
    short = tmp_path / "limits.toml"
    short.write_text(OWN[OWN.index('[[limit]]\nid = "success_ratio"') :])
    monkeypatch.setattr(limits_file, "DEFAULT_PATH", short)
    with pytest.raises(LimitsError, match="it must hold every id"):
        load(short)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('id = "latency_p95_ms"', 'id = "latency"', "[[limit]] number 1 (latency): unknown limit; known are batch_s, "),
        ('id = "success_ratio"', 'id = "latency_p95_ms"', "[[limit]] number 2: 'latency_p95_ms' is there twice"),
        ("target = 10_000", "target = nan", "(latency_p95_ms): target must be a finite number"),
        ("target = 10_000", "target = inf", "(latency_p95_ms): target must be a finite number"),
        ("target = 10_000", 'target = "10"', "(latency_p95_ms): Expected `float`, got `str` - at `$.target`"),
        ("target = 10_000", "target = true", "(latency_p95_ms): Expected `float`, got `bool` - at `$.target`"),
        ("target = 10_000\n", "", "(latency_p95_ms): Object missing required field `target`"),
        ("critical = 30_000", "critical = nan", "(latency_p95_ms): critical must be a finite number"),
        ("critical = 30_000", "critical = inf", "(latency_p95_ms): critical must be a finite number"),
        ("critical = 30_000", "critical = 9_999", "(latency_p95_ms): critical must lie on the bad side of target"),
        ("critical = 0.90", "critical = 0.96", "(success_ratio): critical must lie on the bad side of target"),
        ('op = "<"', 'op = "=="', "(latency_p95_ms): Invalid enum value '=='"),
        ('unit = "ms"', 'unit = "ms"\nwarning = 5', "(latency_p95_ms): Object contains unknown field `warning`"),
        ('unit = "ms"', "unit = 5", "(latency_p95_ms): Expected `str`, got `int` - at `$.unit`"),
        ('id = "latency_p95_ms"\n', "", "[[limit]] number 1 (no id): Object missing required field `id`"),
    ],
)
def test_what_is_wrong_with_an_entry_is_named(old: str, new: str, expected: str) -> None:
    """Each wrong entry is reported by its number, its id and what is wrong with it."""
    said = changed(old, new)
    assert said.startswith("limits.toml can't be used: ")
    assert expected in said


def test_critical_may_lie_at_the_target() -> None:
    """Every failure of such a limit is a critical one."""
    limit = parse(OWN.replace("critical = 30_000", "critical = 10_000").encode(), "limits.toml")["latency_p95_ms"]
    assert (limit.holds(9_999), limit.is_critical(9_999), limit.is_critical(10_000)) == (True, False, True)


def test_an_entry_that_is_broken_is_not_missing_too() -> None:
    """One mistake is reported once."""
    assert changed("target = 10_000", 'target = "10"').count("latency_p95_ms") == 1


def test_unknown_keys_with_the_limits_are_named() -> None:
    """A misspelt table would otherwise be a limit that nobody applies."""
    said = problem(OWN + "\n[[limits]]\nid = 'x'\n")
    assert (
        said
        == "limits.toml can't be used: unknown key 'limits'; only [[limit]], [[alert]] and [[rule]] tables belong here"
    )


def test_all_problems_are_reported_at_once() -> None:
    """A person mends a file in one go."""
    said = problem(OWN.replace("target = 10_000", "target = nan").replace('id = "batch_s"', 'id = "batch"'))
    assert [part in said for part in ("target must be a finite", "(batch): unknown limit")] == [True] * 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("limit = 5", "limits.toml: `limit` must be an array of tables, written [[limit]]"),
        ("[limit]\nid = 'x'", "limits.toml: `limit` must be an array of tables, written [[limit]]"),
        ("[[limit]\n", "limits.toml is no TOML: "),
        (b"\xff\xfe", "limits.toml is no TOML: "),
    ],
)
def test_what_is_no_list_of_tables_is_reported(text: str | bytes, expected: str) -> None:
    """Other TOML, and what is no TOML, is reported as such."""
    assert problem(text).startswith(expected)


def test_entries_that_are_no_tables_are_named() -> None:
    """A number where a table belongs is reported with its place."""
    assert "[[limit]] number 1 (no table): Expected `object`, got `int`" in problem("limit = [5]")


def test_a_file_that_is_not_there_or_can_not_be_read(tmp_path: Path) -> None:
    """A missing file, and a folder, are reported with their path."""
    with pytest.raises(LimitsError, match=r"none\.toml can't be read: No such file or directory"):
        load(tmp_path / "none.toml")
    with pytest.raises(LimitsError, match=r"can't be read: Is a directory"):
        load(tmp_path)


def test_a_number_too_large_for_a_float_is_named() -> None:
    """An integer of 400 digits is no finite target, and no crash either."""
    assert "(latency_p95_ms)" in changed("target = 10_000", f"target = 1{'0' * 400}")


@pytest.mark.parametrize(
    ("alert_id", "above", "window"),
    [
        ("fail_spike_warning", 5, "10m"),
        ("fail_spike_critical", 10, "5m"),
        ("bytes_anomaly", 1_000_000_000, "1h"),
        ("concurrent_high", 10, None),
        ("queue_nearly_full", 80, None),
        ("burn_fast", 6, "1h"),
        ("burn_slow", 2, "6h"),
    ],
)
def test_the_alert_bounds_shipped(alert_id: str, above: float, window: str | None) -> None:
    """The bounds that only alerts use are the runbook's, with their windows."""
    bound = load().alerts[alert_id]
    assert (bound.above, bound.window) == (above, window)
    assert set(load().alerts) == ALERT_IDS


def test_a_file_without_alert_bounds_takes_the_defaults() -> None:
    """A limits file from before there were alert bounds stays usable, and one bound may be changed by itself."""
    start = OWN.index("\n[[alert]]")
    assert parse(OWN[:start].encode(), "limits.toml").alerts == load().alerts
    one = OWN[:start] + '\n[[alert]]\nid = "concurrent_high"\nabove = 3\nunit = "exports"\nreason = "r"\n'
    assert {key: bound.above for key, bound in parse(one.encode(), "limits.toml").alerts.items()} == {
        "fail_spike_warning": 5,
        "fail_spike_critical": 10,
        "bytes_anomaly": 1_000_000_000,
        "concurrent_high": 3,
        "queue_nearly_full": 80,
        "burn_fast": 6,
        "burn_slow": 2,
    }


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            'id = "bytes_anomaly"',
            'id = "bytes"',
            "(bytes): unknown alert bound; known are burn_fast, ",
        ),
        ('id = "bytes_anomaly"', 'id = "concurrent_high"', "number 4: 'concurrent_high' is there twice"),
        ("above = 10\nunit", "above = nan\nunit", "(concurrent_high): above must be a finite number of 0 or more"),
        ("above = 10\nunit", "above = -1\nunit", "(concurrent_high): above must be a finite number of 0 or more"),
        ("above = 10\nunit", "over = 10\nunit", "(concurrent_high): Object "),
        (
            'window = "1h"',
            'window = "1 h"',
            "(bytes_anomaly): window must be a duration such as 10m, from 1m to 1d, not '1 h'",
        ),
        (
            'window = "1h"',
            'window = "59s"',
            "(bytes_anomaly): window must be a duration such as 10m, from 1m to 1d, not ",
        ),
        (
            'window = "1h"',
            'window = "25h"',
            "(bytes_anomaly): window must be a duration such as 10m, from 1m to 1d, not ",
        ),
        ('window = "1h"\n', "", "(bytes_anomaly): window must be a duration such as 10m, from 1m to 1d, not None"),
        ("above = 80\n", 'above = 80\nwindow = "5m"\n', "(queue_nearly_full): a bound of a gauge has no window"),
    ],
)
def test_each_kind_of_bad_alert_bound_is_named(old: str, new: str, expected: str) -> None:
    """A bad [[alert]] table is named by its number or id, with what was expected."""
    assert expected in changed(old, new)


def test_alert_bounds_are_an_array_of_tables() -> None:
    """A single table is refused, as it is for limits."""
    said = problem(OWN[: OWN.index("\n[[alert]]")] + "[alert]\nid = 'x'\n")
    assert said == "limits.toml can't be used: `alert` must be an array of tables, written [[alert]]"
