"""The report of a study, finished, partly done or failed: what :mod:`alzmodel.report.page` shows, gathered."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import STATES, film_state
from alzmodel.compare.rivals import rival_rows
from alzmodel.errors import AlzmodelError
from alzmodel.io import read_structure
from alzmodel.report.page import Page, PageFigure
from alzmodel.report.viewer import CLUSTERS, atom_budget, model_view
from alzmodel.study.figures import FIGURES
from alzmodel.study.index import model_name
from alzmodel.study.screening import SCORE, screen_rows, table_rows
from alzmodel.study.stages import MODEL, NUCLEUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from ase import Atoms

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.measured import Measured
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.report.viewer import ModelView
    from alzmodel.study.index import Findings
    from alzmodel.study.settings import StudySettings
    from alzmodel.study.store import Record, Store
    from alzmodel.study.tasks import Task

__all__ = ["study_page"]

CLUSTER_ATOMS = 10_000
"""Drawn of a column with clusters: one cluster of 40 Å and what is around it."""

ELSEWHERE = {"thermo"}
"""Of the provenance; drawn as a figure."""


def study_page(
    settings: StudySettings,
    tasks: Sequence[Task],
    store: Store,
    found: Findings,
    rows: Sequence[Comparison],
    verdicts: Sequence[Verdict],
    measured: Measured,
    drawn: Sequence[Path],
) -> Page:
    """Put the report of a study together.

    Parameters
    ----------
    settings, tasks, store
        The study.
    found
        What the tasks that are done say.
    rows, verdicts, measured
        The comparison.
    drawn
        Files that :func:`alzmodel.study.figures.draw_all` wrote.
    """
    files = {path.name: path for path in drawn}
    records = found.records
    glasses = [record for record in records if record.stage == "glass"]
    return Page(
        title=f"Study: {settings.name}",
        verdicts=verdicts,
        rows=rows,
        measured=measured,
        rivals=rival_rows(found.quantities, load_hypotheses(settings.compare.hypotheses)),
        figures=[
            PageFigure(figure.title, figure.caption, files[f"{name}.svg"], files.get(f"{name}.csv"))
            for name, figure in FIGURES.items()
            if figure.on_page and f"{name}.svg" in files
        ],
        warnings=[
            *_missing(tasks, store, records),
            *_doubts(settings, found, measured.methods.get("fem", {})),
        ],
        models=_models(records, store),
        model_table=[_model_row(record) for record in glasses],
        screen=table_rows(screen_rows(records)),
        screen_note=SCORE,
        protocol=_protocol(settings, glasses),
        provenance={
            record.label: {
                key: value for key, value in record.results["provenance"].items() if key not in ELSEWHERE
            }
            for record in records
            if "provenance" in record.results
        },
    )


def _missing(tasks: Sequence[Task], store: Store, records: Sequence[Record]) -> Iterator[str]:
    """Name what the study should have and has not."""
    done = {f"{record.stage}-{record.hash}" for record in records}
    missing = {task.key: task for task in tasks if task.key not in done}
    if not missing:
        return
    yield f"{len(missing)} of {len(tasks)} tasks of the study are not done; all below is without them."
    waiting: dict[str, list[str]] = {}
    for key, task in missing.items():
        reason = store.failure(key)
        if reason is not None:
            yield f"Failed: {task.label}: {reason}"
            continue
        needed = ", ".join(missing[one].label for one in task.needs.values() if one in missing)
        waiting.setdefault(f"without {needed}" if needed else "yet", []).append(task.label)
    for why, labels in waiting.items():
        yield f"Not done {why}: {', '.join(labels)}"


def _doubts(settings: StudySettings, found: Findings, scan: Mapping[str, Any]) -> Iterator[str]:
    """Say what is provisional, small or short about the models that are there."""
    records = found.records
    made = [record.results["provenance"] for record in records if record.stage == "glass"]
    if settings.glass.exchange:
        yield (
            f"A control, no prediction: {' and '.join(settings.glass.exchange)} have each other's radii and pair "
            "parameters."
        )
    if found.provisional:
        yield f"The potential of {', '.join(found.provisional)} is provisional: its source could not be verified."
    repeats = [
        record.results["repeat_length"]
        for record in records
        if record.stage == "local_order" and record.results["repeat_length"] is not None
    ]
    if repeats:
        yield (
            f"The glasses are periodic and repeat themselves beyond {min(repeats):.1f} Å: no order of longer range, "
            "and no crystal of the size that was measured, can form in them."
        )
    taken = sum("library" in one for one in made)
    if taken:
        yield (
            f"{taken} of the {len(made)} glasses are finished models of the package's library; their own protocol is "
            "shown."
        )
    if made:
        rates = sorted({one["protocol"]["quench_rate"] for one in made})
        words = " and ".join(f"{rate:g}" for rate in rates)
        yield (
            f"The glasses were quenched at {words} K/ps, far faster than any film: what depends on that rate is not "
            "settled by them."
        )
    yield from _states(records)
    if settings.fem and any(record.stage == "fem" for record in records):
        # Without a probe, or patterns, there is nothing to set the columns against.
        probe, patterns = (
            10 * scan.get("probe_diameter_nm", math.inf),
            scan.get("patterns_per_scan_at_least", 0),
        )
        places = settings.fem.columns * (settings.fem.width / probe) ** 2
        if places < patterns:
            yield (
                f"FEM columns for each model: {settings.fem.columns}, or some {places:.0f} separate places of the "
                f"probe; a measured scan has at least {patterns:g}. Intervals are wide."
            )
        yield (
            "FEM with clusters, and the powder lines of the crystallite: size, number and lattice parameter are "
            "assumed, so positions and widths are too. They support no hypothesis."
        )


def _states(records: Sequence[Record]) -> Iterator[str]:
    """Say which models stand for which state of the film, where there is more than one protocol."""
    made = {record.inputs["model"].get("protocol") for record in records if record.stage == "glass"} - {None}
    if len(made) < 2:
        return
    for state in STATES:
        names = sorted(name for name in made if film_state(name) == state)
        if names:
            yield f"Models of {', '.join(names)} stand for {state} films; no mean is taken over two protocols."
    yield "The claims are judged on models of annealed films, unless a claim names another protocol."


def _model_row(record: Record) -> dict[str, Any]:
    made = record.results["provenance"]
    return {
        "model": model_name(dict(record.inputs["model"])),
        "formula": made["formula"],
        "atoms": made["n_atoms"],
        "density at 300 K (g/cm³)": made["density_300K"],
        "energy (eV/atom)": made["energy_per_atom"],
        "potential": made["potential"]["title"],
        "seed": made["seed"],
        "folder": f"runs/{record.stage}-{record.hash}",
    }


def _protocol(settings: StudySettings, glasses: Sequence[Record]) -> dict[str, Any]:
    """Give the settings, and the steps of the melt-quench that they stand for."""
    shown = {"study": settings.model_dump()}
    used = [record.results["provenance"]["protocol"] for record in glasses]
    steps = {protocol["name"]: dict(protocol) for protocol in used}
    if len(steps) == 1:
        return shown | {"steps": next(iter(steps.values()))}
    return shown | {"steps": steps}


def _models(records: Sequence[Record], store: Store) -> list[ModelView]:
    """Glasses, one column with clusters, and the reference crystals."""
    drawn = [record for record in records if MODEL in record.files]
    most = atom_budget(len(drawn))
    orders = {record.needs["glass"]: record for record in records if record.stage == "local_order"}
    views = []
    for record in sorted(drawn, key=lambda one: one.stage != "glass"):
        key = f"{record.stage}-{record.hash}"
        atoms = read_structure(store.runs / key / MODEL)
        order = orders.get(key) if record.stage == "glass" else record
        numbers, cutoffs = _per_atom(atoms, _cutoffs(order))
        formula = record.results["provenance"].get("formula", atoms.get_chemical_formula(empirical=True))
        note = f"{formula}, {len(atoms)} atoms"
        if "citation" in record.results:
            note += f"; {record.results['citation']}"
        if record.results.get("note"):
            note += f"; {record.results['note']}"
        views.append(
            model_view(atoms, record.label, cutoffs=cutoffs, numbers=numbers, most=most, note=f"{note}.")
        )
    ceramic = _ceramic(records, orders, store)
    glasses = sum(record.stage == "glass" for record in drawn)
    return [*views[:glasses], *ceramic, *views[glasses:]]


def _cutoffs(order: Record | None) -> dict[str, float]:
    """Where the shell of oxygens ends around each cation, as the analysis found."""
    units = order.results.get("units", {}) if order is not None else {}
    return {element: unit["cutoff"] for element, unit in units.items()}


def _per_atom(atoms: Atoms, known: Mapping[str, float]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Bond-valence sums, and the cut-offs they were taken with."""
    from alzmodel.composition import pair_label
    from alzmodel.local_order.bond_valence import atom_sums
    from alzmodel.local_order.bonds import ANION, bonds_within

    cutoffs = dict(known)
    if not cutoffs:
        from alzmodel.local_order.shells import first_shells

        try:
            shells = first_shells(atoms)
        except AlzmodelError:
            # No oxide: there are atoms to draw, and nothing to count.
            return {}, {}
        cations = set(atoms.get_chemical_symbols()) - {ANION}
        cutoffs = {element: shells.cutoffs[pair_label(element, ANION)] for element in cations}
    sums, _, _ = atom_sums(atoms, bonds_within(atoms, cutoffs))
    return {"bond-valence sum": sums}, cutoffs


def _ceramic(records: Sequence[Record], orders: Mapping[str, Record], store: Store) -> list[ModelView]:
    """Show the nucleus that the first FEM task kept."""
    for record in records:
        if NUCLEUS not in record.files or record.needs["glass"] not in orders:
            continue
        atoms = read_structure(store.runs / f"{record.stage}-{record.hash}" / NUCLEUS)
        made = atoms.info["provenance"]["clusters"]
        sides = " × ".join(f"{side:g}" for side in atoms.cell.lengths())
        place = record.label.removeprefix("FEM ")
        note = (
            f"One of {made['n_clusters']} spheres of {made['phase']}, {made['diameter']:g} Å, put by hand into a "
            f"column of {sides} Å of {place}, with the glass next to it: the nucleus is assumed, it did not grow. "
            "The view is cut open."
        )
        return [
            model_view(
                atoms,
                f"glass with a nucleus (assumed), {place}",
                cutoffs=_cutoffs(orders[record.needs["glass"]]),
                most=CLUSTER_ATOMS,
                focus=atoms.positions[atoms.arrays["cluster"] == 1].mean(axis=0),
                note=note,
                start={"colour": CLUSTERS, "cut": 50},
            )
        ]
    return []
