"""The report of a study, finished, partly done or failed: what :mod:`alzmodel.report.page` shows, gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.rivals import rival_rows
from alzmodel.errors import AlzmodelError
from alzmodel.io import read_structure
from alzmodel.report.page import Page, PageFigure
from alzmodel.report.table import models_rows
from alzmodel.report.viewer import atom_budget, model_view
from alzmodel.study.earlier import earlier_words
from alzmodel.study.figures import study_figures
from alzmodel.study.files import ATOMS, CURVES, MODEL
from alzmodel.study.index import model_name
from alzmodel.study.library_curves import WAVELENGTH, laid_curves, library_curves
from alzmodel.study.results import Results
from alzmodel.study.screening import SCORE, screen_rows, table_rows
from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from ase import Atoms

    from alzmodel.compare.measured import Measured
    from alzmodel.report.viewer import ModelView
    from alzmodel.study.index import Findings
    from alzmodel.study.judging import Judged
    from alzmodel.study.settings import StudySettings
    from alzmodel.study.store import Record, Store
    from alzmodel.study.task import Task

__all__ = ["study_page"]

ELSEWHERE = {"thermo"}
"""Of the provenance; drawn as a figure."""


def study_page(
    settings: StudySettings,
    tasks: Sequence[Task],
    store: Store,
    found: Findings,
    judged: Judged,
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
    judged, measured
        The comparison, and what it is with.
    drawn
        Files that :func:`alzmodel.study.figures.draw_all` wrote.
    """
    files = {path.name: path for path in drawn}
    records = found.records
    glasses = [record for record in records if record.stage == "glass"]
    results = Results(records, found.quantities, store, judged.rows, measured)
    shipped = library_curves()
    patterns = results.of("xrd")
    wavelength = patterns[0].results["wavelength"] if patterns else WAVELENGTH
    return Page(
        title=f"Study: {settings.name}",
        opening=judged.opening,
        verdicts=judged.verdicts,
        rows=judged.rows,
        measured=measured,
        rivals=rival_rows(judged.basis.quantities, load_hypotheses(settings.compare.hypotheses)),
        figures=[
            PageFigure(figure.title, figure.caption, files[f"{name}.svg"], files.get(f"{name}.csv"))
            for name, figure in study_figures().items()
            if figure.on_page and f"{name}.svg" in files
        ],
        warnings=[
            *_missing(tasks, store, records),
            *earlier_words(tasks),
        ],
        notes=list(_doubts(settings, found, measured)),
        models=_models(results),
        curves=[*laid_curves(results), *([] if shipped is None else shipped.laid(wavelength))],
        wavelength=wavelength,
        model_table=[_model_row(record) for record in glasses],
        numbers=models_rows(found.quantities),
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


def _doubts(settings: StudySettings, found: Findings, measured: Measured) -> Iterator[str]:
    """Say what is provisional, small or short about the models that are there."""
    if found.provisional:
        yield f"The potential of {', '.join(found.provisional)} is provisional: its source could not be verified."
    tables = dict(settings)
    for stage in STAGES.values():
        if tables[stage.table] is not False:
            records = [one for one in found.records if one.stage == stage.name]
            yield from stage.caveats(records, tables, measured)


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


def _models(results: Results) -> list[ModelView]:
    """Models that the tasks left: the glasses first; then what stages show besides, and the other models."""
    drawn = [record for record in results.records if MODEL in record.files]
    most = atom_budget(len(drawn))
    glasses = [_view(record, results, most) for record in drawn if record.stage == "glass"]
    others = [_view(record, results, most) for record in drawn if record.stage != "glass"]
    return [*glasses, *(view for stage in STAGES.values() for view in stage.views(results)), *others]


def _view(record: Record, results: Results, most: int) -> ModelView:
    """Prepare the model of one task, with all that is known of each of its atoms."""
    atoms = read_structure(results.folder(record) / MODEL)
    numbers, cutoffs = _per_atom(atoms, results.cutoffs(record))
    key = f"{record.stage}-{record.hash}"
    for other in results.records:
        if other is record or key in other.needs.values():
            numbers |= _atom_curves(other, results, len(atoms))
    formula = record.results["provenance"].get("formula", atoms.get_chemical_formula(empirical=True))
    note = f"{formula}, {len(atoms)} atoms"
    if "citation" in record.results:
        note += f"; {record.results['citation']}"
    if record.results.get("note"):
        note += f"; {record.results['note']}"
    return model_view(atoms, record.label, cutoffs=cutoffs, numbers=numbers, most=most, note=f"{note}.")


def _atom_curves(record: Record, results: Results, n_atoms: int) -> dict[str, np.ndarray]:
    """Numbers for each atom that a stage left among its curves."""
    if CURVES not in record.files:
        return {}
    found = {}
    for name, curve in results.curves(record, ATOMS).items():
        if curve.values.shape == (n_atoms,):
            words = name.removeprefix(f"{ATOMS}/")
            found[f"{words} ({curve.unit})" if curve.unit else words] = curve.values
    return found


def _per_atom(atoms: Atoms, known: Mapping[str, float]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Give the numbers of local order that colour a model, and the cut-offs they were taken with."""
    from alzmodel.ions import pair_label
    from alzmodel.local_order.bonds import ANION, bonds_within
    from alzmodel.local_order.per_atom import ATOM_QUANTITIES, AtomSurroundings

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
    around = AtomSurroundings(atoms, bonds_within(atoms, cutoffs))
    numbers = {}
    for one in ATOM_QUANTITIES:
        values = one.values(around) if one.in_viewer else None
        if values is not None:
            numbers[f"{one.label} ({one.unit})" if one.unit else one.label] = values
    return numbers, cutoffs
