"""Results of several models as one: means, spreads, and what all of them share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import InputError
from alzmodel.results import plain, roles_of
from alzmodel.statistics import student_ci

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alzmodel.results import Result, Roles

__all__ = ["combine"]


def combine(results: Sequence[Result | Mapping[str, Any]], roles: Roles | None = None) -> dict[str, Any]:
    """Join the results of several models: means and their spread.

    Parameters
    ----------
    results
        One a model: a result, or a (nested) mapping of results, numbers and words.
    roles
        What the numbers of plain mappings are (:func:`alzmodel.results.roles_of`); by default what the fields of the
        results say of themselves.

    Returns
    -------
    dict
        For each number or array ``X`` the mean, ``X_std`` the sample standard deviation over models, and, at the top,
        ``n_models``. Axes of curves must agree and are kept once; curves are cut at the shortest. Of frequencies, what
        a model does not show occurs never in it. Lists of results with a label (peaks) are joined label by label, with
        the number of models that have it; intervals become Student's interval of the mean over models. Words and flags
        are kept where all agree, listed where not. A single result is returned as it is, with ``n_models`` 1.

    Raises
    ------
    InputError
        If there is no result, or curves stand on different axes.
    """
    if not results:
        raise InputError("results: none; allowed: at least one model")
    tables = [plain(result) for result in results]
    if len(tables) == 1:
        return {**tables[0], "n_models": 1}
    known: dict[str, Any] = {}
    for result in results:
        _merge(known, roles_of(result) if roles is None else roles)
    return {**_combine_mappings(tables, known), "n_models": len(tables)}


def _merge(known: dict[str, Any], more: Any) -> None:
    """Add the roles of another model: what only some models show has its role too."""
    for key, role in more.items():
        if isinstance(role, Mapping):
            inside = known.get(key)
            known[key] = inside = inside if isinstance(inside, dict) else {}
            _merge(inside, role)
        else:
            known.setdefault(key, role)


def _role(roles: Any, key: str) -> Any:
    return roles.get(key, roles.get("*", "value")) if isinstance(roles, Mapping) else "value"


def _combine_mappings(results: Sequence[Mapping[str, Any]], roles: Any) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for key in dict.fromkeys(key for result in results for key in result):
        role = _role(roles, key)
        values = [result[key] for result in results if result.get(key) is not None]
        if key == "n_models":
            continue
        if role == "interval":
            # replaced by the interval over models
            base = [result[key.removesuffix("_ci95")] for result in results]
            finite = [float(value) for value in base if value is not None and math.isfinite(value)]
            joined[key] = list(student_ci(finite)) if finite else [math.nan, math.nan]
            continue
        joined.update(_combine_values(key, values, role))
    return joined


def _combine_values(key: str, values: Sequence[Any], role: Any) -> dict[str, Any]:
    first = values[0] if values else None
    if first is None:
        return {key: None}
    if all(isinstance(value, dict) for value in values):
        if role == "frequency":
            bins = dict.fromkeys(name for value in values for name in value)
            values = [{name: value.get(name, 0.0) for name in bins} for value in values]
        return {key: _combine_mappings(values, role)}
    if any(isinstance(value, str | bool) for value in values):
        return {key: first if all(value == first for value in values) else list(values)}
    if any(_is_table(value) for value in values) and all(_is_table(value) or value == [] for value in values):
        return {key: _combine_labelled(values, role)}
    try:
        arrays = [np.asarray(value, dtype=float) for value in values]
    except (TypeError, ValueError):
        return {key: first if all(value == first for value in values) else list(values)}
    if any(array.ndim != arrays[0].ndim for array in arrays):
        raise InputError(
            f"{key}: arrays of different dimension; allowed: results of one command and its settings"
        )
    if arrays[0].ndim:
        shortest = min(array.shape[0] for array in arrays)
        arrays = [array[:shortest] for array in arrays]
        if any(array.shape != arrays[0].shape for array in arrays):
            raise InputError(
                f"{key}: arrays of different shape; allowed: results of one command and its settings"
            )
    if role == "axis":
        if any(not np.allclose(array, arrays[0], rtol=1e-9, atol=1e-9) for array in arrays):
            raise InputError(f"{key}: the models' axes differ; allowed: results on one common axis")
        return {key: arrays[0]}
    mean, std = _moments_along(np.stack(arrays))
    if mean.ndim == 0:
        return {key: float(mean), f"{key}_std": float(std)}
    return {key: mean, f"{key}_std": std}


def _moments_along(stack: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and sample standard deviation over the first axis, of the finite values."""
    finite = np.isfinite(stack)
    count = finite.sum(axis=0)
    nothing = np.full(count.shape, math.nan)
    mean = np.divide(np.where(finite, stack, 0.0).sum(axis=0), count, out=nothing.copy(), where=count > 0)
    squares = np.where(finite, (stack - np.where(count > 0, mean, 0.0)) ** 2, 0.0).sum(axis=0)
    return mean, np.sqrt(np.divide(squares, count - 1, out=nothing, where=count > 1))


def _is_table(value: Any) -> bool:
    """Whether a value is a list of mappings: rows."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _combine_labelled(lists: Sequence[Sequence[Mapping[str, Any]]], roles: Any) -> list[dict[str, Any]]:
    tag = (
        next((key for key, role in roles.items() if role == "label"), None)
        if isinstance(roles, Mapping)
        else None
    )
    if tag is None:
        return [
            {**_combine_mappings(items, roles), "n_models": len(items)} for items in zip(*lists, strict=False)
        ]
    joined = []
    for name in dict.fromkeys(str(item[tag]) for items in lists for item in items):
        members = [item for items in lists for item in items if str(item[tag]) == name]
        joined.append({**_combine_mappings(members, roles), tag: members[0][tag], "n_models": len(members)})
    return joined
