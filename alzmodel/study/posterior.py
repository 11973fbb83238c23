"""A posterior on disk: specimens, recordings, samples and a figure; specimens are kept as soon as they are computed."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.compare.inverse import criteria_of
from alzmodel.compare.posterior import (
    READINGS,
    Evidence,
    Posterior,
    Taught,
    data_of,
    sample,
    sample_together,
    summarise,
    teach,
    verdict,
    words_of,
)
from alzmodel.errors import InputError
from alzmodel.folders import hold
from alzmodel.io import atomic_path, json_text, write_text
from alzmodel.progress import Progress, silent
from alzmodel.report.posterior_figure import plot_posterior
from alzmodel.scattering.fem.draws import FEM_NUMBERS, PARAMETERS, record_rows
from alzmodel.study.inverse import check_scan_folder, identity_of
from alzmodel.study.specimens import draw_specimens, glass_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alzmodel.compare.measured import Measured
    from alzmodel.compare.posterior import Datum
    from alzmodel.scattering.fem.draws import Rows
    from alzmodel.scattering.fem.scan import Matrix

__all__ = [
    "FilmPosterior",
    "InversePosterior",
    "inverse_posterior",
    "seconds_of_posterior",
    "taught_readings",
]

SCALES: Final = (0.5, 1.0, 2.0)
"""Widths of the priors, over those of :data:`alzmodel.scattering.fem.draws.PARAMETERS`."""

GLASS_COLUMNS: Final = 8
_EACH: Final = 8
_EACH_GLASS: Final = 24
_FEWEST: Final = 16


@dataclass(frozen=True)
class FilmPosterior:
    """What is known of one film.

    Attributes
    ----------
    x
        La per formula unit.
    data
        Measured numbers.
    posterior
        Of the reading "all", from FEM peaks and (222).
    evidence
        Of every reading.
    errors
        Of the emulator of "all".
    n_specimens, n_refused
        That were computed, and that could not be built.
    note
        What too few specimens leave out, in words; empty if nothing.
    """

    x: float
    data: tuple[Datum, ...]
    posterior: Posterior
    evidence: tuple[Evidence, ...]
    errors: dict[str, float]
    n_specimens: int
    n_refused: int
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "x": self.x,
            "data": [{name: getattr(one, name) for name in one.__slots__} for one in self.data],
            **posterior_dict(self.posterior),
            "evidence": [one.to_dict() for one in self.evidence],
            "verdict": verdict(self.evidence),
            "emulator_errors": self.errors,
            "n_specimens": self.n_specimens,
            "n_refused": self.n_refused,
            "note": self.note,
        }


def posterior_dict(posterior: Posterior) -> dict[str, Any]:
    """Return numbers and words of a posterior for JSON."""
    return {
        "parameters": [one.to_dict() for one in summarise(posterior)],
        "degeneracies": list(words_of(posterior)),
        "log_evidence": posterior.log_evidence if len(posterior.coordinates) else None,
        "log_evidence_error": posterior.log_evidence_error,
        "likelihood_calls": posterior.calls,
    }


@dataclass(frozen=True)
class InversePosterior:
    """Outcome of :func:`inverse_posterior`.

    Attributes
    ----------
    films
        By rising La content.
    together
        All films at once with one recording; None of a single film.
    files
        What was written.
    """

    films: tuple[FilmPosterior, ...]
    together: Posterior | None
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "priors": [
                {
                    "name": one.name,
                    "unit": one.unit,
                    "prior": [one.low, one.high],
                    "drawn": [one.lowest, one.highest],
                    "even_in": one.scale,
                    "kind": "nuisance" if one.nuisance else "specimen",
                }
                for one in PARAMETERS
            ],
            "films": [film.to_dict() for film in self.films],
            "joint": None if self.together is None else posterior_dict(self.together),
            "files": self.files,
        }


def inverse_posterior(
    matrices: Sequence[Matrix],
    measured: Measured,
    folder: Path,
    *,
    specimens: int = 64,
    live: int = 200,
    seed: int = 1,
    progress: Progress = silent,
) -> InversePosterior:
    """Draw specimens, learn what they show, and sample what is not known.

    Parameters
    ----------
    matrices
        Glasses, from :func:`alzmodel.scattering.fem.scan.prepare`, one for each measured film.
    measured
        Measured numbers.
    folder
        As for :func:`alzmodel.study.inverse.inverse_scan`, of which it may hold one. Written are ``specimens/``,
        ``rows-x….csv`` (every recording of the reading "all"), ``samples.npz``, ``posterior.json`` and a figure
        ``posterior-x…`` for each film.
    specimens
        To draw for each glass.
    live
        Live points of the nested sampling.
    seed
        Of all draws.
    progress
        Told after every specimen and every posterior.

    Raises
    ------
    InputError
        If a glass stands for no measured film or two for one, the folder holds anything else, dynesty is missing, or
        too few specimens can be built.
    """
    check_scan_folder(folder)
    films = [criteria_of(measured, matrix.x)[0] for matrix in matrices]
    for content in films:
        if films.count(content) > 1:
            raise InputError(f"posterior: two glasses for the film x = {content:g}; allowed: one for each")
    folder.mkdir(parents=True, exist_ok=True)
    total = len(matrices) * (specimens + GLASS_COLUMNS + len(SCALES) * (len(READINGS) + 1))
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        progress(min(done / total, 1.0), f"part {done} of {total}")

    found: list[FilmPosterior] = []
    taught_films: dict[float, tuple[Taught, Sequence[Datum]]] = {}
    files: list[Path] = []
    with hold(folder):
        for x, matrix in sorted(zip(films, matrices, strict=True), key=lambda pair: pair[0]):
            identity = identity_of(matrix)
            glass = glass_columns(matrix, identity, GLASS_COLUMNS, seed, folder, told)
            drawn = draw_specimens(matrix, identity, specimens, seed, folder, told)
            built = [(values, kept) for values, kept in drawn if not kept["refused"]]
            if len(built) < _FEWEST:
                raise InputError(
                    f"posterior, {matrix.name}: {len(built)} of {specimens} specimens can be built; allowed: at least "
                    f"{_FEWEST}"
                )
            taught, rows = taught_readings(built, glass, seed)
            data, note = _usable(data_of(measured, x), taught["all"], len(built))
            posterior, evidence = _film(taught, data, live, seed, told)
            film = FilmPosterior(
                x,
                data,
                posterior,
                evidence,
                taught["all"].errors(),
                len(built),
                len(drawn) - len(built),
                note,
            )
            found.append(film)
            taught_films[x] = (taught["all"], data)
            table = folder / f"rows-x{x:g}.csv"
            write_text(table, _table(rows))
            files.append(table)
            if len(posterior.coordinates):
                files += plot_posterior(posterior, folder / f"posterior-x{x:g}")
        whole = len(found) > 1 and all(len(film.posterior.coordinates) for film in found)
        together = sample_together(taught_films, live=live, seed=seed) if whole else None
        files += _write_samples(found, together, folder)
        result = InversePosterior(tuple(found), together, tuple(files))
        write_text(folder / "posterior.json", json_text(result.to_dict(), indent=1))
    return result


def taught_readings(
    built: Sequence[tuple[dict[str, float], dict[str, Any]]], glass: Sequence[dict[str, Any]], seed: int
) -> tuple[dict[str, Taught], Rows]:
    """Learn every reading of one glass; the recordings of "all" as well.

    Parameters
    ----------
    built
        Values of specimens, and their columns.
    glass
        Columns of the glass alone.
    seed
        Of recordings.
    """
    values = [one for one, _ in built]
    columns = [kept for _, kept in built]
    lines = np.array([kept["xrd"] for kept in columns])
    found: dict[str, Taught] = {}
    whole: Rows | None = None
    for number, (reading, (_, names)) in enumerate(READINGS.items()):
        nuisance = [one for one in PARAMETERS if one.nuisance and one.name in names]
        if "diameter" in names:
            rows = record_rows(columns, values, nuisance, _EACH, seed + number)
            found[reading] = teach(reading, rows, values, lines)
        else:
            empty: list[dict[str, float]] = [{} for _ in glass]
            rows = record_rows(glass, empty, nuisance, _EACH_GLASS, seed + number)
            found[reading] = teach(reading, rows, empty, np.full((len(glass), 2), math.nan))
        if reading == "all":
            whole = rows
    assert whole is not None
    return found, whole


def _usable(data: tuple[Datum, ...], taught: Taught, n_specimens: int) -> tuple[tuple[Datum, ...], str]:
    """Leave out what no emulator could be taught, with a word."""
    if taught.numbers is None:
        return data, f"{n_specimens} specimens hardly ever show two peaks: no posterior; more are needed"
    if taught.line is None:
        peaks = tuple(one for one in data if one.name in FEM_NUMBERS)
        return peaks, f"too few of {n_specimens} specimens show (222): it counts for nothing; more are needed"
    return data, ""


def _film(
    taught: dict[str, Taught], data: Sequence[Datum], live: int, seed: int, told: Any
) -> tuple[Posterior, tuple[Evidence, ...]]:
    """Posterior of "all" from everything, and the evidence of every reading."""
    peaks = [datum for datum in data if datum.name in FEM_NUMBERS]
    both = [(name, False, peaks) for name in READINGS]
    if len(data) > len(peaks):
        both.append(("all", True, list(data)))
    last = both[-1][:2] if len(data) > len(peaks) else ("all", False)
    posterior: Posterior | None = None
    evidence = []
    for name, with_line, chosen in both:
        for scale in SCALES:
            one = sample(taught[name], chosen, live=live, seed=seed, scale=scale)
            never = taught[name].numbers is None
            evidence.append(
                Evidence(
                    name,
                    with_line,
                    scale,
                    None if never else one.log_evidence,
                    None if never else one.log_evidence_error,
                    taught[name].share,
                )
            )
            if (name, with_line) == last and scale == 1.0:
                posterior = one
            told()
    assert posterior is not None
    return posterior, tuple(evidence)


def _write_samples(films: Sequence[FilmPosterior], together: Posterior | None, folder: Path) -> list[Path]:
    arrays: dict[str, Any] = {}
    named = {f"x{film.x:g}": film.posterior for film in films}
    if together is not None:
        named["joint"] = together
    for name, posterior in named.items():
        arrays[f"{name}_names"] = np.array(posterior.names)
        arrays[f"{name}_samples"] = posterior.values()
    target = folder / "samples.npz"
    with atomic_path(target) as path:
        np.savez_compressed(path, **arrays)
    return [target, folder / "posterior.json"]


def _table(rows: Rows) -> str:
    """One row a recording; widths and ratio as they are, empty without peaks."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["specimen", *rows.parameters, *FEM_NUMBERS])
    for owner, values, numbers in zip(rows.specimen, rows.values, rows.numbers, strict=True):
        shown = [*numbers[:2], *np.exp(numbers[2:])]
        writer.writerow(
            [
                int(owner),
                *(f"{one:.6g}" for one in values),
                *("" if math.isnan(one) else f"{one:.6g}" for one in shown),
            ]
        )
    return buffer.getvalue()


def seconds_of_posterior(specimens: int, n_glasses: int) -> float:
    """Rough number of CPU seconds: four for each specimen and column, 0.1 for each recording, ten for each sampling."""
    recordings = 2 * specimens * _EACH + 3 * GLASS_COLUMNS * _EACH_GLASS
    each = 8 + 4 * (specimens + GLASS_COLUMNS) + 0.1 * recordings + 10 * len(SCALES) * (len(READINGS) + 1)
    return n_glasses * each + (120 if n_glasses > 1 else 0)
