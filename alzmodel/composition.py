"""Compositions of Li-La-Zr-O glasses: La content, charge balance, dopants and whole-ion cells.

A composition is written per formula unit with two Zr, Li7 La_x Zr2 O_y. The La content is x; the paper's "mol % La" is
x / 3 (100 mol % is x = 3).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import numpy as np

from alzmodel import ions
from alzmodel.elements import elements_of
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = [
    "ATOMS_MAX",
    "LA_MAX",
    "LI_MAX",
    "Composition",
    "formal_charges",
    "formula_of",
    "glass_composition",
    "ion_counts",
    "ion_kinds",
    "ion_labels",
    "la_from_mol_percent",
    "parse_composition",
    "parse_la",
]

LA_MAX: Final = 6.0
LI_MAX: Final = 100.0
"""Largest La and Li contents per two Zr that are taken."""

Number = TypeVar("Number", int, float)

ATOMS_MAX: Final = 5_000_000
"""Largest model, in atoms."""

ZR_PER_FORMULA: Final = 2.0
TYPED_CHARGE: Final = 0.01
"""Charge in e per two Zr that a typed formula may be off by: its decimals are rounded, ours to three places."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A neutral composition.

    Attributes
    ----------
    amounts
        Ions per formula unit with two Zr, by ion label.
    """

    amounts: Mapping[str, float] = field(hash=False)

    @property
    def la(self) -> float:
        """La per formula unit: the x of Li7 La_x Zr2 O_y."""
        return self.amounts.get("La3+", 0.0)

    @property
    def la_site(self) -> float:
        """La and every dopant per formula unit: x before doping."""
        return sum(n for label, n in self.amounts.items() if label not in {"Li+", "Zr4+", "O2-"})

    @property
    def li(self) -> float:
        """Li per formula unit."""
        return self.amounts.get("Li+", 0.0)

    @property
    def oxygen(self) -> float:
        """O per formula unit."""
        return self.amounts.get("O2-", 0.0)

    @property
    def charge(self) -> float:
        """Sum of formal charges per formula unit, in e."""
        return math.fsum(n * ions.ion(label).valence for label, n in self.amounts.items())

    @property
    def formula(self) -> str:
        """Formula with two Zr, such as ``"Li7La1.5Zr2O9.75"``; three decimals, valences not shown."""
        return formula_of(self.amounts)

    def to_dict(self) -> dict[str, Any]:
        """Return formula, La content, amounts per formula unit and charge."""
        return {
            "formula": self.formula,
            "la_content": self.la,
            "amounts": dict(self.amounts),
            "charge": self.charge,
        }


def _formula_key(label: str) -> tuple[int, str]:
    """Rank an element or an ion label."""
    return {"Li": 0, "La": 1, "Zr": 3, "O": 4}.get(label.rstrip("+-0123456789"), 2), label


def formula_of(amounts: Mapping[str, float]) -> str:
    """Write ions as a formula with two Zr.

    Parameters
    ----------
    amounts
        Numbers of ions by label, in any unit: a whole cell or one formula unit.

    Returns
    -------
    str
        Elements in the order Li, La, dopants by alphabet, Zr, O, scaled to two Zr, to three decimals. Without Zr the
        numbers stand as they are.
    """
    by_element: dict[str, float] = {}
    for label, n in amounts.items():
        element = ions.ion(label).element
        by_element[element] = by_element.get(element, 0.0) + n
    scale = ZR_PER_FORMULA / by_element["Zr"] if by_element.get("Zr") else 1.0
    text = ""
    for element in sorted(by_element, key=_formula_key):
        number = f"{by_element[element] * scale:.3f}".rstrip("0").rstrip(".")
        if number != "0":
            text += element + (number if number != "1" else "")
    return text


def _check_la(la: float, name: str = "La content") -> float:
    if not (math.isfinite(la) and 0 < la <= LA_MAX):
        raise InputError(f"{name}: {la:g}; allowed: a number with 0 < x <= {LA_MAX:g} (La per two Zr)")
    return float(la)


def _check_li(li: float) -> None:
    if not (math.isfinite(li) and 0 <= li <= LI_MAX):
        raise InputError(f"Li content: {li:g}; allowed: 0 <= Li <= {LI_MAX:g} (per two Zr)")


def la_from_mol_percent(percent: float) -> float:
    """La content x from the paper's mol % La, where 100 mol % is x = 3 (Zhu et al., Adv. Mater. 2024).

    Raises
    ------
    InputError
        If x is not within 0 < x <= 6.
    """
    if not (math.isfinite(percent) and 0 < percent <= 100 * LA_MAX / 3):
        raise InputError(f"La content: {percent:g} mol%; allowed: 0 < p <= {100 * LA_MAX / 3:g} mol%")
    return 3.0 * percent / 100.0


_NUMBER: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def parse_la(text: str | float) -> float:
    """Read a La content.

    Parameters
    ----------
    text
        La per two Zr (``"1.5"``), or the paper's scale (``"50mol%"``, ``"50 %"``).

    Returns
    -------
    float
        x with 0 < x <= 6.

    Raises
    ------
    InputError
        If it is no number, not finite, or out of range.
    """
    cleaned = str(text).strip()
    match = re.fullmatch(rf"({_NUMBER})\s*(?:mol)?[\s-]*%", cleaned)
    if match:
        return la_from_mol_percent(float(match[1]))
    try:
        value = float(cleaned)
    except ValueError:
        raise InputError(
            f"La content: {text!r}; allowed: a number with 0 < x <= {LA_MAX:g}, or mol % such as '50mol%'"
        ) from None
    return _check_la(value)


def glass_composition(
    la: float,
    *,
    li: float | None = None,
    oxygen: Literal["balance", "12"] = "balance",
    dopant: str | ions.Ion | None = None,
    fraction: float = 0.0,
    compensate: Literal["li", "oxygen"] = "li",
) -> Composition:
    """Make the neutral composition of a glass.

    Parameters
    ----------
    la
        La per formula unit with two Zr before doping, 0 < x <= 6.
    li
        Li per formula unit before the dopant is compensated; 7 if not given.
    oxygen
        ``"balance"``: oxygen follows from neutral charge, (Li + 3 x + 8) / 2. ``"12"``: twelve O, and Li follows,
        16 - 3 x without a dopant.
    dopant
        Ion that replaces La, or an element with one valence only.
    fraction
        Fraction of La replaced, 0 to 1.
    compensate
        What makes up for a dopant of valence z: ``"li"`` takes z - 3 Li for each, ``"oxygen"`` leaves Li alone.

    Raises
    ------
    InputError
        If a number is out of range or not finite, the dopant is unknown or has several valences, Li would be
        negative, or options contradict each other.
    """
    x = _check_la(la)
    if oxygen not in {"balance", "12"}:
        raise InputError(f"oxygen: {oxygen!r}; allowed: 'balance', '12'")
    if compensate not in {"li", "oxygen"}:
        raise InputError(f"compensate: {compensate!r}; allowed: 'li', 'oxygen'")
    if not (math.isfinite(fraction) and 0 <= fraction <= 1):
        raise InputError(f"dopant fraction: {fraction:g}; allowed: 0 <= fraction <= 1 (of La replaced)")
    if li is not None:
        _check_li(li)
    amounts = {"La3+": x * (1 - fraction), "Zr4+": ZR_PER_FORMULA}
    valence, label = 3, ""
    if dopant is not None:
        guest = _one_dopant(dopant)
        valence, label = guest.valence, guest.label
        amounts[guest.label] = amounts.get(guest.label, 0.0) + x * fraction
    elif fraction > 0:
        raise InputError(f"dopant fraction: {fraction:g} without a dopant; allowed: 0, or name the dopant")
    excess = (valence - 3) * x * fraction
    if oxygen == "12":
        lithium = _lithium_for_twelve(x, li, excess, compensate)
    else:
        lithium = (7.0 if li is None else float(li)) - (excess if compensate == "li" else 0.0)
    if lithium < -1e-9:
        raise InputError(
            f"Li content: {lithium:g} would be left after compensating {label} for {fraction:g} of the La; "
            "allowed: a smaller fraction, more Li, or compensate='oxygen'"
        )
    amounts["Li+"] = max(lithium, 0.0)
    amounts["O2-"] = 0.5 * sum(n * ions.ion(label).valence for label, n in amounts.items())
    return Composition(_ordered({label: n for label, n in amounts.items() if n > 0}))


def _one_dopant(dopant: str | ions.Ion) -> ions.Ion:
    found = ions.dopant_ions(dopant.label if isinstance(dopant, ions.Ion) else dopant)
    if len(found) > 1:
        choices = ", ".join(known.label for known in found)
        raise InputError(f"dopant: {dopant!r} has several valences; allowed: one of {choices}")
    return found[0]


def _lithium_for_twelve(x: float, li: float | None, excess: float, compensate: str) -> float:
    if li is not None:
        raise InputError(f"Li content: {li:g} together with oxygen '12'; allowed: one of the two")
    if compensate == "oxygen" and excess:
        raise InputError("compensate: 'oxygen' together with oxygen '12'; allowed: 'li'")
    lithium = 16.0 - 3.0 * x - excess
    if lithium <= 1e-9:
        limit = "" if excess else " (x < 16/3)"
        raise InputError(
            f"oxygen: '12' at La content {x:g} leaves {lithium:g} Li; allowed: Li above 0{limit}"
        )
    return lithium


def _ordered(amounts: Mapping[str, Number]) -> dict[str, Number]:
    return {label: amounts[label] for label in sorted(amounts, key=_formula_key)}


_TOKEN: Final = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")


def parse_composition(text: str) -> Composition:
    """Read a formula such as ``"Li7La1.5Zr2O9.75"``.

    The amounts are scaled to two Zr. Where an element has several valences, the one that makes the formula neutral is
    taken.

    Raises
    ------
    InputError
        If it is no formula, names an unknown element, has no Zr or no O, its La content (with dopants) is not
        within 0 < x <= 6, or it is not neutral; then the message gives the charge and the O that would balance.
    """
    cleaned = text.strip()
    tokens = _TOKEN.findall(cleaned)
    if not cleaned or "".join(a + b for a, b in tokens) != cleaned:
        raise InputError(f"formula: {text!r}; allowed: elements with numbers, such as Li7La1.5Zr2O9.75")
    by_element: dict[str, float] = {}
    for element, number in tokens:
        if element not in ions.IONS_OF:
            raise InputError(f"formula: {text!r} holds {element}; allowed: {', '.join(ions.ELEMENT_ORDER)}")
        by_element[element] = by_element.get(element, 0.0) + (float(number) if number else 1.0)
    for element in ("Zr", "O"):
        if not by_element.get(element):
            raise InputError(f"formula: {text!r} has no {element}; allowed: formulas with Zr and O")
    scale = ZR_PER_FORMULA / by_element["Zr"]
    by_element = {element: n * scale for element, n in by_element.items() if n}
    chosen = _neutral_choice(by_element, TYPED_CHARGE) or _usual_choice(by_element)
    amounts = {chosen[element].label: n for element, n in by_element.items()}
    composition = Composition(_ordered(amounts))
    _check_la(composition.la_site, f"La content of {text!r}")
    _check_li(composition.li)
    balance = composition.oxygen + composition.charge / 2
    if abs(composition.charge) > TYPED_CHARGE:
        raise InputError(
            f"formula: {text!r} has charge {composition.charge / scale:+g}; allowed: neutral, here O{balance / scale:g}"
        )
    return Composition(_ordered({**amounts, "O2-": balance}))


def _usual_choice(elements: Iterable[str]) -> dict[str, ions.Ion]:
    chosen = {}
    for element in elements:
        if element not in ions.IONS_OF:
            raise InputError(
                f"element: {element!r} has no formal charge here; allowed: {', '.join(ions.ELEMENT_ORDER)}"
            )
        chosen[element] = next(known for known in ions.IONS_OF[element] if known.usual)
    return chosen


def _neutral_choice(by_element: Mapping[str, float], tolerance: float) -> dict[str, ions.Ion] | None:
    """Choose one valence for each element so that all is neutral; None if no choice is."""
    for choice in product(*(ions.IONS_OF[element] for element in by_element)):
        charge = sum(by_element[known.element] * known.valence for known in choice)
        if abs(charge) <= tolerance:
            return {known.element: known for known in choice}
    return None


def ion_counts(composition: Composition, n_atoms: int) -> dict[str, int]:
    """Whole, neutral numbers of ions for a cell of at least `n_atoms` atoms.

    Every size from `n_atoms` up to one formula unit more is tried: cations are rounded, an odd sum of their charges
    loses one Li (or, without Li, one of the most frequent cation of odd valence), O follows from neutral charge. The
    composition that comes closest (largest deviation of a mole fraction) is taken, the smaller size on a tie.

    Parameters
    ----------
    composition
        What is wanted; each of its ions appears at least once.
    n_atoms
        Smallest number of atoms.

    Returns
    -------
    dict
        Ions by label; see :func:`formula_of` for the formula really built.

    Raises
    ------
    InputError
        If `n_atoms` is no whole number, or too small to hold each ion.
    """
    if (
        isinstance(n_atoms, bool)
        or not isinstance(n_atoms, (int, np.integer))
        or not 1 <= n_atoms <= ATOMS_MAX
    ):
        raise InputError(f"number of atoms: {n_atoms}; allowed: a whole number from 1 to {ATOMS_MAX}")
    wanted = dict(composition.amounts)
    total = sum(wanted.values())
    best: tuple[float, int, dict[str, int]] | None = None
    for size in range(int(n_atoms), int(n_atoms) + math.ceil(total) + 4):
        counts = _neutral_counts(wanted, size / total)
        built = sum(counts.values())
        if counts.get("O2-", 0) < 1 or built < n_atoms:
            continue
        deviation = max(abs(counts[label] / built - n / total) for label, n in wanted.items())
        # Rounding keeps equal compositions of different size equal.
        key = round(deviation, 12)
        if best is None or (key, built) < best[:2]:
            best = (key, built, counts)
    assert best is not None, "an unbounded number of oxygens always neutralises the cations"
    return best[2]


def _neutral_counts(wanted: Mapping[str, float], factor: float) -> dict[str, int]:
    counts = {label: max(1, math.floor(n * factor + 0.5)) for label, n in wanted.items() if label != "O2-"}
    charge = sum(n * ions.ion(label).valence for label, n in counts.items())
    if charge % 2:
        odd = [label for label in counts if ions.ion(label).valence % 2]
        loser = "Li+" if counts.get("Li+", 0) > 1 else max(odd, key=lambda label: counts[label])
        step = -1 if counts[loser] > 1 else 1
        counts[loser] += step
        charge += step * ions.ion(loser).valence
    counts["O2-"] = charge // 2
    return _ordered(counts)


def formal_charges(atoms: Atoms) -> NDArray[np.float64]:
    """Formal charge of every atom.

    The initial charges of the model if they are whole numbers; otherwise (none set, or the partial charges of a force
    field) each element has the one valence that makes the model neutral, or its usual one.

    Returns
    -------
    ndarray, shape (n_atoms,)
        In e.

    Raises
    ------
    InputError
        If there are no such charges and an element is not known.
    """
    charges = np.asarray(atoms.get_initial_charges(), dtype=np.float64)
    if charges.any() and np.allclose(charges, np.rint(charges), rtol=0, atol=1e-6):
        return charges
    symbols, index, counts = elements_of(atoms)
    by_element = {symbol: float(n) for symbol, n in zip(symbols, counts, strict=True)}
    usual = _usual_choice(by_element)
    chosen = _neutral_choice(by_element, 1e-6) or usual
    return np.array([chosen[symbol].valence for symbol in symbols], dtype=np.float64)[index]


def ion_labels(atoms: Atoms) -> list[str]:
    """Ion label of every atom, from its element and formal charge: ``["Li+", …, "O2-"]``.

    Raises
    ------
    InputError
        If a charge is 0, or an element without charges is unknown.
    """
    labels, index = ion_kinds(atoms)
    return [labels[number] for number in index.tolist()]


def ion_kinds(atoms: Atoms) -> tuple[list[str], NDArray[np.int64]]:
    """Labels of the ions of a model, each once, and which each atom has, shape (n_atoms,).

    Raises
    ------
    InputError
        As :func:`ion_labels`.
    """
    symbols, index, _ = elements_of(atoms)
    charges, which = np.unique(formal_charges(atoms), return_inverse=True)
    kinds, kind = np.unique(index * len(charges) + which.ravel(), return_inverse=True)
    labels = []
    for number in kinds:
        symbol, charge = symbols[number // len(charges)], float(charges[number % len(charges)])
        whole = round(charge)
        if not whole:
            raise InputError(f"formal charge of {symbol}: {charge:g}; allowed: a whole number that is not 0")
        labels.append(f"{symbol}{abs(whole) if abs(whole) > 1 else ''}{'+' if whole > 0 else '-'}")
    return labels, kind.ravel()
