"""Local order: pair distribution functions and building units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from alzmodel.compare.quantities import known
from alzmodel.ions import ELEMENT_ORDER
from alzmodel.study.files import CURVES
from alzmodel.study.results import average, require, spread_into
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, glass_frames, quantity
from alzmodel.study.store import Curve, curves_of, write_curves
from alzmodel.study.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms

    from alzmodel.local_order.building_units import BuildingUnits
    from alzmodel.local_order.pdf import PartialRDF
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["LOCAL_ORDER", "LocalOrderSettings", "coordination_curves", "pdf_curves", "recorded_units"]

SHARED_PAIRS = ("Zr-La", "Zr-Zr", "La-La")
FIRST_SHELLS = ("Zr-O", "La-O", "Li-O")
MODES = ("corner", "edge", "face")

LONGEST_CUTOFF = 4.0
"""Å, of the figure of coordination over the cut-off."""

BINS_PER_POINT = 2
"""Histogram bins that are drawn as one point: 600 atoms make a noisy curve at 0.02 Å."""


class LocalOrderSettings(Table):
    """Pair distribution functions and building units."""

    r_max: Annotated[float, Field(gt=0, le=200, allow_inf_nan=False, strict=True)] = 20.0
    """Å; pairs are counted up to here."""
    dr: Annotated[float, Field(ge=1e-4, le=10, allow_inf_nan=False, strict=True)] = 0.02
    """Å; width of a bin."""


def _local_order(work: Work) -> StageResult:
    """Pair distribution functions and building units of the frames at 300 K."""
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.pdf import partial_rdf

    frames = glass_frames(work)
    rdf = partial_rdf(frames, r_max=work.inputs["r_max"], dr=work.inputs["dr"])
    work.progress(0.4, "partials")
    units = building_units(frames)
    work.progress(0.8, "building units")
    write_curves(work.folder / CURVES, pdf_curves(rdf) | _structure_factor_curves(rdf))
    peaks = rdf.first_peaks()
    return StageResult(
        [*_quantities(peaks, units), *_atom_means(frames)],
        {
            "first_peaks": peaks,
            "repeat_length": rdf.repeat_length,
            "number_density": rdf.number_density,
            "n_frames": rdf.n_frames,
            "curves_from": "frames at 300 K; a periodic model repeats itself beyond repeat_length",
            **recorded_units(units),
        },
    )


def recorded_units(units: BuildingUnits) -> dict[str, Any]:
    """Everything of the building units that a record holds: what follows from the curves does not stand there twice."""
    return {key: value for key, value in units.to_dict().items() if key != "cutoff_dependence"}


def _quantities(peaks: Mapping[str, Mapping[str, float]], units: BuildingUnits) -> list[dict[str, Any]]:
    rows = [quantity("packing_fraction", units.to_dict()["packing_fraction"])]
    for label in FIRST_SHELLS:
        name = label.lower().replace("-", "_")
        if label in peaks:
            rows.append(quantity(f"{name}_distance", peaks[label]["r"]))
    for element, unit in units.units.items():
        rows.append(quantity(f"{element.lower()}_o_coordination", unit.mean_coordination))
        rows.append(quantity(f"{element.lower()}_o_spread", unit.std_distance))
        if f"{element}-O" not in FIRST_SHELLS and f"{element}-O" in peaks:
            rows.append(quantity(f"{element.lower()}_o_distance", peaks[f"{element}-O"]["r"]))
    for label in SHARED_PAIRS:
        pair = units.sharing.pairs.get(label)
        if pair is not None:
            name = label.lower().replace("-", "_")
            if label == "Zr-La":
                # The shell is broad and split: its highest point jumps between shared edges and corners.
                rows.append(quantity("zr_la_distance", pair.mean_distance))
            rows += [quantity(f"{mode}_fraction_{name}", pair.fractions[mode]) for mode in MODES]
    return rows


def _atom_means(frames: Sequence[Atoms]) -> list[dict[str, Any]]:
    """Mean over each kind of cation, and over frames, of the numbers of atoms that studies record."""
    from alzmodel.local_order.per_atom import ATOM_QUANTITIES, AtomSurroundings
    from alzmodel.local_order.shells import bonded

    recorded = [one for one in ATOM_QUANTITIES if one.recorded]
    if not recorded:
        return []
    model = bonded(frames)
    rows = []
    parts = zip(model.frames, model.bonds, model.far_bonds, strict=True)
    arounds = [AtomSurroundings(*part) for part in parts]
    for one in recorded:
        arrays = [one.values(around) for around in arounds]
        for element in model.cations:
            of_element = [
                values[around.symbols == element]
                for values, around in zip(arrays, arounds, strict=True)
                if values is not None
            ]
            rows.append(quantity(f"{element.lower()}_{one.name}", _mean(of_element)))
    return rows


def _mean(arrays: Sequence[np.ndarray]) -> float | None:
    """Mean of what applies: −1 among whole numbers and NaN stand for what does not."""
    values = np.concatenate(arrays) if arrays else np.empty(0)
    applies = values >= 0 if values.dtype.kind == "i" else np.isfinite(values)
    return float(values[applies].mean()) if applies.any() else None


def pdf_curves(rdf: PartialRDF) -> dict[str, Curve]:
    """Curves of pair distribution functions as a stage writes them."""
    from alzmodel.scattering.totals import totals_dict

    totals = totals_dict(rdf).items()
    return curves_of(rdf, "pdf") | {f"pdf/totals/{name}": Curve(G, "Å⁻²") for name, G in totals}


def _structure_factor_curves(rdf: PartialRDF) -> dict[str, Curve]:
    from alzmodel.scattering.totals import structure_factor

    return curves_of(structure_factor(rdf, np.arange(0.5, 20.0, 0.02)), "sq")


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    yield Job("local order", study["local_order"].model_dump())


def _cost(inputs: Mapping[str, Any], positions: int) -> Cost:
    # Building units take most of it; pairs within r_max grow with its cube.
    return Cost(0.4 + positions * (2.4e-4 + 7e-6 * (inputs["r_max"] / 20) ** 3), 4.2e5)


def _caveats(records: Sequence[Record], *_: object) -> Iterable[str]:
    lengths = [record.results["repeat_length"] for record in records]
    repeats = [length for length in lengths if length is not None]
    if repeats:
        yield (
            f"The glasses are periodic and repeat themselves beyond {min(repeats):.1f} Å: no order of longer range, "
            "and no crystal of the size that was measured, can form in them."
        )


def _draw_pdf(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

    drawn = {}
    for label, records in require(results.groups("local_order"), "local order").items():
        curves = [results.curves(record, "pdf/r", "pdf/partials") for record in records]
        names = [name.rpartition("/")[2] for name in curves[0] if name.startswith("pdf/partials/")]
        partials: dict[str, Any] = {}
        for name in sorted(names, key=_pair_order):
            coarse = [
                {name: _coarser(one[f"pdf/partials/{name}"]), "r": _coarser(one["pdf/r"])} for one in curves
            ]
            spread_into(partials, name, *average(coarse, name, "r"))
        drawn[label] = {"r": _coarser(curves[0]["pdf/r"]).values, "partials": partials}
    return figures.plot_pdf(drawn, path)


def _pair_order(label: str) -> tuple[int, ...]:
    return tuple(ELEMENT_ORDER.index(element) for element in label.split("-"))


def _coarser(curve: Curve) -> Curve:
    whole = len(curve.values) // BINS_PER_POINT * BINS_PER_POINT
    return Curve(curve.values[:whole].reshape(-1, BINS_PER_POINT).mean(axis=1), curve.unit)


def _draw_coordination(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

    return figures.plot_coordination(_combined(results, "units"), path)


def _draw_cutoffs(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report.cutoff_figure import plot_cutoffs

    formulas = {
        f"glass-{record.hash}": record.results["provenance"]["formula"] for record in results.of("glass")
    }
    drawn = {}
    for label, records in require(results.groups("local_order"), "local order").items():
        curves = [
            coordination_curves(
                results.curves(record, "pdf/r", "pdf/partials"), record, formulas[record.needs["glass"]]
            )
            for record in records
        ]
        drawn[label] = {
            cation: {
                "cutoffs": curves[0][cation][0],
                "coordination": np.mean([one[cation][1] for one in curves], axis=0),
                "used": np.mean([results.cutoffs(record)[cation] for record in records]),
            }
            for cation in curves[0]
        }
    return plot_cutoffs(drawn, path)


def coordination_curves(
    curves: Mapping[str, Curve], record: Record, formula: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Cut-offs in Å up to 4 Å and mean numbers of oxygens within, by cation, from the partials of a record.

    n(R) = ρ c_O ∫ g(r) 4πr² dr from 0 to R, each bin with the volume of its shell.

    Parameters
    ----------
    curves
        Under ``pdf/``.
    record
        Of the local order, for the number density.
    formula
        Of the glass, for the share c_O of oxygen.
    """
    from pymatgen.core import Composition

    # Of non-integer amounts too: Li7La1.5Zr2O9.75.
    counted = Composition(formula).get_el_amt_dict()
    density = record.results["number_density"] * counted["O"] / sum(counted.values())
    r = curves["pdf/r"].values
    half = (r[1] - r[0]) / 2
    shells = 4 / 3 * np.pi * ((r + half) ** 3 - (r - half) ** 3)
    near = r + half <= LONGEST_CUTOFF
    return {
        name: (
            (r + half)[near],
            np.cumsum(density * curves[f"pdf/partials/{name}-O"].values * shells)[near],
        )
        for name in counted
        if f"pdf/partials/{name}-O" in curves and name != "O"
    }


def _draw_sharing(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

    return figures.plot_sharing(_combined(results, "sharing"), path)


def _combined(results: Results, key: str) -> dict[str, Any]:
    from alzmodel.combining import combine
    from alzmodel.local_order.building_units import Unit
    from alzmodel.local_order.sharing import PairSharing
    from alzmodel.results import roles_of

    groups = require(results.groups("local_order"), "local order")
    roles = {"units": {"*": roles_of(Unit)}, "sharing": {"*": roles_of(PairSharing)}}
    return {
        label: combine([{key: record.results[key]} for record in records], roles)[key]
        for label, records in groups.items()
    }


LOCAL_ORDER = Stage(
    name="local_order",
    version=5,
    run=_local_order,
    jobs=_jobs,
    cost=_cost,
    table="local_order",
    Settings=LocalOrderSettings,
    quantities=known(
        *("packing_fraction", "zr_la_distance"),
        *(f"{pair.lower().replace('-', '_')}_distance" for pair in FIRST_SHELLS),
        *(
            f"{pair.lower().replace('-', '_')}_{of}"
            for pair in FIRST_SHELLS
            for of in ("coordination", "spread")
        ),
        *(f"{mode}_fraction_{pair.lower().replace('-', '_')}" for pair in SHARED_PAIRS for mode in MODES),
    ),
    figures={
        "pdf": StudyFigure(
            _draw_pdf,
            "Partial pair distribution functions",
            "Frames at 300 K; the band is the standard deviation over models, near zero longer upwards (Wilson).",
        ),
        "coordination": StudyFigure(
            _draw_coordination,
            "Coordination of the cations",
            "Oxygens within the first minimum of each partial. Bars: standard deviation over models, unequal near zero "
            "and one (Wilson).",
        ),
        "cutoffs": StudyFigure(
            _draw_cutoffs,
            "Coordination over the cut-off",
            "Mean number of oxygens no farther than the cut-off, mean over models; marks: the cut-offs in use, at the "
            "first minimum of each partial. Where a curve is steep there, coordination is a convention.",
        ),
        "sharing": StudyFigure(
            _draw_sharing,
            "How the building units are joined",
            "Share of the cation pairs within the second shell that share one, two or more oxygens.",
        ),
    },
    caveats=_caveats,
)
