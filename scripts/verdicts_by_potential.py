"""The conclusions of the paper judged by the finished glasses of every potential, side by side.

    python scripts/verdicts_by_potential.py -o docs/results/verdicts_by_potential
    python scripts/verdicts_by_potential.py --library LEARNED GRIMES --workdir DIR -o verdicts

writes a page (.md) and a table of all hypotheses and potentials (.csv). Glasses come from the package's library and
from the folders after ``--library``, which ``scripts/make_potential_library.py`` fills. What the package holds of
its own glasses is taken as it is; others are analysed as the preset ``paper`` does, without vibrations unless
``--vibrations`` is given. Everything is kept in the folder of the work, so that the same call goes on, and one after it
takes seconds. No glass is built: analysing 24 glasses takes some seven minutes of a core.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.cli.study_display import show_study
from alzmodel.compare.by_potential import judge_by_potential
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import of_potential, per_model, quantity_info
from alzmodel.compare.side_by_side import side_by_side
from alzmodel.errors import AlzmodelError, InputError, run_main
from alzmodel.io import check_writable, write_text
from alzmodel.models.library import library, library_folder, load_model
from alzmodel.report.potential_table import (
    GATE_NOTE,
    gate_lines,
    markdown_table,
    potential_table,
    verdicts_csv,
)
from alzmodel.report.table import with_error
from alzmodel.statistics import mean_std
from alzmodel.study.basis import library_results
from alzmodel.study.index import quantities_of
from alzmodel.study.runner import run
from alzmodel.study.settings import preset
from alzmodel.study.stages import STAGES
from alzmodel.study.stages.vibrations import VibrationSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alzmodel.compare.quantities import Quantity
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.models.library import LibraryModel
    from alzmodel.study.settings import StudySettings

STATES = ("annealed-low-Tf", "as-deposited-high-Tf")
"""Protocols that stand for a state of the film; others say what the rate of the quench does."""
TRENDS = (
    *("density", "packing_fraction", "zr_o_distance", "la_o_distance", "li_o_distance", "zr_la_distance"),
    *("zr_o_coordination", "la_o_coordination", "li_o_coordination", "edge_fraction_zr_la"),
)
TEACHERS = Path("docs/results/learned-potential-teachers.csv")


@dataclass(frozen=True)
class Source:
    """Glasses of one potential in one library."""

    potential: str
    folder: Path
    entries: tuple[LibraryModel, ...]


def sources(folders: Sequence[Path]) -> list[Source]:
    """Glasses by potential, of which one library alone may have some."""
    found: dict[str, Source] = {}
    for folder in folders:
        entries = [one for one in library(folder) if one.kind == "glass"]
        if not entries:
            raise InputError(f"--library {folder}: holds no glass; allowed: a folder of finished models")
        for name in dict.fromkeys(one.potential for one in entries):
            if name in found:
                raise InputError(
                    f"--library {folder}: {name} is in {found[name].folder} too; allowed: each in one library"
                )
            own = tuple(one for one in entries if one.potential == name)
            found[name] = Source(name, folder, own)
    return list(found.values())


def stored(source: Source) -> list[Quantity] | None:
    """Numbers of the package's own glasses; None where they are of other models or of earlier analyses."""
    results = library_results(source.folder)
    if results is None or any(STAGES[name].version != version for name, version in results.stages.items()):
        return None
    if any(results.sha256.get(one.name) != list(one.sha256) for one in source.entries):
        return None
    return quantities_of(results.of([source.potential]))


def study_of(source: Source, *, vibrations: bool) -> StudySettings:
    """Preset ``paper`` on the glasses of a source, V also as the microscope records it."""
    paper = preset("paper")
    glass = {
        "la": sorted({one.la for one in source.entries}),
        "models": "library",
        "library": None if source.folder == library_folder() else str(source.folder),
        "potential": source.potential,
        "protocol": sorted({one.protocol for one in source.entries}),
    }
    recorded = paper.fem.observed.model_copy(update={"on": True})
    return paper.model_copy(
        update={
            "name": f"glasses of {source.potential}",
            "glass": paper.glass.model_copy(update=glass),
            "fem": paper.fem.model_copy(update={"observed": recorded}),
            "reference": False,
            **({"vibrations": VibrationSettings(coulomb="dsf")} if vibrations else {}),
        }
    )


def analysed(source: Source, options: argparse.Namespace) -> list[Quantity]:
    """Numbers of the glasses of a source, each with its potential."""
    known = None if options.anew else stored(source)
    if known is None:
        folder = options.workdir / source.potential
        with show_study() as listen:
            result = run(
                study_of(source, vibrations=options.vibrations),
                folder,
                workers=options.workers,
                listen=listen,
            )
        if result.exit_code:
            raise AlzmodelError(f"{folder}: {result.tasks['failed']} tasks failed; run it again")
        with (folder / "results.csv").open(encoding="utf-8", newline="") as handle:
            known = quantities_of(_row(row) for row in csv.DictReader(handle))
    one_protocol = source.entries[0].protocol if len({one.protocol for one in source.entries}) == 1 else None
    return [
        replace(
            q,
            potential=None if q.source == "crystal" else source.potential,
            protocol=q.protocol or (one_protocol if q.source != "crystal" else None),
        )
        for q in known
    ]


def _row(row: dict[str, str]) -> dict[str, object]:
    """Line of ``results.csv`` with its numbers; what is empty is None."""
    numbers = {"value", "la", "li", "fraction"}
    return {
        key: None if not value else float(value) if key in numbers else value for key, value in row.items()
    }


def judged(quantities: Iterable[Quantity], found: Iterable[Source]) -> list[Quantity]:
    """Leave out the glasses that only say what the rate does, where there are some of the two states of the film."""
    kept = {
        source.potential: {one.protocol for one in source.entries} & set(STATES)
        or {one.protocol for one in source.entries}
        for source in found
    }
    return [q for q in quantities if q.protocol is None or q.protocol in kept.get(q.potential or "", ())]


def trend_rows(quantities: Sequence[Quantity], found: Sequence[Source]) -> list[dict[str, str]]:
    """Means over models by potential, protocol (with its rate) and content."""
    rows = []
    for source in found:
        own = [q for q in of_potential(quantities, source.potential) if q.source == "glass"]
        for protocol, rate, atoms in _protocols(source):
            for x in sorted({one.la for one in source.entries if one.protocol == protocol}):
                here = [q for q in own if q.protocol == protocol and q.x == x]
                cells = {_heading(name): _mean([q for q in here if q.name == name]) for name in TRENDS}
                row = {
                    "potential": source.potential,
                    "protocol": protocol,
                    "K/ps": f"{rate:g}",
                    "atoms": atoms,
                    "x": f"{x:g}",
                }
                rows.append({**row, "models": str(len({q.model for q in here})), **cells})
    return rows


def _protocols(source: Source) -> list[tuple[str, float, str]]:
    """Name, rate of the quench and size of each protocol, the fastest first."""
    found = []
    for name in dict.fromkeys(one.protocol for one in source.entries):
        own = [one for one in source.entries if one.protocol == name]
        rate = load_model(own[0], source.folder).info["provenance"]["protocol"]["quench_rate"]
        sizes = sorted({one.n_atoms for one in own})
        found.append((name, rate, f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]}–{sizes[-1]}"))
    return sorted(found, key=lambda one: -one[1])


def _heading(name: str) -> str:
    info = quantity_info(name)
    return f"{info.label} ({info.unit})" if info.unit else info.label


def _mean(members: Iterable[Quantity]) -> str:
    values = list(per_model(members).values())
    if len(values) < 2:
        return with_error(values[0] if values else None)
    return with_error(*mean_std(values))


def changes(verdicts: Sequence[Verdict]) -> list[str]:
    """Name the hypotheses on which two potentials say the opposite, or their effects exclude one another."""
    names = [one.potential for one in verdicts[0].by_potential] if verdicts else []
    if len(names) < 2:
        return []
    columns = {
        name: [verdict.by_potential[place].verdict for verdict in verdicts]
        for place, name in enumerate(names)
    }
    lines: dict[str, list[str]] = {}
    for row in side_by_side(columns):
        if row.depends:
            lines.setdefault(f"{row.id}, {row.title}", []).append(row.quantity)
    return [f"- {title}: {', '.join(dict.fromkeys(parts))}" for title, parts in lines.items()]


HEAD = """# Verdicts by potential

Made by `python scripts/verdicts_by_potential.py`. {counts}. Each hypothesis is judged by the models of annealed
films, potential by potential, as docs/verdicts.md says.

{note} The numbers stand in [{table}]({table}).
"""
SPREAD = """Other universal models on frames of the learned potential, against its teacher: what its glasses may be
wrong by besides its own error (eV/Å, GPa).
"""


def page(
    verdicts: Sequence[Verdict], quantities: Sequence[Quantity], found: Sequence[Source], table: str
) -> str:
    """Markdown of everything; `table` is the name of the CSV beside it."""
    counts = "; ".join(f"{source.potential}: {len(source.entries)} glasses" for source in found)
    words = [HEAD.format(counts=counts, note=GATE_NOTE, table=table)]
    words.append(markdown_table(potential_table(verdicts, one_too=True)))
    if outside := gate_lines(verdicts):
        words += ["## Gates that are not passed\n", "\n".join(f"- {line}" for line in outside) + "\n"]
    if depends := changes(verdicts):
        words += ["## What depends on the potential\n", "\n".join(depends) + "\n"]
    words += [
        "## Density and first shells over content, protocol and rate\n",
        "Mean ± sample deviation over models; one model has none.\n",
        markdown_table(trend_rows(quantities, found)),
    ]
    if any(source.potential.startswith("learned") for source in found) and TEACHERS.is_file():
        with TEACHERS.open(encoding="utf-8", newline="") as handle:
            teachers = list(csv.DictReader(handle))
        words += [
            "## The spread of the teachers\n",
            SPREAD,
            markdown_table(teachers),
        ]
    return "\n".join(words)


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse what is missing, judge, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--library", type=Path, nargs="+", default=[], metavar="DIR", help="further libraries"
    )
    parser.add_argument("--only", action="store_true", help="without the package's own library")
    parser.add_argument("--workdir", type=Path, default=Path("verdicts-study"), metavar="DIR")
    parser.add_argument("--workers", type=int, default=2, metavar="N")
    parser.add_argument("--vibrations", action="store_true", help="analyse bands too: minutes a glass")
    parser.add_argument("--anew", action="store_true", help="analyse the package's glasses again too")
    parser.add_argument("-o", "--output", type=Path, required=True, help="name of the files, without ending")
    options = parser.parse_args(arguments)
    table, text = (options.output.with_name(options.output.name + ending) for ending in (".csv", ".md"))
    for path in (table, text):
        check_writable(path)
    if options.only and not options.library:
        raise InputError("--only: without --library; allowed: with folders of finished models")
    found = sources([*([] if options.only else [library_folder()]), *options.library])
    quantities = [q for source in found for q in analysed(source, options)]
    verdicts = judge_by_potential(judged(quantities, found), load_hypotheses())
    write_text(table, verdicts_csv(verdicts))
    write_text(text, page(verdicts, quantities, found, table.name))
    print(f"wrote {table} and {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_main(main)
