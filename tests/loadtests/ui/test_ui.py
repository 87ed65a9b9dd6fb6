"""Locust's web interface for a profile."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from loadtests.plan.profile import load_profile
from loadtests.runner.locust_process import ROOT, free_port
from loadtests.ui.web_ui import most_clients, weights
from tests.loadtests.fake_target import fake_target

pytestmark = pytest.mark.e2e

PATIENCE_S = 60.0


def test_the_mix_is_the_profiles() -> None:
    """Every case of every phase, as often as the profile asks for it; the form offers its fullest phase's crowd."""
    profile = load_profile("load")
    assert weights(profile) == {"csv-10k": 84, "pdf-10k": 24, "csv-1k": 3, "pdf-1k": 3}
    assert most_clients(profile) == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_web_interface_drives_the_profile(tmp_path: Path, number: signal.Signals) -> None:
    """It opens, starts users who export and fetch, shows no failure; a signal ends all of it with exit code 0."""
    port = free_port()
    (tmp_path / "quick.toml").write_text('[[phase]]\nname = "one"\nmode = "sequence"\nmix = [{ case = "csv-20" }]\n')
    with fake_target() as fake:
        words = [sys.executable, "-m", "loadtests", "run", "quick", "--profiles", str(tmp_path), "--target", fake.url]
        words += ["--ui", "--ui-port", str(port)]
        with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            try:
                said = process.stderr.readline()
                assert f"http://127.0.0.1:{port}" in said and "no evidence" in said, said
                shown = requests_seen(f"http://127.0.0.1:{port}")
            finally:
                process.send_signal(number)
                code = process.wait(PATIENCE_S)
                with pytest.raises(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=5)
    assert {"csv-20", "csv-20 file", "Aggregated"} == set(shown)
    assert all(one["num_failures"] == 0 and one["num_requests"] > 0 for one in shown.values())
    assert code == 0


def requests_seen(url: str) -> dict[str, dict[str, int]]:
    """Start one user by the web interface's own call, and return its table once there are files in it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            form = urllib.parse.urlencode({"user_count": 1, "spawn_rate": 1}).encode()
            urllib.request.urlopen(f"{url}/swarm", form, timeout=5).close()
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    while True:
        with urllib.request.urlopen(f"{url}/stats/requests", timeout=5) as answer:
            shown = {one["name"]: one for one in json.load(answer)["stats"]}
        if shown.get("csv-20 file", {}).get("num_requests", 0) > 0:
            return shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)


def test_a_record_needs_a_folder() -> None:
    """Without --ui there must be a folder; one sentence says so."""
    words = [sys.executable, "-m", "loadtests", "run", "smoke"]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "--out DIR is needed" in ended.stderr
