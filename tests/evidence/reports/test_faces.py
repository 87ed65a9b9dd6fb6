"""The report's faces: all of one model, so none can say another colour, count, assertion or verdict than the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import jsonschema
import msgspec
import pytest

from assertions.judge import blocks
from evidence.bundle.placeholder import publish_placeholder
from evidence.publish import verdict_json
from evidence.reports.faces.html import html
from evidence.reports.faces.junit import junit
from evidence.reports.faces.markdown import markdown, step_summary
from evidence.reports.faces.pdf import pdf, pdf_words
from evidence.reports.model import MARKS, ReportModel, build
from evidence.reports.schema import PATH, schema, text
from tests.evidence.conftest import Made
from tests.evidence.golden import CASES, model_of
from tests.evidence.reports.test_markdown import HOSTILE
from tests.evidence.sample_reports import FIGURES, LIMITS, SEEN, context, report

SVG = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><title>t</title><path d="M0 0"/></svg>'
ASSERTION = re.compile(r"\| [✅❌⚪] (PASS|FAIL|NO DATA)( \(critical\))? \| \*\*")
RESULT = {"failure": "FAIL", "error": "NO DATA"}


class Page(HTMLParser):
    """What a reader of the page finds: data attributes, links, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.colour = ""
        self.assertions: list[tuple[str, str]] = []
        self.words: dict[str, list[str]] = {}
        self.counts: dict[str, int] = {}
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._check = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect a tag's attributes."""
        found = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.colour = found.get("data-colour", self.colour)
        if "data-assertion" in found:
            self.assertions.append((found["data-assertion"], found["data-status"]))
        if "data-check" in found:
            self._check = found["data-check"]
            self.words[self._check] = []
        if "data-word" in found:
            self.words[self._check].append(found["data-word"])
        if "data-count" in found:
            word, _, count = found["data-count"].partition("=")
            self.counts[word] = int(count)
        if "id" in found:
            self.ids.append(found["id"])
        self.links += [found[name] for name in ("href", "src", "xlink:href") if name in found]

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


def page_of(model: ReportModel) -> Page:
    """The page of a model, with a drawing for each plot."""
    return Page(html(model, dict.fromkeys((plot.path for plot in model.plots), SVG)))


@cache
def page_in(name: str) -> Page:
    """The page of a case."""
    return page_of(model_of(name))


@cache
def pdf_in(name: str) -> list[str]:
    """The words on each page of a case's PDF."""
    return pdf_words(pdf(model_of(name), {}))


def squeezed(words: str) -> str:
    """Text without white space, as line breaks in a PDF fall anywhere."""
    return re.sub(r"\s+", "", words)


def marked(line: str) -> list[str]:
    """Words of the verdicts in a table row of Markdown, empty where a cell has none."""
    named = {f"{mark} {word}": word for word, mark in MARKS.items()}
    return [named.get(cell.strip(), "") for cell in re.split(r"(?<!\\)\|", line)[2:-3]]


@pytest.mark.parametrize("name", CASES)
def test_all_faces_have_the_colour(name: str) -> None:
    """The judge's colour is the first word of each face."""
    colour, model = CASES[name][0].colour, model_of(name)
    assert markdown(model).startswith(f"# {colour}")
    assert step_summary(model).startswith(f"# {colour}")
    assert page_in(name).colour == colour
    assert ET.fromstring(junit(model)).get("name", "").startswith(colour)
    assert pdf_in(name)[0].startswith(colour)
    assert json.loads(verdict_json(CASES[name][0]))["colour"] == colour


@pytest.mark.parametrize("name", CASES)
def test_all_faces_name_the_subject_and_time(name: str) -> None:
    """Each face says in its first lines what was judged, and when."""
    model = model_of(name)
    assert model.subject in model.first_line
    for face in (markdown(model), step_summary(model)):
        assert squeezed(model.subject).replace("[", "") in squeezed(face.splitlines()[0])
        assert model.when in face.splitlines()[0]
    assert model.subject in page_in(name).text
    assert squeezed(model.subject) in squeezed(pdf_in(name)[0])


@pytest.mark.parametrize("name", CASES)
def test_all_faces_have_the_assertions(name: str) -> None:
    """Title and status of each of the six are the judge's in every face, in order."""
    judged = [(one.title, one.status) for one in CASES[name][0].assertions]
    model = model_of(name)
    for face in (markdown(model), step_summary(model)):
        lines = [
            line
            for line in face.splitlines()
            if re.match(r"\| [✅❌⚪] (PASS|FAIL|NO DATA)( \(critical\))? \| \*\*", line)
        ]
        rows = [re.split(r" \| ", line) for line in lines]
        assert [(row[1].strip("*"), row[0].split(" ", 2)[2].removesuffix(" (critical)")) for row in rows] == judged
    assert page_in(name).assertions == judged
    words = squeezed(pdf_in(name)[0])
    places = [words.find(squeezed(f"{status}{title}")) for title, status in judged]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("name", CASES)
def test_all_faces_have_the_verdicts(name: str) -> None:
    """Every verdict of the judge stands in Markdown, page and JUnit, with its status."""
    judged, model = CASES[name][0], model_of(name)
    expected = {(one.scenario, one.id): "WAIVED" if one.waived is not None else one.status for one in judged.verdicts}
    lines = [line for line in markdown(model).splitlines() if line.startswith("| `") and "details" not in line]
    table = {line.split("`")[1]: marked(line) for line in lines}
    for found in (table, page_in(name).words):
        flat = {
            (scenario, check): word
            for check, words in found.items()
            if check in {one.id for one in judged.verdicts}
            for scenario, word in zip(model.scenarios, words, strict=True)
            if word
        }
        assert flat == expected
    cases = ET.fromstring(junit(model)).findall("./testsuite[@name!='incident']/testcase")
    in_junit = {
        (case.get("classname"), str(case.get("name")).partition(":")[0]): (case[0].tag if len(case) else "pass")
        for case in cases
    }
    assert len(cases) == len(expected)
    for verdict in judged.verdicts:
        tag = in_junit[verdict.scenario, verdict.id]
        if verdict.status == "NO DATA" and not blocks(verdict):
            assert tag == "skipped"
        else:
            assert RESULT.get(tag, "PASS") == verdict.status


@pytest.mark.parametrize("name", CASES)
def test_all_faces_have_the_counts(name: str) -> None:
    """How many verdicts are PASS, FAIL, NO DATA or waived is the same everywhere."""
    judged, model = CASES[name][0], model_of(name)
    expected = dict(Counter("WAIVED" if one.waived is not None else one.status for one in judged.verdicts))
    sentence = ", ".join(f"{expected[word]} {word}" for word in MARKS if expected.get(word))
    assert page_in(name).counts == expected
    for face in (markdown(model), step_summary(model)):
        plain = face
        for mark in MARKS.values():
            plain = plain.replace(f"{mark} ", "")
        assert f"{sentence} in {len(judged.verdicts)} verdicts" in plain
    assert squeezed(sentence) in squeezed(pdf_in(name)[0])
    root = ET.fromstring(junit(model))
    incidents = len(model.incidents)
    assert int(root.get("tests", "-1")) == len(judged.verdicts) + incidents
    assert int(root.get("failures", "-1")) == expected.get("FAIL", 0)


@pytest.mark.parametrize("name", CASES)
def test_all_faces_have_the_reasons_in_order(name: str) -> None:
    """Each reason for red stands in Markdown, step summary, page and PDF, in the model's order, with its command."""
    model = model_of(name)
    assert bool(model.reasons or model.missing) is (CASES[name][0].colour != "GREEN")
    whole = re.sub(r"page\d+", "", squeezed("".join(pdf_in(name))))
    for reason in model.reasons:
        for face in (markdown(model), step_summary(model)):
            assert f"(`{reason.check}`)" in face
            assert reason.command in face
        assert reason.command in page_in(name).text
        assert squeezed(f"{reason.title} in {', '.join(reason.scenarios)} ({reason.check})") in re.sub(
            r"page\d+", "", whole
        )


@pytest.mark.parametrize("name", CASES)
def test_the_head_says_why_and_what_changed(name: str) -> None:
    """The head of page and PDF names the first cause, where there is one, and what changed since the baseline."""
    model = model_of(name)
    head = page_of(model).text.partition("The six assertions")[0]
    first_page = squeezed(pdf_words(pdf(model, {}))[0]).partition("Thesixassertions")[0]
    for words in (f"First cause: {model.lead}" if model.reasons else "", model.changed):
        assert squeezed(words) in squeezed(head)
        assert squeezed(words) in first_page
    assert ("First cause" in head) == bool(model.reasons)


def test_causes_come_before_what_rests_on_them() -> None:
    """No file can be fetched: first; what has no data because of it is folded below it, not a separate reason."""
    model = model_of("red")
    assert [reason.check for reason in model.reasons][:3] == ["downloads", "csv-contents", "latency-outside"]
    assert model.reasons[0].scenarios == ("smoke", "load", "batch")
    assert model.reasons[0].follows == ("run/bytes-outside",)
    assert "bytes-outside" not in [reason.check for reason in model.reasons]
    statuses = [reason.status for reason in model.reasons]
    assert statuses == sorted(statuses)


def test_one_request_is_repeated_by_a_curl_line() -> None:
    """A fault of one request to a target that is still there comes with the request; a phase with scenario and seed."""
    commands = {reason.check: reason.command for reason in model_of("red").reasons}
    assert commands["csv-contents"] == (
        "export-at-scale body csv-10k --seed 17 --tag T020000003 | "
        "curl -sS -D - -X POST -H 'Content-Type: application/json' --data-binary @- "
        "http://127.0.0.1:4001/export/run"
    )
    assert commands["latency-outside"] == (
        "export-at-scale run load --seed 17 --target http://127.0.0.1:4001 --out evidence/again"
    )
    assert commands["rules"] == "export-at-scale rules check"


@pytest.mark.parametrize("name", CASES)
def test_the_page_needs_no_other_page(name: str) -> None:
    """No network, no script without plots to zoom, links to places of the page or files of the bundle, single ids."""
    page = page_of(model_of(name))
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link == "data:," or link.startswith("#") or not re.match(r"[a-z]+:|//", link), link
        assert not link.startswith("#") or link[1:] in page.ids, link


@pytest.mark.parametrize("name", CASES)
def test_the_step_summary_is_short_and_has_no_links(name: str) -> None:
    """A CI step's summary is far below its limit of 1 MiB and links nothing, since the bundle is not next to it."""
    summary = step_summary(model_of(name))
    assert len(summary.encode()) < 64_000
    assert re.findall(r"(?<!\\)\]\(", summary) == []


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words_in_every_face(words: str) -> None:
    """Whatever a target says adds no tag to the page and no element to JUnit, and the PDF is made."""
    models = []
    for said in (words, "plain"):
        mine = report("RED", f"RED: {said}", SEEN)
        mine = msgspec.structs.replace(
            mine,
            assertions=tuple(
                msgspec.structs.replace(one, reason=said, target=said, outside=said) for one in mine.assertions
            ),
        )
        models.append(build(mine, LIMITS, context(target=said, incidents=(said,)), FIGURES))
    hostile, plain = models
    assert page_of(hostile).tags == page_of(plain).tags
    assert [one.tag for one in ET.fromstring(junit(hostile)).iter()] == [
        one.tag for one in ET.fromstring(junit(plain)).iter()
    ]
    assert pdf_words(pdf(hostile, {}))[0].startswith("RED")


def test_the_pdf_is_the_same_each_time() -> None:
    """Equal models give equal bytes."""
    assert pdf(model_of("red"), {}) == pdf(model_of("red"), {})


def test_no_pdf_has_no_words() -> None:
    """What is no PDF is refused by ValueError."""
    with pytest.raises(ValueError, match=r"."):
        pdf_words(b"no pdf")


@pytest.mark.parametrize("name", CASES)
def test_verdicts_fit_the_published_schema(name: str) -> None:
    """verdict.json of every kind of run fits docs/verdict.schema.json, and a broken one does not."""
    document = json.loads(verdict_json(CASES[name][0]))
    jsonschema.validate(document, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**document, "colour": "BLUE"}, schema())


@pytest.mark.e2e
def test_a_real_runs_verdict_fits_the_schema(made: Made) -> None:
    """verdict.json that the real command wrote fits."""
    jsonschema.validate(json.loads((made.path / "verdict.json").read_bytes()), schema())


def test_the_placeholder_fits_the_schema(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What stands there before a report is made fits too."""
    out = tmp_path_factory.mktemp("placeholder")
    publish_placeholder(out, "the run is under way")
    jsonschema.validate(json.loads((out / "verdict.json").read_bytes()), schema())


def test_the_schema_is_published() -> None:
    """docs/verdict.schema.json is what the code has; `python -m evidence.reports.schema` writes it."""
    assert PATH.read_text(encoding="utf-8") == text()
