"""CI: the workflow calls nox sessions that exist, actions are pinned by SHA, .ci/run runs what the README says."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from click import Context

from evidence.bundle.layout import JUNIT
from evidence.command import command
from evidence.subcommands import run_command

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "export-ci.yml"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"
ACTION = ROOT / "action.yml"
ANNOTATE = ROOT / ".github" / "annotate.sh"
SUMMARY = ROOT / ".github" / "summary.sh"


def sessions() -> set[str]:
    """The nox sessions of noxfile.py."""
    tree = ast.parse((ROOT / "noxfile.py").read_text("utf-8"))
    return {
        function.name
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        and any("session" in ast.dump(mark) for mark in function.decorator_list)
    }


def nox_sessions(text: str) -> set[str]:
    """The sessions that a text's nox commands name."""
    named = re.findall(r"nox\"? -s ((?:[a-z]+ ?)+)", text)
    return {word for words in named for word in words.split()}


def steps(document: Any) -> list[dict[str, Any]]:
    """All steps of a workflow or a composite action."""
    jobs = document["jobs"].values() if "jobs" in document else [document["runs"]]
    return [step for job in jobs for step in job["steps"]]


def test_the_workflow_has_the_five_jobs() -> None:
    """quick, tests, audit, prove and evidence run sessions of the noxfile."""
    jobs = list(yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"])
    assert jobs == ["quick", "tests", "audit", "prove", "evidence"]
    named = nox_sessions(WORKFLOW.read_text("utf-8"))
    assert named == {"quick", "tests", "audit", "prove", "smoke", "load", "batch", "panels", "gate"}
    assert named <= sessions()


def test_a_release_is_audited_and_has_a_bill_of_materials() -> None:
    """The release workflow runs audit and release, which writes wheel and SBOM into the folder that it uploads."""
    text = RELEASE.read_text("utf-8")
    assert nox_sessions(text) == {"audit", "release"} <= sessions()
    assert "dist/*" in text
    assert '"dist/export-at-scale.cdx.json"' in (ROOT / "noxfile.py").read_text("utf-8")


@pytest.mark.parametrize("path", [WORKFLOW, RELEASE, ACTION], ids=lambda path: path.name)
def test_actions_are_pinned_by_sha(path: Path) -> None:
    """Each `uses` names a commit, with the release in a comment."""
    text = path.read_text("utf-8")
    used = [step["uses"] for step in steps(yaml.safe_load(text)) if "uses" in step]
    assert used
    assert [name for name in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", text, re.MULTILINE)) == len(used)


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_tools_of_ci_are_locked_with_hashes(path: Path) -> None:
    """Each package that CI installs, nox and uv among them, has one version and its hashes."""
    packages = re.split(r"\n(?=\w)", path.read_text("utf-8").strip())
    assert [package for package in packages if not re.match(r"[\w.\[\]-]+==\S+", package)] == []
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
    if path.name == "nox.txt":
        assert {"nox", "uv"} <= {package.partition("==")[0] for package in packages}


def test_the_action_takes_no_expression_inside_a_script() -> None:
    """Inputs reach scripts as environment variables only: a value can't become a command."""
    assert [step for step in steps(yaml.safe_load(ACTION.read_text("utf-8"))) if "${{" in step.get("run", "")] == []


def test_the_actions_inputs_are_documented() -> None:
    """docs/ci.md has a row for each input of the action."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    inputs = yaml.safe_load(ACTION.read_text("utf-8"))["inputs"]
    assert {name for name in inputs if f"| `{name}` |" not in page} == set()


def examples() -> list[Any]:
    """The YAML examples of docs/ci.md: a GitHub job with the action, and a GitLab job."""
    page = (ROOT / "docs" / "ci.md").read_text("utf-8")
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


def test_the_github_example_takes_inputs_that_exist() -> None:
    """The example names inputs of the action, and options that `run` takes."""
    (used,) = [step["with"] for step in steps(examples()[0]) if "export-at-scale@" in step.get("uses", "")]
    assert used.keys() <= yaml.safe_load(ACTION.read_text("utf-8"))["inputs"].keys()
    run_command.make_context("run", ["smoke", "--target", used["target"], *shlex.split(used["options"])])


def test_the_gitlab_examples_commands_are_parsed() -> None:
    """Each command of the GitLab job is one that today's commands take, with run directory and report at one place."""
    job = examples()[1]["export-evidence"]
    called = [shlex.split(line.removesuffix("|| true")) for line in job["script"] if line.startswith("export-at-scale")]
    taken = [command.get_command(Context(command), words[1]) for words in called]
    made = [one.make_context(words[1], words[2:]).params for one, words in zip(taken, called, strict=True) if one]
    assert [words[1] for words in called] == ["run", "gate"]
    assert (made[0]["scenarios"], made[0]["out"]) == (("smoke", "load", "batch"), made[1]["bundle"])
    assert job["artifacts"]["paths"] == [str(made[0]["out"])]
    assert job["artifacts"]["reports"]["junit"] == f"{made[0]['out']}/{JUNIT}"


def test_the_actions_commands_are_known() -> None:
    """The options that the action's scripts give to a command are options of that command."""
    scripts = "\n".join(step.get("run", "") for step in steps(yaml.safe_load(ACTION.read_text("utf-8"))))
    called = [line.strip().split() for line in scripts.splitlines() if line.strip().startswith("export-at-scale ")]
    assert [words[1] for words in called] == ["run", "gate"]
    for words in called:
        taken = command.get_command(Context(command), words[1])
        known = {option for parameter in taken.params for option in parameter.opts} if taken else set()
        assert {word for word in words if word.startswith("--")} <= known


def test_ci_run_calls_the_readmes_commands() -> None:
    """.ci/run runs main job and tests as the README's first two blocks do, and panels, gate, rules and proof."""
    blocks = re.findall(r"^    (\S.*)$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert nox_sessions(blocks[0]) == {"smoke", "load", "batch"}
    assert nox_sessions(blocks[1]) == {"tests"}
    assert nox_sessions(blocks[0]) | nox_sessions(blocks[1]) | {"panels", "gate", "rules", "prove"} == nox_sessions(
        script
    )


@pytest.mark.e2e
def test_failed_checks_become_annotations(tmp_path: Path) -> None:
    """One line for each FAIL, with GitHub's escapes; only NO DATA gives the report's first line."""
    judged = [
        {"scenario": "load", "id": "memory", "judgement": {"status": "FAIL", "reason": "128 MB, 28 % over\nthe limit"}},
        {"scenario": "load", "id": "drift", "judgement": {"status": "NO DATA", "reason": "too few"}},
    ]
    (tmp_path / "verdict.json").write_text(json.dumps({"verdicts": judged}))
    (tmp_path / "GREEN_EVIDENCE_v1.7.md").write_text("# NO DATA: 100 % waived\n\nmore")
    assert shown(ANNOTATE, tmp_path) == "::error title=load/memory::128 MB, 28 %25 over%0Athe limit\n"
    (tmp_path / "verdict.json").write_text(json.dumps({"verdicts": judged[1:]}))
    assert shown(ANNOTATE, tmp_path) == "::error title=Export@Scale::NO DATA: 100 %25 waived\n"
    assert shown(ANNOTATE, tmp_path / "gone") == "::error title=Export@Scale::NO DATA: no report was written\n"


@pytest.mark.e2e
def test_the_summary_is_the_step_summary_or_else_the_report(tmp_path: Path) -> None:
    """Without a run there is a line that says so."""
    assert shown(SUMMARY, tmp_path) == "# NO DATA: no report was written\n"
    (tmp_path / "GREEN_EVIDENCE_v1.7.md").write_text("# GREEN\n")
    assert shown(SUMMARY, tmp_path) == "# GREEN\n"
    (tmp_path / "step_summary.md").write_text("# GREEN, in short\n")
    assert shown(SUMMARY, tmp_path) == "# GREEN, in short\n"


def shown(script: Path, folder: Path) -> str:
    """What a script prints of a run directory."""
    return subprocess.run(["bash", script, folder], check=True, capture_output=True, text=True).stdout
