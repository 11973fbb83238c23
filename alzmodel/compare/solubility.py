"""How much La2O3 a glass holds: energies against the crystalline oxide, and whether La gathers.

At fixed Li7Zr2 the glass Li7 La_x Zr2 O_(7.5 + 1.5 x) takes up or gives off ½ La2O3 for each La. It gains energy by
giving some off where dE/dx, per formula unit, lies above ½ E(La2O3). All energies are at 0 K. Entropy holds La in the
glass at the temperature at which a film grows: that of mixing is estimated beside them (:func:`mixing_entropy`), that
of vibrations is left out. La2O3 is the only competitor looked at.

Few models are made at each x, so that the scatter of models is taken to be the same at every x and pooled over all of
them. The curvature of E(x) compares glasses with glasses and holds whether or not energies hold across phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from alzmodel.errors import InputError
from alzmodel.forcefields.validation import VALIDATION, formation_enthalpy
from alzmodel.local_order.network import network
from alzmodel.local_order.shells import ANION, bonded
from alzmodel.statistics import contrast, holm, one_sample
from alzmodel.units import BOLTZMANN_EV_K, EV_TO_KJ_PER_MOL

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
    "atoms_per_unit",
    "exsolution",
    "formation_gate",
    "gathering_words",
    "mixing_entropy",
    "per_formula_unit",
    "solubility",
    "trend",
    "whole_cell",
]

GATE_CRYSTAL: Final = "La2Zr2O7"
"""The one compound of La, Zr and O whose formation enthalpy from the oxides was measured and could be read."""

GATE_PER_LA: Final = 0.5 * (135.8 - 107.3)
"""kJ per mole of La: half of what the two calorimetries of La2Zr2O7 (−107.3 and −135.8) differ by, for its two La.

Nobody can ask a model to be nearer to the measurement than two measurements are to one another. What the model is
wrong by for La in an ordered oxide with Zr it may be wrong by in the glass: a verdict must also hold when ½ E(La2O3)
is moved by this much up and down.
"""

LI_UNITS: Final = 7.0
ZR_UNITS: Final = 2.0
"""Per formula unit."""

FILM_TEMPERATURE: Final = 873.0
"""K, at which the films were annealed."""

DRAWS: Final = 2000

MOST_UNITS: Final = 1000


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether energies may be compared across phases.

    Attributes
    ----------
    model, published
        Formation enthalpy of :data:`GATE_CRYSTAL` from the oxides, kJ per mole of formula units.
    difference
        Model less measurement in kJ per mole of La; above zero, the model binds La too weakly.
    allowed
        Largest difference to either side.
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
            f"{self.published:g} kJ/mol as measured; they differ by {abs(self.difference):.1f} kJ per mole of La, "
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
    difference = (model - published[0]) / 2
    return Gate(model, published[0], difference, GATE_PER_LA, abs(difference) <= GATE_PER_LA)


MOST_IONS: Final = 4
"""Ions of a sort by which a large model may miss its composition before its energy counts as another's."""


def atoms_per_unit(la: float) -> float:
    """Atoms in Li7LaxZr2O(7.5+1.5x)."""
    return 16.5 + 2.5 * la


def mixing_entropy(la: float) -> float:
    """Entropy of ideal mixing of the cations of Li7LaxZr2O(7.5+1.5x), eV/K per formula unit.

    S = −k Σ n_i ln(n_i / Σ n) over Li, La and Zr, as if each could stand in any place of another: an upper estimate for
    the glass, in which charges keep cations apart. Its slope over x is −k ln(x / (9 + x)).
    """
    amounts = [amount for amount in (LI_UNITS, la, ZR_UNITS) if amount > 0]
    total = math.fsum(amounts)
    return -BOLTZMANN_EV_K * math.fsum(amount * math.log(amount / total) for amount in amounts)


def whole_cell(la: float, least: int) -> int:
    """Smallest number of atoms, at least `least`, that holds whole formula units and whole ions.

    Raises
    ------
    InputError
        If x is no simple fraction.
    """
    per_unit = atoms_per_unit(la)
    for units in range(1, MOST_UNITS):
        parts = (units * la, units * (7.5 + 1.5 * la))
        if units * per_unit >= least and all(abs(part - round(part)) < 1e-9 for part in parts):
            return round(units * per_unit)
    raise InputError(
        f"La content: {la:g}; allowed: fractions that fit a cell of whole ions, such as 1.5 or 2"
    )


def per_formula_unit(
    atoms: Atoms, energy: float, *, la: float | None = None, oxides: Mapping[str, float] | None = None
) -> float:
    """Energy of a glass in eV per two Zr.

    Parameters
    ----------
    atoms
        Of the composition Li7 La_x Zr2 O_(7.5 + 1.5 x).
    energy
        eV for the whole model.
    la
        x to which the model belongs; its own if not given.
    oxides
        Energies of Li2O and La2O3 in eV per formula unit. With them a model that misses its composition by up to
        :data:`MOST_IONS` Li or La is brought to it as if those ions came from their oxides: what is left of the error
        is their heat of solution (the glass of x = 3 lies 0.17 eV for each cation above its oxides).

    Raises
    ------
    InputError
        If the model is of another composition: then its energy lies on another line.
    """
    symbols = np.array(atoms.get_chemical_symbols())
    counts = {element: int((symbols == element).sum()) for element in ("Li", "La", "Zr", "O")}
    zr = counts["Zr"]
    wanted = {"Li": 3.5 * zr, "La": counts["La"] if la is None else la * zr / 2}
    off = {element: counts[element] - wanted[element] for element in wanted}
    neutral = 2 * counts["O"] == counts["Li"] + 3 * counts["La"] + 4 * zr
    most = 0.0 if oxides is None else MOST_IONS
    if (
        sum(counts.values()) != len(atoms)
        or not neutral
        or not zr
        or max(map(abs, off.values())) > most + 1e-9
    ):
        raise InputError(
            f"composition: {atoms.get_chemical_formula()}; allowed: whole units of Li7LaxZr2O(7.5+1.5x)"
            + ("" if la is None else f", x = {la:g}")
        )
    if oxides is not None:
        energy -= off["Li"] * oxides["Li2O"] / 2 + off["La"] * oxides["La2O3"] / 2
    return 2 * energy / zr


def trend(values: Mapping[float, Sequence[float]], order: Literal[1, 2] = 1) -> Outcome:
    """Slope of a line, or second derivative of a parabola, through all models; errors from their scatter at equal x.

    Parameters
    ----------
    values
        Several models at each x.
    order
        1 for the slope, 2 for the second derivative, in units of the values over x or x².
    """
    x = np.array(sorted(values))
    groups = [values[one] for one in sorted(values)]
    # Least squares over models is linear in the means of groups.
    root = np.sqrt([len(group) for group in groups])
    powers = np.vander(x - x.mean(), order + 1)
    weights = np.linalg.pinv(powers * root[:, None])[0] * root * order
    return contrast(groups, list(weights - weights.mean()), equal_variances=True)


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
    bend
        d²E/dx² of a parabola through all models.
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
    bend: Outcome
    limit: float
    limit_range: tuple[float, float]
    tolerance: float

    def excess(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard error of E(x) − x ½ E(La2O3), in eV per formula unit, zero at the first x."""
        mean = np.array([np.mean(group) for group in self.groups]) - np.array(self.x) * self.oxide
        error = _scatter(self.groups)[0] / np.sqrt([len(group) for group in self.groups])
        return mean - mean[0], error

    def limit_with(self, shift: float) -> float:
        """Return the limit with ½ E(La2O3) higher by `shift` eV."""
        return _limit(self.x, [np.mean(group) for group in self.groups], self.oxide + shift)

    def limit_at(self, temperature: float = FILM_TEMPERATURE) -> float:
        """Return the limit with the entropy of ideal mixing of the cations at a temperature in K."""
        means = [
            np.mean(group) - temperature * mixing_entropy(one)
            for one, group in zip(self.x, self.groups, strict=True)
        ]
        return _limit(self.x, means, self.oxide)

    def mixing(self, temperature: float = FILM_TEMPERATURE) -> str:
        """Say in words what the entropy of mixing does to the limit, and what it leaves out."""
        first, last = self.x[0], self.x[-1]
        gains = [
            temperature * BOLTZMANN_EV_K * math.log(x / (LI_UNITS + x + ZR_UNITS)) for x in (first, last)
        ]
        return (
            f"Ideal mixing of all cations at {temperature:g} K, an upper estimate, takes {-gains[0]:.2f} eV per La at "
            f"x = {first:g} and {-gains[1]:.2f} at {last:g} off dE/dx: the limit moves from x = {self.limit:g} to "
            f"{self.limit_at(temperature):g}. Entropy of vibrations is left out."
        )

    def convexity(self) -> str:
        """Say in words whether the glass gains by parting into two glasses."""
        low, high = self.bend.ci95
        found = (
            f"d²E/dx² of a parabola through all models is {self.bend.effect:+.4f} eV "
            f"({low:+.4f} to {high:+.4f}, 95 %)"
        )
        if low > 0:
            return f"E(x) is convex: {found}. The glass gains nothing by parting into two glasses."
        if high < 0:
            return f"E(x) is concave: {found}. The glass would gain by parting into two glasses."
        return f"Whether E(x) is convex cannot be told: {found}."

    def verdict(self, gate: Gate | None = None) -> str:
        """Say in words what the energies tell, or that they cannot tell and why."""
        low, high = self.limit_range
        first, last = self.x[0], self.x[-1]
        if gate is not None and not gate.passed:
            moved = self.limit_with(gate.difference / EV_TO_KJ_PER_MOL)
            limit = (
                f"stays at x = {moved:g}"
                if moved == self.limit
                else f"moves from x = {self.limit:g} to {moved:g}"
            )
            return (
                f"The model cannot tell: {gate}. If the glass is off by as much as the crystal, the limit {limit}. "
                "The numbers stand here, but are not usable."
            )
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
        where = "at or below x" if self.limit == first else "at or above x" if self.limit == last else "at x"
        if low == first:
            span = f"at or below {high:g}"
        elif high == last:
            span = f"at or above {low:g}"
        else:
            span = f"{low:g} to {high:g}"
        return (
            f"The limit lies {where} = {self.limit:g}; {span} over the scatter of the models. Only the contents that "
            "were made could be found."
        )

    def beside(self, low: float, high: float) -> str:
        """Say how the limit stands to a measured one, from x = `low` to `high`."""
        measured = f"the measured limit, x = {low:g} to {high:g}"
        if self.limit_range[1] < low:
            steps = [(b, slope.effect) for b, slope in zip(self.x[1:], self.slopes, strict=True) if b <= low]
            cost = steps[-1][1] if steps else self.slopes[0].effect
            return (
                f"That is below {measured}: at 0 K the model contradicts the measurement. For both to hold, entropy "
                f"would have to outweigh {cost:+.2f} eV per La ({cost / (1000 * BOLTZMANN_EV_K):.1f} k_B at 1000 K), "
                "or the film to be no equilibrium."
            )
        if self.limit_range[0] > high:
            return f"That is above {measured}: the model contradicts the measurement, and entropy moves it further up."
        return f"That does not contradict {measured}."


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
        weights = [0.0] * len(x)
        weights[k : k + 2] = [-1 / step, 1 / step]
        slopes.append(contrast([*groups[: k + 1], shifted, *groups[k + 2 :]], weights, equal_variances=True))
    curvatures = []
    for k, (before, after) in enumerate(pairwise(steps)):
        outer = 2 / (before + after)
        weights = [0.0] * len(x)
        weights[k : k + 3] = [outer / before, -outer / before - outer / after, outer / after]
        curvatures.append(contrast(groups, weights, equal_variances=True))
    return Solubility(
        x=x,
        groups=groups,
        oxide=oxide,
        slopes=tuple(slopes),
        curvatures=tuple(curvatures),
        bend=trend(dict(zip(x, groups, strict=True)), 2),
        limit=_limit(x, [np.mean(group) for group in groups], oxide),
        limit_range=_limit_range(x, groups, oxide, tolerance, seed),
        tolerance=tolerance,
    )


def _limit(x: Sequence[float], means: Sequence[Any], oxide: float) -> float:
    return x[int(np.argmin(np.asarray(means) - np.asarray(x) * oxide))]


def _scatter(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Return the standard deviation of models of one x, pooled over all x, and its degrees of freedom."""
    freedom = sum(len(group) - 1 for group in groups)
    squares = math.fsum(float(np.var(group)) * len(group) for group in groups)
    return math.sqrt(squares / freedom), freedom


def _limit_range(
    x: Sequence[float], groups: Sequence[Sequence[float]], oxide: float, tolerance: float, seed: int
) -> tuple[float, float]:
    # Means of few models scatter like Student's t, not like a resampling of three values. One error of the scatter is
    # common to all x.
    rng = np.random.default_rng(seed)
    std, freedom = _scatter(groups)
    wide = std * np.sqrt(freedom / rng.chisquare(freedom, DRAWS))
    draws = np.stack(
        [np.mean(group) + wide / math.sqrt(len(group)) * rng.standard_normal(DRAWS) for group in groups],
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
        Warren-Cowley parameter of La among the cations around La. La has the longest reach of the cations, so that
        this is below zero without any gathering.
    la_la_bridges
        The same over bonds, which takes that out: 0 where bonds meet at oxygens at random, below zero where La
        gathers (``bridge_order`` of :mod:`alzmodel.local_order.network`).
    la_only_oxygen
        Share of the oxygens that are bonded to La alone; 1 in La2O3.
    la_only_oxygen_random
        The same share if each bond of an oxygen went to La with the share that La has in all bonds.
    la_only_shell
        Share of the bonds of La that go to such oxygens; 1 in La2O3, 1/4 in La2Zr2O7.
    oxide_like_la
        Share of the La with a shell as in La2O3: seven oxygens, each bonded to La alone.
    """

    la_la_order: float
    la_la_bridges: float
    la_only_oxygen: float
    la_only_oxygen_random: float
    la_only_shell: float
    oxide_like_la: float

    @property
    def gathering(self) -> float:
        """La-only oxygens less those of a random network; 0 if La is spread at random."""
        return self.la_only_oxygen - self.la_only_oxygen_random


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
    shares: list[tuple[float, float, float, float]] = []
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
        shares.append(
            (
                pure[oxygen].mean(),
                random.mean(),
                pure_shell[la].sum() / shell[la].sum(),
                ((shell[la] == 7) & (pure_shell[la] == 7)).mean(),
            )
        )
    found, expected, bonds_of_la, like = np.mean(shares, axis=0)
    linked = network(model, former=former)
    return Exsolution(
        la_la_order=linked.short_range_order["La-La"],
        la_la_bridges=linked.bridge_order["La-La"],
        la_only_oxygen=float(found),
        la_only_oxygen_random=float(expected),
        la_only_shell=float(bonds_of_la),
        oxide_like_la=float(like),
    )


def gathering_words(orders: Mapping[float, Sequence[Exsolution]]) -> str:
    """Say in words where La gathers, and whether it does so more as x rises.

    Parameters
    ----------
    orders
        Several models at each x.

    Returns
    -------
    str
        Each x is held against a random network by Student's t with the p-values of all x corrected together (Holm);
        the change with x is the slope of a line through all models.
    """
    x = sorted(orders)
    more = {one: [order.gathering for order in orders[one]] for one in x}
    tests = [one_sample(more[one], 0.0) for one in x]
    p_values = holm([2 * min(test.p_greater, test.p_less) for test in tests])
    parts = []
    for word, sign in (("More", 1), ("Fewer", -1)):
        at = [
            f"{one:g}"
            for one, test, p in zip(x, tests, p_values, strict=True)
            if p < 0.05 and sign * test.effect > 0
        ]
        parts.append(
            f"{word} oxygens than at random are bonded to La alone at x = {', '.join(at)}. " if at else ""
        )
    if not any(parts):
        parts = ["At no x do the oxygens that are bonded to La alone differ from those of a random network. "]
    rise = trend(more)
    low, high = (100 * value for value in rise.ci95)
    parts.append(
        f"Their surplus {_change(rise)} with x: {100 * rise.effect:+.2f} % of all oxygens for each La "
        f"({low:+.2f} to {high:+.2f}, 95 %)"
    )
    bridges = trend({one: [order.la_la_bridges for order in orders[one]] for one in x})
    low, high = bridges.ci95
    parts.append(
        f"; the Warren-Cowley parameter of bonds {_change(bridges)}: {bridges.effect:+.3f} "
        f"({low:+.3f} to {high:+.3f})."
    )
    return "".join(parts)


def _change(slope: Outcome) -> str:
    if slope.ci95[0] > 0:
        return "rises"
    return "falls" if slope.ci95[1] < 0 else "shows no resolved change"
