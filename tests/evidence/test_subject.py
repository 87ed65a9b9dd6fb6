"""The subject: what is judged, from options, the CI's variables, or its own word."""

from __future__ import annotations

import click
import pytest

from evidence.subject import SELF_TEST, Subject, from_ci, from_options, named, short_digest, subject_options

GITHUB = {
    "GITHUB_REPOSITORY": "shop/orders-export",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_SERVER_URL": "https://git.example.org",
    "GITHUB_RUN_ID": "77",
}
GITLAB = {
    "CI_PROJECT_PATH": "shop/orders",
    "CI_COMMIT_SHA": "89abcdef0123",
    "CI_JOB_URL": "https://git.example.org/shop/orders/-/jobs/5",
}


def subject_of(*words: str, environ: dict[str, str] | None = None) -> Subject | None:
    """Parse options into a subject."""

    @subject_options
    @click.command()
    def command(**_: object) -> None:
        """Take only the options."""

    context = command.make_context("run", list(words))
    return from_options(**context.params, environ=environ or {})


def test_options_name_the_subject() -> None:
    """Name, version, digest, environment and address are taken as given."""
    words = ("--subject", "orders-export@2.3.1", "--digest", f"sha256:{'ab' * 32}", "--environment", "staging")
    found = subject_of(*words, "--url", "https://ci.example.org/7")
    assert found == Subject(
        name="orders-export",
        version="2.3.1",
        digest=f"sha256:{'ab' * 32}",
        environment="staging",
        url="https://ci.example.org/7",
        source="command line",
    )
    phrase = named(found, embedded=False, target="http://127.0.0.1:1", version="9")
    assert phrase == "orders-export 2.3.1 (sha256:abababababab…) on staging"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            GITHUB,
            Subject(
                name="shop/orders-export",
                commit=GITHUB["GITHUB_SHA"],
                url="https://git.example.org/shop/orders-export/actions/runs/77",
                source="CI",
            ),
        ),
        (GITLAB, Subject(name="shop/orders", commit="89abcdef0123", url=GITLAB["CI_JOB_URL"], source="CI")),
        ({"GITHUB_SHA": "01"}, None),
        ({"GITHUB_REPOSITORY": "a/b"}, Subject(name="a/b", source="CI")),
        (
            {**GITLAB, "CI_JOB_URL": "https://user:pass@x"},
            Subject(name="shop/orders", commit="89abcdef0123", source="CI"),
        ),
    ],
)
def test_the_ci_names_the_subject(environ: dict[str, str], expected: Subject | None) -> None:
    """GitHub's and GitLab's variables give name, commit and address; an address with a password is dropped."""
    assert subject_of(environ=environ) == expected


def test_options_go_before_the_ci() -> None:
    """What an option names replaces the CI's word, the rest of it stays."""
    found = subject_of("--subject", "orders@3", environ=GITHUB)
    assert found is not None
    assert (found.name, found.version, found.commit, found.source) == (
        "orders",
        "3",
        GITHUB["GITHUB_SHA"],
        "command line and CI",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a@1", ("a", "1")), ("a", ("a", None)), ("@scope/a@1", ("@scope/a", "1")), ("@scope/a", ("@scope/a", None))],
)
def test_names_and_versions(text: str, expected: tuple[str, str | None]) -> None:
    """The version stands behind the last @; a leading @ belongs to the name."""
    found = subject_of("--subject", text)
    assert found is not None
    assert (found.name, found.version) == expected


@pytest.mark.parametrize(
    "words",
    [
        ("--subject", " "),
        ("--subject", "x" * 201),
        ("--subject", "a\x1b[2J"),
        ("--digest", "3f9a"),
        ("--digest", "sha256:xyz"),
        ("--url", "ftp://x"),
        ("--url", "https://user:secret@x"),
        ("--url", "http://[x"),
    ],
)
def test_bad_words_are_refused(words: tuple[str, str]) -> None:
    """What can't stand on a line, is no digest, or would write down a password is refused."""
    with pytest.raises(click.UsageError, match=r"expected"):
        subject_of(*words)


@pytest.mark.parametrize(
    ("subject", "embedded", "expected"),
    [
        (None, True, f"{SELF_TEST} 1.7.0"),
        (Subject(name="shop/orders", commit="0" * 40, source="CI"), True, f"{SELF_TEST} 1.7.0"),
        (None, False, "http://127.0.0.1:4001 1.7.0"),
        (Subject(name="orders"), False, "orders 1.7.0"),
        (Subject(name="orders", version="2", commit="0" * 40), False, "orders 2 (commit 000000000000…)"),
    ],
)
def test_the_phrase(subject: Subject | None, embedded: bool, expected: str) -> None:
    """The embedded service is named a self-test; a target that nobody named is its address with its own version."""
    assert named(subject, embedded=embedded, target="http://127.0.0.1:4001", version="1.7.0") == expected


def test_short_digests() -> None:
    """A digest keeps its algorithm and 12 digits."""
    assert [short_digest(one) for one in (None, "sha256:abcd", "sha256:" + "a" * 64)] == [
        "",
        "sha256:abcd",
        "sha256:aaaaaaaaaaaa…",
    ]


def test_no_other_variable_is_read() -> None:
    """A token among the variables gets nowhere."""
    assert from_ci({"EXPORT_TARGET_TOKEN": "s3cr3t", "CI_JOB_TOKEN": "s3cr3t"}) == {}
