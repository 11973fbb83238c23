"""A posterior in one figure: each number by itself on the diagonal, each pair below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.report.drawing import GREY, draw, require

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from alzmodel.compare.posterior import Posterior

__all__ = ["plot_posterior"]

_WORDS: Final = {
    "diameter": "diameter",
    "fraction": "fraction",
    "disorder": "disorder",
    "displacement": "rms displ.",
    "lattice_parameter": "lattice",
    "film": "film",
    "background": "background β",
    "thickness_spread": "σ of thickness",
}
_BINS: Final = 20


def plot_posterior(posterior: Posterior, path: str | Path) -> tuple[Path, ...]:
    """Draw the samples of a posterior against each other.

    Parameters
    ----------
    posterior
        From :func:`alzmodel.compare.posterior.sample`.
    path
        As for :func:`alzmodel.report.figures.plot_pdf`.

    Raises
    ------
    InputError
        If there are no samples.

    Notes
    -----
    Panels span the prior, on the scale on which it is even; the grey line on the diagonal is the prior itself. Darker
    is more likely.
    """
    require(list(posterior.coordinates), "posterior")
    values = posterior.values()
    count = len(posterior.names)

    def build(figure: Figure) -> None:
        figure.set_size_inches(1.0 * count + 0.6, 1.0 * count + 0.6)
        panels = figure.subplots(count, count, squeeze=False)
        for row in range(count):
            for column in range(count):
                panel = panels[row, column]
                if column > row:
                    panel.set_axis_off()
                    continue
                ends = posterior.ends
                x = posterior.coordinates[:, column]
                if row == column:
                    panel.hist(x, bins=_BINS, range=tuple(ends[column]), density=True, color="#0b2f6b")
                    panel.axhline(1 / (ends[column, 1] - ends[column, 0]), color=GREY, linewidth=0.8)
                    panel.set_yticks([])
                else:
                    panel.hist2d(
                        x,
                        posterior.coordinates[:, row],
                        bins=_BINS,
                        range=(ends[column], ends[row]),
                        cmap="Greys",
                    )
                    panel.set_ylim(*ends[row])
                panel.set_xlim(*ends[column])
                _ticks(panel.xaxis, posterior, column, shown=row == count - 1)
                if row != column:
                    _ticks(panel.yaxis, posterior, row, shown=column == 0)

    return draw(build, path, {name: values[:, n] for n, name in enumerate(posterior.names)})


def _ticks(axis: object, posterior: Posterior, number: int, *, shown: bool) -> None:
    """Put ends and middle of the prior as ticks in the unit of the number."""
    parameter, (low, high) = posterior.parameters[number], posterior.ends[number]
    places = np.array([low, 0.5 * (low + high), high])
    labels = [f"{float(parameter.value(place)):.3g}" for place in places] if shown else []
    axis.set_ticks(places, labels or [""] * 3, fontsize=5, rotation=45)  # type: ignore[attr-defined]
    if shown:
        name = posterior.names[number]
        film, _, bare = name.rpartition(" ")
        unit = f" ({parameter.unit})" if parameter.unit else ""
        axis.set_label_text(f"{film} {_WORDS[bare]}{unit}".strip(), fontsize=6)  # type: ignore[attr-defined]
