"""Soak, spike, burst, `--minutes`, and the documented example: pure functions of the profile's text."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.record.phases import DEFAULT, JudgedFor, judged_by_name
from assertions.record.types import PhasePlan
from loadtests.datasets.records import make_dataset
from loadtests.plan.plan import build_plan, cases_of, limits_of
from loadtests.plan.profile import Phase, Profile, ProfileError, load_profile, parse_profile, stretched

DOCS = Path(__file__).resolve().parents[3] / "docs" / "profiles.md"
OPEN = '[[phase]]\nname = "one"\nmode = "open"\nclients = 9\nscaled = true\nmix = [{ case = "csv-1" }]\n'
CLOSED = '[[phase]]\nname = "two"\nmode = "closed"\nclients = 2\nmix = [{ case = "csv-1", count = 3 }]\n'


def phase_of(profile: Profile, name: str) -> Phase:
    """The phase of that name."""
    return next(phase for phase in profile.phases if phase.name == name)


def planned(profile: Profile, name: str) -> PhasePlan:
    """The plan of one phase."""
    plan = build_plan(profile, {case: make_dataset(case, 1) for case in cases_of(profile)}, 1)
    return next(phase for phase in plan.phases if phase.name == name)


def moments(plan: PhasePlan) -> list[float]:
    """When its requests are due."""
    return [one.intended_s or 0.0 for one in plan.requests]


def test_the_documented_example_is_a_profile() -> None:
    """What docs/profiles.md shows is accepted as it stands, and does what the text says of it."""
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    profile = parse_profile("mine", text.encode())
    assert [phase.name for phase in profile.phases] == ["warmup", "single", "measure", "burst"]
    assert [len(phase.judge) for phase in profile.phases] == [0, 3, 6, 4]
    assert phase_of(stretched(profile, 10), "measure").lasts_s == 600
    assert profile.leak is not None and profile.leak.count == 120
    due = moments(planned(profile, "measure"))
    assert 200 < len(due) < 450  # 340 expected by the area under the shape
    burst = planned(profile, "burst")
    assert (burst.at_once, burst.clients, len({one.user for one in burst.requests})) == (True, 40, 40)


def test_every_key_of_a_profile_is_documented() -> None:
    """The words with which a wrong key is refused name all known keys, and docs/profiles.md has each of them."""
    with pytest.raises(ProfileError) as caught:
        parse_profile("p", f"wrong = 1\n[leak]\nwrong = 1\n{OPEN}wrong = 1\n".encode())
    known = {key for one in caught.value.problems for key in one.partition("known here: ")[2].split(", ")} - {""}
    assert {"phase", "behaviour", "leak", "scaled", "shape", "at_once", "max_seconds", "case"} <= known
    text = DOCS.read_text("utf-8")
    missing = [key for key in known if not any(word in text for word in (f"`{key}`", f"`[[{key}]]`", f"`[{key}]`"))]
    assert not missing


def test_soak_is_steady_for_as_long_as_asked() -> None:
    """Ten minutes at 4 a second as it stands; an hour holds six times as many, and every minute about the same."""
    profile = load_profile("soak")
    assert phase_of(profile, "measure").lasts_s == 600
    assert profile.leak is not None
    hour = stretched(profile, 60)
    measure = planned(hour, "measure")
    minutes = Counter(int(moment // 60) for moment in moments(measure))
    assert set(minutes) == set(range(60))
    assert min(minutes.values()) >= 180 and max(minutes.values()) <= 300  # 240 expected, standard deviation 15
    assert limits_of(phase_of(hour, "measure"), measure).max_seconds > 3600
    assert [phase for phase in hour.phases if phase.name != "measure"] == [
        phase for phase in profile.phases if phase.name != "measure"
    ]
    assert hour.leak == profile.leak


def test_spike_is_quiet_then_high_then_quiet_for_longer() -> None:
    """Five seconds at twenty times the rate, in one phase with the quiet before and after."""
    due = moments(planned(load_profile("spike"), "measure"))
    before, during, after = (sum(a <= moment < b for moment in due) / (b - a) for a, b in ((0, 8), (8, 13), (13, 28)))
    assert before < 5 and after < 5
    assert 30 < during < 50


def test_burst_fills_the_queue_to_its_limit_and_not_beyond() -> None:
    """A hundred at once, three times: five may run and a hundred wait, so nobody may be rejected."""
    profile = load_profile("burst")
    bursts = [phase for phase in profile.phases if phase.name.startswith("burst")]
    assert [(phase.at_once, phase.clients, phase.count) for phase in bursts] == [(True, 100, 100)] * 3
    last = profile.phases[-1]
    assert (last.mode, last.name) == ("sequence", "sequence")


@given(st.floats(0.05, 1440), st.lists(st.tuples(st.floats(0.1, 50), st.floats(0, 8)), min_size=1, max_size=4))
def test_stretching_keeps_rates_and_parts(minutes: float, steps: list[tuple[float, float]]) -> None:
    """The scaled phases last just as long as asked, together; each keeps its part and its rates, others stay."""
    ends = list(itertools.accumulate(length for length, _ in steps))
    points = [[0, 1.0], *([end, rate] for end, (_, rate) in zip(ends, steps, strict=True))]
    text = f"{OPEN}shape = {points}\n{CLOSED}seconds = 10\nmax_count = 40\nscaled = true\n"
    text += CLOSED.replace("two", "three") + "seconds = 7\nmax_count = 40\n"
    profile = parse_profile("p", text.encode())
    longer = stretched(profile, minutes)
    factor = minutes * 60 / (ends[-1] + 10)
    assert sum(phase.lasts_s for phase in longer.phases[:2]) == pytest.approx(minutes * 60)
    assert longer.phases[2] == profile.phases[2]
    assert [rate for _, rate in longer.phases[0].shape] == [rate for _, rate in profile.phases[0].shape]
    assert [at for at, _ in longer.phases[0].shape] == pytest.approx([at * factor for at, _ in profile.phases[0].shape])
    assert longer.phases[1].clients == 2
    assert longer.phases[1].max_count >= longer.phases[1].count == 3
    assert all(phase.max_seconds >= phase.lasts_s for phase in longer.phases)


def test_minutes_that_can_not_be_kept_are_refused() -> None:
    """A profile without a scaled phase, and one that would make more requests than any may."""
    with pytest.raises(ProfileError, match="profile smoke has no phase with `scaled = true`"):
        stretched(load_profile("smoke"), 5)
    many = parse_profile("p", f"{OPEN}rate_per_s = 1000\nseconds = 10\n".encode())
    with pytest.raises(ProfileError, match="--minutes 20 makes more than 1000000 requests of phase 'one'"):
        stretched(many, 20)
    with pytest.raises(ProfileError, match="scaled needs a phase that lasts some seconds"):
        parse_profile("p", f"{CLOSED}scaled = true\n".encode())


@pytest.mark.parametrize("name", ["main", "measure", "warmup", "burst"])
def test_a_phase_without_judge_is_judged_for_load(name: str) -> None:
    """Whatever its name is, a phase of load is judged for latency, throughput, health and drift, counts and memory."""
    text = CLOSED.replace("two", name)
    profile = parse_profile("p", text.encode())
    assert planned(profile, name).judged_for == frozenset(DEFAULT)


def test_a_phase_is_judged_for_what_it_says() -> None:
    """The words of `judge` are in the plan, in their order; an empty list is nothing at all."""
    said = parse_profile("p", f'{CLOSED}judge = ["queue", "memory"]\n'.encode())
    assert planned(said, "two").judge == (JudgedFor.QUEUE, JudgedFor.MEMORY)
    assert planned(parse_profile("p", f"{CLOSED}judge = []\n".encode()), "two").judge == ()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('["speed"]', "may hold latency, throughput, health"),
        ("[1]", "not 1"),
        ('"latency"', "must be a list"),
        ('["latency", "latency"]', "holds a word twice"),
    ],
)
def test_words_of_judge_are_a_closed_set(value: str, problem: str) -> None:
    """A word that is none, a number, a bare string and a word that stands twice are refused by name."""
    with pytest.raises(ProfileError, match="judge") as caught:
        parse_profile("p", f"{CLOSED}judge = {value}\n".encode())
    assert problem in caught.value.problems[0]


def test_what_a_phase_may_be_judged_for_is_documented() -> None:
    """docs/profiles.md has a row for each word."""
    text = DOCS.read_text("utf-8")
    assert [purpose for purpose in JudgedFor if f"| `{purpose}` |" not in text] == []


@pytest.mark.parametrize("name", ["smoke", "load", "batch", "soak", "spike", "burst"])
def test_our_profiles_mean_what_their_names_meant(name: str) -> None:
    """The checks that judge a scenario select the same phases as they did by name in older plans."""
    profile = load_profile(name)
    reported = {phase.name: frozenset(phase.judge) for phase in profile.phases}
    dropped = {  # where no check of the scenario asks for it
        ("smoke", "measure"): {JudgedFor.THROUGHPUT, JudgedFor.HEALTH, JudgedFor.DRIFT},
        ("spike", "measure"): {JudgedFor.DRIFT},
        ("burst", "sequence"): {JudgedFor.BATCH},
    }
    added = {("burst", "sequence"): {JudgedFor.BASELINE}}
    by_name = {
        phase: (frozenset(judged_by_name(phase)) - dropped.get((name, phase), set())) | added.get((name, phase), set())
        for phase in reported
    }
    assert reported == by_name
