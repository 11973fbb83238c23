"""How much La2O3 a glass holds: energies against the crystalline oxide, and whether La gathers.

At fixed Li7Zr2 the glass Li7 La_x Zr2 O_(7.5 + 1.5 x) takes up or gives off ½ La2O3 for each La. It gains energy by
giving some off where dE/dx, per formula unit, lies above ½ E(La2O3). All energies are at 0 K: entropy, which holds La
in the glass at the temperature at which a film grows, is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.forcefields.validation import VALIDATION, formation_enthalpy
from alzmodel.local_order.network import network
from alzmodel.local_order.shells import ANION, bonded
from alzmodel.statistics import contrast
from alzmodel.units import EV_TO_KJ_PER_MOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

    from alzmodel.statistics import Outcome

__all__ = [
    "GATE_CRYSTAL",
    "GATE_PER_LA",
    "Exsolution",
    "Gate",
    "Solubility",
    "exsolution",
    "formation_gate",
    "per_formula_unit",
    "solubility",
]

GATE_CRYSTAL: Final = "La2Zr2O7"
"""The one compound of La, Zr and O whose formation enthalpy from the oxides was measured and could be read."""

GATE_PER_LA: Final = 0.5 * (135.8 - 107.3)
"""kJ per mole of La: half of what the two calorimetries of La2Zr2O7 (−107.3 and −135.8) differ by, for its two La.

Nobody can ask a model to be nearer to the measurement than two measurements are to one another. What the model is
wrong by for La in an ordered oxide with Zr it may be wrong by in the glass: a verdict must also hold when ½ E(La2O3)
is moved by this much up and down.
"""

DRAWS: Final = 2000


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether energies may be compared across phases.

    Attributes
    ----------
    model, published
        Formation enthalpy of :data:`GATE_CRYSTAL` from the oxides, kJ per mole of formula units.
    difference
        Between them in kJ per mole of La.
    allowed
        Largest difference.
    passed
        Whether it is within.
    """

    model: float
    published: float
    difference: float
    allowed: float
    passed: bool

    def __str__(self) -> str:
        """Say it in one sentence."""
        verdict = "passes" if self.passed else "fails"
        return (
            f"gate: {verdict}: {GATE_CRYSTAL} forms from its oxides with {self.model:.1f} kJ/mol in the model and "
            f"{self.published:g} kJ/mol as measured; they differ by {self.difference:.1f} kJ per mole of La, "
            f"{self.allowed:.1f} are allowed"
        )


def formation_gate(energies: Mapping[str, float]) -> Gate:
    """Hold the formation enthalpy of :data:`GATE_CRYSTAL` against the measured one.

    Parameters
    ----------
    energies
        eV per formula unit of the crystal and its oxides, by name.

    Raises
    ------
    InputError
        If one is missing.
    """
    published = VALIDATION[GATE_CRYSTAL].formation_enthalpy
    assert published is not None
    model = formation_enthalpy(GATE_CRYSTAL, energies)
    difference = abs(model - published[0]) / 2
    return Gate(model, published[0], difference, GATE_PER_LA, difference <= GATE_PER_LA)


def per_formula_unit(atoms: Atoms, energy: float) -> float:
    """Energy of a glass in eV per two Zr.

    Raises
    ------
    InputError
        If the model is not of the composition Li7 La_x Zr2 O_(7.5 + 1.5 x) to the last ion: then its energy lies on
        another line.
    """
    symbols = np.array(atoms.get_chemical_symbols())
    li, la, zr, oxygen = (int((symbols == element).sum()) for element in ("Li", "La", "Zr", "O"))
    if li + la + zr + oxygen != len(atoms) or 2 * li != 7 * zr or 2 * oxygen != li + 3 * la + 4 * zr:
        raise InputError(
            f"composition: {atoms.get_chemical_formula()}; allowed: whole units of Li7LaxZr2O(7.5+1.5x)"
        )
    return 2 * energy / zr


@dataclass(frozen=True, slots=True)
class Solubility:
    """Energies of glasses over the La content, against the crystalline oxide.

    Attributes
    ----------
    x
        La contents, rising.
    groups
        Energies in eV per formula unit, one tuple of models for each x.
    oxide
        ½ E(La2O3) in eV.
    slopes
        Between neighbouring x: dE/dx − ½ E(La2O3) in eV per La. Above zero, the glass gains by giving La2O3 off.
    curvatures
        At every inner x: d²E/dx² in eV per La². Below zero, the glass gains by parting into two.
    limit
        The x of the common tangent with La2O3: where E(x) − x ½ E(La2O3) is lowest among the glasses that were made.
    limit_range
        Lowest and highest limit over draws of the models (95 %), with ½ E(La2O3) moved by `tolerance` up and down.
    tolerance
        eV per La.
    """

    x: tuple[float, ...]
    groups: tuple[tuple[float, ...], ...]
    oxide: float
    slopes: tuple[Outcome, ...]
    curvatures: tuple[Outcome, ...]
    limit: float
    limit_range: tuple[float, float]
    tolerance: float

    def excess(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard error of E(x) − x ½ E(La2O3), in eV per formula unit, zero at the first x."""
        mean = np.array([np.mean(group) for group in self.groups]) - np.array(self.x) * self.oxide
        error = np.array([np.std(group, ddof=1) / math.sqrt(len(group)) for group in self.groups])
        return mean - mean[0], error

    def verdict(self, gate: Gate | None = None) -> str:
        """Say in words what the energies tell, or that they cannot tell and why."""
        low, high = self.limit_range
        first, last = self.x[0], self.x[-1]
        if gate is not None and not gate.passed:
            return f"The model cannot tell: {gate}. The numbers stand here, but are not usable."
        if gate is None:
            return (
                "The model cannot tell: without the formation enthalpy of "
                f"{GATE_CRYSTAL} in the same model nothing says how far its energies hold across phases. "
                "The numbers stand here, but are not usable."
            )
        if low == high == last:
            return (
                f"No limit up to x = {last:g}: the glass gains energy by taking up La2O3 at every step, also with "
                f"½ E(La2O3) moved by {self.tolerance:.3f} eV."
            )
        if low == high == first:
            return f"The limit lies at or below x = {first:g}: at every step the glass gains by giving La2O3 off."
        if low == first and high == last:
            return (
                "The model cannot tell: within its own errors the limit may lie anywhere from "
                f"x = {first:g} to {last:g}."
            )
        return f"The limit lies at x = {self.limit:g}, within {low:g} to {high:g}."


def solubility(
    energies: Mapping[float, Sequence[float]],
    oxide: float,
    *,
    tolerance: float = GATE_PER_LA / EV_TO_KJ_PER_MOL,
    seed: int = 0,
) -> Solubility:
    """Compare energies of glasses with the crystalline oxide.

    Parameters
    ----------
    energies
        eV per formula unit Li7 La_x Zr2 O_(7.5 + 1.5 x), several models for each x.
    oxide
        ½ E(La2O3) in eV.
    tolerance
        eV per La that the difference between glass and oxide may be wrong by.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If there are fewer than three x, or fewer than two models of one.
    """
    x = tuple(sorted(energies))
    groups = tuple(tuple(float(value) for value in energies[one]) for one in x)
    if len(x) < 3 or min(len(group) for group in groups) < 2:
        raise InputError(
            f"solubility: {len(x)} La contents with {[len(group) for group in groups]} models; "
            "allowed: at least three contents, two models each"
        )
    steps = [after - before for before, after in pairwise(x)]
    slopes = []
    for k, step in enumerate(steps):
        shifted = [value - step * oxide for value in groups[k + 1]]
        slopes.append(contrast([groups[k], shifted], [-1 / step, 1 / step]))
    curvatures = []
    for k, (before, after) in enumerate(pairwise(steps)):
        outer = 2 / (before + after)
        weights = [outer / before, -outer / before - outer / after, outer / after]
        curvatures.append(contrast(groups[k : k + 3], weights))
    return Solubility(
        x=x,
        groups=groups,
        oxide=oxide,
        slopes=tuple(slopes),
        curvatures=tuple(curvatures),
        limit=_limit(x, [np.mean(group) for group in groups], oxide),
        limit_range=_limit_range(x, groups, oxide, tolerance, seed),
        tolerance=tolerance,
    )


def _limit(x: Sequence[float], means: Sequence[Any], oxide: float) -> float:
    return x[int(np.argmin(np.asarray(means) - np.asarray(x) * oxide))]


def _limit_range(
    x: Sequence[float], groups: Sequence[Sequence[float]], oxide: float, tolerance: float, seed: int
) -> tuple[float, float]:
    # Means of few models scatter like Student's t, not like a resampling of three values.
    rng = np.random.default_rng(seed)
    draws = np.stack(
        [
            np.mean(group)
            + np.std(group, ddof=1) / math.sqrt(len(group)) * rng.standard_t(len(group) - 1, DRAWS)
            for group in groups
        ],
        axis=1,
    )
    ends = []
    for moved in (oxide - tolerance, oxide + tolerance):
        found = np.asarray(x)[np.argmin(draws - np.asarray(x) * moved, axis=1)]
        ends += [float(np.quantile(found, level, method="nearest")) for level in (0.025, 0.975)]
    return min(ends), max(ends)


@dataclass(frozen=True, slots=True)
class Exsolution:
    """Whether La gathers in a model.

    Attributes
    ----------
    la_la_order
        Warren-Cowley parameter of La among the cations around La: below zero where La gathers.
    la_only_oxygen
        Share of the oxygens that are bonded to La alone; 1 in La2O3.
    la_only_oxygen_random
        The same share if each bond of an oxygen went to La with the share that La has in all bonds.
    oxide_like_la
        Share of the La with a shell as in La2O3: seven oxygens, each bonded to La alone.
    """

    la_la_order: float
    la_only_oxygen: float
    la_only_oxygen_random: float
    oxide_like_la: float

    @property
    def gathering(self) -> float:
        """La-only oxygens over those of a random network; 1 if La is spread at random."""
        return self.la_only_oxygen / self.la_only_oxygen_random


def exsolution(frames: Atoms | Sequence[Atoms]) -> Exsolution:
    """Measure whether La gathers, and whether its surroundings are those of La2O3.

    Raises
    ------
    InputError
        If the model is no oxide with La.
    """
    model = bonded(frames)
    if "La" not in model.cations:
        raise InputError(f"elements: {', '.join(model.cations)}; allowed: models with La")
    former = "Zr" if "Zr" in model.cations else model.cations[0]
    shares: list[tuple[float, float, float]] = []
    for atoms, bonds in zip(model.frames, model.bonds, strict=True):
        symbols = np.array(atoms.get_chemical_symbols())
        to_la = symbols[bonds.i] == "La"
        every = np.bincount(bonds.j, minlength=len(atoms))
        from_la = np.bincount(bonds.j[to_la], minlength=len(atoms))
        pure = (every > 0) & (every == from_la)
        oxygen = (symbols == ANION) & (every > 0)
        random = to_la.mean() ** every[oxygen]
        shell = np.bincount(bonds.i, minlength=len(atoms))
        pure_shell = np.bincount(bonds.i[pure[bonds.j]], minlength=len(atoms))
        la = symbols == "La"
        shares.append((pure[oxygen].mean(), random.mean(), ((shell[la] == 7) & (pure_shell[la] == 7)).mean()))
    found, expected, like = np.mean(shares, axis=0)
    return Exsolution(
        la_la_order=network(model, former=former).short_range_order["La-La"],
        la_only_oxygen=float(found),
        la_only_oxygen_random=float(expected),
        oxide_like_la=float(like),
    )
