from __future__ import annotations

import math

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from alzmodel.crystals import crystal, nanocrystal, supercell
from alzmodel.local_order.cation_order import cation_order, frame_order
from alzmodel.local_order.shells import bonded
from alzmodel.pyrochlore import pyrochlore_defect_fluorite
from tests.local_order.models import rough_glass


def shaken(atoms: Atoms, by: float, seed: int = 0) -> Atoms:
    moved = atoms.copy()
    moved.positions += np.random.default_rng(seed).normal(size=moved.positions.shape) * by
    return moved


def test_pyrochlore_is_face_centred_and_ordered():
    order = cation_order(crystal("La2Zr2O7"))
    assert order.q4["Zr"]["mean"] == pytest.approx(0.19094, abs=1e-5)
    assert order.q6["La"]["mean"] == pytest.approx(0.57452, abs=1e-5)
    assert order.signatures == pytest.approx({"421": 1, "422": 0, "555": 0, "other": 0})
    assert order.fluorite_fraction == order.pyrochlore_fraction == 1
    assert order.coherent_neighbours == 12
    assert order.cluster_sizes == (32,)


def with_oxygen(metal: Atoms) -> Atoms:
    """Bare metal lattices get one oxygen far from everything in sight of the analysis."""
    return metal + Atoms("O", positions=[metal.positions[0] + [0.7, 0.5, 0.3]])


@pytest.mark.parametrize(
    ("lattice", "q4", "q6", "signature"),
    [
        # Mickel, Kapfer, Schröder-Turk and Mecke, J. Chem. Phys. 138, 044501 (2013).
        (
            bulk("Zr", "hcp", a=3.2, c=3.2 * math.sqrt(8 / 3)) * (4, 4, 3),
            0.097,
            0.485,
            {"421": 0.5, "422": 0.5},
        ),
        (bulk("Zr", "fcc", a=4.6, cubic=True) * (3, 3, 3), 0.191, 0.575, {"421": 1.0, "422": 0.0}),
    ],
)
def test_close_packings(lattice, q4, q6, signature):
    order = cation_order(with_oxygen(lattice))
    assert order.q4["Zr"]["mean"] == pytest.approx(q4, abs=6e-4)
    assert order.q6["Zr"]["mean"] == pytest.approx(q6, abs=6e-4)
    for name, share in signature.items():
        assert order.signatures[name] == pytest.approx(share)


def test_icosahedron():
    golden = (1 + math.sqrt(5)) / 2
    corners = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    corners = np.array([*corners, *((z, x, y) for x, y, z in corners), *((y, z, x) for x, y, z in corners)])
    atoms = Atoms("Zr13O", positions=[[0, 0, 0], *(1.8 * corners), [0.9, 0.9, 1.0]])
    order = frame_order(atoms, bonded(atoms, cutoffs={"Zr-O": 2.0}).bonds[0])
    assert order.n555[0] == 12
    assert order.q6[0] == pytest.approx(0.663, abs=6e-4)
    assert order.q4[0] == pytest.approx(0, abs=1e-6)
    assert order.cluster[0] == -1


def test_rock_salt_is_not_fluorite():
    order = cation_order(supercell(crystal("MgO"), 2))
    assert order.signatures["421"] == 1
    assert order.fluorite_fraction == 0


def test_garnet_is_neither():
    order = cation_order(crystal("LLZO-cubic"))
    assert order.elements == ("Zr", "La")
    assert order.signatures["421"] == 0
    assert order.fluorite_fraction == 0


def test_dealt_out_ions_are_fluorite_without_pyrochlore():
    order = cation_order(pyrochlore_defect_fluorite(2, 1.0, 1))
    assert order.fluorite_fraction == 1
    assert order.pyrochlore_fraction < 0.1


def test_heat_does_not_hide_the_order_and_a_packing_has_none():
    # The two ends: displacements of 0.1 Å in each direction are those of ions at 300 K or a little above.
    hot = cation_order(shaken(supercell(crystal("La2Zr2O7"), 2), 0.1))
    assert hot.pyrochlore_fraction > 0.99
    assert hot.largest_cluster > 253
    assert 0.54 < hot.q6["Zr"]["mean"] < 0.572
    packing = cation_order(rough_glass(30))
    assert packing.fluorite_fraction == 0
    assert packing.coherent_neighbours < 3
    assert packing.signatures["421"] < 0.15


def test_clusters_of_two_crystals_in_one_box():
    large, small = nanocrystal("La2Zr2O7", 30), nanocrystal("La2Zr2O7", 22)
    large.positions += 25 - large.positions.mean(axis=0)
    small.positions += [60, 25, 25] - small.positions.mean(axis=0)
    both = small + large
    both.set_cell([85, 50, 50])
    both.pbc = True
    order = frame_order(both, bonded(both).bonds[0])
    sizes = np.bincount(order.cluster[order.cluster >= 0])
    assert len(sizes) == 2
    assert sizes[0] > sizes[1] > 20
    assert (order.cluster[: len(small)] != 0).all()
    assert (order.cluster[len(small) :] != 1).all()
    # The surface has fewer than twelve neighbours of the crystal around it.
    assert sizes.sum() < np.count_nonzero(both.numbers != 8)


def test_li_alone_has_no_order():
    assert cation_order(crystal("Li2O")) is None


@settings(deadline=None, max_examples=8)
@given(st.tuples(*[st.floats(-1, 1)] * 3), st.floats(0, 180), st.integers(0, 100))
def test_rotation_translation_and_order_do_not_matter(axis, angle, seed):
    atoms = shaken(crystal("La2Zr2O7"), 0.15, 2)
    moved = atoms.copy()
    if np.linalg.norm(axis) > 0.1:
        moved.rotate(angle, axis, rotate_cell=True)
    moved.positions += np.array(axis) * 5
    shuffle = np.random.default_rng(seed).permutation(len(atoms))
    one = frame_order(atoms, bonded(atoms).bonds[0])
    moved = moved[shuffle]
    other = frame_order(moved, bonded(moved).bonds[0])
    np.testing.assert_allclose(other.q6, one.q6[shuffle], atol=1e-7)
    np.testing.assert_array_equal(other.n421, one.n421[shuffle])
    np.testing.assert_array_equal(other.pyrochlore, one.pyrochlore[shuffle])
    np.testing.assert_array_equal(other.coherent, one.coherent[shuffle])


def test_supercell_has_the_same_numbers():
    atoms = shaken(crystal("La2Zr2O7"), 0.3, 5)
    cutoffs = {"Zr-O": 2.9, "La-O": 3.3}
    one, more = (cation_order(bonded(model, cutoffs=cutoffs)) for model in (atoms, atoms * (2, 1, 2)))
    assert more.q6["Zr"]["mean"] == pytest.approx(one.q6["Zr"]["mean"])
    assert more.signatures == pytest.approx(one.signatures)
    assert more.fluorite_fraction == one.fluorite_fraction
    assert one.signatures["other"] > 0
