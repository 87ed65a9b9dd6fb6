"""What Locust runs: one Locust user a process, which runs all virtual users of the plan."""

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
    """Return what makes HTTP clients, one for each virtual user; TLS as the target asks for it."""
    context = ssl.create_default_context() if target.scheme == "https" else None
    if context is not None and target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    def new_client(server: Target) -> HttpClient:
        # the reference server of an https target uses plain http
        return HttpClient(server, context if server.scheme == "https" else None, environment.events.request.fire)

    return new_client


class GeneratorUser(FastHttpUser):
    """The only Locust user of a process; its virtual users have their own connections."""

    host = "http://127.0.0.1"  # unused: every connection has the target's own address
    ran: ClassVar[bool] = False

    @task
    def run_plan(self) -> None:
        """Run the plan once; a master that hands a dead worker's user on must not start a second run here."""
        if GeneratorUser.ran:
            raise StopUser
        GeneratorUser.ran = True
        try:
            if messages.CONFIG_VARIABLE in os.environ:
                _run_local(self.environment)
            else:
                _run_remote(self.environment)
        finally:
            if isinstance(self.environment.runner, LocalRunner):
                gevent.spawn(self.environment.runner.quit)
        raise StopUser


def _run_local(environment: Environment) -> None:
    settings = _settings()
    target = _target(settings)
    with Channel(settings.control_host, settings.control_port) as channel:
        channel.send(messages.Hello(pid=os.getpid(), makes_load=True))
        welcome = channel.receive()
        if isinstance(welcome, messages.Welcome):
            Generator(settings, target, http_client_factory(environment, target), channel, welcome).run()


def _run_remote(environment: Environment) -> None:
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
def _start_process(environment: Environment, **_: object) -> None:
    """Let a master, which makes no load, end with the runner; refuse to start without a runner, except as a worker."""
    if isinstance(environment.runner, MasterRunner):
        gevent.spawn(_end_with_runner, environment)
    if messages.CONFIG_VARIABLE not in os.environ and not isinstance(environment.runner, WorkerRunner):
        _LOG.error("this locustfile is run by `python -m loadtests`, or with --worker for its --listen")
        raise SystemExit(2)


def _end_with_runner(environment: Environment) -> None:
    settings = _settings()
    with Channel(settings.control_host, settings.control_port) as channel:
        channel.send(messages.Hello(pid=os.getpid(), makes_load=False))
        while message := channel.receive():
            if isinstance(message, messages.End):
                break
    if environment.runner is not None:
        environment.runner.quit()


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _report_own_faults(environment: Environment, **_: object) -> None:
    """Exit 3 where the generator's own code failed; what the target fails at is for the judge."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = 3
