"""Pack the glasses of a finished study into the library of models that comes with the package.

    alzmodel run structures/models/library.toml --out library-study
    python scripts/make_model_library.py library-study

Every glass of the study becomes two compressed files in structures/models and a line of its index.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.errors import InputError, run_main
from alzmodel.io import read_frames, read_structure
from alzmodel.models.library import add_model, library_folder
from alzmodel.study.index import collect_records, model_name
from alzmodel.study.settings import load_study
from alzmodel.study.stages import FRAMES, MODEL
from alzmodel.study.store import Store
from alzmodel.study.tasks import plan

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Pack every glass of a study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="folder of a study that 'alzmodel run' finished")
    parser.add_argument("--library", type=Path, default=library_folder(), help="folder of the library")
    options = parser.parse_args(arguments)
    if not (options.study / "study.toml").is_file():
        raise InputError(f"{options.study}: holds no study.toml; allowed: the folder of a study")
    store = Store(options.study)
    records = collect_records(plan(load_study(options.study / "study.toml")), store)
    glasses = [record for record in records if record.stage == "glass"]
    for number, record in enumerate(glasses, start=1):
        model = record.inputs["model"]
        folder = store.runs / f"{record.stage}-{record.hash}"
        name = model_name({"protocol": record.results["provenance"]["protocol"]["name"], **model})
        entry = add_model(
            name,
            read_structure(folder / MODEL),
            read_frames(folder / FRAMES),
            la=model["la"],
            li=model["li"],
            folder=options.library,
        )
        print(f"{number}/{len(glasses)} {entry.name}: {entry.n_atoms} atoms", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_main(main)
