"""Labelled structures: energy, forces and stress of a teacher, kept one file a sample and packed for the repository.

A folder holds ``samples/NAME.extxyz`` and, once a teacher computed it, ``labels/NAME.extxyz``. Files appear whole, so
that a labelling that was killed goes on with the next sample.
"""

from __future__ import annotations

import hashlib
import io
import lzma
from collections import Counter
from typing import TYPE_CHECKING, Any

import ase.io
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator

from alzmodel.errors import InputError
from alzmodel.io import atomic_path
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ase import Atoms
    from ase.calculators.calculator import Calculator

__all__ = [
    "add_samples",
    "label",
    "labelled",
    "names_of",
    "pack",
    "read_label",
    "read_set",
    "summary",
    "unpack",
]

DECIMALS = 5
"""Of positions (Å) and forces (eV/Å) in a packed set: a tenth of the smallest error that is asked for in either."""


def names_of(folder: Path, kind: str) -> list[str]:
    """Names of the samples or labels of a folder, in an order that mixes all kinds of samples."""
    return sorted((path.stem for path in (folder / kind).glob("[!.]*.extxyz")), key=_mixed)


def _mixed(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def add_samples(folder: Path, prefix: str, samples: Iterable[Atoms]) -> list[str]:
    """Write samples as ``PREFIX-000.extxyz`` and so on; return their names."""
    (folder / "samples").mkdir(parents=True, exist_ok=True)
    names = []
    for number, atoms in enumerate(samples):
        name = f"{prefix}-{number:03d}"
        with atomic_path(folder / "samples" / f"{name}.extxyz") as path:
            ase.io.write(path, atoms, format="extxyz")
        names.append(name)
    return names


def label(
    folder: Path,
    calculator: Calculator,
    *,
    names: Sequence[str] | None = None,
    part: tuple[int, int] = (0, 1),
    progress: Progress = silent,
) -> int:
    """Label the samples of a folder that have no label yet; return how many were labelled.

    Parameters
    ----------
    folder
        With ``samples``; ``labels`` is made.
    calculator
        The teacher: energy, forces and stress.
    names
        Only these, in this order; by default all.
    part
        (i, n): of every n names the i-th alone, so that n processes share the work.
    progress
        Told the fraction done.
    """
    (folder / "labels").mkdir(exist_ok=True)
    wanted = list(names_of(folder, "samples") if names is None else names)[part[0] :: part[1]]
    made = 0
    for number, name in enumerate(wanted):
        progress(number / len(wanted), f"labelling {name}")
        target = folder / "labels" / f"{name}.extxyz"
        if target.exists():
            continue
        atoms = ase.io.read(folder / "samples" / f"{name}.extxyz", format="extxyz")
        with atomic_path(target) as path:
            ase.io.write(path, labelled(atoms, calculator), format="extxyz")
        made += 1
    return made


def labelled(atoms: Atoms, calculator: Calculator) -> Atoms:
    """Copy of a model that carries a calculator's energy, forces and stress as fixed results."""
    work = atoms.copy()
    work.calc = calculator
    results = {
        "energy": float(work.get_potential_energy()),
        "forces": np.array(work.get_forces()),
        "stress": np.array(work.get_stress()),
    }
    copy = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **results)
    return copy


def read_set(folder: Path) -> dict[str, Atoms]:
    """Labelled models of a folder by name."""
    return {name: read_label(folder, name) for name in names_of(folder, "labels")}


def read_label(folder: Path, name: str) -> Atoms:
    """One labelled model of a folder."""
    return ase.io.read(folder / "labels" / f"{name}.extxyz", format="extxyz")


def pack(models: dict[str, Atoms], path: Path) -> None:
    """Write labelled models to one xz-compressed extended XYZ file, five decimals of positions and forces."""
    text = io.StringIO()
    for name, atoms in models.items():
        copy = atoms.copy()
        copy.info = {**atoms.info, "name": name}
        copy.set_cell(np.round(atoms.cell.array, 8))
        copy.calc = SinglePointCalculator(
            copy,
            energy=round(float(atoms.get_potential_energy()), 5),
            forces=atoms.get_forces(),
            stress=np.round(atoms.get_stress(), 8),
        )
        ase.io.write(text, copy, format="extxyz")
    lines = [_rounded(line) for line in text.getvalue().splitlines()]
    with atomic_path(path) as partial:
        partial.write_bytes(lzma.compress(("\n".join(lines) + "\n").encode(), preset=6))


def _rounded(line: str) -> str:
    words = line.split()
    if len(words) < 7 or "Lattice" in line:
        return line
    return " ".join(
        [words[0], *(f"{float(word):.{DECIMALS}f}".rstrip("0").rstrip(".") for word in words[1:])]
    )


def unpack(path: Path) -> dict[str, Atoms]:
    """Read a file of :func:`pack`.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        text = lzma.decompress(path.read_bytes()).decode()
        frames = ase.io.read(io.StringIO(text), format="extxyz", index=":")
        return {atoms.info.pop("name"): atoms for atoms in frames}
    except (OSError, lzma.LZMAError, ValueError, KeyError) as error:
        raise InputError(
            f"labelled set: {path} cannot be read ({error}); allowed: a file that pack wrote"
        ) from error


def summary(models: Sequence[Atoms]) -> dict[str, Any]:
    """Count models and atoms, and models by group, temperature, La content and phase."""
    counts = {
        key: dict(sorted(Counter(str(atoms.info[key]) for atoms in models if key in atoms.info).items()))
        for key in ("group", "temperature", "la", "phase")
    }
    return {"models": len(models), "atoms": sum(len(atoms) for atoms in models), **counts}
