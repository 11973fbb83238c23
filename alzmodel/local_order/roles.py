"""Former or modifier: what each cation does to the network, and what the conventional scales call it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.composition import ion_labels
from alzmodel.ions import ION_TABLE, ion
from alzmodel.local_order.bond_valence import parameters
from alzmodel.local_order.ligands import former_elements, is_among
from alzmodel.local_order.network import percolation
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import ANION, Bonded, bonded
from alzmodel.results import Item, Result, holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = [
    "DIETZEL",
    "PAPER",
    "Connectivity",
    "Role",
    "Roles",
    "dietzel_class",
    "roles",
    "sun_class",
    "table_class",
]

DIETZEL: Final = {"modifier": (0.1, 0.4), "intermediate": (0.5, 1.0), "former": (1.4, 2.0)}
"""Dietzel's ranges of z / d² in e/Å², as textbooks hand them on. Between two ranges his scale names no class."""
PAPER: Final = {"Zr": "former", "Li": "former", "La": "modifier"}
"""What Zhu et al., Adv. Mater. 36 (2024) 2302438, assign."""
_WORDS = {
    "Sun": "Sun's bond strength",
    "Dietzel": "Dietzel's field strength",
    "table": "the Encyclopedia's table",
}
_SOURCES: Final = {
    "sun": (
        "K.-H. Sun, J. Am. Ceram. Soc. 30, 277 (1947), in the form that textbooks hand on (original not seen; the "
        "energies agree with enthalpies of formation within 9.5 %)"
    ),
    "dietzel": "A. Dietzel, Z. Elektrochem. 48, 9 (1942), ranges as textbooks hand them on (original not seen)",
    "paper": "Zhu et al., Adv. Mater. 36, 2302438 (2024)",
}


@dataclass(frozen=True, slots=True, repr=False)
class Connectivity(Result):
    """How the cations hang together over shared oxygens.

    Attributes
    ----------
    largest_fraction
        Share of the cations in the largest piece.
    dimensions
        In how many directions that piece runs through the model.
    links_per_cation, std_links_per_cation
        Other cations that a cation shares oxygen with; the spread is over cations.
    bridging_fraction
        Share of the oxygens that join at least two cations.
    """

    largest_fraction: float
    dimensions: float
    links_per_cation: float
    std_links_per_cation: float
    bridging_fraction: float


@dataclass(frozen=True, slots=True, repr=False)
class Role(Result):
    """One cation on all scales.

    Attributes
    ----------
    ion
        Label, such as ``"La3+"``.
    coordination, std_coordination, distance, std_distance
        Mean coordination and mean bond length, Å, in the model, with their spreads over cations and over bonds.
    valence_per_bond, std_valence_per_bond
        Mean bond valence and its spread over bonds; valence over coordination is what Pauling's rule gives.
    bridging_share, std_bridging_share
        Share of its bonds that go to oxygens with at least two formers, and the spread over cations.
    field_strength
        z / r with the six-fold radius, e/Å: the paper's scale, which has no thresholds.
    dietzel, std_dietzel
        z / d² with d the distance in the model, e/Å²; its spread over cations, each with its own mean distance.
    dietzel_radii
        The same with d from six-fold radii.
    dietzel_class
        ``"former"``, ``"intermediate"``, ``"modifier"`` or what it lies between.
    sun, std_sun
        kJ/mol a bond: the energy that takes the oxide apart, over the coordination in the model, NaN where unknown; its
        spread over cations, each with its own coordination.
    sun_table
        The same over the coordination that the source divides by.
    sun_class
        From `sun`: ``"former"`` above 80 kcal/mol, ``"modifier"`` below 60, else ``"intermediate"``; ``"unknown"``.
    sun_source
        Where the energy is from.
    table_class
        Group of the ion in the table of field strengths of the Encyclopedia of Glass Science, Technology, History, and
        Culture: ``"former"``, ``"modifier to intermediate"`` or ``"not listed"``.
    without
        Connectivity of the other cations when this one is taken out.
    paper
        What the paper calls it, or ``"not named"``.
    contradictions
        Scales that put it elsewhere than the paper, in words.
    """

    ion: str
    coordination: float
    std_coordination: float
    distance: float
    std_distance: float
    valence_per_bond: float
    std_valence_per_bond: float
    bridging_share: float
    std_bridging_share: float
    field_strength: float
    dietzel: float
    std_dietzel: float
    dietzel_radii: float
    dietzel_class: str
    sun: float
    std_sun: float
    sun_table: float
    sun_class: str
    sun_source: str
    table_class: str
    without: Connectivity
    paper: str
    contradictions: tuple[str, ...] = field(metadata=holds(hidden=True))

    def items(self) -> Iterator[Item]:
        """Every attribute by its name; the contradictions as one text, empty if there is none."""
        yield from Result.items(self)
        yield Item("contradictions", "; ".join(self.contradictions))


@dataclass(frozen=True, slots=True, repr=False)
class Roles(Result):
    """The table of roles.

    Attributes
    ----------
    former
        Element that the word bridging refers to.
    ions
        By ion label.
    all_cations
        Connectivity with every cation in place.
    """

    former: str
    ions: dict[str, Role]
    all_cations: Connectivity

    def items(self) -> Iterator[Item]:
        """Every attribute by its name, then ``thresholds`` and ``sources``."""
        yield from Result.items(self)
        sun = {name: ION_TABLE["sources"]["oxide"][name] for name in ("former_above", "modifier_below")}
        yield Item("thresholds", {"sun": {**sun, "unit": "kJ/mol a bond"}, "dietzel": DIETZEL})
        yield Item("sources", {**_SOURCES, "table": ION_TABLE["sources"]["field_strength"]["name"]})


def table_class(label: str) -> str:
    """Group of an ion in the table of field strengths (:attr:`Role.table_class`)."""
    group: str = ION_TABLE["ions"].get(label, {}).get("field_strength", {}).get("group", "not listed")
    return group


def sun_class(strength: float) -> str:
    """Class of a single-bond strength in kJ/mol on Sun's scale.

    References
    ----------
    K.-H. Sun, J. Am. Ceram. Soc. 30, 277 (1947): formers hold more than 80 kcal/mol a bond, modifiers less than 60.
    """
    limits = ION_TABLE["sources"]["oxide"]
    if not math.isfinite(strength):
        return "unknown"
    if strength > limits["former_above"]:
        return "former"
    return "modifier" if strength < limits["modifier_below"] else "intermediate"


def dietzel_class(strength: float) -> str:
    """Class of a field strength z / d² in e/Å² on Dietzel's scale, or the two that it lies between.

    NaN is ``"unknown"``.

    References
    ----------
    A. Dietzel, Z. Elektrochem. 48, 9 (1942); the ranges are those that textbooks hand on.
    """
    if not math.isfinite(strength):
        return "unknown"
    below = ""
    for name, (low, high) in DIETZEL.items():
        if strength < low:
            return f"between {below} and {name}" if below else f"less than any {name}"
        if strength <= high:
            return name
        below = name
    return f"more than any {below}"


def roles(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    former: str = "Zr",
    cutoffs: Mapping[str, float] | None = None,
    connectivity: bool = True,
) -> Roles:
    """Tell former from modifier by everything that is measured or tabulated, one row a cation.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    former
        Cation whose network the bridges belong to; several with commas between them.
    cutoffs
        Å by pair label, in place of what is found.
    connectivity
        Whether to take out each cation in turn and see what still hangs together: the longest part. NaN without.

    Raises
    ------
    InputError
        If the model is no oxide, a cut-off is bad, `former` is no cation of it, or the charge or radius of an ion is
        not known.
    """
    model = bonded(frames, cutoffs=cutoffs)
    formers = former_elements(former, model.cations)
    labels = [np.array(ion_labels(atoms)) for atoms in model.frames]
    found = {
        str(label): ion(str(label))
        for label in np.unique(np.concatenate(labels))
        if ion(str(label)).element not in model.ligands
    }
    order = sorted(found, key=lambda label: (model.cations.index(found[label].element), label))

    def left(without: str | None) -> Connectivity:
        if not connectivity:
            return Connectivity(*(math.nan for _ in Connectivity.__slots__))
        return _mean(
            [_connectivity(pairs, names, without) for pairs, names in zip(model.bonds, labels, strict=True)]
        )

    rows = {label: _role(label, model, labels, formers, left(label)) for label in order}
    return Roles(",".join(formers), rows, left(None))


def _role(
    label: str,
    model: Bonded,
    labels: Sequence[NDArray[np.str_]],
    formers: Sequence[str],
    without: Connectivity,
) -> Role:
    known = ion(label)
    _, parameter = parameters()
    r0, b = parameter.get(label, (math.nan, math.nan))
    lengths, shares, of_one = [np.empty(0)], [np.empty(0, dtype=bool)], [np.empty(0)]
    numbers, own_lengths = [], []
    for atoms, pairs, names in zip(model.frames, model.bonds, labels, strict=True):
        is_former = is_among(atoms, formers)
        to_former = np.bincount(pairs.j[is_former[pairs.i]], minlength=len(atoms))
        mine = names[pairs.i] == label
        lengths.append(pairs.distance[mine])
        shares.append(to_former[pairs.j[mine]] > 1)
        number = np.bincount(pairs.i[mine], minlength=len(atoms))
        total = np.bincount(pairs.i[mine], weights=pairs.distance[mine], minlength=len(atoms))
        numbers.append(number[names == label])
        own_lengths.append(total[number > 0] / number[number > 0])
        bridging = np.bincount(pairs.i[mine], weights=shares[-1], minlength=len(atoms))
        of_one.append(bridging[number > 0] / number[number > 0])
    length, of_one_cation = np.concatenate(lengths), np.concatenate(of_one)
    each, own_length = np.concatenate(numbers), np.concatenate(own_lengths)
    valences = np.exp((r0 - length) / b)
    coordination = float(each.mean())
    distance = float(length.mean()) if len(length) else math.nan
    row = ION_TABLE["ions"].get(label, {}).get("oxide")
    energy = float(row["energy"]) if row else math.nan
    sun = energy / coordination if coordination else math.nan
    dietzel = known.valence / distance**2
    role = {"Sun": sun_class(sun), "Dietzel": dietzel_class(dietzel), "table": table_class(label)}
    paper = PAPER.get(known.element, "not named")
    return Role(
        ion=label,
        coordination=coordination,
        std_coordination=_spread(each),
        distance=distance,
        std_distance=_spread(length),
        valence_per_bond=float(valences.mean()) if len(length) else math.nan,
        std_valence_per_bond=_spread(valences),
        bridging_share=float(np.concatenate(shares).mean()) if len(length) else math.nan,
        std_bridging_share=_spread(of_one_cation),
        field_strength=known.field_strength,
        dietzel=dietzel,
        std_dietzel=_spread(known.valence / own_length**2),
        dietzel_radii=known.dietzel_field_strength,
        dietzel_class=role["Dietzel"],
        sun=sun,
        std_sun=_spread(energy / each[each > 0]),
        sun_table=energy / row["coordination"] if row else math.nan,
        sun_class=role["Sun"],
        sun_source=str(row["source"]) if row else "none",
        table_class=role["table"],
        without=without,
        paper=paper,
        contradictions=tuple(
            f"{_WORDS[scale]} makes it {name}, the paper a {paper}"
            for scale, name in role.items()
            if paper != "not named"
            and name not in {paper, "unknown", "not listed"}
            and (scale, paper, name) != ("table", "modifier", "modifier to intermediate")
        ),
    )


def _connectivity(pairs: Neighbours, labels: NDArray[np.str_], without: str | None) -> Connectivity:
    """Give the connectivity of the cations of one frame, with those of one label taken out."""
    kept = pairs if without is None else pairs.select(labels[pairs.i] != without)
    oxygens = np.char.startswith(labels.astype(str), ANION) & np.char.endswith(labels.astype(str), "-")
    cations = ~oxygens if without is None else ~oxygens & (labels != without)
    n_cations = int(cations.sum())
    links = link_units(kept)
    piece, dimensions = percolation(len(labels), links.a, links.b, links.shift)
    sizes = np.bincount(piece[cations], minlength=1)
    largest = int(sizes.argmax())
    joined = np.bincount(kept.j, minlength=len(labels))[oxygens] > 1
    number = np.bincount(links.a, minlength=len(labels)) + np.bincount(links.b, minlength=len(labels))
    return Connectivity(
        largest_fraction=int(sizes[largest]) / n_cations if n_cations else math.nan,
        dimensions=float(dimensions[largest]) if n_cations else 0.0,
        links_per_cation=2 * len(links.a) / n_cations if n_cations else math.nan,
        std_links_per_cation=_spread(number[cations]),
        bridging_fraction=float(joined.mean()),
    )


def _spread(values: NDArray[Any]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _mean(parts: Sequence[Connectivity]) -> Connectivity:
    return Connectivity(
        *(float(np.mean([getattr(part, name) for part in parts])) for name in Connectivity.__slots__)
    )
