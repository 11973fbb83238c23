"""Labels survive an interruption and the packing."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.lj import LennardJones

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.learning.labelling import add_samples, label, names_of, pack, read_set, summary, unpack


def samples():
    atoms = crystal("Li2O")
    atoms.info = {"group": "crystal", "temperature": 300.0, "phase": "Li2O"}
    rng = np.random.default_rng(0)
    for _ in range(3):
        model = atoms.copy()
        model.positions += rng.normal(0, 0.05, model.positions.shape)
        yield model


class Counted(LennardJones):
    """Counts what it computes."""

    calls = 0

    def calculate(self, *arguments, **keywords):
        type(self).calls += 1
        super().calculate(*arguments, **keywords)


def test_labelling_goes_on_where_it_stood_and_passes_hidden_files_by(tmp_path):
    names = add_samples(tmp_path, "one", samples())
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / ".one-000.extxyz.part.extxyz").write_text("")
    calculator = Counted(sigma=1.5, rc=4.0)
    assert label(tmp_path, calculator, names=names[:1]) == 1
    assert label(tmp_path, calculator) == 2
    assert label(tmp_path, calculator) == 0
    assert Counted.calls == 3
    assert sorted(names_of(tmp_path, "labels")) == names


def test_a_packed_set_has_the_labels_to_its_decimals(tmp_path):
    add_samples(tmp_path, "one", samples())
    label(tmp_path, LennardJones(sigma=1.5, rc=4.0))
    models = read_set(tmp_path)
    pack(models, tmp_path / "set.extxyz.xz")
    again = unpack(tmp_path / "set.extxyz.xz")
    assert list(again) == list(models)
    for name, atoms in models.items():
        assert again[name].positions == pytest.approx(atoms.positions, abs=6e-6)
        assert again[name].get_forces() == pytest.approx(atoms.get_forces(), abs=6e-6)
        assert again[name].get_potential_energy() == pytest.approx(atoms.get_potential_energy(), abs=6e-6)
        assert again[name].get_stress() == pytest.approx(atoms.get_stress(), abs=6e-9)
        assert again[name].info == atoms.info
    assert summary(list(again.values()))["group"] == {"crystal": 3}


def test_a_file_that_is_no_set_is_refused(tmp_path):
    (tmp_path / "set.extxyz.xz").write_text("no")
    with pytest.raises(InputError, match="labelled set"):
        unpack(tmp_path / "set.extxyz.xz")
