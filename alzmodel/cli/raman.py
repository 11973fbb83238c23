"""``alzmodel raman``: Raman spectra by bond polarizabilities."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from alzmodel.cli.curves import lay_over_measured, measured_curve
from alzmodel.cli.options import Comparison, Json, MaxAtoms, Source, command
from alzmodel.cli.options.vibrations import HarmonicOptions, Models, RamanFigure, RamanOptions
from alzmodel.cli.output import mark_provisional, print_json, print_table, say, show_progress
from alzmodel.cli.reading import refused_in
from alzmodel.cli.vibrations import (
    check_figure,
    chosen_calculator,
    harmonic_settings,
    minima,
    tell_vibration_cost,
)
from alzmodel.errors import InputError
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer
    from ase import Atoms

    from alzmodel.dynamics.bond_table import BondTable
    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.dynamics.raman import RamanParts
    from alzmodel.forcefields.calculators import NamedCalculator
    from alzmodel.results import Roles
    from alzmodel.scattering.xrd.data import Abscissa, MeasuredCurve

__all__ = ["register"]

PEAK_SHARE = 0.05
"""Of the highest point; lower maxima are not listed."""


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(raman))


def raman(
    files: Models,
    light: RamanOptions,
    options: HarmonicOptions,
    comparison: Comparison,
    source: Source,
    plot: RamanFigure = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Compute Raman spectra from bond polarizabilities: VV, VH and unpolarised, with a band for the table's ranges.

    Several files count as seeds of one glass and are averaged. Where the table is assumed, heights are no prediction.
    """
    work = _Work(light, options)
    check_figure(plot, "--plot")
    measured = _measured(comparison, light.background)
    models = minima(files, max_atoms, source)
    others = work.phases(max_atoms)
    tell_vibration_cost(files, models, work.settings)
    result = _result(files, models, others, work)
    lay_over_measured(
        result["raman"],
        measured,
        "shift",
        result["raman"]["unpolarised"],
        light.background,
        as_json,
        comparison,
        files=files,
    )
    if plot is not None:
        from alzmodel.report.vibration_figures import plot_raman

        plot_raman(result["raman"], plot)
    print_json(result) if as_json else _print(result)


def _measured(comparison: Comparison, background: int) -> MeasuredCurve | None:
    """Read the spectrum that is laid over, if there is one, and check what is to be done with it."""
    from alzmodel.dynamics.raman_data import FEWEST, read_raman
    from alzmodel.scattering.xrd.data import MeasuredCurve

    if comparison.against is None:
        return measured_curve(comparison, "k")
    if not -1 <= background <= 12:
        raise InputError(f"--background {background}: out of range; allowed: -1 (none) to 12")
    window = comparison.window
    if window is not None and not window[0] < window[1]:
        raise InputError(f"--window {window[0]:g} {window[1]:g}: does not rise; allowed: first and last")
    check_figure(comparison.figure)
    shift, intensity = read_raman(comparison.against)
    inside = 0 if window is None else int(np.sum((shift >= window[0]) & (shift <= window[1])))
    if window is not None and inside < FEWEST:
        raise InputError(
            f"--window {window[0]:g} {window[1]:g}: {inside} points of {comparison.against}; allowed: at least {FEWEST}"
        )
    return MeasuredCurve(shift, intensity, None, cast("Abscissa", "shift"), str(comparison.against))


class _Work:
    """What was asked for, checked."""

    def __init__(self, light: RamanOptions, options: HarmonicOptions) -> None:
        from alzmodel.dynamics.bond_table import load_bond_table
        from alzmodel.dynamics.raman import RamanSettings

        self.light = RamanSettings(temperature=light.temperature, laser=light.laser, reduced=light.reduced)
        self.settings: HarmonicSettings = harmonic_settings(options)
        self.calculator: NamedCalculator | None = chosen_calculator(options)
        self.table: BondTable = load_bond_table(light.bonds)
        self.seed = options.seed
        self.shares = dict(map(_share, light.phase or ()))
        if sum(self.shares.values()) >= 1:
            raise InputError(f"--phase: shares add up to {sum(self.shares.values()):g}; allowed: below 1")

    def phases(self, max_atoms: int) -> dict[str, Atoms]:
        """Models of the phases that are mixed in, at a minimum."""
        found = {}
        for name in self.shares:
            found[name] = minima([Path(name)], max_atoms)[0] if Path(name).is_file() else self._relaxed(name)
        return found

    def _relaxed(self, name: str) -> Atoms:
        from alzmodel.crystals import crystal
        from alzmodel.dynamics.symmetry import primitive_cell
        from alzmodel.forcefields.static import relax

        try:
            cell = crystal(name)
        except InputError as error:
            raise InputError(f"--phase {name}: no file, and {error}") from error
        if self.calculator is not None:
            raise InputError(
                f"--phase {name}: cannot be relaxed with --calculator; allowed: a file of its minimum"
            )
        try:
            return primitive_cell(relax(cell, potential=self.settings.potential).atoms)
        except InputError as error:
            raise InputError(f"--phase {name}: {error}") from error

    def parts(self, name: str, atoms: Atoms) -> RamanParts:
        """Activity of one model."""
        from alzmodel.crystals import is_crystal
        from alzmodel.dynamics.harmonic import harmonic
        from alzmodel.dynamics.raman import raman_parts
        from alzmodel.dynamics.symmetry import primitive_cell

        try:
            with show_progress(name) as progress:
                model = primitive_cell(atoms) if is_crystal(atoms) else atoms
                found = harmonic(
                    model, self.settings, calculator=self.calculator, source=name, progress=progress
                )
                return raman_parts(found, self.table, self.settings.resolution)
        except InputError as error:
            raise refused_in(name, error) from error


def _share(words: str) -> tuple[str, float]:
    name, sign, text = words.rpartition("=")
    try:
        share = float(text) if sign and name else float("nan")
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise InputError(
            f"--phase {words}: no name with its share; allowed: such as La2Zr2O7=0.2, above 0, below 1"
        )
    return name, share


def _result(
    files: Sequence[Path], models: list[Atoms], others: dict[str, Atoms], work: _Work
) -> dict[str, Any]:
    from alzmodel.combining import combine
    from alzmodel.dynamics.raman import mixture, raman_spectrum
    from alzmodel.results import roles_of

    phases = [work.parts(name, atoms) for name, atoms in others.items()]
    shares = list(work.shares.values())
    spectra = []
    for path, atoms in zip(files, models, strict=True):
        mixed = mixture([work.parts(str(path), atoms), *phases], [1 - sum(shares), *shares])
        spectrum = raman_spectrum(mixed, work.table, work.light, work.settings.resolution, seed=work.seed)
        spectra.append({"raman": spectrum.to_dict(), "peaks": _peaks(spectrum.shift, spectrum.unpolarised)})
        kinds = [pair for pair, _ in mixed.names]
        for element in sorted(set(atoms.get_chemical_symbols()) - {"O"}):
            if f"{element}-O" not in kinds:
                say(
                    f"alzmodel: {path}: {work.table.path} has no {element}-O: those bonds scatter no light here"
                )
    roles: Roles = {"raman": roles_of(type(spectrum)), "peaks": {"shift": "label"}}
    combined = combine(spectra, roles)
    if len(spectra) > 1:
        combined["peaks"] = _peaks(combined["raman"]["shift"], combined["raman"]["unpolarised"])
    combined |= {
        "potential": work.calculator.name if work.calculator else work.settings.potential,
        "resolution": work.settings.resolution,
        "temperature": work.light.temperature,
        "laser": work.light.laser,
        "reduced": work.light.reduced,
        "phases": work.shares,
        "bonds": {
            pair: {name: parameter.model_dump() for name, parameter in bond.items()}
            for pair, bond in work.table.bonds.items()
        },
        "assumed": list(work.table.assumed),
    }
    if work.table.assumed:
        say(
            f"alzmodel: {len(work.table.assumed)} numbers of {work.table.path} are assumed: heights of bands are no "
            "prediction"
        )
    mark_provisional(combined, [atoms.info.get("provenance") for atoms in [*models, *others.values()]])
    return combined


def _peaks(shift: Any, intensity: Any) -> list[dict[str, float]]:
    from scipy.signal import find_peaks

    x, y = np.asarray(shift), np.asarray(intensity)
    at, _ = find_peaks(y, height=PEAK_SHARE * y.max())
    return [{"shift": float(x[k]), "height": float(y[k])} for k in at]


def _print(result: dict[str, Any]) -> None:
    rows = [(peak["shift"], peak["height"]) for peak in result["peaks"]]
    print_table("maxima of the unpolarised spectrum", ("shift (cm⁻¹)", "height"), rows)
