"""How much the numbers of local order depend on what ends a first shell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.elements import element_symbols
from alzmodel.local_order.bond_valence import bond_valence
from alzmodel.local_order.cation_order import Surroundings, cation_order, cation_surroundings
from alzmodel.local_order.criteria import CRITERIA
from alzmodel.local_order.network import network
from alzmodel.local_order.polyhedra import polyhedron_volumes, unit_angles
from alzmodel.local_order.rings import rings
from alzmodel.local_order.roles import roles
from alzmodel.local_order.sharing import sharing
from alzmodel.local_order.shells import Bonded, bonded
from alzmodel.local_order.space import packing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["SHIFT", "sensitivity"]

SHIFT: Final = 0.1
"""Å by which cut-offs are moved to see what depends on them."""
LARGEST_RING: Final = 8
"""Atoms; longer rings take long where a criterion finds large shells."""


def sensitivity(
    frames: Atoms | Sequence[Atoms] | Bonded, *, former: str = "Zr", charged: bool = True
) -> dict[str, dict[str, Any]]:
    """Repeat the counts with every criterion of the first shell, and with moved cut-offs.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    former
        Cation that network, rings and bridges refer to; they are left out where the model has none.
    charged
        Whether the charges and radii of all ions are known; without them what depends on them is left out.

    Returns
    -------
    dict
        For ``first_minimum``, ``solid_angle``, ``relative_gap`` (:data:`alzmodel.local_order.criteria.CRITERIA`),
        ``cutoffs_shorter`` and ``cutoffs_longer`` (the first minima moved by `SHIFT`; those between cations stay):
        ``units`` per cation with ``mean_coordination``, ``mean_distance`` (Å), ``mean_angle`` (degrees), ``volume`` of
        the polyhedra (Å³), ``bond_valence``; ``sharing`` per pair with the fractions and, by mode, ``distances`` and
        ``distance_stds``; ``mean_qn``, ``bridge_order``, ``non_bridging_fraction``, ``links_per_unit`` per cation,
        ``rings`` per centre (primitive, to `LARGEST_RING` atoms), ``bridging_share`` per ion and ``scales`` with its
        place on Sun's and Dietzel's; ``global_instability_index``, ``packing_fraction`` (radii by coordination;
        periodic models), and ``fluorite_fraction``, ``pyrochlore_fraction`` of the cations. ``std_…`` are spreads over
        cations or bonds.

    Raises
    ------
    InputError
        If the model is no oxide.
    """
    # What does not depend on the bonds is found once.
    model = bonded(frames).with_cation_pairs()
    around = [cation_surroundings(atoms, model.ligands) for atoms in model.frames]
    told = {criterion.replace(" ", "_"): model.with_criterion(criterion) for criterion in CRITERIA}
    told |= {
        "cutoffs_shorter": model.with_moved_cutoffs(-SHIFT),
        "cutoffs_longer": model.with_moved_cutoffs(SHIFT),
    }
    return {name: _row(variant, around, former, charged) for name, variant in told.items()}


def _row(model: Bonded, around: Sequence[Surroundings], former: str, charged: bool) -> dict[str, Any]:
    valence = bond_valence(model) if charged else None
    row: dict[str, Any] = {
        "units": _units(model, valence.ions if valence else {}),
        "sharing": {
            label: {
                **{mode: pair.fractions[mode] for mode in ("corner", "edge", "face", "none")},
                "distances": pair.distances,
                "distance_stds": pair.distance_stds,
            }
            for label, pair in sharing(model).pairs.items()
        },
    }
    formers = tuple(former.split(","))
    if set(formers) <= set(model.cations):
        net = network(model, former=former)
        row |= {
            "mean_qn": net.mean_qn,
            "std_qn": net.std_qn,
            "bridge_order": net.bridge_order,
            "std_bridge_order": net.std_bridge_order,
            "non_bridging_fraction": net.non_bridging_fraction,
            "links_per_unit": {element: part.links_per_unit for element, part in net.sub_networks.items()},
            "std_links_per_unit": {
                element: part.std_links_per_unit for element, part in net.sub_networks.items()
            },
            "rings": rings(model, centres=formers, largest=LARGEST_RING).per_centre,
        }
        if charged:
            ions = roles(model, former=former, connectivity=False).ions
            row["bridging_share"] = {label: role.bridging_share for label, role in ions.items()}
            row["std_bridging_share"] = {label: role.std_bridging_share for label, role in ions.items()}
            row["scales"] = {
                label: {
                    "sun": role.sun,
                    "std_sun": role.std_sun,
                    "sun_class": role.sun_class,
                    "dietzel": role.dietzel,
                    "std_dietzel": role.std_dietzel,
                    "dietzel_class": role.dietzel_class,
                }
                for label, role in ions.items()
            }
    if valence:
        row["global_instability_index"] = valence.global_instability_index
        if model.periodic:
            row["packing_fraction"] = packing(model).by_coordination
    order = cation_order(model, around=around)
    if order:
        row |= {
            "fluorite_fraction": order.fluorite_fraction,
            "pyrochlore_fraction": order.pyrochlore_fraction,
        }
    return row


def _units(model: Bonded, ions: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Numbers of the shells of each cation."""
    frames = [
        (element_symbols(atoms), pairs, polyhedron_volumes(pairs))
        for atoms, pairs in zip(model.frames, model.bonds, strict=True)
    ]
    return {
        element: _unit(
            [(symbols == element, pairs, volumes) for symbols, pairs, volumes in frames],
            next((row for label, row in ions.items() if label.rstrip("+0123456789") == element), None),
        )
        for element in model.cations
    }


def _unit(
    frames: Sequence[tuple[NDArray[np.bool_], Neighbours, NDArray[np.float64]]],
    valence: Mapping[str, float] | None,
) -> dict[str, float]:
    """Numbers of one cation, from where it stands, the bonds and the volumes of the polyhedra of every frame."""
    lengths, volumes, angles, numbers = [], [], [], []
    for is_centre, pairs, volume in frames:
        mine = pairs.select(is_centre[pairs.i])
        lengths.append(mine.distance)
        angles.append(unit_angles(mine))
        volumes.append(volume[is_centre])
        numbers.append(np.bincount(mine.i, minlength=len(is_centre))[is_centre])
    length, volume = np.concatenate(lengths), np.concatenate(volumes)
    volume = volume[np.isfinite(volume)]
    number, angle = np.concatenate(numbers), np.concatenate(angles)
    return {
        "mean_coordination": float(number.mean()),
        "std_coordination": _spread(number),
        "mean_distance": float(length.mean()) if len(length) else math.nan,
        "std_distance": _spread(length),
        "mean_angle": float(angle.mean()) if len(angle) else math.nan,
        "std_angle": _spread(angle),
        "volume": float(volume.mean()) if len(volume) else math.nan,
        "std_volume": _spread(volume),
        "bond_valence": valence["mean"] if valence else math.nan,
        "std_bond_valence": valence["std"] if valence else math.nan,
    }


def _spread(values: NDArray[Any]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan
