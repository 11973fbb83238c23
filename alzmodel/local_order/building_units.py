"""Building units: what surrounds each cation, how the units join, and how they fill space."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.composition import formal_charges, formula_of, ion_kinds, ion_labels
from alzmodel.elements import element_symbols
from alzmodel.errors import InputError
from alzmodel.ions import ion, pair_label
from alzmodel.local_order.bond_valence import BondValence, bond_valence
from alzmodel.local_order.cation_order import CationOrder, cation_order
from alzmodel.local_order.criteria import CRITERIA
from alzmodel.local_order.cutoff_dependence import CutoffDependence, cutoff_dependence
from alzmodel.local_order.free_volume import PROBE, FreeVolume, check_probe, free_volume
from alzmodel.local_order.ligands import former_elements
from alzmodel.local_order.network import Network, network
from alzmodel.local_order.parts import PARTS, chosen_parts
from alzmodel.local_order.polyhedra import unit_angles
from alzmodel.local_order.rings import LARGEST, Rings, check_rings, rings
from alzmodel.local_order.roles import Roles, roles
from alzmodel.local_order.sensitivity import SHIFT, sensitivity
from alzmodel.local_order.sharing import Sharing, angle_density, sharing
from alzmodel.local_order.shells import ANION, Bonded, bonded, pair_limits
from alzmodel.local_order.space import Packing, packing
from alzmodel.local_order.unit_geometry import UnitGeometry, unit_geometry
from alzmodel.progress import Progress, silent
from alzmodel.results import Item, Result, Together, holds, together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = [
    "BuildingUnits",
    "Unit",
    "UnitSettings",
    "building_units",
    "effective_coordination",
    "notes_on",
    "some_units",
    "unknown_ions",
]

FORMER = "Zr"
"""The cation that counts as network former where it is present."""
PAPER_UNITS = {"LiO4": ("Li", 4), "LiO6": ("Li", 6), "ZrO6": ("Zr", 6), "LaO8": ("La", 8)}
"""The four units that Zhu et al., Adv. Mater. 36 (2024) 2302438, build the glass of."""
DETAIL_FRAMES = 2
"""Frames that what takes longest is averaged over: shapes, free volume and the other criteria of a first shell."""
_LARGEST = 12  # coordination numbers up to here always stand in the histogram, so that files line up


@dataclass(frozen=True, slots=True, repr=False)
class Unit(Result):
    """The shell of oxygens (and other anions) of one kind of cation, over all its atoms and frames.

    Attributes
    ----------
    n_centres
        Cations per frame.
    mean_coordination, std_coordination
        Oxygens within the cut-off; the spread is over cations.
    histogram
        Fraction of the cations by coordination number, as text; the LiO4 of a model are ``histogram["4"]`` of Li.
    mean_distance, std_distance, skew_distance
        Å, Å and pure number: moments of all bond lengths within the cut-off, averaged from the distances themselves.
    effective_coordination, std_effective_coordination
        Hoppe's ECoN, which needs no cut-off; see :func:`effective_coordination`.
    mean_angle, std_angle
        O–cation–O, degrees.
    angles, angle_density
        Middles of the bins in degrees and fraction per degree, shape (90,); not divided by sin θ.
    cutoff, cutoff_source
        Å, and where it comes from; by a criterion without cut-offs the longest bond, and the criterion.
    coordination_range
        Mean coordination with the cut-off 0.1 Å shorter and longer: how much depends on it. NaN where there is
        no cut-off.
    by_ligand, cutoffs
        Of models with several anions: mean number of each within its cut-off, and the cut-offs, Å, by pair; None where
        oxygen alone is one. `cutoff` is that to the first of them.
    """

    n_centres: int
    mean_coordination: float
    std_coordination: float
    histogram: dict[str, float] = field(metadata=holds(role="frequency"))
    mean_distance: float
    std_distance: float
    skew_distance: float
    effective_coordination: float
    std_effective_coordination: float
    mean_angle: float
    std_angle: float
    angles: NDArray[np.float64] = field(metadata=holds("°", role="axis"))
    angle_density: NDArray[np.float64]
    cutoff: float
    cutoff_source: str
    coordination_range: tuple[float, float]
    by_ligand: dict[str, float] | None = field(default=None, metadata=holds(optional=True))
    cutoffs: dict[str, float] | None = field(default=None, metadata=holds(optional=True))


@dataclass(frozen=True, slots=True, repr=False)
class BuildingUnits(Result):
    """Everything that the building units of a model say.

    Attributes
    ----------
    formula, n_atoms
        Of the first frame.
    criterion
        What ends a first shell.
    former
        Cation that counts as network former.
    units
        Per cation element.
    sharing
        Per pair of cations.
    packing, bond_valence
        Packing fractions and bond-valence sums; None where a charge or radius is not known, and without packing for
        models that are not periodic in all directions.
    network, rings
        Oxygen species, Qn, percolation and short-range order around the former, and rings.
    roles
        Former or modifier; None where a charge or radius is not known.
    order
        Order among the cations other than Li; None without any.
    symmetry
        Shapes and polyhedra per cation element, over `n_detail_frames` frames.
    free_volume
        Over `n_detail_frames` frames; None for models that are not periodic in all directions, and where a charge or
        radius is not known.
    sensitivity
        What the other criteria of a first shell and moved cut-offs would say, over `n_detail_frames` frames.
    cutoff_dependence
        Oxygens of each cation over the cut-off.
    n_frames, n_detail_frames
        Frames averaged over.
    notes
        What was left out, and why.
    """

    formula: str
    n_atoms: int
    criterion: str
    former: str
    units: dict[str, Unit]
    sharing: Sharing
    packing: Packing | None = field(metadata=holds(optional=True))
    bond_valence: BondValence | None = field(metadata=holds(optional=True))
    network: Network
    rings: Rings
    roles: Roles | None = field(metadata=holds(optional=True))
    order: CationOrder | None = field(metadata=holds(optional=True))
    symmetry: dict[str, UnitGeometry]
    free_volume: FreeVolume | None = field(metadata=holds(optional=True))
    sensitivity: dict[str, dict[str, Any]]
    cutoff_dependence: dict[str, CutoffDependence]
    n_frames: int
    n_detail_frames: int
    notes: tuple[str, ...] = field(metadata=holds(hidden=True))

    def items(self) -> Iterator[Item]:
        """Keys ``units``, ``sharing``, ``packing_fraction`` (six-fold radii), ``packing``, ``bond_valence`` and so on.

        ``paper_units`` holds the share of each cation in the paper's four units (`PAPER_UNITS`). What does not apply
        to a model has no key: ``order`` without a cation other than Li, ``packing`` and ``free_volume`` of a model that
        ends somewhere, and these, ``bond_valence`` and ``roles`` where a charge or radius is not known (`notes`).
        """
        yield from Result.items(self)
        for part in ({"packing": self.packing}, {"units": self.units}):
            yield from (Item(key, value) for key, value in _derived(part).items())


def building_units(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    cutoffs: Mapping[str, float] | None = None,
    criterion: str = CRITERIA[0],
    former: str | None = None,
    ring_criterion: str = "primitive",
    ring_centres: Sequence[str] | None = None,
    largest_ring: int = LARGEST,
    probe_radius: float = PROBE,
    progress: Progress = silent,
) -> BuildingUnits:
    """Take a model apart into its building units.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model; all averages run over all frames.
    cutoffs
        Å by pair label, such as ``{"La-O": 3.2, "Zr-La": 4.5}``; the others are found as
        :class:`alzmodel.local_order.shells.Shells` says.
    criterion
        What ends a first shell, one of :data:`alzmodel.local_order.criteria.CRITERIA`.
    former
        Cation that counts as network former, or several such as ``"Si,Al"``; by default Zr, or without it the cation
        other than H of the largest field strength (valence over squared mean bond length).
    ring_criterion
        One of :data:`alzmodel.local_order.rings.CRITERIA`.
    ring_centres
        Cations whose bonds make rings; by default the former alone.
    largest_ring
        Longest rings in atoms, an even number.
    probe_radius
        Å, of the sphere that looks for the room of Li.
    progress
        Told what is being done.

    Raises
    ------
    InputError
        If the model is no oxide, a cut-off, length or radius is bad, a criterion has no such name, or a former or ring
        centre is no cation of the model.
    """
    progress(0.0, "first shells")
    model = bonded(frames, cutoffs=cutoffs, criterion=criterion)
    settings = UnitSettings(
        former=former,
        ring_criterion=ring_criterion,
        ring_centres=ring_centres,
        largest_ring=largest_ring,
        probe_radius=probe_radius,
    )
    work = _Work.of(model.with_cation_pairs(), settings)
    found = {PARTS[name].field: part for name, part in _each_part(work, tuple(PARTS), progress)}
    return BuildingUnits(**work.head(), **found)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitSettings:
    """What :func:`building_units` takes beside the model, each with its default."""

    former: str | None = None
    ring_criterion: str = "primitive"
    ring_centres: Sequence[str] | None = None
    largest_ring: int = LARGEST
    probe_radius: float = PROBE


def some_units(
    model: Bonded,
    only: Iterable[str] | None = None,
    settings: UnitSettings | None = None,
    *,
    progress: Progress = silent,
    done: Callable[[str, Result], None] | None = None,
) -> Together:
    """Take a model apart into some of the parts of its building units, the cheap ones first.

    Parameters
    ----------
    model
        From :func:`alzmodel.local_order.shells.bonded`.
    only
        Names from :data:`alzmodel.local_order.parts.PARTS`; None takes all.
    settings
        As for :func:`building_units`.
    progress
        Told what is being done.
    done
        Called after each part with its name and all that is known by then.

    Returns
    -------
    Together
        The keys of :class:`BuildingUnits` that belong to these parts, and those that say what model it is.

    Raises
    ------
    InputError
        As :func:`building_units`, or if there is no such part.
    """
    names = chosen_parts(only)
    # Sharing and the network need them; what else is asked for does not.
    model = model.with_cation_pairs() if {"sharing", "network"} <= set(names) else model
    work = _Work.of(model, settings or UnitSettings())
    known: list[Mapping[str, Any]] = [{name: value for name, value in work.head().items() if name != "notes"}]
    for name, part in _each_part(work, names, progress):
        found = {PARTS[name].field: part}
        known += [{} if part is None else found, _derived(found)]
        if done is not None:
            done(name, together(*known))
    return together(*known)


@dataclass(frozen=True, slots=True)
class _Work:
    """A model, what was asked for, and what several parts need to know."""

    model: Bonded
    few: Bonded
    settings: UnitSettings
    former: str
    centres: tuple[str, ...]
    unknown: str

    @classmethod
    def of(cls, model: Bonded, settings: UnitSettings) -> _Work:
        """Look at the model, and refuse what no part could do."""
        unknown = unknown_ions(model.frames)
        formers = former_elements(settings.former or _usual_former(model, charged=not unknown), model.cations)
        centres = tuple(settings.ring_centres or formers)
        check_rings(model, centres, settings.ring_criterion, settings.largest_ring)
        check_probe(settings.probe_radius)
        return cls(model, model.thinned(DETAIL_FRAMES), settings, ",".join(formers), centres, unknown)

    def head(self) -> dict[str, Any]:
        """Fields of :class:`BuildingUnits` that belong to no part."""
        model = self.model
        return {
            "formula": _formula(model.frames[0], charged=not self.unknown),
            "n_atoms": len(model.frames[0]),
            "criterion": model.criterion,
            "former": self.former,
            "n_frames": len(model.frames),
            "n_detail_frames": len(self.few.frames),
            "notes": notes_on(model),
        }

    def part(self, name: str) -> Any:
        """Find one part; None where it does not apply."""
        model, charged, settings = self.model, not self.unknown, self.settings
        filled = model.periodic and charged
        match name:
            case "first":
                return {element: _unit(element, model) for element in model.cations}
            case "cutoff_dependence":
                return cutoff_dependence(model)
            case "bond_valence":
                return bond_valence(model) if charged else None
            case "packing":
                return packing(model) if filled else None
            case "sharing":
                return sharing(model)
            case "network":
                return network(model, former=self.former)
            case "rings":
                return rings(
                    model,
                    centres=self.centres,
                    criterion=settings.ring_criterion,
                    largest=settings.largest_ring,
                )
            case "order":
                return cation_order(model)
            case "roles":
                return roles(model, former=self.former) if charged else None
            case "symmetry":
                return unit_geometry(self.few)
            case "free_volume":
                return free_volume(self.few, probe_radius=settings.probe_radius) if filled else None
        return sensitivity(self.few, former=self.former, charged=charged)


def _each_part(work: _Work, names: Sequence[str], progress: Progress) -> Iterator[tuple[str, Any]]:
    """Find the parts one after the other, and tell how far that is."""
    total = sum(PARTS[name].share for name in names) + PARTS["first"].share
    past = PARTS["first"].share
    for name in names:
        progress(past / total, name.replace("_", " "))
        yield name, work.part(name)
        past += PARTS[name].share


def _derived(part: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of JSON that follow from one part."""
    if "packing" in part:
        return {"packing_fraction": part["packing"].cn6 if part["packing"] else math.nan}
    if "units" in part:
        units = part["units"]
        return {
            "paper_units": {
                name: units[element].histogram[str(n)]
                for name, (element, n) in PAPER_UNITS.items()
                if element in units
            }
        }
    return {}


def _formula(atoms: Atoms, *, charged: bool) -> str:
    """With two Zr if there is Zr, else in lowest terms: cations by rising charge, then oxygen."""
    symbols = element_symbols(atoms)
    if charged and FORMER in symbols:
        return formula_of(Counter(ion_labels(atoms)))
    charges = formal_charges(atoms) if charged else np.zeros(len(atoms))
    charge = {str(element): charges[symbols == element][-1] for element in np.unique(symbols)}
    numbers = atoms.symbols.formula.reduce()[0].count()
    order = sorted(numbers, key=lambda element: (element == ANION, charge[element], element))
    return "".join(element + (str(numbers[element]) if numbers[element] > 1 else "") for element in order)


def unknown_ions(frames: Sequence[Atoms]) -> str:
    """Say which ion has no charge or radius here; nothing if all have."""
    try:
        for atoms in frames:
            for label in ion_kinds(atoms)[0]:
                ion(label)
    except InputError as error:
        return str(error).split(";")[0]
    return ""


def notes_on(model: Bonded) -> tuple[str, ...]:
    """Say what of the building units of a model is left out, and why."""
    atoms, unknown = model.frames[0], unknown_ions(model.frames)
    notes = []
    if unknown:
        notes.append(f"{unknown}: no bond valence, packing, roles and voids")
    elif abs(total := float(formal_charges(atoms).sum())) > 1e-6:
        notes.append(f"not neutral: the formal charges that were taken add up to {total:+g} e")
    if set(model.cations) == {"H"}:
        notes.append(
            "hydrogen alone is bonded here: it is named as the former, but ends bonds and makes no network"
        )
    if not model.periodic:
        notes.append(
            "not periodic in all directions: no packing and voids, and units at the surface count as they are"
        )
    return tuple(notes)


def _usual_former(model: Bonded, *, charged: bool) -> str:
    """Zr, or the cation of the largest field strength; of the shortest bonds where charges are not known."""
    if FORMER in model.cations:
        return FORMER
    strength = {}
    # Hydrogen ends bonds and makes no network.
    possible = [element for element in model.cations if element != "H"] or list(model.cations)
    for element in possible:
        mine = [element_symbols(atoms) == element for atoms in model.frames]
        lengths = np.concatenate(
            [pairs.distance[here[pairs.i]] for here, pairs in zip(mine, model.bonds, strict=True)]
        )
        valence = formal_charges(model.frames[0])[mine[0]].mean() if charged else 1.0
        strength[element] = float(valence / lengths.mean() ** 2) if len(lengths) else 0.0
    return max(possible, key=lambda element: strength[element])


def _unit(element: str, model: Bonded) -> Unit:
    labels = [pair_label(element, ligand) for ligand in model.ligands]
    numbers: list[NDArray[np.int64]] = []
    fewer: list[NDArray[np.int64]] = []
    more: list[NDArray[np.int64]] = []
    lengths: list[NDArray[np.float64]] = []
    effective: list[NDArray[np.float64]] = []
    angles: list[NDArray[np.float64]] = []
    by_ligand = dict.fromkeys(model.ligands, 0)
    for atoms, bonds, pairs in zip(model.frames, model.bonds, model.far_bonds, strict=True):
        symbols = element_symbols(atoms)
        centres = np.flatnonzero(symbols == element)
        mine = pairs.select(np.isin(pairs.i, centres))
        near = bonds.select(np.isin(bonds.i, centres))
        numbers.append(_coordination(near, centres))
        near_limits, limits = (pair_limits(atoms, part, model.shells) for part in (near, mine))
        fewer.append(_coordination(near.select(near.distance < near_limits - SHIFT), centres))
        more.append(_coordination(mine.select(mine.distance < limits + SHIFT), centres))
        for ligand in model.ligands:
            by_ligand[ligand] += int((symbols[near.j] == ligand).sum())
        lengths.append(near.distance)
        effective.append(effective_coordination(mine)[centres])
        angles.append(unit_angles(near))
    number, length = np.concatenate(numbers), np.concatenate(lengths)
    econ, angle = np.concatenate(effective), np.concatenate(angles)
    counts = np.bincount(number, minlength=_LARGEST + 1)
    by_cutoff = model.criterion == CRITERIA[0]
    reach = (float(np.concatenate(fewer).mean()), float(np.concatenate(more).mean()))
    middles, density = angle_density(angle)
    return Unit(
        n_centres=len(number) // len(model.frames),
        mean_coordination=float(number.mean()),
        std_coordination=_spread(number),
        histogram={str(n): float(count / len(number)) for n, count in enumerate(counts)},
        mean_distance=_average(length),
        std_distance=_spread(length),
        skew_distance=_skew(length),
        effective_coordination=_average(econ[np.isfinite(econ)]),
        std_effective_coordination=_spread(econ[np.isfinite(econ)]),
        mean_angle=_average(angle),
        std_angle=_spread(angle),
        angles=middles,
        angle_density=density,
        cutoff=model.shells.cutoffs[labels[0]] if by_cutoff else float(length.max(initial=0.0)),
        cutoff_source=model.shells.sources[labels[0]] if by_cutoff else model.criterion,
        coordination_range=reach if by_cutoff else (math.nan, math.nan),
        by_ligand={name: n / len(number) for name, n in by_ligand.items()}
        if model.ligands != (ANION,)
        else None,
        cutoffs={label: model.shells.cutoffs[label] for label in labels}
        if model.ligands != (ANION,)
        else None,
    )


def _coordination(pairs: Neighbours, centres: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(pairs.i, minlength=pairs.n_atoms)[centres]


def effective_coordination(pairs: Neighbours) -> NDArray[np.float64]:
    """Hoppe's effective coordination number of every atom.

    Each bond of length l counts exp[1 − (l / L)⁶], where L is the atom's mean bond length with these same weights,
    iterated until it stays. Equal bonds count one each; longer ones fade out without a cut-off.

    Parameters
    ----------
    pairs
        Neighbours that may count, well beyond the first shell.

    Returns
    -------
    ndarray, shape (n_atoms,)
        NaN for an atom without neighbours.

    References
    ----------
    R. Hoppe, Z. Kristallogr. 150, 23 (1979), eq. 4 and 5.
    """
    i, length, n_atoms = pairs.i, pairs.distance, pairs.n_atoms
    if len(pairs) == 0:
        return np.full(n_atoms, math.nan)
    mean = np.full(n_atoms, math.inf)
    np.minimum.at(mean, i, length)
    alone = ~np.isfinite(mean)
    mean[alone] = 1.0
    for _ in range(200):
        weight = np.exp(1 - (length / mean[i]) ** 6)
        total = np.bincount(i, weight, n_atoms)
        better = np.where(alone, 1.0, np.bincount(i, weight * length, n_atoms) / np.where(alone, 1.0, total))
        change = np.abs(better - mean).max()
        mean = better
        if change < 1e-8:
            break
    number = np.zeros(n_atoms)
    number += np.bincount(i, np.exp(1 - (length / mean[i]) ** 6), n_atoms)
    number[alone] = math.nan
    return number


def _average(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else math.nan


def _spread(values: NDArray[Any]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


def _skew(values: NDArray[np.float64]) -> float:
    """Third standardised moment; NaN where all values are the same."""
    if len(values) < 3:
        return math.nan
    centred = values - values.mean()
    spread = math.sqrt(float((centred**2).mean()))
    return float((centred**3).mean() / spread**3) if spread > 1e-9 else math.nan
