"""Make what comes with the models of the library, in ``structures/models``.

``results.json.xz``, ``curves.json.xz``, and ``shells.json`` with what depends on the cut-offs:

    python scripts/make_library_results.py [--workdir DIR] [--workers N]

It runs the preset ``paper`` on the finished glasses, which takes some 20 minutes of a core, and goes on where it
stopped. The verdicts of ``alzmodel run --preset quick`` rest on these numbers. Make them anew when the version
of an analysis is raised.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.cli.study_display import show_study
from alzmodel.errors import AlzmodelError, run_main
from alzmodel.models.library import library
from alzmodel.study.basis import write_library_results
from alzmodel.study.index import collect_records, gather
from alzmodel.study.library_curves import write_library_curves
from alzmodel.study.runner import run
from alzmodel.study.settings import preset
from alzmodel.study.shell_ends import write_library_ends
from alzmodel.study.stages.vibrations import VibrationSettings
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from alzmodel.study.settings import StudySettings


def library_study() -> StudySettings:
    """Give the preset ``paper`` on the finished glasses, with V also as the microscope records it, and vibrations.

    Of a library of several potentials all of them. Vibrations, which learned potentials have none of, are taken with
    the damped shifted force in a third of the time: it moves modes by 2 cm⁻¹, shifts by less.
    """
    paper = preset("paper")
    recorded = paper.fem.observed.model_copy(update={"on": True})
    potentials = sorted({one.potential for one in library() if one.kind == "glass"})
    several = {"potentials": potentials} if len(potentials) > 1 else {}
    changes = {
        "glass": paper.glass.model_copy(update={"models": "library", **several}),
        "fem": paper.fem.model_copy(update={"observed": recorded}),
        "vibrations": VibrationSettings(coulomb="dsf"),
    }
    return paper.model_copy(update=changes)


def main() -> int:
    """Run the study, and write its numbers beside the models."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workdir", type=Path, default=Path("library-study"), metavar="DIR")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    options = parser.parse_args()
    study = library_study()
    with show_study() as listen:
        result = run(study, options.workdir, workers=options.workers, listen=listen)
    if result.exit_code:
        raise AlzmodelError(f"{options.workdir}: {result.tasks['failed']} tasks failed; run it again")
    tasks = plan(study)
    store = Store(options.workdir)
    records = collect_records(tasks, store, thorough=True)
    made = (
        write_library_results(gather(records)),
        write_library_curves(records, store),
        write_library_ends(),
    )
    for path in made:
        print(f"wrote {path}, {path.stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    run_main(main)
