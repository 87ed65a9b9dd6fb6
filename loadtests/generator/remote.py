"""A generator on another machine than its runner: a Locust worker that knows only the master's address.

It takes the plan from the runner, makes the bodies itself, keeps the runner's time, and uploads all it recorded.
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
from loadtests.protocol.channel import CONTROL_PORT_OFFSET, ROOTS, Channel
from loadtests.protocol.clock_sync import ClockOffset, read_clock
from loadtests.recorders.shards import calibration_folder


def run_remote_worker(
    master_host: str, master_port: int, pid: int, client_factory: Callable[[Target], NewHttpClient]
) -> None:
    """Make this machine's share of the load, once; nothing where the runner has enough workers.

    OSError where there is no runner; TargetError, CaseError or LocustError for what this machine lacks, which the
    runner gets as a message too.
    """
    headers = headers_from()
    port = master_port + CONTROL_PORT_OFFSET
    host = socket.gethostname()
    with Channel(master_host, port) as channel:
        channel.send(messages.Hello(pid=pid, makes_load=True, host=host))
        welcome = channel.receive()
        if not isinstance(welcome, messages.Welcome):
            return
        config = channel.receive()
        try:
            if not isinstance(config, messages.RemoteConfig):
                raise LocustError("does not understand this runner: install the same version there")
            before = read_clock(master_host, port)
            with (
                tempfile.TemporaryDirectory(prefix="export-loadtests-") as home,
                calibration.reference_server_port(Schedule()) as reference_port,
            ):
                roots = _make_roots(Path(home))
                settings = _settings(config, Path(home), roots, before, (master_host, port), reference_port)
                target = parse_target(config.target, before.clock, headers, insecure=config.insecure)
                generator = Generator(settings, target, client_factory(target), channel, welcome)
                generator.run(lambda: _upload_record(settings, welcome.worker, host, before, roots))
        except (TargetError, CaseError, LocustError) as error:
            channel.send(messages.Trouble(text=f"the worker on {host}: {error}"))
            raise


def _make_roots(home: Path) -> dict[str, Path]:
    roots = {root: home / root for root in ROOTS}
    for root in roots.values():
        root.mkdir()
    calibration_folder(roots["parts"]).mkdir()
    return roots


def _settings(
    config: messages.RemoteConfig,
    home: Path,
    roots: dict[str, Path],
    offset: ClockOffset,
    control: tuple[str, int],
    reference_port: int,
) -> messages.GeneratorConfig:
    plan = home / "plan.json"
    write_one(plan, config.plan)
    return messages.GeneratorConfig(
        plan=str(plan),
        folder=str(roots["parts"]),
        spool=str(roots["spool"]),
        target=config.target,
        anchor=offset.anchor,
        insecure=config.insecure,
        control_host=control[0],
        control_port=control[1],
        templates=_templates(config, home),
        phases=config.phases,
        calibration_port=reference_port,
    )


def _templates(config: messages.RemoteConfig, home: Path) -> dict[str, str]:
    """Return the paths of the bodies' templates. CaseError where one differs from the runner's."""
    paths: dict[str, str] = {}
    for case, sha256 in config.templates.items():
        # large ones take long: in a thread, or the master would take this worker for lost
        body: bytes = gevent.get_hub().threadpool.apply(_body, (case, config.plan.seed))
        if hashlib.sha256(body).hexdigest() != sha256:
            raise CaseError(f"makes other request bodies of {case}: install the same version there")
        path = home / f"{case}.json"
        path.write_bytes(body)
        paths[case] = str(path)
    return paths


def _body(case: str, seed: int) -> bytes:
    return encode_body(make_dataset(case, seed))


def _upload_record(
    settings: messages.GeneratorConfig, worker: int, host: str, before: ClockOffset, roots: dict[str, Path]
) -> None:
    after = read_clock(settings.control_host, settings.control_port)
    with Channel(settings.control_host, settings.control_port) as channel:
        channel.send(
            messages.RecordUpload(
                worker=worker,
                anchor=before.anchor,
                host=host,
                offset_s=before.offset_s,
                error_s=max(before.error_s, after.error_s),
                drift_s=before.anchor - after.anchor,
            )
        )
        channel.upload(roots)
