"""Atomistic models of Li-La-Zr-O glasses and the scattering experiments they predict.

Lengths are in Å, energies in eV, times in ps, temperatures in K, pressures in GPa and densities in
g cm⁻³. Q is in Å⁻¹ and carries the factor 2π; the FEM wave number k = 1/d is in nm⁻¹ without it.

The names of this module are loaded when they are first used; :mod:`alzmodel.api` describes them.
"""

from alzmodel.moved import install as _keep_old_paths

__version__ = "0.1.0"

__all__ = [
    "AlzmodelError",
    "Composition",
    "InputError",
    "__version__",
    "calculator",
    "crystal",
    "exafs",
    "fem",
    "frames",
    "glass",
    "glass_ceramic",
    "lay_over",
    "lbu",
    "library",
    "nanocrystal",
    "open_study",
    "pdf",
    "read_curve",
    "transport",
    "vibrations",
    "view",
    "write",
    "xrd",
]

_keep_old_paths()


def __getattr__(name: str) -> object:
    """Load a public name at its first use: `import alzmodel` itself stays fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "alzmodel.errors" if name.endswith("Error") else "alzmodel.api"
    found = globals()[name] = getattr(import_module(home), name)
    return found


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
