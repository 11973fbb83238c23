"""Voronoi cells of atoms of different size, in periodic models of any shape."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

import numba
import numpy as np

from alzmodel.errors import AlzmodelError, InputError

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

__all__ = ["voronoi_volumes"]

_JITTER: Final = 1e-7
"""Å by which atoms are moved so that no five lie on one sphere; fixed, and the same for all images."""
_MARGIN = 6.0  # Å of images around the cell at first
_FLAT = 1e-11
_CHUNK = 200_000  # tetrahedra worked on at a time


def voronoi_volumes(atoms: Atoms, radii: ArrayLike | None = None) -> NDArray[np.float64]:
    """Volume of every atom's cell in the radical (Laguerre) tessellation.

    A point belongs to the atom with the least d² − R²: the plane between two atoms stands where tangents to both have
    the same length, nearer to the smaller one. Without radii it is Voronoi's own tessellation.

    Parameters
    ----------
    atoms
        Periodic in all three directions, of any cell.
    radii
        Å, shape (n_atoms,); None takes all the same.

    Returns
    -------
    ndarray, shape (n_atoms,)
        Å³; together the volume of the cell. An atom that sits inside a larger one may have none.

    Raises
    ------
    InputError
        If a direction is not periodic, or the radii are not one finite number an atom.

    Notes
    -----
    From the lower hull of the points lifted to (x, |x|² − R²), Qhull finds the regular tetrahedra. Each is cut from its
    corners over the centres of its edges, its faces and itself, with signs, into 24 pieces that belong to one corner
    each; the sums of those are the cells, whatever the shape of the tetrahedra.

    References
    ----------
    B. J. Gellatly and J. L. Finney, J. Non-Cryst. Solids 50, 313 (1982): the radical tessellation of atoms. F.
    Aurenhammer, SIAM J. Comput. 16, 78 (1987): lifting.
    """
    if not np.all(atoms.pbc):
        raise InputError(
            f"Voronoi cells: periodic directions {list(map(bool, atoms.pbc))}; allowed: all three periodic"
        )
    n_atoms = len(atoms)
    size = np.zeros(n_atoms) if radii is None else np.asarray(radii, dtype=float)
    if size.shape != (n_atoms,) or not np.isfinite(size).all():
        raise InputError(
            f"Voronoi radii: shape {size.shape}; allowed: one finite number in Å for each of {n_atoms} atoms"
        )
    cell = np.asarray(atoms.cell.array, dtype=float)
    noise = np.random.default_rng(0).uniform(-_JITTER, _JITTER, (n_atoms, 3))
    home = ((atoms.positions @ np.linalg.inv(cell)) % 1.0) @ cell + noise
    margin = _MARGIN
    while True:
        points, owner, mine = _with_images(home, cell, margin)
        found, reach = _tessellate(points, size[owner], mine)
        # No empty sphere at a home atom may look beyond the images that are there.
        if 2 * reach < margin:
            break
        margin = 2.2 * reach
        if margin > 60:
            raise AlzmodelError("Voronoi cells: the model holds an empty region of more than 25 Å")
    volumes = np.zeros(n_atoms)
    np.add.at(volumes, owner[mine], found[mine])
    return volumes


def _with_images(
    home: NDArray[np.float64], cell: NDArray[np.float64], margin: float
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Points within the margin of the cell, their atoms, and which are the atoms themselves."""
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    depth = margin / heights
    inverse = np.linalg.inv(cell)
    points, owner, mine = [], [], []
    for shift in itertools.product(*(range(-int(np.ceil(d)), int(np.ceil(d)) + 1) for d in depth)):
        moved = home + np.array(shift) @ cell
        fraction = moved @ inverse
        near = np.all((fraction > -depth) & (fraction < 1 + depth), axis=1)
        points.append(moved[near])
        owner.append(np.flatnonzero(near))
        mine.append(np.full(int(near.sum()), shift == (0, 0, 0)))
    return np.concatenate(points), np.concatenate(owner), np.concatenate(mine)


def _tessellate(
    points: NDArray[np.float64], size: NDArray[np.float64], mine: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Volume that each point gets from the tetrahedra at home atoms, and the farthest centre from a corner of those."""
    from scipy.spatial import ConvexHull, Delaunay

    middle = points.mean(axis=0)
    x = points - middle
    if np.ptp(size) == 0:
        corners = Delaunay(x).simplices
    else:
        lifted = np.column_stack([x, (x**2).sum(axis=1) - size**2])
        hull = ConvexHull(lifted)
        corners = hull.simplices[hull.equations[:, 3] < 0]
    corners = corners[mine[corners].any(axis=1)]
    volumes = np.zeros(len(points))
    reach = 0.0
    for start in range(0, len(corners), _CHUNK):
        part = corners[start : start + _CHUNK]
        part = part[_volume_share(x[part]) > _FLAT]
        pieces, far = _pieces(x[part], size[part] ** 2)
        volumes += np.bincount(part.ravel(), pieces.ravel(), len(points))
        reach = max(reach, far)
    return volumes, reach


def _volume_share(corner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the volume of tetrahedra over the cube of their size.

    Corners on one circle make flat ones, which come out of symmetric cells; the pieces of a flat one cancel at each of
    its corners, and its centre is not defined.
    """
    edges = corner[:, 1:] - corner[:, :1]
    size = np.linalg.norm(edges, axis=2).max(axis=1)
    return np.abs(np.linalg.det(edges)) / size**3


@numba.njit(cache=True, nogil=True)
def _pieces(corner: NDArray[np.float64], square: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Signed volume that each corner of each tetrahedron gets, shape (n, 4), and the farthest centre from a corner."""
    result = np.zeros((len(corner), 4))
    farthest = 0.0
    edges, right = np.empty((3, 3)), np.empty(3)
    along, across, normal, offset = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    for t in range(len(corner)):
        x, s = corner[t], square[t]
        # The radical centre has the same power to all four corners.
        for k in range(3):
            right[k] = (s[0] - s[k + 1]) / 2
            for c in range(3):
                edges[k, c] = x[k + 1, c] - x[0, c]
                right[k] += edges[k, c] ** 2 / 2
        centre = x[0] + np.linalg.solve(edges, right)
        for a in range(4):
            distance = 0.0
            for c in range(3):
                offset[c] = centre[c] - x[a, c]
                distance += offset[c] ** 2
            farthest = max(farthest, distance)
            for b in range(4):
                if b == a:
                    continue
                length = 0.0
                for c in range(3):
                    along[c] = x[b, c] - x[a, c]
                    length += along[c] ** 2
                length = math.sqrt(length)
                along /= length
                to_edge = (length**2 + s[a] - s[b]) / (2 * length)
                for e in range(4):
                    if e in (a, b):
                        continue
                    d = 6 - a - b - e
                    # Right-angled axes: along the edge to b, in the face towards e, and out of it towards d.
                    part, size = 0.0, 0.0
                    for c in range(3):
                        part += (x[e, c] - x[a, c]) * along[c]
                    for c in range(3):
                        across[c] = x[e, c] - x[a, c] - part * along[c]
                        size += across[c] ** 2
                    across /= math.sqrt(size)
                    normal[0] = along[1] * across[2] - along[2] * across[1]
                    normal[1] = along[2] * across[0] - along[0] * across[2]
                    normal[2] = along[0] * across[1] - along[1] * across[0]
                    to_face, out, side = 0.0, 0.0, 0.0
                    for c in range(3):
                        to_face += offset[c] * across[c]
                        out += offset[c] * normal[c]
                        side += (x[d, c] - x[a, c]) * normal[c]
                    result[t, a] += to_edge * to_face * (out if side > 0 else -out) / 6
    return result, math.sqrt(farthest)
