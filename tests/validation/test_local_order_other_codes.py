"""Local order against pymatgen, scipy, networkx and what OVITO reads from the file."""

from __future__ import annotations

import warnings

import networkx as nx
import numpy as np
import pytest
from ovito.io import import_file
from pymatgen.analysis.local_env import CrystalNN, EconNN
from pymatgen.io.ase import AseAtomsAdaptor
from scipy.special import sph_harm_y

from alzmodel.crystals import crystal
from alzmodel.io import write_structure
from alzmodel.local_order.building_units import building_units, effective_coordination
from alzmodel.local_order.cation_order import frame_order
from alzmodel.local_order.network import network
from alzmodel.local_order.per_atom import atom_arrays, with_atom_arrays
from alzmodel.local_order.shapes import shape_measures
from alzmodel.local_order.shells import bonded
from alzmodel.neighbours import neighbour_list
from tests.local_order.models import cristobalite, perovskite, quartz, rough_glass, rutile

# Names of the same ideal units in chemenv. Its others leave angles open that are fixed in another way here.
SAME_SHAPES = {
    "T:4": "tetrahedron",
    "S:4": "square",
    "T:5": "trigonal bipyramid",
    "O:6": "octahedron",
    "T:6": "trigonal prism",
    "C:8": "cube",
    "SA:8": "square antiprism",
}


@pytest.mark.parametrize("number", [4, 5, 6, 8])
def test_shape_measures_equal_chemenv(number):
    # Slow to import, which every collection of the tests would wait for.
    from pymatgen.analysis.chemenv.coordination_environments.coordination_geometry_finder import (
        AbstractGeometry,
        LocalGeometryFinder,
    )

    bonds = bonded(rough_glass()).bonds[0]
    mine, offsets = shape_measures(bonds), bonds.offsets()
    finder = LocalGeometryFinder()
    finder.setup_parameters(centering_type="centroid", include_central_site_in_centroid=True)
    for centre in np.flatnonzero(np.diff(offsets) == number)[: 2 if number == 8 else 4]:
        finder.local_geometry = AbstractGeometry(
            central_site=np.zeros(3),
            bare_coords=bonds.vector[offsets[centre] : offsets[centre + 1]],
            centering_type="centroid",
            include_central_site_in_centroid=True,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = finder.get_coordination_symmetry_measures(only_minimum=True, all_csms=True)
        shared = SAME_SHAPES.keys() & theirs.keys()
        assert shared
        for symbol in shared:
            measure, other = mine[SAME_SHAPES[symbol]][centre], theirs[symbol]["csm_wcs_ctwcc"]
            assert measure < other + 1e-4
            # Of eight corners it tries the pairings that planes through the unit suggest: of units far from
            # the ideal it can miss the best (the tests of the measures themselves try all).
            if number < 8 or other < 10:
                assert measure == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("make", [lambda: crystal("La2Zr2O7"), rutile, lambda: rough_glass(4)])
def test_effective_coordination_equals_pymatgen(make):
    atoms = make()
    mine = effective_coordination(bonded(atoms).far_bonds[0])
    oxygen = atoms.symbols == "O"
    finder = EconNN(tol=0, cutoff=6.0, cation_anion=False)
    for centre in np.flatnonzero(~oxygen)[::3]:
        # It takes all elements for neighbours: only oxygen is left to it.
        alone = AseAtomsAdaptor.get_structure(atoms[[centre, *np.flatnonzero(oxygen)]])
        found = finder.get_nn_info(alone, 0)
        theirs = sum(row["weight"] for row in found if row["site"].specie.symbol == "O")
        # It stops iterating when the mean distance moves by less than 0.001 Å or so.
        assert mine[centre] == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: crystal("La2Zr2O7"),
        lambda: crystal("MgO"),
        lambda: crystal("Y2O3"),
        quartz,
        rutile,
        cristobalite,
        perovskite,
    ],
)
def test_coordination_in_crystals_equals_crystalnn(make):
    atoms = make()
    units = building_units(atoms).units
    structure = AseAtomsAdaptor.get_structure(atoms)
    for element, unit in units.items():
        centre = int(np.flatnonzero(atoms.symbols == element)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert unit.histogram[str(CrystalNN().get_cn(structure, centre))] == 1, element


def test_bond_orders_equal_spherical_harmonics():
    atoms = rough_glass()
    order = frame_order(atoms, bonded(atoms).bonds[0])
    heavy = atoms[[atom.index for atom in atoms if atom.symbol in ("Zr", "La")]]
    where = np.flatnonzero(np.isin(atoms.symbols, ["Zr", "La"]))
    pairs = neighbour_list(heavy, 8.0)
    for centre in range(0, len(heavy), 5):
        mine = np.flatnonzero(pairs.i == centre)
        nearest = mine[np.argsort(pairs.distance[mine])][:12]
        x, y, z = (pairs.vector[nearest] / pairs.distance[nearest][:, None]).T
        polar, azimuth = np.arccos(z), np.arctan2(y, x)
        for degree, values in ((4, order.q4), (6, order.q6)):
            means = [sph_harm_y(degree, m, polar, azimuth).mean() for m in range(-degree, degree + 1)]
            q = np.sqrt(4 * np.pi / (2 * degree + 1) * np.sum(np.abs(means) ** 2))
            assert values[where[centre]] == pytest.approx(q, abs=1e-9)


@pytest.mark.parametrize("element", ["Zr", "La"])
def test_pieces_of_the_network_equal_networkx(element):
    atoms = rough_glass()
    bonds = bonded(atoms).bonds[0]
    mine = bonds.select(np.isin(bonds.i, np.flatnonzero(atoms.symbols == element)))
    graph = nx.Graph(zip(mine.i.tolist(), mine.j.tolist(), strict=True))
    graph.add_nodes_from(np.flatnonzero(atoms.symbols == element).tolist())
    pieces = [
        size
        for piece in nx.connected_components(graph)
        if (size := sum(atoms[node].symbol == element for node in piece))
    ]
    part = network(bonded(atoms)).sub_networks[element]
    assert part.n_clusters == len(pieces)
    assert part.largest_fraction == pytest.approx(max(pieces) / sum(pieces))


def test_ovito_reads_every_array(tmp_path):
    atoms = rough_glass(4)
    write_structure(with_atom_arrays(atoms), tmp_path / "model.extxyz")
    particles = import_file(tmp_path / "model.extxyz").compute().particles
    for name, values in atom_arrays(bonded(atoms)).items():
        np.testing.assert_allclose(np.array(particles[name][...]), values, rtol=1e-6, atol=1e-7, err_msg=name)
