"""Ways from atoms to intensity: each yields the scattering per atom as a function of Q and wavelength."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.progress import Progress, part_of
from alzmodel.sanity import amounts_of, held_in_part, shares_of, sites_of
from alzmodel.scattering.form_factors import xray_factor
from alzmodel.scattering.xrd.corrections import Resolution, broaden, polarization_factor, resolution_width

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.scattering.totals import Taper
    from alzmodel.scattering.xrd.debye import PairHistogram

    FloatArray = NDArray[np.float64]

__all__ = [
    "Displacement",
    "Evaluator",
    "atomic_fractions",
    "damped_factor",
    "debye_evaluator",
    "disorder_diffuse",
    "displacements",
    "evaluator",
    "momentum",
    "observed",
    "reference_cell",
    "thermal_diffuse",
]

Displacement = float | Mapping[str, float]
"""B = 8π²⟨u²⟩ in Å², for all elements or by element."""
Evaluator = Callable[["FloatArray", float], "FloatArray"]
"""Intensity per atom at Q (Å⁻¹) and wavelength (Å)."""

_MOST_B: Final = 1000.0
"""Å²: beyond, all lines vanish; crystals have less than 20."""
PDF_STEP: Final = 0.002
"""Å; bins of the pair functions behind the pattern of a glass."""


def momentum(two_theta: FloatArray, wavelength: float) -> FloatArray:
    """Q = 4π sin θ/λ in Å⁻¹ at 2θ degrees."""
    return np.asarray(4 * np.pi * np.sin(np.radians(two_theta) / 2) / wavelength)


def displacements(b_iso: Displacement, atoms: Atoms) -> dict[str, float]:
    """B of every element of a model, checked to be zero or more and no larger than leaves a pattern."""
    elements = sorted(set(atoms.get_chemical_symbols()))
    if isinstance(b_iso, Mapping):
        values = {element: float(b_iso.get(element, 0.0)) for element in elements}
    else:
        values = dict.fromkeys(elements, float(b_iso))
    if not all(0 <= value <= _MOST_B for value in values.values()):
        raise InputError(f"b_iso: {b_iso}; allowed: B of 0 to {_MOST_B:g} Å²")
    return values


def damped_factor(
    wavelength: float, displacement: Mapping[str, float]
) -> Callable[[str, FloatArray], NDArray[np.complex128]]:
    """X-ray factor with dispersion and displacement factor exp(−B Q²/16π²), as a function of element and Q."""

    def factor(element: str, Q: FloatArray) -> NDArray[np.complex128]:
        damping = np.exp(-displacement[element] * (Q / (4 * np.pi)) ** 2)
        return np.asarray(xray_factor(element, Q, wavelength) * damping)

    return factor


def thermal_diffuse(
    Q: FloatArray, wavelength: float, fractions: Mapping[str, float], displacement: Mapping[str, float]
) -> FloatArray:
    """Scattering per atom that independent displacements move from the pairs to the background."""
    total = np.zeros_like(Q)
    for element, fraction in fractions.items():
        if displacement[element] > 0:
            lost = 1 - np.exp(-2 * displacement[element] * (Q / (4 * np.pi)) ** 2)
            total += fraction * np.abs(xray_factor(element, Q, wavelength)) ** 2 * lost
    return total


def disorder_diffuse(
    Q: FloatArray, wavelength: float, atoms: Atoms, displacement: Mapping[str, float]
) -> FloatArray:
    """Scattering per atom that sites held at random take from the reflections: Σ c |f|² − |Σ c f|² of each site.

    References
    ----------
    B. E. Warren, X-ray Diffraction (1969), eq. 12.5 (Laue's monotonic scattering).
    """
    total = np.zeros_like(Q)
    if not held_in_part(atoms):
        return total
    factor = damped_factor(wavelength, displacement)
    factors = {element: factor(element, Q) for element in set(atoms.get_chemical_symbols())}
    for held, number in sites_of(atoms).items():
        own = np.asarray(sum(share * np.abs(factors[element]) ** 2 for element, share in held))
        mean = np.asarray(sum(share * factors[element] for element, share in held))
        total += number * (own - np.abs(mean) ** 2)
    return np.asarray(total / shares_of(atoms).sum())


def atomic_fractions(atoms: Atoms) -> dict[str, float]:
    """Share of the atoms by element."""
    amounts = amounts_of(atoms)
    total = sum(amounts.values())
    return {element: amounts[element] / total for element in sorted(amounts)}


def evaluator(
    method: str,
    frames: Sequence[Atoms],
    q_max: float,
    displacement: Mapping[str, float],
    taper: Taper | None,
    unit: Atoms | None,
    *,
    automatic: bool,
    progress: Progress,
) -> tuple[Evaluator, str, str]:
    """Choose and prepare a route: the evaluator, the name of the method and the note to its reader."""
    if method == "pdf":
        return _pdf_evaluator(frames, displacement, taper, progress)
    if method == "lattice" or (automatic and (unit is not None or "phase" in frames[0].info)):
        from alzmodel.scattering.xrd.lattice import lattice_histogram

        reference = unit if unit is not None else reference_cell(frames[0])
        if reference is None:
            raise InputError(
                "XRD method lattice: no unit cell; allowed: a model with info['phase'], or unit="
            )
        try:
            histograms = [lattice_histogram(atoms, reference, q_max) for atoms in frames]
        except InputError:
            # A displaced crystallite: "lattice" asked for by name must say so, "auto" takes the other exact way.
            if method == "lattice":
                raise
        else:
            note = "exact sum over all pairs of the cluster, through its lattice"
            return debye_evaluator(histograms, displacement), "lattice", note
    from alzmodel.scattering.xrd.debye import histogram_step, pair_histogram

    step = histogram_step(q_max)
    histograms = [
        pair_histogram(
            atoms.positions,
            atoms.get_chemical_symbols(),
            step,
            progress=part_of(progress, number, len(frames)),
        )
        for number, atoms in enumerate(frames)
    ]
    return debye_evaluator(histograms, displacement), "debye", "exact sum over all pairs of the cluster"


def debye_evaluator(histograms: Sequence[PairHistogram], displacement: Mapping[str, float]) -> Evaluator:
    """Mean Debye sum of pair histograms."""
    from alzmodel.scattering.xrd.debye import debye_intensity

    numbers = histograms[0].numbers
    fractions = {element: n / sum(numbers.values()) for element, n in numbers.items()}

    def evaluate(Q: FloatArray, wavelength: float) -> FloatArray:
        factor = damped_factor(wavelength, displacement)
        curves = [debye_intensity(histogram, Q, factor) for histogram in histograms]
        return np.asarray(np.mean(curves, axis=0) + thermal_diffuse(Q, wavelength, fractions, displacement))

    return evaluate


def _pdf_evaluator(
    frames: Sequence[Atoms],
    displacement: Mapping[str, float],
    taper: Taper | None,
    progress: Progress,
) -> tuple[Evaluator, str, str]:
    from alzmodel.local_order.pdf import partial_rdf
    from alzmodel.neighbours import repeat_length
    from alzmodel.scattering.totals import default_taper, faber_ziman_weights, partial_structure_factors

    repeat = min(repeat_length(atoms) for atoms in frames)
    window = taper or default_taper(repeat)
    rdf = partial_rdf(list(frames), r_max=window[1], dr=PDF_STEP, progress=progress)

    def evaluate(Q: FloatArray, wavelength: float) -> FloatArray:
        factor = damped_factor(wavelength, displacement)
        factors = {element: factor(element, Q) for element in rdf.concentrations}
        mean = np.abs(np.asarray(sum(c * factors[e] for e, c in rdf.concentrations.items()))) ** 2
        own = np.asarray(sum(c * np.abs(factors[e]) ** 2 for e, c in rdf.concentrations.items()))
        weights = faber_ziman_weights(rdf.concentrations, factors)
        partials = partial_structure_factors(rdf, Q, taper=window)
        correlated = mean * np.asarray(sum(weights[label] * (partials[label] - 1) for label in partials))
        return np.asarray(own + correlated + thermal_diffuse(Q, wavelength, rdf.concentrations, displacement))

    note = f"pair functions fade out from {window[0]:.1f} to {window[1]:.1f} Å; the model repeats beyond {repeat:.1f} Å"
    return evaluate, "pdf", note


def observed(
    evaluate: Evaluator,
    grid: FloatArray,
    lines: Sequence[tuple[float, float]],
    fwhm: Resolution | None,
    polarization: str | float,
) -> FloatArray:
    """Sum over the lines of the source, polarise, broaden."""
    points = grid
    if fwhm is not None:
        widths = resolution_width(grid, fwhm)
        widest = float(widths.max())
        step = min(float(np.diff(grid).min()), max(float(widths.min()) / 8, 0.002))
        first, last = max(grid[0] - 2.1 * widest, 0.05), min(grid[-1] + 2.1 * widest, 179.95)
        points = first + step * np.arange(math.ceil((last - first) / step) + 1)
    total = np.zeros_like(points)
    for line, weight in lines:
        total += weight * evaluate(momentum(points, line), line)
    total *= polarization_factor(points, polarization)
    return total if fwhm is None else broaden(points, total, grid, fwhm)


def reference_cell(atoms: Atoms) -> Atoms | None:
    """Return the unit cell of the reference phase named in the model, with a of its provenance; None if unnamed."""
    phase = atoms.info.get("phase")
    if phase is None:
        return None
    from alzmodel.crystals import crystal

    lengths = (atoms.info.get("provenance") or {}).get("lattice_parameters", [])
    return crystal(str(phase), lattice_parameter=lengths[0] if len(lengths) else None)
