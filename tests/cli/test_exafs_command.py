"""``alzmodel exafs`` as it is typed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal
from alzmodel.io import write_structure
from alzmodel.scattering.exafs import feff, shell_fit, sites
from alzmodel.scattering.exafs.edges import EDGES
from alzmodel.scattering.exafs.feff import K_GRID, Phases, ScatteringPath
from alzmodel.scattering.exafs.shell_fit import Standard, Truth, shell_chi


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_structure(crystal("La2Zr2O7"), folder / "one.extxyz")
    moved = crystal("La2Zr2O7")
    moved.rattle(0.02, seed=2)
    write_structure(moved, folder / "two.extxyz")
    write_structure(crystal("MgO"), folder / "mgo.extxyz")
    return folder


@pytest.fixture
def without_engine(monkeypatch):
    """Single scattering by oxygen alone in place of FEFF, from each site's own distances."""
    k = np.linspace(0.0, 20.0, 101)
    path = ScatteringPath(
        k=k,
        amplitude=0.8 * np.exp(-(((k - 4) / 8) ** 2)),
        phase=-0.8 * k + 3.0,
        wave_number=np.sqrt(k**2 + 4.0),
        mean_free_path=8.0 + 0.5 * k,
        reff=2.1056,
        number=6.0,
        scatterers=("O",),
    )

    def chi_of_sites(clusters, phases, *, progress=None, **_):
        found = []
        for number, cluster in enumerate(clusters, start=1):
            oxygen = np.array([symbol == "O" for symbol in cluster.symbols])
            away = np.linalg.norm(cluster.positions, axis=1)[oxygen]
            near = away[away < 3.0]
            found.append(sum(shell_chi(path, N=1, R=r, sigma2=0.0) for r in near))
            if progress:
                progress(number / len(clusters), "site")
        return np.array(found)

    truth = Truth(6.0, 2.1056, 0.0, 0.0, 3.0)
    standard = Standard("La2Zr2O7", 1.0, 0.0, 2.1056, 0.0, truth, 6.0, 0.0, EDGES["Zr-K"].r_range, path)
    monkeypatch.setattr(sites, "chi_of_sites", chi_of_sites)
    monkeypatch.setattr(sites, "check_installed", lambda: None)
    monkeypatch.setattr(feff, "check_installed", lambda: None)
    monkeypatch.setattr(feff, "compute_phases", lambda *given, **_: Phases(given[2], given[1], {}))
    monkeypatch.setattr(shell_fit, "standard_of", lambda *_, **__: standard)


@pytest.mark.usefixtures("without_engine")
def test_the_fit_stands_beside_the_truth(capsys, folder):
    code, out, err = run(capsys, "exafs", folder / "two.extxyz", "--fit", "--json")
    result = json.loads(out)
    assert code == 0
    assert len(result["k"]) == len(result["chi"]) == len(result["sem"]) == K_GRID.size
    assert len(result["r"]) == len(result["ft"])
    assert result["n_sites"] == result["n_absorbers"] == 16
    assert result["truth"]["CN"] == 6
    assert result["fit"]["N"] == pytest.approx(6.0, abs=0.05)
    assert result["fit"]["R"] == pytest.approx(result["truth"]["r"], abs=0.002)
    assert result["fit"]["sigma2"] == pytest.approx(result["truth"]["var"], rel=0.05)
    assert "1.5 times" in err
    assert "16 of 16 sites" in err
    assert "sites" not in result


@pytest.mark.usefixtures("without_engine")
def test_two_files_give_means_and_spreads(capsys, folder):
    code, out, _ = run(capsys, "exafs", folder / "one.extxyz", folder / "two.extxyz", "--fit", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["n_models"] == 2
    assert result["fit"]["R_std"] > 0
    assert len(result["chi_std"]) == K_GRID.size
    assert result["k_range"] == [3.0, 12.0]
    assert result["k_weight"] == 2
    code, out, _ = run(capsys, "exafs", folder / "one.extxyz", folder / "two.extxyz", "--fit")
    assert code == 0
    assert "with C3 free" in out


@pytest.mark.usefixtures("without_engine")
def test_sites_files_and_pictures(capsys, folder, tmp_path):
    words = ("--sites", "3", "--write", tmp_path / "a.chi", "--figure", tmp_path / "a.png")
    code, out, _ = run(capsys, "exafs", folder / "two.extxyz", *words, "--list-sites", "--json")
    result = json.loads(out)
    assert code == 0
    assert [set(one) for one in result["sites"]] == [{"frame", "atom", "chi"}] * 3
    np.testing.assert_allclose(np.mean([one["chi"] for one in result["sites"]], axis=0), result["chi"])
    assert (tmp_path / "a.png").stat().st_size > 10_000
    code, out, _ = run(
        capsys, "exafs", folder / "two.extxyz", "--sites", "3", "--against", tmp_path / "a.chi"
    )
    assert code == 0
    assert "S0² of the measurement" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sites", "0"), "sites: 0"),
        (("--seed", "-1"), "-1"),
        (("--kweight", "4"), "k weight: 4"),
        (("--krange", "3"), "--krange '3'"),
        (("--krange", "12,3"), "k range: 12 to 3"),
        (("--krange", "nan,3"), "k range: nan"),
        (("--edge", "La-L3", "--krange", "3,12"), "up to 10"),
        (("--edge", "Y-K"), "y-k"),
        (("--rrange", "1,2"), "with --fit"),
        (("--fit", "--rrange", "1,1.2"), "independent points"),
        (("--dk", "0"), "dk: 0"),
        (("--path-radius", "20"), "path radius: 20"),
        (("--workers", "0"), "--workers 0"),
        (("--list-sites",), "--list-sites"),
        (("--write", "a.csv"), "--write a.csv"),
        (("--figure", "a.gif"), "a.gif"),
        (("--against", "none.chi"), "none.chi"),
        (("--phases", "{folder}/one.extxyz"), "not a folder"),
    ],
)
@pytest.mark.usefixtures("without_engine")
def test_bad_words_are_refused_in_one_line(capsys, folder, words, said):
    given = [word.replace("{folder}", str(folder)) for word in words]
    code, out, err = run(capsys, "exafs", folder / "one.extxyz", *given)
    assert code == 2
    assert out == ""
    assert said.lower() in err.lower()
    assert len(err.splitlines()) == 1


@pytest.mark.usefixtures("without_engine")
def test_a_model_without_the_absorber_is_named(capsys, folder):
    for more in ((), ("--dry-run",)):
        code, _, err = run(capsys, "exafs", folder / "mgo.extxyz", *more)
        assert code == 2
        assert "mgo.extxyz" in err
        assert "holds no Zr" in err


@pytest.mark.usefixtures("without_engine")
def test_a_dry_run_tells_sites_and_time(capsys, folder):
    code, out, _ = run(capsys, "exafs", folder / "one.extxyz", "--sites", "5", "--dry-run", "--json")
    assert code == 0
    (row,) = json.loads(out)["plan"]
    assert row["sites"] == 5
    assert row["seconds"] > 0


def test_without_the_extra_one_line_names_it(capsys, folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, _, err = run(capsys, "exafs", folder / "one.extxyz")
    assert code == 2
    assert ".[exafs]" in err
    assert len(err.splitlines()) == 1
