"""Gates: what a potential must get right in crystals before its verdict on a quantity counts.

A verdict "supported" or "contradicted" without more words rests on the potentials that pass; see
:mod:`alzmodel.compare.by_potential`. What the potentials show in crystals at 0 K stands in
``alzmodel/data/validated.csv``, which ``scripts/validate_potential.py`` writes.
"""

from __future__ import annotations

import csv
import functools
import math
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final, Literal

from alzmodel.forcefields.potentials import POTENTIALS, potential
from alzmodel.forcefields.validation import VALIDATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "CRYSTALS",
    "GATES",
    "Gate",
    "Passage",
    "gates_of_quantity",
    "passage",
    "validated_rows",
]

CRYSTALS: Final = ("La2Zr2O7", "La2O3", "LLZO-cubic", "Li2O")
"""Of the validation table: the phases of the paper with a published structure, and Li2O for bonds of Li."""

LARGEST_LENGTH_ERROR: Final = 0.02
"""Of a bond: 0.05 Å in 2.1 to 2.6 Å, which is the smallest change of a distance that the paper reads."""

LARGEST_VOLUME_ERROR: Final = 0.03
"""Of a cell: 1 % in length, some 0.03 Å in the distance between cations."""

LARGEST_ENTHALPY_ERROR: Final = 0.5 * (135.8 - 107.3)
"""kJ per mole of La: half of what two calorimetries of La2Zr2O7 differ by, as in the solubility of La2O3."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One demand on a potential.

    Attributes
    ----------
    name
        In files of hypotheses.
    words
        What is asked for.
    kind
        ``"volume"`` of the cells, ``"length"`` or ``"number"`` of the bonds of a cation, ``"enthalpy"`` of formation.
    cation
        Of the bonds, else empty.
    crystals
        That are looked at.
    """

    name: str
    words: str
    kind: Literal["volume", "length", "number", "enthalpy"]
    crystals: tuple[str, ...]
    cation: str = ""


def _gates() -> dict[str, Gate]:
    cells, holding = CRYSTALS[:3], {"Zr": (0, 2), "La": (0, 1, 2), "Li": (2, 3)}
    found = [
        Gate("cells", f"volumes of {', '.join(cells)} within {LARGEST_VOLUME_ERROR:.0%}", "volume", cells),
        Gate(
            "energies",
            f"formation enthalpy of La2Zr2O7 within {LARGEST_ENTHALPY_ERROR:.1f} kJ per mole of La",
            "enthalpy",
            CRYSTALS[:1],
        ),
    ]
    for cation, places in holding.items():
        crystals = tuple(CRYSTALS[place] for place in places)
        named = " and ".join(crystals) if len(crystals) == 2 else ", ".join(crystals)
        found += [
            Gate(
                f"bonds of {cation}",
                f"{cation}–O in {named} within {LARGEST_LENGTH_ERROR:.0%}",
                "length",
                crystals,
                cation,
            ),
            Gate(
                f"oxygens of {cation}",
                f"as many oxygens around {cation} in {named} as published",
                "number",
                crystals,
                cation,
            ),
        ]
    return {gate.name: gate for gate in found}


GATES: Final[Mapping[str, Gate]] = _gates()
"""By name."""

_CATION: Final = "(zr|la|li)"
_NEEDED: Final[Sequence[tuple[re.Pattern[str], tuple[str, ...]]]] = [
    (re.compile(pattern), gates)
    for pattern, gates in (
        (rf"(?:exafs_)?{_CATION}_o_(?:distance|spread|variance)", ("bonds of {0}",)),
        (rf"(?:exafs_)?{_CATION}_o_coordination", ("oxygens of {0}",)),
        (rf"(?:corner|edge|face)_fraction_{_CATION}_{_CATION}", ("oxygens of {0}", "oxygens of {1}")),
        ("energy_per_atom", ("energies",)),
        (
            r"density|packing_fraction|zr_la_distance|d222|la2zr2o7_\w+|nucleus_\w+|(?:xrd|fem|cluster)_\w+|\w+_size",
            ("cells",),
        ),
    )
]
"""What each quantity asks for; those that are not here (vibrations, mobility) no crystal of the table can test."""


def gates_of_quantity(name: str) -> tuple[str, ...]:
    """Name the gates of a quantity; none where no crystal of the validation table tests it."""
    for pattern, gates in _NEEDED:
        match = pattern.fullmatch(name)
        if match:
            cations = [one.capitalize() for one in match.groups() if one]
            return tuple(dict.fromkeys(gate.format(*cations) for gate in gates))
    return ()


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether a potential passes some gates.

    Attributes
    ----------
    passed
        None where the potential was never validated, or its parameters have changed since.
    words
        What decided.
    """

    passed: bool | None
    words: str


def passage(name: str, gates: Iterable[str]) -> Passage:
    """Say whether a potential passes gates.

    Parameters
    ----------
    name
        Of the potential.
    gates
        Names in :data:`GATES`. None at all are passed: no crystal of the table tests the quantity.
    """
    wanted = [GATES[gate] for gate in gates]
    if not wanted:
        return Passage(True, "no crystal tests it")
    rows = validated_rows(name)
    missing = [one for gate in wanted for one in gate.crystals if one not in rows]
    if missing:
        return Passage(None, f"not validated on {', '.join(dict.fromkeys(missing))}")
    faults = [fault for gate in wanted if (fault := _fault(gate, rows))]
    return Passage(not faults, "; ".join(faults) or ", ".join(gate.name for gate in wanted))


def validated_rows(name: str) -> dict[str, Mapping[str, str]]:
    """Rows of ``validated.csv`` on a potential by crystal; none if it has changed since, or is not known."""
    if name not in POTENTIALS:
        return {}
    field = potential(name)
    now = field.learned_identity.get("fingerprint", "")
    return {
        row["crystal"]: row
        for row in _table()
        if row["potential"] == field.name and row["fingerprint"] == now
    }


@functools.cache
def _table() -> tuple[dict[str, str], ...]:
    text = resources.files("alzmodel").joinpath("data/validated.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


def _fault(gate: Gate, rows: Mapping[str, Mapping[str, str]]) -> str:
    """Name what is farthest beyond a gate; nothing if it is passed."""
    faults = {}
    for crystal in gate.crystals:
        off, allowed, words = _deviation(gate, rows[crystal])
        if abs(off) > allowed:
            faults[f"{gate.name}: {words}"] = abs(off)
    return max(faults, key=faults.__getitem__) if faults else ""


def _deviation(gate: Gate, row: Mapping[str, str]) -> tuple[float, float, str]:
    """Error, the largest allowed, and both in words."""
    crystal = row["crystal"]
    if gate.kind == "enthalpy":
        published = VALIDATION[crystal].formation_enthalpy
        assert published is not None
        # Two La a formula unit.
        off = (float(row["formation_enthalpy"]) - published[0]) / 2 if row["formation_enthalpy"] else math.nan
        words = f"{crystal} {off:+.1f} kJ per mole of La, {LARGEST_ENTHALPY_ERROR:.1f} allowed"
        return (math.inf if math.isnan(off) else off), LARGEST_ENTHALPY_ERROR, words
    if gate.kind == "volume":
        off = float(row["volume_ratio"]) - 1
        return (
            off,
            LARGEST_VOLUME_ERROR,
            f"{crystal} {100 * off:+.1f} %, {100 * LARGEST_VOLUME_ERROR:g} allowed",
        )
    mine, theirs = (_bonds(row[key])[gate.cation] for key in ("bonds", "bonds_published"))
    if gate.kind == "length":
        off = mine[0] / theirs[0] - 1
        words = f"{crystal} {100 * off:+.1f} %, {100 * LARGEST_LENGTH_ERROR:g} allowed"
        return off, LARGEST_LENGTH_ERROR, words
    return mine[1] - theirs[1], 0, f"{crystal} {mine[1]:g} in place of {theirs[1]:g}"


def _bonds(text: str) -> dict[str, tuple[float, int]]:
    """Read "La-O 2.637 x 8; Zr-O 2.100 x 6"."""
    found = {}
    for part in text.split("; "):
        pair, length, _, number = part.split(" ")
        found[pair.partition("-")[0]] = float(length), int(number)
    return found
