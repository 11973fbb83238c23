"""Random packings of ions without overlaps: where a melt starts, and the control for a quenched glass."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from alzmodel.composition import ion_labels
from alzmodel.errors import BuildError, InputError
from alzmodel.ions import ion
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CONTACT",
    "LIKE_CHARGES",
    "PACKING_FRACTION",
    "estimated_density",
    "mass_of",
    "pack_around",
    "random_packing",
    "separated",
]

PACKING_FRACTION = 0.55
"""Share of the volume inside Shannon's six-fold radii.

0.546 to 0.560 in Li7LaxZr2O(15+3x)/2 glasses of the Du/Teter potential with x = 1.5, 3.0 and 4.5.
"""

CONTACT = 0.85
"""Nearest distance of cation and oxygen in a packing, in units of the sum of Shannon's radii."""

LIKE_CHARGES = 2.4
"""Å; nearest distance of two cations or two oxygens in a packing."""

DENSEST = 0.72
"""Largest packing fraction that is tried; closest-packed equal spheres have 0.7405."""

TOLERANCE = 0.98
MAX_STEPS = 3000


def _sphere_volume(counts: Mapping[str, int]) -> float:
    return 4 / 3 * math.pi * math.fsum(n * ion(label).radius_cn6 ** 3 for label, n in counts.items())


def mass_of(counts: Mapping[str, int]) -> float:
    """Mass of ions in u."""
    return math.fsum(
        n * float(atomic_masses[atomic_numbers[ion(label).element]]) for label, n in counts.items()
    )


def estimated_density(counts: Mapping[str, int]) -> float:
    """Density in g cm⁻³ that a glass of these ions has about, from the volume of its ions.

    Spheres with Shannon's six-fold radii (Acta Cryst. A 32 (1976) 751) fill :data:`PACKING_FRACTION` of it.

    Parameters
    ----------
    counts
        Numbers of ions by label.

    Raises
    ------
    InputError
        If a label is unknown.
    """
    return mass_of(counts) / (_sphere_volume(counts) / PACKING_FRACTION) * AMU_PER_A3_TO_G_PER_CM3


def random_packing(counts: Mapping[str, int], *, seed: int, density: float | None = None) -> Atoms:
    """Ions at random in a periodic cube, pushed apart until no two overlap.

    Positions are drawn evenly, then a harmonic repulsion between ions nearer than their contact distance
    (:data:`CONTACT` times the sum of radii for unlike, :data:`LIKE_CHARGES` for like charges) is followed
    downhill. No potential is involved: the packing knows the sizes of the ions and nothing of their bonds.

    Parameters
    ----------
    counts
        Numbers of ions by label; ions stand in the atoms object in this order.
    seed
        Of the random numbers; the same seed gives the same positions.
    density
        g cm⁻³; by default :func:`estimated_density`.

    Returns
    -------
    ase.Atoms
        Periodic cube with formal charges as initial charges.

    Raises
    ------
    InputError
        If there are no ions, a number is negative, or the density leaves no room for them.
    BuildError
        If overlaps are left in the end.
    """
    counts = _checked(counts)
    density = estimated_density(counts) if density is None else density
    _check_density(counts, density)
    labels = [label for label, n in counts.items() for _ in range(n)]
    length = (mass_of(counts) / density * AMU_PER_A3_TO_G_PER_CM3) ** (1 / 3)
    positions = np.random.default_rng(seed).random((len(labels), 3)) * length
    positions = separated(
        positions, length, _contacts(counts), np.repeat(range(len(counts)), [*counts.values()])
    )
    ions = [ion(label) for label in labels]
    atoms = Atoms(
        [known.element for known in ions],
        positions=positions,
        cell=[length] * 3,
        pbc=True,
    )
    atoms.set_initial_charges([known.valence for known in ions])
    atoms.info["kind"] = "glass"
    atoms.info["provenance"] = {"method": "random packing", "seed": seed, "composition": dict(counts)}
    return atoms


def pack_around(nucleus: Atoms, counts: Mapping[str, int], *, length: float, seed: int) -> Atoms:
    """Ions at random in a periodic cube around a piece of crystal in its middle, without overlaps.

    As :func:`random_packing`, but the nucleus stands still and no ion begins inside the smallest sphere about its
    centre that holds it.

    Parameters
    ----------
    nucleus
        Centred at the origin, with formal charges; its ions come first.
    counts
        Numbers of the other ions by label.
    length
        Edge of the cube in Å.
    seed
        Of the random numbers.

    Returns
    -------
    ase.Atoms
        Periodic cube with formal charges; the nucleus stands at its centre.

    Raises
    ------
    InputError
        If the nucleus does not fit, or the ions do not fit into the space beside it.
    BuildError
        If overlaps are left in the end.
    """
    counts = _checked(counts)
    radius = float(np.linalg.norm(nucleus.positions, axis=1).max())
    if not (math.isfinite(length) and length > 2 * radius):
        raise InputError(f"box: {length:g} Å; allowed: wider than the nucleus, {2 * radius:.1f} Å")
    space = length**3 - 4 / 3 * math.pi * radius**3
    _check_density(counts, mass_of(counts) / space * AMU_PER_A3_TO_G_PER_CM3)
    inside = ion_labels(nucleus)
    labels = [*inside, *(label for label, n in counts.items() for _ in range(n))]
    kinds = tuple(dict.fromkeys(labels))
    middle = np.full(3, length / 2)
    positions = np.concatenate(
        [
            nucleus.positions + middle,
            _outside_sphere(len(labels) - len(inside), radius, length, np.random.default_rng(seed)),
        ]
    )
    moving = np.arange(len(labels)) >= len(inside)
    positions = separated(
        positions, length, _contacts(kinds), np.array([kinds.index(label) for label in labels]), moving
    )
    ions = [ion(label) for label in labels]
    atoms = Atoms([known.element for known in ions], positions=positions, cell=[length] * 3, pbc=True)
    atoms.set_initial_charges([known.valence for known in ions])
    return atoms


def _outside_sphere(n: int, radius: float, length: float, rng: np.random.Generator) -> np.ndarray:
    found = np.empty((0, 3))
    while len(found) < n:
        drawn = rng.random((n, 3)) * length
        far = np.linalg.norm(drawn - length / 2, axis=1) > radius
        found = np.concatenate([found, drawn[far]])
    return found[:n]


def _checked(counts: Mapping[str, int]) -> dict[str, int]:
    counts = {label: n for label, n in counts.items() if n}
    if not counts or any(n < 0 for n in counts.values()):
        raise InputError(f"counts: {counts}; allowed: at least one ion, no negative number")
    return counts


def _check_density(counts: Mapping[str, int], density: float) -> None:
    densest = DENSEST * mass_of(counts) / _sphere_volume(counts) * AMU_PER_A3_TO_G_PER_CM3
    if not (math.isfinite(density) and 0 < density <= densest):
        raise InputError(
            f"density: {density:g} g/cm3; allowed: above 0 and at most {densest:.2f}, where ions overlap"
        )


def _contacts(labels: Iterable[str]) -> np.ndarray:
    ions = [ion(label) for label in labels]
    return np.array(
        [
            [
                LIKE_CHARGES if a.valence * b.valence > 0 else CONTACT * (a.radius_cn6 + b.radius_cn6)
                for b in ions
            ]
            for a in ions
        ]
    )


def separated(
    positions: np.ndarray,
    length: float,
    contacts: np.ndarray,
    kinds: np.ndarray,
    moving: np.ndarray | None = None,
) -> np.ndarray:
    """Positions without overlaps; where `moving` is given, the other ions stand still."""
    from scipy.spatial import cKDTree

    reach = float(contacts.max())
    velocity = np.zeros_like(positions)
    step, mixing = 0.1, 0.1
    downhill = 0
    # FIRE: E. Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201, with unit masses.
    for _ in range(MAX_STEPS):
        positions %= length
        pairs = cKDTree(positions, boxsize=length).query_pairs(reach, output_type="ndarray")
        # A tree finds pairs in no promised order, and the last digit of a sum depends on it.
        i, j = pairs[np.lexsort(pairs.T)].T
        if moving is not None:
            free = moving[i] | moving[j]
            i, j = i[free], j[free]
        vector = positions[i] - positions[j]
        vector -= length * np.round(vector / length)
        distance = np.maximum(np.linalg.norm(vector, axis=1), 1e-9)
        contact = contacts[kinds[i], kinds[j]]
        if (distance >= TOLERANCE * contact).all():
            return positions
        push = (np.maximum(contact - distance, 0) / distance)[:, None] * vector
        force = np.zeros_like(positions)
        np.add.at(force, i, push)
        np.add.at(force, j, -push)
        if moving is not None:
            force[~moving] = 0.0
        if np.vdot(force, velocity) > 0:
            downhill += 1
            speed = np.linalg.norm(velocity) / np.linalg.norm(force)
            velocity = (1 - mixing) * velocity + mixing * speed * force
            if downhill > 5:
                step, mixing = min(step * 1.1, 0.5), mixing * 0.99
        else:
            downhill, step, mixing = 0, step * 0.5, 0.1
            velocity[:] = 0
        velocity += step * force
        positions = positions + step * velocity
    raise BuildError(
        f"random packing: ions still overlap after {MAX_STEPS} steps; a lower density leaves more room"
    )
