"""Digest of the code and data behind each stage: a change of either asks for a new version, or for proof of none.

``python -m tests.study.stage_digests`` writes the digests of today to ``stage_digests.toml``. Stages whose code changed
under the same version must give the numbers that they gave: it runs the tests of the frozen values first, and writes
nothing if they fail.

What is digested is the syntax of the stage's work and of every module of the package that it imports, without
docstrings, annotations, imports for types alone and ``__all__``, written out so that every version of Python gives the
same text; and the files of data beside those modules.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from alzmodel.study.stage import Stage

ROOT = Path(__file__).parent.parent.parent
FILE = Path(__file__).with_suffix(".toml")
FROZEN = "tests/frozen"

APART = ("alzmodel.cli", "alzmodel.compare", "alzmodel.report", "alzmodel.moved")
"""Packages that show and judge numbers, and make none."""

DATA = {".toml", ".csv", ".json"}
STRUCTURES = "alzmodel.crystals"
"""The module that reads ``structures/*.cif``."""


def source_of(module: str) -> Path | None:
    """File of a module of the package; None if there is none."""
    path = ROOT / Path(*module.split("."))
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return file
    return None


@cache
def syntax_of(module: str) -> ast.Module:
    file = source_of(module)
    assert file is not None, module
    return ast.parse(file.read_text(encoding="utf-8"))


def _is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _counts(node: ast.AST) -> bool:
    """Whether a statement can change a number: docstrings, imports for types and lists of names cannot."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return False
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return False
    return not (isinstance(node, ast.stmt) and _is_for_types(node))


def text_of(node: object) -> str:
    """Write syntax out: the fields that say something, in the order of their names."""
    if isinstance(node, ast.JoinedStr):
        # Where its words are cut depends on the version of Python.
        merged: list[object] = []
        for part in node.values:
            if isinstance(part, ast.Constant) and merged and isinstance(merged[-1], str):
                merged[-1] += str(part.value)
            else:
                merged.append(str(part.value) if isinstance(part, ast.Constant) else part)
        return f"JoinedStr({', '.join(text_of(part) for part in merged if part != '')})"
    if isinstance(node, ast.AST):
        left_out = {"ctx", "kind", "type_comment", "type_params", "annotation", "returns"}
        fields = sorted((name, value) for name, value in ast.iter_fields(node) if name not in left_out)
        words = [f"{name}={text_of(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(words)})"
    if isinstance(node, list):
        return f"[{', '.join(text_of(one) for one in node if _counts(one))}]"
    return repr(node)


def imports_of(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, str | None]]:
    """Modules of the package that some syntax imports, with the name taken from each; not those for types alone."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt) and _is_for_types(node):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from ((one.name, None) for one in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                yield (inner, None) if source_of(inner) else (str(node.module), one.name)


def taken_from(module: str, names: Iterable[str]) -> list[ast.stmt]:
    """Statements of a module that some of its names need: of a stage its work, not its figures, plan or settings."""
    body = [node for node in syntax_of(module).body if _counts(node)]
    named: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            named[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named |= {
                one.id: node for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)
            }
        elif isinstance(node, ast.ImportFrom):
            for one in node.names:
                alone = ast.ImportFrom(node.module, [one], node.level)
                named[one.asname or one.name] = ast.copy_location(alone, node)
    reached: list[ast.stmt] = []
    waiting = list(names)
    while waiting:
        node = named.get(waiting.pop())
        if node is not None and node not in reached:
            reached.append(node)
            waiting += [one.id for one in ast.walk(node) if isinstance(one, ast.Name)]
    return sorted(reached, key=lambda node: (node.lineno, ast.unparse(node)))


def closure_of(stage: Stage) -> dict[str, list[ast.stmt]]:
    """Syntax behind a stage, by module: of modules of studies what is taken from them, of the others all."""
    names: dict[str, set[str]] = {}
    waiting: list[tuple[str, str | None]] = [(stage.run.__module__, stage.run.__name__)]
    found: dict[str, list[ast.stmt]] = {}
    while waiting:
        module, name = waiting.pop()
        if module == "alzmodel" or module.startswith(APART) or source_of(module) is None:
            continue
        whole = name is None or not module.startswith("alzmodel.study")
        taken = names.setdefault(module, set())
        if "*" in taken or name in taken:
            continue
        taken.add("*" if whole else str(name))
        found[module] = syntax_of(module).body if whole else taken_from(module, taken)
        waiting += imports_of(found[module])
    return dict(sorted(found.items()))


def data_of(modules: Collection[str]) -> list[Path]:
    """Files of data that may be read by these modules."""
    folders = {file.parent for module in modules if (file := source_of(module))}
    folders.add(ROOT / "alzmodel" / "data")
    files = {path for folder in folders for path in folder.iterdir() if path.suffix in DATA}
    if STRUCTURES in modules:
        files |= set((ROOT / "structures").glob("*.cif"))
    return sorted(files)


def digest_of(stage: Stage) -> str:
    """Digest of the code and the data behind a stage, 16 hexadecimal digits."""
    total = hashlib.sha256()
    behind = closure_of(stage)
    for module, body in behind.items():
        total.update(f"{module} {text_of(body)}".encode())
    for path in data_of(behind):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]


def known() -> dict[str, dict[str, object]]:
    """Version and digest of each stage, as they are on record."""
    return tomllib.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def main() -> int:
    """Write the digests of today."""
    before = known()
    today = {name: {"version": stage.version, "digest": digest_of(stage)} for name, stage in STAGES.items()}
    changed = [name for name in today if today[name] != before.get(name)]
    unproven = [name for name in changed if before.get(name, {}).get("version") == today[name]["version"]]
    if (
        unproven
        and subprocess.run([sys.executable, "-m", "pytest", "-q", FROZEN], cwd=ROOT, check=False).returncode
    ):
        print(
            f"{', '.join(unproven)}: other numbers under the same version; allowed: raise the version of the stage"
        )
        return 1
    lines = [
        f'[{name}]\nversion = {one["version"]}\ndigest = "{one["digest"]}"\n' for name, one in today.items()
    ]
    FILE.write_text("\n".join(lines), encoding="utf-8")
    print(f"{FILE.name}: {', '.join(changed) or 'nothing'} written anew")
    return 0


if __name__ == "__main__":
    sys.exit(main())
