"""Files of other packages' tests, read as those read them (sources and licences: peers/README.md)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alzmodel.sanity import amounts_of
from tests.formats.files import told

PEERS = Path(__file__).parent / "peers"


@pytest.mark.parametrize(
    ("name", "amounts", "volume"),
    [
        ("srycoo.cif", {"Sr": 11.2, "Y": 4.8, "Co": 16, "O": 42}, 890.864),
        ("EnumerateTest.cif", {"Li": 9, "H": 3, "He": 1}, 125.0),
        ("Ge2Sb2Te5.cif", {"Ge": 1.6, "Sb": 1.6, "Te": 4}, 219.366),
        ("cod-1000208.cif", {"K": 4, "Al": 4, "F": 16}, 325.8),
        ("cod-4341415.cif", {"Na": 4, "Fe": 4, "F": 12}, 238.9205),
    ],
)
def test_contents_are_those_that_pymatgen_and_diffpy_find(name, amounts, volume):
    (atoms,), _ = told(PEERS / name, mixed=True)
    assert amounts_of(atoms) == pytest.approx(amounts)
    assert atoms.cell.volume == pytest.approx(volume, rel=1e-4)


def test_octahedra_of_a_published_structure():
    (atoms,), _ = told(PEERS / "cod-1000208.cif")
    distances = atoms.get_all_distances(mic=True)[atoms.numbers == 13][:, atoms.numbers == 9]
    bonds = np.sort(distances, axis=1)
    # Al1 at the origin and F2 at (0.029, 0.25, 0.051), by hand with β = 106.801°.
    assert bonds[0, 2] == pytest.approx(1.8397, abs=3e-4)
    assert bonds[:, 5].max() < 1.9
    assert bonds[:, 6].min() > 2.9
