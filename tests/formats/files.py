"""Small files of other programs, and a reader that keeps what it tells."""

from __future__ import annotations

import warnings

from alzmodel.formats.notes import ReadingNote
from alzmodel.io import read_frames

CELL = """data_x
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
"""
COLUMNS = "loop_\n" + "".join(
    f"_atom_site_{name}\n" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
)


def cif(sites, *, a=5.14, group="'F m -3 m'", number="225", more="", occupancy="_atom_site_occupancy"):
    """CIF of a cubic crystal; `sites` are rows, with an occupancy unless its name is empty."""
    symmetry = f"_symmetry_space_group_name_H-M {group}\n" if group else ""
    symmetry += f"_symmetry_Int_Tables_number {number}\n" if number else ""
    columns = COLUMNS + (f"{occupancy}\n" if occupancy else "")
    return CELL.format(a=a) + symmetry + more + columns + "\n".join(sites) + "\n"


def told(path, **options):
    """Frames of a file, and what was told of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ReadingNote)
        frames = read_frames(path, **options)
    return frames, " | ".join(str(one.message) for one in caught)


YSZ = cif(["Zr Zr 0 0 0 0.85", "Y Y 0 0 0 0.15", "O O .25 .25 .25 0.925"])
