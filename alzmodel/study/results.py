"""The results of a study as its figures and views take them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import InputError
from alzmodel.study.files import CURVES
from alzmodel.study.store import Curve, read_curves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.compare.quantities import Quantity
    from alzmodel.scattering.xrd.data import MeasuredCurve
    from alzmodel.study.store import Record, Store

__all__ = ["Results", "average", "require", "spread_into"]


class Results:
    """Records and curves of a study, grouped by composition.

    Parameters
    ----------
    records, quantities
        What the finished tasks say.
    store
        Where they lie.
    rows, measured
        Of the comparison with measured values, and these.
    against
        Measured curves by kind.
    """

    def __init__(
        self,
        records: Sequence[Record],
        quantities: Sequence[Quantity],
        store: Store,
        rows: Sequence[Comparison],
        measured: Measured,
        against: Mapping[str, MeasuredCurve] | None = None,
    ) -> None:
        self.records = records
        self.quantities = quantities
        self.rows = rows
        self.measured = measured
        self.against = against or {}
        self._store = store
        self._read: dict[tuple[str, ...], dict[str, Curve]] = {}

    def of(self, stage: str) -> list[Record]:
        """Take the records of one stage."""
        return [record for record in self.records if record.stage == stage]

    def folder(self, record: Record) -> Path:
        """Folder with the files of a record."""
        return self._store.runs / f"{record.stage}-{record.hash}"

    def curves(self, record: Record, *under: str) -> dict[str, Curve]:
        """Curves of a record that stand under these names; read once, as several figures draw from one."""
        key = f"{record.stage}-{record.hash}"
        if (key, *under) not in self._read:
            self._read[key, *under] = read_curves(self.folder(record) / CURVES, *under)
        return self._read[key, *under]

    def groups(self, stage: str) -> dict[str, list[Record]]:
        """Group the records of one stage by composition, in rising La content."""
        found: dict[str, list[Record]] = {}
        models = sorted(
            self.of(stage), key=lambda record: (record.inputs["model"]["la"], _composition(record))
        )
        for record in models:
            found.setdefault(_composition(record), []).append(record)
        return found

    def cutoffs(self, record: Record) -> dict[str, float]:
        """Where the shell of oxygens ends around each cation, Å, as the local order of a model says.

        Parameters
        ----------
        record
            Of a glass, of what was made of one, or of a crystal.
        """
        glass = f"glass-{record.hash}" if record.stage == "glass" else record.needs.get("glass")
        orders = {one.needs["glass"]: one for one in self.of("local_order")}
        order = record if glass is None else orders.get(glass)
        found = {} if order is None else order.results.get("units", {})
        return {element: unit["cutoff"] for element, unit in found.items()}


def _composition(record: Record) -> str:
    model = record.inputs["model"]
    doped = f", {model['dopant']} {model['fraction']:g}" if "dopant" in model else ""
    made = "".join(f", {model[key]}" for key in ("protocol", "potential") if model.get(key))
    li = f", Li {model['li_content']:g}" if model.get("li_content") else ""
    return (
        f"x = {model['la']:g}{li}{doped}"
        + (" by oxygen" if model.get("compensate") == "oxygen" else "")
        + made
    )


def require(found: Any, stage: str) -> Any:
    """Return what was found, if it is anything.

    Raises
    ------
    InputError
        If it is not: the study has no finished task of that stage.
    """
    if not found:
        raise InputError(f"figure: the study has no finished {stage}; allowed: figures of what is done")
    return found


def average(
    curves: Sequence[Mapping[str, Curve]], name: str, abscissa: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Mean of a curve over models, on the points of the first, and its spread if there is more than one."""
    x = curves[0][abscissa].values
    stack = [np.interp(x, one[abscissa].values, one[name].values) for one in curves if name in one]
    mean = np.mean(stack, axis=0)
    return mean, np.std(stack, axis=0, ddof=1) if len(stack) > 1 else None


def spread_into(target: dict[str, Any], name: str, mean: np.ndarray, spread: np.ndarray | None) -> None:
    """Put a mean and its spread under `name` and ``name_std``, as figures take them."""
    target[name] = mean
    if spread is not None:
        target[f"{name}_std"] = spread
