"""Public import paths: every module, and its functions, classes and what its ``__all__`` names.

Run as a program it prints, as JSON, what of ``import_paths.json`` can be imported here, and what warned.
"""

from __future__ import annotations

import ast
import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGE = HERE.parent.parent / "alzmodel"
FROZEN = HERE / "import_paths.json"


def public_names() -> dict[str, list[str]]:
    """Names by module, read from the sources."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "__main__.py":
            continue
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [
            one.name
            for one in body
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and one.name[0] != "_"
        ]
        for one in body:
            if isinstance(one, ast.Assign) and any(
                getattr(name, "id", "") == "__all__" for name in one.targets
            ):
                names += ast.literal_eval(one.value)
        found[module] = sorted(set(names))
    return found


def all_paths() -> dict[str, Any]:
    """What ``import_paths.json`` holds: names that a module defines, and names that it passes on."""
    found: dict[str, Any] = {}
    for module, listed in public_names().items():
        # Some stand there for type checkers alone.
        names = [name for name in listed if hasattr(importlib.import_module(module), name)]
        own = [name for name in names if home(module, name) == module]
        found[module] = {"own": own, "other": [name for name in names if name not in own]}
    return found


def home(module: str, name: str) -> str | None:
    """Module in which a function or a class stands; None for other things, which do not know."""
    value = getattr(importlib.import_module(module), name)
    return value.__module__ if callable(value) and hasattr(value, "__qualname__") else None


def look() -> dict[str, Any]:
    """Tell of each frozen module whether it can be imported, what it lacks, and which names moved without a word."""
    found = {}
    for module, names in json.loads(FROZEN.read_text(encoding="utf-8")).items():
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                importlib.import_module(module)
            except ImportError as error:
                found[module] = {"error": str(error), "missing": [], "silent": []}
                continue
        warned = _deprecated(told)
        missing, silent = [], []
        for name in [*names["own"], *names["other"]]:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                if not hasattr(importlib.import_module(module), name):
                    missing.append(name)
                    continue
                # What a module still offers in its own name has not moved for who imports it.
                offered = getattr(importlib.import_module(module), "__all__", ())
                moved = name in names["own"] and home(module, name) != module and name not in offered
            if moved and not warned and not _deprecated(told):
                silent.append(name)
        found[module] = {"error": "", "missing": missing, "silent": silent}
    return found


def _deprecated(told: list[warnings.WarningMessage]) -> bool:
    return any(
        issubclass(one.category, DeprecationWarning) and "alzmodel" in str(one.message) for one in told
    )


if __name__ == "__main__":
    json.dump(look(), sys.stdout)
