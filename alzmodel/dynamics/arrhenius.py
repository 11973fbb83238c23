"""Activation energies from diffusion coefficients with errors, and what a fit says at another temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import special

from alzmodel.errors import InputError
from alzmodel.results import Result, holds
from alzmodel.units import BOLTZMANN_EV_K

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["FEWEST_TEMPERATURES", "PUBLISHED", "Arrhenius", "PublishedConductivity", "arrhenius"]

FEWEST_TEMPERATURES: Final = 4


@dataclass(frozen=True, slots=True, repr=False)
class PublishedConductivity(Result):
    """Conductivity of amorphous Li-La-Zr-O near room temperature as published, S/cm."""

    lo: float = field(metadata=holds("S/cm"))
    hi: float = field(metadata=holds("S/cm"))
    of: str = field(metadata=holds())
    source: str = field(metadata=holds())


PUBLISHED: Final = (
    PublishedConductivity(
        5.8e-4,
        5.8e-4,
        "ab-initio molecular dynamics of amorphous LLZO",
        "Zhang et al., J. Chem. Phys. 160 (2024)",
    ),
    PublishedConductivity(
        4e-7, 8e-7, "sputtered amorphous films, measured", "Kalita et al., Solid State Ionics 229 (2012) 14"
    ),
)


@dataclass(frozen=True, slots=True, repr=False)
class Arrhenius(Result):
    """ln D = ln D0 − Ea / kT, fitted with weights.

    Attributes
    ----------
    value, se, ci95
        Activation energy, its standard error and Student's interval with as many degrees of freedom as there are
        temperatures more than two, eV.
    D0
        cm²/s.
    chi_square
        Reduced: above 1 the points scatter more than their errors, and those of the fit are widened by its root.
    used
        (n,), temperatures in K.
    """

    value: float = field(metadata=holds("eV"))
    se: float = field(metadata=holds("eV"))
    ci95: tuple[float, float] = field(metadata=holds("eV", role="interval", key="value_ci95"))
    D0: float = field(metadata=holds("cm²/s"))
    chi_square: float = field(metadata=holds())
    used: NDArray[np.float64] = field(metadata=holds("K", role="axis", key="temperatures"))
    covariance: NDArray[np.float64] = field(metadata=holds(hidden=True))

    def at(self, temperature: float) -> tuple[float, float, float]:
        """D at a temperature in K, and the ends of its 95 % interval, cm²/s."""
        row = np.array([1.0, -1 / (BOLTZMANN_EV_K * temperature)])
        middle = float(row @ [math.log(self.D0), self.value])
        half = _student(len(self.used)) * math.sqrt(float(row @ self.covariance @ row))
        return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def _student(n: int) -> float:
    return float(special.stdtrit(n - 2, 0.975))


def arrhenius(
    temperatures: Sequence[float], diffusivities: Sequence[float], errors: Sequence[float]
) -> Arrhenius:
    """Fit an activation energy to at least :data:`FEWEST_TEMPERATURES` temperatures.

    Parameters
    ----------
    temperatures
        (n,), K.
    diffusivities, errors
        (n,), cm²/s; each weighs with the square of D over its standard error.

    Raises
    ------
    InputError
        If there are fewer temperatures, or a number that is not above zero.

    References
    ----------
    X. He, Y. Zhu, A. Epstein, Y. Mo, npj Comput. Mater. 4 (2018) 18, on errors of activation energies.
    """
    from lmfit.models import LinearModel

    kelvin, values, sigma = (np.asarray(one, dtype=float) for one in (temperatures, diffusivities, errors))
    if len(np.unique(kelvin)) < FEWEST_TEMPERATURES:
        raise InputError(
            f"activation energy: {len(np.unique(kelvin))} temperatures with diffusion in a solid; "
            f"needed: at least {FEWEST_TEMPERATURES}"
        )
    if not ((kelvin > 0) & (values > 0) & (sigma > 0)).all():
        raise InputError("activation energy: a temperature, coefficient or error that is not above zero")
    model = LinearModel()
    # About the mean of 1/kT the two parameters are independent.
    x = -1 / (BOLTZMANN_EV_K * kelvin)
    centre = float(x.mean())
    y = np.log(values)
    result = model.fit(
        y, model.guess(y, x=x - centre), x=x - centre, weights=values / sigma, scale_covar=False
    )
    energy = float(result.params["slope"].value)
    turn = np.array([[1.0, -centre], [0.0, 1.0]])
    order = [result.var_names.index(name) for name in ("intercept", "slope")]
    covariance = (
        turn @ np.asarray(result.covar)[np.ix_(order, order)] @ turn.T * max(1.0, float(result.redchi))
    )
    se = math.sqrt(float(covariance[1, 1]))
    half = _student(len(kelvin)) * se
    return Arrhenius(
        value=energy,
        se=se,
        ci95=(energy - half, energy + half),
        D0=math.exp(float(result.params["intercept"].value) - centre * energy),
        chi_square=float(result.redchi),
        used=kelvin,
        covariance=covariance,
    )
