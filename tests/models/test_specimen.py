"""One specimen and one control, whoever asks for them."""

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from alzmodel.composition import glass_composition, ion_counts
from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.models.columns import CLUSTER, embed_clusters, gas_source, glass_column
from alzmodel.models.packing import random_packing
from alzmodel.models.specimen import Clusters, Specimen
from alzmodel.models.window import on_window

SMALL = Specimen(thickness=20.0, width=60.0)


@pytest.fixture(scope="module")
def frames():
    first = random_packing(ion_counts(glass_composition(3.0), 300), seed=1)
    second = first.copy()
    second.positions += 0.3
    return [first, second]


@pytest.fixture(scope="module")
def cube():
    rng = np.random.default_rng(1)
    return Atoms("O3000", positions=rng.random((3000, 3)) * 130, cell=[130] * 3, pbc=True)


def test_columns_draw_from_every_frame_and_a_number_is_the_seed_of_the_first(frames):
    made = list(SMALL.columns(frames, 2, 5))
    for column, seed in zip(made, (5, 6), strict=True):
        by_hand = glass_column(frames, width=60.0, thickness=20.0, seed=seed)
        np.testing.assert_array_equal(column.positions, by_hand.positions)
    (last,) = SMALL.columns(frames[-1], 1, 5)
    assert not np.array_equal(made[0].positions, last.positions)
    (second,) = SMALL.columns(frames, 1, 6)
    np.testing.assert_array_equal(second.positions, made[1].positions)


def test_a_seed_sequence_gives_each_column_seeds_of_its_own(frames):
    """Words of the sequence in the order glass, clusters, control, as studies have used them from the start."""
    specimen = Specimen(20.0, width=40.0, clusters=Clusters(15.0, 0.1))
    words = np.random.SeedSequence([7, 3000]).generate_state(6).tolist()
    columns = list(specimen.columns(frames, 2, np.random.SeedSequence([7, 3000])))
    gases = list(specimen.control(frames, 2, np.random.SeedSequence([7, 3000])))
    for number in (0, 1):
        glass, clusters, gas = words[3 * number : 3 * number + 3]
        bare = glass_column(frames, width=40.0, thickness=20.0, seed=glass)
        filled = embed_clusters(bare, diameter=15.0, volume_fraction=0.1, seed=clusters)
        np.testing.assert_array_equal(columns[number].positions, filled.positions)
        control = glass_column(gas_source(frames[-1], gas), width=40.0, thickness=20.0, seed=gas)
        np.testing.assert_array_equal(gases[number].positions, control.positions)


def test_the_control_is_patched_like_the_glass_and_has_its_ions_and_no_clusters(frames):
    specimen = Specimen(30.0, width=60.0, clusters=Clusters(15.0, 0.1), cap=10.0)
    (gas,) = specimen.control(frames, 1, 3)
    (plain,) = Specimen(30.0, width=60.0).columns(frames, 1, 3)
    ions = Counter(gas.get_chemical_symbols())
    assert {name: ions[name] for name in ("La", "Zr", "O", "Li")} == Counter(plain.get_chemical_symbols())
    assert "patches" in gas.info["provenance"]["column"]["made_from"]
    assert gas.info["provenance"]["source"]["gas"]["positions"] == "uniform at random"
    assert ions["Si"] == Counter(next(specimen.columns(frames, 1, 3)).get_chemical_symbols())["Si"] > 0


def test_frames_of_other_ions_all_lend_theirs_to_the_control(frames):
    other = random_packing(ion_counts(glass_composition(1.5), 300), seed=2)
    (gas,) = SMALL.control([other, frames[0]], 1, 3)
    (glass,) = SMALL.columns([other, frames[0]], 1, 3)
    assert Counter(gas.get_chemical_symbols()) == Counter(glass.get_chemical_symbols())
    (last,) = SMALL.control([frames[0]], 1, 3)
    assert Counter(gas.get_chemical_symbols()) != Counter(last.get_chemical_symbols())


def test_clusters_lie_in_the_glass_and_all_of_it_on_its_cap(frames):
    specimen = Specimen(30.0, width=60.0, clusters=Clusters(15.0, 0.1, displacement=0.0), cap=10.0)
    (column,) = specimen.columns(frames, 1, 3)
    bare = glass_column(frames, width=60.0, thickness=30.0, seed=3)
    filled = embed_clusters(bare, diameter=15.0, volume_fraction=0.1, displacement=0.0, seed=3)
    by_hand = on_window(filled, thickness=10.0, seed=3)
    np.testing.assert_array_equal(column.positions, by_hand.positions)
    np.testing.assert_array_equal(column.arrays[CLUSTER], by_hand.arrays[CLUSTER])
    (again,) = specimen.dressed([bare], 3)
    np.testing.assert_array_equal(again.positions, column.positions)
    note = specimen.note(frames)
    assert "15 Å put in (assumed), 0.1 of the volume" in note
    assert "10 Å of amorphous Si3N4" in note


def test_clusters_may_have_disorder_or_excess_la_and_not_both():
    assert Clusters(20.0, 0.1).unit(1) is None
    a = crystal("La2Zr2O7").cell.lengths()[0]
    assert Clusters(40.0, 0.1, disorder=1.0).unit(1).cell.lengths()[0] == pytest.approx(4 * a)
    excess = Clusters(20.0, 0.1, excess_la=0.4, lattice_parameter=10.9).unit(1)
    assert excess.cell.lengths()[0] == pytest.approx(3 * 10.9)
    assert (excess.numbers == 57).sum() > (excess.numbers == 40).sum()
    with pytest.raises(InputError, match=r"disorder 1 and excess La 0\.2"):
        Clusters(20.0, 0.1, disorder=1.0, excess_la=0.2)


def test_a_wide_model_is_cut_and_its_control_too(cube):
    specimen = Specimen(thickness=65.0)
    columns, gases = list(specimen.columns(cube, 1, 1)), list(specimen.control(cube, 1, 1))
    assert len(columns) == len(gases) == 6
    assert "6 columns cut from the model" in specimen.note(cube)
    assert [len(gas) for gas in gases] == [len(column) for column in columns]
    assert "share their atoms" in specimen.note([cube, cube])
    assert len(list(specimen.columns([cube, cube], 1, 1))) == 12
    assert "narrower than 14 nm: columns 14.7 nm wide" in Specimen(min_width=140.0).note(cube)


def test_small_models_are_put_together_a_little_wider_than_the_probe_needs(frames):
    assert Specimen().built_width == 130.0
    assert Specimen(min_width=200.0).built_width == pytest.approx(210.0)
    assert Specimen(min_width=200.0, width=205.0).built_width == 205.0
    assert "narrower than 12 nm: columns 13 nm wide" in Specimen().note(frames)


def test_a_crystal_becomes_grains():
    cell = crystal("La2Zr2O7")
    specimen = Specimen(10.0, width=40.0, grain=25.0)
    (column,) = specimen.columns(cell, 1, 1)
    assert "grains of about 2.5 nm" in specimen.note(cell)
    assert column.info["provenance"]["column"]["patch_spacing"] >= 25.0
    (warm,) = Specimen(10.0, width=40.0, grain=25.0, displacement=0.1).columns(cell, 1, 1)
    assert not np.array_equal(column.positions, warm.positions)
    (gas,) = specimen.control(cell, 1, 1)
    assert gas.info["provenance"]["column"]["patch_spacing"] >= 25.0


def test_what_cannot_be_used_is_refused_before_the_first_column(frames):
    for n, seed, word in ((0, 1, "columns: 0"), (1, -1, "seed: -1")):
        for make in (SMALL.columns, SMALL.control):
            with pytest.raises(InputError, match=word):
                make(frames, n, seed)
    cluster = frames[0].copy()
    cluster.pbc = False
    with pytest.raises(InputError, match="periodic along"):
        SMALL.columns(cluster, 1, 1)
    with pytest.raises(InputError, match="none"):
        SMALL.control([], 1, 1)
