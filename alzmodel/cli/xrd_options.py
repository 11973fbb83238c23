"""Options of ``alzmodel xrd`` that are small texts: read, or refused with what is allowed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alzmodel.errors import InputError
from alzmodel.formats.notes import tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

    from alzmodel.scattering.xrd.corrections import Resolution
    from alzmodel.scattering.xrd.specimen import SubstrateLine

__all__ = [
    "PhaseRequest",
    "background_text",
    "displacement_text",
    "displacements_of",
    "phase_text",
    "polarization_text",
    "resolution_text",
    "substrate_text",
    "tell_displacements",
]


@dataclass(frozen=True, slots=True)
class PhaseRequest:
    """A reference phase beside the model: name, diameter in Å (None: infinite), share by weight (None: not given)."""

    name: str
    diameter: float | None
    weight: float | None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def resolution_text(text: str) -> Resolution:
    """Read a width in degrees, or U,V,W."""
    values = [_number(word) for word in text.split(",")]
    if len(values) not in {1, 3} or not all(map(math.isfinite, values)):
        raise InputError(f"--fwhm {text}: not a width; allowed: degrees 2θ, or U,V,W in square degrees")
    return values[0] if len(values) == 1 else (values[0], values[1], values[2])


def displacement_text(text: str | None) -> float | dict[str, float] | None:
    """Read B in Å², or one for each element named; None where nothing is asked for."""
    if text is None:
        return None
    single = _number(text)
    if math.isfinite(single):
        return single
    pairs = [part.partition("=") for part in text.split(",")]
    values = {name.strip(): _number(value) for name, _, value in pairs}
    if not all(map(math.isfinite, values.values())) or "" in values:
        raise InputError(f"--b-iso {text}: not B in Å²; allowed: a number, or such as La=0.3,O=0.6")
    return values


def displacements_of(
    asked: float | dict[str, float] | None, frames: Sequence[Atoms]
) -> float | dict[str, float]:
    """B that was asked for, else what the file of the model says, else 0."""
    from alzmodel.scattering.displaced import stated_displacements

    return (stated_displacements(frames) or 0.0) if asked is None else asked


def tell_displacements(asked: float | dict[str, float] | None, used: float | Mapping[str, float]) -> None:
    """Say that displacements are used which the file of the model says, after the work that used them."""
    from alzmodel.scattering.displaced import displacement_words

    if asked is None and isinstance(used, dict):
        tell(displacement_words(used))


def polarization_text(text: str) -> str | float:
    """Read a name, or the 2θ of a monochromator."""
    value = _number(text)
    return value if math.isfinite(value) else text


def background_text(text: str | None) -> tuple[float, ...]:
    """Read Chebyshev coefficients."""
    if text is None:
        return ()
    values = tuple(_number(word) for word in text.split(","))
    if not all(map(math.isfinite, values)):
        raise InputError(
            f"--background {text}: not numbers; allowed: Chebyshev coefficients such as 0.2,-0.1, constant first"
        )
    return values


def phase_text(text: str) -> PhaseRequest:
    """Read NAME[:DIAMETER][=WEIGHT]."""
    from alzmodel.crystals import phase_of

    match = re.fullmatch(r"(?P<name>[^:=]+)(:(?P<size>[^:=]+))?(=(?P<weight>[^:=]+))?", text)
    size = _number(match["size"]) if match and match["size"] else None
    weight = _number(match["weight"]) if match and match["weight"] else None
    if match is None or (size is not None and not 5 <= size <= 1000):
        raise InputError(
            f"--phase {text}: not a phase; allowed: NAME, NAME:DIAMETER with 5 to 1000 Å, =WEIGHT"
        )
    if weight is not None and not 0 < weight < 1:
        raise InputError(f"--phase {text}: share by weight {weight:g}; allowed: above 0 and below 1")
    return PhaseRequest(phase_of(match["name"]).name, size, weight)


def substrate_text(text: str, fwhm: float) -> SubstrateLine:
    """Read NAME:hkl=HEIGHT."""
    from alzmodel.crystals import phase_of
    from alzmodel.scattering.xrd.specimen import SubstrateLine

    match = re.fullmatch(r"(?P<name>[^:=]+):(?P<h>\d)(?P<k>\d)(?P<l>\d)=(?P<height>[^:=]+)", text)
    if match is None or not math.isfinite(_number(match["height"])):
        raise InputError(
            f"--substrate {text}: not a line; allowed: such as MgO:200=0.5, the height in units of the film's highest"
        )
    hkl = (int(match["h"]), int(match["k"]), int(match["l"]))
    return SubstrateLine(phase_of(match["name"]).name, hkl, float(match["height"]), fwhm)
