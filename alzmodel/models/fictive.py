"""Fictive temperature: where the structure of a glass was last that of the liquid in equilibrium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GLASS_RANGE", "LIQUID_RANGE", "fictive_temperature"]

LIQUID_RANGE = (1700.0, 2500.0)
"""K; there the volume of a melt is free and follows a quench of 100 K/ps with a lag of the barostat's time, some 100 K
or 6 meV per atom, which makes a fictive temperature some 70 K too low."""

GLASS_RANGE = (320.0, 600.0)
"""K; there a glass vibrates and its structure no longer changes in picoseconds."""

FEWEST_POINTS = 4


def fictive_temperature(glass: Mapping[str, Any], liquid: Mapping[str, Any] | None = None) -> float:
    """Fictive temperature of a melt-quenched glass in K, from the potential energy along its quench.

    A line through the energies of the cooling glass in :data:`GLASS_RANGE` meets the line of the liquid in
    :data:`LIQUID_RANGE` at Tf: the structure that froze is that of the liquid there.

    Parameters
    ----------
    glass
        ``provenance["thermo"]`` of the glass: lists ``time_ps``, ``temperature`` (K) and ``energy`` (eV per atom).
    liquid
        The same of a glass of this composition and potential that was quenched more slowly, whose liquid was nearer to
        equilibrium; by default `glass` itself.

    Raises
    ------
    InputError
        If a range of temperatures was not passed through, or the two lines do not meet.

    References
    ----------
    A. Q. Tool, J. Am. Ceram. Soc. 29 (1946) 240, which defines it.
    """
    slope, offset = _line(glass, GLASS_RANGE)
    liquid_slope, liquid_offset = _line(glass if liquid is None else liquid, LIQUID_RANGE)
    if liquid_slope <= slope:
        raise InputError(
            f"thermo: the liquid's energy rises by {liquid_slope:.3g} eV/K, the glass's by {slope:.3g}; "
            "allowed: a liquid that takes up more heat than its glass"
        )
    return float((offset - liquid_offset) / (liquid_slope - slope))


def _line(thermo: Mapping[str, Any], limits: tuple[float, float]) -> tuple[float, float]:
    if "energy" not in thermo:
        raise InputError(
            "thermo: has no energies; allowed: the provenance of a glass of build version 2 or later"
        )
    temperature, energy = np.asarray(thermo["temperature"]), np.asarray(thermo["energy"])
    # The last stage is computed with another Coulomb sum, whose energies lie lower by electronvolts.
    jump = np.flatnonzero(np.diff(energy) < -1.0)
    end = int(jump[0]) + 1 if len(jump) else len(energy)
    inside = (temperature[:end] > limits[0]) & (temperature[:end] < limits[1])
    if np.count_nonzero(inside) < FEWEST_POINTS:
        raise InputError(
            f"thermo: fewer than {FEWEST_POINTS} points between {limits[0]:g} and {limits[1]:g} K; "
            "allowed: a quench through that range"
        )
    slope, offset = np.polyfit(temperature[:end][inside], energy[:end][inside], 1)
    return float(slope), float(offset)
