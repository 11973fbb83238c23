"""Order around a nucleus: a crystal in a gas, a crystal throughout, and models without one."""

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.local_order.nucleus_shells import EDGES, nucleus_shells


def model(*, rattled, diameter=16.0):
    """A La2Zr2O7 block whose ions beyond the sphere are rattled by so many Å."""
    atoms = crystal("La2Zr2O7").repeat(3)
    centre = atoms.cell.array.sum(axis=0) / 2
    inside = np.linalg.norm(atoms.positions - centre, axis=1) < diameter / 2
    random = np.random.default_rng(1)
    atoms.positions[~inside] += rattled * random.normal(size=(int((~inside).sum()), 3))
    atoms.set_array("from_nucleus", inside.astype(int))
    atoms.info["provenance"] = {"nucleus": {"diameter": diameter}}
    # Over the border of the cell: the centre is found all the same.
    atoms.positions += [20.0, 3.0, 0.0]
    atoms.wrap()
    return atoms


@pytest.fixture(scope="module")
def disordered():
    return nucleus_shells(model(rattled=0.6))


def test_a_sharp_nucleus_leaves_no_order_outside(disordered):
    shells = disordered
    assert shells.coherent_neighbours[0] == pytest.approx(12)
    assert shells.share[0] == 1
    assert shells.share[-1] == 0
    assert abs(shells.share[3]) < 0.15
    assert shells.first_shell < 0.35
    # Rattled ions that came into the sphere belong to neither.
    assert 32 * 27 - 25 < shells.n_cations.sum() < 32 * 27
    assert shells.fluorite_fraction[0] == 1


def test_shells_are_counted_from_the_sphere(disordered):
    """Cations of a shell of 4 Å outside a sphere of 8 Å, at 32 cations in a cell of 10.805 Å."""
    expected = 4 / 3 * np.pi * (12.0**3 - 8.0**3) * 32 / 10.805**3
    assert disordered.n_cations[EDGES.index(0.0)] == pytest.approx(expected, rel=0.15)


def test_a_crystal_throughout_has_no_scale():
    """No order is lost: inside and outside are the same, and there is no share of it."""
    shells = nucleus_shells(model(rattled=0.0))
    assert shells.coherent_neighbours == pytest.approx(np.full(6, 12.0))
    assert np.isnan(shells.share).all()


def test_a_glass_has_no_nucleus():
    atoms = model(rattled=0.0)
    del atoms.arrays["from_nucleus"]
    with pytest.raises(InputError, match="no atom marked 'from_nucleus'; allowed: a glass-ceramic"):
        nucleus_shells(atoms)
    other = model(rattled=0.0)
    other.info.clear()
    with pytest.raises(InputError, match="its diameter is not in the provenance"):
        nucleus_shells(other)
