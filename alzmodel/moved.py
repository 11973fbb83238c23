"""Import paths of the release before, which work for one release more with a DeprecationWarning.

Finder and loader have the methods of :mod:`importlib.abc`, and not its base classes, which take longer to import than
the rest of the package's face.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

__all__ = ["MODULES", "NAMES", "install", "names_of"]

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
    {"alzmodel.build": "alzmodel.models", "alzmodel.cli.build_options": "alzmodel.cli.build_reports"}
    | {f"alzmodel.build.{name}": f"alzmodel.models.{name}" for name in _MODELS}
    | {f"alzmodel.scattering.fem_{name}": f"alzmodel.scattering.fem.{name}" for name in _FEM}
    | {f"alzmodel.scattering.xrd_{name}": f"alzmodel.scattering.xrd.{name}" for name in _XRD}
)
"""Modules that moved: the old path, and the one to import instead."""


_BUILD_OPTIONS: Final = (
    *(
        "Compensate",
        "Compensation",
        "Dopant",
        "DryRun",
        "Formula",
        "Fraction",
        "Frames",
        "La",
        "Li",
        "Oxygen",
    ),
    *("OxygenContent", "Workdir"),
)
_SHARED_OPTIONS: Final = ("Json", "Potential", "Ranks", "Seed")
_OPTIONS: Final = "alzmodel.cli.options"
NAMES: Final[dict[str, dict[str, str]]] = {
    "alzmodel.cli.analyse": {name: f"{_OPTIONS}.lbu.{name}" for name in ("RingCriterion", "ShellCriterion")},
    "alzmodel.cli.build_reports": {
        **{name: f"{_OPTIONS}.build.{name}" for name in _BUILD_OPTIONS},
        **{name: f"{_OPTIONS}.{name}" for name in _SHARED_OPTIONS},
        "Output": f"{_OPTIONS}.ModelFile",
    },
    "alzmodel.cli.curves": {
        name: f"{_OPTIONS}.{name}" for name in ("Against", "Figure", "Files", "Json", "MaxAtoms", "Window")
    },
    "alzmodel.cli.fem": {
        **{name: f"{_OPTIONS}.fem.{name}" for name in ("Engine", "Fit", "PeakShape")},
        "measured_peaks": "alzmodel.cli.fem_models.measured_peaks",
    },
    "alzmodel.cli.pdf": {name: f"{_OPTIONS}.pdf.{name}" for name in ("Function", "Radiation")},
    "alzmodel.cli.refine": {name: f"{_OPTIONS}.refine.{name}" for name in ("CellFreedom", "Optimizer")},
    "alzmodel.cli.xrd": {name: f"{_OPTIONS}.xrd.{name}" for name in ("LineShape", "Method")},
    "alzmodel.composition": {
        name: f"alzmodel.ions.{name}"
        for name in (
            *("ELEMENT_ORDER", "ION_TABLE", "IONS", "Ion", "OXIDE_RADIUS", "dopant_ions", "ion"),
            "pair_label",
        )
    },
    "alzmodel.models.columns": {"fem_columns": "alzmodel.models.old_columns.fem_columns"},
    "alzmodel.report.drawing": {"need": "alzmodel.report.drawing.require"},
    "alzmodel.scattering.fem.average": {
        "LEAST": "alzmodel.scattering.fem.average.MIN_COLUMNS",
        "fem_until": "alzmodel.scattering.fem.average.fem_converged",
    },
    "alzmodel.scattering.fem.variance": {"columns_of": "alzmodel.models.old_columns.columns_of"},
}
"""Names that moved out of a module that is still there, and where they are now."""


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
    """Finds the modules of both tables, before a finder that would load the file a second time."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Tell the import system who loads `fullname`, if it moved."""
        if fullname in MODULES:
            return ModuleSpec(fullname, _Alias())  # type: ignore[arg-type]
        return _handing_on(PathFinder.find_spec(fullname, path, target)) if fullname in NAMES else None


def _handing_on(spec: ModuleSpec | None) -> ModuleSpec | None:
    """Let a module hand on the names that moved out of it, once it has run."""
    loader: Any = spec and spec.loader
    if spec is None or loader is None:
        return spec
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        module.__getattr__ = _finder_of(spec.name, NAMES[spec.name])  # type: ignore[method-assign]

    loader.exec_module = exec_module
    return spec


def _finder_of(module: str, moved: dict[str, str]) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if name not in moved:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name}", moved[name])
        home, _, now = moved[name].rpartition(".")
        return getattr(importlib.import_module(home), now)

    return find


def install() -> None:
    """Let the old paths be found, once in a process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def names_of(old: str, new: str | Mapping[str, str]) -> Callable[[str], Any]:
    """`__getattr__` of a module that had names before which are elsewhere now.

    Parameters
    ----------
    old
        The module.
    new
        Where they are now: one module for all of them, as of a package whose path was a module's; or that of each name.
    """

    def find(name: str) -> Any:
        place = new if isinstance(new, str) else new.get(name, old)
        module = importlib.import_module(place)
        if name.startswith("_") or place == old or not hasattr(module, name):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        _warn(f"{old}.{name}", f"{place}.{name}")
        return getattr(module, name)

    return find
