"""What a user may type: every command with its options, every key of a study file."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

from tests.frozen.paths import StudySettings, app

if TYPE_CHECKING:
    from collections.abc import Iterator


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, one in inner.items():
        yield from _commands(one, f"{name} {word}".strip())


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, Path) else value


def _choices(one: Any) -> list[str]:
    """Words that are allowed; Typer keeps them in one place or another by its version."""
    kept = getattr(getattr(one, "type", None), "choices", None)
    if kept is not None:
        return [str(_plain(choice)) for choice in kept]
    annotation = getattr(getattr(one, "type_descriptor", None), "annotation", None)
    kinds = [annotation, *get_args(annotation)]
    return [
        member.value
        for kind in kinds
        if isinstance(kind, type) and issubclass(kind, enum.Enum)
        for member in kind
    ]


def _option(one: Any) -> dict[str, Any]:
    found = {
        "typed": [*one.opts, *one.secondary_opts],
        "argument": one.param_type_name == "argument",
        "choices": _choices(one),
        "values": None if one.nargs == 1 else one.nargs,
        "repeats": getattr(one, "multiple", False),
        "flag": getattr(one, "is_flag", False),
        "required": one.required,
        "default": _plain(one.default),
        "shown": _plain(getattr(one, "show_default", None)),
        "metavar": one.metavar,
        "panel": getattr(one, "rich_help_panel", None),
        # Lowest versions keep no words of arguments.
        "help": getattr(one, "help", None) if one.param_type_name == "option" else None,
    }
    return {
        key: value for key, value in found.items() if value is not None and value is not False and value != []
    }


def all_options() -> dict[str, Any]:
    """What ``options.json`` holds."""
    commands = {
        name: {
            "help": (command.help or "").strip(),
            "options": {"/".join([*one.opts, *one.secondary_opts]): _option(one) for one in command.params},
        }
        for name, command in _commands(typer.main.get_command(app), "")
    }
    return {"commands": commands, "study": StudySettings.model_json_schema()}
