from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.local_order.space import packing
from tests.local_order.models import rough_glass


def spheres(*radii: float) -> float:
    return sum(4 / 3 * math.pi * r**3 for r in radii)


def test_rock_salt_by_hand():
    result = packing(bulk("MgO", "rocksalt", a=4.21))
    assert result.cn6 == pytest.approx(spheres(0.72, 1.40) / (4.21**3 / 4))
    assert result.by_coordination == pytest.approx(result.cn6)


def test_radii_follow_the_coordination():
    atoms = crystal("La2Zr2O7")
    volume = atoms.get_volume() / 8
    result = packing(atoms)
    assert result.cn6 == pytest.approx(spheres(1.032, 1.032, 0.72, 0.72, *[1.40] * 7) / volume)
    # La is eight-fold here, Zr six-fold.
    assert result.by_coordination == pytest.approx(spheres(1.16, 1.16, 0.72, 0.72, *[1.40] * 7) / volume)


def test_swelling_dilutes():
    atoms = rough_glass()
    swollen = atoms.copy()
    swollen.set_cell(atoms.cell.array * 1.01, scale_atoms=True)
    assert packing(swollen).cn6 == pytest.approx(packing(atoms).cn6 / 1.01**3)


def test_mean_of_frames_uses_the_mean_volume():
    atoms = rough_glass()
    swollen = atoms.copy()
    swollen.set_cell(atoms.cell.array * 1.02, scale_atoms=True)
    volumes = [atoms.get_volume(), swollen.get_volume()]
    assert packing([atoms, swollen]).cn6 == pytest.approx(packing(atoms).cn6 * volumes[0] / np.mean(volumes))


def test_open_ends_are_refused():
    slab = crystal("MgO")
    slab.pbc = (True, True, False)
    with pytest.raises(InputError, match="not periodic"):
        packing(slab)


def test_ions_without_radii_are_refused():
    with pytest.raises(InputError, match="Xe"):
        packing(Atoms("XeO", positions=[[0, 0, 0], [2.0, 0, 0]], cell=[5, 5, 5], pbc=True))
