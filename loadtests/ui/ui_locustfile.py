"""What Locust runs under its web interface: users who ask for the profile's exports and fetch the files."""

from __future__ import annotations

import os
import random
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from locust import FastHttpUser, constant, task

from assertions.contents.tags import tagged
from loadtests.client.export import RUN_PATH, download_url
from loadtests.client.target_settings import headers_from
from loadtests.datasets.records import make_tag
from loadtests.ui.web_ui import BODIES, Bodies

SETTINGS = msgspec.json.decode(Path(os.environ[BODIES]).read_bytes(), type=Bodies)
TEMPLATES = {one.case: Path(one.file).read_bytes() for one in SETTINGS.bodies}
NUMBERS = count()
UI_PHASE = 98
"""In the tags of these requests."""


class Exports(FastHttpUser):
    """Asks for an export, fetches its file, and asks again."""

    host = SETTINGS.target
    wait_time = constant(0)
    insecure = SETTINGS.insecure
    network_timeout = connection_timeout = max((one.timeout_s for one in SETTINGS.bodies), default=90.0)

    @task
    def export(self) -> None:
        """One export of a case of the mix."""
        asked = random.choices(SETTINGS.bodies, [one.weight for one in SETTINGS.bodies])[0]
        tag = make_tag(UI_PHASE, next(NUMBERS)) if asked.tagged else None
        extra = dict(headers_from())
        body: Any = tagged(TEMPLATES[asked.case], tag)
        url = None
        with self.client.post(
            SETTINGS.target + RUN_PATH,
            data=body,
            headers={"Content-Type": "application/json", **extra},
            name=asked.case,
            catch_response=True,
        ) as answer:
            said: Any = answer.text
            url = download_url(said) if answer.status_code == 200 else None
            if answer.status_code != 200:
                answer.failure(f"status {answer.status_code}")
            elif url is None:
                answer.failure("the answer bears no downloadUrl")
        if url is not None:
            self.client.get(SETTINGS.target + url, headers=extra, name=f"{asked.case} file")
