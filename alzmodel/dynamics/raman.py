"""Raman spectra by a bond-polarizability model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy import constants

from alzmodel.dynamics.bond_table import PARAMETERS
from alzmodel.dynamics.local_modes import STRAINS
from alzmodel.dynamics.spectra import Modes, frequency_grid, wavenumber
from alzmodel.errors import InputError
from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from alzmodel.dynamics.bond_table import BondTable, Parameter
    from alzmodel.dynamics.harmonic import Harmonic
    from alzmodel.neighbours import Neighbours

__all__ = [
    "RamanParts",
    "RamanSettings",
    "RamanSpectrum",
    "draw_tables",
    "mixture",
    "polarizability_derivatives",
    "raman_parts",
    "raman_spectrum",
]

DRAWS: Final = 200
"""Tables drawn from the ranges of the parameters."""
QUANTILES: Final = (0.05, 0.95)
WIDTHS_FROM_ZERO: Final = 2.0
"""Spectra begin at so many widths: nearer to zero the factor (n + 1)/ν would lift the foot of the Gaussian."""
SECOND_RADIATION: Final = constants.h * constants.c * 100 / constants.k
"""hc/k in K cm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RamanSettings:
    """How light is scattered.

    Attributes
    ----------
    temperature
        K, for the Bose factor.
    laser
        Wavelength in nm.
    reduced
        Leave out the Bose factor, 1/ν and the fourth power of the scattered frequency.
    """

    temperature: float = 300.0
    laser: float = 532.0
    reduced: bool = False

    def __post_init__(self) -> None:
        """Refuse what no experiment has.

        Raises
        ------
        InputError
            If a number is out of range.
        """
        if not 1 <= self.temperature <= 5000:
            raise InputError(f"temperature: {self.temperature:g} K; allowed: 1 to 5000")
        if not 200 <= self.laser <= 2000:
            raise InputError(f"laser: {self.laser:g} nm; allowed: 200 to 2000")

    def factor(self, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what multiplies |∂α/∂Q|² to give Stokes intensity at shifts in cm⁻¹: (ν_L − ν)⁴ (n + 1)/ν.

        A detector that counts photons would have (ν_L − ν)³; from 100 to 800 cm⁻¹ at 532 nm that is a slope of 4 %.

        References
        ----------
        D. A. Long, The Raman Effect (2002), eq. 5.5.
        """
        if self.reduced:
            return np.ones_like(shift)
        laser = 1e7 / self.laser
        bose = 1 / -np.expm1(-SECOND_RADIATION * shift / self.temperature)
        factor: NDArray[np.float64] = ((laser - shift) / laser) ** 4 * bose / shift
        return factor


@dataclass(frozen=True, slots=True, eq=False)
class RamanParts:
    """Raman activity of a model, bilinear in the numbers of the bond table, for every Å³.

    Attributes
    ----------
    grid
        cm⁻¹.
    names
        Numbers of the table, shape (p,), such as ``("Zr-O", "longitudinal")``.
    isotropic, anisotropic
        Spectra of the trace over 3, and of the five other components, for each pair of numbers, shape (p, p, n_grid).
    """

    grid: NDArray[np.float64]
    names: tuple[tuple[str, str], ...]
    isotropic: NDArray[np.float64]
    anisotropic: NDArray[np.float64]

    def of(self, table: BondTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """VV and VH for the values of a table, without the factor of the instrument."""
        return self.at(np.array([[table.bonds[pair][name].value for pair, name in self.names]]))

    def at(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """VV and VH for rows of values, shape (n, n_grid) each.

        45 a² + 4 γ² and 3 γ² with γ² = 3/2 of the square of the traceless part (D. A. Long, eqs. A14.7 and 5.7).
        """
        trace, other = (
            np.einsum("np,nq,pqw->nw", values, values, spectra, optimize=True)
            for spectra in (self.isotropic, self.anisotropic)
        )
        return 45 * trace + 6 * other, 4.5 * other


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RamanSpectrum(Result):
    """Raman intensities; the highest of VV + VH is 1.

    Attributes
    ----------
    shift
        cm⁻¹.
    VV, VH, unpolarised
        Analyser along and across the polarisation of the laser, and their sum, which is what is recorded without one.
    low, high
        5 % and 95 % quantiles of `unpolarised` over tables drawn from the ranges of the numbers, each of the area of
        `unpolarised`.
    """

    shift: NDArray[np.float64] = field(metadata=holds("cm⁻¹", role="axis"))
    VV: NDArray[np.float64]
    VH: NDArray[np.float64]
    unpolarised: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def polarizability_derivatives(
    bonds: Neighbours, symbols: Sequence[str], table: BondTable
) -> tuple[tuple[tuple[str, str], ...], NDArray[np.float64]]:
    """Change of the polarizability with every displacement, for each number of a table.

    For a bond along r̂ from cation to oxygen, moved by u: longitudinal r̂r̂ (r̂·u), transverse (1 − r̂r̂)(r̂·u),
    anisotropy ∂(r̂r̂)/∂u times r.

    Parameters
    ----------
    bonds
        From cations to oxygen.
    symbols
        Of all atoms.
    table
        Of the pairs of the model that it names, all others count nothing.

    Returns
    -------
    names
        Numbers of the table, p of them.
    ndarray, shape (p, 3, 3, 3 n_atoms)
        Å² for each unit of the number.

    References
    ----------
    P. Umari, A. Pasquarello, A. Dal Corso, Phys. Rev. B 63 (2001) 094305, eqs. 3 and 4.
    """
    names, parts = [], []
    kinds = np.array(symbols)
    unit = bonds.vector / bonds.distance[:, None]
    one = np.eye(3)
    along = np.einsum("ka,kb,kc->kabc", unit, unit, unit)
    across = np.einsum("ab,kc->kabc", one, unit) - along
    turned = np.einsum("ac,kb->kabc", one, unit) + np.einsum("bc,ka->kabc", one, unit) - 2 * along
    for pair in table.bonds:
        cation = pair.removesuffix("-O")
        mine = np.flatnonzero(kinds[bonds.i] == cation)
        if not len(mine):
            continue
        for name, tensor in zip(PARAMETERS, (along, across, turned), strict=True):
            found = np.zeros((len(kinds), 3, 3, 3))
            np.add.at(found, bonds.j[mine], np.moveaxis(tensor[mine], 3, 1))
            np.add.at(found, bonds.i[mine], -np.moveaxis(tensor[mine], 3, 1))
            names.append((pair, name))
            parts.append(np.moveaxis(found.reshape(-1, 3, 3), 0, -1))
    return tuple(names), np.array(parts)


def raman_parts(found: Harmonic, table: BondTable, resolution: float) -> RamanParts:
    """Raman activity of a model.

    Parameters
    ----------
    found
        The model, made ready.
    table
        Of bonds.
    resolution
        Full width at half maximum, cm⁻¹.

    Raises
    ------
    InputError
        If the model is no oxide, or the table knows none of its bonds.
    """
    from alzmodel.local_order.shells import bonded

    atoms = found.atoms
    model = bonded(atoms)
    names, tensors = polarizability_derivatives(model.bonds[-1], atoms.get_chemical_symbols(), table)
    if not names:
        raise InputError(
            f"{table.path}: knows no bond of {atoms.symbols}; allowed: pairs such as Zr-O of the model"
        )
    tensors = tensors / np.repeat(np.sqrt(atoms.get_masses()), 3)
    trace = np.trace(tensors, axis1=1, axis2=2)[None] / 3
    others = np.einsum("sab,pabx->spx", np.array(STRAINS), tensors)
    groups = np.moveaxis(np.concatenate([trace, others]), 1, 2)
    spectra = found.spectra
    highest = (
        spectra.frequencies[-1] if isinstance(spectra, Modes) else wavenumber(np.array([spectra.high]))[0]
    )
    grid = frequency_grid(float(highest), resolution)
    cross = spectra.cross_spectrum(groups, grid, resolution) / atoms.cell.volume
    return RamanParts(grid, names, cross[0], cross[1:].sum(axis=0))


def mixture(parts: Sequence[RamanParts], shares: Sequence[float]) -> RamanParts:
    """Activity of models side by side, by their shares of the volume; fields and interfaces are not looked at.

    Parameters
    ----------
    parts
        One a model, all of one resolution.
    shares
        Of the volume, one a model.
    """
    grid = max((part.grid for part in parts), key=len)
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    sums = np.zeros((2, len(names), len(names), len(grid)))
    for part, share in zip(parts, shares, strict=True):
        at = np.array([names.index(name) for name in part.names])
        for total, own in zip(sums, (part.isotropic, part.anisotropic), strict=True):
            total[at[:, None], at[None, :], : len(part.grid)] += share * own
    return RamanParts(grid, names, sums[0], sums[1])


def draw_tables(numbers: Sequence[Parameter], seed: int) -> NDArray[np.float64]:
    """Draw from the ranges of numbers of a table: half of the draws below the value, half above, evenly in each part.

    Parameters
    ----------
    numbers
        Of the table.
    seed
        Of the draws.

    Returns
    -------
    ndarray, shape (200, n)
        A table a row.
    """
    even = np.random.default_rng(seed).uniform(size=(DRAWS, len(numbers)))
    columns = [
        np.interp(column, (0.0, 0.5, 1.0), (one.limits[0], one.value, one.limits[1]))
        for one, column in zip(numbers, even.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def raman_spectrum(
    parts: RamanParts, table: BondTable, settings: RamanSettings, resolution: float, *, seed: int = 0
) -> RamanSpectrum:
    """Intensities of a model or a mixture, and how far they depend on the ranges of the table.

    Parameters
    ----------
    parts
        Activity.
    table
        Of bonds.
    settings
        Of the light.
    resolution
        Width of the spectra, cm⁻¹: they begin at twice as much.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If no mode scatters.
    """
    seen = parts.grid >= WIDTHS_FROM_ZERO * resolution
    shift = parts.grid[seen]
    factor = settings.factor(shift)
    parallel, crossed = (curve[0, seen] * factor for curve in parts.of(table))
    whole = parallel + crossed
    top = float(whole.max())
    if not top > 0:
        raise InputError(f"{table.path}: no mode scatters with these numbers; allowed: numbers above zero")
    along, across = parts.at(draw_tables([table.bonds[pair][name] for pair, name in parts.names], seed))
    curves = (along + across)[:, seen] * factor
    areas = curves.sum(axis=1)
    curves = curves[areas > 0] * (whole.sum() / areas[areas > 0])[:, None]
    low, high = np.quantile(curves, QUANTILES, axis=0) / top
    return RamanSpectrum(shift, parallel / top, crossed / top, whole / top, low, high)
