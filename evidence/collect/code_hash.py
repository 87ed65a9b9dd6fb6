"""Hashes of code by what the code does: neither documentation, nor layout, nor a file's name or place changes them.

A module is hashed over its syntax tree without docstrings; comments are not in the tree. An import of a module of ours
stands for the content of what is imported, not for its path. So a module that is moved or documented anew keeps its
hash, and an import that is pointed at other code changes it.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

Modules = Mapping[str, ast.Module]
"""Syntax trees by dotted module name; a package stands under its own name."""
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields of a statement that hold statements, or the branches that hold those."""


def modules_under(root: Path, folders: Iterable[str]) -> dict[str, ast.Module]:
    """Parse every Python file in these folders of a checkout. OSError or SyntaxError when one can't be read."""
    found = {}
    with _without_collector():
        for folder in folders:
            for path in sorted((root / folder).rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[name] = ast.parse(path.read_bytes(), str(path))
    return found


@contextlib.contextmanager
def _without_collector() -> Iterator[None]:
    """Stop the search for unused objects: syntax trees are many objects, all of them in use. Parsing takes half."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def code_text(node: ast.AST, ours: Callable[[ast.AST], bool] = lambda _: False) -> str:
    """Return a text of a syntax tree that holds only its code: no docstrings, comments or line numbers.

    A bare string after an assignment documents that, so it is left out as well; `ours` says what else is.
    """
    parts: list[str] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            inner = [one for one in value if not (isinstance(one, ast.stmt) and (_bare_string(one) or ours(one)))]
            parts.append(f"{name}=[{','.join([_shown(one, ours) for one in inner])}]")
        elif value is not None:
            parts.append(f"{name}={_shown(value, ours)}")
    return f"({' '.join(parts)})"


def _shown(value: object, ours: Callable[[ast.AST], bool]) -> str:
    return code_text(value, ours) if isinstance(value, ast.AST) else repr(value)


def _bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def closure(modules: Modules, roots: Iterable[str]) -> set[str]:
    """Return the roots with every module of ours that they import, directly or not."""
    return set(_closure(modules, roots))


def _closure(modules: Modules, roots: Iterable[str]) -> dict[str, list[tuple[str, str, str]]]:
    """Return the closure, each module with its imports."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    left = list(roots)
    while left:
        name = left.pop()
        if name in modules and name not in found:
            found[name] = imports(modules, name)
            left += [target for _, _, target in found[name]]
            # to import a.b runs a/__init__.py first
            left += [name.rpartition(".")[0]] if "." in name else []
    return found


def imports(modules: Modules, name: str) -> list[tuple[str, str, str]]:
    """List a module's imports of modules of ours, as (the name that it binds, the name asked for, the module).

    The name asked for is empty where the module itself is bound.
    """
    found = []
    for node in _statements(modules[name]):
        if isinstance(node, ast.Import):
            found += [(one.asname or one.name, "", one.name) for one in node.names if one.name in modules]
        elif isinstance(node, ast.ImportFrom):
            source = absolute(modules, name, node)
            for one in node.names:
                inner = f"{source}.{one.name}"
                if inner in modules:
                    found.append((one.asname or one.name, "", inner))
                elif source in modules:
                    found.append((one.asname or one.name, one.name, source))
    return found


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement of a module, also within others, and what statements lie in; no expressions."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        yield node
        for field in _BLOCKS:
            left += getattr(node, field, ())


def absolute(modules: Modules, name: str, node: ast.ImportFrom) -> str:
    """Return the dotted name of the module that an import statement in module `name` reads from."""
    if not node.level:
        return node.module or ""
    # `from . import x` in a package's __init__ means that package, in a module the one around it
    package = any(other.startswith(f"{name}.") for other in modules)
    parts = name.split(".")
    up = node.level - 1 if package else node.level
    base = parts[: len(parts) - up]
    return ".".join([*base, *([node.module] if node.module else [])])


def code_sha256(modules: Modules, roots: Sequence[str]) -> str:
    """SHA-256 over what the roots and all that they import do; the same wherever their files lie."""
    bound = _closure(modules, roots)
    names = set(bound)
    texts = {name: _without_imports_of_ours(modules, name) for name in names}
    bare = {name: sha256_of(text) for name, text in texts.items()}
    now = dict(bare)
    # each round lets a module's hash depend on modules one import further, until no two more differ
    for _ in names:
        then = {
            name: sha256_of(
                bare[name], *sorted(f"{local}={asked}@{now[target]}" for local, asked, target in bound[name])
            )
            for name in names
        }
        settled = len(set(then.values())) == len(set(now.values()))
        now = then
        if settled:
            break
    nothing = _without_imports_of_ours({"": ast.Module(body=[], type_ignores=[])}, "")
    # an empty __init__.py around a module that was moved does nothing
    return sha256_of(*sorted({now[name] for name in names if texts[name] != nothing or bound[name]}))


def _without_imports_of_ours(modules: Modules, name: str) -> str:
    """A module's code without its imports of ours: `code_sha256` puts the contents of what they name in their place."""
    packages = {module.partition(".")[0] for module in modules}

    def ours(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom):
            return absolute(modules, name, node).partition(".")[0] in packages
        return isinstance(node, ast.Import) and all(one.name.partition(".")[0] in packages for one in node.names)

    return code_text(modules[name], ours)


def sha256_of(*parts: str) -> str:
    """SHA-256 over texts, each apart from the next."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
