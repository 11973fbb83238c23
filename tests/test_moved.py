"""Import paths of the release before still work, and say where the thing is now."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from alzmodel.moved import MODULES


@pytest.mark.parametrize("old", sorted(MODULES))
def test_a_module_that_moved_is_found_with_a_warning(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} moved to {MODULES[old]}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(MODULES[old])


@pytest.mark.parametrize(("old", "name"), [("fem", "fem_of_model"), ("xrd", "powder_pattern")])
def test_a_module_that_became_a_package_hands_on_its_names(old, name):
    package = importlib.import_module(f"alzmodel.scattering.{old}")
    with pytest.warns(DeprecationWarning, match=name):
        assert callable(getattr(package, name))
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


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
