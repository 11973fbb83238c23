"""Bruker and Siemens: binary .raw of versions 1 to 4, .brml and .uxd.

The layout of the binary files is not published; it is taken from files of the instruments' programs and from what other
readers found (xylib, GSAS-II), and every file is checked to be as long as its counts say.
"""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.packed import members_of
from alzmodel.scattering.curves.radiation import wavelengths_of_header
from alzmodel.scattering.curves.scan import Scan, Statement
from alzmodel.scattering.curves.xrdml import parsed_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["is_bruker_raw", "read_brml", "read_bruker_raw", "read_uxd"]

_OVER_2THETA: Final = ("Locked Coupled", "Unlocked Coupled", "Detector Scan")
_COUPLED, _UNCOUPLED, _DETECTOR = 0, 1, 2
"""Codes of scans over 2θ in version 3 (RAW1.01)."""
_TWO_THETA: Final = Statement("two_theta")
_SEGMENT: Final = 8
"""Bytes of the type and length that begin each segment of version 4."""


def is_bruker_raw(content: bytes) -> bool:
    """Whether a binary file begins as those of Siemens and Bruker do."""
    return content[:7] in {b"RAW1.01", b"RAW4.00"} or content[:4] in {b"RAW ", b"RAW2"}


def read_bruker_raw(content: bytes, name: str) -> list[Scan]:
    """All scans over 2θ of a binary .raw file.

    Raises
    ------
    InputError
        If it is cut off, or a scan is none over 2θ.
    """
    readers = {b"RAW1": _version3, b"RAW4": _version4, b"RAW ": _version1, b"RAW2": _version2}
    try:
        scans = readers[content[:4]](content, name)
    except (struct.error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: ends early; allowed: a whole .raw file of Bruker or Siemens") from error
    if not scans:
        raise InputError(f"{name}: no scan; allowed: a .raw file with a scan over 2θ")
    return scans


def _scan(
    content: bytes,
    place: int,
    number: int,
    angles: tuple[float, float],
    wavelengths: tuple[float, float],
    fixed: dict[str, float] | None = None,
) -> Scan:
    """Take counts, four-byte numbers from a place of the file on, over (first, step)."""
    with np.errstate(invalid="ignore"):
        # What is no number is refused with its row.
        y = np.frombuffer(content, "<f4", number, place).astype(float)
    x = np.asarray(angles[0] + angles[1] * np.arange(number), dtype=float)
    first, second = (value if value > 0 else None for value in wavelengths)
    return Scan(x, y, None, _TWO_THETA, first, second, fixed or {})


def _version1(content: bytes, name: str) -> list[Scan]:
    """``RAW ``: one header of 156 bytes for each range."""
    scans, place = [], 0
    while place + 156 <= len(content):
        number, _, step = struct.unpack_from("<Iff", content, place + 4)
        start, theta, chi, phi = struct.unpack_from("<4f", content, place + 24)
        waves = struct.unpack_from("<2f", content, place + 72)
        fixed = {"Chi": chi, "Phi": phi} if theta else {}
        scans.append(_scan(content, place + 156, number, (start, step), (waves[0], waves[1]), fixed))
        place += 156 + 4 * number
    _check_length(place, content, name)
    return scans


def _version2(content: bytes, name: str) -> list[Scan]:
    """``RAW2``: a header of 256 bytes, then ranges with headers of their own."""
    (count,) = struct.unpack_from("<H", content, 4)
    waves = struct.unpack_from("<2f", content, 190)
    scans, place = [], 256
    for _ in range(count):
        header, number = struct.unpack_from("<HH", content, place)
        step, start = struct.unpack_from("<2f", content, place + 12)
        scans.append(_scan(content, place + header, number, (start, step), (waves[0], waves[1])))
        place += header + 4 * number
    _check_length(place, content, name)
    return scans


def _version3(content: bytes, name: str) -> list[Scan]:
    """``RAW1.01``: a header of 712 bytes, then ranges with headers of their own."""
    (count,) = struct.unpack_from("<I", content, 12)
    waves = struct.unpack_from("<2d", content, 624)
    scans, place = [], 712
    for _ in range(count):
        header, number = struct.unpack_from("<II", content, place)
        theta, start, chi, phi, *_ = struct.unpack_from("<4d", content, place + 8)
        (step,) = struct.unpack_from("<d", content, place + 176)
        (kind,) = struct.unpack_from("<I", content, place + 196)
        size, extra = struct.unpack_from("<II", content, place + 252)
        if kind not in {_COUPLED, _UNCOUPLED, _DETECTOR} or size != 4 or header < 304:
            raise InputError(f"{name}: a scan of kind {kind}; allowed: scans over 2θ")
        tilt = {"Omega": theta} if kind == _DETECTOR else {"Omega - Theta": theta - start / 2}
        fixed = {"Chi": chi, "Phi": phi} | (tilt if kind != _COUPLED else {})
        scans.append(
            _scan(content, place + header + extra, number, (start, step), (waves[0], waves[1]), fixed)
        )
        place += header + extra + size * number
    _check_length(place, content, name)
    return scans


def _version4(content: bytes, name: str) -> list[Scan]:
    """``RAW4.00``: segments of a type, a length and what the type says, from byte 61 on; then the ranges."""
    place, scans = 61, []
    waves = (0.0, 0.0)
    while place + _SEGMENT <= len(content):
        kind, length = struct.unpack_from("<II", content, place)
        if kind in {0, 160}:
            scan, place = _range4(content, place, waves, name)
            scans.append(scan)
            continue
        if kind == 30:
            waves = struct.unpack_from("<2d", content, place + 80)
        place += max(length, _SEGMENT)
    return scans


def _range4(content: bytes, place: int, waves: tuple[float, float], name: str) -> tuple[Scan, int]:
    kind = content[place + 32 : place + 56].split(b"\0")[0].decode("latin-1")
    if kind not in _OVER_2THETA:
        raise InputError(f"{name}: a scan called {kind!r}; allowed: {', '.join(_OVER_2THETA)}")
    start, step = struct.unpack_from("<2d", content, place + 72)
    (number,) = struct.unpack_from("<I", content, place + 88)
    size, rest = struct.unpack_from("<II", content, place + 136)
    at = place + 160
    counts = at + rest
    if size != 4 or counts + 4 * number > len(content):
        raise InputError(f"{name}: ends early; allowed: a whole .raw file of Bruker")
    drives: dict[str, float] = {}
    while at + _SEGMENT <= counts:
        segment, length = struct.unpack_from("<II", content, at)
        if segment == 50:
            label = content[at + 12 : at + 36].split(b"\0")[0].decode("latin-1")
            (drives[label],) = struct.unpack_from("<d", content, at + 56)
        at += max(length, _SEGMENT)
    if abs(drives.get("2Theta", start) - start) > 1e-3:
        raise InputError(
            f"{name}: {kind} starts at {start:g}°, 2θ at {drives['2Theta']:g}°; allowed: scans over 2θ"
        )
    fixed = {label: value for label, value in drives.items() if label in {"Chi", "Phi"}}
    return _scan(content, counts, number, (start, step), waves, fixed), counts + 4 * number


def _check_length(place: int, content: bytes, name: str) -> None:
    if place != len(content):
        raise InputError(f"{name}: {len(content)} bytes, its scans take {place}; allowed: a whole .raw file")


def read_brml(content: bytes, name: str) -> list[Scan]:
    """All scans over 2θ of a .brml file, which is a zip of XML.

    Raises
    ------
    InputError
        If it is damaged, or has no scan of one counter over 2θ.
    """
    files = members_of(io.BytesIO(content), lambda inner: bool(re.search(r"RawData\d*\.xml$", inner)), name)
    scans: list[Scan] = []
    for inner in sorted(files):
        root = parsed_xml(files[inner].decode("utf-8-sig"), name, "a .brml file")
        first = _value(root, "WaveLengthAlpha1")
        second = _value(root, "WaveLengthAlpha2")
        for route in root.findall(".//DataRoute"):
            if route.get("RouteFlag") in {None, "Measured", "Final"}:
                scans += _route(route, first, second, name)
    if not scans:
        raise InputError(f"{name}: no measured scan inside; allowed: a .brml file with a scan over 2θ")
    return scans


def _value(root: Element, tag: str) -> float | None:
    node = root.find(f".//{tag}")
    try:
        return None if node is None else float(node.get("Value", "")) or None
    except ValueError:
        return None


def _route(route: Element, first: float | None, second: float | None, name: str) -> list[Scan]:
    about = route.find("ScanInformation")
    axes = [] if about is None else about.findall("ScanAxes/ScanAxisInfo")
    labels = [axis.get("AxisId", "") for axis in axes]
    rows = [node.text or "" for node in route.iter("Datum")]
    if "TwoTheta" not in labels or not rows:
        raise InputError(
            f"{name}: a scan over {', '.join(labels) or 'nothing'}; allowed: scans over TwoTheta"
        )
    try:
        table = np.array([[float(word) for word in row.split(",")] for row in rows])
        start = float(axes[labels.index("TwoTheta")].findtext("Start") or "nan")
    except ValueError as error:
        raise InputError(f"{name}: rows of different lengths or words in them; allowed: numbers") from error
    # A row is: time, a factor, the axes in their order, what else is recorded, and the counts.
    place = 2 + labels.index("TwoTheta")
    if table.shape[1] < 3 + len(labels) or not abs(table[0, place] - start) < 1e-3:
        raise InputError(f"{name}: rows that do not begin at 2θ = {start:g}°; allowed: one counter over 2θ")
    fixed = {}
    for axis in route.findall("ScanInformation/FixedScanAxes/ScanAxisInfo"):
        fixed[axis.get("AxisId", "")] = float(axis.findtext("Start") or axis.findtext("Position") or 0)
    return [Scan(table[:, place], table[:, -1], None, _TWO_THETA, first, second, fixed)]


def read_uxd(text: str, name: str) -> list[Scan]:
    """All scans over 2θ of an .uxd file: counts, or 2θ and counts, under keys that begin with an underscore.

    Raises
    ------
    InputError
        If a scan is none over 2θ, or words stand among the counts.
    """
    first, second = wavelengths_of_header(text.splitlines()[:400], name)
    scans: list[Scan] = []
    keys: dict[str, str] = {}
    numbers: list[float] = []
    style = ""

    def close() -> None:
        if style:
            scans.append(_uxd_scan(keys, numbers, style, (first, second), name))

    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith(";"):
            continue
        if not line.startswith("_"):
            try:
                numbers += [float(word) for word in line.replace(",", " ").split()]
            except ValueError:
                raise InputError(f"{name}: '{line[:40]}' among the counts; allowed: numbers") from None
            continue
        key, _, value = line.partition("=")
        if style:
            close()
            style, numbers = "", []
        if key in {"_COUNTS", "_CPS", "_2THETACOUNTS", "_2THETACPS", "_2THETACOUNTSTIME"}:
            style = key
        keys[key.strip()] = value.strip().strip("'")
    close()
    if not scans:
        raise InputError(f"{name}: no counts; allowed: an .uxd file with a scan over 2θ")
    return scans


def _uxd_scan(
    keys: dict[str, str],
    numbers: list[float],
    style: str,
    wavelengths: tuple[float | None, float | None],
    name: str,
) -> Scan:
    drive = keys.get("_DRIVE", "COUPLED").upper()
    if drive not in {"COUPLED", "2THETA", "DETECTOR SCAN", "LOCKED COUPLED", "UNLOCKED COUPLED"}:
        raise InputError(f"{name}: a scan of {drive}; allowed: scans over 2θ")
    values: Any = np.array(numbers)
    width = {"_2THETACOUNTSTIME": 3, "_2THETACOUNTS": 2, "_2THETACPS": 2}.get(style, 1)
    if values.size % width:
        raise InputError(f"{name}: {values.size} numbers under {style}; allowed: {width} a point")
    table = values.reshape(-1, width)
    if width == 1:
        try:
            start, step = (float(keys[key]) for key in ("_START", "_STEPSIZE"))
        except (KeyError, ValueError):
            raise InputError(f"{name}: counts without _START and _STEPSIZE; allowed: with both") from None
        x = np.asarray(start + step * np.arange(len(table)), dtype=float)
    else:
        x = table[:, 0]
    y = table[:, min(1, width - 1)]
    fixed = {}
    for key in ("_KHI", "_PHI"):
        if key in keys:
            fixed[key.strip("_").title()] = float(keys[key] or 0)
    return Scan(x, y, None, _TWO_THETA, *wavelengths, fixed)
