"""Patterns and models of the reference phases as files that other programs read."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.crystals import PHASES, crystal, nanocrystal, phase_of
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.folders import check_ours
from alzmodel.io import check_output_folder, write_structure, write_text
from alzmodel.progress import Progress, silent
from alzmodel.scattering.totals import OPEN_TAPER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.local_order.pdf import PartialRDF

    FloatArray = NDArray[np.float64]

__all__ = [
    "ALL_KINDS",
    "KINDS",
    "ReferenceSettings",
    "check_reference_folder",
    "damped_partials",
    "write_reference",
]

KINDS: Final = ("models", "xrd", "pdf", "sq", "fem")
"""What is written of a phase."""
ALL_KINDS: Final = (*KINDS, "modes")
"""What can be asked for."""
MODES_POTENTIAL: Final = "du-teter"

MODEL_ENDINGS: Final = (".extxyz", ".cif", ".vasp", ".lmp")
GRAIN_MAX: Final = 100.0
"""Å; grains of FEM columns are not made larger, since the columns are 130 Å wide."""
HEAD: Final = 2000
"""Bytes of a file in which it says what made it."""
SIZE_SUMMED: Final = 150.0
"""Å; up to this size the pairs of S(Q) are counted."""


@dataclass(frozen=True, slots=True)
class ReferenceSettings:
    """How reference patterns are made.

    Attributes
    ----------
    wavelength
        Å, or a line by name (:func:`alzmodel.scattering.form_factors.wavelength_of`).
    size
        Å; diameter of the crystallites (spheres, cut at any place). None: infinite crystals.
    two_theta
        First, last and step in degrees.
    fwhm
        Instrument width in degrees 2θ; without it 0.1 for infinite crystals, none for crystallites.
    b_iso
        B = 8π²⟨u²⟩ in Å² of every atom; 0.5 is 0.08 Å along each axis, usual for oxides at room temperature.
    r_max, dr
        Å, of G(r).
    q
        First, last and step in Å⁻¹, of S(Q).
    columns, thickness, seed
        FEM: number of columns of grains in random orientation, Å along the beam, and the seed of the first.
    """

    wavelength: float | str = 1.5406
    size: float | None = None
    two_theta: tuple[float, float, float] = (5.0, 120.0, 0.02)
    fwhm: float | None = None
    b_iso: float = 0.5
    r_max: float = 30.0
    dr: float = 0.01
    q: tuple[float, float, float] = (0.5, 25.0, 0.01)
    columns: int = 4
    thickness: float = 50.0
    seed: int = 1

    def check(self, kinds: Sequence[str]) -> None:
        """Refuse what cannot be computed, before any work.

        Raises
        ------
        InputError
            If a number is out of range or a kind is unknown.
        """
        from alzmodel.scattering.form_factors import wavelength_of
        from alzmodel.scattering.xrd.pattern import two_theta_grid

        for kind in kinds:
            if kind not in ALL_KINDS:
                raise InputError(f"--only {kind}: unknown; allowed: {', '.join(ALL_KINDS)}")
        wavelength_of(self.wavelength)
        two_theta_grid(self.two_theta)
        ranges = {
            "--b-iso": (self.b_iso, 0.0, 10.0, "Å²"),
            "--r-max": (self.r_max, 2.0, 100.0, "Å"),
            "--columns": (self.columns, 1, 100, ""),
            "--thickness": (self.thickness, 5.0, 2000.0, "Å"),
            "--seed": (self.seed, 0, 2**32 - 1, ""),
        }
        if self.size is not None:
            ranges["--size"] = (self.size, 10.0, 400.0, "Å")
        if self.fwhm is not None:
            ranges["--fwhm"] = (self.fwhm, 0.001, 5.0, "degrees")
        for name, (value, low, high, unit) in ranges.items():
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(
                    f"{name} {value:g}: out of range; allowed: {low:g} to {high:g} {unit}".rstrip()
                )
        if "sq" in kinds and self.size is not None and self.size > SIZE_SUMMED:
            raise InputError(
                f"--size {self.size:g}: S(Q) takes every pair of a crystallite; allowed: up to {SIZE_SUMMED:g} Å, "
                "or --only with other kinds"
            )


def write_reference(
    phases: Sequence[str],
    folder: str | Path,
    settings: ReferenceSettings | None = None,
    *,
    kinds: Sequence[str] = KINDS,
    progress: Progress = silent,
) -> list[Path]:
    """Write patterns and models of reference phases, a folder each.

    Parameters
    ----------
    phases
        Names or aliases in :data:`alzmodel.crystals.PHASES`.
    folder
        Where the folders go; made if it is not there.
    settings
        See :class:`ReferenceSettings`.
    kinds
        Some of :data:`ALL_KINDS`. "models": the cell (and the crystallite) as extended XYZ, CIF, POSCAR and LAMMPS
        data; "xrd": ``-xrd.xy`` and the stick list ``-xrd-sticks.csv``; "pdf": ``-xray.gr``, ``-neutron.gr`` and
        ``-electron.gr``; "sq": the same as ``.sq``; "fem": ``-fem.dat`` with the four variances; "modes":
        ``-modes.csv``, Raman and infrared modes at Γ.
    progress
        Told after every file.

    Returns
    -------
    list of Path
        Every file, in the order of writing.

    Raises
    ------
    InputError
        If a phase is unknown, a setting is out of range, or the folder cannot be written to or holds anything but
        reference patterns; before any work.
    """
    chosen = settings or ReferenceSettings()
    names = list(dict.fromkeys(phase_of(name).name for name in phases))
    chosen.check(kinds)
    target = check_reference_folder(folder)
    writers = {
        "models": _models,
        "xrd": _xrd,
        "pdf": _pdf,
        "sq": _structure_factor,
        "fem": _fem,
        "modes": _modes,
    }
    written: list[Path] = []
    for number, name in enumerate(names):
        place = target / name
        place.mkdir(parents=True, exist_ok=True)
        for position, kind in enumerate(kinds):
            written += writers[kind](name, place, chosen)
            progress((number + (position + 1) / len(kinds)) / len(names), f"{name}: {kind}")
    return written


def check_reference_folder(folder: str | Path) -> Path:
    """Refuse a folder that holds anything but reference patterns, and links in one; nothing is written.

    Raises
    ------
    InputError
        With what is in the way.
    """
    target = check_output_folder(folder)
    check_ours(target, _holds_patterns, "a folder of reference patterns")
    return target


def _holds_patterns(folder: Path) -> bool:
    """Whether a file of a phase says that this package made it."""
    for phase in PHASES:
        for file in sorted((folder / phase).glob(f"{phase}*")):
            if file.is_file():
                with file.open("rb") as handle:
                    head = handle.read(HEAD)
                if b"alzmodel" in head or b" kind=" in head:
                    return True
    return False


def _body(settings: ReferenceSettings) -> str:
    return "infinite crystal" if settings.size is None else f"spheres of {settings.size:g} A cut at any place"


def _header(name: str, body: str, words: Mapping[str, Any]) -> str:
    """Lines of comment in ASCII: what it is, what made it, and from what."""
    from alzmodel import __version__

    phase = phase_of(name)
    lengths = crystal(name).cell.cellpar()
    cell = "a b c {:.5g} {:.5g} {:.5g} A, alpha beta gamma {:.5g} {:.5g} {:.5g} deg".format(*lengths)
    facts = {
        "phase": f"{name} ({phase.formula}), space group {phase.space_group}, {body}",
        "cell": cell,
        "structure": phase.citation,
        **({"note": phase.note} if phase.note else {}),
        **words,
        "made by": f"alzmodel {__version__}, from the published structure: nothing here is fitted or measured",
    }
    lines = (f"# {key}: {' '.join(str(value).split())}\n" for key, value in facts.items())
    return "".join(lines).replace("Å", "A").encode("ascii", "replace").decode()


def _table(path: Path, header: str, names: str, columns: Sequence[NDArray[Any]]) -> Path:
    rows = (" ".join(f"{value:.8g}" for value in row) for row in zip(*columns, strict=True))
    write_text(path, header + f"{names}\n" + "\n".join(rows) + "\n")
    return path


def _models(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    models = {name: crystal(name)}
    if settings.size is not None:
        models[f"{name}-sphere"] = nanocrystal(name, settings.size, seed=settings.seed)
    written = []
    for stem, atoms in models.items():
        for ending in MODEL_ENDINGS:
            written.append(place / f"{stem}{ending}")
            write_structure(atoms, written[-1])
    return written


def _xrd(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    from alzmodel.scattering.form_factors import wavelength_of
    from alzmodel.scattering.xrd.pattern import nanocrystal_pattern, powder_pattern

    options: dict[str, Any] = {
        "wavelength": settings.wavelength,
        "two_theta": settings.two_theta,
        "b_iso": settings.b_iso,
        "fwhm": settings.fwhm,
    }
    if settings.size is None:
        pattern = powder_pattern(crystal(name), method="crystal", **options)
    else:
        pattern = nanocrystal_pattern(name, settings.size, **options)
    mean = wavelength_of(settings.wavelength)
    words = {
        "wavelength": f"{settings.wavelength} (mean {mean:.7g} A)",
        "displacements": f"B = {settings.b_iso:g} A^2 for every atom",
        "intensity": "electron units per atom, Lorentz factor and unpolarised (1 + cos^2 2theta)/2 included",
        "method": pattern.note,
    }
    header = _header(name, _body(settings), words)
    curve = _table(
        place / f"{name}-xrd.xy",
        header,
        "# 2theta(deg) intensity",
        [pattern.two_theta, pattern.intensity],
    )
    return [curve, _sticks(name, place, settings, words)]


def _sticks(name: str, place: Path, settings: ReferenceSettings, words: Mapping[str, Any]) -> Path:
    from alzmodel.scattering.xrd.pattern import reflections

    first, last, _ = settings.two_theta
    found = reflections(crystal(name), settings.wavelength, two_theta=(first, last), b_iso=settings.b_iso)
    words = {
        **words,
        "intensity": "powder line, Lorentz and polarisation factor included, the strongest is 100; F2 is the sum of "
        "|F|^2 over the reflections at this spacing in squared electrons of the conventional cell",
        "hkl": "of the strongest family at this spacing",
        "method": "Bragg reflections of the infinite crystal",
    }
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(["h", "k", "l", "multiplicity", "d_A", "two_theta_deg", "F2", "intensity"])
    for line in found:
        table.writerow(
            [
                *line.hkl,
                line.multiplicity,
                f"{line.d:.6f}",
                f"{line.two_theta:.4f}",
                f"{line.strength:.6g}",
                f"{100 * line.intensity:.4f}",
            ]
        )
    path = place / f"{name}-xrd-sticks.csv"
    write_text(path, _header(name, _body(settings), words) + buffer.getvalue())
    return path


def damped_partials(rdf: PartialRDF, *, b_iso: float = 0.0, size: float | None = None) -> PartialRDF:
    """Pair functions of a perfect crystal with thermal displacements, in a sphere.

    Independent Gaussian displacements of both atoms, ⟨u²⟩ = B/8π² along each axis, spread every distance by a
    three-dimensional Gaussian; for an isotropic one this is the convolution of r g(r), continued as an odd function,
    with a Gaussian of variance 2⟨u²⟩. In a sphere of diameter D cut at any place a pair at distance r is inside with
    the probability γ(r/D) = 1 − 3x/2 + x³/2, and what is left of g(r) − 1 is γ times it.

    Parameters
    ----------
    rdf
        Of a periodic crystal, counted some 1 Å further than it is wanted.
    b_iso
        B in Å².
    size
        D in Å; None is infinite.

    References
    ----------
    B. E. Warren, X-ray Diffraction (1969), ch. 3 (displacements);
    A. Guinier and G. Fournet, Small-Angle Scattering of X-rays (1955) (γ of a sphere).
    """
    from scipy.ndimage import gaussian_filter1d

    r = rdf.r
    sigma = math.sqrt(2 * b_iso / (8 * math.pi**2))
    inside = np.ones_like(r)
    if size is not None:
        x = np.clip(r / size, 0, 1)
        inside = 1 - 1.5 * x + 0.5 * x**3
    curves = {}
    for label, g in rdf.g.items():
        odd = r * (g - 1)
        if sigma > 0:
            both = gaussian_filter1d(np.concatenate([-odd[::-1], odd]), sigma / rdf.dr, mode="nearest")
            odd = both[len(r) :]
        curves[label] = 1 + inside * odd / r
    return replace(rdf, g=curves)


def _partials(atoms: Atoms, reach: float, settings: ReferenceSettings, b_iso: float) -> PartialRDF:
    from alzmodel.local_order.pdf import partial_rdf

    rdf = partial_rdf(atoms, r_max=reach + 1.0, dr=settings.dr)
    return damped_partials(rdf, b_iso=b_iso, size=settings.size)


def _pdf(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    from alzmodel.scattering.totals import RADIATIONS, total_pdf

    rdf = _partials(crystal(name), settings.r_max, settings, settings.b_iso)
    inside = rdf.r <= settings.r_max
    written = []
    for radiation in RADIATIONS:
        total = total_pdf(rdf, radiation)
        words = {
            "radiation": f"{radiation}, one weight a pair (for X-rays the atomic numbers)",
            "displacements": f"B = {settings.b_iso:g} A^2 for every atom, not correlated",
            "G(r)": f"4 pi r rho (g(r) - 1) with rho = {rdf.number_density:.6g} atoms/A^3, in A^-2; no cut in Q",
        }
        path = place / f"{name}-{radiation}.gr"
        written.append(
            _table(
                path,
                _header(name, _body(settings), words),
                "#L r(A) G(A^-2)",
                [rdf.r[inside], total.G[inside]],
            )
        )
    return written


def _structure_factor(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    from alzmodel.scattering.totals import RADIATIONS, structure_factor

    first, last, step = settings.q
    Q = first + step * np.arange(round((last - first) / step) + 1)
    # Counted sharp; displacements act on S(Q) as a factor.
    end = OPEN_TAPER[1] if settings.size is None else settings.size
    taper = OPEN_TAPER if settings.size is None else (end, end)
    rdf = _partials(crystal(name), end, settings, 0.0)
    factor = structure_factor(rdf, Q, taper=taper)
    damping = np.exp(-2 * settings.b_iso * (Q / (4 * np.pi)) ** 2)
    ending = (
        f"pair functions of the crystal fade out from {OPEN_TAPER[0]:g} to {OPEN_TAPER[1]:g} A"
        if settings.size is None
        else "pair functions times the share of pairs inside a sphere, without its small-angle scattering"
    )
    written = []
    for radiation in RADIATIONS:
        words = {
            "radiation": f"{radiation}, Faber-Ziman, factors of neutral atoms without dispersion",
            "displacements": f"B = {settings.b_iso:g} A^2 for every atom",
            "method": ending,
        }
        curve = 1 + damping * (factor.total[radiation] - 1)
        path = place / f"{name}-{radiation}.sq"
        written.append(_table(path, _header(name, _body(settings), words), "# Q (A^-1) S", [Q, curve]))
    return written


def _fem(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    from alzmodel.models.columns import GRAIN
    from alzmodel.models.specimen import Specimen
    from alzmodel.scattering.fem.variance import VARIANCES, fem

    grain = min(settings.size or GRAIN, GRAIN_MAX)
    spread = math.sqrt(settings.b_iso / (8 * math.pi**2))
    specimen = Specimen(settings.thickness, grain=grain, displacement=spread)
    columns = list(specimen.columns(crystal(name), settings.columns, settings.seed))
    result = fem(columns)
    used = result.settings
    body = f"grains of about {grain:g} A in random orientations"
    words = {
        "specimen": f"{settings.columns} columns, {specimen.built_width:g} A wide, {settings.thickness:g} A thick, "
        f"from seed {settings.seed}",
        "displacements": f"B = {settings.b_iso:g} A^2 for every atom",
        "microscope": f"{used.energy_kev:g} keV, semi-angle {used.semi_angle_mrad:g} mrad (probe "
        f"{used.probe_fwhm:.3g} A FWHM), rings {used.ring_width:g} nm^-1 wide, kinematic",
        "columns": "k = 1/d without 2 pi; variances omega, r, re, image as Daulton et al. (2010) name them; floor: "
        "omega without any order; mean intensity per atom in A^2",
    }
    curves = [result.k, *(result.variance[v] for v in VARIANCES), result.floor, result.mean_intensity]
    names = "# k (nm^-1) " + " ".join(f"V_{v}" for v in VARIANCES) + " floor mean_intensity"
    return [_table(place / f"{name}-fem.dat", _header(name, body, words), names, curves)]


def _modes(name: str, place: Path, settings: ReferenceSettings) -> list[Path]:
    """Modes at Γ of the cell that the pair potential gives the phase, and the reference lines where there are some."""
    from alzmodel.dynamics.calibration import modes_at, raman_lines

    del settings
    words = {
        "modes": f"harmonic, of the cell relaxed with the potential {MODES_POTENTIAL}; frequencies are the "
        "potential's, transverse ones"
    }
    rows = []
    try:
        modes = modes_at(crystal(name), MODES_POTENTIAL)
    except AlzmodelError as error:
        words["no modes"] = str(error)
    else:
        unstable = sum(one.degeneracy for one in modes if one.cm < 0)
        if unstable:
            words["unstable"] = f"{unstable} modes: the potential has another structure there"
        rows = [
            f"computed,{one.irrep or ''},{one.cm:.2f},{one.degeneracy},{int(one.raman)},{int(one.ir)}"
            for one in modes
        ]
    known = raman_lines().get(name)
    if known:
        words[f"lines, {known['kind']}"] = known["source"]
        rows += [f"{known['kind']},{line.get('irrep', '')},{line['cm']:g},,1," for line in known["lines"]]
    path = place / f"{name}-modes.csv"
    write_text(
        path,
        _header(name, "infinite crystal", words)
        + "\n".join(["source,irrep,cm,degeneracy,raman,infrared", *rows])
        + "\n",
    )
    return [path]
