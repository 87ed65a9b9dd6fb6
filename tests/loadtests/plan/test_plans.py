"""Profiles, arrivals and plans: pure, and fixed before the first request."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.datasets.records import make_dataset
from loadtests.plan.arrivals import arrival_times, constant
from loadtests.plan.plan import build_plan, cases_of, interleave, limits_of
from loadtests.plan.profile import OWN_PROFILES, ProfileError, Share, load_profile, parse_profile

PHASE = '[[phase]]\nname = "one"\nmode = "closed"\nclients = 2\nmix = [{ case = "csv-1k", count = 3 }]\n'
OPEN = '[[phase]]\nname = "one"\nmode = "open"\nclients = 9\nmix = [{ case = "csv-1" }]\n'


def problems(text: str) -> list[str]:
    """What is wrong with a profile, without its name in front."""
    with pytest.raises(ProfileError) as caught:
        parse_profile("p", text.encode())
    return [problem.removeprefix("profile p: ") for problem in caught.value.problems]


@pytest.mark.parametrize("name", ["smoke", "load", "batch"])
def test_our_own_profiles_hold(name: str) -> None:
    """Each committed profile is valid, and its plan is the same for the same seed, and bears each tag once."""
    profile = load_profile(name)
    datasets = {case: make_dataset(case, 3) for case in cases_of(profile)}
    plan = build_plan(profile, datasets, 3)
    assert build_plan(profile, datasets, 3) == plan
    tags = [one.tag for phase in plan.phases for one in phase.requests if one.tag is not None]
    assert len(tags) == len(set(tags)) > 10
    assert plan.profile_sha256 == profile.sha256


def test_the_load_profile_is_what_the_limits_need() -> None:
    """Five clients, at least 80 csv-10k and 20 pdf-10k in its first hundred, and not more than 300."""
    measure = next(phase for phase in load_profile("load").phases if phase.name == "measure")
    assert (measure.clients, measure.mode, measure.count, measure.max_count) == (5, "closed", 100, 300)
    assert Counter(itertools.islice(interleave(measure.mix), 100)) == {"csv-10k": 80, "pdf-10k": 20}


def test_the_batch_profile_asks_in_the_runbooks_order() -> None:
    """The five exports of the batch come first, in order, by one client."""
    profile = load_profile("batch")
    plan = build_plan(profile, {case: make_dataset(case, 1) for case in cases_of(profile)}, 1)
    assert [one.case for one in plan.phases[0].requests] == ["csv-1k", "csv-5k", "csv-10k", "pdf-1k", "pdf-5k"]


def test_a_mix_is_spread_evenly() -> None:
    """Every stretch of a mix holds each case in proportion, and the mix repeats itself."""
    mix = (Share("csv-10k", 8), Share("pdf-10k", 2))
    cases = list(itertools.islice(interleave(mix), 30))
    assert cases[:10] == cases[10:20] == cases[20:]
    for start in range(0, 30, 5):
        assert Counter(cases[start : start + 5]) == {"csv-10k": 4, "pdf-10k": 1}


def test_a_phase_that_may_go_on_plans_the_most_and_drives_the_least() -> None:
    """With `seconds` the plan holds max_count requests; the drive says how many and how long at least."""
    profile = parse_profile("p", (PHASE + "seconds = 2.5\nmax_count = 50\n").encode())
    plan = build_plan(profile, {"csv-1k": make_dataset("csv-1k", 1)}, 1)
    assert len(plan.phases[0].requests) == 50
    drive = limits_of(profile.phases[0], plan.phases[0])
    assert (drive.least, drive.seconds) == (3, 2.5)


def test_an_open_phase_plans_each_moment() -> None:
    """Each request of an open phase bears its moment, ascending, within the phase; another seed moves them."""
    profile = parse_profile("p", (OPEN + "rate_per_s = 50\nseconds = 4\n").encode())
    datasets = {"csv-1": make_dataset("csv-1", 1)}
    first, second = (
        [one.intended_s or -1.0 for one in build_plan(profile, datasets, seed).phases[0].requests] for seed in (1, 2)
    )
    assert first == sorted(first) != second
    assert 0 <= first[0] <= first[-1] < 4
    assert 140 < len(first) < 260  # 200 expected, standard deviation 14


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.01, 20), st.floats(0, 200)), min_size=1, max_size=5),
    st.floats(0, 200),
    st.integers(0, 100),
)
def test_uniform_arrivals_follow_the_rate(steps: list[tuple[float, float]], first: float, seed: int) -> None:
    """Up to each point of the shape there are as many arrivals as the area under the rate, to within one half."""
    shape, area = [(0.0, first)], 0.0
    areas = [0.0]
    for length, rate in steps:
        area += (shape[-1][1] + rate) / 2 * length
        shape.append((shape[-1][0] + length, rate))
        areas.append(area)
    times = list(arrival_times(shape, "uniform", seed))
    assert times == sorted(times)
    for (at, _), expected in zip(shape, areas, strict=True):
        assert abs(sum(time < at - 1e-9 for time in times) - expected) <= 0.5 + 1e-6 * expected + 1


def test_poisson_arrivals_have_the_rate_and_the_spread() -> None:
    """The gaps' mean and standard deviation are both 1/rate, and the same seed gives the same moments."""
    times = list(arrival_times(constant(100, 200), "poisson", 5))
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))
    assert mean == pytest.approx(0.01, rel=0.05)
    assert spread == pytest.approx(0.01, rel=0.05)
    assert times == list(arrival_times(constant(100, 200), "poisson", 5))


def test_a_spike_stands_where_the_shape_puts_it() -> None:
    """Two points at one second make a step: ten times the arrivals from there on."""
    times = list(arrival_times(((0, 10), (5, 10), (5, 100), (6, 100), (6, 10), (10, 10)), "uniform", 1))
    assert (sum(t < 5 for t in times), sum(5 <= t < 6 for t in times), sum(t >= 6 for t in times)) == (50, 100, 40)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "phase is missing"),
        ("phase = []", "phase must be a list of tables, at least one"),
        ("phase = 3", "phase must be a list, not 3"),
        (PHASE + "speed = 3\n", "phase[0].speed is no known key; known here: "),
        (PHASE.replace('"one"', '"a b"'), "phase[0].name must be letters, digits and dashes, not 'a b'"),
        (PHASE.replace('"one"', '"leak"'), "phase may not be named 'leak', a name kept for the examiner"),
        (PHASE + PHASE, "phase has the name 'one' twice"),
        (PHASE.replace("closed", "shut"), "phase[0].mode must be one of closed, open, sequence, not 'shut'"),
        (PHASE.replace("clients = 2", "clients = 0"), "phase[0].clients must be a whole number from 1 to 1000, not 0"),
        (PHASE.replace("clients = 2", "clients = 2.0"), "phase[0].clients must be a whole number, not 2.0"),
        (PHASE.replace("clients = 2", "clients = true"), "phase[0].clients must be a whole number, not True"),
        (PHASE.replace("clients = 2", ""), "phase[0].clients is missing"),
        (PHASE.replace("csv-1k", "xls-1k"), "phase[0].mix[0].case is wrong: case 'xls-1k' is neither "),
        (PHASE.replace("csv-1k", "csv-2000000"), "phase[0].mix[0].case is wrong: case 'csv-2000000' asks for more"),
        (PHASE.replace("count = 3", "count = -1"), "phase[0].mix[0].count must be a whole number from 1 to"),
        (PHASE + "timeout_s = nan\n", "phase[0].timeout_s must be a finite number from 0.1 to 3600, not nan"),
        (PHASE + "timeout_s = inf\n", "phase[0].timeout_s must be a finite number from 0.1 to 3600, not inf"),
        (PHASE + "timeout_s = -2\n", "phase[0].timeout_s must be a finite number from 0.1 to 3600, not -2"),
        (PHASE + 'timeout_s = "9"\n', "phase[0].timeout_s must be a number, not '9'"),
        (PHASE + "max_count = 2\n", "phase[0].max_count is 2, less than the mix's 3 requests"),
        (PHASE + "seconds = 3\n", "phase[0].seconds needs a max_count above the mix's sum, else it can't be kept"),
        (PHASE + "rate_per_s = 3\n", "phase[0].rate_per_s has a meaning only in an open phase"),
        (PHASE.replace("closed", "sequence"), "phase[0].clients must be a whole number from 1 to 1, not 2"),
        (OPEN, "phase[0].rate_per_s must be given with seconds, or else a shape without them, in an open phase"),
        (OPEN + "rate_per_s = 5\n", "phase[0].rate_per_s must be given with seconds, or else a shape without them"),
        (OPEN + "shape = [[1, 5], [2, 5]]\n", "phase[0].shape must hold at least two points, the first at 0 seconds"),
        (OPEN + "shape = [[0, 5], [2, -5]]\n", "phase[0].shape must hold points [seconds, rate] of finite numbers"),
        (OPEN + "shape = [[0, 5], [2, 1e9]]\n", "phase[0].shape must end by 86400 seconds and stay below 10000"),
        (PHASE + "[leak]\ncount = 20\n", "leak.case is missing"),
        (PHASE + '[leak]\ncase = ["csv-1k"]\ncount = 2\n', "leak.count must be a whole number from 8 to 100000, not 2"),
        ("behaviour = 1\n" + PHASE, "behaviour must be true or false, not 1"),
        ("= 1", "profile p is no TOML: "),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_with_the_key(text: str, problem: str) -> None:
    """Each mistake is named by its key and what was expected."""
    assert any(one.startswith(problem) for one in problems(text)), problems(text)


def test_a_byte_order_mark_is_no_matter() -> None:
    """As editors on Windows write it."""
    assert parse_profile("x", b"\xef\xbb\xbf" + (OWN_PROFILES / "smoke.toml").read_bytes()).phases


def test_all_problems_of_a_profile_are_reported_at_once() -> None:
    """Three mistakes give three sentences."""
    assert len(problems(PHASE.replace("clients = 2", "clients = 0") + "speed = 3\ntimeout_s = nan\n")) == 3


def test_a_profile_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """The message lists ours and the user's own; a name can't lead out of the folder."""
    (tmp_path / "mine.toml").write_text(PHASE)
    assert load_profile("mine", tmp_path).name == "mine"
    for name in ("gone", "../profiles/smoke", ""):
        with pytest.raises(ProfileError, match="batch, burst, load, mine, smoke, soak, spike"):
            load_profile(name, tmp_path)
