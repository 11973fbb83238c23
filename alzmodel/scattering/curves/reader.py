"""Files of measured curves: which reader, which scan, which units."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, get_args

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.bruker import is_bruker_raw, read_brml, read_bruker_raw, read_uxd
from alzmodel.scattering.curves.gsas import is_gsas, read_gsas
from alzmodel.scattering.curves.kinds import KINDS, check_values_of_x, converted, settled_kind
from alzmodel.scattering.curves.packed import text_of, unpacked
from alzmodel.scattering.curves.radiation import check_same_wavelength
from alzmodel.scattering.curves.rigaku import is_rigaku_raw, read_asc, read_ras, read_rasx, read_rigaku_raw
from alzmodel.scattering.curves.scan import Abscissa, MeasuredCurve, Scan
from alzmodel.scattering.curves.table import read_table, scan_of_table
from alzmodel.scattering.curves.xrdml import read_xrdml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["FORMATS", "read_curve"]

TEXT: Final = (".xy", ".xye", ".dat", ".txt", ".csv", ".tsv", ".chi", ".gr", ".sq", ".fq", ".iq")
GSAS: Final = (".fxye", ".gsas", ".gsa", ".gss", ".gda", ".xra")
FORMATS: Final = (*TEXT, *GSAS, ".xrdml", ".raw", ".brml", ".uxd", ".ras", ".rasx", ".asc")
"""Endings of measured curves; any of them may be followed by .gz, .bz2, .xz or .zip."""
_PACKED: Final = (".gz", ".bz2", ".xz", ".zip")
_LARGEST: Final = 1e30
"""No count, intensity or S(Q) is larger; squares and sums of what is smaller stay finite."""
_POSITIVE: Final = {"two_theta": "an intensity", "k": "a variance"}
"""Curves that cannot lie at or below zero all along."""
_SCAN_MARK: Final = re.compile(r"^(?=#S\s+\d)", re.MULTILINE)
_SAME_X: Final = 1e-6
_FAR: Final = 35.0
"""Degrees; Q in Å⁻¹ hardly reaches it."""
_STILL: Final = 1e-3
"""Degrees, mm or K: what was held still in repeats of a scan."""


def read_curve(
    path: str | Path,
    abscissa: Abscissa,
    *,
    x_unit: str | None = None,
    columns: str | None = None,
    scan: int | None = None,
    wavelength: Sequence[float] = (),
    default_wavelength: float | None = None,
) -> MeasuredCurve:
    """Read a measured curve: columns of numbers, or what an instrument wrote.

    Parameters
    ----------
    path
        .xy, .xye, .dat, .txt, .csv, .tsv, .chi, .gr, .sq, .fq, .iq: columns x, y and optionally the error of y, apart
        by blanks, commas, semicolons (decimal commas are read then) or tabs. Titles above them tell which column is
        what, header lines what x is and the wavelength. .xrdml: PANalytical. .raw, .brml, .uxd: Bruker. .ras, .rasx,
        .asc, .raw: Rigaku. .fxye, .gsas, .gsa, .gss, .gda, .raw: GSAS with constant wavelength. All may be packed (.gz,
        .bz2, .xz, .zip).
    abscissa
        What x must be.
    x_unit
        What x is in the file, a key of :data:`alzmodel.scattering.curves.kinds.UNITS`, where the file does not say it
        or it has to be turned into `abscissa`.
    columns
        Numbers from 1 or titles of x, y and optionally the error of y in text, such as "1,2,4".
    scan
        Which one of several, from 1.
    wavelength
        Lines of the radiation in Å as the user states them, the main one first.
    default_wavelength
        Å, where neither user nor file state one but x has to be turned.

    Returns
    -------
    MeasuredCurve

    Raises
    ------
    InputError
        One line each for: no such file, unknown ending, no numbers, NaN, x that falls or repeats, scans that are no
        repeats of each other, x that by its header or its values is another quantity than `abscissa`, and what the
        user says but the file contradicts.
    """
    name = str(path)
    file = Path(path)
    if abscissa not in get_args(Abscissa):
        raise InputError(f"abscissa: {abscissa}; allowed: {', '.join(get_args(Abscissa))}")
    if not file.is_file():
        raise InputError(f"{name}: no such file; allowed: a measured curve ({', '.join(FORMATS)})")
    if file.suffix.lower() not in {*FORMATS, *_PACKED}:
        raise InputError(f"{name}: ending {file.suffix or 'none'}; allowed: {', '.join(FORMATS)}")
    inner, content = unpacked(file, FORMATS)
    ending = PurePosixPath(inner).suffix.lower()
    if ending not in FORMATS:
        raise InputError(f"{name}: {ending or 'no ending'} inside; allowed: {', '.join(FORMATS)}")
    if columns is not None and ending not in TEXT:
        raise InputError(f"--columns {columns}: {name} has no columns of text; allowed: without --columns")
    try:
        scans = _scans(content, ending, name, columns)
    except (ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: {error}; allowed: a whole {ending} file with numbers in it") from error
    found = _one_scan(scans, scan, name)
    check_same_wavelength(found.wavelength, [*wavelength, *_mean(wavelength)], name)
    return _curve(
        found, abscissa, name, x_unit, next(iter(wavelength), found.wavelength or default_wavelength)
    )


def _mean(lines: Sequence[float]) -> list[float]:
    """Mean of a doublet, its first line twice as strong."""
    return [(2 * lines[0] + lines[1]) / 3] if len(lines) == 2 else []


def _scans(content: bytes, ending: str, name: str, columns: str | None) -> list[Scan]:
    binary = {".brml": read_brml, ".rasx": read_rasx, ".ras": read_ras, ".raw": _raw}
    if ending in binary:
        return binary[ending](content, name)
    # Titles of old GSAS files end in whatever was in memory.
    text = text_of(content.replace(b"\0", b" ") if ending in GSAS else content, name)
    readers = {".xrdml": read_xrdml, ".uxd": read_uxd, ".asc": read_asc}
    if ending in {*GSAS, ".dat", ".txt"} and is_gsas(text):
        return read_gsas(text, name)
    if ending in GSAS:
        raise InputError(f"{name}: no line BANK; allowed: GSAS powder data")
    if ending in readers:
        return readers[ending](text, name)
    blocks = _SCAN_MARK.split(text)
    if len(blocks) > 2:
        # Scans of one file of SPEC, each below the header of the file.
        return [scan_of_table(read_table(blocks[0] + one, name), ending, name, columns) for one in blocks[1:]]
    table = read_table(text, name)
    rows = table.rows
    if ending == ".chi" and len(rows) > 1 and rows[0, 0] == len(rows) - 1:
        # The fourth line is the number of points, and sometimes of columns.
        table = table.below()
    return [scan_of_table(table, ending, name, columns)]


def _raw(content: bytes, name: str) -> list[Scan]:
    """Binary files of Bruker and Rigaku, and GSAS text, which share an ending."""
    if is_bruker_raw(content):
        return read_bruker_raw(content, name)
    if is_rigaku_raw(content):
        return read_rigaku_raw(content, name)
    if content[:6] == b"RAW_1.":
        raise InputError(
            f"{name}: a .raw file of STOE; allowed: .raw of Bruker or Rigaku, or the scan as .xy"
        )
    if b"\0" not in content and is_gsas(text := text_of(content, name)):
        return read_gsas(text, name)
    raise InputError(
        f"{name}: ending .raw, of no known program; allowed: .raw of Bruker (RAW1 to RAW4), Rigaku or GSAS"
    )


def _one_scan(scans: Sequence[Scan], number: int | None, name: str) -> Scan:
    """Return the scan that is asked for, the only one, or the sum of repeats."""
    if number is not None:
        if not 1 <= number <= len(scans):
            raise InputError(f"--scan {number}: {name} holds {len(scans)}; allowed: 1 to {len(scans)}")
        return scans[number - 1]
    first = scans[0]
    for other in scans[1:]:
        differ = _difference(first, other)
        if differ is not None:
            raise InputError(
                f"{name}: {len(scans)} scans of different {differ}; allowed: repeats of one scan, or --scan 1 to "
                f"{len(scans)} for one of them"
            )
    if len(scans) == 1:
        return first
    total = np.sum([scan.y for scan in scans], axis=0)
    return Scan(
        first.x,
        total,
        None,
        first.stated,
        first.wavelength,
        first.second,
        notes=(*first.notes, f"{name}: {len(scans)} repeats of one scan are added"),
    )


def _difference(first: Scan, other: Scan) -> str | None:
    """Name of what keeps two scans from being repeats."""
    if first.x.shape != other.x.shape or not np.allclose(first.x, other.x, rtol=0, atol=_SAME_X):
        return "ranges"
    if first.wavelength != other.wavelength:
        return "wavelengths"
    return next((words for words in _moved(first.fixed, other.fixed)), None)


def _moved(first: Mapping[str, float], other: Mapping[str, float]) -> list[str]:
    return [
        f"{label} ({first.get(label, np.nan):g} and {other.get(label, np.nan):g})"
        for label in sorted({*first, *other})
        if not abs(first.get(label, np.nan) - other.get(label, np.nan)) <= _STILL
    ]


def _curve(
    found: Scan, abscissa: Abscissa, name: str, x_unit: str | None, wavelength: float | None
) -> MeasuredCurve:
    """Check the numbers of a scan, and turn its abscissa into what is wanted."""
    x, y, sigma = found.x, found.y, found.sigma
    for label, values in (("x", x), ("y", y)):
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values))) + 1
            raise InputError(f"{name}: {label} is NaN or infinite in row {row}; allowed: numbers")
    _check_values(y, abscissa, name)
    kind = settled_kind(abscissa, found.stated, x_unit, name)
    notes = found.notes
    x = converted(x, kind, abscissa, wavelength, name)
    reached = np.isfinite(x)
    if not reached.all():
        notes = (*notes, f"{name}: {int((~reached).sum())} points beyond backscattering are left out")
        x, y, sigma = x[reached], y[reached], None if sigma is None else sigma[reached]
    told = x_unit is not None or (found.stated is not None and found.stated.with_unit)
    check_values_of_x(x, abscissa, name, told=told)
    if kind != abscissa and (np.diff(x) < 0).all():
        # Angles fall where spacings rise.
        x, y, sigma = x[::-1], y[::-1], None if sigma is None else sigma[::-1]
    if abscissa == "two_theta" and found.stated is None and x_unit is None and x[-1] < _FAR:
        notes = (*notes, f"{name}: x is taken for 2θ in degrees, which nothing says; --x-unit states it")
    steps = np.diff(x)
    if (steps == 0).any():
        raise InputError(f"{name}: x repeats at {x[int(np.argmax(steps == 0))]:g}; allowed: each x once")
    if (steps < 0).any():
        raise InputError(f"{name}: x falls after {x[int(np.argmax(steps < 0))]:g}; allowed: rising x")
    if found.wavelength is not None and found.second is not None and abscissa == "two_theta":
        notes = (
            *notes,
            f"{name}: Kα2, {found.second:.5f} Å, is listed too; --wavelength CuKa and such take both",
        )
    if kind != abscissa:
        notes = (*notes, f"{name}: x is turned from {KINDS[kind].rstrip(',')} into {KINDS[abscissa]}")
    return MeasuredCurve(x, y, sigma, abscissa, name, found.wavelength, notes)


def _check_values(y: FloatArray, abscissa: Abscissa, name: str) -> None:
    """Refuse ordinates that nothing measured can have."""
    if np.abs(y).max() > _LARGEST:
        row = int(np.argmax(np.abs(y) > _LARGEST))
        raise InputError(f"{name}: y is {y[row]:g} in row {row + 1}; allowed: up to {_LARGEST:g}")
    if not y.any():
        raise InputError(f"{name}: y is zero in every row; allowed: a measured curve")
    if abscissa in _POSITIVE and (y <= 0).all():
        raise InputError(
            f"{name}: y is {y.max():g} at most; allowed: {_POSITIVE[abscissa]}, above zero somewhere"
        )
