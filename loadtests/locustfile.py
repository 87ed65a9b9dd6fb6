"""What Locust runs: one user a process, which conducts all of the plan's clients."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any, ClassVar

import gevent
import msgspec
from locust import FastHttpUser, events, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import LocalRunner, MasterRunner

from loadtests import drive
from loadtests.clients import NewSession
from loadtests.clock import Clock
from loadtests.generator import Generator
from loadtests.target import Target, headers_from, parse_target


def _settings() -> drive.Drive:
    return msgspec.json.decode(Path(os.environ[drive.DRIVE_VARIABLE]).read_bytes(), type=drive.Drive)


def _target(settings: drive.Drive) -> Target:
    clock = Clock(anchor=settings.anchor)
    return parse_target(settings.target, clock, headers_from(), insecure=settings.insecure)


def session_maker(environment: Environment, target: Target) -> NewSession:
    """Makes sessions of one connection each, without retries and redirects; TLS as the target asks for it."""
    context = ssl.create_default_context() if target.scheme == "https" else None
    if context is not None and target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE

    def new_session(to: Target, timeout_s: float) -> FastHttpSession:
        session = FastHttpSession(
            base_url=to.url,
            request_event=environment.events.request,
            user=None,
            insecure=target.insecure,
            ssl_context_factory=None if context is None else lambda **_: context,
            concurrency=1,
            max_retries=0,
            max_redirects=0,
            network_timeout=timeout_s,
            connection_timeout=timeout_s,
        )
        # whatever the status, it is an answer to be recorded
        agent: Any = session.client
        agent.redirect_response_codes = frozenset()
        agent.valid_response_codes = frozenset(range(100, 1000))
        return session

    return new_session


class Conductor(FastHttpUser):
    """The only Locust user of a process; its clients have sessions of their own, one connection each."""

    host = "http://127.0.0.1"  # never asked: every session bears the target's own address
    ran: ClassVar[bool] = False

    @task
    def conduct(self) -> None:
        """Run the plan once; a master that hands a dead worker's user on must not start a second run here."""
        if Conductor.ran:
            raise StopUser
        Conductor.ran = True
        settings = _settings()
        target = _target(settings)
        Generator(settings, target, session_maker(self.environment, target)).run(os.getpid())
        if isinstance(self.environment.runner, LocalRunner):
            gevent.spawn(self.environment.runner.quit)
        raise StopUser


@events.init.add_listener  # type: ignore[untyped-decorator]
def _wait_as_master(environment: Environment, **_: object) -> None:
    """A master makes no load; it ends when the runner says so, or is gone."""
    if isinstance(environment.runner, MasterRunner):
        gevent.spawn(_end_with_runner, environment)


def _end_with_runner(environment: Environment) -> None:
    port = _settings().control_port
    with gevent.socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(drive.encode(drive.Hello(pid=os.getpid(), conductor=False)) + b"\n")
        reader = line.makefile("rb")
        while said := reader.readline():
            if isinstance(drive.decode_runner(said), drive.End):
                break
    if environment.runner is not None:
        environment.runner.quit()


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _own_faults(environment: Environment, **_: object) -> None:
    """Exit 3 where the generator's own code failed; failures of the target are the judge's business."""
    if environment.runner is not None and environment.runner.exceptions:
        environment.process_exit_code = 3
