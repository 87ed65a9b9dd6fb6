"""Try the image: build deploy/Dockerfile on a base made with debootstrap, start its service, run smoke against it.

`python -m tests.deploy.image`, or `nox -s image`. It takes root, buildah and debootstrap; nothing else of a container
engine, so it runs where no namespaces or control groups can be had (`--isolation chroot`). Images and containers are
kept in a separate folder, which is removed at the end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"
SUITE: Final = "bookworm"
PACKAGES: Final = "python3,python3-venv,python3-pip,ca-certificates"
BASE: Final = "localhost/export-base"
IMAGE: Final = "localhost/export-at-scale"
TOOLS: Final = ("buildah", "debootstrap")
OF_PIP: Final = ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
"""This machine's settings of pip, and the certificates that they name."""
READY_S: Final = 30.0
STOP_S: Final = 90.0
PORT: Final = "4001"
"""The service's in the Dockerfile."""


class ImageError(Exception):
    """The image could not be built or started; the message says which step failed."""


@dataclass(frozen=True, slots=True)
class Engine:
    """buildah with a separate storage."""

    storage: Path

    def words(self, *words: str) -> list[str]:
        """Return a command of buildah."""
        options = ("--root", str(self.storage / "root"), "--runroot", str(self.storage / "run"))
        return ["buildah", *options, "--storage-driver", "vfs", *words]

    def volume(self) -> Path:
        """Return the folder of the only container's volume. ImageError where there is not one."""
        found = list((self.storage / "root").glob("vfs-containers/*/userdata/buildah-volumes/*"))
        if len(found) != 1:
            raise ImageError(f"the container has {len(found)} volumes; one was expected")
        return found[0]

    def run(self, *words: str) -> str:
        """Run a command of buildah; return what it printed. ImageError."""
        return run(self.words(*words))


def main(argv: Sequence[str] | None = None) -> int:
    """Build, start, judge; return smoke's exit code, or 2 where the image could not be had."""
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.image", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("evidence/image"), help="smoke's run directory")
    parser.add_argument("--base", help="a base image instead of one made with debootstrap")
    options = parser.parse_args(argv)
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        print(f"image: not built: root, {' and '.join(TOOLS)} are needed; missing: {', '.join(missing) or 'root'}")
        return 2
    with tempfile.TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as made:
        engine = Engine(Path(made) / "storage")
        try:
            base = options.base or make_base(engine, Path(made) / "base")
            build(engine, base)
            with container(engine) as name, serving(engine, name, Path(made)) as service:
                check_health(engine, name, service.port)
                return smoke(service, options.out)
        except ImageError as error:
            print(f"image: {error}", file=sys.stderr)
            return 2


def make_base(engine: Engine, folder: Path) -> str:
    """Make a minimal Debian with Python, and an image of it; return its name. ImageError."""
    began = time.monotonic()
    words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(folder)]
    run(words, {**os.environ, **apt_proxy()})
    name = engine.run("from", "scratch").strip()
    engine.run("add", name, str(folder), "/")
    engine.run("commit", name, BASE)
    engine.run("rm", name)
    say(f"base: Debian {SUITE} by debootstrap", began)
    return BASE


def build(engine: Engine, base: str) -> None:
    """Build the Dockerfile on a base image. ImageError."""
    began = time.monotonic()
    # how pip reaches its index here is this machine's matter, and no part of the image
    own = [f"--volume={path}:{path}:ro" for path in OF_PIP if Path(path).is_file()]
    words = ["bud", "--isolation", "chroot", "--network", "host", "--format", "docker", "--build-arg", f"BASE={base}"]
    engine.run(*words, *own, "-f", str(DOCKERFILE), "-t", IMAGE, str(ROOT))
    user = engine.run("inspect", "--type", "image", "--format", "{{.Docker.Config.User}}", IMAGE).strip()
    if user != user_of(DOCKERFILE):
        raise ImageError(f"the image runs as user {user or 'root'}; {user_of(DOCKERFILE)} was expected")
    say(f"image: built from deploy/Dockerfile, user {user}", began)


@contextlib.contextmanager
def container(engine: Engine) -> Iterator[str]:
    """Make a container of the image; yield its name."""
    name = engine.run("from", IMAGE).strip()
    try:
        yield name
    finally:
        engine.run("rm", name)


@dataclass(frozen=True, slots=True)
class Service:
    """The service that runs in the container."""

    port: int
    data: Path
    """The image's volume, which the service has at `/data`."""
    log: Path
    """What it writes to stdout and stderr."""


@contextlib.contextmanager
def serving(engine: Engine, name: str, folder: Path) -> Iterator[Service]:
    """Start the image's own command on a free loopback port, until the block ends; yield the service.

    ImageError where it does not start, runs as another user than the image's, or does not end with 0 on SIGTERM.
    folder: where its log goes.
    """
    user = int(user_of(DOCKERFILE).partition(":")[0])
    port, log = free_port(), folder / "service.log"
    command = [str(port) if word == PORT else word for word in start_command()]
    command = ["127.0.0.1" if word == "0.0.0.0" else word for word in command]
    began = time.monotonic()
    words = engine.words("run", "--isolation", "chroot", name, "--", *command)
    with log.open("wb") as sink:
        process = subprocess.Popen(words, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        wait_until_ready(process, port)
        say(f"service: ready in the container, {' '.join(command)}", began)
        check_user(process.pid, user)
        yield Service(port=port, data=engine.volume(), log=log)
    finally:
        began = time.monotonic()
        for child in descendants(process.pid):
            if is_service(child):  # its workers it ends itself
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGTERM)
                break
        try:
            code = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        say(f"service: ended with {code} on SIGTERM", began)
    if code != 0:
        raise ImageError(f"the service ended with {code} on SIGTERM; 0 was expected")


def check_user(pid: int, user: int) -> None:
    """Raise ImageError where the service, at or below a process, does not run as a user."""
    services = [child for child in descendants(pid) if is_service(child)]
    if not services:
        raise ImageError("no process of the container runs `python3 -m service`")
    found = Path(f"/proc/{services[0]}").stat().st_uid
    if found != user:
        raise ImageError(f"the service runs as user {found}; {user} was expected")
    print(f"service: runs as user {found}", flush=True)


def check_health(engine: Engine, name: str, port: int) -> None:
    """Run the image's health check inside the container. ImageError where it fails."""
    command = [word.replace(f":{PORT}/", f":{port}/") for word in health_command()]
    began = time.monotonic()
    engine.run("run", "--isolation", "chroot", name, "--", *command)
    say("health check: passed inside the container", began)


def smoke(service: Service, out: Path) -> int:
    """Run smoke against the container's service, whose files and log lie on this machine; return its exit code."""
    words = [sys.executable, "-m", "evidence", "run", "smoke", "--target", f"http://127.0.0.1:{service.port}"]
    words += ["--exports", str(service.data / "exports"), "--log", str(service.log), "--out", str(out)]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def start_command() -> list[str]:
    """Return the Dockerfile's CMD."""
    return _words(re.findall(r"^CMD (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)[-1])


def health_command() -> list[str]:
    """Return the command of the Dockerfile's HEALTHCHECK."""
    return _words(re.findall(r"^    CMD (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)[-1])


def user_of(dockerfile: Path) -> str:
    """Return the user and group of a Dockerfile's last USER, as numbers: `10001:10001`. ImageError for others."""
    users = re.findall(r"^USER (.+)$", dockerfile.read_text(encoding="utf-8"), re.MULTILINE)
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        raise ImageError(f"USER is {users[-1] if users else 'root'}; numbers of user and group were expected, no 0")
    return str(users[-1])


def _words(text: str) -> list[str]:
    return re.findall(r'"((?:[^"\\]|\\.)*)"', text)


def descendants(pid: int) -> list[int]:
    """Return a process and all below it, parents first."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(word) for word in task.read_text().split()]
    return found


def is_service(pid: int) -> bool:
    """Whether a process is the service itself, and not buildah, whose command ends with the service's."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[1:3] == [b"-m", b"service"]


def apt_proxy() -> dict[str, str]:
    """Return apt's own proxy as the environment that debootstrap reads; empty without one."""
    found = re.search(r'"(.*)"', run(["apt-config", "dump", "Acquire::http::Proxy"]))
    return {"http_proxy": found[1]} if found and found[1] else {}


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once `/health` answers. ImageError where the process ends or the time is over before."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}/health", timeout=2):
            return
        time.sleep(0.1)
    raise ImageError(f"the service did not answer within {READY_S:.0f} s (exit code {process.poll()})")


def run(words: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """Run a command; return its stdout. ImageError with its last lines where it fails."""
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-4:])
        raise ImageError(f"`{' '.join(words)}` ended with {done.returncode}: {last}")
    return done.stdout


def say(line: str, began: float) -> None:
    """Print a line with the time that its step took."""
    print(f"{line}: {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
