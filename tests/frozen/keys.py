"""Task keys of studies: the presets, the files in ``studies/``, and one screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.frozen.paths import PRESETS, STAGE_VERSIONS, load_study, plan, preset, screen_study

if TYPE_CHECKING:
    from tests.frozen.paths import StudySettings

STUDIES = Path(__file__).parent / "studies"
NAMES = (*PRESETS, *sorted(path.stem for path in STUDIES.glob("*.toml")), "screen")


def study_of(name: str) -> StudySettings:
    """Settings by name."""
    if name in PRESETS:
        return preset(name)
    if name == "screen":
        return screen_study(["Ce", "Ca2+", "La"], fractions=(0.1, 0.2), seeds=2, compensate=("li", "oxygen"))
    return load_study(STUDIES / f"{name}.toml")


def keys_of(name: str) -> dict[str, Any]:
    """Settings, tasks in their order (key and label), and of each stage the inputs of its last task."""
    study = study_of(name)
    tasks = plan(study)
    found = {
        "settings": study.model_dump(),
        "tasks": [f"{task.key} {task.label}" for task in tasks],
        "inputs": {task.stage: {**task.inputs, "key": task.key, "needs": dict(task.needs)} for task in tasks},
    }
    return json.loads(json.dumps(found))


def all_keys() -> dict[str, Any]:
    """What ``task_keys.json`` holds."""
    return {"versions": dict(STAGE_VERSIONS), "studies": {name: keys_of(name) for name in NAMES}}
