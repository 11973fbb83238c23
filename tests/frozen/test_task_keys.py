"""Old results are found again: the key of every task is what it was, unless the version of its stage was raised."""

import hashlib
import json

import pytest

from tests.frozen.frozen import load
from tests.frozen.keys import NAMES, STUDIES, keys_of, study_of
from tests.frozen.paths import STAGE_VERSIONS, plan
from tests.frozen.trees import differences

FROZEN = load("task_keys.json")


def test_every_study_file_is_frozen():
    assert set(FROZEN["studies"]) == set(NAMES)
    assert len(list(STUDIES.glob("*.toml"))) == 10


def test_versions_of_stages_are_what_they_were():
    assert {stage: STAGE_VERSIONS.get(stage) for stage in FROZEN["versions"]} == FROZEN["versions"]


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_what_they_were(name):
    """New settings may come, at defaults that change no key, and new stages with tasks of their own."""
    before, now = FROZEN["studies"][name], keys_of(name)
    changed = differences(before["settings"], now["settings"])
    assert [line for line in changed if not line.endswith(": new")] == []
    old_stages = set(FROZEN["versions"])
    assert (
        differences(before["inputs"], {stage: now["inputs"].get(stage) for stage in before["inputs"]}) == []
    )
    assert [row for row in now["tasks"] if row.partition("-")[0] in old_stages] == before["tasks"]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_the_digest_of_what_the_result_depends_on(name):
    for task in plan(study_of(name)):
        facts = {
            "stage": task.stage,
            "version": STAGE_VERSIONS[task.stage],
            "inputs": task.inputs,
            "needs": task.needs,
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        assert task.key == f"{task.stage}-{hashlib.sha256(text.encode()).hexdigest()[:16]}", task.label
