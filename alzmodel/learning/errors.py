"""Errors of a potential against labels: forces, energies and pressures by temperature, composition and element."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.forcefields.static import single_points
from alzmodel.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ase import Atoms

    from alzmodel.forcefields.static import SinglePoint

__all__ = ["ErrorRow", "error_table", "errors_of"]

GPA_A3 = 160.21766208
"""GPa in one eV/Å³."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Errors of one class of models or atoms.

    Attributes
    ----------
    by, value
        What the class is made by, and its value.
    n_models
        In the class.
    force
        Rms force component of the labels in eV/Å.
    force_error
        Rms error of a force component in eV/Å.
    energy_error
        Rms error of the energy in meV per atom; NaN for elements.
    energy_offset
        Mean error of the energy in meV per atom; NaN for elements.
    pressure_error, pressure_offset
        Rms and mean error of the pressure in GPa; NaN for elements.
    """

    by: str
    value: str
    n_models: int
    force: float
    force_error: float
    energy_error: float
    energy_offset: float
    pressure_error: float
    pressure_offset: float


def errors_of(models: Sequence[Atoms], potential: str, *, progress: Progress = silent) -> list[ErrorRow]:
    """Errors of a potential on labelled models; see :func:`error_table`."""
    return error_table(models, single_points(models, potential=potential, progress=progress))


def error_table(models: Sequence[Atoms], points: Sequence[SinglePoint]) -> list[ErrorRow]:
    """Errors by everything that the models tell of themselves, and by element.

    Parameters
    ----------
    models
        With labels, and ``range``, ``group``, ``temperature``, ``la`` or ``phase`` in ``info``.
    points
        What the potential says of each.
    """
    classes: list[tuple[str, Callable[[Atoms], str | None]]] = [
        ("all", lambda _: "all"),
        ("range", lambda atoms: atoms.info.get("range")),
        ("group", lambda atoms: str(atoms.info.get("group"))),
        ("temperature", _temperature),
        ("la", lambda atoms: _number(atoms.info.get("la"))),
        ("phase", lambda atoms: atoms.info.get("phase")),
    ]
    rows = []
    for by, value_of in classes:
        values = [value_of(atoms) for atoms in models]
        for value in _in_order(values):
            chosen = [index for index, other in enumerate(values) if other == value]
            rows.append(_row(by, value, [models[i] for i in chosen], [points[i] for i in chosen]))
    symbols = [np.array(atoms.get_chemical_symbols()) for atoms in models]
    for element in sorted({str(symbol) for one in symbols for symbol in one}):
        labels = np.concatenate(
            [atoms.get_forces()[one == element] for atoms, one in zip(models, symbols, strict=True)]
        )
        found = np.concatenate(
            [point.forces[one == element] for point, one in zip(points, symbols, strict=True)]
        )
        here = sum(bool((one == element).any()) for one in symbols)
        nan = float("nan")
        rows.append(
            ErrorRow("element", element, here, _rms(labels), _rms(found - labels), nan, nan, nan, nan)
        )
    return rows


def _temperature(atoms: Atoms) -> str | None:
    return (
        _number(atoms.info.get("temperature"))
        if atoms.info.get("group") not in {"crystal", "pushed"}
        else None
    )


def _number(value: object) -> str | None:
    return None if value is None else f"{value:g}"


def _in_order(values: Iterable[str | None]) -> list[str]:
    found = {value for value in values if value is not None}
    return sorted(found, key=lambda value: (0, float(value), "") if _is_number(value) else (1, 0.0, value))


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _row(by: str, value: str, models: Sequence[Atoms], points: Sequence[SinglePoint]) -> ErrorRow:
    labels = np.concatenate([atoms.get_forces() for atoms in models])
    found = np.concatenate([point.forces for point in points])
    energy = np.array(
        [
            1e3 * (point.energy - atoms.get_potential_energy()) / len(atoms)
            for atoms, point in zip(models, points, strict=True)
        ]
    )
    pressure = np.array(
        [
            point.pressure + atoms.get_stress()[:3].mean() * GPA_A3
            for atoms, point in zip(models, points, strict=True)
        ]
    )
    return ErrorRow(
        by,
        value,
        len(models),
        _rms(labels),
        _rms(found - labels),
        _rms(energy),
        float(energy.mean()),
        _rms(pressure),
        float(pressure.mean()),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
