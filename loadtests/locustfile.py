"""What Locust runs: one user a process, which conducts all of the plan's clients."""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path
from typing import ClassVar

import gevent
import msgspec
from locust import FastHttpUser, events, task
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.client.clock import Clock
from loadtests.client.target import Target, TargetError
from loadtests.client.target_settings import headers_from, parse_target
from loadtests.datasets.records import CaseError
from loadtests.errors import LocustError
from loadtests.generator.http_client import HttpClient, NewHttpClient
from loadtests.generator.remote import run_remote_worker
from loadtests.generator.worker import Generator
from loadtests.protocol import messages
from loadtests.protocol.channel import Channel

_LOG = logging.getLogger(__name__)


def _settings() -> messages.GeneratorConfig:
    return msgspec.json.decode(Path(os.environ[messages.CONFIG_VARIABLE]).read_bytes(), type=messages.GeneratorConfig)


def _target(settings: messages.GeneratorConfig) -> Target:
    clock = Clock(anchor=settings.anchor)
    return parse_target(settings.target, clock, headers_from(), insecure=settings.insecure)


def http_client_factory(environment: Environment, target: Target) -> NewHttpClient:
    """Makes connections, each for one client; TLS as the target asks for it."""
    context = ssl.create_default_context() if target.scheme == "https" else None
    if context is not None and target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # the known server beside an https target speaks plain http
    return lambda to: HttpClient(to, context if to.scheme == "https" else None, environment.events.request.fire)


class GeneratorUser(FastHttpUser):
    """The only Locust user of a process; its clients have connections of their own."""

    host = "http://127.0.0.1"  # never asked: every connection bears the target's own address
    ran: ClassVar[bool] = False

    @task
    def conduct(self) -> None:
        """Run the plan once; a master that hands a dead worker's user on must not start a second run here."""
        if GeneratorUser.ran:
            raise StopUser
        GeneratorUser.ran = True
        try:
            if messages.CONFIG_VARIABLE in os.environ:
                _work_here(self.environment)
            else:
                _work_away(self.environment)
        finally:
            if isinstance(self.environment.runner, LocalRunner):
                gevent.spawn(self.environment.runner.quit)
        raise StopUser


def _work_here(environment: Environment) -> None:
    settings = _settings()
    target = _target(settings)
    with Channel(settings.control_host, settings.control_port) as line:
        line.say(messages.Hello(pid=os.getpid(), conductor=True))
        welcome = line.listen()
        if isinstance(welcome, messages.Welcome):
            Generator(settings, target, http_client_factory(environment, target), line, welcome).run()


def _work_away(environment: Environment) -> None:
    options = environment.parsed_options
    assert options is not None
    try:
        run_remote_worker(
            options.master_host,
            options.master_port,
            os.getpid(),
            lambda target: http_client_factory(environment, target),
        )
    except OSError as error:
        _LOG.error("no run to work for at %s:%s: %s", options.master_host, options.master_port, error)
        environment.process_exit_code = 2
    except (TargetError, CaseError, LocustError) as error:
        _LOG.error("this worker can't take part: %s", error)
        environment.process_exit_code = 2


@events.init.add_listener  # type: ignore[untyped-decorator]
def _know_ones_place(environment: Environment, **_: object) -> None:
    """A master makes no load; it ends when the runner says so, or is gone. Without a runner there are only workers."""
    if isinstance(environment.runner, MasterRunner):
        gevent.spawn(_end_with_runner, environment)
    if messages.CONFIG_VARIABLE not in os.environ and not isinstance(environment.runner, WorkerRunner):
        _LOG.error("this locustfile is run by `python -m loadtests`, or with --worker for its --listen")
        raise SystemExit(2)


def _end_with_runner(environment: Environment) -> None:
    settings = _settings()
    with Channel(settings.control_host, settings.control_port) as line:
        line.say(messages.Hello(pid=os.getpid(), conductor=False))
        while said := line.listen():
            if isinstance(said, messages.End):
                break
    if environment.runner is not None:
        environment.runner.quit()


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _own_faults(environment: Environment, **_: object) -> None:
    """Exit 3 where the generator's own code failed; failures of the target are the judge's business."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = 3
