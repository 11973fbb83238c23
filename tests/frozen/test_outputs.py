"""What every command prints and writes is what it was: keys, kinds, and numbers within a stated tolerance."""

import json

import pytest

from tests.frozen.cases import CASES, make_inputs, outcome
from tests.frozen.frozen import load
from tests.frozen.trees import differences

FROZEN = load("outputs.json.xz") | load("outputs_fem.json.xz")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_inputs(tmp_path_factory.mktemp("frozen"))


def test_every_command_is_frozen():
    assert set(FROZEN) == {case.name for case in CASES}
    assert len(FROZEN) == len(CASES)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[pytest.mark.slow] if case.slow else []) for case in CASES],
)
def test_output_is_what_it_was(case, folder):
    """New keys are told too: JSON that people read does not grow by chance."""
    now = json.loads(json.dumps(outcome(case, folder)))
    found = differences(FROZEN[case.name], now, case.rtol)
    if "--calculator emt" in case.words:
        # The hash of a refinement holds the version of the package that its calculator comes from: ASE's here.
        found = [words for words in found if "/input_hash: " not in words]
    assert found == []
