"""What `import alzmodel` offers: every name, every kind of model, and what is refused."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from pymatgen.core import Lattice, Structure

import alzmodel as am
from alzmodel import analyses, api, model_frames
from alzmodel.models.melt_quench import Glass
from alzmodel.study import runner


def rock_salt() -> Structure:
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.211), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_every_name_is_there_and_none_is_a_subpackage():
    for name in am.__all__:
        assert getattr(am, name) is not None
    assert dir(am) == sorted(am.__all__)
    code = "import alzmodel, pkgutil; print(*(m.name for m in pkgutil.iter_modules(alzmodel.__path__)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(am.__all__) & set(done.stdout.split())
    with pytest.raises(AttributeError, match="no_such"):
        am.no_such  # noqa: B018


def test_import_loads_nothing_heavy():
    code = "import alzmodel, sys; print(*({'numpy', 'ase', 'scipy', 'numba', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_stub_names_what_the_package_offers():
    text = Path(api.__file__).with_name("__init__.pyi").read_text(encoding="utf-8")
    assert all(f"as {name}\n" in text or f"{name}: " in text for name in am.__all__)


@pytest.mark.parametrize(("module", "at_least"), [(api, 8), (analyses, 8), (model_frames, 2)])
def test_examples_in_the_docstrings_hold(module, at_least):
    outcome = doctest.testmod(module)
    assert outcome.attempted >= at_least
    assert outcome.failed == 0


def test_every_kind_of_model_gives_the_same_curve(tmp_path):
    cell = am.crystal("MgO")
    path = tmp_path / "cell.extxyz"
    am.write(cell, path)
    glass = Glass(model=cell, frames=[cell], provenance={})
    kinds = (cell, [cell], (cell,), path, str(path), rock_salt(), glass)
    curves = [am.pdf(kind, r_max=5.0).g["Mg-O"] for kind in kinds]
    for curve in curves[1:]:
        np.testing.assert_allclose(curve, curves[0], atol=1e-6)


def test_models_of_the_library_are_found_by_name():
    model = am.library("x3-annealed-low-Tf-seed1")
    assert model in am.library()
    assert am.library(potential="du-teter") == tuple(
        one for one in am.library() if one.potential == "du-teter"
    )
    with pytest.raises(am.InputError, match="potential: 'nobody' is unknown"):
        am.library(potential="nobody")
    with pytest.raises(am.InputError, match="both; allowed: one of them"):
        am.library(model.name, potential="grimes")
    assert len(am.frames(model)[0]) == model.n_atoms
    with pytest.raises(am.InputError, match=r"no model nobody; allowed: x1\.5-annealed"):
        am.library("nobody")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (3, "int"),
        (None, "NoneType"),
        ({}, "dict"),
        ([], "an empty list"),
        (["a.cif"], "a list that holds str"),
        ([Atoms("H"), 3], "a list that holds int"),
    ],
)
def test_other_types_are_refused_by_name(bad, words):
    for analyse in (am.pdf, am.lbu, am.xrd, am.fem, am.frames):
        with pytest.raises(am.InputError, match=f"^model: {words}; allowed: an ase.Atoms"):
            analyse(bad)


def test_a_structure_with_sites_held_in_part_is_refused():
    half = Structure(Lattice.cubic(4.2), [{"Mg": 0.5}], [[0, 0, 0]])
    with pytest.raises(am.InputError, match="held in part"):
        am.pdf(half)


def test_compositions_are_numbers_formulas_or_themselves(monkeypatch):
    asked = []
    monkeypatch.setattr("alzmodel.models.melt_quench.melt_quench", lambda one, n, **_: asked.append((one, n)))
    am.glass(3.0, 200)
    am.glass("Li7La3Zr2O12", 200)
    am.glass(asked[0][0], 200)
    assert {one.amounts["La3+"] for one, _ in asked} == {3.0}


def test_calculators_come_by_name():
    cell = am.crystal("MgO")
    cell.calc = am.calculator("du-teter")
    assert cell.get_potential_energy() < 0
    assert np.abs(cell.get_forces()).max() < 1e-6
    with pytest.raises(am.InputError, match="unknown"):
        am.calculator("nothing-of-the-kind")


def test_a_study_is_opened_by_its_folder(tmp_path, monkeypatch):
    with pytest.raises(am.InputError, match="nowhere"):
        am.open_study(tmp_path / "nowhere")
    asked = []
    for name in ("status", "compare", "plot", "report"):
        monkeypatch.setattr(runner, name, lambda *words, name=name: asked.append((name, words)))
    study = am.open_study(tmp_path)
    study.compare()
    study.plot("xrd", "a.png")
    study.report()
    assert [name for name, _ in asked] == ["status", "compare", "plot", "report"]
