"""Words of CIF files: data names, values, loops, numbers with their errors, mixtures on a site."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from alzmodel.errors import InputError
from alzmodel.species import Species, species_of

__all__ = ["Block", "blocks", "looks_like_cif", "mixture_of", "number_of"]

_TOKEN: Final = re.compile(
    r"""(?m)^;(?P<text>(?:.*\n)*?);(?=\s|$) | \#.*$ | '(?P<single>(?:[^'\n]|'(?!\s|$))*)'(?=\s|$)
    | "(?P<double>(?:[^"\n]|"(?!\s|$))*)"(?=\s|$) | (?P<bare>[^\s]+)""",
    re.VERBOSE,
)
_NUMBER: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)(?:\(\d*\)?)?$")
_UNKNOWN: Final = {"?", "."}
_SHARE: Final = re.compile(
    r"\(?(?P<before>\d*\.?\d+)?\s*\*?\s*\(?(?P<name>[A-Z][a-z]?(?:\d*[+-]|[+-]\d+)?)\)?\s*(?P<after>\d*\.\d+|\d+)?\)?"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One data block.

    Attributes
    ----------
    name
        Behind ``data_``.
    values
        By data name in small letters with ``_`` for ``.``, so that both dictionaries of the IUCr read the same: lists,
        of one text for what stands in no loop.
    """

    name: str
    values: dict[str, list[str]]

    def get(self, *names: str) -> list[str] | None:
        """Values of the first of these names that is there."""
        return next((self.values[name] for name in names if name in self.values), None)

    def one(self, *names: str) -> str | None:
        """First value of the first of these names that is there and known."""
        for name in names:
            known = [text for text in self.values.get(name, ()) if text not in _UNKNOWN]
            if known:
                return known[0]
        return None


def looks_like_cif(head: str) -> bool:
    """Whether the beginning of a file is that of a CIF, whatever it is called."""
    for line in head.splitlines():
        words = line.strip().lower()
        if words and not words.startswith("#"):
            return words.startswith("data_") and words != "data_"
    return False


def blocks(text: str) -> list[Block]:
    """Read the data blocks of a CIF.

    References
    ----------
    S. R. Hall, F. H. Allen and I. D. Brown, Acta Cryst. A47 (1991) 655; syntax of CIF version 1.1.
    """
    found: list[Block] = []
    header: list[str] = []
    columns: list[list[str]] = []
    state, name = "", ""
    for word, quoted in _words(text):
        low = word.lower()
        if not quoted and low.startswith("data_"):
            found.append(Block(word[5:], {}))
            state = ""
        elif not quoted and (low == "loop_" or low.startswith(("save_", "global_"))):
            state, header, columns = ("header" if low == "loop_" else ""), [], []
        elif not quoted and low.startswith("_"):
            name = low.replace(".", "_")
            if state == "header":
                header.append(name)
                columns.append([])
                if found:
                    found[-1].values.setdefault(name, columns[-1])
            else:
                state = "single"
        elif state == "single" and found:
            found[-1].values.setdefault(name, [word])
            state = ""
        elif state in {"header", "row"} and header:
            state = "row"
            shortest = min(range(len(columns)), key=lambda k: (len(columns[k]), k))
            columns[shortest].append(word)
    return found


def _words(text: str) -> list[tuple[str, bool]]:
    words = []
    for match in _TOKEN.finditer(text.replace("\r\n", "\n").replace("\r", "\n")):
        kind = match.lastgroup
        if kind is not None:
            words.append((match[kind].strip(), kind != "bare"))
    return words


def number_of(text: str, name: str) -> float:
    """Read the number of a value such as ``0.1234(5)``, or of a fraction such as ``1/3``.

    Raises
    ------
    InputError
        If it is none; `name` says whose value it is.
    """
    match = _NUMBER.match(text.strip())
    if match:
        return float(match[1].replace("d", "e").replace("D", "e"))
    over = re.fullmatch(r"([+-]?\d+)/(\d+)", text.strip())
    if over and int(over[2]):
        return int(over[1]) / int(over[2])
    raise InputError(f"{name}: {text!r} is no number; allowed: such as 0.25 or 0.2503(4)")


def mixture_of(text: str) -> tuple[tuple[Species, float], ...]:
    """Species and shares of a site's type: ``Zr4+``, ``0.8Zr + 0.2Y``, ``Zr0.8Y0.2``, ``(Zr0.8,Y0.2)``.

    Returns
    -------
    tuple of (Species, share)
        One of share 1 for a plain element; shares NaN where several are named without; nothing if none is an element.
    """
    single = species_of(text)
    parts = [match for match in _SHARE.finditer(text) if species_of(match["name"]) is not None]
    mixed = len(parts) > 1 and not re.fullmatch(r"[A-Za-z]{1,2}\d*[+-]?\d*", text)
    if single is not None and not mixed:
        return ((single, 1.0),)
    found = []
    for match in parts:
        species = species_of(match["name"])
        share = match["before"] or match["after"]
        if species is not None:
            found.append((species, float(share) if share else math.nan))
    return tuple(found)
