"""EXAFS as a part of a study."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import write_structure
from alzmodel.progress import silent
from alzmodel.scattering.exafs import feff, shell_fit, sites
from alzmodel.scattering.exafs.feff import K_GRID, Phases, ScatteringPath
from alzmodel.scattering.exafs.shell_fit import Standard, Truth, shell_chi
from alzmodel.study.files import CURVES, FRAMES
from alzmodel.study.settings import parse_study
from alzmodel.study.stage import Work
from alzmodel.study.stages.exafs import EXAFS
from alzmodel.study.store import read_curves
from alzmodel.study.tasks import plan

STUDY = """
name = "edges"
local_order = false
xrd = false
fem = false
reference = false
[glass]
la = [3.0]
seeds = [1, 2]
atoms = 100
"""


def settings_of(more=""):
    return parse_study(STUDY + more, "edges.toml")


def test_it_is_left_out_unless_its_table_stands_there():
    assert "exafs" not in {task.stage for task in plan(settings_of())}
    tasks = [task for task in plan(settings_of("[exafs]\nsites = 50\n")) if task.stage == "exafs"]
    assert [task.inputs["sites"] for task in tasks] == [50, 50]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("sites = 0", "sites"),
        ('edge = "Y-K"', "edge"),
        ('edge = "La-L3"\nk_range = [3.0, 12.0]', "up to 10"),
        ("k_range = [12.0, 3.0]", "rising"),
    ],
)
def test_bad_tables_are_refused(table, said):
    with pytest.raises(InputError, match=said):
        settings_of(f"[exafs]\n{table}\n")


def test_it_records_the_fit_and_keeps_single_sites(tmp_path, monkeypatch):
    """A shell of oxygen alone in place of FEFF."""
    k = np.linspace(0.0, 20.0, 101)
    path = ScatteringPath(
        k=k,
        amplitude=np.exp(-(((k - 4) / 8) ** 2)),
        phase=3.0 - 0.8 * k,
        wave_number=np.sqrt(k**2 + 4.0),
        mean_free_path=8.0 + 0.5 * k,
        reff=2.1056,
        number=6.0,
        scatterers=("O",),
    )
    standard = Standard(
        *("La2Zr2O7", 1.0, 0.0, 2.1056, 0.0, Truth(6.0, 2.1056, 0.0, 0.0, 3.0), 6.0, 0.0, (1.0, 2.3), path)
    )
    monkeypatch.setattr(sites, "check_installed", lambda: None)
    monkeypatch.setattr(feff, "compute_phases", lambda *given, **_: Phases(given[2], given[1], {}))
    monkeypatch.setattr(
        sites,
        "chi_of_sites",
        lambda clusters, *_, **__: np.array([shell_chi(path, N=5.6, R=2.12, sigma2=0.006)] * len(clusters)),
    )
    monkeypatch.setattr(shell_fit, "standard_of", lambda *_, **__: standard)
    glass, folder = tmp_path / "glass", tmp_path / "exafs"
    glass.mkdir()
    folder.mkdir()
    write_structure([crystal("La2Zr2O7")] * 2, glass / FRAMES)
    task = next(task for task in plan(settings_of("[exafs]\nsites = 20\n")) if task.stage == "exafs")
    result = EXAFS.run(Work(task.inputs, {"glass": glass}, folder, tmp_path, silent))
    found = {row["name"]: row["value"] for row in result.quantities}
    assert found["exafs_zr_o_distance"] == pytest.approx(2.12, abs=1e-4)
    assert found["exafs_zr_o_coordination"] == pytest.approx(5.6, abs=1e-3)
    assert found["exafs_zr_o_variance"] == pytest.approx(0.006, abs=1e-5)
    assert result.results["truth"]["CN"] == 6.0
    curves = read_curves(folder / CURVES)
    assert curves["exafs/site_chi"].values.shape == (20, K_GRID.size)
    assert curves["exafs/chi"].values.shape == K_GRID.shape
    assert set(found) < {info.name for info in EXAFS.quantities}
