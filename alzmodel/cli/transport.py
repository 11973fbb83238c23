"""``alzmodel transport``: how fast ions move, and what that makes the conductivity."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

import typer

from alzmodel.cli.curves import check_max_atoms
from alzmodel.cli.options import Json, MaxAtoms, Source, command
from alzmodel.cli.options.transport import DynamicsOptions, Output, TransportFiles, TransportOptions
from alzmodel.cli.output import mark_provisional, print_json, print_table, say, show_progress
from alzmodel.cli.reading import read_models, reading_of
from alzmodel.errors import InputError, InterruptionError
from alzmodel.limits import forecast
from alzmodel.progress import part_of
from alzmodel.reading import MAX_ATOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.dynamics.transport import TemperatureTransport, Transport
    from alzmodel.dynamics.transport_run import DynamicsRun

    Found: TypeAlias = tuple[dict[str, Any], Transport]
    """What was computed with, and what came out."""

__all__ = ["register"]

TEMPERATURES = "600,700,800,900,1000"
NO_GLASS_ABOVE = 1000.0
"""K; La diffuses too."""


def register(app: typer.Typer) -> None:
    """Add ``transport`` to the command tree."""
    app.command()(command(transport))


def transport(
    files: TransportFiles,
    options: TransportOptions,
    dynamics: DynamicsOptions,
    source: Source,
    output: Output = None,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Compute how fast ions diffuse and conduct, with errors from blocks of time, ions and seeds.

    LAMMPS moves the models; the same command resumes. With --frame-time F are trajectories of any program. Where the
    motion is not diffusive there is no coefficient, and the output says so.
    """
    from alzmodel.dynamics.transport_folder import check_transport_folder, write_transport

    check_max_atoms(max_atoms)
    if options.kinisi:
        from alzmodel.dynamics.kinisi_engine import check_kinisi

        check_kinisi()
    if output is not None:
        check_transport_folder(output)
    if options.frame_time is None:
        found = _of_models(files, options, dynamics, source, output, max_atoms)
    else:
        found = _of_trajectories(files, options, dynamics, source, max_atoms)
    if output is not None:
        write_transport(found, output)
        _draw(found, output)
    _show(found, as_json=as_json)


def _draw(found: Sequence[Found], output: Path) -> None:
    from alzmodel.report.transport_figure import plot_transport

    for about, one in found:
        name = f"transport-{about['potential']['name']}" if about else "transport"
        plot_transport(one, output / name)
    say(f"alzmodel: results and figures in {output}")


def _show(found: Sequence[Found], *, as_json: bool) -> None:
    from alzmodel.dynamics.transport_folder import payload_of

    if as_json:
        print_json(payload_of(found))
        return
    for about, one in found:
        _print(about, one)


def _of_models(
    files: Sequence[Path],
    options: TransportOptions,
    dynamics: DynamicsOptions,
    source: Source,
    output: Path | None,
    max_atoms: int,
) -> list[Found]:
    from alzmodel.composition import ion_labels
    from alzmodel.dynamics.transport import transport_of
    from alzmodel.dynamics.transport_run import run_dynamics
    from alzmodel.forcefields.potentials import potential as potential_of

    if output is None:
        raise InputError("-o: missing; allowed: a folder for the runs, or --frame-time if F are trajectories")
    runs = _runs(files, options, dynamics, source, max_atoms)
    if dynamics.dry_run:
        _print_plan(runs)
        raise typer.Exit
    words = forecast(f"{len(runs)} runs, one after the other", sum(run.seconds() for run in runs))
    if words is not None:
        say(f"alzmodel: {words} at most")
    moved = []
    try:
        with show_progress("transport") as progress:
            for number, run in enumerate(runs):
                moved.append(run_dynamics(run, output, part_of(progress, number, len(runs))))
    except KeyboardInterrupt as error:
        raise InterruptionError(f"interrupted; the same command goes on from {output}") from error
    found = []
    for potential in dict.fromkeys(run.potential for run in runs):
        same = [
            (trajectory, run.temperature)
            for run, trajectory in zip(runs, moved, strict=True)
            if run.potential == potential
        ]
        used = potential_of(potential).provenance(ion_labels(runs[0].atoms))
        about: dict[str, Any] = {"potential": used, "coulomb": dynamics.coulomb.value}
        mark_provisional(about, about)
        found.append((about, transport_of(same, options.ion, kinisi=options.kinisi)))
    return found


def _runs(
    files: Sequence[Path],
    options: TransportOptions,
    dynamics: DynamicsOptions,
    source: Source,
    max_atoms: int,
) -> list[DynamicsRun]:
    """Check everything, before any work."""
    from alzmodel.dynamics.transport import check_one_composition
    from alzmodel.dynamics.transport_run import DynamicsRun, DynamicsSettings, check_run

    kelvin = sorted(set(_kelvin(options.temperatures or TEMPERATURES)))
    settings = DynamicsSettings(
        time=_time(dynamics.time),
        max_time=dynamics.max_time,
        coulomb=dynamics.coulomb.value,
        equilibration=dynamics.equilibration,
        seed=dynamics.seed,
        ranks=dynamics.ranks,
    )
    models = [(path, _one_model(path, source, max_atoms)) for path in files]
    check_one_composition([(str(path), atoms.get_chemical_symbols()) for path, atoms in models])
    runs = [
        DynamicsRun(atoms, path.stem, one, potential, options.ion, settings)
        for potential in dict.fromkeys(dynamics.potential or ["du-teter"])
        for path, atoms in models
        for one in kelvin
    ]
    for run in runs:
        check_run(run)
    _check_unlike(runs)
    if kelvin[-1] > NO_GLASS_ABOVE:
        say(f"alzmodel: above {NO_GLASS_ABOVE:g} K La itself moves in these glasses: they are none there")
    return runs


def _check_unlike(runs: Sequence[DynamicsRun]) -> None:
    """Refuse one model under two names: it would be counted as two that are independent."""
    known: dict[str, str] = {}
    for run in runs:
        identity = json.dumps(run.identity(), sort_keys=True)
        if identity in known:
            raise InputError(
                f"{run.name}: the same model as {known[identity]}; allowed: models that are independent"
            )
        known[identity] = run.name


def _one_model(path: Path, source: Source, max_atoms: int) -> Atoms:
    frames = read_models(path, max_atoms=max_atoms, source=source)
    if len(frames) > 1:
        raise InputError(
            f"{path}: holds {len(frames)} frames; allowed: one model (--frames last), or with --frame-time a trajectory"
        )
    return frames[0]


def _time(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--time {text}; allowed: auto, or ps") from None


def _print_plan(runs: Sequence[DynamicsRun]) -> None:
    rows = [(run.name, len(run.atoms), run.potential, run.temperature, run.seconds()) for run in runs]
    print_table("plan", ("model", "atoms", "potential", "T (K)", "CPU-seconds at most"), rows)
    say(f"alzmodel: {len(runs)} runs, at most {sum(row[-1] for row in rows) / 60:.0f} CPU-minutes in all")


def _of_trajectories(
    files: Sequence[Path],
    options: TransportOptions,
    dynamics: DynamicsOptions,
    source: Source,
    max_atoms: int,
) -> list[Found]:
    from alzmodel.dynamics.trajectory import check_frame_time, read_trajectory
    from alzmodel.dynamics.transport import transport_of

    changed = [one.name for one in fields(dynamics) if getattr(dynamics, one.name) != one.default]
    if changed:
        name = changed[0].replace("_", "-")
        raise InputError(f"--{name}: with --frame-time, F have been moved already; allowed: one of the two")
    if source.order is not None:
        raise InputError(f"--order {source.order}: F have been moved already; allowed: without --frame-time")
    frame_time, reading = options.frame_time or 0.0, reading_of(source)
    check_frame_time(frame_time)
    temperatures = _temperatures(options.temperatures, len(files))
    runs = []
    with show_progress("transport") as progress:
        for number, (path, temperature) in enumerate(zip(files, temperatures, strict=True)):
            progress(number / len(files), str(path))
            runs.append(
                (read_trajectory(path, frame_time, max_atoms=max_atoms, reading=reading), temperature)
            )
    return [({}, transport_of(runs, options.ion, kinisi=options.kinisi))]


def _temperatures(text: str | None, n_files: int) -> list[float]:
    """One for each file; NaN if none was said."""
    if text is None:
        return [math.nan] * n_files
    found = _kelvin(text)
    if len(found) not in {1, n_files}:
        raise InputError(
            f"--temperatures {text}: {len(found)} for {n_files} trajectories; allowed: one, or one for each"
        )
    return found * n_files if len(found) == 1 else found


def _kelvin(text: str) -> list[float]:
    words = [word.strip() for word in text.split(",")]
    try:
        found = [float(word) for word in words]
    except ValueError:
        found = [math.nan]
    if not all(1 <= one <= 10_000 for one in found):
        raise InputError(
            f"--temperatures {text}: allowed: numbers from 1 to 10000 K with commas between, such as 800,900"
        )
    return found


def _print(about: dict[str, Any], found: Transport) -> None:
    mobile = found.temperatures[0].mobile
    words = f", {about['potential']['name']}, {about['coulomb']}" if about else ""
    # In 10⁻⁶ cm²/s; wider words would be folded where the table is piped.
    heads = (
        "T (K)",
        "runs",
        "ps",
        "MSD (Å²)",
        "slope",
        "D (1e-6)",
        "95 %",
        "± blocks",
        "ions",
        "seeds",
        "Haven",
        "σ (S/cm)",
    )
    print_table(
        f"transport of {mobile}{words}: D in 1e-6 cm²/s, conductivity by Nernst and Einstein",
        heads,
        [_row(one) for one in found.temperatures],
    )
    _print_jumps(found)
    for one in found.temperatures:
        at = "" if math.isnan(one.temperature) else f"{one.temperature:g} K: "
        if one.reason:
            say(f"alzmodel: {at}{one.reason}")
        elif one.haven_reason:
            say(f"alzmodel: {at}no Haven ratio: {one.haven_reason}")
        if one.kinisi is not None:
            low, high = (1e6 * end for end in one.kinisi.ci95)
            say(
                f"alzmodel: {at}D by kinisi: {1e6 * one.kinisi.value:.3g} ({low:.3g} to {high:.3g}) 1e-6 cm²/s"
            )
        if one.framework_moves:
            say(f"alzmodel: {at}{', '.join(one.framework_moves)} moved too: this is no solid")
    _print_fit(found)


def _row(one: TemperatureTransport) -> tuple[Any, ...]:
    own = one.D[one.mobile]
    low, high = (1e6 * end for end in own.ci95)
    haven = one.haven
    return (
        one.temperature,
        len(one.runs),
        one.duration,
        f"{one.window_msd:.3g}",
        f"{one.slope:.2f}",
        f"{1e6 * own.value:.3g}" if one.diffusive else "none",
        f"{low:.3g}–{high:.3g}" if one.diffusive else "–",
        *(
            f"{1e6 * se:.2g}" if math.isfinite(se) else "–"
            for se in (own.se_blocks, own.se_ions, own.se_seeds)
        ),
        "–" if haven is None else f"{haven.value:.2f} ({haven.ci95[0]:.1f}–{haven.ci95[1]:.1f})",
        f"{one.sigma_NE:.2g}" if math.isfinite(one.sigma_NE) else "–",
    )


def _print_jumps(found: Transport) -> None:
    """Tell what ions jump through, where it can be told."""
    rows: list[tuple[Any, ...]] = []
    for one in found.temperatures:
        around = one.surroundings
        jumps = around.jumps if around else None
        if jumps is None or jumps.coordination is None or jumps.window is None:
            continue
        bonds, rooms = jumps.coordination, around.room if around else ()
        narrow = f"{sum(room.bottleneck for room in rooms) / len(rooms):.2f}" if rooms else "–"
        rows.append(
            (
                one.temperature,
                jumps.n_jumps,
                f"{jumps.rate:.3g} ± {jumps.rate_se:.2g}",
                f"{jumps.length:.2f}",
                f"{100 * jumps.back:.0f}" if math.isfinite(jumps.back) else "–",
                f"{bonds.before:.2f} – {bonds.during:.2f} – {bonds.after:.2f}",
                ", ".join(f"{kind} {100 * way.share:.0f}" for kind, way in list(jumps.passages.items())[:3]),
                narrow,
            )
        )
    if rows:
        heads = ("T (K)", "jumps", "per ns", "Å", "% back", "bonds", "windows (%)", "neck (Å)")
        mobile = found.temperatures[0].mobile
        print_table(
            f"jumps of {mobile}: bonds before, during and after; cations that hold the window", heads, rows
        )


def _print_fit(found: Transport) -> None:
    if found.fit is None or found.sigma_300K is None:
        if len(found.temperatures) > 1:
            say(f"alzmodel: no {found.fit_reason}")
        return
    fit, room = found.fit, found.sigma_300K
    rows: list[tuple[Any, ...]] = [
        ("activation energy (eV)", f"{fit.value:.3f}", f"{fit.ci95[0]:.3f}–{fit.ci95[1]:.3f}", "fitted"),
        ("σ at 300 K (S/cm)", f"{room.value:.2g}", f"{room.lo:.2g}–{room.hi:.2g}", "extrapolated"),
    ]
    rows += [
        ("σ near 300 K (S/cm)", "", f"{one.lo:.2g}–{one.hi:.2g}" if one.lo < one.hi else f"{one.lo:.2g}", of)
        for one in room.published
        for of in [f"{one.of}: {one.source}"]
    ]
    print_table("over temperatures", ("quantity", "value", "95 %", "is"), rows)
