"""Symmetry coordinates of building units: how each ZrO6, LiO4, LiO6 and LaOn would move if it were alone.

A coordinate is a unit vector in the space of mass-weighted displacements. With D the dynamical matrix ⟨Q|D|Q⟩ is its
exact mean-square frequency, and |⟨Q|e⟩|² of all modes e is its spectrum. Its root mean square is a second moment and
no peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.dynamics.spectra import ROOT_TO_CM
from alzmodel.ions import IONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from scipy.sparse import csc_array, csr_array

    from alzmodel.local_order.shells import Bonded

__all__ = [
    "STRAINS",
    "Coordinate",
    "UnitSet",
    "mean_squares",
    "octahedron",
    "shell",
    "tetrahedron",
    "unit_sets",
]

LARGE_ION: Final = 0.85
"""Å; a cation with a larger six-fold radius has shells of all sizes, called MOn, and no polyhedron is asked of it."""
FEWEST_IN_SHELL: Final = 4
_DIRECTIONS: Final = np.concatenate([np.eye(3), -np.eye(3)])
_TETRAHEDRON: Final = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)
STRAINS: Final = (
    np.diag([-1.0, -1.0, 2.0]) / math.sqrt(6),
    np.diag([1.0, -1.0, 0.0]) / math.sqrt(2),
    *(
        (np.outer(a, b) + np.outer(b, a)) / math.sqrt(2)
        for a, b in ((np.eye(3)[0], np.eye(3)[1]), (np.eye(3)[1], np.eye(3)[2]), (np.eye(3)[2], np.eye(3)[0]))
    ),
)
"""The five strains that keep the volume, orthonormal as matrices."""


@dataclass(frozen=True, slots=True, eq=False)
class Coordinate:
    """The degenerate coordinates of one symmetry of one unit.

    Attributes
    ----------
    atoms
        The centre, then its oxygens, shape (m,).
    vectors
        Orthonormal mass-weighted displacements, shape (d, m, 3).
    """

    atoms: NDArray[np.int64]
    vectors: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class UnitSet:
    """One symmetry of all units of a kind.

    Attributes
    ----------
    name
        Such as ``"ZrO6 A1g"``.
    coordinates
        One a unit.
    n_centres
        Cations of the element, in units of this kind or not.
    """

    name: str
    coordinates: tuple[Coordinate, ...]
    n_centres: int

    def columns(self, n_atoms: int) -> csc_array:
        """All vectors, one a column, shape (3 n_atoms, n)."""
        from scipy.sparse import csc_array

        rows = [
            np.tile((3 * one.atoms[:, None] + np.arange(3)).reshape(-1), len(one.vectors))
            for one in self.coordinates
        ]
        lengths = np.concatenate([[3 * len(one.atoms)] * len(one.vectors) for one in self.coordinates])
        values = np.concatenate([one.vectors.reshape(-1) for one in self.coordinates])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return csc_array((values, np.concatenate(rows), starts), shape=(3 * n_atoms, len(lengths)))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _closest_frame(
    ideal: NDArray[np.float64], directions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Rotation, mirrored or not, that takes `ideal` nearest to `directions` (both (n, 3)), and the sum of cosines.

    References
    ----------
    P. H. Schönemann, Psychometrika 31 (1966) 1.
    """
    left, singular, right = np.linalg.svd(directions.T @ ideal)
    return left @ right, float(singular.sum())


def octahedron(bonds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Symmetry coordinates of six ligands about a centre at rest, in their best-fit orthogonal frame.

    A1g is the sum of the six stretches over √6, Eg their (2z − x − y)/√12 and (x − y)/2 with x, y, z the sums over
    opposite ligands, T2g the moves of four ligands in a plane that shear its axes. The ligands move along the axes of
    the frame, so that the six vectors are orthonormal in a distorted unit too. Of the fifteen ways to pair opposite
    ligands that one is taken whose frame lies nearest.

    Parameters
    ----------
    bonds
        From the centre to the ligands, shape (6, 3).

    Returns
    -------
    dict
        ``"A1g"`` (1, 6, 3), ``"Eg"`` (2, 6, 3), ``"T2g"`` (3, 6, 3).

    References
    ----------
    K. Nakamoto, Infrared and Raman Spectra of Inorganic and Coordination Compounds, part A, 6th ed. (2009), ch. 2.8.
    """
    directions = _unit(bonds)
    best, frame, order = -math.inf, np.eye(3), np.arange(6)
    for pairs in _pairings(tuple(range(6))):
        candidate = np.array([pair[0] for pair in pairs] + [pair[1] for pair in pairs])
        turned, cosines = _closest_frame(_DIRECTIONS, directions[candidate])
        if cosines > best + 1e-9:
            best, frame, order = cosines, turned, candidate
    axes = _DIRECTIONS @ frame.T
    stretch = [np.zeros((6, 3)) for _ in range(3)]
    for axis in range(3):
        for end in (axis, axis + 3):
            stretch[axis][order[end]] = axes[end]
    x, y, z = stretch
    shears = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        vector = np.zeros((6, 3))
        for along, across in ((a, b), (b, a)):
            vector[order[along]], vector[order[along + 3]] = axes[across], -axes[across]
        shears.append(vector / 2)
    return {
        "A1g": np.array([(x + y + z) / math.sqrt(6)]),
        "Eg": np.array([(2 * z - x - y) / math.sqrt(12), (x - y) / 2]),
        "T2g": np.array(shears),
    }


def _pairings(items: tuple[int, ...]) -> Iterator[list[tuple[int, int]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for partner in rest:
        for others in _pairings(tuple(one for one in rest if one != partner)):
            yield [(first, partner), *others]


def tetrahedron(
    bonds: NDArray[np.float64], mass: float, ligand_mass: float
) -> dict[str, NDArray[np.float64]]:
    """Symmetry coordinates of a centre and its four ligands, mass-weighted, in their best-fit frame.

    A1 is the sum of the four stretches over 2, E the two bends. In a T2 motion of LiO4 lithium moves most, so
    "Li-cage" is the motion of the centre against the cage of its ligands with the centre of mass at rest. Which ligand
    stands for which corner does not matter: every permutation is an operation of the tetrahedron, and the frame may be
    a mirrored one. The breathing stretches the bonds of the ligands to their other cations too: where those are Zr and
    La it measures their stiffness more than that of Li–O.

    Parameters
    ----------
    bonds
        From the centre to the ligands, shape (4, 3).
    mass, ligand_mass
        Of the centre and of a ligand, u.

    Returns
    -------
    dict
        ``"A1"`` (1, 5, 3), ``"E"`` (2, 5, 3), ``"cage"`` (3, 5, 3): the centre first.
    """
    frame, _ = _closest_frame(_TETRAHEDRON, _unit(bonds))
    corners = _TETRAHEDRON @ frame.T
    still = np.zeros((1, 3))
    bends = [_TETRAHEDRON @ strain @ frame.T for strain in STRAINS[:2]]
    cage = 4 * ligand_mass
    against = np.concatenate([[cage * math.sqrt(mass)], np.full(4, -mass * math.sqrt(ligand_mass))])
    against /= np.linalg.norm(against)
    return {
        "A1": np.array([np.concatenate([still, corners / 2])]),
        "E": np.array([np.concatenate([still, bend / np.linalg.norm(bend)]) for bend in bends]),
        "cage": np.array([np.outer(against, axis) for axis in np.eye(3)]),
    }


def shell(bonds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Radial sum, and the five strains that keep the volume, of any shell of ligands about a centre at rest.

    The strains are made orthonormal symmetrically (P.-O. Löwdin, J. Chem. Phys. 18 (1950) 365) after what they hold of
    the radial sum is taken away, so that the space they span turns with the unit.

    Parameters
    ----------
    bonds
        From the centre to the ligands, shape (n, 3), n ≥ 4.

    Returns
    -------
    dict
        ``"radial"`` (1, n, 3) and ``"strain"`` (5, n, 3); the latter is missing where the ligands lie in a plane or
        so.
    """
    n = len(bonds)
    radial = (_unit(bonds) / math.sqrt(n)).reshape(-1)
    strains = np.array([(bonds @ strain).reshape(-1) for strain in STRAINS])
    strains -= np.outer(strains @ radial, radial)
    left, singular, right = np.linalg.svd(strains, full_matrices=False)
    found = {"radial": radial.reshape(1, n, 3)}
    if singular[-1] > 1e-3 * singular[0]:
        found["strain"] = (left @ right).reshape(5, n, 3)
    return found


def unit_sets(model: Bonded, masses: NDArray[np.float64]) -> list[UnitSet]:
    """Coordinates of all building units of the last frame of a model.

    Parameters
    ----------
    model
        With its bonds.
    masses
        Of the atoms, u, shape (n_atoms,).

    Returns
    -------
    list of UnitSet
        By cation and symmetry: octahedra and tetrahedra of small cations, whole shells of large ones (above 0.85 Å).
        A unit that holds two images of one atom is left out: at Γ they cannot move apart.
    """
    atoms, bonds = model.frames[-1], model.bonds[-1]
    symbols = np.array(atoms.get_chemical_symbols())
    starts = bonds.offsets()
    found: dict[str, list[Coordinate]] = {}
    for element in model.cations:
        for centre in np.flatnonzero(symbols == element):
            own = slice(starts[centre], starts[centre + 1])
            members = np.concatenate([[centre], bonds.j[own]])
            if len(np.unique(members)) < len(members):
                continue
            for name, vectors in _of_unit(element, bonds.vector[own], masses[members]):
                found.setdefault(name, []).append(Coordinate(members, vectors))
    count = {element: int(np.sum(symbols == element)) for element in model.cations}
    return [
        UnitSet(name, tuple(coordinates), count[name.partition("O")[0]])
        for name, coordinates in found.items()
    ]


def _of_unit(
    element: str, bonds: NDArray[np.float64], masses: NDArray[np.float64]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    n = len(bonds)
    if _is_large(element):
        if n >= FEWEST_IN_SHELL:
            for kind, vectors in shell(bonds).items():
                yield f"{element}On {kind}", _with_still_centre(vectors)
    elif n == 6:
        for kind, vectors in octahedron(bonds).items():
            yield f"{element}O6 {kind}", _with_still_centre(vectors)
    elif n == 4:
        for kind, vectors in tetrahedron(bonds, masses[0], float(np.mean(masses[1:]))).items():
            yield f"{element}O4 {f'{element}-cage' if kind == 'cage' else kind}", vectors


def _is_large(element: str) -> bool:
    return any(one.radius_cn6 > LARGE_ION for one in IONS.values() if one.element == element and one.usual)


def _with_still_centre(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.zeros((len(vectors), 1, 3)), vectors], axis=1)


def mean_squares(units: UnitSet, matrix: NDArray[np.floating] | csr_array) -> NDArray[np.float64]:
    """Mean-square frequency ⟨Q|D|Q⟩ of every unit, the mean over degenerate coordinates.

    Parameters
    ----------
    units
        The coordinates.
    matrix
        Dynamical matrix, eV/(Å² u), shape (3n, 3n), dense or sparse.

    Returns
    -------
    ndarray, shape (n_units,)
        cm⁻².
    """
    if not isinstance(matrix, np.ndarray):
        columns = units.columns(matrix.shape[0] // 3)
        squares = np.asarray(columns.multiply(matrix @ columns).sum(axis=0))
        return squares.reshape(len(units.coordinates), -1).mean(axis=1) * ROOT_TO_CM**2
    found = np.zeros(len(units.coordinates))
    for number, one in enumerate(units.coordinates):
        rows = (3 * one.atoms[:, None] + np.arange(3)).reshape(-1)
        vectors = one.vectors.reshape(len(one.vectors), -1)
        found[number] = np.einsum("dx,xy,dy->", vectors, matrix[np.ix_(rows, rows)], vectors) / len(vectors)
    return found * ROOT_TO_CM**2
