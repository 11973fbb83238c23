"""Calculators by name: the machine-learned ones, our own pair potentials, and everything that ASE knows.

Energies of two calculators have different zeros and can not be compared: each calculator knows what to write beside
its energies.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import io
import json
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, FileIOCalculator, all_changes
from ase.calculators.calculator import get_calculator_class as ase_class
from ase.calculators.names import names as ase_names
from ase.units import GPa

from alzmodel.composition import ion_labels
from alzmodel.errors import InputError
from alzmodel.forcefields.potentials import ALIASES, POTENTIALS
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.forcefields.static import check_model, single_point

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ase import Atoms

__all__ = ["NamedCalculator", "PairPotential", "calculator_of", "quietly"]

EXTRA = 'pip install ".[mlip]"'
LAST_CHGNET_PYTHON = (3, 12)


class PairPotential(Calculator):
    """One of our potentials as an ASE calculator: energy, forces and stress, the Coulomb sum by PPPM.

    LAMMPS runs in a child process that starts anew for each evaluation, about half a second: for minimisations
    with nothing but the pair potential :func:`alzmodel.forcefields.static.relax` is faster by far.

    Parameters
    ----------
    potential
        Name of a potential.
    ranks
        MPI ranks.

    Raises
    ------
    InputError
        When it computes: if the model is not periodic in three directions or not neutral, or an ion has no
        parameters.
    """

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, potential: str = "du-teter", *, ranks: int = 1) -> None:
        super().__init__()
        self.potential = potential
        self.ranks = ranks

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute everything for `atoms`, whichever properties are asked for."""
        super().calculate(atoms, properties, system_changes)
        point = single_point(self.atoms, potential=self.potential, ranks=self.ranks)
        xx, yy, zz = np.diag(point.stress)
        yz, xz, xy = point.stress[1, 2], point.stress[0, 2], point.stress[0, 1]
        self.results = {
            "energy": point.energy,
            "free_energy": point.energy,
            "forces": point.forces,
            "stress": np.array([xx, yy, zz, yz, xz, xy]) * GPa,
        }


@dataclass(frozen=True, slots=True)
class NamedCalculator:
    """A calculator that is ready to compute.

    Attributes
    ----------
    name
        As it was asked for.
    calculator
        ASE's interface.
    provenance
        What stands beside every energy: name, class, packages with versions, parameters, and more where known.
    refuse
        Raises InputError for a model that this calculator cannot compute, as far as can be told beforehand.
    provisional
        Ions of a model whose parameters are provisional.
    """

    name: str
    calculator: Any
    provenance: dict[str, Any]
    refuse: Callable[[Atoms], None] = lambda _: None
    provisional: Callable[[Atoms], tuple[str, ...]] = lambda _: ()

    @property
    def has_stress(self) -> bool:
        """Whether cells can follow."""
        return "stress" in self.calculator.implemented_properties


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what machine-learned models print and warn of out of the user's way: stdout is for data."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(torch|torch_geometric|sevenn|chgnet|e3nn|pymatgen)(\.|$)")
        yield


def calculator_of(name: str, parameters: Mapping[str, Any] | None = None) -> NamedCalculator:
    """Return a calculator by its name.

    Parameters
    ----------
    name
        ``7net-mf-0``: SevenNet-MF-0 (J. Kim et al., arXiv:2409.07947) with its r²SCAN head, ``parameters`` may say
        ``{"modal": "PBE"}``. ``chgnet``: CHGNet 0.3.0 (B. Deng et al., Nat. Mach. Intell. 5 (2023) 1031), or
        ``{"model_name": "r2scan"}``. Both need the extra ``mlip``, which brings their weights, and run on a GPU
        where there is one (``{"device": "cpu"}`` forbids it). ``du-teter``, ``grimes``, ``learned``:
        :class:`PairPotential`. Any name of ASE's: ``emt``, ``lj``, ``gulp``, …. ``package.module:Class``: any class
        with ASE's interface.
    parameters
        Keywords for the calculator.

    Returns
    -------
    NamedCalculator

    Raises
    ------
    InputError
        If there is none of that name, its package is not installed, or it does not take the parameters.
    """
    keywords = dict(parameters or {})
    if name in POTENTIALS or name in ALIASES:
        return _pair_potential(name, keywords)
    if name == "7net-mf-0":
        return _sevennet(name, keywords)
    if name == "chgnet":
        return _chgnet(name, keywords)
    if ":" in name:
        module, _, attribute = name.partition(":")
        try:
            chosen = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError, ValueError) as error:
            raise InputError(
                f"calculator: {name!r} cannot be imported ({error}); allowed: package.module:Class of an "
                "installed package"
            ) from error
    elif name in ase_names:
        try:
            chosen = ase_class(name)
        except (ImportError, AttributeError) as error:
            raise InputError(
                f"calculator: {name!r} is not installed ({error}); allowed: {_own_names()}, or another of "
                "ASE's names"
            ) from error
    else:
        raise InputError(
            f"calculator: {name!r} is unknown; allowed: {_own_names()}, a name of ASE's (emt, lj, gulp, …) or "
            "package.module:Class"
        )
    return _named(name, chosen, keywords)


def _own_names() -> str:
    return ", ".join(["7net-mf-0", "chgnet", *POTENTIALS, *ALIASES])


def _pair_potential(name: str, keywords: dict[str, Any]) -> NamedCalculator:
    made = _make(name, lambda **words: PairPotential(name, **words), keywords)
    pot = potential_of(name)
    return NamedCalculator(
        name,
        made,
        _provenance(name, PairPotential, keywords, ("lammps",)) | {"title": pot.title} | pot.learned_identity,
        refuse=lambda atoms: check_model(atoms, name),
        provisional=lambda atoms: tuple(pot.provisional(dict.fromkeys(ion_labels(atoms)))),
    )


def _sevennet(name: str, keywords: dict[str, Any]) -> NamedCalculator:
    chosen = _mlip_class(name, "sevenn.calculator", "SevenNetCalculator")
    keywords = {"modal": "R2SCAN", **keywords}
    made = _make(name, lambda **words: chosen("7net-mf-0", **words), keywords)
    known = {int(number) for number in made.type_map}
    return NamedCalculator(
        name,
        made,
        _provenance(name, chosen, keywords, ("sevenn", "torch")),
        refuse=lambda atoms: _check_elements(atoms, name, known),
    )


def _chgnet(name: str, keywords: dict[str, Any]) -> NamedCalculator:
    if sys.version_info[:2] > LAST_CHGNET_PYTHON and importlib.util.find_spec("chgnet") is None:
        raise InputError(
            f"calculator: {name!r} has no wheel for Python {sys.version_info[0]}.{sys.version_info[1]}; allowed: "
            "Python 3.11 or 3.12, or 7net-mf-0"
        )
    chosen = _mlip_class(name, "chgnet.model.dynamics", "CHGNetCalculator")
    model_name = keywords.get("model_name", "0.3.0")
    device = keywords.get("device")
    unknown = set(keywords) - {"model_name", "device"}
    if unknown:
        raise InputError(f"parameter of {name}: {min(unknown)!r}; allowed: model_name, device")

    def make(**_: Any) -> Any:
        model = importlib.import_module("chgnet.model.model").CHGNet.load(
            model_name=model_name, use_device=device, verbose=False
        )
        return chosen(model, use_device=device)

    made = _make(name, make, keywords)
    keywords = {"model_name": model_name, **keywords}
    known = set(range(1, made.model.atom_embedding.embedding.num_embeddings + 1))
    return NamedCalculator(
        name,
        made,
        _provenance(name, chosen, keywords, ("chgnet", "torch")),
        refuse=lambda atoms: _check_elements(atoms, name, known),
    )


def _mlip_class(name: str, module: str, attribute: str) -> Any:
    try:
        with quietly():
            return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise InputError(
            f"calculator: {name!r} is not installed ({error}); allowed: after {EXTRA}, or {', '.join(POTENTIALS)}, "
            "emt, lj, …"
        ) from error


def _named(name: str, chosen: Any, keywords: dict[str, Any]) -> NamedCalculator:
    _check_keywords(name, chosen, keywords)
    made = _make(name, chosen, keywords)
    if not (hasattr(made, "get_property") and hasattr(made, "implemented_properties")):
        raise InputError(
            f"calculator: {name!r} makes no ASE calculator; allowed: a class with ASE's interface"
        )
    return NamedCalculator(name, made, _provenance(name, chosen, keywords, ()))


def _check_keywords(name: str, chosen: Any, keywords: dict[str, Any]) -> None:
    """Refuse what ASE's own calculators would take and ignore; those that write input files take any keyword."""
    known = getattr(chosen, "default_parameters", None)
    if not known or issubclass(chosen, FileIOCalculator):
        return
    allowed = [*known, *inspect.signature(chosen).parameters]
    for key in keywords:
        if key not in allowed:
            raise InputError(f"parameter of {name}: {key!r} is unknown; allowed: {', '.join(known)}")


def _make(name: str, chosen: Callable[..., Any], keywords: dict[str, Any]) -> Any:
    try:
        with quietly():
            return chosen(**keywords)
    except Exception as error:
        # Third-party constructors raise nearly anything.
        reason = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
        raise InputError(
            f"calculator: {name!r} with parameters {json.dumps(keywords, default=str)} cannot be made ({reason}); "
            "allowed: the keywords of its class as JSON"
        ) from error


def _provenance(
    name: str, chosen: Any, keywords: dict[str, Any], packages: tuple[str, ...]
) -> dict[str, Any]:
    top = chosen.__module__.partition(".")[0]
    versions = {package: _version(package) for package in dict.fromkeys((top, *packages))}
    return {
        "name": name,
        "class": f"{chosen.__module__}:{chosen.__qualname__}",
        "versions": versions,
        "parameters": json.loads(json.dumps(keywords, default=str)),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(package), "__version__", "unknown"))


def _check_elements(atoms: Atoms, name: str, known: set[int]) -> None:
    symbols = dict.fromkeys(atoms.get_chemical_symbols())
    numbers = dict(zip(atoms.get_chemical_symbols(), atoms.numbers.tolist(), strict=True))
    for symbol in symbols:
        if numbers[symbol] not in known:
            raise InputError(
                f"element: {symbol} is unknown to {name}; allowed: the {len(known)} elements it was trained on"
            )
