"""What is gathered from all results of a study: quantities, ``results.csv`` and ``study.db``.

All of it can be made anew from the results at any time, and one process makes it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.compare.network_roles import role_rows
from alzmodel.compare.quantities import Quantity, quantity_info
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.forcefields.potentials import provisional_ions
from alzmodel.io import atomic_path, read_structure, write_text
from alzmodel.study.files import MODEL
from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alzmodel.compare.network_roles import IonRole
    from alzmodel.study.store import Record, Store
    from alzmodel.study.task import Task

__all__ = [
    "CSV_COLUMNS",
    "Findings",
    "collect_records",
    "gather",
    "model_name",
    "provisional_of",
    "quantities_of",
    "roles_of",
    "write_database",
    "write_results",
]

CSV_COLUMNS = (
    "quantity",
    "value",
    "unit",
    "kind",
    "source",
    "la",
    "li",
    "dopant",
    "fraction",
    "protocol",
    "potential",
    "seed",
    "model",
    "task",
    "provisional",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What the finished tasks of a study say: made once, and handed to all that compare, draw and write.

    Attributes
    ----------
    records
        Of the finished tasks, in their order.
    rows
        One row a number, with the keys of :data:`CSV_COLUMNS`, and ``li_content`` where Li is varied; what holds for
        every composition alike stands once for each.
    quantities
        The same numbers as :mod:`alzmodel.compare` takes them.
    provisional
        Ions whose provisional potential parameters went in, by alphabet.
    """

    records: Sequence[Record]
    rows: Sequence[dict[str, Any]]
    quantities: Sequence[Quantity]
    provisional: tuple[str, ...]


def collect_records(tasks: Iterable[Task], store: Store, *, thorough: bool = False) -> list[Record]:
    """Read the records of those tasks that are done, in their order.

    Parameters
    ----------
    tasks, store
        Whose.
    thorough
        Whether the contents of all files are checked.

    Raises
    ------
    InputError
        If a result is not what it was when it was computed; only after a thorough look.
    """
    found = []
    for task in tasks:
        record = store.record(task.key, thorough=thorough)
        if record is not None:
            found.append(record)
        elif thorough and (store.runs / task.key).exists():
            raise InputError(
                f"{store.runs / task.key}: was changed on disk; allowed: 'alzmodel run' again, which makes it anew"
            )
    return found


def model_name(model: dict[str, Any]) -> str:
    """Name of a glass: the unit of the statistics, the same in every analysis of it."""
    doped = f"-{model['dopant']}{model['fraction']:g}-{model['compensate']}" if "dopant" in model else ""
    made = "".join(f"-{model[key]}" for key in ("potential", "protocol") if model.get(key))
    li = f"-li{model['li_content']:g}" if model.get("li_content") else ""
    return f"x{model['la']:g}{li}{doped}{made}-seed{model['seed']}"


def provisional_of(records: Iterable[Record]) -> tuple[str, ...]:
    """Ions whose provisional potential parameters went into these tasks, by alphabet."""
    return provisional_ions(*(record.results for record in records))


def gather(records: Sequence[Record]) -> Findings:
    """Gather what records say."""
    marks = _marks(records)
    rows = _rows(records, marks)
    provisional = tuple(sorted({ion for marked in marks.values() for ion in marked}))
    return Findings(records, rows, quantities_of(rows), provisional)


def _marks(records: Sequence[Record]) -> dict[str, tuple[str, ...]]:
    """Provisional ions behind each task: its own and those of the tasks it needed, which stand before it."""
    marks: dict[str, tuple[str, ...]] = {}
    for record in records:
        behind = [{"provisional": marks.get(key, ())} for key in record.needs.values()]
        marks[f"{record.stage}-{record.hash}"] = provisional_ions(record.results, behind)
    return marks


def _rows(records: Sequence[Record], marks: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    contents = sorted(
        {record.inputs["model"]["la"] for record in records if record.stage == "glass"},
    )
    rows = []
    for record in records:
        model = dict(record.inputs.get("model", {}))
        for quantity in record.quantities:
            row = {
                "quantity": quantity["name"],
                "value": math.nan if quantity["value"] is None else float(quantity["value"]),
                "unit": quantity_info(quantity["name"]).unit,
                "kind": quantity.get("kind", "predicted"),
                "source": quantity.get("source", "glass"),
                "la": model.get("la"),
                "li": model.get("li"),
                "li_content": model.get("li_content"),
                "dopant": model.get("dopant"),
                "fraction": model.get("fraction"),
                "protocol": model.get("protocol"),
                "potential": quantity.get("potential", model.get("potential")),
                "seed": model.get("seed"),
                "model": model_name(model) if model else record.label,
                "task": f"{record.stage}-{record.hash}",
                "provisional": " ".join(marks[f"{record.stage}-{record.hash}"]),
            }
            beside = record.stage in STAGES and STAGES[record.stage].beside_films
            spread = (contents or [None]) if beside else [row["la"]]
            rows += [{**row, "la": la} for la in spread]
    return rows


def quantities_of(rows: Iterable[Mapping[str, Any]]) -> list[Quantity]:
    """Numbers of ``results.csv`` as :mod:`alzmodel.compare` takes them; keys that are not there are None."""
    return [
        Quantity(
            name=row["quantity"],
            x=row.get("la"),
            model=row["model"],
            value=math.nan if row["value"] is None else row["value"],
            unit=row["unit"],
            kind=row["kind"],
            source=row["source"],
            dopant=row.get("dopant"),
            fraction=row.get("fraction"),
            protocol=row.get("protocol"),
            potential=row.get("potential"),
            li=row.get("li_content"),
        )
        for row in rows
    ]


def roles_of(records: Iterable[Record]) -> list[IonRole]:
    """Gather the roles of the cations in the undoped glasses whose local order is done."""
    return role_rows(
        (record.inputs["model"], record.results["roles"])
        for record in records
        if record.stage == "local_order" and "dopant" not in record.inputs["model"]
    )


def write_results(found: Findings, path: Path) -> None:
    """Write ``results.csv``: one row a number, with its unit and whether it is predicted or assumed."""
    buffer = io.StringIO()
    several = any(row["potential"] for row in found.rows)
    # A study of one potential has no need to say so in each row.
    columns = [name for name in CSV_COLUMNS if several or name != "potential"]
    table = csv.DictWriter(buffer, columns, lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    for row in found.rows:
        shown = {key: "" if value is None else value for key, value in row.items()}
        shown["value"] = "" if math.isnan(row["value"]) else repr(row["value"])
        table.writerow(shown)
    write_text(path, buffer.getvalue())


def write_database(found: Findings, store: Store, path: Path) -> None:
    """Write ``study.db``: an ASE database with every glass and reference crystal.

    Its keys are ``la``, ``li``, ``dopant``, ``fraction``, ``seed``, ``kind``, ``phase`` and the quantities of the
    model, such as ``density``: ``ase db study.db la=3``. ASE itself takes ``La=3`` for cells with three La atoms.

    Raises
    ------
    AlzmodelError
        If it cannot be written.
    """
    import ase.db

    numbers: dict[str, dict[str, float]] = {}
    for row in found.rows:
        if row["source"] == "glass" and not math.isnan(row["value"]):
            numbers.setdefault(row["model"], {})[row["quantity"]] = row["value"]
    models = [record for record in found.records if MODEL in record.files]
    with atomic_path(path) as target, _told_of(path), tempfile.TemporaryDirectory() as folder:
        # SQLite needs locks, which not every file system has, and a short path.
        temporary = Path(folder) / path.name
        with ase.db.connect(temporary, type="db", append=False, use_lock_file=False) as database:
            # Makes the tables, which a study without a finished model has too.
            database.count()
            for record in models:
                key = f"{record.stage}-{record.hash}"
                atoms = read_structure(store.runs / key / MODEL)
                model = dict(record.inputs.get("model", {}))
                pairs = {name: value for name, value in model.items() if value is not None}
                pairs["kind"] = record.stage
                if model:
                    pairs |= numbers.get(model_name(model), {})
                else:
                    pairs["phase"] = record.inputs["phase"]
                data = {"task": key, "provenance": atoms.info.pop("provenance", {})}
                atoms.info.clear()
                database.write(atoms, key_value_pairs=pairs, data=json.loads(json.dumps(data)))
        _take_times_out(temporary, [f"{record.stage}-{record.hash}" for record in models])
        shutil.copyfile(temporary, target)


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Let errors of SQLite, such as of a full disk, name the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise AlzmodelError(f"{path}: cannot be written ({error})") from error


def _take_times_out(path: Path, keys: Sequence[str]) -> None:
    """Put the hash of each model in place of times and random names, so that the same study is the same file."""
    connection = sqlite3.connect(path)
    try:
        with connection:
            connection.execute("UPDATE systems SET ctime = 0, mtime = 0, username = ''")
            connection.executemany(
                "UPDATE systems SET unique_id = ? WHERE id = ?",
                [(key.rpartition("-")[2].rjust(32, "0"), number) for number, key in enumerate(keys, start=1)],
            )
    finally:
        connection.close()
