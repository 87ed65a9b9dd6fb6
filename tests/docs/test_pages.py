"""The pages: every path, link and heading that they name exists; README and architecture keep their length."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from assertions.limits import Rule, load

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
WITHIN = (
    "assertions",
    "benchmarks",
    "dashboards",
    "docs",
    "evidence",
    "loadtests",
    "requirements",
    "rules",
    "service",
    "tests",
)
PATH = re.compile(rf"`((?:{'|'.join(WITHIN)})/[\w./-]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
MADE_AT_RUN_TIME = (
    "evidence/bench/",
    "evidence/export",
    "evidence/faults",
    "evidence/fuzz",
    "evidence/image",
    "evidence/mine",
    "evidence/profile",
    "evidence/soak",
)
OLD_NAMES = ("CHANGELOG.md",)
"""Pages about the past name what was."""


def anchor(heading: str) -> str:
    """The anchor that a forge gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in OLD_NAMES], ids=lambda page: page.name)
def test_every_path_in_a_page_exists(page: Path) -> None:
    """A path in code style is in the tree, unless a run makes it."""
    named = set(PATH.findall(page.read_text("utf-8")))
    missing = {path for path in named if not (ROOT / path).exists() and not path.startswith(MADE_AT_RUN_TIME)}
    assert {path for path in missing if not any(ROOT.glob(path))} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file, and an anchor a heading of it."""
    for link in LINK.findall(re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, wanted = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if wanted:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            assert wanted in map(anchor, headings), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_section_that_is_quoted_behind_a_link_exists(page: Path) -> None:
    """`[page.md](page.md), "Heading"` names a heading of that page, or how it begins."""
    quoted = re.findall(r"\]\(([^)#\s]+\.md)\),\s+\"([^\"]+)\"", page.read_text("utf-8"))
    headings = {
        path: re.findall(r"^#+ (?:\d+\. )?(.*)$", (page.parent / path).read_text("utf-8"), re.M) for path, _ in quoted
    }
    assert [name for path, name in quoted if not any(heading.startswith(name) for heading in headings[path])] == []


def test_the_readme_is_a_page() -> None:
    """README.md has at most 130 lines."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 130


def test_every_page_is_reached_from_the_readme() -> None:
    """Each page of docs/ is linked by README.md, or by a page that README.md links."""
    first = {link for link in LINK.findall((ROOT / "README.md").read_text("utf-8")) if link.endswith(".md")}
    second = {
        f"docs/{link}"
        for page in first
        if page.startswith("docs/")
        for link in LINK.findall((ROOT / page).read_text("utf-8"))
    }
    assert {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")} - first - second == set()


def test_the_walk_of_one_hit_is_short() -> None:
    """The walk in docs/architecture.md names at most 25 files, each with its one job, from the profile to the box."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    steps = re.findall(r"^\| (\d+) \| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [int(number) for number, _, _ in steps] == list(range(1, len(steps) + 1))
    assert len(steps) <= 25
    assert steps[0][1] == "loadtests/profiles/load.toml"
    assert steps[-1][1] == "evidence/reports/checklists/ticks.py"
    assert [path for _, path, _ in steps if not (ROOT / path).is_file()] == []


def test_each_term_of_the_glossary_stands_once() -> None:
    """No term has two rows, and they are in alphabetical order."""
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    terms = [term for term in terms if term != "term" and not set(term) <= {"-"}]
    assert len(terms) == len(set(terms))
    assert terms == sorted(terms, key=str.lower)


def test_code_names_only_pages_that_exist() -> None:
    """A help text or a message that points at a page of docs/ points at one that is there."""
    code = [path for room in WITHIN if room != "tests" for path in (ROOT / room).rglob("*.py")]
    named = {page for path in code for page in re.findall(r"docs/[\w-]+\.md", path.read_text("utf-8"))}
    assert {page for page in named if not (ROOT / page).is_file()} == set()
    assert "docs/contract.md" in named


def test_the_rules_of_the_pages_load(tmp_path: Path) -> None:
    """Each TOML example of docs/judging.md is a limits file with one rule: an absolute one, then a relative one."""
    texts = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "judging.md").read_text("utf-8"), re.DOTALL)
    rules: list[Rule] = []
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.toml").write_text(text, encoding="utf-8")
        rules += load(tmp_path / f"{number}.toml").rules
    assert [(rule.id, rule.target, rule.baseline) for rule in rules] == [
        ("csv-10k-p95", 5_000, None),
        ("csv-10k-slower", None, "+30 %"),
    ]
