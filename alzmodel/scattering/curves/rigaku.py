"""Rigaku: .ras, .rasx, .asc, and the binary .raw of its older programs."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.packed import members_of, text_of
from alzmodel.scattering.curves.scan import Scan, Statement
from alzmodel.scattering.curves.xrdml import parsed_xml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["is_rigaku_raw", "read_asc", "read_ras", "read_rasx", "read_rigaku_raw"]

_KEY: Final = re.compile(r'^\*(\S+)\s+"(.*)"')
_AXES: Final = re.compile(
    r"^(?:2-?theta|two-?theta|theta/2-?theta|omega/2-?theta|2-?theta/(?:theta|omega))", re.IGNORECASE
)
"""Names of scans whose x is 2θ: TwoTheta, TwoThetaTheta, TwoThetaOmega, Theta/2-Theta, 2-Theta/Omega …; TwoThetaChi is
not among them."""
_NOT_2THETA: Final = re.compile(r"chi|phi", re.IGNORECASE)
_STILL: Final[tuple[str, ...]] = ("Chi", "Phi", "Temperature")
_ANGLES, _COUNT, _COUNTS = 2962, 3154, 3158
"""Bytes where first and last angle and step, the number of counts and the counts begin in a binary file."""


def _stated(axis: str) -> Statement:
    """Tell what x is by the name of the axis that was scanned."""
    is_2theta = bool(_AXES.match(axis.strip())) and not _NOT_2THETA.search(axis)
    return Statement("two_theta" if is_2theta else "other_axis")


def _meant(kind: str, first: float | None, second: float | None) -> tuple[float | None, float | None]:
    """Wavelengths behind the optics: Kα1 alone, or both."""
    return (first, None) if kind.strip().lower() in {"ka1", "k-alpha1", "k_alpha1"} else (first, second)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "") or None
    except ValueError:
        return None


def _rows(lines: Sequence[str], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Split rows of x, y and the factor of the absorber in the beam."""
    try:
        table = np.array([[float(word) for word in re.split(r"[\s,]+", line.strip())] for line in lines])
    except ValueError as error:
        raise InputError(f"{name}: rows of different lengths or words in them; allowed: numbers") from error
    if table.ndim != 2 or table.shape[1] < 2:
        raise InputError(f"{name}: no rows of angle and intensity; allowed: a scan")
    return table[:, 0], table[:, 1] * (table[:, 2] if table.shape[1] > 2 else 1.0)


def read_ras(content: bytes, name: str) -> list[Scan]:
    """All scans of a .ras file; absorbers in the beam are undone.

    Raises
    ------
    InputError
        If there is no scan in it.
    """
    scans: list[Scan] = []
    keys: dict[str, str] = {}
    lines: list[str] | None = None
    # The text is in the encoding of the instrument's Windows; numbers and keys are plain.
    for raw in content.decode("latin-1").splitlines():
        line = raw.strip()
        if line == "*RAS_INT_START":
            lines = []
        elif line == "*RAS_INT_END":
            scans.append(_ras_scan(keys, lines or [], name))
            lines = None
        elif lines is not None:
            if line:
                lines.append(line)
        elif (match := _KEY.match(line)) is not None:
            keys[match[1]] = match[2]
    if lines:
        raise InputError(f"{name}: ends among the counts; allowed: a whole .ras file")
    if not scans:
        raise InputError(f"{name}: no *RAS_INT_START; allowed: a .ras file with a scan")
    return scans


def _ras_scan(keys: Mapping[str, str], lines: Sequence[str], name: str) -> Scan:
    x, y = _rows(lines, name)
    axis = keys.get("MEAS_SCAN_AXIS_X_INTERNAL") or keys.get("MEAS_SCAN_AXIS_X", "")
    unit = keys.get("MEAS_SCAN_UNIT_X", "")
    if "rad" in unit.lower():
        raise InputError(f"{name}: angles in {unit!r}; allowed: degrees")
    first, second = _meant(
        keys.get("MEAS_COND_XG_WAVE_TYPE", ""),
        _number(keys.get("HW_XG_WAVE_LENGTH_ALPHA1")),
        _number(keys.get("HW_XG_WAVE_LENGTH_ALPHA2")),
    )
    fixed = {}
    for key, label in keys.items():
        if key.startswith("MEAS_COND_AXIS_NAME-") and label in _STILL:
            fixed[label] = _number(keys.get(key.replace("NAME", "POSITION"))) or 0.0
    return Scan(x, y, None, _stated(axis), first, second, fixed)


def read_rasx(content: bytes, name: str) -> list[Scan]:
    """All scans of a .rasx file, which is a zip of profiles and conditions; absorbers in the beam are undone.

    Raises
    ------
    InputError
        If it is damaged or holds no profile (images of an area detector are no curves).
    """
    files = members_of(io.BytesIO(content), lambda inner: inner.lower().endswith((".txt", ".xml")), name)
    scans = []
    for inner in sorted(files):
        match = re.fullmatch(r"(?:.*/)?Data(\d+)/Profile\d+\.txt", inner)
        if match is None:
            continue
        x, y = _rows(text_of(files[inner], name).splitlines(), name)
        conditions = next(
            (one for one in files if re.search(rf"(?:^|/)Data{match[1]}/Mea?s\w*Conditions?\d*\.xml$", one)),
            None,
        )
        if conditions is None:
            scans.append(Scan(x, y))
            continue
        root = parsed_xml(text_of(files[conditions], name), name, "a .rasx file")
        axes = {axis.get("Name", ""): axis for axis in root.iter("Axis")}
        moved = next((label for label, axis in axes.items() if axis.get("State") == "Scan"), "")
        source = "HWConfigurations/XrayGenerator/"
        first, second = _meant(
            root.findtext(f"{source}WaveType") or "",
            _number(root.findtext(f"{source}WavelengthKalpha1")),
            _number(root.findtext(f"{source}WavelengthKalpha2")),
        )
        fixed: dict[str, float] = {
            label: _number(axes[label].get("Position")) or 0.0
            for label in _STILL
            if label in axes and axes[label].get("State") == "Fixed"
        }
        scans.append(Scan(x, y, None, _stated(moved), first, second, fixed))
    if not scans:
        raise InputError(f"{name}: no profile inside; allowed: a .rasx file with a scan")
    return scans


def read_asc(text: str, name: str) -> list[Scan]:
    """All scans of Rigaku's .asc: keys with stars, and counts after ``*COUNT``.

    Raises
    ------
    InputError
        If it is another .asc file, or its counts are not as many as it says.
    """
    keys: dict[str, str] = {}
    numbers: list[float] | None = None
    scans: list[Scan] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("*"):
            if numbers is not None:
                scans.append(_asc_scan(keys, numbers, name))
                numbers = None
            key, _, value = line[1:].partition("=")
            keys[key.strip()] = value.strip()
            if key.strip() == "COUNT":
                numbers = []
        elif line and numbers is not None:
            try:
                numbers += [float(word) for word in re.split(r"[\s,]+", line.strip(" ,"))]
            except ValueError:
                raise InputError(f"{name}: '{line[:40]}' among the counts; allowed: numbers") from None
    if numbers:
        scans.append(_asc_scan(keys, numbers, name))
    if not scans:
        raise InputError(f"{name}: no *COUNT; allowed: Rigaku's .asc with a scan")
    return scans


def _asc_scan(keys: Mapping[str, str], numbers: Sequence[float], name: str) -> Scan:
    start, step, count = (_number(keys.get(key)) for key in ("START", "STEP", "COUNT"))
    if step is None or count != len(numbers):
        raise InputError(
            f"{name}: {len(numbers)} counts, *COUNT is {keys['COUNT']}; allowed: as many as it says"
        )
    first, second = (_number(keys.get(f"WAVE_LENGTH{number}")) for number in (1, 2))
    axis = keys.get("SCAN_AXIS", "")
    x = np.asarray((start or 0.0) + step * np.arange(len(numbers)), dtype=float)
    return Scan(x, np.array(numbers), None, _stated(axis), first, second)


def is_rigaku_raw(content: bytes) -> bool:
    """Whether a binary file begins as those of Rigaku's older programs do."""
    return content[:4] == b"FI\0\0"


def read_rigaku_raw(content: bytes, name: str) -> list[Scan]:
    """Return the scan of a binary .raw file of Rigaku's older programs (Ultima IV, RINT); it states no wavelength.

    The layout is not published. A file is taken only if angles, number and length agree in it.

    Raises
    ------
    InputError
        If they do not.
    """
    if len(content) >= _COUNTS:
        start, end, step = struct.unpack_from("<3f", content, _ANGLES)
        (count,) = struct.unpack_from("<I", content, _COUNT)
        whole = len(content) == _COUNTS + 4 * count and 0 < step < 10 and -10 <= start < end <= 180
        if whole and abs((end - start) / step + 1 - count) < 0.5:
            x = start + (end - start) * np.arange(count) / (count - 1)
            with np.errstate(invalid="ignore"):
                # What is no number is refused with its row.
                y = np.frombuffer(content, "<f4", count, _COUNTS).astype(float)
            return [Scan(x, y, None, Statement("two_theta"))]
    raise InputError(
        f"{name}: a binary file of Rigaku in another layout; allowed: .ras, .rasx, .asc or text of the same scan"
    )
