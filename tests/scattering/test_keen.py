"""Keen's functions: limits, sums, and the number that RMCProfile's own file of SF6 begins with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import Atoms

from alzmodel.cli import main
from alzmodel.io import write_structure
from alzmodel.scattering.curves.reader import read_curve

ARM = 1.56
"""Å, S–F."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    arms = ARM * np.concatenate([np.eye(3), -np.eye(3)])
    atoms = Atoms("SF6", positions=[(0, 0, 0), *arms], cell=[5.9] * 3, pbc=True)
    path = tmp_path_factory.mktemp("sf6") / "sf6.cif"
    write_structure(atoms, path)
    return path


def curves(capsys, *words):
    code = main([str(word) for word in ("pdf", *words, "--json", "--radiation", "neutron")])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def test_pair_functions(capsys, model, tmp_path):
    found = {name: curves(capsys, model, "--function", f"Keen-{name}") for name in "GDT"}
    r = np.array(found["G"]["r"])
    G, D, T = (np.array(found[name][f"Keen-{name}"]["neutron"]) for name in "GDT")
    density = 7 / 5.9**3
    # sf6_190k_gr.dat of RMCProfile's tutorial begins with -0.2759300 barn.
    assert G[r < 1.4] == pytest.approx(-0.27593, abs=2e-5)
    assert pytest.approx(4 * np.pi * r * density * G) == D
    assert T[r < 1.4] == pytest.approx(0, abs=1e-12)
    assert pytest.approx(D + 4 * np.pi * r * density * 0.27594, rel=1e-4, abs=1e-4) == T
    assert pytest.approx(np.array(found["D"]["D"]["neutron"]) / 100) == D
    # Six bonds of SF6: the area of the peak over 4πr²ρ is 2 c_S c_F b_S b_F times the weight of a pair.
    peak = (r > 1.4) & (r < 1.7)
    area = np.sum(r[peak] * T[peak]) * (r[1] - r[0])
    assert area == pytest.approx(2 * (1 / 7) * 0.02847 * 5.654 * 6, rel=1e-2)


def test_reciprocal_function_and_its_file(capsys, model, tmp_path):
    found = curves(capsys, model, "--function", "Keen-F", "--write", tmp_path / "a.fq")
    S, F = (np.array(found[key]["neutron"]) for key in ("S", "Keen-F"))
    assert pytest.approx(0.27594 * (S - 1), rel=1e-4) == F
    lines = (tmp_path / "a.fq").read_text().splitlines()
    assert int(lines[0]) == len(lines) - 2 == len(F)
    assert read_curve(tmp_path / "a.fq", "Q").y == pytest.approx(F, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "abscissa", "text"),
    [
        # The heads of RMCProfile's own files of SF6 and SrTiO3.
        (
            "a.gr",
            "r",
            " 3\n#sf6190k_all_rmc     mutli by  0.2759\n 0.0199999996 -0.2759300\n 0.04 -0.2759\n 0.06 -0.2759\n",
        ),
        (
            "a.dat",
            "Q",
            "  3\nsf6_190k_fq.dat    mutli by  0.2759\n 0.71  -0.2695915\n 0.73 -0.2685593\n 0.75 -0.26\n",
        ),
        (
            "a.gr",
            "r",
            "  3\nrmc G(r)SrTiO3 5K\n 2.0E-002 -0.176248832000000\n 4.0E-002 -0.17\n 6.0E-002 -0.17\n",
        ),
    ],
)
def test_files_of_rmcprofile(tmp_path, name, abscissa, text):
    (tmp_path / name).write_text(text)
    curve = read_curve(tmp_path / name, abscissa)
    assert curve.x.size == 3
    assert curve.y[0] == float(text.splitlines()[2].split()[1])
