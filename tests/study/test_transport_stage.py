"""Transport as a stage of studies, with walkers in place of molecular dynamics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alzmodel.compare.quantities import quantity_info
from alzmodel.crystals import crystal, supercell
from alzmodel.dynamics import transport_run
from alzmodel.forcefields.potentials import potential
from alzmodel.io import write_structure
from alzmodel.progress import silent
from alzmodel.report.transport_figure import plot_displacements
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.settings import parse_study
from alzmodel.study.stage import Work
from alzmodel.study.stages.transport import TRANSPORT, TransportSettings
from alzmodel.study.store import read_curves
from alzmodel.study.tasks import plan
from tests.dynamics.walks import rattling, trajectory, walk

STUDY = "[glass]\nla = [3.0]\nseeds = [1, 2]\natoms = 100\n"


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "glass"
    folder.mkdir()
    model = supercell(crystal("Li2O"), 3)
    model.info["provenance"] = {"potential": potential("grimes").provenance(["Li+", "O2-"])}
    write_structure(model, folder / MODEL)
    inputs = {"model": {"la": 3.0, "seed": 1}, **TransportSettings(coulomb="dsf").model_dump()}
    return Work(inputs, {"glass": folder}, tmp_path, tmp_path, silent)


def test_it_moves_the_glass_with_its_own_potential_and_records_the_coefficient(work, monkeypatch):
    asked = []

    def walkers(run, folder, progress):
        asked.append((run.potential, run.temperature, run.settings.time, run.settings.coulomb, folder))
        return trajectory(walk(np.random.default_rng(1), n=40))

    monkeypatch.setattr(transport_run, "run_dynamics", walkers)
    found = TRANSPORT(work)
    assert asked == [("grimes", 900.0, 60.0, "dsf", work.scratch)]
    values = {row["name"]: row["value"] for row in found.quantities}
    # Walkers of 1e-4 cm²/s, in 10⁻⁶ cm²/s.
    assert values["li_diffusivity"] == pytest.approx(100.0, rel=0.2)
    assert values["li_msd_slope"] == pytest.approx(1.0, abs=0.1)
    assert values["li_jump_rate"] == found.results["surroundings"]["jumps"]["rate"] > 0
    assert {row["name"] for row in found.quantities} == {info.name for info in TRANSPORT.quantities}
    assert quantity_info("li_diffusivity").unit == "10⁻⁶ cm²/s"
    assert found.results["diffusive"]
    curves = read_curves(work.folder / CURVES)
    assert {name for name in curves if name.startswith("transport/msd")} == {
        f"transport/msd/{e}" for e in ("Li", "La", "O")
    }
    paths = plot_displacements(
        {"x = 3": (curves["transport/lag"].values, curves["transport/msd/Li"].values)},
        "Li",
        work.folder / "far",
    )
    assert all(path.stat().st_size for path in paths)


def test_ions_in_cages_have_no_coefficient_and_the_page_says_so(work, monkeypatch):
    monkeypatch.setattr(
        transport_run, "run_dynamics", lambda *_: trajectory(rattling(np.random.default_rng(1)))
    )
    found = TRANSPORT(work)
    assert math.isnan(found.quantities[0]["value"])

    class Record:
        results = found.results

    assert any(
        "In 1 of 1 glasses Li had not begun" in words for words in TRANSPORT.caveats([Record], {}, None)
    )


def test_it_is_off_unless_its_table_stands_in_the_file():
    without = {task.key for task in plan(parse_study(STUDY, "without"))}
    tasks = plan(parse_study(STUDY + "[transport]\ntime = 40.0\n", "with"))
    assert {task.key for task in tasks if task.stage != "transport"} == without
    (first, _) = [task for task in tasks if task.stage == "transport"]
    assert first.inputs["time"] == 40.0
    assert first.label == "transport x=3 seed 1"
    # 100 atoms, 26 000 steps.
    assert first.seconds == pytest.approx(3.0 + 100 * 26_000 / 2.0e5, rel=0.15)
