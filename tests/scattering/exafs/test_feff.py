"""The engine: paths, phases used again, and the fit of the crystal."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from alzmodel.crystals import crystal
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.models.library import library, load_frames
from alzmodel.scattering.exafs import feff
from alzmodel.scattering.exafs.edges import EDGES, edge_of
from alzmodel.scattering.exafs.feff import (
    K_GRID,
    Cluster,
    Phases,
    PhaseStore,
    check_installed,
    chi_of_sites,
    compute_phases,
    feff_input,
    paths_of_site,
)
from alzmodel.scattering.exafs.shell_fit import fit_shell, shell_chi, standard_of
from alzmodel.scattering.exafs.sites import ExafsSettings, cluster_around, exafs

EDGE = EDGES["Zr-K"]
ELEMENTS = ("La", "O", "Zr")
INSIDE = (K_GRID >= 3) & (K_GRID <= 12)


def difference(found, expected):
    """Root mean square of the difference of k²χ, over that of the expected."""
    weight = (K_GRID**2)[INSIDE]
    return np.sqrt(np.mean((weight * (found - expected)[..., INSIDE]) ** 2)) / np.sqrt(
        np.mean((weight * expected[..., INSIDE]) ** 2)
    )


@pytest.fixture(scope="module")
def cell():
    return crystal("La2Zr2O7")


@pytest.fixture(scope="module")
def site(cell):
    return int(np.flatnonzero(cell.symbols == "Zr")[0])


@pytest.fixture(scope="module")
def phases(cell, site):
    pytest.importorskip("feff10")
    return compute_phases([cluster_around(cell, site, 8.0)], ELEMENTS, EDGE)


@pytest.fixture(scope="module")
def paths(cell, site, phases):
    return paths_of_site(cluster_around(cell, site, 5.1), phases)


def test_single_scattering_paths_of_the_crystal_are_its_shells(cell, site, paths):
    i, j, distance = neighbor_list("ijd", cell, 4.5)
    shells = {}
    for other, length in zip(j[i == site], distance[i == site], strict=True):
        key = (cell[int(other)].symbol, round(float(length), 2))
        shells[key] = shells.get(key, 0) + 1
    found = {
        (path.scatterers[0], round(path.reff, 2)): path.number
        for path in paths
        if len(path.scatterers) == 1 and path.reff < 4.5
    }
    assert found == shells
    assert found["O", 2.11] == 6
    assert any(len(path.scatterers) == 2 for path in paths)


def test_one_shell_is_the_formula_of_its_path(cell, site, phases, paths):
    """Also: a site with nothing but oxygen near it still has phases for every kind."""
    near = cluster_around(cell, site, 2.6)
    assert set(near.symbols[1:]) == {"O"}
    (chi,) = chi_of_sites([near], phases)
    (within,) = chi_of_sites([cluster_around(cell, site, 5.1)], phases, path_radius=2.6)
    expected = shell_chi(paths[0], N=6, R=paths[0].reff, sigma2=0.0)
    assert difference(within, expected) < 0.002
    # Oxygen to oxygen and back, 3.5 Å long, is all the difference.
    assert 0.002 < difference(chi, expected) < 0.15


def test_what_feff_says_of_a_bad_input_is_told(cell, site, phases):
    broken = Phases(EDGE, ELEMENTS, {**phases.files, "pot.bin": b"nonsense"})
    with pytest.raises(AlzmodelError, match="FEFF failed"):
        chi_of_sites([cluster_around(cell, site, 3.0)], broken)


def test_kinds_that_a_site_lacks_stand_far_away():
    near = Cluster(("Zr", "O"), np.array([[0.0, 0, 0], [2.1, 0, 0]]))
    lines = feff_input(near, ELEMENTS, EDGE).splitlines()
    atoms = lines[lines.index("ATOMS") + 1 : -1]
    assert [line.split()[-1] for line in atoms] == ["Zr", "O", "La", "Zr"]
    assert all(float(line.split()[0]) >= 40 for line in atoms[2:])


def test_phases_are_computed_once_a_composition(monkeypatch, tmp_path):
    monkeypatch.setattr(feff, "compute_phases", lambda *given, **_: made(given[2]))
    monkeypatch.setattr("importlib.metadata.version", lambda _: "1")
    calls = []

    def made(edge):
        calls.append(edge.name)
        return Phases(edge, ELEMENTS, dict.fromkeys(feff._PHASE_FILES, b"x"))

    clusters = [Cluster(("Zr", "O"), np.array([[0.0, 0, 0], [2.1, 0, 0]]))]
    for store in (PhaseStore(), PhaseStore(tmp_path / "kept"), PhaseStore(tmp_path / "kept")):
        for formula in ("La2 Zr2", "La2 Zr2", "La3 Zr2"):
            assert store.of(formula, clusters, ELEMENTS, EDGE).files["pot.bin"] == b"x"
    # Two compositions in memory; on disk the same input is found again, by another store too.
    assert len(calls) == 3
    assert [folder.name[:5] for folder in (tmp_path / "kept").iterdir()] == ["Zr-K-"]


def test_without_the_engine_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"\.\[exafs\]"):
        check_installed()


def test_edges_and_their_ends():
    import xraydb

    between = xraydb.xray_edge("La", "L2").energy - xraydb.xray_edge("La", "L3").energy
    assert EDGES["La-L3"].k_limit < np.sqrt(between / 3.80998)
    with pytest.raises(InputError, match="Zr-K, La-L3, La-K"):
        edge_of("Li-K")
    with pytest.raises(InputError, match="up to 10"):
        ExafsSettings(EDGES["La-L3"], k_range=(3.0, 12.0))


@pytest.mark.slow
def test_phases_used_again_are_within_five_percent_of_a_full_calculation():
    pytest.importorskip("feff10")
    model = next(one for one in library() if one.name.startswith("x3-annealed"))
    frames = load_frames(model)
    found = exafs(frames, ExafsSettings(EDGE, n_sites=4))
    elements = tuple(sorted(set(frames[0].get_chemical_symbols())))
    full = []
    for frame, atom in zip(found.frames, found.atoms, strict=True):
        around = cluster_around(frames[frame], atom, 8.0)
        full += list(chi_of_sites([around], compute_phases([around], elements, EDGE)))
    assert 0.001 < difference(found.chi, np.mean(full, axis=0)) < 0.05


@pytest.mark.slow
def test_the_crystal_reads_as_it_is():
    pytest.importorskip("feff10")
    settings = ExafsSettings(EDGE)
    standard = standard_of(settings, EDGE.r_range)
    assert pytest.approx(standard.truth.r, abs=0.01) == standard.R
    assert standard.truth.r == pytest.approx(2.108, abs=0.003)
    assert standard.sigma2 == pytest.approx(standard.truth.var, abs=0.001)
    assert pytest.approx(1.0, abs=0.05) == standard.S02
    found = exafs(crystal("La2Zr2O7"), ExafsSettings(EDGE, n_sites=1))
    fitted = fit_shell(found.chi, settings, standard)
    assert pytest.approx(2.1056, abs=0.01) == fitted.R
    assert pytest.approx(6.0, abs=0.3) == fitted.N


def test_a_full_disk_names_the_folder_of_the_phases(phases, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(AlzmodelError, match=f"{tmp_path}/kept: No space left on device"):
        feff._store(phases, tmp_path / "kept" / "Zr-K-1")
    assert not list((tmp_path / "kept").iterdir())


def test_an_absorber_without_neighbours_is_named_before_feff_runs(monkeypatch):
    monkeypatch.setattr("alzmodel.scattering.exafs.sites.check_installed", lambda: None)
    atoms = Atoms("La2O", positions=[[5, 5, 5], [15, 5, 5], [7.2, 5, 5]], cell=[20, 10, 10], pbc=True)
    with pytest.raises(InputError, match=r"frame 0, atom 1 \(La\): no atom within 5 Å scatters"):
        exafs(atoms, "La-L3")
