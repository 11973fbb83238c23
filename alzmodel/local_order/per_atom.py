"""Local order atom by atom, to be written beside the positions and shown by a viewer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.composition import formal_charges
from alzmodel.local_order.bond_valence import atom_sums
from alzmodel.local_order.building_units import effective_coordination, unknown_ions
from alzmodel.local_order.cation_order import frame_order
from alzmodel.local_order.free_volume import ionic_radii
from alzmodel.local_order.polyhedra import polyhedra
from alzmodel.local_order.rings import LARGEST, rings_through
from alzmodel.local_order.shapes import SHAPES, shape_measures
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import ANION, Bonded, bonded
from alzmodel.local_order.unit_geometry import nearest_shapes
from alzmodel.local_order.voronoi import voronoi_volumes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.sharing import Links

__all__ = ["atom_arrays", "with_atom_arrays"]


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
        Arrays of shape (n_atoms,), NaN or −1 where a quantity does not apply to an atom:

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
    atoms, pairs, far = model.frames[frame], model.bonds[frame], model.far_bonds[frame]
    n_atoms = len(atoms)
    symbols = np.array(atoms.get_chemical_symbols())
    cation = symbols != ANION
    number = np.bincount(pairs.i, minlength=n_atoms) + np.bincount(pairs.j, minlength=n_atoms)
    length = np.bincount(pairs.i, pairs.distance, n_atoms) + np.bincount(pairs.j, pairs.distance, n_atoms)
    to_former = np.bincount(pairs.j[symbols[pairs.i] == former], minlength=n_atoms)
    bridging = np.bincount(pairs.i[to_former[pairs.j] > 1], minlength=n_atoms)
    through = rings_through(pairs.select(symbols[pairs.i] == former), LARGEST)
    links = link_units(pairs)
    shape, measure = nearest_shapes(shape_measures(pairs))
    body = polyhedra(pairs)
    order = frame_order(atoms, pairs)
    arrays: dict[str, NDArray[Any]] = {
        "coordination": number,
        "formers": np.where(cation, -1, to_former),
        "qn": np.where(symbols == former, bridging, -1),
        **{
            f"rings{n}": np.where(symbols == former, through[:, n // 2], -1) for n in range(4, LARGEST + 1, 2)
        },
        "edges": np.where(cation, _linked(links, links.shared == 2, n_atoms), -1),
        "faces": np.where(cation, _linked(links, links.shared > 2, n_atoms), -1),
        "mean_bond_length": np.where(number > 0, length / np.maximum(number, 1), math.nan),
        "effective_coordination": effective_coordination(far),
        "shape": shape,
        "shape_measure": measure,
        "polyhedron_volume": body.volume,
        "bond_length_distortion": body.bond_length_distortion,
        "q4": order.q4,
        "q6": order.q6,
        "coherent_neighbours": order.coherent,
        "surroundings": np.where(
            cation, order.fluorite.astype(np.int64) + order.pyrochlore.astype(np.int64), -1
        ),
        "order_cluster": order.cluster,
    }
    if not unknown_ions([atoms]):
        sums, _, _ = atom_sums(atoms, pairs)
        arrays |= {"bond_valence_sum": sums, "bond_valence_excess": sums - np.abs(formal_charges(atoms))}
        if np.all(atoms.pbc):
            arrays["voronoi_volume"] = voronoi_volumes(atoms, ionic_radii(atoms, pairs))
    return arrays


def _linked(links: Links, chosen: NDArray[np.bool_], n_atoms: int) -> NDArray[np.int64]:
    """Count the chosen links of each cation."""
    return np.bincount(links.a[chosen], minlength=n_atoms) + np.bincount(links.b[chosen], minlength=n_atoms)


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
