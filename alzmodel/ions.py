"""Ions: their charges, sizes and field strengths, and how elements and their pairs are named.

All data stand in ``alzmodel/data/ions.toml``. Formal charges are whole: Li 1, La 3, Zr 4, O -2.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ELEMENT_ORDER",
    "IONS",
    "IONS_OF",
    "ION_TABLE",
    "OXIDE_RADIUS",
    "Ion",
    "dopant_ions",
    "ion",
    "pair_label",
]


@dataclass(frozen=True, slots=True)
class Ion:
    """An ion and its size.

    Attributes
    ----------
    label
        Element, charge number if it is not 1, sign: ``"Li+"``, ``"La3+"``, ``"O2-"``.
    element
        Chemical symbol.
    valence
        Formal charge in e.
    radii
        Effective ionic radius in Å by coordination number (Shannon, Acta Cryst. A 32 (1976) 751, Table 1).
    source
        Where the radii come from.
    usual
        Whether this is the valence that the bare element stands for.
    """

    label: str
    element: str
    valence: int
    radii: Mapping[int, float] = field(hash=False)
    source: str
    usual: bool

    @property
    def radius_cn6(self) -> float:
        """Radius in Å in six-fold coordination, the one used throughout."""
        return self.radii[6]

    @property
    def radius_cn8(self) -> float | None:
        """Radius in Å in eight-fold coordination, or None where Shannon lists none."""
        return self.radii.get(8)

    @property
    def field_strength(self) -> float:
        """|z| / r in e/Å with the six-fold radius: the scale of Zhu et al. (Adv. Mater. 2024)."""
        return abs(self.valence) / self.radius_cn6

    @property
    def dietzel_field_strength(self) -> float:
        """Dietzel's |z| / d² in e/Å², with d the sum of the six-fold radius and that of O2- (1.40 Å).

        References
        ----------
        A. Dietzel, Z. Elektrochem. 48 (1942) 9; the distance is taken from Shannon's radii, not measured.
        """
        return abs(self.valence) / (self.radius_cn6 + OXIDE_RADIUS) ** 2

    def to_dict(self) -> dict[str, Any]:
        """Return the row of a dopant table: label, valence, radii in Å and both field strengths."""
        names = "label element valence radius_cn6 radius_cn8 field_strength dietzel_field_strength source"
        return {name: getattr(self, name) for name in names.split()}


ION_TABLE: Final[Mapping[str, Any]] = tomllib.loads(
    resources.files("alzmodel").joinpath("data/ions.toml").read_text(encoding="utf-8")
)
"""All of ``alzmodel/data/ions.toml``: rows by label under ``ions``, where each column comes from under ``sources``."""


def _load_ions() -> dict[str, Ion]:
    table = ION_TABLE["ions"]
    alone = [row["element"] for row in table.values()]
    return {
        label: Ion(
            label=label,
            element=row["element"],
            valence=row["valence"],
            radii={int(number): float(radius) for number, radius in row["radii"].items()},
            source=row.get("source", ION_TABLE["sources"]["radii"]["name"]),
            usual=row.get("usual", alone.count(row["element"]) == 1),
        )
        for label, row in table.items()
    }


IONS: Final[Mapping[str, Ion]] = _load_ions()
"""Every ion the program knows, by label; the data stand in ``alzmodel/data/ions.toml``."""

OXIDE_RADIUS: Final = IONS["O2-"].radius_cn6
"""Shannon's radius of six-fold O2-, in Å."""

_OTHERS: Final = sorted({known.element for known in IONS.values()} - {"Zr", "La", "Li", "O"})
ELEMENT_ORDER: Final[tuple[str, ...]] = ("Zr", *_OTHERS, "La", "Li", "O")
"""Order of elements in pair labels: Zr, all others by alphabet, La, Li, O."""


def pair_label(a: str, b: str) -> str:
    """Name a pair of elements in the fixed order Zr, others by alphabet, La, Li, O: ``"La-O"``, ``"Zr-La"``."""

    def rank(element: str) -> tuple[int, str]:
        return {"Zr": 0, "La": 2, "Li": 3, "O": 4}.get(element, 1), element

    return "-".join(sorted((a, b), key=rank))


IONS_OF: Final[Mapping[str, tuple[Ion, ...]]] = {
    element: tuple(sorted((i for i in IONS.values() if i.element == element), key=lambda i: i.valence))
    for element in ELEMENT_ORDER
}
"""Ions of each element, in rising valence."""


def ion(label: str) -> Ion:
    """Look up an ion by its label.

    Raises
    ------
    InputError
        If the label is not known; the message names the ions of that element, or all.
    """
    try:
        return IONS[label]
    except KeyError:
        match = re.match(r"[A-Z][a-z]?", label)
        same = IONS_OF.get(match[0], ()) if match else ()
        allowed = ", ".join(known.label for known in same) or ", ".join(IONS)
        raise InputError(f"ion: {label!r} is not known; allowed: {allowed}") from None


def dopant_ions(name: str) -> tuple[Ion, ...]:
    """Return the dopant ions that a name stands for, in rising valence.

    Parameters
    ----------
    name
        An ion (``"Ce4+"``), or an element (``"Ce"``), which means each of its valences in turn.

    Raises
    ------
    InputError
        If it is unknown, or is no cation of the La site (Li, Zr, O).
    """
    cleaned = name.strip()
    found = IONS_OF.get(cleaned) or ((IONS[cleaned],) if cleaned in IONS else ())
    if not found or found[0].element in {"Li", "Zr", "O"}:
        names = ", ".join(label for label, known in IONS.items() if known.element not in {"Li", "Zr", "O"})
        raise InputError(
            f"dopant: {name!r} is no ion for the La site; allowed: {names}, or an element of these"
        )
    return found
