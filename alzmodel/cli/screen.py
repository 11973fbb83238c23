"""``alzmodel screen``: what dopants change in a glass, ranked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import typer

from alzmodel.cli.options import Json, command
from alzmodel.cli.options.screen import ScreenOptions
from alzmodel.cli.output import print_json, print_table, say
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from alzmodel.study.screening import Effect, ScreenRow
    from alzmodel.study.settings import StudySettings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``screen`` to the command tree."""
    app.command()(command(screen))


def screen(options: ScreenOptions, as_json: Json = False) -> None:
    """Build doped and undoped glasses and rank how much each dopant changes; the same command resumes."""
    from alzmodel.cli.study import print_plan
    from alzmodel.cli.study_display import show_study
    from alzmodel.study import runner

    settings, output = _study(options), options.output
    if options.dry_run:
        planned = runner.plan_study(
            settings,
            output,
            executor=options.executor,
            measured=options.measured,
            against=options.against,
        )
        print_json(planned.to_dict()) if as_json else print_plan(planned)
        return
    with show_study() as listen:
        result = runner.run(
            settings,
            output,
            executor=options.executor,
            measured=options.measured,
            against=options.against,
            listen=listen,
        )
    for failure in result.failures:
        say(f"alzmodel: failed: {failure['label']}: {failure['reason']}; log: {failure['log']}")
    rows = runner.screen(output)
    if as_json:
        print_json({"rows": [row.to_dict() for row in rows], "tasks": result.tasks})
    else:
        _print(rows, output)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _study(options: ScreenOptions) -> StudySettings:
    from alzmodel.study.screen_settings import screen_study

    return screen_study(
        _words(options.dopants),
        la=_words(options.la),
        fractions=_numbers("--fractions", options.fractions),
        seeds=options.seeds,
        compensate=_words(options.compensate),
        atoms=options.atoms,
        protocol=options.protocol,
        potential=options.potential,
        transport=options.transport,
        workers=options.workers,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(word) for word in _words(text)]
    except ValueError:
        raise InputError(f"{name} {text}: allowed: numbers with commas between, such as 0.05,0.1") from None


def _print(rows: list[ScreenRow], output: Path) -> None:
    from alzmodel.study.screening import SCORE

    heads = ("rank", "dopant", "x", "fraction", "z/r", "score", "95 %", "p")
    lines: list[tuple[Any, ...]] = []
    changes: list[tuple[Any, ...]] = []
    for row in rows:
        low, high = row.score_ci95
        effects = row.effects
        name = (
            row.dopant
            + (" by O" if row.compensate == "oxygen" else "")
            + (" provisional" if row.provisional else "")
        )
        lines.append(
            (
                row.rank,
                name,
                row.la,
                row.fraction,
                round(row.field_strength, 2),
                round(row.score, 2),
                f"{low:.2f}–{high:.2f}" if math.isfinite(low) else "–",
                round(row.p, 3),
            )
        )
        changes.append(
            (
                name,
                row.la,
                row.fraction,
                _with_error(effects["packing_fraction"], 4),
                _with_error(effects["zr_o_distance"], 3),
                _with_error(effects["zr_o_coordination"], 2),
                round(effects["dopant_o_coordination"].value, 2),
            )
        )
    print_table("dopants against the undoped glass", heads, lines)
    print_table(
        "what changes, with 95 % intervals, and the oxygens around the dopant",
        ("dopant", "x", "fraction", "Δ packing", "Δ Zr–O (Å)", "Δ CN Zr", "CN"),
        changes,
    )
    print(f"Score: {SCORE}")
    if any(row.rank is None for row in rows):
        print("No rank: too few models for a score, or a score that another dopant has too.")
    _print_mobility(rows)
    say(
        f"alzmodel: table in {output / 'screen.csv'}, figure in {output / 'figures'}, page {output}/report.html"
    )


def _print_mobility(rows: list[ScreenRow]) -> None:
    """Dopants by what they do to Li, where it was moved; those in which it does not diffuse come last, by its jumps."""
    from alzmodel.study.screening import JUMPS, MOBILITY

    moved = [row for row in rows if MOBILITY.name in row.effects]
    if not moved:
        return

    def fastest_first(row: ScreenRow) -> tuple[float | str, ...]:
        effects = [row.effects[one.name].effect for one in (MOBILITY, JUMPS) if one.name in row.effects]
        order = (number for effect in effects for number in (not math.isfinite(effect), -effect))
        return (*(0.0 if math.isnan(number) else number for number in order), row.dopant)

    heads = (
        "dopant",
        "x",
        "fraction",
        "balance",
        "D of Li (1e-6 cm²/s)",
        "Δ D ± 95 %",
        "jumps per ns",
        "Δ ± 95 %",
    )
    lines: list[tuple[Any, ...]] = []
    for row in sorted(moved, key=fastest_first):
        found, jumps = row.effects[MOBILITY.name], row.effects.get(JUMPS.name)
        lines.append(
            (
                row.dopant,
                row.la,
                row.fraction,
                row.compensate,
                found.value,
                _with_error(found, 2),
                None if jumps is None else round(jumps.value, 1),
                "–" if jumps is None else _with_error(jumps, 1),
            )
        )
    print_table("how fast Li is beside the undoped glass, fastest first", heads, lines)


def _with_error(found: Effect, decimals: int) -> str:
    """Narrow enough for every column to stand on one line of a piped table."""
    if math.isnan(found.effect):
        return "–"
    half = (found.ci95[1] - found.ci95[0]) / 2
    return f"{found.effect:+.{decimals}f}" + ("" if math.isnan(half) else f"±{half:.{decimals}f}")
