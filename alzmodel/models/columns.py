"""Columns for electron scattering: wide, periodic in the plane, free of the repetition of the models they come from.

A box that is simply repeated scatters like a crystal of itself: narrower than the probe it shows no variance from
place to place at all, and about as wide it shows many times too much, even if it holds a gas. A column is therefore
put together from patches, each a piece of a model no larger than the model itself, turned at random; what is left of
the seams is the same for a glass and for its control.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from alzmodel.composition import formal_charges
from alzmodel.crystals import crystal, sphere_of
from alzmodel.errors import BuildError, InputError
from alzmodel.models.patches import (
    CONTACT_MAX,
    REACH,
    Pieces,
    choose_atoms,
    contact_distances,
    fill_patches,
    ion_kinds,
    patch_spacing,
    push_apart,
    random_rotations,
    target_counts,
    wrapped,
)
from alzmodel.models.requests import check_seed

if TYPE_CHECKING:
    from ase import Atoms

__all__ = [
    "CLUSTER",
    "DISPLACEMENTS",
    "MIN_WIDTH",
    "WIDTH",
    "embed_clusters",
    "gas_column",
    "gas_source",
    "glass_column",
    "slab_columns",
    "sphere_anywhere",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

CLUSTER: Final = "cluster"
"""Name of the per-atom array that numbers embedded clusters from 1; the matrix is 0."""

DISPLACEMENTS: Final = "displacements"
"""Name of the per-atom array of what atoms move by in other frames, Å, shape (n, frames, 3). Columns keep it, turned
with the pieces: see :mod:`alzmodel.scattering.fem.thermal`."""

MIN_WIDTH: Final = 120.0
"""Å; narrower columns do not hold a 2.5 nm probe with its tails."""

GRAIN: Final = 40.0
"""Å; size of the grains of which columns of a crystal consist."""

WIDTH: Final = 130.0
THICKNESS: Final = 50.0

_LIKE_CONTACT: Final = 2.4
_UNLIKE_CONTACT: Final = 1.7
"""Å; ions of the matrix nearer to an ion of a crystal of the same or the opposite sign make way for it."""

_WHOLE_UNITS: Final = 10.0
"""Å; smaller spheres are cut as they come, since spheres of whole formula units about many centres would be empty."""

_SMALL_CHARGE: Final = 2.0
"""Li and O (and other ions of at most this charge) are what a surface gives up to become neutral."""


def glass_column(
    sources: Sequence[Atoms] | Atoms,
    *,
    width: float = WIDTH,
    thickness: float = THICKNESS,
    seed: int,
) -> Atoms:
    """Build a wide column from pieces of smaller models.

    Space is divided among random centres (a Voronoi tessellation periodic in the plane). Every cell is filled from
    one source, which is shifted by a random vector, turned by a random rotation and used at most once over, so that no
    atom of it appears twice in one patch. Where patches meet, atoms that reach across may stay if they fit; of two
    that overlap the one nearer to the middle of its patch stays. Atoms at the seams are then removed or put back until
    the numbers of ions are those of the sources at their density, and pushed apart to the contact distances of the
    sources.

    Parameters
    ----------
    sources
        Periodic models, such as minimised glasses or frames at 300 K; each patch draws one of them.
    width
        Edge of the square column in Å, 40 to 2000; FEM asks for 120 and more.
    thickness
        Along the beam (z) in Å, 5 to 2000. The column is not periodic along z.
    seed
        Of all random choices.

    Returns
    -------
    ase.Atoms
        Cell width × width × thickness, periodic along x and y; ``info["kind"]`` is "column".

    Raises
    ------
    InputError
        If a source is not periodic or too small to be cut, or a number is out of range.
    """
    from ase import Atoms

    models = _checked_sources(sources)
    _check_size(width, thickness)
    rng = np.random.default_rng(check_seed(seed))
    kinds, labels = ion_kinds(models)
    contact = contact_distances(models, labels, len(kinds))
    target = target_counts(models, labels, kinds, width * width * thickness)

    spacing = patch_spacing(models)
    pieces = fill_patches(models, labels, spacing, width, thickness, rng)
    kept = choose_atoms(*pieces[:4], contact, target, width)
    found = pieces.kinds[kept]
    seam = pieces.depth[kept] < 0.5 * CONTACT_MAX + REACH
    positions = push_apart(pieces.positions[kept], found, seam, contact, width, thickness)

    numbers, charges = np.array([z for z, _ in kinds]), np.array([charge for _, charge in kinds])
    order = np.argsort(found, kind="stable")
    column = Atoms(
        numbers=numbers[found[order]],
        positions=positions[order],
        charges=charges[found[order]],
        cell=[width, width, thickness],
        pbc=[True, True, False],
    )
    if all(DISPLACEMENTS in model.arrays for model in models):
        column.set_array(DISPLACEMENTS, _turned(models, pieces, kept[order]))
    column.info = {
        "kind": "column",
        "provenance": {
            "column": {
                "made_from": "patches of models, turned at random",
                "width": float(width),
                "thickness": float(thickness),
                "patch_spacing": spacing,
                "n_sources": len(models),
                "n_atoms": len(column),
                "seed": int(seed),
            },
            "source": models[0].info.get("provenance", {}),
        },
    }
    return column


def _turned(models: Sequence[Atoms], pieces: Pieces, kept: IntArray) -> FloatArray:
    """Displacements of the atoms that stay, turned with their patches, shape (n, frames, 3)."""
    patch, atom = pieces.patch[kept], pieces.atom[kept]
    source = pieces.source[patch]
    moved = np.empty((len(kept), *models[0].arrays[DISPLACEMENTS].shape[1:]))
    for number, model in enumerate(models):
        inside = source == number
        moved[inside] = model.arrays[DISPLACEMENTS][atom[inside]]
    return np.einsum("nij,nfj->nfi", pieces.rotations[patch], moved)


def _checked_sources(sources: Sequence[Atoms] | Atoms) -> list[Atoms]:
    models = list(sources) if isinstance(sources, Sequence) else [sources]
    if not models:
        raise InputError("column sources: none; allowed: at least one periodic model")
    for number, model in enumerate(models):
        if len(model) == 0 or not model.pbc.all():
            raise InputError(
                f"column source {number}: {len(model)} atoms, periodic along {model.pbc.tolist()}; "
                "allowed: a model with atoms that is periodic in all directions"
            )
    return models


def _check_size(width: float, thickness: float) -> None:
    for name, value, low in (("column width", width, 40.0), ("column thickness", thickness, 5.0)):
        if not (math.isfinite(value) and low <= value <= 2000.0):
            raise InputError(f"{name}: {value}; allowed: {low:g} to 2000 Å")


def gas_column(like: Atoms, seed: int) -> Atoms:
    """Return the control without any order: the ions of a column at random positions in the same volume.

    Parameters
    ----------
    like
        A column.
    seed
        Of the positions.

    Returns
    -------
    ase.Atoms
        With the cell and ions of `like`; ``info["kind"]`` is "gas".

    Raises
    ------
    InputError
        If the seed is no whole number from 0.
    """
    rng = np.random.default_rng(check_seed(seed))
    gas = like.copy()
    gas.positions = rng.random((len(like), 3)) @ like.cell.array
    if CLUSTER in gas.arrays:
        del gas.arrays[CLUSTER]
    gas.info = {
        "kind": "gas",
        "provenance": {
            **like.info.get("provenance", {}),
            "gas": {"seed": int(seed), "positions": "uniform at random"},
        },
    }
    return gas


def gas_source(like: Atoms, seed: int) -> Atoms:
    """Return a model with the cell and ions of `like` at random positions.

    Columns made from it by :func:`glass_column` are the control for the way columns are built: what they show above
    :func:`gas_column` comes from patches and seams.
    """
    return gas_column(like, seed)


def embed_clusters(
    column: Atoms,
    *,
    phase: str = "La2Zr2O7",
    diameter: float = 40.0,
    volume_fraction: float,
    seed: int,
    lattice_parameter: float | None = None,
    displacement: float = 0.08,
    unit: Atoms | None = None,
) -> Atoms:
    """Put crystalline spheres at random places and in random orientations into a column.

    Parameters
    ----------
    column
        From :func:`glass_column` (or another model periodic in the plane, with a rectangular cell).
    phase
        Reference crystal.
    diameter
        Of the spheres, Å, 6 to the thickness of the column.
    volume_fraction
        Of the column, above 0 and below 1; a whole number of spheres is built.
    seed
        Of places, orientations and displacements.
    lattice_parameter
        a in Å; None is the measured one.
    displacement
        Root mean square thermal displacement of the crystal's atoms along each axis, Å; 0.08 is B = 8π²u² = 0.5 Å².
    unit
        Periodic crystal to cut the spheres from, such as a disordered supercell; None is the cell of `phase` with
        `lattice_parameter`, which are not used otherwise. Its spheres are cut as they come, as disorder leaves no whole
        formula units.

    Returns
    -------
    ase.Atoms
        ``info["kind"]`` is "glass-ceramic"; the array "cluster" numbers the spheres from 1, the matrix is 0. Ions of
        the matrix inside a sphere or too close to its atoms are gone, and as many Li or O at the surfaces as make the
        whole neutral. The provenance states the fraction built, and that phase, size, lattice and fraction are assumed.

    Raises
    ------
    InputError
        If a number is out of range, not even one sphere would be built, or so many do not fit.
    BuildError
        If the spheres find no place.
    """
    from ase import Atoms

    width, thickness = _check_column(column)
    if not (math.isfinite(diameter) and 6.0 <= diameter <= thickness):
        raise InputError(
            f"cluster diameter: {diameter}; allowed: 6 Å to the thickness of the column, {thickness:g} Å"
        )
    if not (math.isfinite(displacement) and 0 <= displacement <= 1):
        raise InputError(f"cluster displacement: {displacement}; allowed: 0 to 1 Å")
    sphere = math.pi / 6 * diameter**3
    volume = float(column.cell.volume)
    if not (math.isfinite(volume_fraction) and 0 < volume_fraction < 1):
        raise InputError(f"cluster volume fraction: {volume_fraction}; allowed: above 0, below 1")
    count = round(volume_fraction * volume / sphere)
    if count == 0:
        raise InputError(
            f"cluster volume fraction: {volume_fraction:g} of {volume:.3g} Å³ is not one sphere of {diameter:g} Å; "
            f"allowed: at least {0.5 * sphere / volume:.2g}"
        )
    whole = unit is None and diameter >= _WHOLE_UNITS
    if unit is None:
        unit = crystal(phase, lattice_parameter=lattice_parameter)
    rng = np.random.default_rng(check_seed(seed))
    places = _places(count, diameter + CONTACT_MAX, diameter, width, thickness, rng)
    rotations = random_rotations(count, rng)
    seeds = rng.integers(2**31, size=count)
    spheres = []
    for number in range(count):
        sphere_model = sphere_anywhere(unit, diameter, int(seeds[number]), whole=whole)
        positions = sphere_model.positions @ rotations[number].T + places[number]
        positions = positions + displacement * rng.normal(size=positions.shape)
        positions[:, :2] = wrapped(positions[:, :2], np.array(width))
        sphere_model.positions = positions
        spheres.append(sphere_model)
    matrix = _carve(column, places, spheres, 0.5 * diameter, width)
    inside = Atoms(
        numbers=np.concatenate([one.numbers for one in spheres]),
        positions=np.concatenate([one.positions for one in spheres]),
        charges=np.concatenate([one.get_initial_charges() for one in spheres]),
    )
    inside.set_array(CLUSTER, np.repeat(np.arange(1, count + 1), [len(one) for one in spheres]))
    result = matrix + inside
    result.set_cell(column.cell)
    result.set_pbc(column.pbc)
    made = unit.info["provenance"]
    result.info = {
        "kind": "glass-ceramic",
        "provenance": {
            **column.info.get("provenance", {}),
            "clusters": {
                "phase": unit.info["phase"],
                "diameter": float(diameter),
                "lattice_parameter": float(made["lattice_parameters"][0]),
                **{
                    key: made[key]
                    for key in ("antisite_fraction", "frenkel_fraction", "excess_la")
                    if key in made
                },
                "displacement": float(displacement),
                "volume_fraction": count * sphere / volume,
                "volume_fraction_requested": float(volume_fraction),
                "n_clusters": count,
                "seed": int(seed),
                "assumed": "phase, diameter, lattice_parameter, displacement, volume_fraction",
            },
        },
    }
    return result


def sphere_anywhere(unit: Atoms, diameter: float, seed: int, *, whole: bool) -> Atoms:
    """Sphere cut from a periodic crystal, `whole`: of whole formula units, otherwise of all atoms inside.

    Raises
    ------
    InputError
        If the diameter is out of range (see :func:`alzmodel.crystals.nanocrystal`).
    """
    for attempt in range(20):
        try:
            return sphere_of(unit, diameter, neutral=whole, seed=seed + attempt)
        except InputError:
            # About some centres lies no atom of one of the elements.
            if whole or attempt == 19:
                raise
    raise AssertionError


def _check_column(column: Atoms) -> tuple[tuple[float, float], float]:
    cell = column.cell.array
    off_diagonal = np.abs(cell - np.diag(np.diag(cell))).max()
    if not (column.pbc[0] and column.pbc[1]) or off_diagonal > 1e-6 or len(column) == 0:
        raise InputError(
            f"column: {len(column)} atoms, periodic along {column.pbc.tolist()}, cell angles "
            f"{column.cell.angles().round(2).tolist()}°; allowed: a rectangular cell periodic along x and y"
        )
    return (float(cell[0, 0]), float(cell[1, 1])), float(cell[2, 2])


def _places(
    count: int,
    apart: float,
    diameter: float,
    width: tuple[float, float],
    thickness: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Centres of spheres that do not overlap, wholly inside the column, shape (count, 3)."""
    low, span = 0.5 * diameter, thickness - diameter
    period = np.array(width)
    most = 0
    for _ in range(20):
        centres = np.empty((0, 3))
        for _ in range(300 * count):
            if len(centres) == count:
                return centres
            trial = np.append(rng.random(2) * period, low + span * rng.random())
            gap = np.abs(centres - trial)
            gap[:, :2] = np.minimum(gap[:, :2], period - gap[:, :2])
            if (np.sum(gap**2, axis=1) >= apart**2).all():
                centres = np.vstack([centres, trial])
        most = max(most, len(centres))
    fraction = most * math.pi / 6 * diameter**3 / (width[0] * width[1] * thickness)
    raise BuildError(
        f"clusters: {count} spheres of {diameter:g} Å find no place in {width[0]:g} × {width[1]:g} × {thickness:g} Å; "
        f"{most} do, a volume fraction of {fraction:.2f}"
    )


def _carve(
    column: Atoms,
    places: FloatArray,
    spheres: Sequence[Atoms],
    radius: float,
    width: tuple[float, float],
) -> Atoms:
    """Return the matrix without the atoms that the spheres displace, its charge opposite to theirs."""
    period = np.array(width)
    matrix = column.copy()
    matrix.set_array(CLUSTER, np.zeros(len(matrix), dtype=np.int64))
    positions = matrix.positions.copy()
    positions[:, :2] = wrapped(positions[:, :2], period)
    centres = places.copy()
    centres[:, :2] = wrapped(centres[:, :2], period)
    shell, _ = cKDTree(centres, boxsize=[*width, 0]).query(positions)
    charges = formal_charges(matrix)

    crystal_positions = np.concatenate([sphere.positions for sphere in spheres])
    crystal_positions[:, :2] = wrapped(crystal_positions[:, :2], period)
    crystal_charges = np.concatenate([formal_charges(sphere) for sphere in spheres])
    near = np.flatnonzero((shell >= radius) & (shell < radius + _LIKE_CONTACT))
    pairs = cKDTree(positions[near], boxsize=[*width, 0]).sparse_distance_matrix(
        cKDTree(crystal_positions, boxsize=[*width, 0]), _LIKE_CONTACT, output_type="coo_matrix"
    )
    like = charges[near][pairs.row] * crystal_charges[pairs.col] > 0
    touching = near[pairs.row[pairs.data < np.where(like, _LIKE_CONTACT, _UNLIKE_CONTACT)]]
    kept = shell >= radius
    kept[touching] = False

    balanced = abs(float(charges.sum())) < 1e-6
    excess = float(charges[kept].sum()) + float(crystal_charges.sum())
    if balanced and abs(excess) > 0.5:
        _drop_excess(kept, charges, shell, excess)
    return matrix[kept]


def _drop_excess(kept: NDArray[np.bool_], charges: FloatArray, shell: FloatArray, excess: float) -> None:
    """Strike from `kept` the ions nearest to a sphere, of the largest charge that fits first, until none is over."""
    sign = math.copysign(1.0, excess)
    for charge in sorted({abs(c) for c in charges.tolist() if c * sign > 0}, reverse=True):
        members = np.flatnonzero(kept & (charges == sign * charge))
        wanted = int(abs(excess) // charge) if charge <= _SMALL_CHARGE else 0
        nearest = members[np.argsort(shell[members], kind="stable")][:wanted]
        kept[nearest] = False
        excess -= sign * charge * len(nearest)
    if sign * excess > 0.5 and sign < 0:
        # One negative charge is left: an oxygen ion too many takes a lithium ion with it.
        oxygen = np.flatnonzero(kept & (charges == -2))
        lithium = np.flatnonzero(kept & (charges == 1))
        if len(oxygen) and len(lithium):
            kept[oxygen[np.argmin(shell[oxygen])]] = False
            kept[lithium[np.argmin(shell[lithium])]] = False


def slab_columns(model: Atoms, *, thickness: float = THICKNESS, min_width: float = MIN_WIDTH) -> list[Atoms]:
    """Cut a model with a rectangular cell into columns along each of its axes.

    Parameters
    ----------
    model
        Periodic along all directions, or along x and y only.
    thickness
        Wanted thickness along the beam in Å; each direction is cut into slabs of equal thickness nearest to it. A
        model that is thinner than twice that is one slab.
    min_width
        Directions whose cross section is narrower, Å, are left out.

    Returns
    -------
    list of ase.Atoms
        Beam along z, periodic along x and y; empty if no cross section is wide enough.

    Raises
    ------
    InputError
        If the cell is not rectangular, the model not periodic in the plane, or the thickness out of range.
    """
    from ase import Atoms

    _check_column(model)
    _check_size(max(min_width, 40.0), thickness)
    lengths = np.array(model.cell.lengths())
    scaled = model.get_scaled_positions()
    columns = []
    for beam in (2, 0, 1) if model.pbc[2] else (2,):
        plane = [(beam + 1) % 3, (beam + 2) % 3]
        if lengths[plane].min() < min_width:
            continue
        count = max(1, round(lengths[beam] / thickness))
        # Atoms on or beyond a free surface belong to the slab beside it.
        slab_of = np.clip(np.floor(scaled[:, beam] * count), 0, count - 1)
        for n in range(count):
            inside = slab_of == n
            if not inside.any():
                continue
            height = (scaled[inside, beam] - n / count) * lengths[beam]
            flat = scaled[inside][:, plane] * lengths[plane]
            slab = Atoms(
                numbers=model.numbers[inside],
                positions=np.column_stack([flat, height]),
                charges=model.get_initial_charges()[inside],
                cell=[*lengths[plane], lengths[beam] / count],
                pbc=[True, True, False],
            )
            if CLUSTER in model.arrays:
                slab.set_array(CLUSTER, model.arrays[CLUSTER][inside])
            if DISPLACEMENTS in model.arrays:
                slab.set_array(DISPLACEMENTS, model.arrays[DISPLACEMENTS][inside][..., [*plane, beam]])
            slab.info = {
                "kind": model.info.get("kind", "column"),
                "provenance": {
                    **model.info.get("provenance", {}),
                    "column": {
                        "made_from": "slab of the model",
                        "beam_along": "xyz"[beam],
                        "slab": n,
                        "of": count,
                    },
                },
            }
            columns.append(slab)
    return columns
