"""V(k) as computed and as recorded, the causes between them, and the mean pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alzmodel.report.drawing import GREY, PALE, draw, looks_of, width_bars
from alzmodel.scattering.fem.fit import TWO_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alzmodel.report.drawing import Columns
    from alzmodel.scattering.fem.recorded import Recorded
    from alzmodel.scattering.fem.variance import FEMResult

__all__ = ["plot_recorded"]


def plot_recorded(
    result: FEMResult,
    recorded: Recorded,
    path: str | Path,
    *,
    measured: Sequence[tuple[str, float, float]] = (),
) -> tuple[Path, ...]:
    """Draw the coherent and the recorded variance.

    Parameters
    ----------
    result
        The coherent one.
    recorded
        From :func:`alzmodel.scattering.fem.recorded.record_columns`.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.
    measured
        A few words, position and full width at half maximum in nm⁻¹ of measured peaks, drawn as bars.

    Raises
    ------
    InputError
        If the ending is none of the formats.

    Notes
    -----
    From top to bottom: the coherent V of a film of that thickness; V as recorded, with the range for mean free paths
    20 % shorter and longer, and the fit; each cause alone, over the coherent V; the mean pattern and its parts.
    """
    observed, fit = recorded.observed, recorded.fit
    causes = {
        name: values / observed.parts["coherent"]
        for name, values in observed.parts.items()
        if name != "coherent"
    }
    columns: Columns = {
        "k (1/nm)": observed.k,
        "V coherent": observed.parts["coherent"],
        "floor": result.floor,
        "V recorded": observed.variance,
        "V recorded, low": observed.variance_range.min(axis=1),
        "V recorded, high": observed.variance_range.max(axis=1),
        "mean intensity (Å²)": observed.mean_intensity,
    }
    columns |= {f"V, {name} alone, over coherent": values for name, values in causes.items()}
    columns |= {f"mean intensity, {name} (Å²)": values for name, values in observed.intensity_parts.items()}
    columns |= {"k (1/nm) fit": fit.k, "V fit": fit.curve, "V background of the fit": fit.background}

    def build(figure: Figure) -> None:
        figure.set_size_inches(5.6, 8.0)
        top, second, middle, bottom = figure.subplots(4, 1, sharex=True, height_ratios=[0.8, 1.2, 1, 1])
        _coherent(top, result, recorded)
        _recorded(second, recorded, measured)
        for panel, curves in ((middle, causes), (bottom, observed.intensity_parts)):
            looks = looks_of(curves)
            for name, values in curves.items():
                panel.plot(observed.k, values, label=name.replace("_", " "), **looks[name].line)
        middle.axhline(1, color=GREY, linewidth=0.5, zorder=0)
        middle.set(ylabel="V of one cause / coherent V", ylim=(0, None))
        bottom.plot(observed.k, observed.mean_intensity, color=PALE, linewidth=3.2, zorder=1.5, label="sum")
        bottom.set(xlabel="k = 1/d (nm⁻¹)", ylabel="⟨I⟩ per atom (Å²)", yscale="log")
        for panel in (middle, bottom):
            panel.margins(x=0)
            if panel.get_legend_handles_labels()[0]:
                panel.legend(loc="best", ncols=2)

    return draw(build, path, columns)


def _coherent(panel: Axes, result: FEMResult, recorded: Recorded) -> None:
    observed = recorded.observed
    panel.plot(observed.k, observed.parts["coherent"], color="#4fa7c4", label="coherent")
    panel.plot(
        observed.k, result.floor, color=GREY, linewidth=0.9, linestyle=(0, (1, 1)), label="no order, columns"
    )
    panel.set(ylabel="coherent V(k)", ylim=(0, None))
    panel.margins(x=0)
    panel.legend(loc="upper right")


def _recorded(panel: Axes, recorded: Recorded, measured: Sequence[tuple[str, float, float]]) -> None:
    observed, fit = recorded.observed, recorded.fit
    for low, high in TWO_WINDOWS.values():
        panel.axvspan(low, high, color="#eeeeee", linewidth=0, zorder=0)
    panel.plot(observed.k, observed.variance, color="#0b2f6b", label="as recorded")
    panel.fill_between(observed.k, *observed.variance_range.T, color="#0b2f6b", alpha=0.25, linewidth=0)
    if any(peak.significant for peak in fit.peaks):
        # Broad and pale below the curve, as in all figures: it hides nothing.
        panel.plot(fit.k, fit.curve, color=PALE, linewidth=3.2, zorder=1.5, label="fit")
        panel.plot(
            fit.k, fit.background, color="black", linewidth=0.7, linestyle=(0, (4, 2)), label="its background"
        )
    top = float(np.max(observed.variance))
    panel.set_ylim(0, top * (1.2 + 0.1 * len(measured)))
    width_bars(panel, measured, top * 1.05, top * 0.1)
    panel.set(ylabel="recorded V(k)")
    panel.margins(x=0)
    panel.legend(loc="lower center", ncols=3)
