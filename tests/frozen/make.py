"""Write frozen data anew, and say what differs from what was frozen.

    python -m tests.frozen.make PART...

keys      task_keys.json: a stage's version was raised, or a preset or study file changed
options   options.json: a command or a key of a study file changed
outputs   outputs.json.xz: what a command prints or writes changed, FEM specimens aside
fem       outputs_fem.json.xz: the same of the commands that build FEM specimens from models
imports   import_paths.json: at a release, when old import paths go
studies   the three folders: they stand for an older version, so only if that is no longer to be read
all       all of them but studies

With `--only WORDS`, only cases whose name holds the words are run for outputs and fem. Each change that is printed
belongs into CHANGELOG.md with its reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.frozen import folders
from tests.frozen.cases import CASES, make_inputs, outcome
from tests.frozen.frozen import load, store
from tests.frozen.imports import all_paths
from tests.frozen.keys import all_keys
from tests.frozen.options import all_options
from tests.frozen.trees import differences

PARTS = ("keys", "options", "outputs", "fem", "imports", "studies")
MOST_LINES = 200


def _renew(name: str, value: Any, rtol: float = 0.0) -> None:
    """Replace a file, and print in lines how it differs; what is the same within `rtol` counts as the same."""
    now = json.loads(json.dumps(value))
    before = load(name)
    lines = differences(before, now, rtol)
    print(f"{name}: {len(lines)} differences")
    for line in lines[:MOST_LINES]:
        print(f"  {line}")
    if len(lines) > MOST_LINES:
        print(f"  … and {len(lines) - MOST_LINES} more")
    if lines:
        store(name, now)


def _renew_outputs(name: str, *, changes: bool, only: str) -> None:
    before = load(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_inputs(Path(scratch).resolve())
        found = {}
        for case in CASES:
            if case.changes != changes:
                continue
            if only in case.name:
                try:
                    now = json.loads(json.dumps(outcome(case, folder)))
                except AssertionError as error:
                    print(f"{case.name}: left as it was, {error}")
                    found |= {case.name: before[case.name]} if case.name in before else {}
                    continue
                same = case.name in before and not differences(before[case.name], now, case.rtol)
                found[case.name] = before[case.name] if same else now
            elif case.name in before:
                found[case.name] = before[case.name]
    _renew(name, found)


def main() -> int:
    """Renew the parts that are named."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("parts", nargs="+", choices=[*PARTS, "all"], metavar="PART")
    reader.add_argument("--only", default="", metavar="WORDS")
    given = reader.parse_args()
    parts = set(PARTS) - {"studies"} if "all" in given.parts else set(given.parts)
    if "studies" in parts:
        with tempfile.TemporaryDirectory() as scratch:
            for name in folders.NAMES:
                print(f"{folders.make(name, Path(scratch).resolve())}: made anew")
    if "keys" in parts:
        _renew("task_keys.json", all_keys())
    if "options" in parts:
        _renew("options.json", all_options())
    if "imports" in parts:
        _renew("import_paths.json", all_paths())
    if "outputs" in parts:
        _renew_outputs("outputs.json.xz", changes=False, only=given.only)
    if "fem" in parts:
        _renew_outputs("outputs_fem.json.xz", changes=True, only=given.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
