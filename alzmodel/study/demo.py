"""The page of the library's glasses: from numbers and curves that come with the package, without any simulation."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from alzmodel.compare.by_potential import judge_by_potential
from alzmodel.compare.comparison import compare_models
from alzmodel.compare.findings import findings
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.marks import fem_marks, fem_windows, xrd_marks
from alzmodel.compare.measured import load_measured
from alzmodel.compare.rivals import rival_rows
from alzmodel.compare.verdicts import VerdictWord
from alzmodel.errors import InputError
from alzmodel.io import check_writable
from alzmodel.models.library import library, load_model
from alzmodel.report.comparison_figure import plot_comparison
from alzmodel.report.figures import plot_fem, plot_totals, plot_xrd
from alzmodel.report.opening import Opening
from alzmodel.report.page import Page, PageFigure, write_page
from alzmodel.report.table import models_rows
from alzmodel.report.viewer import atom_budget, model_view
from alzmodel.study.against import AGAINST_FIGURES, draw_over, measured_curves
from alzmodel.study.basis import library_results
from alzmodel.study.index import quantities_of
from alzmodel.study.library_curves import library_curves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.models.library import LibraryModel
    from alzmodel.report.overlay import LaidCurve
    from alzmodel.report.viewer import ModelView
    from alzmodel.scattering.xrd.data import MeasuredCurve

__all__ = ["write_demo"]

SHOWN = ("annealed-low-Tf", 1)
"""Protocol and seed of the models that are drawn: one of each composition."""


def write_demo(
    path: str | Path, *, measured: str | Path | None = None, against: Sequence[str] | None = None
) -> Path:
    """Write one HTML page of the glasses of the library.

    Parameters
    ----------
    path
        The page.
    measured
        File of measured values; by default those of Zhu et al. (2024).
    against
        Measured curves to be drawn over the models, each as ``KIND=FILE``: fem (V(k)), xrd, pdf (G(r)).

    Raises
    ------
    InputError
        If the page cannot be written, a file cannot be used, or the package has no results of the library.
    """
    check_writable(path)
    results, curves = library_results(), library_curves()
    if results is None or curves is None:
        raise InputError(
            "demo: no results of the library in this installation; allowed: a whole installation"
        )
    values = load_measured(measured)
    own = measured_curves(against, curves.wavelength)
    claims = load_hypotheses(None)
    quantities = quantities_of([{"value": None, **row} for row in results.rows])
    verdicts = judge_by_potential(quantities, claims, made_with=results.potential)
    rows = compare_models(quantities, values)
    counted = Counter(verdict.verdict for verdict in verdicts)
    glasses = [one for one in library() if one.name in results.sha256]
    laid = curves.laid()
    with tempfile.TemporaryDirectory() as folder:
        page = Page(
            title="Finished glasses that come with alzmodel",
            opening=Opening(
                modelled=_modelled(glasses),
                counts={word: counted[word] for word in get_args(VerdictWord) if counted[word]},
                judged_by=f"Verdicts rest on these {len(glasses)} glasses.",
                findings=tuple(findings(verdicts)),
                go_on="'alzmodel run' builds fresh glasses and makes such a page of them",
            ),
            verdicts=verdicts,
            rows=rows,
            measured=values,
            rivals=rival_rows(quantities, claims),
            figures=[*_own_figures(laid, own, Path(folder)), *_figures(laid, rows, values, Path(folder))],
            models=list(_views(glasses, curves.cutoffs)),
            numbers=models_rows(quantities),
            curves=laid,
            wavelength=curves.wavelength,
            provenance={"versions of the analyses": results.stages, "digests of the models": results.sha256},
        )
        return write_page(path, page)


def _modelled(glasses: Sequence[LibraryModel]) -> tuple[str, ...]:
    contents = ", ".join(f"{x:g}" for x in sorted({one.la for one in glasses}))
    sizes = sorted(one.n_atoms for one in glasses)
    protocols = ", ".join(sorted({one.protocol for one in glasses}))
    potentials = ", ".join(sorted({one.potential for one in glasses}))
    return (
        f"Finished glasses Li7LaxZr2O(12-d) at x = {contents}; nothing was simulated for this page.",
        f"{len(glasses)} glasses of {sizes[0]} to {sizes[-1]} atoms, protocols {protocols}, potential {potentials}.",
    )


def _own_figures(
    laid: Sequence[LaidCurve], own: Mapping[str, MeasuredCurve], folder: Path
) -> Iterator[PageFigure]:
    for kind, curve in own.items():
        name, shown = f"against_{kind}", AGAINST_FIGURES[f"against_{kind}"]
        for ending in (".svg", ".csv"):
            draw_over(kind, curve, laid, folder / f"{name}{ending}", "the glasses of the library")
        yield PageFigure(shown.title, shown.caption, folder / f"{name}.svg", folder / f"{name}.csv")


def _figures(
    laid: Sequence[LaidCurve], rows: Sequence[Comparison], values: Measured, folder: Path
) -> Iterator[PageFigure]:
    def of(words: str) -> dict[str, LaidCurve]:
        return {one.label.removeprefix("library, "): one for one in laid if words in one.label}

    def made(name: str, title: str, caption: str) -> PageFigure:
        return PageFigure(title, caption, folder / f"{name}.svg", folder / f"{name}.csv")

    gas = next(iter(of("random gas").values()))
    _drawn(
        plot_fem,
        {
            label: {"k": one.x, "variance": one.y, "variance_std": one.spread}
            for label, one in of("ideal").items()
        }
        | {"random gas": {"k": gas.x, "variance": gas.y}},
        folder / "fem_glass",
        controls=["random gas"],
        measured_lines=fem_marks(values),
        windows=fem_windows(values),
    )
    yield made(
        "fem_glass",
        "FEM of the glasses",
        "Predicted, 50 Å thick, ideal microscope; the band is the standard deviation over models. What does not stand "
        "above the random gas is no order. Grey: windows of the published fits.",
    )
    patterns = {one.label.removeprefix("library, "): one for one in laid if one.kind == "xrd"}
    wavelength = 1.5406
    _drawn(
        plot_xrd,
        {
            label: {"two_theta": one.x, "intensity": one.y, "intensity_std": one.spread}
            for label, one in patterns.items()
        },
        folder / "xrd",
        measured_lines=xrd_marks(values, wavelength),
        wavelength=wavelength,
    )
    yield made(
        "xrd",
        "X-ray powder patterns of the glasses",
        "Predicted. Dashed: lines of the measured films. Bands: standard deviation over models.",
    )
    _drawn(
        plot_totals, {label: {"r": one.x, "G": one.y} for label, one in of("X-rays").items()}, folder / "pdf"
    )
    yield made("pdf", "Total pair distribution functions", "As X-rays weigh the pairs; frames at 300 K.")
    _drawn(plot_comparison, rows, folder / "comparison")
    yield made(
        "comparison",
        "Measured and modelled over the La content",
        "Open symbols: assumed, they support nothing. Bars: one standard deviation, of the measurement and over "
        "models.",
    )


def _drawn(plot: Callable[..., object], content: Any, path: Path, **how: Any) -> None:
    """Draw for the page alone, without a picture in pixels."""
    for ending in (".svg", ".csv"):
        plot(content, path.with_name(path.name + ending), **how)


def _views(
    glasses: Sequence[LibraryModel], cutoffs: Mapping[str, Mapping[str, float]]
) -> Iterator[ModelView]:
    shown = [one for one in glasses if (one.protocol, one.seed) == SHOWN]
    for entry in shown:
        note = f"{entry.formula}, {entry.n_atoms} atoms, {entry.protocol}, {entry.potential}."
        yield model_view(
            load_model(entry),
            entry.name,
            cutoffs=cutoffs[entry.name],
            most=atom_budget(len(shown)),
            note=note,
        )
