"""Whose models the hypotheses of a study are judged by: its own, or the finished ones of the library."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alzmodel.forcefields.potentials import potential
from alzmodel.models.library import library
from alzmodel.study.index import quantities_of
from alzmodel.study.shipped import read_shipped, write_shipped
from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alzmodel.compare.quantities import Quantity
    from alzmodel.study.index import Findings
    from alzmodel.study.settings import StudySettings

__all__ = ["FILE", "Basis", "LibraryResults", "basis_of", "library_results", "write_library_results"]

FILE = "results.json.xz"
"""Name of the file beside the models of the library."""


@dataclass(frozen=True, slots=True)
class Basis:
    """The models that the hypotheses are judged by.

    Attributes
    ----------
    models
        ``"study"`` or ``"library"``.
    n_models
        How many glasses there are.
    words
        One sentence about them.
    quantities
        Their numbers.
    potential
        What made them, where the numbers do not say it.
    """

    models: str
    n_models: int
    words: str
    quantities: Sequence[Quantity]
    potential: str

    def to_dict(self) -> dict[str, Any]:
        """Key ``judged_by`` of ``alzmodel run --json`` and ``compare --json``."""
        return {"models": self.models, "n_models": self.n_models, "words": self.words}


@dataclass(frozen=True, slots=True)
class LibraryResults:
    """What the analyses of a study say of the models of the library.

    Attributes
    ----------
    stages
        Name and version of each analysis that was done.
    sha256
        Name of each model, and the digest of its file and of its frames.
    rows
        As in ``results.csv`` of a study.
    potential
        Of the models of rows that name none.
    """

    stages: dict[str, int]
    sha256: dict[str, list[str]]
    rows: tuple[dict[str, Any], ...]
    potential: str = "du-teter"

    def of(self, potentials: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of the models of some potentials, and those that hold for all; marked where there are several."""
        found = []
        for row in self.rows:
            crystal = row["source"] == "crystal" and "potential" not in row
            own = row.get("potential", self.potential)
            if crystal or own in potentials:
                mark = {"potential": own} if len(potentials) > 1 and not crystal else {"potential": None}
                found.append({"value": None, **row, **mark})
        return found


@functools.cache
def library_results(folder: Path | None = None) -> LibraryResults | None:
    """Read the results that come with the library; None if there are none.

    Raises
    ------
    AlzmodelError
        If the file cannot be read.
    """
    return read_shipped(
        FILE,
        folder,
        lambda data: LibraryResults(
            data["stages"], data["sha256"], tuple(data["rows"]), data.get("potential", "du-teter")
        ),
        "results",
    )


def write_library_results(found: Findings, folder: Path | None = None) -> Path:
    """Put the results of a study of the library's glasses beside them.

    Parameters
    ----------
    found
        Of a study with ``models = "library"``.
    folder
        Of the library; by default the package's own.
    """
    glasses = [record for record in found.records if record.stage == "glass"]
    names = {one.name: one for one in library(folder)}
    models = [names[record.inputs["library"]["name"]] for record in glasses]
    potentials = sorted({one.potential for one in models})
    content = {
        **({"potential": potentials[0]} if len(potentials) == 1 else {}),
        "stages": {name: STAGES[name].version for name in sorted({one.stage for one in found.records})},
        "sha256": {model.name: list(model.sha256) for model in models},
        "rows": [{key: value for key, value in row.items() if value is not None} for row in found.rows],
    }
    path = write_shipped(FILE, folder, content)
    library_results.cache_clear()
    return path


def basis_of(settings: StudySettings, found: Findings) -> Basis:
    """Say whose models the hypotheses of a study are judged by.

    Those of the study, unless ``[compare] verdicts = "library"``, its glasses are undoped, and the library has some
    that were made with its potential, with results.

    Parameters
    ----------
    settings, found
        The study, and what its finished tasks say.
    """
    own = sum(record.stage == "glass" for record in found.records)
    glass = settings.glass
    asked = [potential(name).name for name in glass.potential_names]
    mine = f"the {own} glass{'es' if own != 1 else ''} of this study, made with {_listed(asked)}"
    if settings.compare.verdicts == "study":
        return Basis("study", own, f"Verdicts rest on {mine}.", found.quantities, asked[0])
    results = library_results()
    entries = [one for one in library() if one.kind == "glass" and one.potential in asked]
    usable = [one for one in entries if results and results.sha256.get(one.name) == list(one.sha256)]
    plain = not glass.dopants and glass.li_contents in {(None,), (7.0,)} and glass.oxygen == "balance"
    if results is None or not usable or not plain:
        why = "none of the library's were made this way"
        return Basis("study", own, f"Verdicts rest on {mine}: {why}.", found.quantities, asked[0])
    there = [name for name in asked if any(one.potential == name for one in usable)]
    sizes = sorted(one.n_atoms for one in usable)
    contents = ", ".join(f"{x:g}" for x in sorted({one.la for one in usable}))
    words = (
        f"Verdicts rest on {len(usable)} finished glasses of the library ({sizes[0]} to {sizes[-1]} atoms, "
        f"x = {contents}, potential {_listed(there)}), not on {mine}."
    )
    if len(there) < len(asked):
        words += f" The library has none of {_listed([name for name in asked if name not in there])}."
    return Basis("library", len(usable), words, quantities_of(results.of(there)), there[0])


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
