"""Is La a network modifier? The paper's hypotheses put to models, from one file.

    python scripts/network_modifier.py --out network-modifier --models library
    python scripts/network_modifier.py --out trial --quick

The study is the preset `paper`, or the smaller `quick`, or any study file: it runs as `alzmodel run` does, goes on
where it was stopped, and leaves the same folder with its report. Then every hypothesis of the paper (alzmodel/compare/
hypotheses.toml) with its verdict, what each cation is on every scale (`roles.csv` in the folder), and what all of that
says of La3+. With too few models nothing is decided, and that is said.

Exit codes: 0 done, whatever the verdicts; 1 failed; 2 bad input; 3 partly done; 130 interrupted.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import mark_provisional, print_json, say
from alzmodel.cli.study_display import show_study
from alzmodel.compare.network_roles import modifier_answer, roles_csv
from alzmodel.errors import AlzmodelError, InputError, run_main
from alzmodel.io import write_text
from alzmodel.report.table import print_hypotheses, print_roles
from alzmodel.study import runner
from alzmodel.study.index import collect_records, roles_of
from alzmodel.study.settings import StudySettings, load_study, preset
from alzmodel.study.stages.glass import Dopant
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES = "roles.csv"
FRACTION = 0.1


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="folder of the study")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="a small trial: too few models for a verdict")
    what.add_argument("--study", type=Path, metavar="FILE", help="a study file in place of the preset")
    parser.add_argument("--models", choices=("build", "library"), help="default: what the study says, build")
    parser.add_argument("--seeds", type=int, metavar="N", help="models of each composition; built ones only")
    parser.add_argument("--atoms", type=int, metavar="N", help="atoms a model, rounded up; built ones only")
    parser.add_argument(
        "--dopants",
        nargs="+",
        metavar="ION",
        help=f"for H8, {FRACTION:.0%} of the La; built ones only: alzmodel screen tells more",
    )
    parser.add_argument("--potential", metavar="NAME")
    parser.add_argument("--workers", type=int, metavar="N")
    parser.add_argument("--executor", default="local", help="local, dask, slurm or an address")
    parser.add_argument("--dry-run", action="store_true", help="show tasks, time and disk; do nothing")
    parser.add_argument("--json", action="store_true", help="print JSON to stdout")
    return parser.parse_args(arguments)


def settings_of(options: argparse.Namespace) -> StudySettings:
    """Make the study that the options describe.

    Raises
    ------
    InputError
        If they contradict each other, or one is out of range.
    """
    base = load_study(options.study) if options.study else preset("quick" if options.quick else "paper")
    changes: dict[str, Any] = {
        name: getattr(options, name) for name in ("models", "potential") if getattr(options, name) is not None
    }
    for name in ("seeds", "atoms"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise InputError(f"--{name} {number}; allowed: whole numbers from 1")
    if options.seeds is not None:
        changes["seeds"] = list(range(1, options.seeds + 1))
    if options.atoms is not None:
        changes["atoms"] = options.atoms
    if options.dopants:
        changes["dopants"] = [Dopant(ion=ion, fraction=[FRACTION]) for ion in options.dopants]
    glass = base.glass.model_copy(update=changes)
    if glass.models == "library" and (given := {"seeds", "atoms", "dopants"} & set(changes)):
        raise InputError(
            f"--{' --'.join(sorted(given))} with models of the library, which are made already; "
            "allowed: --models build"
        )
    return base.model_copy(update={"glass": glass})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, and print the verdicts and the answer."""
    options = parse_arguments(arguments)
    settings = settings_of(options)
    if settings.glass.models == "library":
        say(runner.library_words(settings))
    if options.dry_run:
        from alzmodel.cli.study import print_plan

        planned = runner.plan_study(settings, options.out, workers=options.workers, executor=options.executor)
        print_json(planned.to_dict()) if options.json else print_plan(planned)
        return 0
    with show_study() as listen:
        result = runner.run(
            settings, options.out, workers=options.workers, executor=options.executor, listen=listen
        )
    for failure in result.failures:
        say(f"failed: {failure['label']}: {failure['reason']}; log: {failure['log']}")
    if not result.tasks["done"]:
        return result.exit_code
    rows = roles_of(collect_records(plan(settings), Store(options.out)))
    if not rows:
        raise AlzmodelError(f"{options.out}: the local order of no glass is done, so nothing is said of La")
    answer = modifier_answer(rows, result.hypotheses)
    write_text(options.out / ROLES, roles_csv(rows))
    payload = result.to_dict() | {"roles": [row.to_dict() for row in rows], "answer": answer.to_dict()}
    mark_provisional(payload, {"provisional": runner.provisional(options.out)})
    if options.json:
        print_json(payload)
    else:
        print_hypotheses(result.hypotheses)
        print_roles(rows, answer)
    say(f"{result.tasks['done']} tasks done; results in {options.out}, roles in {options.out / ROLES}")
    return result.exit_code


if __name__ == "__main__":
    run_main(main)
