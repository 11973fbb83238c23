"""PANalytical's XRDML: scans with their wavelength, and what was held still."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from alzmodel.errors import InputError
from alzmodel.scattering.curves.radiation import in_angstrom, line_of_anode
from alzmodel.scattering.curves.scan import Scan, Statement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

__all__ = ["parsed_xml", "read_xrdml"]


def parsed_xml(text: str, name: str, what: str) -> ET.Element:
    """Root of an XML text without entities.

    Raises
    ------
    InputError
        If it is no XML, or declares a document type.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        # No instrument writes them, and entities can be made to blow up a parser.
        raise InputError(
            f"{name}: an XML document type is declared; allowed: {what} as the instrument wrote it"
        )
    try:
        return ET.fromstring(text)  # noqa: S314 - entities were refused above
    except ET.ParseError as error:
        raise InputError(f"{name}: not XML ({error}); allowed: {what}") from error


def read_xrdml(text: str, name: str) -> list[Scan]:
    """All scans over 2θ of an XRDML file: positions from start and end, or listed; intensities or counts.

    Absorbers in the beam are undone where raw counts are given.

    Raises
    ------
    InputError
        If it is no XRDML, or has no scan over 2θ.
    """
    root = parsed_xml(text, name, "an XRDML file")
    measurements = root.findall(".//{*}xrdMeasurement") or [root]
    scans: list[Scan] = []
    for measurement in measurements:
        first, second = _wavelengths(measurement, name)
        try:
            scans += [
                _scan(points, name, first, second) for points in measurement.findall(".//{*}dataPoints")
            ]
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name}: {error}; allowed: an XRDML file with numbers") from error
    if not scans:
        raise InputError(f"{name}: no dataPoints; allowed: an XRDML file with a scan")
    return scans


def _wavelengths(measurement: ET.Element, name: str) -> tuple[float | None, float | None]:
    """Wavelength that is meant and that of Kα2, in Å; the anode's where none is listed."""
    used = measurement.find(".//{*}usedWavelength")
    anode = measurement.findtext(".//{*}anodeMaterial")
    listed: dict[str, float] = {}
    for node in used if used is not None else ():
        tag = node.tag.rpartition("}")[2]
        try:
            listed[tag] = in_angstrom(
                float(node.text or ""), node.get("unit", "").lower().replace("angstrom", "å")
            )
        except ValueError as error:
            raise InputError(f"{name}: {tag} is {node.text}; allowed: a number") from error
    meant = "" if used is None else used.get("intended", "").lower().replace(" ", "").replace("-", "")
    first, second = listed.get("kAlpha1"), listed.get("kAlpha2")
    if meant == "kalpha2":
        return second, None
    if meant == "kbeta":
        return listed.get("kBeta"), None
    if not first and anode:
        first = line_of_anode(anode.strip())
    return first or None, second or None


def _scan(points: ET.Element, name: str, first: float | None, second: float | None) -> Scan:
    found = next(
        (node for tag in ("intensities", "counts") for node in points.findall(f".//{{*}}{tag}")), None
    )
    axes = {node.get("axis", ""): node for node in points.findall(".//{*}positions")}
    axis = axes.get("2Theta")
    if found is None or axis is None or not found.text:
        raise InputError(
            f"{name}: no 2Theta positions with intensities; allowed: an XRDML file with a 2θ scan"
        )
    y = np.array([float(word) for word in found.text.split()])
    factors = points.findtext(".//{*}beamAttenuationFactors")
    if found.tag.endswith("counts") and factors:
        y = y * np.array([float(word) for word in factors.split()])
    x = _positions(axis, y.size, name)
    fixed = {
        label: float(node.findtext("{*}commonPosition") or 0)
        for label, node in axes.items()
        if node.findtext("{*}commonPosition") is not None
    }
    # Tilted against the 2θ axis another cut of reciprocal space is measured.
    omega = axes.get("Omega")
    if omega is not None and omega.findtext("{*}startPosition") is not None:
        fixed["Omega - Theta"] = float(omega.findtext("{*}startPosition") or 0) - float(x[0]) / 2
    unit = axis.get("unit", "deg").lower()
    stated = Statement("two_theta_rad" if unit.startswith("rad") else "two_theta")
    return Scan(x, y, None, stated, first, second, fixed)


def _positions(axis: ET.Element, size: int, name: str) -> FloatArray:
    listed = axis.findtext("{*}listPositions")
    if listed:
        x = np.array([float(word) for word in listed.split()])
    else:
        ends = [axis.findtext(f"{{*}}{tag}") for tag in ("startPosition", "endPosition")]
        if None in ends:
            raise InputError(f"{name}: 2Theta without start and end; allowed: an XRDML file with a 2θ scan")
        x = np.linspace(float(ends[0] or 0), float(ends[1] or 0), size)
    if x.size != size:
        raise InputError(f"{name}: {x.size} positions, {size} intensities; allowed: as many of both")
    return x
