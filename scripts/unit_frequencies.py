"""Root-mean-square frequencies of the building units of the library's annealed glasses, mean and spread over seeds.

Second derivatives with the damped shifted force, 2 cm⁻¹ from those of the Ewald sum; exact second moments, no
spectra. Some six CPU seconds and 1 GB for each glass of 5000 atoms. Prints a table: x, unit, number, mean and
spread in cm⁻¹.
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import numpy as np

from alzmodel.dynamics.hessian import pair_hessian
from alzmodel.dynamics.local_modes import mean_squares, unit_sets
from alzmodel.dynamics.spectra import dynamical_matrix
from alzmodel.errors import run_main
from alzmodel.local_order.shells import bonded
from alzmodel.models.library import glasses, load_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms


def frequencies(atoms: Atoms, potential: str) -> dict[str, tuple[int, float]]:
    """Count the units of each symmetry, and give their √⟨Q|D|Q⟩ in cm⁻¹."""
    matrix = dynamical_matrix(
        pair_hessian(atoms, potential=potential, coulomb="dsf", dtype=np.float32), atoms.get_masses()
    )
    sets = unit_sets(bonded(atoms), atoms.get_masses())
    return {
        one.name: (len(one.coordinates), math.sqrt(float(mean_squares(one, matrix).mean()))) for one in sets
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Go through the glasses; words are La contents, all of them without."""
    wanted = {float(word) for word in (sys.argv[1:] if arguments is None else arguments)}
    found: dict[tuple[float, str], list[tuple[int, float]]] = {}
    for model in glasses("du-teter"):
        if model.protocol.startswith("annealed") and (not wanted or model.la in wanted):
            for name, values in frequencies(load_model(model), model.potential).items():
                found.setdefault((model.la, name), []).append(values)
    print("x,unit,models,units,mean,spread")
    for (la, name), values in sorted(found.items()):
        means = [value for _, value in values]
        spread = np.std(means, ddof=1) if len(means) > 1 else math.nan
        print(f"{la:g},{name},{len(means)},{sum(n for n, _ in values)},{np.mean(means):.1f},{spread:.1f}")
    return 0


if __name__ == "__main__":
    run_main(main)
