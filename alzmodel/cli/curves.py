"""What the commands share that compute curves: reading of models, measured data beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import mark_provisional, print_table, say
from alzmodel.cli.reading import check_max_atoms, model_words, read_models, refused_in
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import check_writable
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from alzmodel.cli.costs import Cost
    from alzmodel.cli.options import Comparison, Source, TableOptions
    from alzmodel.results import Result
    from alzmodel.scattering.xrd.data import Abscissa, MeasuredCurve

__all__ = [
    "check_max_atoms",
    "check_positive",
    "each_file",
    "lay_over_measured",
    "measured_curve",
]


def measured_curve(
    comparison: Comparison,
    abscissa: Abscissa,
    table: TableOptions | None = None,
    *,
    wavelength: float | str | None = None,
    default_wavelength: float | None = None,
) -> MeasuredCurve | None:
    """Read the measured curve that is laid over, if there is one, and check what is to be done with it.

    `wavelength` is what the user says; `default_wavelength`, in Å, turns x where neither user nor file say one.
    """
    from alzmodel.scattering.curves.reader import read_curve
    from alzmodel.scattering.form_factors import spectrum_of

    path, window, figure = comparison.against, comparison.window, comparison.figure
    if path is None:
        alone = {
            "--figure": figure,
            "--window": window,
            "--x-unit": comparison.x_unit,
            "--columns": None if table is None else table.columns,
            "--scan": None if table is None else table.scan,
        }
        for name, value in alone.items():
            if value is not None:
                raise InputError(
                    f"{name} {value}: nothing measured to compare with; allowed: with --against DATA"
                )
        return None
    if window is not None and not window[0] < window[1]:
        raise InputError(f"--window {window[0]:g} {window[1]:g}: does not rise; allowed: first and last")
    if figure is not None:
        from alzmodel.report.drawing import FORMATS

        if figure.suffix not in FORMATS:
            raise InputError(f"--figure {figure}: ending {figure.suffix!r}; allowed: {', '.join(FORMATS)}")
        check_writable(figure)
    curve = read_curve(
        path,
        abscissa,
        x_unit=comparison.x_unit,
        columns=None if table is None else table.columns,
        scan=None if table is None else table.scan,
        wavelength=() if wavelength is None else [line for line, _ in spectrum_of(wavelength)],
        default_wavelength=default_wavelength,
    )
    for note in curve.notes:
        tell(note)
    return curve


def lay_over_measured(
    result: dict[str, Any],
    measured: MeasuredCurve | None,
    x: str,
    y: Any,
    background: int,
    as_json: bool,
    comparison: Comparison,
    *,
    ordinate: str | None = None,
    files: Sequence[Path] = (),
    control: tuple[str, Any] | None = None,
) -> None:
    """Add the key ``against``: the curve scaled onto the measured one, and how well they agree.

    The figure names the measured file and the models of `files`, and shows a `control` (its words, and a curve on the
    same abscissa) on the same scale.
    """
    if measured is None:
        return
    from alzmodel.scattering.xrd.data import lay_over

    agreement = lay_over(measured, result[x], y, background=background, window=comparison.window)
    result["against"] = agreement.to_dict()
    if comparison.figure is not None:
        from alzmodel.report.against_figure import plot_against

        parts = {}
        if control is not None:
            import numpy as np

            parts[control[0]] = agreement.scale * np.interp(agreement.x, result[x], control[1])
        words = " over ".join([Path(measured.source).name, *([model_words(files)] if files else [])])
        plot_against(result["against"], x, comparison.figure, ordinate=ordinate, parts=parts, words=words)
    if not as_json:
        rows = [
            ("scale", agreement.scale),
            ("Rwp", agreement.rwp),
            ("Rwp, background subtracted", agreement.rwp_background),
            ("correlation", agreement.correlation),
            ("points", len(agreement.x)),
        ]
        print_table("against the measured curve", ("", "value"), rows)


def each_file(
    files: Sequence[Path],
    analyse: Callable[[list[Atoms]], Result],
    *,
    max_atoms: int = MAX_ATOMS,
    cost: Callable[[list[Atoms]], Cost] | None = None,
    source: Source | None = None,
    mixed: bool = False,
) -> dict[str, Any]:
    """Analyse the frames of every file; several files give means and spreads.

    `source` says what is read of each, `mixed` whether sites may be held in part. Before work begins that by `cost` is
    long or needs much memory, its time and memory are told; what needs more memory than is there is refused.
    """
    from alzmodel.combining import combine

    models = [read_models(path, max_atoms=max_atoms, source=source, mixed=mixed) for path in files]
    if cost is not None:
        tell_cost(files, [cost(frames) for frames in models], sum(len(frames[0]) for frames in models))
    results = []
    for path, frames in zip(files, models, strict=True):
        try:
            results.append(analyse(frames))
        except InputError as error:
            raise refused_in(path, error) from error
    combined = combine(results)
    mark_provisional(combined, [frames[0].info.get("provenance") for frames in models])
    return combined


def tell_cost(files: Sequence[Path], costs: Sequence[Cost], n_atoms: int) -> None:
    """Say what work will take that is long or needs much memory, and refuse what needs more memory than is there."""
    from alzmodel.limits import check_memory, forecast

    name = files[0] if len(files) == 1 else f"{len(files)} files"
    need = max(one.memory for one in costs)
    check_memory(f"{name}: {n_atoms} atoms", need)
    words = forecast(f"{name}: {n_atoms} atoms", sum(one.seconds for one in costs), need)
    if words is not None:
        say(f"alzmodel: {words}")


def check_positive(name: str, value: float, largest: float) -> None:
    """Refuse a number that is not above zero and at most `largest`."""
    if not 0 < value <= largest:
        raise InputError(f"{name} {value:g}: out of range; allowed: above 0, up to {largest:g}")
