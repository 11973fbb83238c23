"""Vibrations of the library's annealed glasses and of crystals, beside the published Raman shifts.

    python scripts/library_vibrations.py [--workdir DIR] [-o docs/results/vibrations]

It runs a study with the table ``[vibrations]`` on the twelve finished glasses (four seeds at x = 1.5, 3.0 and 4.5; some
25 CPU seconds and 0.7 GB each, with the damped shifted force) and goes on where it stopped. It writes OUTPUT.csv: mean
and spread over seeds of the second moments and bands of units; OUTPUT-shifts.csv: each published shift beside the
models; OUTPUT.png: spectra of the units by x, with bands over seeds.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import ttest_ind

from alzmodel.cli.study_display import show_study
from alzmodel.compare.quantities import quantity_info
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.errors import AlzmodelError, run_main
from alzmodel.io import write_text
from alzmodel.report.vibration_figures import plot_unit_densities
from alzmodel.statistics import mean_std
from alzmodel.study.files import CURVES
from alzmodel.study.index import collect_records, gather
from alzmodel.study.runner import run
from alzmodel.study.settings import parse_study
from alzmodel.study.stages import STAGES
from alzmodel.study.store import Store, read_curves
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alzmodel.study.index import Findings
    from alzmodel.study.settings import StudySettings
    from alzmodel.study.store import Record

STUDY = """
name = "library-vibrations"
local_order = false
xrd = false
reference = false
fem = false
[glass]
la = [1.5, 3.0, 4.5]
seeds = [1, 2, 3, 4]
atoms = 5000
protocol = ["annealed-low-Tf"]
models = "library"
[vibrations]
coulomb = "dsf"
"""
LOW, MEDIUM = 1.5, 3.0
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Shift:
    """A published shift from x = 1.5 to 3.0 in cm⁻¹, and the number of the study that stands for it."""

    label: str
    start: float
    end: float
    quantity: str

    @property
    def published(self) -> float:
        """From the film of low to that of medium La content."""
        return self.end - self.start


SHIFTS = (
    Shift("ZrO6 A1g", 588, 578, "zro6_a1g_band"),
    Shift("LiO6 Eg", 381, 407, "lio6_eg_band"),
    Shift("LiO6 T2g", 499, 506, "lio6_t2g_band"),
)
BESIDE = ("zro6_a1g_rms", "lio4_a1_rms", "lio4_e_rms", "lio4_cage_rms")
"""Second moments that stand beside, with no published shift of their own."""


def values_of(found: Findings, name: str, x: float) -> list[float]:
    """Values of a quantity at one La content, one a glass; what has no value is left out."""
    return [
        one.value for one in found.quantities if (one.name, one.x) == (name, x) and math.isfinite(one.value)
    ]


def unit_table(found: Findings) -> list[str]:
    """Mean and spread over seeds of every quantity of the glasses."""
    lines = ["quantity,unit,x,models,mean,spread"]
    names = [one.name for one in STAGES["vibrations"].quantities]
    for name in names:
        for x in sorted({one.x for one in found.quantities if one.name == name and one.x is not None}):
            values = values_of(found, name, x)
            mean, spread = mean_std(np.array(values)) if values else (math.nan, math.nan)
            numbers = ",".join("" if math.isnan(one) else f"{one:.2f}" for one in (mean, spread))
            lines.append(f"{name},{quantity_info(name).unit},{x:g},{len(values)},{numbers}")
    return lines


def shift_row(name: str, low: Sequence[float], high: Sequence[float], published: float | None) -> list[str]:
    """Shift of the models with its 95 % interval (Welch), and what that says of the published one."""
    test = ttest_ind(high, low, equal_var=False)
    ends = test.confidence_interval(1 - LEVEL)
    shift = float(np.mean(high) - np.mean(low))
    if published is None:
        verdict = ""
    elif ends.low <= 0 <= ends.high:
        verdict = "undecided"
    else:
        verdict = "same sign" if shift * published > 0 else "contradicted"
    told = "" if published is None else f"{published:+g}"
    return [name, told, f"{shift:+.1f}", f"{ends.low:+.1f}", f"{ends.high:+.1f}", verdict]


def shift_table(found: Findings) -> list[str]:
    """Each published shift beside that of the models."""
    rows = []
    population = {
        key: sum(record.results["populations"]["LiO6"][key] for record in of_stage(found, "vibrations"))
        for key in ("n", "n_centres")
    }
    for one in SHIFTS:
        low, high = values_of(found, one.quantity, LOW), values_of(found, one.quantity, MEDIUM)
        if min(len(low), len(high)) > 1:
            rows.append(shift_row(one.label, low, high, one.published))
        else:
            why = f"no carrier: {population['n']} of {population['n_centres']} Li have six oxygens"
            rows.append([one.label, f"{one.published:+g}", "", "", "", why])
    for name in BESIDE:
        low, high = values_of(found, name, LOW), values_of(found, name, MEDIUM)
        rows.append(shift_row(quantity_info(name).label, low, high, None))
    (crystal,) = of_stage(found, "crystal_modes")
    eg = crystal.results["pyrochlore_eg"]
    verdict = "same sign" if eg[1] > eg[0] else "contradicted"
    rows.append(["La2Zr2O7 Eg between the cells of d222", "+10", f"{eg[1] - eg[0]:+.1f}", "", "", verdict])
    return [
        "band,published (cm-1),models (cm-1),95 % low,95 % high,verdict",
        *(",".join(row) for row in rows),
    ]


def of_stage(found: Findings, stage: str) -> list[Record]:
    """Pick the records of one stage."""
    return [record for record in found.records if record.stage == stage]


def draw(found: Findings, store: Store, path: Path) -> None:
    """Spectra of the units by x, mean and spread over seeds."""
    drawn: dict[str, dict[str, Any]] = {}
    for x in sorted({record.inputs["model"]["la"] for record in of_stage(found, "vibrations")}):
        mine = [one for one in of_stage(found, "vibrations") if one.inputs["model"]["la"] == x]
        curves = [
            read_curves(store.runs / f"{one.stage}-{one.hash}" / CURVES, "vdos", "units") for one in mine
        ]
        longest = max((one["vdos/grid"].values for one in curves), key=len)
        panel: dict[str, Any] = {"grid": longest}
        names = sorted({name for one in curves for name in one if name.startswith("units/")})
        for name in names:
            values = np.array(
                [
                    np.interp(longest, one["vdos/grid"].values, one[name].values, right=0.0)
                    for one in curves
                    if name in one
                ]
            )
            label = name.partition("/")[2]
            panel[label] = values.mean(axis=0)
            if len(values) > 1:
                panel[f"{label}_std"] = values.std(axis=0, ddof=1)
        drawn[f"x = {x:g}"] = panel
    plot_unit_densities(drawn, path)


def finished(study: StudySettings, folder: Path, workers: int) -> tuple[Findings, Store]:
    """Run what is left of the study, and gather what it says."""
    with show_study() as listen:
        result = run(study, folder, workers=workers, listen=listen)
    if result.exit_code:
        raise AlzmodelError(f"{folder}: {result.tasks['failed']} tasks failed; run it again")
    store = Store(folder)
    return gather(collect_records(plan(study), store, thorough=True)), store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, and write what it says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workdir", type=Path, default=Path("library-vibrations"), metavar="DIR")
    parser.add_argument("--workers", type=int, default=1, metavar="N")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results/vibrations"))
    options = parser.parse_args(arguments)
    found, store = finished(parse_study(STUDY, "library_vibrations.py"), options.workdir, options.workers)
    output: Path = options.output
    write_text(output.with_suffix(".csv"), "\n".join(unit_table(found)) + "\n")
    write_text(output.with_name(f"{output.name}-shifts.csv"), "\n".join(shift_table(found)) + "\n")
    draw(found, store, output.with_suffix(".png"))
    verdict = next(one for one in judge_hypotheses(found.quantities) if one.id == "H1R")
    print(f"H1R: {verdict.verdict}: {verdict.reason}")
    return 0


if __name__ == "__main__":
    run_main(main)
