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


def images(sites: dict[str, NDArray[np.float64]], element: str) -> NDArray[np.float64]:
    """Positions in Å, shape (n, 3), of all ions of an element in and around the cell."""
    found = [
        (sign * site + centring + shift) @ cell()
        for label, site in sites.items()
        if label.startswith(element)
        for sign in (1, -1)
        for centring in (np.zeros(3), np.array([0.5, 0.5, 0.0]))
        for shift in itertools.product(range(-2, 3), repeat=3)
    ]
    return np.unique(np.round(found, 9), axis=0)


def residuals(coordinates: Sequence[float]) -> NDArray[np.float64]:
    """Bonds and edges of both polyhedra against their published means, in Å, weighted; then Ga that are too near."""
    sites = {
        label: np.array([coordinates[2 * k], y, coordinates[2 * k + 1]])
        for k, (label, y) in enumerate(HEIGHTS.items())
    }
    oxygen, gallium = images(sites, "O"), images(sites, "Ga")
    found: list[float] = []
    near: list[float] = []
    for label, number in NEIGHBOURS.items():
        away = oxygen - sites[label] @ cell()
        shell = away[np.argsort(np.linalg.norm(away, axis=1), kind="stable")[:number]]
        found += [length - BOND[label] for length in np.linalg.norm(shell, axis=1)]
        for one, other in itertools.combinations(shell, 2):
            edge = float(np.linalg.norm(one - other))
            if edge < OPPOSITE * EDGE[label]:
                found.append(EDGE_WEIGHT * (edge - EDGE[label]))
        apart = np.sort(np.linalg.norm(gallium - sites[label] @ cell(), axis=1))
        near += [APART_WEIGHT * min(0.0, distance - CLOSEST) for distance in apart[1:7]]
    return np.array(found + near)


def coordinates() -> NDArray[np.float64]:
    """Return x and z of the five ions in turn, shape (10,)."""
    from scipy.optimize import least_squares

    return np.asarray(least_squares(residuals, START, xtol=1e-12, ftol=1e-12).x)


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
