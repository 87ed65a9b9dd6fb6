"""A generator on another machine than its runner: a Locust worker that was given the master's address and no more.

It takes the plan from the runner, makes the bodies itself, keeps the runner's time, and brings all it recorded back.
"""

from __future__ import annotations

import hashlib
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

import gevent

from assertions.record.files import write_one
from loadtests.calibration import calibration
from loadtests.calibration.reference_server import Schedule
from loadtests.client.target import Target, TargetError
from loadtests.client.target_settings import headers_from, parse_target
from loadtests.datasets.records import CaseError, encode_body, make_dataset
from loadtests.errors import LocustError
from loadtests.generator.http_client import NewHttpClient
from loadtests.generator.worker import Generator
from loadtests.protocol import messages
from loadtests.protocol.channel import CONTROL_BESIDE, ROOTS, Channel
from loadtests.protocol.clock_sync import ClockOffset, read_clock
from loadtests.recorders.shards import calibration_folder


def run_remote_worker(master_host: str, master_port: int, pid: int, wires: Callable[[Target], NewHttpClient]) -> None:
    """Make this machine's share of the load, once. Where the runner has enough workers: nothing.

    OSError where there is no runner; TargetError, CaseError or LocustError for what this machine lacks, and the runner
    is told.
    """
    headers = headers_from()
    port = master_port + CONTROL_BESIDE
    host = socket.gethostname()
    with Channel(master_host, port) as line:
        line.say(messages.Hello(pid=pid, conductor=True, host=host))
        welcome = line.listen()
        if not isinstance(welcome, messages.Welcome):
            return
        brief = line.listen()
        try:
            if not isinstance(brief, messages.RemoteConfig):
                raise LocustError("does not understand this runner: install the same version there")
            before = read_clock(master_host, port)
            target = parse_target(brief.target, before.clock, headers, insecure=brief.insecure)
            with (
                tempfile.TemporaryDirectory(prefix="export-loadtests-") as home,
                calibration.known(Schedule()) as known,
            ):
                roots = {root: Path(home) / root for root in ROOTS}
                for root in roots.values():
                    root.mkdir()
                calibration_folder(roots["parts"]).mkdir()
                plan = Path(home) / "plan.json"
                write_one(plan, brief.plan)
                settings = messages.GeneratorConfig(
                    plan=str(plan),
                    folder=str(roots["parts"]),
                    spool=str(roots["spool"]),
                    target=brief.target,
                    anchor=before.anchor,
                    insecure=brief.insecure,
                    control_host=master_host,
                    control_port=port,
                    templates=_templates(brief, Path(home)),
                    phases=brief.phases,
                    calibration_port=known,
                )
                generator = Generator(settings, target, wires(target), line, welcome)
                generator.run(lambda: _upload_record(settings, welcome.worker, host, before, roots))
        except (TargetError, CaseError, LocustError) as error:
            line.say(messages.Trouble(text=f"the worker on {host}: {error}"))
            raise


def _templates(brief: messages.RemoteConfig, home: Path) -> dict[str, str]:
    """Paths of the bodies' templates. CaseError where one is not as the runner's."""
    made: dict[str, str] = {}
    for case, sha256 in brief.templates.items():
        # large ones take long: in a thread, or the master would take this worker for lost
        body: bytes = gevent.get_hub().threadpool.apply(_body, (case, brief.plan.seed))
        if hashlib.sha256(body).hexdigest() != sha256:
            raise CaseError(f"makes other request bodies of {case}: install the same version there")
        path = home / f"{case}.json"
        path.write_bytes(body)
        made[case] = str(path)
    return made


def _body(case: str, seed: int) -> bytes:
    return encode_body(make_dataset(case, seed))


def _upload_record(
    settings: messages.GeneratorConfig, worker: int, host: str, before: ClockOffset, roots: dict[str, Path]
) -> None:
    after = read_clock(settings.control_host, settings.control_port)
    with Channel(settings.control_host, settings.control_port) as line:
        line.say(
            messages.RecordUpload(
                worker=worker,
                anchor=before.anchor,
                host=host,
                offset_s=before.offset_s,
                error_s=max(before.error_s, after.error_s),
                drift_s=before.anchor - after.anchor,
            )
        )
        line.send(roots)
