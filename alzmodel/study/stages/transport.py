"""How fast Li moves in each glass, at one temperature."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from alzmodel.compare.quantities import known
from alzmodel.io import read_structure
from alzmodel.study.files import CURVES, MODEL
from alzmodel.study.results import require
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, quantity
from alzmodel.study.store import Curve, write_curves
from alzmodel.study.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["TRANSPORT", "TransportSettings"]

MOBILE = "Li"


class TransportSettings(Table):
    """Molecular dynamics of each glass, and the diffusion of Li in it."""

    temperature: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False, strict=True)] = 900.0
    """K."""
    time: Annotated[float, Field(ge=20, le=100_000, allow_inf_nan=False, strict=True)] = 60.0
    """ps, in steps of 10; where Li has not diffused by then, there is no coefficient."""
    equilibration: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False, strict=True)] = 10.0
    """ps at zero pressure before."""
    coulomb: Literal["pppm", "dsf"] = "pppm"
    """dsf takes half the time; coefficients differ by about a fifth."""


def _transport(work: Work) -> StageResult:
    """Move a glass with the potential that made it."""
    from alzmodel.dynamics.transport import transport_of
    from alzmodel.dynamics.transport_run import DynamicsRun, DynamicsSettings, check_run, run_dynamics

    inputs = work.inputs
    model = read_structure(work.needs["glass"] / MODEL)
    settings = DynamicsSettings(
        time=inputs["time"], equilibration=inputs["equilibration"], coulomb=inputs["coulomb"]
    )
    potential = model.info["provenance"]["potential"]["name"]
    run = DynamicsRun(model, "glass", inputs["temperature"], potential, MOBILE, settings)
    check_run(run)
    moved = run_dynamics(run, work.scratch, work.progress)
    (found,) = transport_of([(moved, run.temperature)], MOBILE).temperatures
    jumps = found.surroundings.jumps if found.surroundings else None
    curves = {"transport/lag": Curve(found.lag, "ps")}
    curves |= {f"transport/msd/{element}": Curve(msd, "Å²") for element, msd in found.msd.items()}
    curves["transport/non_gaussian"] = Curve(found.non_gaussian, "")
    write_curves(work.folder / CURVES, curves)
    return StageResult(
        [
            # In 10⁻⁶ cm²/s, so that tables show digits and no zeros.
            quantity("li_diffusivity", 1e6 * found.D[MOBILE].value),
            quantity("li_msd_slope", found.slope),
            quantity("li_jump_rate", jumps.rate if jumps else math.nan),
        ],
        {
            **{
                key: value
                for key, value in found.to_dict().items()
                if key not in {"lag", "msd", "non_gaussian"}
            },
            "potential": potential,
            "coulomb": settings.coulomb,
        },
    )


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("transport", study["transport"].model_dump())


def _cost(inputs: Mapping[str, Any], positions: int) -> Cost:
    # Of a glass with ten frames; the rate is that of a pair potential.
    steps = (inputs["time"] + inputs["equilibration"] + 2) / 0.002
    rate = 2.0e5 if inputs["coulomb"] == "pppm" else 3.6e5
    return Cost(3.0 + positions / 10 * steps / rate, 4e4)


def _caveats(records: Sequence[Record], *_: object) -> Iterable[str]:
    slow = [record for record in records if not record.results["diffusive"]]
    if slow:
        yield (
            f"In {len(slow)} of {len(records)} glasses Li had not begun to diffuse when the run ended: "
            "they have no diffusion coefficient."
        )
    if any(record.results["framework_moves"] for record in records):
        yield "The framework moved too: at this temperature these are no glasses."
    if records:
        yield (
            "Diffusion coefficients of Li depend on the potential, by a factor of ten and more; only their order over "
            "compositions is compared."
        )


def _draw(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.transport_figure import plot_displacements

    drawn = {}
    for label, records in require(results.groups("transport"), "transport").items():
        for number, record in enumerate(records, start=1):
            curves = results.curves(record, "transport")
            name = label if len(records) == 1 else f"{label}, {number}"
            drawn[name] = (curves["transport/lag"].values, curves[f"transport/msd/{MOBILE}"].values)
    return plot_displacements(drawn, MOBILE, path)


TRANSPORT = Stage(
    name="transport",
    version=2,
    run=_transport,
    jobs=_jobs,
    cost=_cost,
    table="transport",
    Settings=TransportSettings,
    optional=True,
    quantities=known("li_diffusivity", "li_msd_slope", "li_jump_rate"),
    figures={
        "transport": StudyFigure(
            _draw,
            "How far Li goes",
            "Mean square displacement relative to the framework, one curve a glass; a diffusion coefficient needs more "
            "than 10 Å² (dashed) and a slope above 0.9.",
        )
    },
    caveats=_caveats,
)
