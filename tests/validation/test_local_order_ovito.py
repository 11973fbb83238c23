"""Partials, coordination, neighbour and ring counts against OVITO."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from alzmodel.crystals import crystal, supercell
from alzmodel.local_order.cation_order import frame_order
from alzmodel.local_order.pdf import coordination_from_rdf, partial_rdf
from alzmodel.local_order.rings import rings
from alzmodel.local_order.shells import bonded
from alzmodel.local_order.voronoi import voronoi_volumes
from alzmodel.neighbours import neighbour_list
from tests.local_order.models import quartz, random_oxide, rough_glass

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ovito = pytest.importorskip("ovito")
    from ovito.data import CutoffNeighborFinder
    from ovito.io.ase import ase_to_ovito
    from ovito.modifiers import (
        CommonNeighborAnalysisModifier,
        CoordinationAnalysisModifier,
        CreateBondsModifier,
        FindRingsModifier,
        VoronoiAnalysisModifier,
    )
    from ovito.pipeline import Pipeline, StaticSource


def sheared_glass():
    atoms = rough_glass(seed=5)
    atoms.set_cell(atoms.cell.array @ [[1, 0, 0], [0.3, 1, 0], [-0.2, 0.35, 1]], scale_atoms=True)
    return atoms


@pytest.mark.parametrize("make", [rough_glass, sheared_glass], ids=["cube", "triclinic"])
def test_partials_equal_ovito(make):
    atoms = make()
    n_bins, cutoff = 300, 6.0
    pipeline = Pipeline(source=StaticSource(data=ase_to_ovito(atoms)))
    pipeline.modifiers.append(
        CoordinationAnalysisModifier(cutoff=cutoff, number_of_bins=n_bins, partial=True)
    )
    table = pipeline.compute().tables["coordination-rdf"]
    rdf = partial_rdf(atoms, r_max=cutoff, dr=cutoff / n_bins)
    np.testing.assert_allclose(table.xy()[:, 0], rdf.r, atol=1e-6)
    for column, label in enumerate(table.y.component_names):
        a, b = label.split("-")
        reference = table.xy()[:, 1 + column]
        np.testing.assert_allclose(rdf.pair(a, b), reference, rtol=1e-6, atol=1e-9, err_msg=label)


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_equal_ovito_in_small_cells(seed):
    atoms = random_oxide(seed)
    pairs = neighbour_list(atoms, 5.0)
    finder = CutoffNeighborFinder(5.0, ase_to_ovito(atoms))
    for atom in range(len(atoms)):
        theirs = sorted(neighbour.distance for neighbour in finder.find(atom))
        np.testing.assert_allclose(np.sort(pairs.distance[pairs.i == atom]), theirs, atol=1e-9)


def test_coordination_equals_ovito():
    atoms = rough_glass()
    model = bonded(atoms, cutoffs={"Zr-O": 2.6, "La-O": 3.2, "Li-O": 2.5})
    finder = CutoffNeighborFinder(3.2, ase_to_ovito(atoms))
    oxygen = atoms.numbers == 8
    for element, number, cutoff in (("Zr", 40, 2.6), ("La", 57, 3.2), ("Li", 3, 2.5)):
        centres = np.flatnonzero(atoms.numbers == number)
        theirs = [
            sum(1 for other in finder.find(atom) if oxygen[other.index] and other.distance < cutoff)
            for atom in centres
        ]
        mine = np.bincount(model.bonds[0].i, minlength=len(atoms))[centres]
        np.testing.assert_array_equal(mine, theirs)
        mean = coordination_from_rdf(model.shells.rdf, element, "O", cutoff)
        assert mean == pytest.approx(np.mean(theirs), abs=1e-9)


def ovito_rings(atoms, cutoffs, largest):
    pipeline = Pipeline(source=StaticSource(data=ase_to_ovito(atoms)))
    create = CreateBondsModifier(mode=CreateBondsModifier.Mode.Pairwise)
    for element, cutoff in cutoffs.items():
        create.set_pairwise_cutoff(element, "O", cutoff)
    pipeline.modifiers.append(create)
    pipeline.modifiers.append(FindRingsModifier(minimum_ring_size=4, maximum_ring_size=largest))
    histogram = pipeline.compute().tables["ring-size-histogram"].xy()
    return {str(int(n)): count for n, count in histogram if n % 2 == 0}


def test_rings_equal_ovito():
    # OVITO takes a loop around the cell for a ring, so its cell is repeated until none is short enough.
    atoms = rough_glass()
    cutoffs = {"Zr": 2.6, "La": 3.1}
    mine = rings(atoms, centres=("Zr", "La"), largest=8, cutoffs={f"{e}-O": c for e, c in cutoffs.items()})
    theirs = ovito_rings(atoms * (2, 2, 2), cutoffs, 8)
    assert {n: 8 * count for n, count in mine.counts.items()} == theirs
    assert all(theirs.values())


def test_rings_of_quartz_equal_ovito():
    mine = rings(quartz(), centres=("Si",), largest=16)
    theirs = ovito_rings(quartz() * (6, 6, 6), {"Si": 2.2}, 16)
    assert {n: 216 * count for n, count in mine.counts.items()} == theirs


@pytest.mark.parametrize("with_radii", [False, True], ids=["voronoi", "radical"])
def test_cells_equal_ovito(with_radii):
    atoms = sheared_glass()
    radii = np.where(atoms.symbols == "O", 1.40, np.where(atoms.symbols == "La", 1.10, 0.65))
    data = ase_to_ovito(atoms)
    data.particles_.create_property("Radius", data=radii)
    pipeline = Pipeline(source=StaticSource(data=data))
    pipeline.modifiers.append(VoronoiAnalysisModifier(use_radii=with_radii))
    theirs = np.array(pipeline.compute().particles["Atomic Volume"])
    np.testing.assert_allclose(voronoi_volumes(atoms, radii if with_radii else None), theirs, atol=1e-4)


def test_face_centred_cations_equal_ovito():
    atoms = supercell(crystal("La2Zr2O7"), 2)
    atoms.positions += np.random.default_rng(7).normal(size=atoms.positions.shape) * 0.25
    order = frame_order(atoms, bonded(atoms).bonds[0])
    cations = np.flatnonzero(atoms.numbers != 8)
    pipeline = Pipeline(source=StaticSource(data=ase_to_ovito(atoms[cations])))
    pipeline.modifiers.append(CommonNeighborAnalysisModifier())
    face_centred = np.array(pipeline.compute().particles["Structure Type"]) == 1
    np.testing.assert_array_equal(order.n421[cations] == 12, face_centred)
    assert 0.2 < face_centred.mean() < 0.95
