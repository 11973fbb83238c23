"""A nucleus in a glass: held and then free, and (slow) a small one to the end."""

from __future__ import annotations

import io
from dataclasses import replace

import ase.io
import numpy as np
import pytest

from alzmodel.composition import glass_composition, ion_counts, ion_labels
from alzmodel.crystals import nanocrystal
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import System, read_dump, read_thermo, run_job
from alzmodel.forcefields.potentials import potential
from alzmodel.models import protocol_run
from alzmodel.models.glass_ceramic import FROM_NUCLEUS, check_request, estimate_seconds, glass_ceramic
from alzmodel.models.nucleus import REGION, REGIONS
from alzmodel.models.packing import pack_around
from alzmodel.models.protocols import protocol_of

X3 = glass_composition(3.0)


def test_the_nucleus_stands_still_while_the_box_breathes_and_moves_when_freed(tmp_path):
    protocol = protocol_of(
        {
            "base": "glass-ceramic",
            "melt_time": 0.1,
            "melt_temperature": 4000.0,
            "hold_volume_above": 3900.0,
            "quench_rate": 10000.0,
            "hot_rate": 5000.0,
            "anneal_time": 0.1,
            "cutoff": 6.0,
            "restart_time": 0.15,
        }
    )
    nucleus = nanocrystal("La2Zr2O7", 12.0, seed=1, lattice_parameter=10.94)
    packing = pack_around(nucleus, ion_counts(X3, 300), length=17.5, seed=1)
    n, labels = len(nucleus), ion_labels(packing)
    system = System(potential("du-teter"), tuple(dict.fromkeys(labels)))
    system.write_tables(tmp_path, protocol_run._coulombs(protocol)[0])
    system.write_data(packing, labels, tmp_path / "start.data")
    _, groups = protocol_run._segments(protocol, system, 5, len(packing), held=n)
    stages = ("melt", "hot_quench_to_anneal", "quench_to_anneal", "anneal")
    dump = "write_dump all custom {}.end id type xsu ysu zsu modify sort id format float %.17g"
    segments = [
        replace(segment, commands=(*segment.commands, dump.format(segment.name)))
        for stage in stages
        for segment in groups[stage]
    ]
    assert len(segments) == 5
    run_job(tmp_path, segments)
    edges, moved, others = [], [], []
    for segment in segments:
        ((_, cell, scaled),) = read_dump(tmp_path / f"{segment.name}.end")
        positions = scaled @ cell - np.diag(cell) / 2
        edges.append(cell[0, 0])
        moved.append(np.abs(positions[:n] - nucleus.positions).max())
        others.append(np.abs(positions[n:] - packing.positions[n:] + 17.5 / 2).max())
    assert edges[:2] == [17.5, 17.5]
    assert len(set(edges)) == 4
    assert max(moved[:4]) < 1e-9
    assert moved[4] > 0.1
    assert min(others) > 0.5
    # The temperature is that of the ions that move, and the thermostat holds it.
    log = read_thermo([tmp_path / f"{segments[3].name}.log"])
    assert log.temperature[-1] < 2500


def test_nothing_of_a_run_without_held_ions_mentions_them():
    protocol = protocol_of("glass-ceramic")
    system = System(potential("du-teter"), ("La3+", "Zr4+", "O2-"))
    segments, _ = protocol_run._segments(protocol, system, 1, 600)
    assert not any("held" in command for segment in segments for command in segment.commands)


def test_the_expected_number_of_atoms_follows_from_the_box():
    ask = {"nucleus": "La2Zr2O7", "diameter": 40.0}
    n = check_request(X3, **ask, box=65.0)
    # 88 ions in 10.805³ Å³ of crystal; 24 ions of 839.7 u at about 4.6 g/cm3 of glass.
    crystal_volume = 4 / 3 * np.pi * 20**3
    glass = (65**3 - crystal_volume) * 4.6 / 1.66053907 / 839.7 * 24
    assert n == pytest.approx(crystal_volume * 88 / 10.805**3 + glass, rel=0.03)
    assert check_request(X3, **ask, n_atoms=20000) == 20000
    assert estimate_seconds(20000) == pytest.approx(2 * estimate_seconds(10000), rel=0.01)
    other = check_request(glass_composition(4.5), nucleus="La2O3", diameter=30.0, box=50.0)
    assert 8000 < other < 12000


def test_a_matrix_too_thin_for_the_cutoff_is_refused_and_the_cutoff_of_the_protocol_counts():
    ask = {"nucleus": "La2Zr2O7", "diameter": 20.0}
    with pytest.raises(InputError, match="box: 28 Å around a nucleus of 20 Å; allowed: at least 29 Å"):
        check_request(X3, **ask, box=28.0)
    check_request(X3, **ask, box=28.0, protocol={"base": "glass-ceramic", "cutoff": 8.0})
    with pytest.raises(InputError, match=r"Ca2\+ has no parameters"):
        check_request(glass_composition(3.0, dopant="Ca", fraction=0.1), **ask, box=40.0, potential="grimes")


SMALL = {
    "base": "glass-ceramic",
    "melt_time": 4.0,
    "quench_rate": 1000.0,
    "hot_rate": 1000.0,
    "anneal_time": 2.0,
    "cutoff": 7.0,
    "restart_time": 2.0,
}
ASKED = {"nucleus": "La2Zr2O7", "diameter": 18.0, "n_atoms": 1500, "seed": 2, "protocol": SMALL}


@pytest.mark.slow
def test_a_small_glass_ceramic_to_the_end_and_interrupted_to_the_same_bytes(tmp_path):
    whole = glass_ceramic(X3, **ASKED)
    model, provenance = whole.model, whole.provenance
    inserted = model.arrays[FROM_NUCLEUS] == 1
    assert len(model) >= 1500
    assert model.get_initial_charges().sum() == 0
    nucleus, matrix = provenance["nucleus"], provenance["matrix"]
    assert (nucleus["formula"], nucleus["charge"], nucleus["n_atoms"]) == ("La2Zr2O7", 0.0, inserted.sum())
    assert (matrix["charge"], matrix["n_atoms"]) == (0.0, (~inserted).sum())
    regions = provenance["regions"]
    assert sum(region["n_atoms"] for region in regions.values()) == len(model)
    assert sum(region["charge"] for region in regions.values()) == 0
    for name in REGIONS:
        assert regions[name]["n_atoms"] == (model.arrays[REGION] == name).sum() > 20
    # Held crystal, then two picoseconds at 1300 K, a third of the melting point: it must still be there.
    assert nucleus["survived"]
    assert nucleus["inner_on_site"] > 0.9
    relaxed = nucleus["cell"]["lattice_parameters"][0]
    assert nucleus["lattice_parameters"][0] == pytest.approx(relaxed, rel=0.03)
    assert 0 < nucleus["strain_error"] < 0.01
    assert 4.2 < provenance["density_300K"] < 5.2
    assert min(provenance["msd_melt"].values()) > protocol_run.MSD_REQUIRED
    for stop in (0.2, 0.5):

        def interrupt(fraction: float, message: str, stop: float = stop) -> None:
            if fraction > stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            glass_ceramic(X3, **ASKED, workdir=tmp_path, progress=interrupt)
    again = glass_ceramic(X3, **ASKED, workdir=tmp_path)
    texts = []
    for built in (whole, again):
        buffer = io.StringIO()
        ase.io.write(buffer, [built.model, *built.frames], format="extxyz")
        texts.append(buffer.getvalue())
    assert texts[0] == texts[1]
    buffer = io.StringIO(texts[0])
    back = ase.io.read(buffer, index=0, format="extxyz")
    assert back.arrays[REGION].tolist() == model.arrays[REGION].tolist()
    with pytest.raises(InputError, match="holds another build"):
        glass_ceramic(X3, **{**ASKED, "seed": 3}, workdir=tmp_path)
