"""The code of one target: its own definition and all that this rests on, not the other targets of its module."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache

from evidence.collect.code_hash import Modules, code_text, imports, modules_under, sha256_of
from evidence.collect.provenance import ROOT


class Definitions:
    """Top-level definitions of some modules, and which of them rest on which."""

    def __init__(self, modules: Modules) -> None:
        """Index the modules' definitions by name."""
        self._modules = modules
        self._tables = {name: _defined(tree) for name, tree in modules.items()}
        self._imports = {name: imports(modules, name) for name in modules}
        self._known: dict[tuple[str, int], tuple[str, list[tuple[str, ast.stmt]]]] = {}

    def sha256(self, module: str, mention: str) -> str:
        """SHA-256 over a module's statements that mention a text, with every definition that they rest on.

        The whole module is taken where none does, since its names are then made up while it is imported.
        """
        body = self._modules[module].body
        short = mention.partition("-")[2] or mention  # a group's own prefix is put before its names by the module
        own = next((found for text in (mention, short) if (found := [s for s in body if _mentions(s, text)])), body)
        left = [(module, one) for one in own]
        seen: set[tuple[str, int]] = set()
        texts: set[str] = set()
        while left:
            where, statement = left.pop()
            key = (where, statement.lineno)
            if key in seen or isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            seen.add(key)
            if key not in self._known:
                self._known[key] = (sha256_of(code_text(statement)), list(self._uses(where, statement)))
            text, uses = self._known[key]
            texts.add(text)
            left += uses
        return sha256_of(*sorted(texts))

    def _uses(self, where: str, statement: ast.stmt) -> Iterable[tuple[str, ast.stmt]]:
        """The top-level statements, of whichever module, that define what a statement names."""
        nodes = list(ast.walk(statement))
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        attributes = sorted({node.attr for node in nodes if isinstance(node, ast.Attribute)})
        inner = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
        yield from ((where, one) for name in names for one in self._tables[where].get(name, ()))
        for local, asked, target in self._imports[where]:
            if local.partition(".")[0] in names | inner:
                wanted = [asked] if asked else attributes
                yield from ((target, one) for name in wanted for one in self._tables[target].get(name, ()))


def _mentions(statement: ast.stmt, text: str) -> bool:
    return any(isinstance(node, ast.Constant) and node.value == text for node in ast.walk(statement))


def _defined(tree: ast.Module) -> dict[str, list[ast.stmt]]:
    """A module's top-level statements by the names that they bind."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in tree.body:
        for name in _bound(statement):
            found.setdefault(name, []).append(statement)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


@cache
def definitions() -> Definitions:
    """The definitions of the whole catalogue as they are now."""
    return Definitions(modules_under(ROOT, ["tests/targets"]))
