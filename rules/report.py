"""The results as a page for people. Pure."""

from __future__ import annotations

from rules.records import PromtoolResults, Step


def text_report(results: PromtoolResults) -> str:
    """Return the whole of `promtool_results.txt`: each step with its command, exit code, output and verdict."""
    lines = [
        f"promtool {results.version}" if results.version else "promtool: could not be had",
        *_next_lines(results),
        f"alerts: {', '.join(results.alerts) or 'none'}",
        f"result: {_word(results.ok)}",
    ]
    for step in results.steps:
        lines += ["", *_step_lines(step)]
    return "\n".join(lines) + "\n"


def summary(results: PromtoolResults) -> str:
    """Return one line a step, for the terminal; below a failed one its output."""
    lines = _next_lines(results)
    for step in results.steps:
        lines.append(f"{_word(step.ok):4} {step.name:14} {step.note or ''}".rstrip())
        if not step.ok:
            lines += [f"     {line}" for line in step.output.strip("\n").splitlines()]
    return "\n".join(lines)


def _next_lines(results: PromtoolResults) -> list[str]:
    """Return one line on the promtool 3.x that checked too, or why none did."""
    if results.next_version is not None:
        return [f"promtool {results.next_version} too"]
    return [f"promtool 3.x too: NO DATA: {results.next_problem}"] if results.next_problem is not None else []


def _step_lines(step: Step) -> list[str]:
    lines = [f"== {step.name}: {_word(step.ok)}"]
    if step.argv:
        lines.append(f"$ {' '.join(step.argv)}")
    if step.exit_code is not None:
        lines.append(f"exit code {step.exit_code}")
    if step.note:
        lines.append(f"note: {step.note}")
    return lines + step.output.strip("\n").splitlines()


def _word(ok: bool) -> str:
    return "ok" if ok else "FAIL"
