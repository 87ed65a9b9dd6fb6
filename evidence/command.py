"""The command `export-at-scale`. Each subcommand is imported only when it is used, so that `--version` is quick."""

from __future__ import annotations

import importlib
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import click

from assertions.console import run_command

NAME = "export-at-scale"
ROOT = Path(__file__).resolve().parents[1]
"""The checkout, or where the packages are installed."""
EPILOG = """\
\b
exit codes:
  0  nothing failed (run: of what has run so far; gate: GREEN)
  1  a judged thing failed, a bundle does not hold, or (compare, run --baseline) something got worse
  2  no verdict possible: bad usage, unreachable target, something that should have been measured was not

\b
examples:
  export-at-scale run smoke load batch
  export-at-scale run smoke load batch --target http://127.0.0.1:4001
  export-at-scale run smoke load batch --target https://export.example.org --waive memory="remote target"
  export-at-scale verify evidence/export

Each option can be given as an environment variable too: EXPORT_AT_SCALE_RUN_TARGET for `run --target`.
"""


class _Part(NamedTuple):
    """Where a subcommand comes from."""

    module: str
    attribute: str
    help: str
    passed_on: tuple[str, ...] | None = None
    """Words put before the user's, for a command that reads its own; None: the attribute is a click command."""


PARTS = {
    "run": _Part(
        "evidence.subcommands", "run_command", "Run scenarios against a target, judge them, and write the report."
    ),
    "verify": _Part("evidence.bundle.commands", "verify_command", "Recompute a bundle's verdict from its files."),
    "gate": _Part("evidence.bundle.commands", "gate_command", "Verify, and exit 0 only if the bundle is GREEN."),
    "evidence": _Part("evidence.bundle.commands", "evidence_group", "Pack or sign a bundle, make keys."),
    "compare": _Part(
        "evidence.comparison.commands", "compare_command", "Say what got better or worse between two runs."
    ),
    "history": _Part("evidence.comparison.commands", "history_command", "List the kept runs over time."),
    "panels": _Part("evidence.panels", "panels_command", "Draw the dashboard from a run's recorded samples."),
    "assert": _Part("assertions.__main__", "assert_command", "Print the six assertions of a run directory."),
    "seed": _Part("loadtests.__main__", "seed_command", "Make one export, or the batch of five, on a target."),
    "body": _Part("loadtests.__main__", "body_command", "Print the request body of a case, to send it again."),
    "stress": _Part("evidence.stress", "stress_command", "Raise the rate until a limit breaks."),
    "serve": _Part("evidence.command", "serve", "Start the built-in export service.", ()),
    "checks": _Part("assertions.__main__", "checks_command", "List every check, and where it is judged."),
    "rules": _Part("rules.__main__", "commands", "Check or build the alert rules."),
    "dashboards": _Part("dashboards.__main__", "commands", "Check or build the Grafana dashboard."),
}


class _LazyGroup(click.Group):
    """A group that knows its subcommands by name, and imports the one that is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the subcommands, in the order of the work."""
        return list(PARTS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand; None where there is none of this name."""
        part = PARTS.get(cmd_name)
        if part is None:
            return None
        if part.passed_on is not None:
            return _passed_on(cmd_name, part)
        command: click.Command = getattr(importlib.import_module(part.module), part.attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.help) for name, part in PARTS.items()])


def _passed_on(name: str, part: _Part) -> click.Command:
    """Return a command that passes its words on to the other command, `--help` included."""

    def call(words: tuple[str, ...]) -> int:
        entry: Callable[[Sequence[str]], int] = getattr(importlib.import_module(part.module), part.attribute)
        return entry([*(part.passed_on or ()), *words])

    return click.Command(
        name,
        callback=call,
        params=[click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)],
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
        help=part.help,
    )


def version() -> str:
    """Return the version, of the installed package or of this checkout."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    return metadata.version(NAME)


def serve(argv: Sequence[str]) -> int:
    """Become the built-in service, a separate program; it does not return where that can be started."""
    environment = dict(os.environ)
    if (ROOT / "pyproject.toml").is_file():  # a checkout, known to Python only from within
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "service", *argv], environment)


@click.group(cls=_LazyGroup, epilog=EPILOG, context_settings={"auto_envvar_prefix": "EXPORT_AT_SCALE"})
@click.version_option(version(), message="%(prog)s %(version)s", prog_name=NAME)
def command() -> None:
    """Drive an export service, judge it, and leave evidence that anyone can recompute."""


def main(argv: Sequence[str] | None = None, name: str = NAME) -> int:
    """Run the command line; return the exit code. KeyboardInterrupt."""
    return run_command(command, argv, name)
