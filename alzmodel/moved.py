"""Import paths of the release before, which work for one release more with a DeprecationWarning.

Finder and loader have the methods of :mod:`importlib.abc`, and not its base classes, which take longer to import than
the rest of the package's face.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["MODULES", "install", "names_of"]

_FEM: Final = (
    *("attribution", "average", "detector", "fit", "multislice", "readings", "scan", "settings"),
    *("stack", "thickness", "waves"),
)
_XRD: Final = (
    *("corrections", "crystal", "data", "debye", "grazing", "lattice", "lines", "phase_model", "routes"),
    *("specimen", "superstructure", "whole"),
)
_MODELS: Final = (
    *("columns", "crystal_models", "fictive", "glass_ceramic", "library", "melt_quench", "nucleus"),
    *("packing", "patches", "protocol_run", "protocols", "requests", "window", "work_folder"),
)
MODULES: Final = (
    {"alzmodel.build": "alzmodel.models"}
    | {f"alzmodel.build.{name}": f"alzmodel.models.{name}" for name in _MODELS}
    | {f"alzmodel.scattering.fem_{name}": f"alzmodel.scattering.fem.{name}" for name in _FEM}
    | {f"alzmodel.scattering.xrd_{name}": f"alzmodel.scattering.xrd.{name}" for name in _XRD}
)
"""Modules that moved: the old path, and the one to import instead."""


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} moved to {new}", DeprecationWarning, stacklevel=2)


class _Alias:
    """Hands out the module at its new place under its old name."""

    own_spec: ModuleSpec | None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Import the module that took the place of `spec`'s, with a warning."""
        _warn(spec.name, MODULES[spec.name])
        module = importlib.import_module(MODULES[spec.name])
        self.own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Give the module its own spec back; it has run at its new place."""
        module.__spec__ = self.own_spec


class _Finder:
    """Finds the modules of the table, before a finder that would load the file a second time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Tell the import system who loads `fullname`, if it moved."""
        del path, target
        if fullname not in MODULES:
            return None
        return ModuleSpec(fullname, _Alias())  # type: ignore[arg-type]


def install() -> None:
    """Let the old paths be found, once in a process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def names_of(old: str, new: str) -> Callable[[str], Any]:
    """`__getattr__` of a package whose path was a module's before: its names come from `new`."""

    def find(name: str) -> Any:
        module = importlib.import_module(new)
        if name.startswith("_") or not hasattr(module, name):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        _warn(f"{old}.{name}", f"{new}.{name}")
        return getattr(module, name)

    return find
