"""Everything that could be typed can still be typed, and means what it did."""

import json

from tests.frozen.frozen import load
from tests.frozen.options import all_options
from tests.frozen.trees import differences

FROZEN = load("options.json")
NOW = json.loads(json.dumps(all_options()))
TYPES = {"$ref", "anyOf", "items", "title", "description"}


def test_commands_and_options_are_what_they_were():
    """New commands and options may come; none goes, none changes its type, default or words."""
    assert FROZEN["commands"]
    changed = differences(FROZEN["commands"], NOW["commands"])
    assert [line for line in changed if not line.endswith(": new")] == []


def test_keys_of_a_study_file_are_what_they_were():
    assert FROZEN["study"]["$defs"]
    changed = differences(_keys(FROZEN["study"]), _keys(NOW["study"]))
    assert [line for line in changed if not line.endswith(": new")] == []


def _keys(schema):
    """Tables by the path that is typed, since the classes behind them may get other names."""
    definitions = schema["$defs"] | {"whole": {"properties": schema["properties"]}}
    return dict(_tables(definitions, {"$ref": "#/$defs/whole"}, ""))


def _tables(definitions, one, path):
    for part in _parts(one):
        if "$ref" not in part:
            continue
        for key, inner in definitions[part["$ref"].rpartition("/")[2]]["properties"].items():
            facts = {word: value for word, value in inner.items() if word not in TYPES}
            yield f"{path}{key}", facts | {"kinds": sorted(_kinds(inner))}
            yield from _tables(definitions, inner, f"{path}{key}.")


def _parts(one):
    return [one, *one.get("anyOf", []), *([one["items"]] if "items" in one else [])]


def _kinds(one):
    for part in _parts(one):
        kept = {key: value for key, value in part.items() if key not in {*TYPES, "default"}}
        if kept:
            yield json.dumps(kept, sort_keys=True)
