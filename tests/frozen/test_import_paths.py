"""What could be imported can be imported still; what has moved says so by a DeprecationWarning of ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.frozen.frozen import load

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def found():
    """In a process of its own: a module warns once, when it is first imported."""
    words = [sys.executable, "-m", "tests.frozen.imports"]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_every_module_can_be_imported(found):
    assert set(found) == set(load("import_paths.json"))
    assert len(found) > 100
    assert {module: one["error"] for module, one in found.items() if one["error"]} == {}


def test_every_name_is_there(found):
    assert {module: one["missing"] for module, one in found.items() if one["missing"]} == {}


def test_what_has_moved_says_so(found):
    assert {module: one["silent"] for module, one in found.items() if one["silent"]} == {}
