"""One run directory has one verdict, whichever command judges it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assertions import limits as limits_file
from assertions.__main__ import main
from assertions.record.files import write_one
from evidence.publish import judge_folder
from tests.assertions.healthy.records import healthy_run, write_run
from tests.evidence.sample_reports import context

NO_DASHBOARD = {"dashboard": "no Grafana here"}


@pytest.mark.parametrize(
    ("notes", "headline", "code"),
    [
        ({"waivers": NO_DASHBOARD}, "GREEN, waived: dashboard (no Grafana here)", 0),
        ({"waivers": NO_DASHBOARD, "incidents": ("load: interrupted",)}, "NO DATA: load: interrupted", 2),
        ({}, "dashboard.json is not there; `python -m dashboards check` has not been run", 0),
    ],
)
def test_the_assertions_command_and_the_report_agree(
    notes: dict[str, Any], headline: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Waivers and incidents of `run.json` count for both; the exit code is that of the six, or 2 for an incident."""
    folder = write_run(replace(healthy_run(), dashboard=None), tmp_path)
    shutil.copyfile(limits_file.DEFAULT_PATH, folder / "limits.toml")
    write_one(folder / "run.json", context(**notes))
    report = judge_folder(folder)[2]
    assert report.headline.endswith(headline)
    assert (main([str(folder)]), capsys.readouterr().out.splitlines()[-2]) == (code, f"Verdict: {report.headline}")
