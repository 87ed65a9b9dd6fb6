"""Targets that speak https."""

from __future__ import annotations

from pathlib import Path

import pytest

from assertions.record.files import read_lines
from assertions.record.types import Calibration
from tests.loadtests.command import read_record, start_command
from tests.loadtests.fake_target import CERTIFICATE, fake_target
from tests.processes import end_of

pytestmark = pytest.mark.e2e

PROFILE = """\
behaviour = true

[[phase]]
name = "one"
mode = "closed"
clients = 2
mix = [{ case = "csv-20", count = 6 }]
"""


def run(tmp_path: Path, url: str, *more: str, environment: dict[str, str]) -> tuple[int, str]:
    """Run a quick scenario on a target; exit code and what stood on stderr."""
    (tmp_path / "quick.toml").write_text(PROFILE)
    out = tmp_path / "out"
    words: list[str | Path] = ["run", "quick", "--profiles", tmp_path, "--target", url, "--out", out, *more]
    ended = end_of(start_command(*words, environment=environment))
    return ended.code, ended.err


@pytest.mark.parametrize("way", ["trusted", "insecure"])
def test_a_target_of_https_is_driven_and_recorded(tmp_path: Path, way: str) -> None:
    """Load, downloads, probes and scrapes all go through TLS, the certificate checked unless that is waived."""
    more, environment = (["--insecure"], {}) if way == "insecure" else ([], {"SSL_CERT_FILE": str(CERTIFICATE)})
    with fake_target(tls=True) as fake:
        code, err = run(tmp_path, fake.url, *more, environment=environment)
    assert code == 0, err
    record = read_record(tmp_path / "out")
    assert record.scenario.insecure is (way == "insecure")
    assert [hit.status for hit in record.hits if hit.phase == "one"] == [200] * 6
    assert {fetch.status for fetch in record.fetches} == {200}
    # the known server speaks plain http, whatever the target does
    calibrated = list(read_lines(tmp_path / "out" / "calibration.jsonl", Calibration))
    assert calibrated and {one.status for one in calibrated} == {200}
    assert {scrape.status for scrape in record.scrapes} == {probe.status for probe in record.health} == {200}


def test_a_certificate_of_nobody_is_reported(tmp_path: Path) -> None:
    """An unknown certificate is one sentence and exit code 2, before any load."""
    with fake_target(tls=True) as fake:
        code, err = run(tmp_path, fake.url, environment={})
        assert fake.seen == []
    assert code == 2
    assert "can't be reached: no TLS connection could be made" in err
    assert "$SSL_CERT_FILE" in err and "--insecure" in err
    assert err.count("\n") == 1


def test_http_to_a_port_that_speaks_tls_is_reported(tmp_path: Path) -> None:
    """A mistyped scheme is one sentence that asks for https, and exit code 2."""
    with fake_target(tls=True) as fake:
        code, err = run(tmp_path, fake.url.replace("https://", "http://"), environment={})
    assert code == 2
    assert err.endswith("with TLS; is it https://?\n") and err.count("\n") == 1
