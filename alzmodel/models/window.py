"""The amorphous silicon nitride window on which a specimen lies in the microscope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.models.columns import CLUSTER, glass_column
from alzmodel.models.packing import LIKE_CHARGES, separated
from alzmodel.models.requests import check_seed
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["MAX_CAP", "MIN_CAP", "NITRIDE_DENSITY", "WINDOW_THICKNESS", "nitride_packing", "on_window"]

NITRIDE_DENSITY: Final = 3.1
"""g/cm³, of amorphous Si3N4 films: S. M. Sze, Physics of Semiconductor Devices, 2nd ed., as tabulated on
popproperty.net (Dielectric Material). Films differ by some 10 % with their hydrogen and the way they were made."""

WINDOW_THICKNESS: Final = 100.0
"""Å; the windows of Zhu et al., Adv. Mater. 2024, sec. 4."""

MIN_CAP: Final = 5.0
MAX_CAP: Final = 1000.0
"""Å; thicknesses of a window that can be built."""

SILICON_NITROGEN: Final = 1.55
"""Å; nearest distance of Si and N in the packing, 0.9 of a bond."""

_UNITS: Final = 100


def nitride_packing(seed: int) -> Atoms:
    """Si and N of Si3N4 at random in a periodic cube of 2 nm, pushed apart to contact, at `NITRIDE_DENSITY`.

    No potential is involved: there are no SiN4 tetrahedra, and so the sharper peaks of real nitride are missing.
    """
    from ase import Atoms

    kinds = np.repeat([0, 1], [3 * _UNITS, 4 * _UNITS])
    atoms = Atoms(np.array(["Si", "N"])[kinds], pbc=True)
    length = (float(atoms.get_masses().sum()) / NITRIDE_DENSITY * AMU_PER_A3_TO_G_PER_CM3) ** (1 / 3)
    contacts = np.full((2, 2), LIKE_CHARGES)
    contacts[0, 1] = contacts[1, 0] = SILICON_NITROGEN
    start = np.random.default_rng(check_seed(seed)).random((len(atoms), 3)) * length
    atoms.positions = separated(start, length, contacts, kinds)
    atoms.set_cell([length] * 3)
    atoms.set_initial_charges(np.array([4.0, -3.0])[kinds])
    return atoms


def on_window(column: Atoms, *, thickness: float = WINDOW_THICKNESS, seed: int) -> Atoms:
    """Put a column onto an amorphous Si3N4 window, which the beam passes after it.

    Parameters
    ----------
    column
        Periodic along x and y, beam along z; its cell square in the plane.
    thickness
        Of the window, Å, 5 to 1000.
    seed
        Of the window.

    Returns
    -------
    ase.Atoms
        The column on top of the window, which is built from turned pieces of :func:`nitride_packing` like any other
        column. The array "cluster" of the column, if it has one, counts the window to the matrix.

    Raises
    ------
    InputError
        If the cell is not square in the plane, or the thickness out of range.
    """
    cell = column.cell.array
    width = float(cell[0, 0])
    square = np.abs(cell[:2, :2] - width * np.eye(2)).max() < 1e-6 and np.abs(cell[:2, 2]).max() < 1e-6
    if not (square and column.pbc[0] and column.pbc[1]):
        raise InputError(
            f"column: cell vectors {cell[0].round(3).tolist()}, {cell[1].round(3).tolist()}; allowed on a window: "
            "square in the plane and periodic there"
        )
    if not MIN_CAP <= thickness <= MAX_CAP:
        raise InputError(f"window: {thickness:g} Å thick; allowed: {MIN_CAP:g} to {MAX_CAP:g} Å")
    window = glass_column(nitride_packing(seed), width=width, thickness=thickness, seed=seed)
    above = column.copy()
    z = above.positions[:, 2]
    height = max(float(cell[2, 2]), float(z.max() - z.min()))
    above.positions[:, 2] += height - float(z.max())
    window.positions[:, 2] += height
    if CLUSTER in above.arrays:
        window.set_array(CLUSTER, np.zeros(len(window), dtype=np.int64))
    result = above + window
    result.set_cell([width, width, height + thickness])
    result.set_pbc([True, True, False])
    provenance: dict[str, Any] = dict(column.info.get("provenance", {}))
    provenance["window"] = {
        "material": "amorphous Si3N4, random packing",
        "density": NITRIDE_DENSITY,
        "thickness": float(thickness),
        "seed": int(seed),
    }
    result.info = {**column.info, "provenance": provenance}
    return result
