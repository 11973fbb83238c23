"""Wavelengths that files state in words."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError
from alzmodel.scattering.form_factors import photon_energy, spectrum_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "SAME_WAVELENGTH",
    "check_same_wavelength",
    "in_angstrom",
    "line_of_anode",
    "wavelengths_of_header",
]

SAME_WAVELENGTH: Final = 1e-3
"""Relative; Kα1 and the mean of Cu differ by 8e-4, one anode and the next by 0.07."""
_SHORTEST, _LONGEST = 0.02, 10.0
_NUMBER: Final = r"([-+]?(?:\d,\d+(?![\d.,])|\d*\.?\d+(?:[eEdD][-+]?\d+)?))"
"""A comma between digits is a decimal one, unless more follow."""
_UNIT: Final = r"[\s\"'\])}]*[(\[]?\s*(pm|nm|m\b|å|Å|angstroms?|a\b)?"
_GAP: Final = r"[\s\"'=:,;)\]]*(?:[a-z]{1,2}\s*\(\s*)?"
"""Between word and number; an anode may stand there, as in "Wavelength: Co (1.789 Å)"."""
_IN_BRACKETS: Final = r"[\s_]*(?:[(\[/]?\s*(pm|nm|m|å|Å|angstroms?|a)(?![a-z])\s*[)\]]?)?"
_WORD: Final = r"(?:wave[\s_-]*length|\blambda|λ)"
_FIRST: Final = (
    rf"(?:k?[\s_-]*(?:alpha|α)[\s_-]*_?1[\s_-]*{_WORD}|{_WORD}[\s_-]*k?[\s_-]*(?:alpha|α)[\s_-]*_?1)"
)
_SECOND: Final = (
    rf"(?:k?[\s_-]*(?:alpha|α)[\s_-]*_?2[\s_-]*{_WORD}|{_WORD}[\s_-]*k?[\s_-]*(?:alpha|α)[\s_-]*_?2)"
)


def _stated(words: str) -> re.Pattern[str]:
    return re.compile(rf"{words}{_IN_BRACKETS}{_GAP}{_NUMBER}{_UNIT}", re.IGNORECASE)


_ALPHA1: Final = _stated(
    rf"(?:{_FIRST}|\b_?WL1|{_WORD}[\s_-]?1(?!\.?\d|,\d+(?![\d.,]))|k[\s_-]*(?:alpha|α)[\s_-]*_?1(?![.\d]))"
)
_ALPHA2: Final = _stated(
    rf"(?:{_SECOND}|\b_?WL2|{_WORD}[\s_-]?2(?!\.?\d|,\d+(?![\d.,]))|k[\s_-]*(?:alpha|α)[\s_-]*_?2(?![.\d]))"
)
_PLAIN: Final = _stated(rf"(?:{_WORD}|\bwave(?=\s*[=:]))(?:[\s_-]*(?:used|value|of[\s_]\w+))?")
_OTHER_LINE: Final = re.compile(
    rf"(?:beta|β)[\s_-]*\d?[\s_-]*{_WORD}|{_WORD}[\s_-]*(?:k?[\s_-]*)?(?:beta|β)", re.IGNORECASE
)
_EV: Final = r"\s*(?:[(\[]\s*(k?ev)\s*[)\]])?"
_ENERGY: Final = re.compile(rf"\b(?:energy|e(?=\s*=))[\s_]*{_EV}{_GAP}{_NUMBER}\s*(k?ev)?\b", re.IGNORECASE)
_KEV: Final = re.compile(r"()\b(\d+(?:\.\d*)?)\s*(kev)\b", re.IGNORECASE)
"""A number of keV anywhere; tubes have kV."""
_ANODES: Final = {
    "chromium": "Cr",
    "iron": "Fe",
    "cobalt": "Co",
    "copper": "Cu",
    "molybdenum": "Mo",
    "silver": "Ag",
    "tungsten": "W",
}
_ANODE: Final = re.compile(
    r"(?<![a-zA-Z])(?i:anode|target|tube)[\s_]*(?i:material|name|element)?[\s\"'=:,;]+([A-Z][a-z]*)\b"
    r"|\b(Cr|Fe|Co|Cu|Mo|Ag|(?i:chromium|iron|cobalt|copper|molybdenum|silver))"
    r"[\s-]+(?i:anode|target|tube|source|radiation|x-?rays?)\b"
)
_LINE: Final = re.compile(
    r"\b(Cr|Fe|Co|Ni|Cu|Mo|Rh|Ag|W|Ga|In)[\s_-]*[Kk][\s_-]*(?:[Aa]lpha|α|[Aa])[\s_-]*_?([12])?(?![a-zA-Z])"
)


def in_angstrom(value: float, unit: str | None) -> float:
    """Wavelength in Å; without a unit, metres are told by their size."""
    match (unit or "").lower():
        case "nm":
            return value * 10
        case "pm":
            return value / 100
        case "m":
            return value * 1e10
        case "":
            return value * 1e10 if value < 1e-7 else value
        case _:
            return value


def line_of_anode(anode: str, line: str = "1") -> float | None:
    """Wavelength in Å of Kα1 (or of line "2") of an anode, None where no table has it."""
    try:
        return spectrum_of(f"{anode.capitalize()}Ka{line}")[0][0]
    except InputError:
        return None


def wavelengths_of_header(lines: Sequence[str], name: str) -> tuple[float | None, float | None]:
    """Wavelength, and that of Kα2 if it is listed, in Å, from what stands above (or between) the numbers.

    Read are numbers called wavelength or lambda (Å, nm, pm, m), the energy of a beam (keV, eV), a line such as
    "Cu Kα1", and the anode of a tube, in this order; an anode or "Kα" alone stands for its Kα1.

    Parameters
    ----------
    lines
        Of the header.
    name
        Of the file.

    Raises
    ------
    InputError
        If lines state different wavelengths, or one that is none.
    """
    second = _only(lines, _ALPHA2, name)
    first = _only(lines, _ALPHA1, name)
    if first is None:
        first = _only(
            [line for line in lines if not (_OTHER_LINE.search(line) or _ALPHA2.search(line))], _PLAIN, name
        )
    if first is None:
        first = _from_energy(lines, name)
    if first is None:
        first = _from_line(lines)
    return first, second


def _only(lines: Sequence[str], pattern: re.Pattern[str], name: str) -> float | None:
    found = []
    for line in lines:
        match = pattern.search(line)
        if match is None:
            continue
        before, number, after = match.groups()
        value = in_angstrom(float(re.sub("[dD]", "e", number.replace(",", "."))), before or after)
        if value == 0:
            # Programs write zero where nothing was entered.
            continue
        if not _SHORTEST <= value <= _LONGEST:
            raise InputError(
                f"{name}: '{line.strip()[:60]}' is a wavelength of {value:g} Å; "
                f"allowed: {_SHORTEST:g} to {_LONGEST:g} Å"
            )
        found.append(value)
    if found and max(found) > min(found) * (1 + SAME_WAVELENGTH):
        raise InputError(
            f"{name}: wavelengths of {min(found):g} and {max(found):g} Å are stated; allowed: one wavelength"
        )
    return found[0] if found else None


def _from_energy(lines: Sequence[str], name: str) -> float | None:
    for line in lines:
        match = _ENERGY.search(line)
        if match is None or not (match[1] or match[3]):
            match = _KEV.search(line)
        if match is None:
            continue
        factor = 1e3 if (match[1] or match[3]).lower() == "kev" else 1.0
        value = float(re.sub("[dD]", "e", match[2])) * factor
        wavelength = photon_energy(1.0) / value if value > 0 else math.inf
        if not _SHORTEST <= wavelength <= _LONGEST:
            raise InputError(
                f"{name}: '{line.strip()[:60]}' is a wavelength of {wavelength:g} Å; "
                f"allowed: {_SHORTEST:g} to {_LONGEST:g} Å"
            )
        return wavelength
    return None


def _from_line(lines: Sequence[str]) -> float | None:
    for line in lines:
        match = _LINE.search(line)
        if match is not None:
            return line_of_anode(match[1], match[2] or "1")
    for line in lines:
        match = _ANODE.search(line)
        if match is not None:
            word = match[1] or match[2]
            found = line_of_anode(_ANODES.get(word.lower(), word))
            if found is not None:
                return found
    return None


def check_same_wavelength(stated: float | None, asked: Sequence[float], name: str) -> None:
    """Refuse a wavelength of the user's that the file contradicts.

    Parameters
    ----------
    stated
        By the file, Å, or None.
    asked
        Lines that the user names, Å; empty if none.
    name
        Of the file.

    Raises
    ------
    InputError
        If no line is within :data:`SAME_WAVELENGTH` of what the file says.
    """
    if stated is None or not asked:
        return
    if min(abs(line / stated - 1) for line in asked) > SAME_WAVELENGTH:
        raise InputError(
            f"{name}: measured with {stated:.6g} Å by the file, --wavelength is {asked[0]:.6g} Å; "
            "allowed: the file's, or no --wavelength"
        )
