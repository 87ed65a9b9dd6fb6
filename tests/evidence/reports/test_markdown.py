"""The report: golden texts, and what a hostile target may not do to it."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assertions.judge import Report
from assertions.verdicts import SCENARIOS, failed, passed
from evidence.collect.provenance import Context
from evidence.reports.faces.markdown import markdown
from evidence.reports.faces.markdown_text import first_line
from evidence.reports.figures import Figures, Place
from evidence.reports.information import Information
from evidence.reports.model import MARKS, build
from evidence.reports.units import LONGEST
from tests.evidence.golden import CASES, FACES, path, whole
from tests.evidence.sample_reports import GREEN, LIMITS, RED, SEEN, context, report, row

HOSTILE = (
    "a | ✅ PASS | forged |",
    "\n# GREEN\n\n- [x] all well\n",
    "\r\n# GREEN\u2028# GREEN\x85# GREEN\x0b# GREEN\x0c# GREEN",
    "`code` ``more`` ```\nfence",
    "<h1>GREEN</h1><!-- hidden --><img src=x onerror=alert(1)></td></table>",
    "[proof](javascript:alert(1)) ![x](http://127.0.0.1/x.png)",
    "\x1b[32mGREEN\x1b[0m\x1b]8;;http://x\x07link\x1b]8;;\x07",
    "\x00\x08\x7f\u202eNEERG\u2066\u200b\ufeff",
    "&#9989; &check; ~~struck~~ $\\color{green}x$ **bold** \\| \\",
    "x" * 10_000,
    "✅☑✔✓🟢",
)


def rows(text: str) -> list[str]:
    """The lines, as every reader of Markdown splits them."""
    return text.splitlines()


def unescaped(line: str, mark: str) -> int:
    """How often a mark stands in a line without a backslash that escapes it."""
    return len(re.findall(re.escape(mark), re.sub(r"\\.", "", line)))


def shape(text: str) -> list[tuple[str, int, int, int]]:
    """Each line's beginning, and how many cells, ticks and code marks it has."""
    return [
        (line[:2], unescaped(line, "|"), sum(line.count(mark) for mark in MARKS.values()), unescaped(line, "`"))
        for line in rows(text)
    ]


def spoken(words: str) -> str:
    """A report in which a target's words stand wherever they can."""
    mine = report("RED", f"RED: {words}", {**SEEN, "names": failed(words)})
    mine = msgspec.structs.replace(
        mine,
        assertions=tuple(
            msgspec.structs.replace(one, reason=words, target=words, outside=words) for one in mine.assertions
        ),
    )
    figures = Figures(
        latencies=(row("load", words, 1, words, [1.0], seconds=1.0),),
        information=(Information(title="one", value="1 ms", count=1, note=words),),
        differences=(words,),
        places={"load": Place(url=words, embedded=False, seed=1, seconds=1.0, end=2.0)},
        target_version=words,
        generators={"load": words},
    )
    mine_context = context(target=words, incidents=(words,), waivers={"memory": words})
    return markdown(build(mine, LIMITS, mine_context, figures))


def text_of(mine: Report, where: Context, figures: Figures) -> str:
    """The report's text."""
    return markdown(build(mine, LIMITS, where, figures))


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, face: str) -> None:
    """Each report reads as the file kept next to the cases, word by word."""
    assert whole(name, face) == path(name, face).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_first_line_is_the_colour(name: str) -> None:
    """The first line is a heading that begins with the colour."""
    assert rows(whole(name))[0].startswith(f"# {CASES[name][0].colour}")


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_change_no_line(words: str) -> None:
    """A target's words add no line, cell, tick, code mark or heading to the report."""
    assert shape(spoken(words)) == shape(spoken("plain"))


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words(words: str) -> None:
    """No tag, link, entity or control character of a target's gets into the report as such."""
    text = spoken(words)
    own = spoken("plain")
    assert all(one == "\n" or one.isprintable() for one in text)
    outside_code = re.sub(r"(?<!\\)`[^`\n]*`", "", text)
    tags = re.findall(r"(?<!\\)<[A-Za-z/!][^>\n]*>?", outside_code)
    assert tags == ["<details>", "<summary>", "</summary>", "</details>"]
    assert len(re.findall(r"(?<!\\)&[#A-Za-z]", outside_code)) == 0
    assert len(re.findall(r"(?<!\\)\]\(", outside_code)) == len(re.findall(r"(?<!\\)\]\(", own))
    assert [line for line in rows(text) if line.startswith("#")][1:] == [
        line for line in rows(own) if line.startswith("#")
    ][1:]


@given(st.text())
def test_any_words_change_no_line(words: str) -> None:
    """Whatever a target says, the first line is one line, not GREEN, with nothing unescaped in it."""
    line = first_line(f"RED: {words}")
    assert rows(line) == [line]
    assert line.startswith("# RED:")
    assert all(unescaped(line, mark) == 0 for mark in "|`[]*")
    assert not any(mark in line for mark in MARKS.values())


def test_long_words_are_cut() -> None:
    """A text of 10,000 characters is cut, and the cut says how much is missing."""
    line = first_line("x" * 10_000)
    assert line == f"# {'x' * LONGEST}… (9,600 characters more)"
    assert first_line("x" * LONGEST) == f"# {'x' * LONGEST}"


def test_not_green_without_a_verdict_against_it() -> None:
    """A GREEN report has no section that says why it is not green; a red one has."""
    assert "Why it is not GREEN" not in text_of(GREEN, context(), Figures())
    assert "Why it is not GREEN" in text_of(RED, context(), Figures())


def test_waiting_names_the_command() -> None:
    """For each scenario that was not run the report says how to run it."""
    text = whole("no_data")
    assert [name for name in SCENARIOS if f"`export-at-scale run {name}`" in text] == ["load", "batch"]


def test_performance_shows_the_worst() -> None:
    """Of several scenarios the performance table shows the reading on the bad side; without verdicts it has NO DATA."""
    bare = msgspec.structs.replace(GREEN, verdicts=())
    text = text_of(bare, context(), Figures())
    line = next(line for line in rows(text) if line.startswith("| Throughput |"))
    assert line == "| Throughput | >= 0.05 exports/s | – | – | – | – | NO DATA |"


def test_unknown_changes_are_said() -> None:
    """A commit with changes, without, and unknown read differently."""
    lines = {
        dirty: next(line for line in rows(text_of(GREEN, context(dirty=dirty), Figures())) if "harness: " in line)
        for dirty in (True, False, None)
    }
    assert len(set(lines.values())) == 3


def test_without_sensitivity_it_says_so() -> None:
    """A report without the proof says NO DATA there; one of another judge says stale."""
    _, mine, figures = CASES["green"]
    assert "NO DATA: no sensitivity.json" in text_of(GREEN, mine, replace(figures, sensitivity=None))
    stale = text_of(GREEN, context(harness_sha256="00" * 32), figures)
    assert "Stale: made" in stale
    assert "Stale: made" not in whole("green")


def test_a_additional_scenario_is_counted() -> None:
    """What it showed stands in a separate line, before the six in which it has no place."""
    mine = report("GREEN", "GREEN", SEEN)
    additional = tuple(msgspec.structs.replace(one, scenario="soak") for one in mine.verdicts if one.scenario == "load")
    text = text_of(msgspec.structs.replace(mine, verdicts=(*mine.verdicts, *additional)), context(), Figures())
    words: list[str] = [one.status for one in additional]
    assert f"- **soak**: {words.count('PASS')} PASS, {words.count('FAIL')} FAIL, " in text
    assert "Additional scenarios" not in text_of(mine, context(), Figures())


def test_what_a_pass_rules_out_is_of_the_scenario_whose_reason_is_shown() -> None:
    """Of three scenarios with bounds of their own the first one's reason and bound stand side by side."""
    shown = report("GREEN", "GREEN", {}, usual=lambda name: passed(f"seen in {name}", catches=f"bound of {name}"))
    model = build(shown, LIMITS, context(), Figures())
    pairs = {row.check: (row.reason, row.catches) for row in model.checks}
    assert pairs["scrapes"] == ("smoke: seen in smoke", "bound of smoke")
    assert pairs["concurrency-agree"] == ("load: seen in load", "bound of load")


def test_a_bound_of_another_scenario_is_named() -> None:
    """Where the scenario whose reason is shown failed, the bound of one that passed says whose it is."""
    shown = report(
        "RED",
        "RED",
        {},
        usual=lambda name: failed("off") if name == "smoke" else passed("well", catches=f"bound of {name}"),
    )
    model = build(shown, LIMITS, context(), Figures())
    [row] = [row for row in model.checks if row.check == "scrapes"]
    assert (row.reason, row.catches) == ("smoke: off", "load: bound of load")


def test_a_difference_is_told_to_its_end() -> None:
    """A sentence of the report's own is not cut where a target's text is."""
    figures = Figures(differences=("word " * 120 + "end.",))
    assert "word end." in markdown(build(GREEN, LIMITS, context(), figures))
