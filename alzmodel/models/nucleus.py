"""A piece of crystal inside a glass: its lattice after relaxation, whether it is still there, and what is where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from alzmodel.composition import formal_charges, formula_of, ion_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = [
    "INTERFACE",
    "REGION",
    "REGIONS",
    "SITE_TOLERANCE",
    "LatticeFit",
    "core_of",
    "fit_lattice",
    "regions_of",
    "similarity",
    "summary_of",
    "unwrapped",
]

REGION: Final = "region"
"""Name of the per-atom array that says where an atom is."""

REGIONS: Final = ("nucleus", "interface", "glass")

INTERFACE: Final = 4.0
"""Å; the interface reaches this far inwards and outwards from the sphere that the nucleus was cut with, about one
distance between cations."""

SITE_TOLERANCE: Final = 1.0
"""Å; a cation nearer to its site than this is on it. Half the distance to the next cation is 1.9 Å in La2Zr2O7."""

FEWEST: Final = 8
"""Cations on their sites that a fit needs."""

ROUNDS: Final = 20

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LatticeFit:
    """The lattice that ions of a nucleus sit on: turned, shifted and evenly strained.

    Attributes
    ----------
    scale, scale_error
        Length of the lattice in units of the sites given, and its standard error; NaN where too few ions are left.
    rotation
        (3, 3), proper; a site s goes to ``scale * s @ rotation.T + shift``.
    shift
        (3,) in Å: where the origin of the sites goes.
    distance
        (n,) in Å, of the mean position of each ion from its site.
    on_site
        (n,), whether that is less than :data:`SITE_TOLERANCE`.
    rms
        Root of the mean square of `distance` in Å over the fitted ions on their sites.
    n_fitted
        Ions that the lattice was fitted to.
    """

    scale: float
    scale_error: float
    rotation: FloatArray
    shift: FloatArray
    distance: FloatArray
    on_site: NDArray[np.bool_]
    rms: float
    n_fitted: int


def similarity(sites: FloatArray, positions: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Scale, rotation (3, 3) and shift (3,) that bring `sites` (n, 3) nearest to `positions` in least squares.

    S. Umeyama, IEEE Trans. Pattern Anal. Mach. Intell. 13 (1991) 376; mirror images are excluded.
    """
    mean_site, mean_position = sites.mean(axis=0), positions.mean(axis=0)
    centred = sites - mean_site
    u, strengths, vt = np.linalg.svd((positions - mean_position).T @ centred)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = (u * signs) @ vt
    scale = float((strengths * signs).sum() / (centred**2).sum())
    return scale, rotation, mean_position - scale * rotation @ mean_site


def fit_lattice(sites: FloatArray, frames: FloatArray, fitted: NDArray[np.bool_] | None = None) -> LatticeFit:
    """Fit a lattice to the mean positions of ions over frames.

    Ions that left their sites are taken out of the fit until the others no longer change. The error joins the scatter
    of the mean positions about the lattice with that of the scale over frames; it takes ions and frames for
    independent, which neighbours are not wholly: it is a lower limit.

    Parameters
    ----------
    sites
        (n, 3) in Å, of the perfect crystal.
    frames
        (m, n, 3) in Å, of the same ions, unwrapped.
    fitted
        (n,), ions to fit; all if not given.

    Returns
    -------
    LatticeFit
    """
    chosen = np.ones(len(sites), dtype=bool) if fitted is None else fitted
    mean = frames.mean(axis=0)
    used = chosen.copy()
    for _ in range(ROUNDS):
        if used.sum() < FEWEST:
            return _lost(sites, mean)
        scale, rotation, shift = similarity(sites[used], mean[used])
        distance = np.linalg.norm(mean - (scale * sites @ rotation.T + shift), axis=1)
        # Before the first ions are taken out the lattice may lie badly.
        limit = max(SITE_TOLERANCE, 2 * float(np.median(distance[chosen])))
        kept = chosen & (distance < limit)
        if (kept == used).all():
            break
        used = kept
    on_site = distance < SITE_TOLERANCE
    good = chosen & on_site
    if good.sum() < max(FEWEST, chosen.sum() / 2):
        return _lost(sites, mean)
    spread = ((sites[used] - sites[used].mean(axis=0)) ** 2).sum()
    variance = (distance[used] ** 2).sum() / (3 * used.sum() - 7)
    scales = [similarity(sites[used], frame[used])[0] for frame in frames]
    over_time = np.var(scales, ddof=1) / len(scales) if len(scales) > 1 else 0.0
    return LatticeFit(
        # Each frame by itself: a nucleus that turns meanwhile would look smaller in the mean.
        scale=float(np.mean(scales)),
        scale_error=float(np.sqrt(variance / spread + over_time)),
        rotation=rotation,
        shift=shift,
        distance=distance,
        on_site=on_site,
        rms=float(np.sqrt((distance[good] ** 2).mean())),
        n_fitted=int(used.sum()),
    )


def _lost(sites: FloatArray, mean: FloatArray) -> LatticeFit:
    """No lattice: the ions are compared with the sites as given, about their mean."""
    shift = mean.mean(axis=0) - sites.mean(axis=0)
    distance = np.linalg.norm(mean - sites - shift, axis=1)
    nan = float("nan")
    return LatticeFit(nan, nan, np.eye(3), shift, distance, distance < SITE_TOLERANCE, nan, 0)


def core_of(sites: FloatArray, radius: float) -> NDArray[np.bool_]:
    """Whether a site (n, 3), about the centre, lies deeper than the interface (in small spheres 0.3 of the radius)."""
    return np.asarray(np.linalg.norm(sites, axis=1) <= radius - min(INTERFACE, 0.3 * radius))


def unwrapped(atoms: Atoms, indices: NDArray[np.int64]) -> FloatArray:
    """Positions (n, 3) in Å of atoms that lie close together, each at the image nearest to their middle."""
    scaled = atoms.get_scaled_positions(wrap=True)[indices]
    # The middle of points on a circle, along each axis.
    middle = np.angle(np.exp(2j * np.pi * scaled).sum(axis=0)) / (2 * np.pi)
    return np.asarray((middle + (scaled - middle + 0.5) % 1.0 - 0.5) @ atoms.cell.array)


def regions_of(atoms: Atoms, centre: FloatArray, radius: float) -> NDArray[np.str_]:
    """Name of the region (:data:`REGIONS`) of every atom, by its distance from the nucleus's surface.

    Parameters
    ----------
    atoms
        Periodic model.
    centre
        (3,) in Å.
    radius
        Of the nucleus in Å; the interface reaches :data:`INTERFACE` inwards (at most 0.3 of the radius) and outwards.
    """
    vector = atoms.get_scaled_positions(wrap=False) - centre @ np.linalg.inv(atoms.cell.array)
    vector -= np.round(vector)
    distance = np.linalg.norm(vector @ atoms.cell.array, axis=1)
    inner, outer = radius - min(INTERFACE, 0.3 * radius), radius + INTERFACE
    nucleus, interface, glass = REGIONS
    return np.where(distance <= inner, nucleus, np.where(distance <= outer, interface, glass))


def summary_of(atoms: Atoms, chosen: NDArray[np.bool_]) -> dict[str, Any]:
    """Count some of the atoms: number, ions by label, formula (two Zr) and formal charge in e."""
    labels: Sequence[str] = [label for label, keep in zip(ion_labels(atoms), chosen, strict=True) if keep]
    counts = {label: labels.count(label) for label in sorted(set(labels))}
    return {
        "n_atoms": int(chosen.sum()),
        "composition": counts,
        "formula": formula_of(counts) if counts else "",
        "charge": float(formal_charges(atoms)[chosen].sum()),
    }
