"""Figures of vibrations: parity of crystals."""

from __future__ import annotations

import pytest

from alzmodel.report.vibration_figures import MOST_INSIDE, plot_parity


@pytest.mark.parametrize("n", [MOST_INSIDE, MOST_INSIDE + 1])
def test_every_label_of_a_parity_plot_stands_in_it(tmp_path, n):
    """Few labels stand inside, many below; the table holds every number in either case."""
    rows = [
        {"label": f"potential {k}", "reference": [110.0, 410.0], "computed": [93.0 + k, 441.0]}
        for k in range(n)
    ]
    plot_parity(rows, tmp_path / "parity")
    picture = (tmp_path / "parity.svg").read_text(encoding="utf-8")
    assert all(f"potential {k}" in picture for k in range(n))
    lines = (tmp_path / "parity.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].count("computed (cm⁻¹)") == n
    assert len(lines) == 3
