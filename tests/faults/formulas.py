"""Cells that a spreadsheet would run, exported with `--guard-formulas`, and opened by LibreOffice."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.faults.outcomes import Counted, NoData, Options
from tests.service.helpers import encoded, running

SIGNS = ("=", "+", "-", "@", "|", "＝", "＋", "－", "＠", "｜")
BEFORE = ("", " ", "\t", "\r", "\n", "\u00a0", "\ufeff", "\u200b", "\u2060", "\u00ad", "  \u200b")
FORMULAS = ("1+1", "SUM(1;2)", 'HYPERLINK("http://127.0.0.1:9";"x")', "cmd|' /C calc'!A0", "A1")
FOUND = re.compile(r"table:formula=")


def formulas(_: Options, folder: Path) -> Counted:
    """Formulas behind every sign and every kind of shapeless letter, as cells, opened as a spreadsheet does."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        raise NoData("LibreOffice is not installed (libreoffice-calc)")
    cells = [f"{before}{sign}{formula}" for before in BEFORE for sign in SIGNS for formula in FORMULAS]
    cells += [f"{before}{formula}" for before in BEFORE for formula in FORMULAS]
    counted: dict[bool, int] = {}
    for guard in (True, False):
        arguments = ("--guard-formulas",) if guard else ()
        with running(*arguments, exports=folder / f"exports-{guard}") as service:
            answer = service.post(encoded(format="csv", columns=["a"], data=[{"a": cell} for cell in cells]))
            path = folder / f"guarded-{guard}.csv"
            path.write_bytes(service.file(answer))
        counted[guard] = _formulas_in(program, path, folder)
    return Counted(
        tried=len(cells),
        counts={"cells that run without the guard": counted[False]},
        wrong={
            "cells that run with the guard": counted[True],
            # else the cells would show nothing of the guard
            "no cell that runs without the guard": int(not counted[False]),
        },
    )


def _formulas_in(program: str, path: Path, folder: Path) -> int:
    """How many cells LibreOffice takes for formulas."""
    out = folder / "opened"
    words = (
        f"-env:UserInstallation=file://{folder}/profile", "--headless", "--norestore",
        # comma, quotes, UTF-8, from line 1, all columns by their looks, formulas evaluated
        "--infilter=CSV:44,34,76,1,,0,false,true,false,false,false,-1,true",
        "--convert-to", "fods", "--outdir", out, path,
    )  # fmt: skip
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, timeout=180, check=False)
    made = out / f"{path.stem}.fods"
    if not made.is_file():
        raise NoData(f"LibreOffice made no file: {done.stderr.strip()[:150]}")
    return len(FOUND.findall(made.read_text(encoding="utf-8")))
