"""The potentials as data, and their energy and force in closed form.

Cations and oxygen interact by U(r) = A exp(−r/ρ) − C/r⁶ plus Coulomb; cations feel one another by Coulomb
alone. Below r0 the Buckingham form is replaced by B/rⁿ + D r², see :func:`splice`. Å and eV throughout.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import lzma
import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ALIASES",
    "POTENTIALS",
    "IonParameters",
    "ManyBody",
    "Potential",
    "Splice",
    "learned_folder",
    "learned_potential",
    "potential",
    "provisional_ions",
    "splice",
]

OXYGEN = "O2-"

WALL = 300.0
"""eV/Å³; 0.2 Å inside its radius the wall stands 2.4 eV high, nine times kT at 3000 K."""

RECOMMENDED = "learned-2"
"""The learned potential that ``learned`` stands for."""


@dataclass(frozen=True, slots=True)
class IonParameters:
    """One ion of a potential: its charge and its Buckingham pair with oxygen.

    Attributes
    ----------
    label
        Ion label, such as ``"La3+"``.
    element
        Chemical symbol.
    valence
        Formal charge in e.
    charge
        Charge of the potential in e: ``charge_scale`` times the valence.
    A, rho, C
        Parameters of U = A exp(−r/ρ) − C/r⁶ with oxygen: eV, Å, eV Å⁶.
    sources
        Citations.
    provisional
        True where the source could not be verified or the parameters were fitted here.
    """

    label: str
    element: str
    valence: int
    charge: float
    A: float
    rho: float
    C: float
    sources: tuple[str, ...]
    provisional: bool


@dataclass(frozen=True, slots=True)
class Splice:
    """Repulsive branch U = B/rⁿ + D r² below `r0` (Å) that keeps U, U′ and U″ continuous."""

    r0: float
    B: float
    D: float
    n: float


@dataclass(frozen=True, slots=True)
class ManyBody:
    """What a learned potential adds to its pair parameters: a linear fit on POD descriptors, and a core.

    Attributes
    ----------
    labels
        Ion labels, in the order of the coefficients.
    basis, coefficients
        Content of the two files that LAMMPS's pair style ``pod`` reads.
    core
        Distance (Å) of each pair of elements, such as ``"La-O"``, below which :meth:`wall` acts: about the nearest
        that the training set holds. A fit knows nothing of what is nearer, and may well attract there.
    stiff
        K (eV/Å³) of the pairs whose wall is not as stiff as :data:`WALL`. Two cations that meet are what a fit can take
        for stable: there it found energies tens of eV too low.
    reach
        Å; the outer radius of the descriptors.
    card
        Teacher, training set, errors, limits.
    """

    labels: tuple[str, ...]
    basis: str
    coefficients: str
    core: Mapping[str, float]
    stiff: Mapping[str, float]
    reach: float
    card: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of everything that the forces depend on."""
        text = f"{self.labels}{self.basis}{self.coefficients}{sorted(self.core.items())}{WALL}"
        text += "".join(f"{pair} {K}" for pair, K in sorted(self.stiff.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def wall(self, first: str, second: str, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy (eV) and force (eV/Å) of the wall at `r` (Å): K (R − r)³ below R."""
        pair = "-".join(sorted((_split_label(first)[0], _split_label(second)[0]), key=self.elements.index))
        depth = np.maximum(self.core[pair] - r, 0.0)
        K = self.stiff.get(pair, WALL)
        return K * depth**3, 3 * K * depth**2

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols in the order of the labels."""
        return tuple(_split_label(label)[0] for label in self.labels)


@dataclass(frozen=True, slots=True)
class Potential:
    """A set of pair parameters, and for a learned potential what is added to them.

    Attributes
    ----------
    name, title
        Key and a few words.
    ions
        Parameters by ion label.
    short_range_cutoff
        Å; the Buckingham part is cut there and shifted so that its force and energy vanish.
    many_body
        Of a learned potential, else None.
    """

    name: str
    title: str
    ions: Mapping[str, IonParameters]
    short_range_cutoff: float
    many_body: ManyBody | None = None

    def provisional(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Those of `labels` whose parameters are provisional, in the order given."""
        return tuple(label for label in labels if self.ion(label).provisional)

    def provenance(self, labels: Iterable[str]) -> dict[str, Any]:
        """Say what made a model: name, title, ions, and which of them are provisional."""
        ions = list(dict.fromkeys(labels))
        return {
            "name": self.name,
            "title": self.title,
            "ions": ions,
            "provisional": list(self.provisional(ions)),
            **self.learned_identity,
        }

    @property
    def learned_identity(self) -> dict[str, str]:
        """What a learned potential adds to everything that depends on it; nothing for a pair potential."""
        return {"fingerprint": self.many_body.fingerprint} if self.many_body else {}

    def ion(self, label: str) -> IonParameters:
        """Return the parameters of one ion.

        Raises
        ------
        InputError
            If the potential has none for it.
        """
        try:
            return self.ions[label]
        except KeyError:
            raise InputError(
                f"ion: {label} has no parameters in the potential {self.name!r}; allowed: {', '.join(self.ions)}"
            ) from None

    def short_range(
        self, first: str, second: str, r: np.ndarray, *, cutoff: float | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Short-range energy and force of a pair of ions, spliced, cut and shifted in force.

        Parameters
        ----------
        first, second
            Ion labels.
        r
            Distances in Å, any shape, > 0.
        cutoff
            Å; by default `short_range_cutoff`.

        Returns
        -------
        energy, force
            eV and eV/Å (−dU/dr), of the shape of `r`; zero at and beyond the cut-off, and for two cations.
        """
        if OXYGEN not in {first, second}:
            self.ion(first), self.ion(second)
            return np.zeros_like(r), np.zeros_like(r)
        ion = self.ion(second if first == OXYGEN else first)
        end = self.short_range_cutoff if cutoff is None else cutoff
        last_energy, last_force = (value.item() for value in _buckingham(ion, np.array(end)))
        energy, force = _spliced(ion, r)
        within = r < end
        return (
            np.where(within, energy - last_energy + (r - end) * last_force, 0.0),
            np.where(within, force - last_force, 0.0),
        )

    def unshifted_energy(self, first: str, second: str, r: np.ndarray) -> np.ndarray:
        """Short-range energy (eV) of a pair of ions at `r` (Å), spliced, neither cut nor shifted.

        Zero for two cations.
        """
        if OXYGEN not in {first, second}:
            self.ion(first), self.ion(second)
            return np.zeros_like(r)
        return _spliced(self.ion(second if first == OXYGEN else first), r)[0]


def _spliced(ion: IonParameters, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    branch = splice(ion.A, ion.rho, ion.C)
    if branch is None:
        return _buckingham(ion, r)
    energy, force = _buckingham(ion, np.maximum(r, branch.r0))
    inside = r < branch.r0
    repulsion = branch.B * r ** (-branch.n)
    return (
        np.where(inside, repulsion + branch.D * r**2, energy),
        np.where(inside, branch.n * repulsion / r - 2 * branch.D * r, force),
    )


def _buckingham(ion: IonParameters, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    repulsion = ion.A * np.exp(-r / ion.rho)
    dispersion = ion.C / r**6
    return repulsion - dispersion, repulsion / ion.rho - 6 * dispersion / r


@cache
def splice(A: float, rho: float, C: float) -> Splice | None:
    """Return the repulsive branch that keeps a Buckingham pair from collapsing.

    r0 is the smaller root of U‴ = 0, the innermost place where the Buckingham form still curves as a
    repulsion does; B, D and n follow from U, U′ and U″ there.

    Parameters
    ----------
    A, rho, C
        Buckingham parameters in eV, Å, eV Å⁶.

    Returns
    -------
    Splice or None
        None where C = 0: such a pair never turns over.

    References
    ----------
    L. Deng, J. Du, J. Am. Ceram. Soc. 102 (2019) 2482.
    """
    from scipy.optimize import brentq

    if C == 0:
        return None

    # U‴ = −A/ρ³ exp(−r/ρ) + 336 C/r⁹; the logarithm has its one maximum between the roots, at r = 9 ρ.
    def curvature_change(r: float) -> float:
        return math.log(A / rho**3) - r / rho - math.log(336 * C) + 9 * math.log(r)

    if curvature_change(9 * rho) <= 0:
        raise InputError(
            f"A, rho, C: {A}, {rho}, {C} have no repulsive wall; allowed: U''' = 0 at two distances"
        )
    r0 = float(brentq(curvature_change, 1e-3 * rho, 9 * rho, xtol=1e-14, rtol=1e-14))
    repulsion = A * math.exp(-r0 / rho)
    dispersion = C / r0**6
    # With b = B r0⁻ⁿ and d = D r0²: U = b + d, r U′ = 2d − n b, r² U″ = n(n+1) b + 2d.
    energy = repulsion - dispersion
    first = r0 * (-repulsion / rho) + 6 * dispersion
    second = r0**2 * repulsion / rho**2 - 42 * dispersion
    n = 1 - (second - 2 * energy) / (first - 2 * energy)
    b = (2 * energy - first) / (n + 2)
    return Splice(r0=r0, B=b * r0**n, D=(energy - b) / r0**2, n=n)


def _split_label(label: str) -> tuple[str, int]:
    body, sign = label[:-1], label[-1]
    element = body.rstrip("0123456789")
    valence = int(body[len(element) :] or 1)
    return element, valence if sign == "+" else -valence


def _load() -> dict[str, Potential]:
    text = resources.files("alzmodel.forcefields").joinpath("potentials.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    citations = data.pop("sources")
    found = {name: _potential(name, entry, citations) for name, entry in data.items()}
    return found | {name: learned_potential(folder, found) for name, folder in _learned_folders().items()}


def learned_folder(name: str) -> Path:
    """Folder of a learned potential that ships with the package."""
    return Path(str(resources.files("alzmodel.forcefields"))) / "learned" / name


def _learned_folders() -> dict[str, Path]:
    cards = sorted(learned_folder("").glob("*/card.json"))
    return {card.parent.name: card.parent for card in cards}


def learned_potential(folder: Path, pairs: Mapping[str, Potential]) -> Potential:
    """Read a learned potential from its folder.

    Parameters
    ----------
    folder
        With ``card.json``, ``basis.pod`` and ``coefficients.xz``; its name is that of the potential.
    pairs
        The pair potentials, of which the card names one and the share of it that the fit was added to.

    Returns
    -------
    Potential
        Energies and forces of the pair part are the share of the pair potential: A and C are multiplied by it and the
        charges by its root, which leaves the splice where it was.
    """
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    base, share = pairs[card["base"]], card["base_share"]
    ions = {
        label: dataclasses.replace(
            base.ion(label),
            charge=math.sqrt(share) * base.ion(label).charge,
            A=share * base.ion(label).A,
            C=share * base.ion(label).C,
        )
        for label in card["ions"]
    }
    added = ManyBody(
        labels=tuple(card["ions"]),
        basis=(folder / "basis.pod").read_text(encoding="utf-8"),
        coefficients=lzma.decompress((folder / "coefficients.xz").read_bytes()).decode("utf-8"),
        core=MappingProxyType(card["core"]),
        stiff=MappingProxyType(card.get("stiff", {})),
        reach=card["reach"],
        card=MappingProxyType(card),
    )
    return Potential(folder.name, card["title"], MappingProxyType(ions), base.short_range_cutoff, added)


def _potential(name: str, entry: dict[str, Any], citations: dict[str, str]) -> Potential:
    ions = {}
    for label, row in entry["ions"].items():
        element, valence = _split_label(label)
        ions[label] = IonParameters(
            label=label,
            element=element,
            valence=valence,
            charge=entry["charge_scale"] * valence,
            A=row["A"],
            rho=row["rho"],
            C=row["C"],
            sources=tuple(citations[key] for key in row["sources"]),
            provisional=row.get("provisional", False),
        )
    return Potential(name, entry["title"], MappingProxyType(ions), entry["short_range_cutoff"])


POTENTIALS: Mapping[str, Potential] = MappingProxyType(_load())
"""Potentials by name."""

ALIASES: Mapping[str, str] = MappingProxyType({"learned": RECOMMENDED} if RECOMMENDED in POTENTIALS else {})
"""Other names: ``learned`` is the recommended learned potential."""


def potential(name: str) -> Potential:
    """Return a potential by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    try:
        return POTENTIALS[ALIASES.get(name, name)]
    except KeyError:
        allowed = ", ".join([*POTENTIALS, *ALIASES])
        raise InputError(f"potential: {name!r} is unknown; allowed: {allowed}") from None


def provisional_ions(*provenances: Any) -> tuple[str, ...]:
    """Ions whose provisional parameters went into models, by alphabet.

    Parameters
    ----------
    *provenances
        Provenance of models as it stands in ``info``; the mark is found at any depth, since a model made of others
        carries theirs inside its own.
    """
    found: set[str] = set()
    for item in provenances:
        if isinstance(item, list | tuple):
            found.update(provisional_ions(*item))
        elif isinstance(item, dict):
            marked = item.get("provisional", ())
            found.update(marked if isinstance(marked, list | tuple) else ())
            found.update(provisional_ions(*item.values()))
    return tuple(sorted(found))
