"""Write structures/Ga2O3.cif: beta-Ga2O3 in its published cell, its free coordinates from the published distances.

S. Geller, J. Chem. Phys. 33 (1960) 676, gives in his abstract the cell, the sites (all five sorts of ions on 4i of
C2/m) and the mean distances; the coordinates themselves stand where we could not read them. They are found by distance
least squares: every Ga-O distance and every edge of the GaO4 and GaO6 polyhedra comes as near to its published mean as
the cell lets it, edges with a tenth of the weight of bonds, and no two Ga come nearer than the published 3.04 Å. The
file is where relaxations start; bond lengths are compared with the published means.

Usage: python scripts/make_beta_gallia.py [CIF]
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.errors import run_main
from alzmodel.io import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

A, B, C, BETA = 12.23, 3.04, 5.80, 103.7
HEIGHTS = {"Ga1": 0.0, "Ga2": 0.5, "O1": 0.0, "O2": 0.0, "O3": 0.5}
START = (0.09, 0.79, 0.16, 0.31, 0.16, 0.11, 0.17, 0.56, 0.0, 0.26)
"""x and z of the ions in turn, to two decimals: oxygen packed closely, Ga in a tetrahedron and an octahedron of it."""
BOND = {"Ga1": 1.83, "Ga2": 2.00}
EDGE = {"Ga1": 3.02, "Ga2": 2.84}
NEIGHBOURS = {"Ga1": 4, "Ga2": 6}
CLOSEST = 3.04
"""Å, of two Ga."""
EDGE_WEIGHT = 0.3
"""Of the residual; its square is the weight."""
APART_WEIGHT = 4.0
"""Likewise, of two Ga that are too near."""
OPPOSITE = 1.2
"""Times the edge; oxygens further apart than that lie across an octahedron."""
TRANSLATIONS = np.array(
    [
        np.add(centring, shift)
        for centring in ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0))
        for shift in itertools.product(range(-2, 3), repeat=3)
    ]
)
"""Of the lattice, as far as two cells away, shape (250, 3)."""
HEADER = """\
# beta-Gallium oxide, C2/m. Cell and mean distances of S. Geller, J. Chem. Phys. 33 (1960) 676, doi 10.1063/1.1731237;
# single-crystal X-ray diffraction. Coordinates: distance least squares by scripts/make_beta_gallia.py to the mean
# distances of that paper (Ga-O 1.83 and 2.00, O-O 3.02 and 2.84, Ga-Ga at least 3.04 A), not the refined ones.

data_Ga2O3
_chemical_formula_sum 'Ga2 O3'
_cell_formula_units_Z 4
_cell_length_a 12.23
_cell_length_b 3.04
_cell_length_c 5.80
_cell_angle_alpha 90
_cell_angle_beta 103.7
_cell_angle_gamma 90
_space_group_IT_number 12
_symmetry_space_group_name_H-M 'C 1 2/m 1'
_symmetry_space_group_name_Hall '-C 2y'
_exptl_crystal_density_diffrn 5.94
loop_
_citation_id
_citation_journal_full
_citation_year
_citation_journal_volume
_citation_page_first
_citation_doi
primary 'J. Chem. Phys.' 1960 33 676 10.1063/1.1731237
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'
'-x, -y, -z'
'-x, y, -z'
'x, -y, z'
'x+1/2, y+1/2, z'
'-x+1/2, -y+1/2, -z'
'-x+1/2, y+1/2, -z'
'x+1/2, -y+1/2, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_symmetry_multiplicity
_atom_site_Wyckoff_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


def cell() -> NDArray[np.float64]:
    """Vectors of the cell in Å, shape (3, 3)."""
    angle = np.radians(BETA)
    return np.array([[A, 0, 0], [0, B, 0], [C * np.cos(angle), 0, C * np.sin(angle)]])


@dataclass(frozen=True)
class Ions:
    """Ions of one element in and around the cell.

    Attributes
    ----------
    positions
        Å, shape (n, 3).
    orbits
        Which of :data:`HEIGHTS` each belongs to, shape (n,).
    signs
        1, or -1 for those that inversion makes, shape (n,): how each follows the coordinates of its orbit.
    """

    positions: NDArray[np.float64]
    orbits: NDArray[np.int64]
    signs: NDArray[np.int64]

    def __getitem__(self, chosen: NDArray[np.int64]) -> Ions:
        return Ions(self.positions[chosen], self.orbits[chosen], self.signs[chosen])


def sites(coordinates: Sequence[float]) -> NDArray[np.float64]:
    """Fractional coordinates of the first ion of each orbit, shape (5, 3)."""
    pairs = np.reshape(coordinates, (-1, 2))
    return np.column_stack([pairs[:, 0], list(HEIGHTS.values()), pairs[:, 1]])


def images(first: NDArray[np.float64], element: str) -> Ions:
    """All ions of an element in and around the cell."""
    found = [
        (sign * first[orbit] + TRANSLATIONS, orbit, sign)
        for orbit, label in enumerate(HEIGHTS)
        if label.startswith(element)
        for sign in (1, -1)
    ]
    fractions, orbits, signs = zip(*found, strict=True)
    number = len(TRANSLATIONS)
    return Ions(np.concatenate(fractions) @ cell(), np.repeat(orbits, number), np.repeat(signs, number))


def distance(one: Ions, other: Ions, k: int, m: int) -> tuple[float, NDArray[np.float64]]:
    """Distance in Å between two ions, and its derivatives by the ten coordinates (Å)."""
    away = one.positions[k] - other.positions[m]
    length = float(np.linalg.norm(away))
    gradient = np.zeros((len(HEIGHTS), 2))
    along = (cell() @ away / length)[[0, 2]]
    gradient[one.orbits[k]] += one.signs[k] * along
    gradient[other.orbits[m]] -= other.signs[m] * along
    return length, gradient.ravel()


def nearest(ions: Ions, centre: NDArray[np.float64], number: int) -> Ions:
    """So many ions around a point, the nearest first."""
    return ions[np.argsort(np.linalg.norm(ions.positions - centre, axis=1), kind="stable")[:number]]


def residuals(coordinates: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bonds and edges of both polyhedra against their published means, weighted; then Ga that are too near.

    Returns
    -------
    deviations : ndarray, shape (n,)
        Å.
    derivatives : ndarray, shape (n, 10)
        Of each by the ten coordinates, Å.
    """
    first = sites(coordinates)
    oxygen, gallium = images(first, "O"), images(first, "Ga")
    rows: list[tuple[float, NDArray[np.float64]]] = []
    near: list[tuple[float, NDArray[np.float64]]] = []
    for label, number in NEIGHBOURS.items():
        here = first[list(HEIGHTS).index(label)] @ cell()
        centre = nearest(gallium, here, 1)
        shell = nearest(oxygen, here, number)
        for k in range(number):
            length, gradient = distance(shell, centre, k, 0)
            rows.append((length - BOND[label], gradient))
        for k, m in itertools.combinations(range(number), 2):
            length, gradient = distance(shell, shell, k, m)
            if length < OPPOSITE * EDGE[label]:
                rows.append((EDGE_WEIGHT * (length - EDGE[label]), EDGE_WEIGHT * gradient))
        around = nearest(gallium, here, 7)
        for k in range(1, 7):
            length, gradient = distance(around, centre, k, 0)
            if length < CLOSEST:
                near.append((APART_WEIGHT * (length - CLOSEST), APART_WEIGHT * gradient))
            else:
                near.append((0.0, np.zeros_like(gradient)))
    deviations, derivatives = zip(*rows, *near, strict=True)
    return np.array(deviations), np.array(derivatives)


def coordinates(start: Sequence[float] = START) -> NDArray[np.float64]:
    """Return x and z of the five ions in turn, shape (10,), converged to some 1e-8: four decimals are written."""
    from scipy.optimize import least_squares

    found = least_squares(
        lambda x: residuals(x)[0],
        start,
        jac=lambda x: residuals(x)[1],
        xtol=1e-14,
        ftol=1e-15,
        gtol=1e-14,
        max_nfev=2000,
    )
    return np.asarray(found.x)


def cif_text() -> str:
    """Return the file."""
    pairs = coordinates().reshape(-1, 2)
    lines = [
        f"{label} {label[:-1]} 4 i {x:.4f} {y:g} {z:.4f} 1\n".replace("-0.0000", "0.0000")
        for (label, y), (x, z) in zip(HEIGHTS.items(), pairs, strict=True)
    ]
    return HEADER + "".join(lines)


def main() -> None:
    """Write the CIF named on the command line, or the one in structures/."""
    default = Path(__file__).resolve().parent.parent / "structures" / "Ga2O3.cif"
    write_text(Path(sys.argv[1]) if len(sys.argv) > 1 else default, cif_text())


if __name__ == "__main__":
    run_main(main)
