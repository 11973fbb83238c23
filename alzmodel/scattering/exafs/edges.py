"""The absorption edges that these oxides are measured at, and the windows that each allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alzmodel.errors import InputError

__all__ = ["EDGES", "Edge", "edge_of"]


@dataclass(frozen=True, slots=True)
class Edge:
    """One absorption edge.

    Attributes
    ----------
    name
        As the user types it, such as "Zr-K".
    element
        That absorbs.
    hole
        The shell that loses its electron, as FEFF names it.
    k_range
        Å⁻¹; the usual window of the Fourier transform.
    k_limit
        Å⁻¹; no data beyond.
    r_range
        Å, not corrected for the phase: where the oxygen shell stands in the transform.
    """

    name: str
    element: str
    hole: str
    k_range: tuple[float, float]
    k_limit: float
    r_range: tuple[float, float]


EDGES: Final = {
    edge.name: edge
    for edge in (
        Edge("Zr-K", "Zr", "K", (3.0, 12.0), 20.0, (1.0, 2.3)),
        # L2 begins 408 eV above L3 (5891 and 5483 eV; Elam, Ravel & Sieber, Radiat. Phys. Chem. 63, 121, 2002): there
        # k is 10.3 Å⁻¹.
        Edge("La-L3", "La", "L3", (3.0, 10.0), 10.0, (1.2, 2.7)),
        Edge("La-K", "La", "K", (3.0, 12.0), 20.0, (1.2, 2.7)),
    )
}


def edge_of(name: str) -> Edge:
    """Edge by its name.

    Raises
    ------
    InputError
        If there is none of that name.

    Examples
    --------
    >>> edge_of("La-L3").k_range
    (3.0, 10.0)
    """
    if name not in EDGES:
        raise InputError(f"edge: {name}; allowed: {', '.join(EDGES)}")
    return EDGES[name]
