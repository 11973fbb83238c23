"""What dopants change in the glass, by how much, and whether it follows their field strength.

    python scripts/screen_dopants.py -o screen --fractions 0.05 0.1 0.2 --seeds 8
    python scripts/screen_dopants.py -o control --dopants La Y3+ Al3+ --seeds 4
    python scripts/screen_dopants.py -o exchanged --dopants La Y3+ Al3+ --seeds 4 --exchange Y3+ Al3+

The first line is the screen; `alzmodel screen` does the same for one list of ions. The others are its controls. La in
its own place, in models of other seeds, must do nothing within the errors. With `--exchange` two ions of one charge
take each other's rows of the tables (radii, pair parameters), `exchange` in the study file; the masses stay.
What the model says of an ion must then move with its row: the ranks of the two change places.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.errors import InputError, run_main
from alzmodel.study import runner
from alzmodel.study.screen_settings import screen_study
from alzmodel.study.screening import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.study.scheduler import StudyEvent
    from alzmodel.study.screening import ScreenRow

DOPANTS = ("Ce3+", "Ce4+", "Er", "Nd", "Y", "Ca", "Sr", "Ba", "Ga", "Ta", "Al")


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the study")
    parser.add_argument("--dopants", nargs="+", default=list(DOPANTS), metavar="ION")
    parser.add_argument("--la", nargs="+", default=["3.0"], help="La contents before doping")
    parser.add_argument("--fractions", type=float, nargs="+", default=[0.1], help="of La replaced")
    parser.add_argument("--seeds", type=int, default=4, help="models of every glass")
    parser.add_argument(
        "--first-seed", type=int, default=1, metavar="N", help="for models never looked at before"
    )
    parser.add_argument("--compensate", nargs="+", default=["li"], choices=("li", "oxygen"))
    parser.add_argument("--atoms", type=int, default=600)
    parser.add_argument("--protocol", default="quick")
    parser.add_argument(
        "--changes",
        nargs="*",
        default=[],
        metavar="KEY=NUMBER",
        help="of the protocol, such as quench_rate=1000",
    )
    parser.add_argument("--potential", default="du-teter")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executor", default="local", help="local, dask, slurm or an address")
    parser.add_argument(
        "--exchange", nargs=2, default=[], metavar="ION", help="control: these take each other's rows"
    )
    return parser.parse_args(arguments)


def changes(words: Sequence[str]) -> dict[str, float | int | str]:
    """Read KEY=NUMBER."""
    found: dict[str, float | int | str] = {}
    for word in words:
        key, _, text = word.partition("=")
        try:
            found[key] = int(text) if text.isdigit() else float(text)
        except ValueError:
            raise InputError(f"--changes {word}: allowed: KEY=NUMBER, such as quench_rate=1000") from None
    return found


def tell(event: StudyEvent) -> None:
    """Print a line a finished task."""
    if event.kind in {"done", "failed", "retried"}:
        left = "" if event.seconds_left is None else f", about {event.seconds_left:.0f} s left"
        print(
            f"{event.done}/{event.total} {event.kind}: {event.label} {event.message}{left}", file=sys.stderr
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the screen and print its ranks and trends."""
    options = parse_arguments(arguments)
    settings = screen_study(
        options.dopants,
        la=options.la,
        fractions=options.fractions,
        seeds=options.seeds,
        compensate=options.compensate,
        atoms=options.atoms,
        protocol=options.protocol,
        protocol_changes=changes(options.changes),
        potential=options.potential,
        workers=options.workers,
        first_seed=options.first_seed,
        exchange=options.exchange,
    )
    result = runner.run(settings, options.output, executor=options.executor, listen=tell)
    rows = runner.screen(options.output)
    show(rows)
    return result.exit_code


def show(rows: Sequence[ScreenRow]) -> None:
    """Print ranks, the control and the trends."""
    from alzmodel.study.screening import SCORE, trends

    print(SCORE)
    print(
        f"{'rank':>4s} {'ion':6s} {'x':>5s} {'part':>5s} {'by':6s} {'z/r':>6s} {'score':>6s} {'95 %':>13s} {'p':>6s}"
    )
    for row in rows:
        low, high = row.score_ci95
        print(
            f"{row.rank:4d} {row.dopant:6s} {row.la:5g} {row.fraction:5g} {row.compensate:6s} "
            f"{row.field_strength:6.3f} {row.score:6.2f} {low:6.2f}–{high:6.2f} {row.p:6.3f}"
            + (" provisional" if row.provisional else "")
        )
    for row in rows:
        if row.dopant == HOST:
            outside = [
                name
                for name, found in row.effects.items()
                if found.ci95[0] == found.ci95[0] and not found.ci95[0] <= 0 <= found.ci95[1]
            ]
            print(
                f"control, La in place of La: p = {row.p:.2f}; of {len(row.effects)} effects "
                f"{len(outside)} lie outside their 95 % interval {', '.join(outside)}"
            )
    for trend in trends(rows):
        if trend.r == trend.r:
            print(
                f"{trend.quantity} against z/r, {trend.group} ions ({trend.n_ions}) at x = {trend.la:g}, "
                f"{trend.fraction:g}: r = {trend.r:+.2f}, 95 % {trend.ci95[0]:+.2f} to {trend.ci95[1]:+.2f}"
            )


if __name__ == "__main__":
    run_main(main)
