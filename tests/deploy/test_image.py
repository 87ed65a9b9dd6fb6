"""The command that tries the image: what it takes from the Dockerfile, and what it says where it can't run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.deploy import image


def test_commands_are_the_dockerfiles() -> None:
    """The service is started by the image's own command, and its health is asked by the image's own check."""
    assert image.start_command()[:3] == ["python3", "-m", "service"]
    assert image.start_command()[3:7] == ["--host", "0.0.0.0", "--port", image.PORT]
    assert image.health_command()[:2] == ["python3", "-c"]
    assert f"http://127.0.0.1:{image.PORT}/health" in image.health_command()[2]


def test_without_its_tools_it_says_which_are_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No buildah, no debootstrap: one sentence, exit code 2, and nothing is built."""
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    assert image.main([]) == 2
    assert capsys.readouterr().out.splitlines() == [
        "image: not built: root, buildah and debootstrap are needed; missing: buildah, debootstrap"
    ]


def test_a_command_that_fails_is_named_with_its_last_words() -> None:
    """The error holds the command, its exit code and what it said last."""
    with pytest.raises(image.ImageError, match=r"`sh -c echo first; echo last >&2; exit 3` ended with 3: last"):
        image.run(["sh", "-c", "echo first; echo last >&2; exit 3"])


def test_images_are_kept_in_a_storage_of_their_own(tmp_path: Path) -> None:
    """Every command of buildah names the folder, so that this machine's images stay as they are."""
    words = image.Engine(tmp_path).words("images")
    assert words == [
        "buildah", "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--storage-driver", "vfs",
        "images",
    ]  # fmt: skip


def test_user_is_the_dockerfiles(tmp_path: Path) -> None:
    """The last USER counts; a name, root, or none at all is an error, since nobody could see that it is not root."""
    assert image.user_of(image.DOCKERFILE) == "10001:10001"
    file = tmp_path / "Dockerfile"
    file.write_text("FROM a\nUSER 0:0\nUSER 12:13\n")
    assert image.user_of(file) == "12:13"
    for text, named in (("FROM a\n", "root"), ("USER export\n", "export"), ("USER 0:0\n", "0:0")):
        file.write_text(text)
        with pytest.raises(image.ImageError, match=f"USER is {named}; "):
            image.user_of(file)


@pytest.mark.e2e
def test_service_under_another_user_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The owner of the process that is the service itself is held against the image's user."""
    words = [sys.executable, "-m", "service", "--port", "0", "--exports", str(tmp_path)]
    with subprocess.Popen(words, cwd=image.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while not image.is_service(process.pid):  # its command line may be empty for a moment
                time.sleep(0.01)
                assert process.poll() is None
            image.check_user(process.pid, os.getuid())
            assert capsys.readouterr().out == f"service: runs as user {os.getuid()}\n"
            with pytest.raises(image.ImageError, match=f"runs as user {os.getuid()}; {os.getuid() + 1} was expected"):
                image.check_user(process.pid, os.getuid() + 1)
        finally:
            process.kill()


def test_container_without_the_service_is_an_error() -> None:
    """Where no process below is the service, nothing is concluded from the others."""
    with pytest.raises(image.ImageError, match="no process of the container runs"):
        image.check_user(os.getpid(), os.getuid())


def test_the_containers_volume_is_found(tmp_path: Path) -> None:
    """Its only volume is where the service's files lie; none, or more than one, is an error."""
    engine = image.Engine(tmp_path)
    volumes = tmp_path / "root" / "vfs-containers" / "id" / "userdata" / "buildah-volumes"
    for number, said in enumerate(("0", "1", "2")):
        if said == "1":
            assert engine.volume() == volumes / "0"
        else:
            with pytest.raises(image.ImageError, match=f"the container has {said} volumes; one was expected"):
                engine.volume()
        (volumes / str(number)).mkdir(parents=True)
