"""``alzmodel screen``: what dopants change in a glass, ranked."""

from __future__ import annotations

import math
from pathlib import Path  # noqa: TC003  typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alzmodel.cli.numbers import whole
from alzmodel.cli.output import print_json, print_table, say
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from alzmodel.study.screening import Effect, ScreenRow

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add ``screen`` to the command tree."""
    app.command()(screen)


def screen(
    dopants: Annotated[
        str, typer.Option(metavar="IONS", help="Such as Ce,Er,Ca2+,La; bare Ce is both ions, La the control.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of the study.")],
    la: Annotated[str, typer.Option(metavar="NUMBERS", help="La contents before doping.")] = "3.0",
    fractions: Annotated[str, typer.Option(metavar="NUMBERS", help="Fractions of La replaced.")] = "0.1",
    seeds: Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="Models of every glass.")] = 4,
    compensate: Annotated[str, typer.Option(metavar="li,oxygen", help="What balances the charge.")] = "li",
    atoms: Annotated[
        int, typer.Option(parser=whole, metavar="INTEGER", help="Smallest number of atoms.")
    ] = 600,
    protocol: Annotated[str, typer.Option(help="Melt-quench protocol.")] = "quick",
    potential: Annotated[str, typer.Option(help="Interatomic potential.")] = "du-teter",
    workers: Annotated[int, typer.Option(parser=whole, metavar="INTEGER", help="Tasks side by side.")] = 2,
    executor: Annotated[str, typer.Option(help="Where tasks run.")] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show tasks, time and disk; do nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")] = False,
) -> None:
    """Build doped and undoped glasses and rank what each dopant changes; goes on where it stopped."""
    from alzmodel.cli.study import print_plan
    from alzmodel.cli.study_display import show_study
    from alzmodel.study import runner
    from alzmodel.study.screen_settings import screen_study

    settings = screen_study(
        _words(dopants),
        la=_words(la),
        fractions=_numbers("--fractions", fractions),
        seeds=seeds,
        compensate=_words(compensate),
        atoms=atoms,
        protocol=protocol,
        potential=potential,
        workers=workers,
    )
    if dry_run:
        planned = runner.plan_study(settings, output, executor=executor)
        print_json(planned.to_dict()) if as_json else print_plan(planned)
        return
    with show_study() as listen:
        result = runner.run(settings, output, executor=executor, listen=listen)
    for failure in result.failures:
        say(f"alzmodel: failed: {failure['label']}: {failure['reason']}; log: {failure['log']}")
    rows = runner.screen(output)
    if as_json:
        print_json({"rows": [row.to_dict() for row in rows], "tasks": result.tasks})
    else:
        _print(rows)
        say(
            f"alzmodel: table in {output / 'screen.csv'}, figure in {output / 'figures'}, page {output}/report.html"
        )
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(word) for word in _words(text)]
    except ValueError:
        raise InputError(f"{name} {text}: allowed: numbers with commas between, such as 0.05,0.1") from None


def _print(rows: list[ScreenRow]) -> None:
    from alzmodel.study.screening import SCORE

    heads = (
        "rank",
        "dopant",
        "x",
        "fraction",
        "z/r",
        "score",
        "95 %",
        "p",
        "Δ packing",
        "Δ Zr–O (Å)",
        "Δ CN Zr",
        "CN",
    )
    lines: list[tuple[Any, ...]] = []
    for row in rows:
        low, high = row.score_ci95
        effects = row.effects
        lines.append(
            (
                row.rank,
                row.dopant
                + (" by O" if row.compensate == "oxygen" else "")
                + (" provisional" if row.provisional else ""),
                row.la,
                row.fraction,
                round(row.field_strength, 2),
                round(row.score, 2),
                f"{low:.2f}–{high:.2f}" if math.isfinite(low) else "–",
                round(row.p, 3),
                _with_error(effects["packing_fraction"], 4),
                _with_error(effects["zr_o_distance"], 3),
                _with_error(effects["zr_o_coordination"], 2),
                round(effects["dopant_o_coordination"].value, 2),
            )
        )
    print_table("dopants against the undoped glass", heads, lines)
    print(f"Score: {SCORE}")


def _with_error(found: Effect, decimals: int) -> str:
    """Narrow enough for every column to stand on one line of a piped table."""
    if math.isnan(found.effect):
        return "–"
    half = (found.ci95[1] - found.ci95[0]) / 2
    return f"{found.effect:+.{decimals}f}" + ("" if math.isnan(half) else f"±{half:.{decimals}f}")
