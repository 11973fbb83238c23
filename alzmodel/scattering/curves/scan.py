"""What a reader finds in a file, before it is known what it is wanted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Abscissa", "MeasuredCurve", "Scan", "Statement"]

Abscissa = Literal["two_theta", "Q", "r", "k"]
"""2θ in degrees, Q in Å⁻¹ with 2π, r in Å, k = 1/d in nm⁻¹."""


@dataclass(frozen=True, slots=True)
class MeasuredCurve:
    """A measured curve: rising finite `x`, `y` and, if the file has them, standard errors `sigma`, each shape (n,).

    `wavelength` is what the file says, in Å, None where it says nothing. `notes` are sentences about how the file was
    taken, for whoever uses it.
    """

    x: FloatArray
    y: FloatArray
    sigma: FloatArray | None
    abscissa: Abscissa
    source: str
    wavelength: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """What a file says x is: the name of a kind, and whether its unit is told too."""

    kind: str
    with_unit: bool = True


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of a file.

    Attributes
    ----------
    x, y
        Shape (n,), in the file's units and order.
    sigma
        Standard errors of y, shape (n,), where the file has them.
    stated
        What the file says x is.
    wavelength, second
        Å: of Kα1 or of the only line, and of Kα2 where the file lists it.
    fixed
        What was held still (angles, temperature), by name.
    notes
        Sentences about how it was read.
    """

    x: FloatArray
    y: FloatArray
    sigma: FloatArray | None = None
    stated: Statement | None = None
    wavelength: float | None = None
    second: float | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
