"""Make the example data of docs/my-data.md: curves of one finished glass, with noise and a background of their own.

python scripts/make_example_data.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import alzmodel as am
from alzmodel.errors import run_main

FOLDER = Path(__file__).parents[1] / "docs" / "data"
MODEL = "x3-annealed-low-Tf-seed1"
NOTE = f"made from the model {MODEL} of alzmodel with noise: no measurement"


def main() -> int:
    """Write a powder pattern, a V(k) and a G(r) as text files."""
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(7)
    frames = am.library(MODEL)
    pattern = am.xrd(frames, wavelength=1.5406)
    angle = np.arange(15.0, 60.0, 0.05)
    counts = (
        400
        + 6 * (60 - angle)
        + 900 * np.interp(angle, pattern.two_theta, pattern.intensity) / max(pattern.intensity)
    )
    _write("gixrd.xy", "2theta_deg intensity_counts wavelength_A=1.5406", angle, rng.poisson(counts))
    fem = am.fem(frames, n_columns=2)
    V = 0.8 * fem.variance["omega"] * (1 + 0.02 * rng.standard_normal(len(fem.k)))
    _write("v_of_k.csv", "k_1/nm,V", fem.k, V, ",")
    rdf = am.pdf(frames, r_max=12.0)
    from alzmodel.scattering.totals import total_pdf

    total = total_pdf(rdf, "xray")
    G = 0.95 * total.G + 0.02 * rng.standard_normal(len(total.r))
    _write("g_of_r.gr", "r_A G_1/A2", total.r, G)
    return 0


def _write(name: str, heading: str, x: np.ndarray, y: np.ndarray, separator: str = " ") -> None:
    rows = [f"{a:.4f}{separator}{b:.5g}" for a, b in zip(x, y, strict=True)]
    head = heading if separator == "," else f"# {heading}"
    (FOLDER / name).write_text("\n".join([f"# {NOTE}", head, *rows]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_main(main)
