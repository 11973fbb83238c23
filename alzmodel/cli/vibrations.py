"""``alzmodel vibrations``: densities of states, modes of building units, modes of crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.curves import check_max_atoms, tell_cost
from alzmodel.cli.options import Json, MaxAtoms, Source, command
from alzmodel.cli.options.vibrations import (
    HarmonicOptions,
    Models,
    TrajectoryOptions,
    VibrationFigure,
)
from alzmodel.cli.output import mark_provisional, print_json, print_table, say, show_progress
from alzmodel.cli.reading import read_models, refused_in
from alzmodel.errors import InputError
from alzmodel.io import check_writable, parse_json, read_frames
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.forcefields.calculators import NamedCalculator

__all__ = [
    "check_figure",
    "chosen_calculator",
    "harmonic_settings",
    "minima",
    "register",
    "tell_vibration_cost",
]


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(vibrations))


def vibrations(
    files: Models,
    options: HarmonicOptions,
    moving: TrajectoryOptions,
    source: Source,
    units: Annotated[bool, typer.Option(help="Look at the building units of oxides.")] = True,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="Lay the potential's Raman modes of La2Zr2O7 and La2O3 beside known lines."
        ),
    ] = False,
    figure: VibrationFigure = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Vibrations of models at a minimum: densities of states, building units, and the modes of crystals.

    The calculation is harmonic, at 0 K. Models of the library lie at a minimum ('alzmodel library NAME -o F'). Relax
    frames at 300 K with 'alzmodel refine' first.
    """
    check_figure(figure)
    settings, calculator = harmonic_settings(options), chosen_calculator(options)
    models = minima(files, max_atoms, source)
    frames = _frames(models, moving, max_atoms)
    tell_vibration_cost(files, models, settings)
    result = _results(files, models, settings, calculator, units=units, seed=options.seed)
    _add_velocities(result, frames, moving.frame_time)
    _add_calibration(result, settings, calculator, wanted=calibrate)
    if figure is not None:
        from alzmodel.report.vibration_figures import plot_densities

        plot_densities(result, figure)
    print_json(result) if as_json else _print(result)


def _frames(models: list[Atoms], moving: TrajectoryOptions, max_atoms: int) -> list[Atoms] | None:
    """Read the trajectory that is laid beside, if there is one."""
    path = moving.trajectory
    if (path is None) != (moving.frame_time is None):
        raise InputError("--trajectory, --frame-time: one without the other; allowed: both or none")
    if path is None:
        return None
    if len(models) > 1:
        raise InputError(f"--trajectory {path}: {len(models)} models; allowed: with one model")
    frames = read_frames(path, max_atoms=max_atoms)
    if sorted(frames[0].numbers) != sorted(models[0].numbers):
        raise InputError(
            f"{path}: {frames[0].symbols}, the model {models[0].symbols}; allowed: the same atoms"
        )
    return frames


def _add_velocities(result: dict[str, Any], frames: list[Atoms] | None, frame_time: float | None) -> None:
    """Add the key ``velocities``: the density of states of a trajectory and its overlap with the harmonic one."""
    if frames is None or frame_time is None:
        return
    from alzmodel.dynamics.velocities import velocity_spectrum

    density = result["vdos"]
    found = velocity_spectrum(frames, frame_time, density["grid"], density["total"], result["resolution"])
    result["velocities"] = found.to_dict()


def _add_calibration(
    result: dict[str, Any], settings: HarmonicSettings, calculator: NamedCalculator | None, *, wanted: bool
) -> None:
    """Add the key ``calibration``: how far the potential misses known lines, and how stiff it makes Zr–O."""
    if not wanted:
        return
    from alzmodel.dynamics.calibration import calibrate, stretch_stiffness

    with show_progress("reference crystals") as progress:
        found = calibrate(settings.potential, calculator=calculator, progress=progress)
    result["calibration"] = {
        "stretch_stiffness": stretch_stiffness(found),
        "phases": [one.to_dict() for one in found],
    }


def check_figure(figure: Path | None, option: str = "--figure") -> None:
    """Refuse a figure that cannot be written; `option` is what asks for it."""
    if figure is None:
        return
    from alzmodel.report.drawing import FORMATS

    if figure.suffix not in FORMATS:
        raise InputError(f"{option} {figure}: ending {figure.suffix!r}; allowed: {', '.join(FORMATS)}")
    check_writable(figure)


def harmonic_settings(options: HarmonicOptions) -> HarmonicSettings:
    """Check the options, and return the settings that they stand for."""
    from alzmodel.dynamics.harmonic import HarmonicSettings

    masses = {}
    for words in options.mass or ():
        element, sign, value = words.partition("=")
        try:
            masses[element] = float(value) if sign else float("nan")
        except ValueError:
            masses[element] = float("nan")
        if not masses[element] > 0:
            raise InputError(f"--mass {words}: no element with its mass in u; allowed: such as Li=6.015")
    return HarmonicSettings(
        potential=options.potential,
        coulomb=options.coulomb.value,
        method=options.method.value,
        resolution=options.resolution,
        masses=masses,
    )


def chosen_calculator(options: HarmonicOptions) -> NamedCalculator | None:
    """Return the calculator of the options; None where a pair potential does it in closed form."""
    if options.calculator is None:
        if options.parameters is not None:
            raise InputError(f"--parameters {options.parameters}: no calculator; allowed: with --calculator")
        return None
    from alzmodel.forcefields.calculators import calculator_of

    try:
        keywords = parse_json(options.parameters or "{}")
    except ValueError as error:
        raise InputError(
            f"--parameters {options.parameters}: no JSON ({error}); allowed: an object"
        ) from error
    if not isinstance(keywords, dict):
        raise InputError(f"--parameters {options.parameters}: is no object; allowed: '{{\"name\": value}}'")
    return calculator_of(options.calculator, keywords)


def minima(files: Sequence[Path], max_atoms: int, source: Source | None = None) -> list[Atoms]:
    """Read one model of each file, of one composition; `source` says which frame, and what a file leaves out."""
    from alzmodel.dynamics.harmonic import single_model
    from alzmodel.dynamics.transport import check_one_composition

    check_max_atoms(max_atoms)
    models = []
    for path in files:
        frames = read_models(path, max_atoms=max_atoms, source=source)
        try:
            models.append(single_model(frames))
        except InputError as error:
            raise refused_in(path, error) from error
    check_one_composition(
        [(str(path), atoms.get_chemical_symbols()) for path, atoms in zip(files, models, strict=True)]
    )
    return models


def tell_vibration_cost(files: Sequence[Path], models: list[Atoms], settings: HarmonicSettings) -> None:
    """Say what will take long, and refuse what needs more memory than is there."""
    from alzmodel.cli.costs import vibration_cost

    costs = [vibration_cost(len(atoms), settings) for atoms in models]
    tell_cost(files, costs, sum(map(len, models)))


def _results(
    files: Sequence[Path],
    models: list[Atoms],
    settings: HarmonicSettings,
    calculator: NamedCalculator | None,
    *,
    units: bool,
    seed: int,
) -> dict[str, Any]:
    from alzmodel.combining import combine
    from alzmodel.dynamics.vibrations import vibrations as analyse

    results = []
    for path, atoms in zip(files, models, strict=True):
        try:
            with show_progress(path.name) as progress:
                found = analyse(
                    atoms,
                    settings,
                    calculator=calculator,
                    units=units,
                    seed=seed,
                    source=str(path),
                    progress=progress,
                )
        except InputError as error:
            raise refused_in(path, error) from error
        for note in found.notes:
            say(f"alzmodel: {path}: {note}")
        results.append(found)
    combined = combine(results)
    mark_provisional(combined, [atoms.info.get("provenance") for atoms in models])
    return combined


def _print(result: dict[str, Any]) -> None:
    if result["units"]:
        rows = [(name, unit["n"], unit["rms_cm"], unit["sd_units"]) for name, unit in result["units"].items()]
        print_table("symmetry coordinates of units", ("unit", "n", "rms (cm⁻¹)", "sd of units (cm⁻¹)"), rows)
    if result.get("modes"):
        shown = [
            (
                mode["irrep"] or "–",
                mode["cm"],
                mode["degeneracy"],
                "yes" if mode["raman"] else "no",
                "yes" if mode["ir"] else "no",
            )
            for mode in result["modes"]
        ]
        print_table(
            "modes at Γ of the primitive cell", ("irrep", "ν (cm⁻¹)", "modes", "Raman", "infrared"), shown
        )
    about = [
        ("potential", result["potential"]),
        ("derivatives", result["derivatives"]),
        ("method", result["method"]),
        ("largest force (eV/Å)", result["max_force"]),
        ("imaginary modes", len(result["imaginary"])),
    ]
    for one in result.get("calibration", {}).get("phases", ()):
        lines = zip(one["irreps"], one["reference"], one["computed"], strict=True)
        unstable = f", {one['unstable']} imaginary modes" if one["unstable"] else ""
        print_table(
            f"{one['phase']}, rms {one['rms_cm']:.0f} cm⁻¹, against: {one['kind']}{unstable}",
            ("irrep", "reference (cm⁻¹)", "computed (cm⁻¹)"),
            list(lines),
        )
    if "velocities" in result:
        moving = result["velocities"]
        about += [
            ("frames", moving["n_frames"]),
            ("their temperature (K)", moving["temperature"]),
            ("their overlap", moving["overlap"]),
        ]
    print_table("vibrations", ("", "value"), about)
