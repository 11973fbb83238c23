"""An inverse scan on disk: every specimen is kept as soon as it is computed, and a scan that was cut goes on."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.inverse import Film, ratio_order, search
from alzmodel.folders import check_ours, hold
from alzmodel.io import check_output_folder, json_text, parse_json, write_text
from alzmodel.progress import Progress, silent
from alzmodel.report.inverse_figure import plot_inverse
from alzmodel.scattering.fem.scan import AXES, Grid, Matrix, scan_point
from alzmodel.study.seal import is_sealed, sealed
from alzmodel.study.specimens import SPECIMENS
from alzmodel.study.task import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alzmodel.compare.measured import Measured

__all__ = ["InverseScan", "check_scan_folder", "identity_of", "inverse_scan", "seconds_of"]

VERSION: Final = 3
"""Of what a point holds; another one computes all points again."""

POINTS: Final = "points"
DAMAGED: Final = "damaged"

_BUILT: Final = ("fraction_built", "width", "n_columns", "error")


@dataclass(frozen=True)
class InverseScan:
    """Outcome of :func:`inverse_scan`.

    Attributes
    ----------
    points
        As :func:`alzmodel.scattering.fem.scan.scan_point` gives them, read back from disk.
    films
        See :func:`alzmodel.compare.inverse.search`.
    ratio
        Words on the ratio of heights over the films.
    n_kept
        Points that an earlier run had left.
    files
        What was written.
    damaged
        Where points lie now that were changed on disk since they were computed; they are made again.
    """

    points: tuple[dict[str, Any], ...]
    films: tuple[Film, ...]
    ratio: str
    n_kept: int
    files: tuple[Path, ...]
    damaged: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "films": [film.to_dict() for film in self.films],
            "ratio": self.ratio,
            "points": self.points,
            "files": self.files,
        }


def check_scan_folder(folder: Path) -> None:
    """Refuse a folder that holds anything but a scan, and links in one; nothing is written.

    Raises
    ------
    InputError
        With what is in the way.
    """
    check_output_folder(folder)
    check_ours(folder, _is_scan, "the folder of a scan")


def _is_scan(folder: Path) -> bool:
    """Whether there is a point, a specimen of a posterior, or a scan that was stopped before its first one."""
    if any((folder / SPECIMENS).glob("*.npz")):
        return True
    points = folder / POINTS
    if not points.is_dir():
        return False
    names = [path.name for path in points.iterdir() if not path.name.startswith(".")]
    if not names:
        return all(path.name == POINTS or path.name.startswith(".") for path in folder.iterdir())
    return any(_read(points / name) is not None for name in names)


def inverse_scan(
    matrices: Sequence[Matrix],
    grid: Grid,
    measured: Measured,
    folder: Path,
    *,
    progress: Progress = silent,
) -> InverseScan:
    """Compute every point of a grid that is not there yet, and look for the region that matches.

    Parameters
    ----------
    matrices
        Glasses, from :func:`alzmodel.scattering.fem.scan.prepare`.
    grid
        What is scanned.
    measured
        Measured numbers.
    folder
        Holds ``points/``, ``scan.csv`` (one row a point), ``scan.json`` (films and their regions) and the figure
        ``inverse.png``, ``.svg``, ``.csv``. Points of other grids that lie there are left alone.
    progress
        Told after every point.

    Raises
    ------
    InputError
        If a glass stands for no measured film, the folder holds anything else, or another process works in it.
    """
    from alzmodel.compare.inverse import criteria_of

    check_scan_folder(folder)
    for matrix in matrices:
        criteria_of(measured, matrix.x)
    by_name = {matrix.name: matrix for matrix in matrices}
    identities = {matrix.name: identity_of(matrix) for matrix in matrices}
    wanted = list(grid.points(list(by_name)))
    (folder / POINTS).mkdir(parents=True, exist_ok=True)
    points: list[dict[str, Any]] = []
    damaged: list[Path] = []
    kept = 0
    with hold(folder):
        for number, point in enumerate(wanted):
            inputs = {
                "version": VERSION,
                "glass": identities[point.glass],
                "point": asdict(point),
                "settings": asdict(grid.settings),
                "columns": grid.n_columns,
                "relative_error": grid.relative_error,
                "seed": grid.seed,
                "width": grid.width(point.diameter, point.fraction, point.thickness),
            }
            file = folder / POINTS / f"{digest(inputs)}.json"
            known = _whole(file)
            if known is None:
                if file.exists():
                    damaged.append(_moved_aside(file))
                write_text(file, sealed(scan_point(by_name[point.glass], point, grid)).decode())
                known = _whole(file)
                assert known is not None
            else:
                kept += 1
            points.append(known)
            progress((number + 1) / len(wanted), f"specimen {number + 1} of {len(wanted)}")
        films = search(points, measured, list(AXES))
        ratio = ratio_order(films, points)
        table = folder / "scan.csv"
        write_text(table, _table(points, films))
        summary = folder / "scan.json"
        write_text(
            summary,
            json_text(
                {"films": [film.to_dict() for film in films], "ratio": ratio, "points": points}, indent=1
            ),
        )
        figure = plot_inverse(points, films, folder / "inverse")
    return InverseScan(tuple(points), films, ratio, kept, (table, summary, *figure), tuple(damaged))


def identity_of(matrix: Matrix) -> str:
    """Hash of the atoms of a glass."""
    hashed = hashlib.sha256()
    for frame in matrix.frames:
        for part in (frame.numbers, frame.positions, frame.cell.array):
            hashed.update(part.tobytes())
    return hashed.hexdigest()


def _whole(file: Path) -> dict[str, Any] | None:
    """Read a point; None if it is not there, or is not what was computed."""
    try:
        data = file.read_bytes()
    except OSError:
        return None
    if not is_sealed(data):
        return None
    found: dict[str, Any] = parse_json(data)
    found.pop("sha256")
    return found


def _moved_aside(file: Path) -> Path:
    """Move a point that was changed on disk to ``damaged/`` beside the points; nothing is deleted."""
    folder = file.parent.parent / DAMAGED
    folder.mkdir(exist_ok=True)
    number = 1
    while (target := folder / (file.name if number == 1 else f"{file.stem}-{number}.json")).exists():
        number += 1
    return file.rename(target)


def _read(file: Path) -> dict[str, Any] | None:
    """Read a point of any version; None if it is no point."""
    try:
        found = parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "refused" in found else None


def _table(points: Sequence[dict[str, Any]], films: Sequence[Film]) -> str:
    """One row a point."""
    names = list(dict.fromkeys(name for point in points for name in point.get("numbers", ())))
    matching = {n for film in films for n in film.matching}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["glass", "x", *AXES, *_BUILT, *names, "matches", "refused"])
    for number, point in enumerate(points):
        numbers = point.get("numbers", {})
        writer.writerow(
            [
                point["glass"],
                f"{point['x']:.4g}",
                *(f"{point[axis]:g}" for axis in AXES),
                *(_cell(point.get(name)) for name in _BUILT),
                *(_cell(numbers.get(name)) for name in names),
                "yes" if number in matching else "no",
                point["refused"] or "",
            ]
        )
    return buffer.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def seconds_of(grid: Grid, n_glasses: int) -> tuple[int, float]:
    """Points of a scan, and a rough number of CPU seconds: 1e6 Å³ of columns take 0.8 to build and 0.5 to use."""
    count, volume, built = 0, 0.0, {}
    for point in grid.points([str(n) for n in range(n_glasses)]):
        count += 1
        width = grid.width(point.diameter, point.fraction, point.thickness)
        if not grid.refusal(point.diameter, point.fraction, point.thickness):
            volume += width**2 * point.thickness
            built[point.glass, width, point.thickness] = width**2 * point.thickness
    columns = grid.n_columns * 1e-6 * (0.8 * sum(built.values()) + 0.5 * volume)
    return count, 3.0 * n_glasses + 0.3 * count + columns
