"""Make the table of incoherent scattering functions that alzmodel/scattering/fem ships.

The values are those of xraylib (BSD licence), function ``SF_Compt``, which holds the tables of J. H. Hubbell,
W. J. Veigele, E. A. Briggs, R. T. Brown, D. T. Cromer and R. J. Howerton, J. Phys. Chem. Ref. Data 4 (1975) 471, as
D. E. Cullen, J. H. Hubbell and L. Kissel extended them (EPDL97, UCRL-50400 vol. 6, 1997).

    pip install xraylib && python scripts/make_incoherent_table.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from alzmodel.errors import run_main

TABLE = Path(__file__).parents[1] / "alzmodel" / "scattering" / "fem" / "incoherent_hubbell_1975.csv"
GRID = np.unique(np.concatenate([[0.0], np.geomspace(0.005, 6.0, 60).round(5)]))
"""Å⁻¹, sin θ/λ."""

HEAD = """\
# Incoherent scattering functions S_inc(x) of neutral atoms in electrons, x = sin(theta)/lambda = k/2 in 1/A, k = 1/d.
# Source: J. H. Hubbell et al., J. Phys. Chem. Ref. Data 4 (1975) 471, extended by D. E. Cullen, J. H. Hubbell and
# L. Kissel, EPDL97, UCRL-50400 vol. 6 (1997); values of xraylib {version} (BSD licence), made by
# scripts/make_incoherent_table.py
"""


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=TABLE, help="where to write it")
    arguments = parser.parse_args()
    import xraylib

    lines = ["element," + ",".join(f"{x:g}" for x in GRID)]
    for number in range(1, 99):
        values = [0.0, *(xraylib.SF_Compt(number, float(x)) for x in GRID[1:])]
        lines.append(
            f"{xraylib.AtomicNumberToSymbol(number)}," + ",".join(f"{value:.5g}" for value in values)
        )
    head = HEAD.format(version=xraylib.__version__)
    arguments.output.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    run_main(main)
