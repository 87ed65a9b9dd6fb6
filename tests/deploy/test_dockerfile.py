"""The Dockerfile follows the rules that linters of Dockerfiles ask for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest

from tests.deploy.image import DOCKERFILE

Instruction = tuple[str, str]
"""Its name and its words, on one line."""


def instructions(text: str) -> list[Instruction]:
    """Return a Dockerfile's instructions in order; comments go, continued lines are joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    found = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, words.strip()) for name, _, words in found]


def _words(lines: Sequence[Instruction], *names: str) -> list[str]:
    return [words for name, words in lines if name in names]


def _exec_form(words: str) -> bool:
    command = words.partition("CMD ")[2] if "CMD " in words else words
    return command.startswith("[") and bool(json.loads(command))


RULES: Final[Mapping[str, Callable[[Sequence[Instruction]], bool]]] = {
    "instructions in capitals": lambda lines: all(name.isupper() for name, _ in lines),
    "COPY instead of ADD": lambda lines: not _words(lines, "ADD"),
    "no MAINTAINER": lambda lines: not _words(lines, "MAINTAINER"),
    "one CMD and one HEALTHCHECK": lambda lines: len(_words(lines, "CMD")) == len(_words(lines, "HEALTHCHECK")) == 1,
    "commands in exec form": lambda lines: all(map(_exec_form, _words(lines, "CMD", "ENTRYPOINT", "HEALTHCHECK"))),
    "absolute WORKDIR": lambda lines: all(words.startswith("/") for words in _words(lines, "WORKDIR")),
    "no cd and no sudo": lambda lines: not any(re.search(r"\b(cd|sudo)\b", words) for words in _words(lines, "RUN")),
    "no latest image": lambda lines: (
        not any(
            words.endswith(":latest")
            for words in _words(lines, "FROM") + [w.partition("=")[2] for w in _words(lines, "ARG")]
        )
    ),
    "pip without cache, by hashes": lambda lines: (
        any("PIP_NO_CACHE_DIR=1" in words for words in _words(lines, "ENV"))
        and all("--require-hashes" in words for words in _words(lines, "RUN") if "pip install" in words)
    ),
    "nothing is run or copied after USER": lambda lines: (
        not _words(lines[max(index for index, (name, _) in enumerate(lines) if name == "USER") :], "RUN", "COPY")
    ),
    "no secret in ENV or ARG": lambda lines: (
        not any(re.search(r"PASSW|SECRET|TOKEN", words, re.IGNORECASE) for words in _words(lines, "ENV", "ARG"))
    ),
}
BREAKS: Final = {
    "instructions in capitals": ("EXPOSE 4001", "expose 4001"),
    "COPY instead of ADD": ("COPY docs docs", "ADD docs docs"),
    "no MAINTAINER": ("EXPOSE 4001", "MAINTAINER somebody"),
    "one CMD and one HEALTHCHECK": ("EXPOSE 4001", 'CMD ["true"]'),
    "commands in exec form": ('CMD ["python3", "-m", "service"', 'CMD python3 -m service # ["'),
    "absolute WORKDIR": ("WORKDIR /app", "WORKDIR app"),
    "no cd and no sudo": ("RUN groupadd", "RUN cd /tmp && groupadd"),
    "no latest image": ("python:3.11.14-slim-bookworm", "python:latest"),
    "pip without cache, by hashes": (" --require-hashes", ""),
    "nothing is run or copied after USER": ("VOLUME /data", "COPY service other"),
    "no secret in ENV or ARG": ("EXPOSE 4001", "ENV ADMIN_PASSWORD=x"),
}
"""For each rule, an edit that breaks it."""


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds_and_can_be_broken(rule: str) -> None:
    """Our Dockerfile keeps the rule, and with one edit it does not."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    old, new = BREAKS[rule]
    assert text.count(old) == 1
    assert RULES[rule](instructions(text))
    assert not RULES[rule](instructions(text.replace(old, new)))
