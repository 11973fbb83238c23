"""First shells without a fixed cut-off: filled solid angle, and the largest relative gap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.neighbours import Neighbours

__all__ = ["CRITERIA", "select_shell"]

CRITERIA: Final = ("first minimum", "solid angle", "relative gap")
"""How the oxygens of a first shell are told: one cut-off a pair, or atom by atom in two ways."""
_FEWEST: Final = 3
_MOST: Final = 14


def select_shell(
    candidates: Neighbours, criterion: str, reach: NDArray[np.float64] | None = None
) -> Neighbours:
    """Keep the oxygens of each cation's own first shell.

    Parameters
    ----------
    candidates
        Cation–oxygen pairs well beyond the first shell, sorted by cation.
    criterion
        ``"solid angle"``: the fewest nearest oxygens (at least three) that together cover the full solid angle 4π when
        each covers that of a cap whose edge lies at one radius, which comes out with them; no parameter.
        ``"relative gap"``: all oxygens up to the largest ratio of two successive distances, with three to fourteen
        inside.
    reach
        Å that the candidates of each atom reach to, shape (n_atoms,): the next oxygen is at least that far. Without it
        nothing is taken to be known beyond the last candidate.

    Returns
    -------
    Neighbours
        Pairs kept; all of them for a cation with three or fewer.

    References
    ----------
    Solid angle: J. A. van Meel, L. Filion, C. Valeriani and D. Frenkel, J. Chem. Phys. 136, 234107 (2012).
    Relative gap: G. O. Brunner, Acta Cryst. A 33, 226 (1977).
    """
    order = np.lexsort((candidates.distance, candidates.i))
    offsets = candidates.offsets()
    beyond = np.zeros(candidates.n_atoms) if reach is None else reach
    number = _shell_sizes(offsets, candidates.distance[order], beyond, criterion == "solid angle")
    rank = np.empty(len(candidates), dtype=np.int64)
    rank[order] = np.arange(len(candidates)) - np.repeat(offsets[:-1], np.diff(offsets))
    return candidates.select(rank < number[candidates.i])


@numba.njit(cache=True, nogil=True)
def _shell_sizes(
    offsets: NDArray[np.int64], distance: NDArray[np.float64], beyond: NDArray[np.float64], solid_angle: bool
) -> NDArray[np.int64]:
    result = np.empty(len(offsets) - 1, dtype=np.int64)
    for atom in range(len(result)):
        r = distance[offsets[atom] : offsets[atom + 1]]
        n = len(r)
        result[atom] = n
        if n <= _FEWEST:
            continue
        if solid_angle:
            total = r[:_FEWEST].sum()
            m = _FEWEST
            # Oxygens inside the radius at which the caps of all of them close up.
            while m < n and total / (m - 2) > r[m]:
                total += r[m]
                m += 1
            result[atom] = m
        else:
            widest = 0.0
            for m in range(_FEWEST, min(n, _MOST) + 1):
                following = r[m] if m < n else beyond[atom]
                # Equal gaps, up to rounding, end the smaller shell.
                if following / r[m - 1] > widest * (1 + 1e-9):
                    widest = following / r[m - 1]
                    result[atom] = m
    return result
