"""Results: dataclasses whose fields say what they hold, so that each is written in one way everywhere.

The metadata of a field, :func:`holds`, give its unit, its key in JSON, its name in HDF5, and its role when several
models are joined. JSON, tables, HDF5, short texts and :func:`alzmodel.combining.combine` follow from that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, TypeAlias

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "Item",
    "Result",
    "Role",
    "Roles",
    "Together",
    "holds",
    "measured_pair",
    "plain",
    "roles_of",
    "together",
]

Role: TypeAlias = Literal["value", "axis", "frequency", "interval", "label"]
"""What a number is: a value; the axis of a curve; how often each kind occurs; the interval of `X` in `X_ci95`; or the
name by which a row is found again in another model."""

Roles: TypeAlias = "Mapping[str, Role | Roles]"
"""By key, nested as the results are; ``"*"`` stands for every key that is not named."""

_META: Final = "alzmodel"
_STROKES: Final = ("-", "--", "-.", ":")
_SYMBOLS: Final = {"two_theta": "2θ", "chi": "χ(k)", "partials": "partial g(r)", "grid": "wave number"}
"""What axes say in place of the name of a key."""
_FEW: Final = 6
"""Entries of a mapping that the short text names."""


class _Column(NamedTuple):
    unit: str = ""
    role: Role = "value"
    key: str | None = None
    stored: str | None = None
    optional: bool = False
    hidden: bool = False


class Item(NamedTuple):
    """One entry of a result: its key in JSON, its value, its role and its unit."""

    key: str
    value: Any
    role: Role = "value"
    unit: str = ""


def holds(
    unit: str = "",
    *,
    role: Role = "value",
    key: str | None = None,
    stored: str | None = None,
    optional: bool = False,
    hidden: bool = False,
) -> dict[str, _Column]:
    """Say what a field of a result holds: the ``metadata`` of :func:`dataclasses.field`.

    Parameters
    ----------
    unit
        Of the number, as it is to be written.
    role
        One of :data:`Role`.
    key
        Its key in JSON; by default its name.
    stored
        Its name in HDF5, by default `key`. Fields without an array are never stored there.
    optional
        None means that it does not apply, and then it has no key.
    hidden
        Stands in no JSON; an array is stored in HDF5 all the same.
    """
    return {_META: _Column(unit, role, key, stored, optional, hidden)}


class Result:
    """Base of the results: frozen dataclasses of numbers and arrays.

    A class may add entries that follow from its fields by extending :meth:`items`.
    """

    __slots__ = ()
    shown: ClassVar[str | tuple[str, ...]] = ""
    """The curve that :meth:`plot` draws, or several of one unit; empty: the first ones."""

    def items(self) -> Iterator[Item]:
        """Entries as they stand in JSON, in their order."""
        for field, about in _columns(type(self)):
            value = getattr(self, field)
            if not (about.hidden or (about.optional and value is None)):
                yield Item(about.key or field, value, about.role, about.unit)

    def to_dict(self) -> dict[str, Any]:
        """Entries by key, as ``--json`` prints them: arrays as they are, results inside as mappings."""
        return {item.key: plain(item.value) for item in self.items()}

    def columns(self) -> dict[str, tuple[np.ndarray, str]]:
        """Arrays with their units by the name that they have in HDF5; arrays in mappings as ``name/key``."""
        found: dict[str, tuple[np.ndarray, str]] = {}
        for field, about in _columns(type(self)):
            value, name = getattr(self, field), about.stored or about.key or field
            if _is_array(value):
                found[name] = (value, about.unit)
            elif isinstance(value, Mapping):
                found |= {f"{name}/{key}": (one, about.unit) for key, one in value.items() if _is_array(one)}
        return found

    def to_dataframe(self) -> pd.DataFrame:
        """Curves as a table: the axis first, the unit in the heading of each column.

        A result without curves of its own gives one row for each number or word in it: ``quantity`` (keys of JSON with
        points between), ``value`` and ``unit``.
        """
        import pandas as pd

        curves = self.columns()
        axis = next((about.stored or about.key or field for field, about in _axes(type(self))), None)
        if axis is None:
            return pd.DataFrame(list(_rows(self)), columns=["quantity", "value", "unit"])
        length = len(curves[axis][0])
        return pd.DataFrame(
            {
                f"{name} ({unit})" if unit else name: values
                for name, (values, unit) in {axis: curves[axis], **curves}.items()
                if values.shape == (length,)
            }
        )

    def plot(self, ax: Axes | None = None, *, what: str | None = None, against: Any = None) -> Axes:
        """Draw the curves over their axis; of a result without, those of the results in it.

        Parameters
        ----------
        ax
            Where; a new figure by default.
        what
            A name of :meth:`columns`, or what stands before the stroke in several of them; by default what the result
            is made for.
        against
            A measured curve, from :func:`alzmodel.read_curve` or as a pair of arrays: abscissa and ordinate in the
            units of this one. It is drawn as it is.

        Returns
        -------
        matplotlib.axes.Axes
            Its labels carry the units.

        Raises
        ------
        InputError
            If there is no such curve, or `against` is no pair of arrays of one length.

        Examples
        --------
        >>> import alzmodel as am
        >>> axes = am.pdf(am.crystal("La2Zr2O7"), r_max=6.0).plot(what="partials/Zr-O")
        >>> axes.get_xlabel()
        'r (Å)'
        """
        measured = measured_pair(against)
        target = None
        for name, one in _drawn(self):
            target = _draw(one, name, target or ax, what)
        if target is None:
            raise InputError(f"{type(self).__name__}: has no curve; allowed: to_dict(), to_dataframe()")
        if measured is not None:
            target.plot(*measured, linestyle="none", marker=".", color="black", label="measured")
        if len(target.lines) > 1:
            target.legend()
        return target

    def _repr_html_(self) -> str:
        """Write the entries as a small table, as notebooks show them."""
        rows = "".join(
            f"<tr><th style='text-align:left'>{escape(item.key)}</th>"
            f"<td style='text-align:left'>{escape(_short(item.value, item.unit))}</td></tr>"
            for item in self.items()
        )
        return f"<table><caption>{type(self).__name__}</caption>{rows}</table>"

    def __repr__(self) -> str:
        """Name of the class and a line for each entry, arrays by their size and range."""
        lines = [f"  {item.key}: {_short(item.value, item.unit)}" for item in self.items()]
        return "\n".join([type(self).__name__, *lines])


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Together(Result):
    """Several results, and mappings of plain values, as one: of a key that two have the later value counts."""

    parts: tuple[Result | Mapping[str, Any], ...]

    def items(self) -> Iterator[Item]:
        """Entries of each part in turn."""
        for part in self.parts:
            if isinstance(part, Result):
                yield from part.items()
            else:
                yield from (Item(key, value) for key, value in part.items())


def together(*parts: Result | Mapping[str, Any]) -> Together:
    """Lay several results and mappings side by side in one."""
    return Together(parts)


def measured_pair(against: Any) -> list[np.ndarray] | None:
    """Give what is laid over a curve as two arrays: a pair, or a result with `x` and `y`; None for None.

    Raises
    ------
    InputError
        If it is no pair of arrays of one length.
    """
    import numpy as np

    if against is None:
        return None
    both = (against.x, against.y) if hasattr(against, "x") and hasattr(against, "y") else against
    pair = [np.asarray(one, dtype=float) for one in both]
    if len(pair) != 2 or pair[0].shape != pair[1].shape:
        raise InputError("against: no pair of curves; allowed: abscissa and ordinate of one length")
    return pair


def _columns(kind: type) -> list[tuple[str, _Column]]:
    return [(one.name, one.metadata.get(_META, _Column())) for one in dataclasses.fields(kind)]


def _is_array(value: Any) -> bool:
    """Whether a value is a NumPy array: asked so that the command line need not import NumPy."""
    return getattr(value, "ndim", 0) > 0


def _axes(kind: type) -> list[tuple[str, _Column]]:
    return [(field, about) for field, about in _columns(kind) if about.role == "axis"]


def _drawn(result: Result) -> list[tuple[str, Result]]:
    """Give the result itself if it has an axis, or else the first that do inside of it, with their names."""
    if _axes(type(result)):
        return [("", result)]
    for item in result.items():
        value = item.value
        inner: Mapping[Any, Any] = {}
        if isinstance(value, Mapping):
            inner = value
        elif isinstance(value, list | tuple):
            inner = dict(enumerate(value))
        elif isinstance(value, Result):
            found = _drawn(value)
            if found:
                return found
        named = [(_label(one, str(key)), one) for key, one in inner.items() if isinstance(one, Result)]
        if named and all(_axes(type(one)) for _, one in named):
            return named
    return []


def _label(result: Result, key: str) -> str:
    """Name a result among others: by its own label with the unit, or by its key."""
    return next(
        (_short(item.value, item.unit) for item in result.items() if item.role == "label"),
        key,
    )


def _draw(result: Result, label: str, ax: Axes | None, what: str | None) -> Axes:
    """Draw the curves of a result that has an axis; `label` tells it from others in the same axes."""
    from matplotlib import pyplot as plt

    curves = result.columns()
    axis = next(about.stored or about.key or field for field, about in _axes(type(result)))
    x, x_unit = curves.pop(axis)
    drawable = {name: one for name, one in curves.items() if one[0].shape == x.shape}
    wanted = what or result.shown or next(iter(drawable), "").partition("/")[0]
    names = (wanted,) if isinstance(wanted, str) else wanted
    chosen = {n: one for n, one in drawable.items() if any(n == o or n.startswith(f"{o}/") for o in names)}
    if not chosen:
        raise InputError(f"what: {names[0]!r} is no curve; allowed: {', '.join(drawable) or 'none'}")
    target = plt.subplots(layout="constrained")[1] if ax is None else ax
    for name, (values, _) in chosen.items():
        # Strokes tell curves apart in grey too.
        style = _STROKES[len(target.lines) % len(_STROKES)]
        own = name.rpartition("/")[2]
        words = own if not label else label if len(chosen) == 1 else f"{label}, {own}"
        target.plot(x, values, linestyle=style, label=words)
    unit = next(iter(chosen.values()))[1]
    target.set_xlabel(_axis_label(axis, x_unit))
    target.set_ylabel(_axis_label(", ".join(names), unit))
    return target


def _axis_label(name: str, unit: str) -> str:
    words = _SYMBOLS.get(name, name.replace("/", " ").replace("_", " "))
    return f"{words} ({unit})" if unit else words


def _rows(value: Any, name: str = "", unit: str = "") -> Iterator[tuple[str, Any, str]]:
    """Give every number and word of a result, however deep, with its name and unit; curves are left out."""
    if isinstance(value, Result):
        for item in value.items():
            yield from _rows(item.value, f"{name}.{item.key}" if name else item.key, item.unit)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _rows(one, f"{name}.{key}", unit)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _rows(one, f"{name}.{number}", unit)
    elif not _is_array(value):
        yield name, value, unit


def plain(value: Any) -> Any:
    """Turn a result, and all that is in it, into mappings, lists, numbers, words and arrays."""
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def roles_of(value: Any) -> Role | Roles:
    """Roles of a result, of a class of results, or of a mapping or list of results.

    Parameters
    ----------
    value
        A result or something that holds results; or the class itself, whose fields then count, not those of results
        inside it.
    """
    if isinstance(value, type) and issubclass(value, Result):
        return {about.key or field: about.role for field, about in _columns(value)}
    if isinstance(value, Result):
        return {
            item.key: item.role if item.role != "value" else roles_of(item.value) for item in value.items()
        }
    if isinstance(value, Mapping):
        return {key: roles_of(one) for key, one in value.items()}
    if isinstance(value, list | tuple) and value and isinstance(value[0], Result):
        return roles_of(value[0])
    return "value"


def _short(value: Any, unit: str) -> str:
    if _is_array(value) and value.size:
        import numpy as np

        known = value[np.isfinite(value)] if value.dtype.kind in "fiu" else value[:0]
        ends = f" {known.min():.4g} to {known.max():.4g}" if known.size else ""
        text = f"{'×'.join(map(str, value.shape))} {'value' if value.size == 1 else 'values'}{ends}"
    elif isinstance(value, Mapping):
        names = list(map(str, value))
        text = ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
    elif isinstance(value, Result):
        text = type(value).__name__
    elif isinstance(value, list | tuple):
        text = f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif value is None:
        return "–"
    else:
        text = str(value)
    return f"{text} {unit}".rstrip()
