"""Exit codes and sentences of the real command: usage, targets that are not there, and the seed script."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from assertions.contents.tags import tagged
from loadtests.__main__ import main
from loadtests.client.clock import start_clock
from loadtests.client.target_settings import parse_target
from loadtests.datasets.records import encode_body, make_dataset
from loadtests.locks import lock_target
from tests.loadtests.command import run_command, write_profile
from tests.loadtests.fake_target import Manners, fake_target
from tests.processes import run_main

pytestmark = pytest.mark.e2e

QUICK = """\
[[phase]]
name = "one"
mode = "sequence"
mix = [{ case = "csv-5" }]
"""


def nobody() -> str:
    """A URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def sentence(err: str) -> str:
    """The one line on stderr."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    return lines[0]


def test_an_unreachable_target_is_exit_2_and_one_sentence(tmp_path: Path) -> None:
    """No folder is made and no load started where nobody answers."""
    for arguments in (("run", "smoke", "--out", tmp_path / "out"), ("seed",)):
        ended = run_command(*arguments, "--target", nobody())
        assert ended.code == 2
        assert "can't be reached: nothing listens there (connection refused); is it running?" in sentence(ended.err)
    assert not (tmp_path / "out").exists()


def test_a_target_that_never_answers_is_given_up_within_its_time(tmp_path: Path) -> None:
    """A port that accepts and says nothing is unreachable, too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        ended = run_command("run", "smoke", "--target", url, "--out", tmp_path / "out")
    assert ended.code == 2
    assert "GET /health had no answer within 5 s; is it running?" in sentence(ended.err)


def test_another_kind_of_server_is_no_target(tmp_path: Path) -> None:
    """A server that knows neither path is a mistake in the address."""
    with fake_target(Manners(base_path="/base")) as target:
        ended = run_command("run", "smoke", "--target", f"http://127.0.0.1:{target.port}", "--out", tmp_path / "out")
    assert ended.code == 2
    assert "is it an export service?" in sentence(ended.err)


@pytest.mark.parametrize(
    ("locked", "status", "refused"),
    [
        ("/health", 401, True),
        ("/export/metrics", 403, True),
        ("/export/run", 401, True),
        ("/export/run", 403, False),  # a gateway's word for a method that it does not know
    ],
)
def test_a_key_that_does_not_fit_is_reported_before_any_load(
    tmp_path: Path, locked: str, status: int, refused: bool
) -> None:
    """A run of nothing but 401s would tell less, and later."""
    profiles = write_profile(tmp_path / "profiles", QUICK)
    with fake_target(Manners(locked={locked: status})) as target:
        ended = run_command(
            "run", "mine", "--profiles", profiles, "--target", target.url, "--out", tmp_path / "out",
            environment={"EXPORT_TARGET_TOKEN": "s3cr3t"},
        )  # fmt: skip
    if refused:
        assert ended.code == 2
        assert f"GET {locked} with {status}" in sentence(ended.err)
        assert "$EXPORT_TARGET_TOKEN" in ended.err and "s3cr3t" not in ended.err
        assert target.seen == []
    else:
        assert (ended.code, len(target.seen)) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Usage: python -m loadtests"),
        (("walk",), "No such command 'walk'"),
        (("run", "smoke"), "--out"),
        (("run", "gone", "--out", "x"), "there is no scenario 'gone'"),
        (("run", "smoke", "--out", "x", "--workers", "0"), "range 1<=x<=64"),
        (("run", "smoke", "--out", "x", "--target", "ftp://h"), "--target must be http://"),
        (("run", "smoke", "--out", "x", "--target-pid", "999999999"), "999999999 is no process"),
        (("run", "smoke", "--out", "x", "--limits", "nowhere.toml"), "nowhere.toml"),
        (("seed", "--records", "-1"), "is not in the range 1<=x<="),
        (("seed", "--records", "1e3"), "is not a valid integer range"),
        (("seed", "--format", "xls"), "is not one of 'csv', 'pdf'"),
        (("body", "csv-x"), "case 'csv-x' is neither csv-N"),
        (("body", "csv-1", "--tag", "short"), "Invalid value for '--tag': a tag is 10 ASCII characters, not 'short'"),
    ],
)
def test_wrong_usage_is_exit_2(arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The message says what was expected, without a traceback."""
    ended = run_main(main, *arguments, captured=capsys)
    assert ended.code == 2
    assert words in ended.err
    assert "Traceback" not in ended.err


def test_a_body_is_printed_as_it_was_sent() -> None:
    """`body` prints a request's body byte for byte: of this case, seed, tag and user, and the template without them."""
    template = encode_body(make_dataset("csv-special", 3))
    ended = run_command("body", "csv-special", "--seed", "3")
    assert (ended.code, ended.out.encode()) == (0, template)
    ended = run_command("body", "csv-2", "--seed", "3", "--tag", "T010000002", "--user", "loadtests-007")
    body = tagged(encode_body(make_dataset("csv-2", 3)), "T010000002", "loadtests-007")
    assert (ended.code, ended.out.encode()) == (0, body)


def test_a_wrong_profile_is_exit_2_with_every_problem(tmp_path: Path) -> None:
    """Each mistake is one line."""
    profiles = write_profile(tmp_path / "profiles", '[[phase]]\nname = "x"\nmode = "sequence"\nspeed = 1\n')
    ended = run_command("run", "mine", "--profiles", profiles, "--target", nobody(), "--out", tmp_path / "out")
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 2
    assert "phase[0].mix is missing" in ended.err
    assert "phase[0].speed is no known key" in ended.err


def test_a_profile_that_asks_for_nothing_is_reported(tmp_path: Path) -> None:
    """A run of no request would prove nothing, and its target could only look bad."""
    profiles = write_profile(
        tmp_path / "profiles",
        '[[phase]]\nname = "idle"\nmode = "open"\nclients = 5\nshape = [[0, 0], [5, 0]]\nmix = [{ case = "csv-1k" }]\n',
    )
    with fake_target() as target:
        ended = run_command("run", "mine", "--profiles", profiles, "--target", target.url, "--out", tmp_path / "out")
    assert (ended.code, target.seen) == (2, [])
    assert sentence(ended.err) == "loadtests: profile mine: phase 'idle' asks for nothing at all"


def test_a_folder_of_profiles_that_is_none_is_reported(tmp_path: Path) -> None:
    """Before a scenario is looked for elsewhere."""
    ended = run_command("run", "smoke", "--profiles", tmp_path / "gone", "--out", tmp_path / "out")
    assert ended.code == 2
    assert sentence(ended.err).endswith("gone is no folder")


def test_a_folder_that_is_not_a_scenarios_is_never_emptied(tmp_path: Path) -> None:
    """--out at somebody's own files is refused, and they stay."""
    (tmp_path / "precious.txt").write_text("mine")
    with fake_target() as target:
        ended = run_command("run", "smoke", "--target", target.url, "--out", tmp_path)
    assert ended.code == 2
    assert "name another folder" in sentence(ended.err)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_help_teaches() -> None:
    """Exit codes, the environment and examples stand in the help."""
    ended = run_command("--help")
    assert ended.code == 0
    for words in ("exit codes:", "EXPORT_TARGET_TOKEN", "python -m loadtests seed --batch"):
        assert words in ended.out


def test_seed_makes_one_export_and_prints_the_runbooks_lines() -> None:
    """Exit 0, the runbook's two lines, and below them status, our clock and the link, indented."""
    with fake_target() as target:
        ended = run_command("seed", "--records", "30", "--format", "pdf", "--target", target.url)
        (seen,) = target.seen
    assert ended.code == 0, ended.err
    asked = json.loads(seen.body)
    assert (asked["format"], len(asked["data"])) == ("pdf", 30)
    begin, made, facts = ended.out.splitlines()
    assert begin == "Seeding 30 records in pdf format..."
    reported = re.fullmatch(
        r"✅ Export successful: { format: 'pdf', records: 30, bytes: (\d+), processingTime: \d+(?:\.\d)?ms }", made
    )
    assert reported is not None, made
    assert int(reported[1]) == len(seen.body)
    assert re.fullmatch(
        r"    status: 200, by our clock: \d+\.\dms, "
        r"downloadUrl: /export/files/export_1700000000001_abcdefghi\.pdf",
        facts,
    )


def test_seed_never_meets_a_run() -> None:
    """Exports made while a run drives the same target would be counted against it: exit 2, and none is made."""
    with fake_target() as target, lock_target(parse_target(target.url, start_clock())):
        ended = run_command("seed", "--target", target.url)
        assert target.seen == []
    assert ended.code == 2
    assert "another run of this machine is testing" in sentence(ended.err)


def test_seed_batch_makes_the_runbooks_five_exports() -> None:
    """csv 1k, 5k, 10k and pdf 1k, 5k, in that order, between the runbook's first and last line."""
    with fake_target() as target:
        ended = run_command("seed", "--batch", "--target", target.url)
        asked = [json.loads(seen.body) for seen in target.seen]
    assert ended.code == 0, ended.err
    assert [(one["format"], len(one["data"])) for one in asked] == [
        ("csv", 1000),
        ("csv", 5000),
        ("csv", 10000),
        ("pdf", 1000),
        ("pdf", 5000),
    ]
    lines = [line for line in ended.out.splitlines() if not line.startswith("    ")]
    assert (lines[0], lines[-1]) == ("Running batch export tests...", "✅ All batch tests completed")
    assert [line.split(", bytes: ")[0] for line in lines[1:-1]] == [
        "✅ Export successful: { format: 'csv', records: 1000",
        "✅ Export successful: { format: 'csv', records: 5000",
        "✅ Export successful: { format: 'csv', records: 10000",
        "✅ Export successful: { format: 'pdf', records: 1000",
        "✅ Export successful: { format: 'pdf', records: 5000",
    ]


@pytest.mark.parametrize("status", [0, 400, 413, 429, 500])
def test_seed_fails_when_an_export_fails(status: int) -> None:
    """Exit 1 on each refusal and on a dropped connection; the line says why."""
    with fake_target(Manners(status=lambda _: status)) as target:
        ended = run_command("seed", "--target", target.url)
    assert ended.code == 1, ended.err
    reason = f"answered {status}" if status else "no answer came (reset)"
    assert f"❌ Export failed: {reason}" in ended.out
    assert f"\n    status: {status or 'reset'}, by our clock: " in ended.out


def test_seed_batch_fails_when_only_one_of_five_fails() -> None:
    """The other four are made all the same."""
    with fake_target(Manners(status=lambda seen: 413 if len(seen.body) > 1_048_576 else 200)) as target:
        ended = run_command("seed", "--batch", "--target", target.url)
    assert ended.code == 1
    lines = [line for line in ended.out.splitlines() if not line.startswith("    ")]
    assert [line.split(" ", 1)[0] for line in lines[1:]] == ["✅", "✅", "❌", "✅", "✅", "❌"]
    assert lines[-1] == "❌ 4 of 5 batch tests completed"
