"""Import paths of the release before still work, and say where the thing is now."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings

import pytest
from ase import Atoms

from alzmodel.moved import MODULES, NAMES


@pytest.mark.parametrize("old", sorted(MODULES))
def test_a_module_that_moved_is_found_with_a_warning(old):
    sys.modules.pop(old, None)
    with warnings.catch_warnings(record=True) as caught:  # that of the package above it may come first
        warnings.simplefilter("always")
        module = importlib.import_module(old)
    assert f"{old} moved to {MODULES[old]}" in [str(warning.message) for warning in caught]
    assert module is importlib.import_module(MODULES[old])


@pytest.mark.parametrize(("old", "name"), [("fem", "fem_of_model"), ("xrd", "powder_pattern")])
def test_a_module_that_became_a_package_hands_on_its_names(old, name):
    package = importlib.import_module(f"alzmodel.scattering.{old}")
    with pytest.warns(DeprecationWarning, match=name):
        assert callable(getattr(package, name))
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    ("module", "name"), [(module, name) for module, names in NAMES.items() for name in names]
)
def test_a_name_that_moved_is_handed_on_with_a_warning(module, name):
    home, _, now = NAMES[module][name].rpartition(".")
    with pytest.warns(DeprecationWarning, match=f"{module}.{name} moved to {home}.{now}"):
        found = getattr(importlib.import_module(module), name)
    assert found is getattr(importlib.import_module(home), now)
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module(module).no_such_name  # noqa: B018


def test_calls_of_the_release_before_give_columns_and_words():
    from alzmodel.models.old_columns import columns_of, fem_columns
    from alzmodel.scattering.fem.settings import FEMSettings

    cube = Atoms("O8", [[60.0 * n % 128, 7.0 * n, 9.0 * n] for n in range(8)], cell=[130, 130, 60], pbc=True)
    columns, note = fem_columns(cube, thickness=60.0)
    again, words = columns_of(cube, thickness=60.0, n_columns=1, seed=1, settings=FEMSettings())
    assert len(columns) == len(again) == 1
    assert note == words == "1 column cut from the model"


def test_an_old_path_works_in_a_fresh_process_and_an_unknown_one_does_not():
    code = (
        "from alzmodel.build.packing import random_packing; from alzmodel.scattering.fem import FEMSettings"
    )
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("DeprecationWarning") >= 2
    done = subprocess.run(
        [sys.executable, "-c", "import alzmodel.build.nowhere"], capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError" in done.stderr
