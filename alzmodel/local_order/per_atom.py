"""Local order atom by atom, to be written beside the positions and shown by a viewer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.composition import formal_charges
from alzmodel.elements import element_symbols
from alzmodel.local_order.bond_valence import atom_sums
from alzmodel.local_order.building_units import effective_coordination, unknown_ions
from alzmodel.local_order.cation_order import cation_surroundings, frame_order
from alzmodel.local_order.free_volume import ionic_radii
from alzmodel.local_order.polyhedra import polyhedra
from alzmodel.local_order.rings import LARGEST, rings_through
from alzmodel.local_order.shapes import SHAPES, shape_measures
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import ANION, Bonded, bonded
from alzmodel.local_order.unit_geometry import nearest_shapes
from alzmodel.local_order.voronoi import voronoi_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.cation_order import FrameOrder
    from alzmodel.local_order.polyhedra import Polyhedra
    from alzmodel.local_order.sharing import Links
    from alzmodel.neighbours import Neighbours

__all__ = ["ATOM_QUANTITIES", "AtomQuantity", "AtomSurroundings", "atom_arrays", "with_atom_arrays"]


class AtomSurroundings:
    """What is around each atom of one frame, found when it is first asked for.

    Parameters
    ----------
    atoms
        The frame.
    pairs
        Its cation–oxygen bonds.
    far
        The same with longer cut-offs; found by :func:`alzmodel.local_order.shells.bonded` if left out.
    former
        Cation whose network `formers`, `qn` and the rings belong to; several with commas between them.
    ligands
        Elements that are no cations; oxygen if left out.
    """

    def __init__(
        self,
        atoms: Atoms,
        pairs: Neighbours,
        far: Neighbours | None = None,
        former: str = "Zr",
        ligands: Sequence[str] | None = None,
    ) -> None:
        self.atoms, self.pairs, self.former = atoms, pairs, former
        self.n_atoms = len(atoms)
        self.symbols = element_symbols(atoms)
        self.formers = [name.strip() for name in former.split(",")]
        self.ligands = [ANION] if ligands is None else list(ligands)
        self.cation = ~np.isin(self.symbols, self.ligands)
        self.is_former = np.isin(self.symbols, self.formers)
        self._far = far

    @cached_property
    def far(self) -> Neighbours:
        """Bonds with longer cut-offs."""
        return bonded(self.atoms).far_bonds[0] if self._far is None else self._far

    @cached_property
    def number(self) -> NDArray[np.int64]:
        """Bonds of each atom."""
        i, j = self.pairs.i, self.pairs.j
        return np.bincount(i, minlength=self.n_atoms) + np.bincount(j, minlength=self.n_atoms)

    @cached_property
    def mean_length(self) -> NDArray[np.float64]:
        """Å; NaN for an atom without bonds."""
        pairs, n = self.pairs, self.n_atoms
        total = np.bincount(pairs.i, pairs.distance, n) + np.bincount(pairs.j, pairs.distance, n)
        return np.where(self.number > 0, total / np.maximum(self.number, 1), math.nan)

    @cached_property
    def to_former(self) -> NDArray[np.int64]:
        """Formers that each atom is bonded to."""
        return np.bincount(self.pairs.j[self.is_former[self.pairs.i]], minlength=self.n_atoms)

    @cached_property
    def bridging(self) -> NDArray[np.int64]:
        """Oxygens of each cation that more than one former has."""
        return np.bincount(self.pairs.i[self.to_former[self.pairs.j] > 1], minlength=self.n_atoms)

    @cached_property
    def rings(self) -> NDArray[np.int64]:
        """Primitive rings through each former, by the number of formers."""
        return rings_through(self.pairs.select(self.is_former[self.pairs.i]), LARGEST)

    @cached_property
    def links(self) -> Links:
        """Pairs of cations that share oxygens."""
        return link_units(self.pairs)

    @cached_property
    def shapes(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Nearest ideal unit of each cation, and how far it is from it."""
        return nearest_shapes(shape_measures(self.pairs))

    @cached_property
    def body(self) -> Polyhedra:
        """Polyhedra of oxygens."""
        return polyhedra(self.pairs)

    @cached_property
    def order(self) -> FrameOrder:
        """Order of the cations."""
        return frame_order(self.atoms, self.pairs, cation_surroundings(self.atoms, self.ligands))

    @cached_property
    def valence(self) -> NDArray[np.float64] | None:
        """Bond-valence sum of each atom; None where an ion is not known."""
        return None if unknown_ions([self.atoms]) else atom_sums(self.atoms, self.pairs)[0]

    def of_formers(self, values: NDArray[Any]) -> NDArray[Any]:
        """Keep the values of formers; −1 for the others."""
        return np.where(self.is_former, values, -1)

    def of_cations(self, values: NDArray[Any]) -> NDArray[Any]:
        """Keep the values of cations; −1 for the others."""
        return np.where(self.cation, values, -1)

    def linked(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the chosen links of each cation; −1 for the others."""
        a, b = self.links.a[chosen], self.links.b[chosen]
        return self.of_cations(
            np.bincount(a, minlength=self.n_atoms) + np.bincount(b, minlength=self.n_atoms)
        )


@dataclass(frozen=True, slots=True)
class AtomQuantity:
    """A number that each atom has.

    Attributes
    ----------
    name
        Of the array beside the positions.
    label, unit
        In the viewer and in tables.
    values
        The array, of shape (n_atoms,), NaN or −1 where it does not apply to an atom; None where it does not apply to
        the model.
    in_viewer
        Whether the models of a report can be coloured by it.
    recorded
        Whether studies record its mean over each kind of cation, as the quantity ``ELEMENT_NAME``: it then stands in
        tables and in the report, and hypotheses may speak of it. The version of the stage ``local_order`` is raised
        with it.
    """

    name: str
    label: str
    unit: str
    values: Callable[[AtomSurroundings], NDArray[Any] | None]
    in_viewer: bool = False
    recorded: bool = False


def _excess(around: AtomSurroundings) -> NDArray[np.float64] | None:
    return None if around.valence is None else around.valence - np.abs(formal_charges(around.atoms))


def _voronoi(around: AtomSurroundings) -> NDArray[np.float64] | None:
    if around.valence is None or not np.all(around.atoms.pbc):
        return None
    return voronoi_volumes(around.atoms, ionic_radii(around.atoms, around.pairs))


def _ring_quantity(size: int) -> AtomQuantity:
    return AtomQuantity(
        f"rings{size}",
        f"rings of {size} atoms",
        "",
        lambda around: around.of_formers(around.rings[:, size // 2]),
    )


ATOM_QUANTITIES: Final[list[AtomQuantity]] = [
    AtomQuantity("coordination", "coordination", "", lambda around: around.number),
    AtomQuantity("formers", "formers around an oxygen", "", lambda a: np.where(a.cation, -1, a.to_former)),
    AtomQuantity("qn", "bridging oxygens", "", lambda around: around.of_formers(around.bridging)),
    *(_ring_quantity(size) for size in range(4, LARGEST + 1, 2)),
    AtomQuantity("edges", "shared edges", "", lambda around: around.linked(around.links.shared == 2)),
    AtomQuantity("faces", "shared faces", "", lambda around: around.linked(around.links.shared > 2)),
    AtomQuantity("mean_bond_length", "mean bond length", "Å", lambda around: around.mean_length),
    AtomQuantity(
        "effective_coordination",
        "effective coordination",
        "",
        lambda around: effective_coordination(around.far),
    ),
    AtomQuantity("shape", "nearest shape", "", lambda around: around.shapes[0]),
    AtomQuantity("shape_measure", "shape measure", "", lambda around: around.shapes[1]),
    AtomQuantity("polyhedron_volume", "volume of the polyhedron", "Å³", lambda around: around.body.volume),
    AtomQuantity(
        "bond_length_distortion",
        "bond length distortion",
        "",
        lambda around: around.body.bond_length_distortion,
    ),
    AtomQuantity("q4", "q4", "", lambda around: around.order.q4),
    AtomQuantity("q6", "q6", "", lambda around: around.order.q6),
    AtomQuantity("coherent_neighbours", "coherent neighbours", "", lambda around: around.order.coherent),
    AtomQuantity(
        "surroundings",
        "surroundings",
        "",
        lambda around: around.of_cations(
            around.order.fluorite.astype(np.int64) + around.order.pyrochlore.astype(np.int64)
        ),
    ),
    AtomQuantity("order_cluster", "ordered cluster", "", lambda around: around.order.cluster),
    AtomQuantity("bond_valence_sum", "bond-valence sum", "", lambda around: around.valence, in_viewer=True),
    AtomQuantity("bond_valence_excess", "bond-valence sum over the charge", "", _excess),
    AtomQuantity("voronoi_volume", "Voronoi volume", "Å³", _voronoi),
]
"""Every number of local order that belongs to one atom."""


def atom_arrays(model: Bonded, frame: int = -1, *, former: str = "Zr") -> dict[str, NDArray[Any]]:
    """Everything of local order that belongs to one atom.

    Parameters
    ----------
    model
        A bonded model.
    frame
        Which of its frames.
    former
        Cation whose network `formers`, `qn` and the rings belong to.

    Returns
    -------
    dict
        Those of :data:`ATOM_QUANTITIES` that apply, arrays of shape (n_atoms,), NaN or −1 where a quantity does not
        apply to an atom:

        ``coordination`` (of oxygen: its cations), ``mean_bond_length`` (Å), ``effective_coordination`` (ECoN),
        ``formers`` (around an oxygen), ``qn`` (of a former: its oxygens that are bonded to a further one), ``rings4``
        to ``rings12`` (primitive rings of so many atoms through a former), ``edges`` and ``faces`` (of a cation:
        neighbours that it shares two, or more, oxygens with), ``bond_valence_sum`` and ``bond_valence_excess`` (over
        the formal charge; not where a charge is not known), ``shape`` (index into
        :data:`alzmodel.local_order.shapes.SHAPES`) and ``shape_measure`` of the nearest ideal unit,
        ``polyhedron_volume`` (Å³), ``bond_length_distortion``, ``q4``, ``q6``, ``coherent_neighbours``,
        ``surroundings`` (0 none, 1 fluorite-like, 2 pyrochlore-like), ``order_cluster`` (0 is the largest), and
        ``voronoi_volume`` (Å³) of fully periodic models whose radii are known.
    """
    around = AtomSurroundings(
        model.frames[frame], model.bonds[frame], model.far_bonds[frame], former, model.ligands
    )
    found = ((one.name, one.values(around)) for one in ATOM_QUANTITIES)
    return {name: values for name, values in found if values is not None}


def with_atom_arrays(
    frames: Atoms | Sequence[Atoms] | Bonded,
    *,
    cutoffs: Mapping[str, float] | None = None,
    former: str = "Zr",
) -> list[Atoms]:
    """Copy the frames and give them :func:`atom_arrays`; ``info["local_order"]`` names cut-offs and shapes.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    cutoffs
        Å by pair label, in place of what is found.
    former
        As for :func:`atom_arrays`.

    Raises
    ------
    InputError
        If the model is no oxide or a cut-off is bad.
    """
    model = bonded(frames, cutoffs=cutoffs)
    made = []
    for index, atoms in enumerate(model.frames):
        copy = atoms.copy()
        for name, values in atom_arrays(model, index, former=former).items():
            copy.set_array(name, values)
        copy.info["local_order"] = {
            "cutoffs": dict(model.shells.cutoffs),
            "criterion": model.criterion,
            "shapes": list(SHAPES),
            "former": former,
        }
        made.append(copy)
    return made
