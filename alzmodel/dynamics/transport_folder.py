"""The folder that holds transport results: whose it is, and what is written there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from alzmodel.folders import check_ours
from alzmodel.io import check_output_folder, json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alzmodel.dynamics.transport import Transport

__all__ = ["RESULT", "RUNS", "check_transport_folder", "payload_of", "write_transport"]

RESULT: Final = "transport.json"
RUNS: Final = "runs"


def check_transport_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but transport results; nothing is written.

    Raises
    ------
    InputError
        If it cannot be written to, holds something else, or a link.
    """
    check_output_folder(folder)
    check_ours(
        folder,
        lambda place: (place / RESULT).is_file() or any((place / RUNS).glob("*/inputs.json")),
        "the folder of an earlier transport",
        ignore=RUNS,
    )


def payload_of(found: Sequence[tuple[Mapping[str, Any], Transport]]) -> Any:
    """Give what ``--json`` prints: one object, or a list of several.

    Parameters
    ----------
    found
        What was computed with (potential, Coulomb sum), and what came out.
    """
    payload = [{**about, **one.to_dict()} for about, one in found]
    return payload[0] if len(payload) == 1 else payload


def write_transport(found: Sequence[tuple[Mapping[str, Any], Transport]], folder: Path) -> None:
    """Write ``transport.json``; the parameter is that of :func:`payload_of`."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / RESULT, json_text(payload_of(found)) + "\n")
