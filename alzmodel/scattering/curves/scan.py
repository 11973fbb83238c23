"""What a reader finds in a file, before it is known what it is wanted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from alzmodel.results import Result, holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["Abscissa", "MeasuredCurve", "Scan", "Statement"]

Abscissa = Literal["two_theta", "Q", "r", "k"]
"""2θ in degrees, Q in Å⁻¹ with 2π, r in Å, k = 1/d in nm⁻¹."""
_AXES: Final[dict[str, str]] = {"two_theta": "2θ (°)", "Q": "Q (Å⁻¹)", "r": "r (Å)", "k": "k = 1/d (nm⁻¹)"}


@dataclass(frozen=True, slots=True, repr=False)
class MeasuredCurve(Result):
    """A measured curve: rising finite `x`, `y` and, if the file has them, standard errors `sigma`, each shape (n,).

    `wavelength` is what the file says, in Å, None where it says nothing. `notes` are sentences about how the file was
    taken, for whoever uses it.
    """

    x: FloatArray = field(metadata=holds(role="axis"))
    y: FloatArray
    sigma: FloatArray | None = field(metadata=holds(optional=True))
    abscissa: Abscissa
    source: str
    wavelength: float | None = None
    notes: tuple[str, ...] = ()

    def plot(self, ax: Axes | None = None, *, what: str | None = None, against: Any = None) -> Axes:
        """Draw y over x, as :meth:`alzmodel.results.Result.plot` does, with the name of x."""
        target = Result.plot(self, ax, what=what, against=against)
        target.set_xlabel(_AXES.get(self.abscissa, self.abscissa))
        return target


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
