"""What a model or a study rests on, so that it can be cited: program, measurement, potentials, crystals, data."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alzmodel.compare.measured import Measured
    from alzmodel.study.store import Record

__all__ = ["Citation", "bibtex", "citations_of", "program_citations"]

_ARTICLE: Final = re.compile(
    r"(?P<author>.+?), (?P<journal>[^,]+?) (?P<volume>\d+) \((?P<year>\d{4})\) (?P<pages>[A-Z]?\d+(?:-[A-Z]?\d+)?)"
)
_ARTICLE_WITHOUT_VOLUME: Final = re.compile(
    r"(?P<author>.+), (?P<journal>[^,]+?) (?P<year>\d{4}), (?P<pages>\d+)$"
)
_DOI: Final = re.compile(r"doi (10\.\d{4,}/[^\s,;]+)")
_FITTED: Final = "fitted here"


@dataclass(frozen=True, slots=True)
class Citation:
    """One thing to cite.

    Attributes
    ----------
    key
        Name in BibTeX.
    words
        What it stands for.
    text
        The citation as it is to be read.
    doi
        Empty where there is none.
    title
        Of the article, empty where it is not known here: the DOI leads to it.
    ions
        Of a potential: those whose parameters come from it.
    """

    key: str
    words: str
    text: str
    doi: str = ""
    title: str = ""
    ions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Every attribute by its name, and the entry in BibTeX under ``bibtex``."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"ions": list(self.ions), "bibtex": bibtex(self)}


def bibtex(citation: Citation) -> str:
    """Write an entry of BibTeX: an article where the text says volume, year and page, else ``@misc`` with the text."""
    found = _ARTICLE.search(citation.text) or _ARTICLE_WITHOUT_VOLUME.search(citation.text)
    if found is None:
        fields = {"title": citation.title or citation.text, "note": citation.words}
        kind = "misc"
    else:
        kind = "article"
        names = re.split(r", (?:and )?| and ", found["author"].rpartition("; ")[2])
        authors = [name.replace(" et al.", " and others") for name in names if name]
        fields = {
            "author": " and ".join(authors),
            "title": citation.title,
            **{name: found.groupdict().get(name, "") for name in ("journal", "volume", "year")},
            "pages": found["pages"].replace("-", "--"),
        }
    fields["doi"] = citation.doi
    lines = [f"  {name} = {{{_escaped(value)}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{citation.key},", *lines, "}"])


def _escaped(text: str) -> str:
    return re.sub(r"([&%#_])", r"\\\1", text)


def _of_text(words: str, text: str, *, key: str = "", title: str = "") -> Citation:
    found = _DOI.search(text)
    doi = found[1] if found else ""
    return Citation(key or _key(text), words, text, doi, title or _data()["titles"].get(doi, ""))


@functools.cache
def _data() -> dict[str, dict[str, Any]]:
    text = resources.files("alzmodel").joinpath("data/citations.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _own(key: str) -> Citation:
    row = _data()["sources"][key]
    return _of_text(row["words"], row["text"], key=key, title=row["title"])


def program_citations(measured: Measured | None = None) -> tuple[Citation, Citation]:
    """Return the program, and the measurement that it is compared with.

    Parameters
    ----------
    measured
        By default the measured values that come with the package.
    """
    from alzmodel import __version__
    from alzmodel.compare.measured import load_measured

    values = load_measured(None) if measured is None else measured
    name = f"alzmodel {__version__}: atomistic models of Li-La-Zr-O glasses and the scattering they predict"
    program = Citation("alzmodel", "the program", f"The alzmodel developers, {name}", title=name)
    title = _data()["titles"].get(values.doi, "")
    measurement = Citation(_key(values.citation), "the measured values", values.citation, values.doi, title)
    return program, measurement


def citations_of(what: Sequence[str | Path] = ()) -> tuple[Citation, ...]:
    """Say what models and studies rest on; each source once.

    Parameters
    ----------
    what
        Structure files that the package wrote, names of models of the library, folders of studies.

    Returns
    -------
    tuple of Citation
        The program and the measurement first.

    Raises
    ------
    InputError
        If one of them is neither, or holds no word on how it was made.
    """
    found: list[Citation] = []
    measured: Measured | None = None
    for one in what:
        path = Path(one)
        if path.is_dir():
            values, rest = _of_study(path)
            measured = measured or values
        else:
            rest = list(_of_model(_provenance(one), str(one)))
        found += rest
    return _each_once([*program_citations(measured), *found])


def _each_once(listed: Iterable[Citation]) -> tuple[Citation, ...]:
    """Join what is cited twice, and give every source a key of its own."""
    found: dict[str, Citation] = {}
    for one in listed:
        known = found.get(one.text)
        ions = one.ions if known is None else tuple(dict.fromkeys((*known.ions, *one.ions)))
        found[one.text] = replace(known or one, ions=ions)
    keys: dict[str, int] = {}
    unique = []
    for one in found.values():
        keys[one.key] = keys.get(one.key, 0) + 1
        number = keys[one.key]
        unique.append(one if number == 1 else replace(one, key=f"{one.key}-{number}"))
    return tuple(unique)


def _provenance(one: str | Path) -> Mapping[str, Any]:
    """Find what the package has written into a model."""
    from alzmodel.io import read_frames
    from alzmodel.models.library import library, load_model

    named = [entry for entry in library() if entry.name == str(one)]
    atoms = load_model(named[0]) if named else read_frames(one)[-1]
    known = atoms.info.get("provenance")
    if not isinstance(known, dict):
        raise InputError(
            f"{one}: does not say how it was made; allowed: a model that alzmodel wrote (extended XYZ), the name of a "
            "model of the library, the folder of a study"
        )
    return known


def _of_model(provenance: Mapping[str, Any], place: str) -> Iterator[Citation]:
    """Give the sources of one model."""
    potential = provenance.get("potential") or provenance.get("relaxation")
    if isinstance(potential, dict):
        yield from _of_potential(potential, place)
    calculators = str(provenance.get("calculator", "")).lower()
    made = {
        "any",
        *({"lammps"} if potential else ()),
        *(one for one in ("7net", "chgnet") if one in calculators),
    }
    if isinstance(potential, dict) and str(potential.get("name", "")).startswith("learned"):
        made.add("learned")
    for key, row in _data()["sources"].items():
        if made & set(row["models"]):
            yield _own(key)
    for part in (provenance, provenance.get("nucleus")):
        if isinstance(part, dict) and part.get("phase"):
            yield from _of_phase(str(part["phase"]))


def _of_potential(potential: Mapping[str, Any], place: str) -> Iterator[Citation]:
    """Give the published sources of the parameters of each ion; those that were fitted here have none."""
    from alzmodel.forcefields.potentials import potential as potential_of

    try:
        known = potential_of(str(potential["name"]))
        ions = [known.ion(str(label)) for label in potential.get("ions", ())]
    except (KeyError, InputError) as error:
        words = f"{place}: its potential is not known here ({error}); allowed: one of this version"
        raise InputError(words) from error
    uses: dict[str, list[str]] = {}
    for ion in ions:
        for source in ion.sources:
            uses.setdefault(source, []).append(ion.label)
    for source, labels in uses.items():
        if not source.startswith(_FITTED):
            yield replace(_of_text(f"potential {known.name}", source), ions=tuple(labels))


def _key(text: str) -> str:
    """Make a key of a citation: family name of the first author, and the year."""
    found = _ARTICLE.search(text) or _ARTICLE_WITHOUT_VOLUME.search(text)
    if found is None:
        return re.sub(r"\W+", "-", text.lower()).strip("-")[:40].strip("-")
    first = re.split(r", | and ", found["author"].rpartition("; ")[2].replace(" et al.", ""))[0]
    return f"{re.sub(r'[^a-z]', '', first.split()[-1].lower())}-{found['year']}"


def _of_phase(name: str) -> Iterator[Citation]:
    from alzmodel.crystals import phase_of

    try:
        text = phase_of(name).citation
    except InputError:
        return
    yield _of_text(f"crystal {name}", text)


def _of_study(folder: Path) -> tuple[Measured, list[Citation]]:
    """Return what a study is compared with, and the sources of its finished tasks."""
    from alzmodel.compare.measured import load_measured
    from alzmodel.study.earlier import with_earlier
    from alzmodel.study.index import collect_records
    from alzmodel.study.settings import load_study
    from alzmodel.study.store import STUDY, Store
    from alzmodel.study.tasks import plan

    if not (folder / STUDY).is_file():
        raise InputError(
            f"{folder}: holds no {STUDY}; allowed: the folder of a study that 'alzmodel run' made"
        )
    settings = load_study(folder / STUDY)
    store = Store(folder)
    records = collect_records(with_earlier(plan(settings), store), store)
    return load_measured(settings.compare.measured), list(_of_records(records, folder))


def _of_records(records: Iterable[Record], folder: Path) -> Iterator[Citation]:
    listed = list(records)
    for record in listed:
        provenance = record.results.get("provenance")
        if isinstance(provenance, dict):
            yield from _of_model(provenance, f"{folder}: {record.label}")
        if record.results.get("citation"):
            text = str(record.results["citation"])
            yield _of_text(record.label, text)
    stages = {record.stage for record in listed}
    for key, row in _data()["sources"].items():
        if stages & set(row["stages"]):
            yield _own(key)
    if listed:
        yield _own("threedmol-2015")
