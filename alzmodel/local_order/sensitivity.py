"""How much the numbers of local order hang on what ends a first shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.local_order.criteria import CRITERIA
from alzmodel.local_order.network import network
from alzmodel.local_order.sharing import sharing
from alzmodel.local_order.shells import Bonded, bonded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["sensitivity"]


def sensitivity(frames: Atoms | Sequence[Atoms] | Bonded, *, former: str = "Zr") -> dict[str, dict[str, Any]]:
    """Repeat the counts with every criterion of the first shell.

    Parameters
    ----------
    frames
        One model, frames of one, or a bonded model.
    former
        Cation that Qn and non-bridging oxygen refer to; left out where the model has none.

    Returns
    -------
    dict
        Per criterion (:data:`alzmodel.local_order.criteria.CRITERIA`, blanks as ``_``): ``units`` with
        ``mean_coordination``, ``mean_distance`` (Å) per cation, ``sharing`` with the fractions per pair, and with the
        former ``mean_qn`` and ``non_bridging_fraction``.

    Raises
    ------
    InputError
        If the model is no oxide.
    """
    model = bonded(frames)
    result = {}
    for criterion in CRITERIA:
        told = model.with_criterion(criterion)
        row: dict[str, Any] = {
            "units": {element: _unit(told, element) for element in told.cations},
            "sharing": {
                label: {mode: pair.fractions[mode] for mode in ("corner", "edge", "face", "none")}
                for label, pair in sharing(told).pairs.items()
            },
        }
        if former in told.cations:
            net = network(told, former=former)
            row |= {"mean_qn": net.mean_qn, "non_bridging_fraction": net.non_bridging_fraction}
        result[criterion.replace(" ", "_")] = row
    return result


def _unit(model: Bonded, element: str) -> dict[str, float]:
    total, bonds, centres = 0.0, 0, 0
    for atoms, pairs in zip(model.frames, model.bonds, strict=True):
        is_centre = atoms.symbols == element
        mine = is_centre[pairs.i]
        total += float(pairs.distance[mine].sum())
        bonds += int(mine.sum())
        centres += int(is_centre.sum())
    return {
        "mean_coordination": bonds / centres,
        "mean_distance": total / bonds if bonds else float("nan"),
    }
