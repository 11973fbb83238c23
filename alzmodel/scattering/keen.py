"""Total functions as D. A. Keen names them and RMCProfile reads and writes them, in barn for neutrons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.scattering.totals import TotalPDF

    FloatArray = NDArray[np.float64]

__all__ = ["keen_D", "keen_F", "keen_G", "keen_T"]

_FM2_PER_BARN: Final = 100.0


def _strength(total: TotalPDF) -> float:
    """⟨b⟩² in barn of neutrons; 1 for the others, whose functions are normalised."""
    return total.mean_squared_strength / (_FM2_PER_BARN if total.radiation == "neutron" else 1.0)


def keen_G(total: TotalPDF) -> FloatArray:
    """Σ c_a c_b b_a b_b (g_ab(r) − 1), shape (n,): −⟨b⟩² below the shortest distance.

    In barn for neutrons; the weighted mean of g − 1 for the others.

    References
    ----------
    D. A. Keen, J. Appl. Cryst. 34 (2001) 172, eq. 10.

    Examples
    --------
    >>> from alzmodel.scattering.totals import TotalPDF
    >>> total = TotalPDF(np.array([1.0]), np.array([-4 * np.pi * 0.05]), "neutron", 0.05, None, 50.0)
    >>> keen_G(total)
    array([-0.5])
    """
    return np.asarray(_strength(total) * total.G / (4 * np.pi * total.r * total.number_density))


def keen_D(total: TotalPDF) -> FloatArray:
    """4π r ρ times :func:`keen_G`, shape (n,), in barn Å⁻² for neutrons: Keen's eq. 26."""
    return np.asarray(_strength(total) * total.G)


def keen_T(total: TotalPDF) -> FloatArray:
    """:func:`keen_D` + 4π r ρ ⟨b⟩², shape (n,), in barn Å⁻² for neutrons: Keen's eq. 28."""
    return np.asarray(_strength(total) * total.T)


def keen_F(total: TotalPDF, S: FloatArray) -> FloatArray:
    """⟨b⟩² (S(Q) − 1), shape of `S`, in barn for neutrons; S − 1 for the others: Keen's eqs. 9 and 19."""
    return np.asarray(_strength(total) * (S - 1))
