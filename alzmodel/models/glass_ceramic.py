"""Glass-ceramics: a nucleus of a reference crystal in a melt-quenched glass.

A sphere of crystal stands still while the glass melts and cools around it. At the annealing temperature it is freed,
and both relax together; then all is cooled, and the last stage runs with PPPM. The phase and the size of the nucleus
are what was asked for; its lattice parameter, and whether it survives, are results.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.composition import ion_counts, ion_labels
from alzmodel.crystals import crystal, phase_of, sphere_of
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import check_ranks
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.models.crystal_models import relaxed_cell
from alzmodel.models.melt_quench import Glass, check_memory
from alzmodel.models.nucleus import (
    REGION,
    REGIONS,
    core_of,
    fit_lattice,
    regions_of,
    summary_of,
    unwrapped,
)
from alzmodel.models.packing import estimated_density, mass_of, pack_around
from alzmodel.models.protocol_run import cpu_seconds, minimisation_identity, potential_identity, run_protocol
from alzmodel.models.protocols import Protocol, for_potential, protocol_of
from alzmodel.models.requests import check_seed, la_content
from alzmodel.models.work_folder import identity_hash, work_folder
from alzmodel.progress import Progress, Watch, watched
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ase import Atoms
    from numpy.typing import NDArray

    from alzmodel.composition import Composition
    from alzmodel.forcefields.potentials import Potential
    from alzmodel.models.nucleus import LatticeFit
    from alzmodel.models.protocol_run import ProtocolRun

__all__ = [
    "DISSOLVED",
    "FROM_NUCLEUS",
    "SMALLEST_DIAMETER",
    "check_request",
    "estimate_seconds",
    "glass_ceramic",
    "input_hash",
]

BUILD_VERSION: Final = 1
"""Of the procedure below; part of the input hash."""

NUCLEUS_INPUTS: Final = ("phase", "diameter", "lattice_parameters", "centre", "seed")

SMALLEST_DIAMETER: Final = 12.0
"""Å; smaller spheres have no inside whose lattice could be fitted."""

FROM_NUCLEUS: Final = "from_nucleus"
"""Name of the per-atom array that is 1 for the ions that the nucleus was cut with, wherever they are in the end."""

DISSOLVED: Final = 0.5
"""A nucleus with a smaller share of its inner cations on their sites has not survived."""


@dataclass(frozen=True, slots=True)
class _Request:
    composition: Composition
    counts: dict[str, int]
    nucleus: Atoms
    diameter: float
    seeds: tuple[int, int, int]
    seed: int
    protocol: Protocol
    potential: Potential
    ranks: int

    @property
    def n_atoms(self) -> int:
        return len(self.nucleus) + sum(self.counts.values())

    def hash(self) -> str:
        labels = sorted({*ion_labels(self.nucleus), *self.counts})
        return identity_hash(
            {
                "kind": "glass-ceramic",
                "build_version": BUILD_VERSION,
                "counts": self.counts,
                "nucleus": {name: self.nucleus.info["provenance"][name] for name in NUCLEUS_INPUTS},
                "seed": self.seed,
                "protocol": self.protocol.to_dict(),
                "potential": potential_identity(self.potential, labels),
                "ranks": self.ranks,
                **minimisation_identity(self.n_atoms),
            }
        )


def check_request(
    composition: Composition,
    *,
    nucleus: str,
    diameter: float,
    box: float | None = None,
    n_atoms: int | None = None,
    seed: int = 0,
    protocol: str | Protocol | Mapping[str, Any] = "glass-ceramic",
    potential: str = "du-teter",
    ranks: int = 1,
) -> int:
    """Refuse a glass-ceramic that cannot be built, before any time is spent.

    Parameters
    ----------
    composition, nucleus, diameter, box, n_atoms, seed, protocol, potential, ranks
        As for :func:`glass_ceramic`.

    Returns
    -------
    int
        About the number of atoms: the cell relaxed with the potential, from which the nucleus is cut, is not known
        yet.

    Raises
    ------
    InputError
        If anything is unknown or out of its range, an ion has no parameters, the protocol never frees the nucleus,
        the box leaves less than the cut-off between the nucleus and its image (the message names the smallest box,
        or number of atoms), or the memory is too small.
    """
    chosen = protocol_of(protocol)
    phase = phase_of(nucleus)
    pot = potential_of(potential)
    unit = crystal(phase.name)
    for label in [
        *(label for label, n in composition.amounts.items() if n),
        *dict.fromkeys(ion_labels(unit)),
    ]:
        pot.ion(label)
    check_ranks(ranks)
    check_seed(seed)
    if chosen.anneal_time == 0:
        raise InputError(
            f"protocol {chosen.name}: anneal_time 0; allowed: above 0, the nucleus is freed in the anneal"
        )
    if not (math.isfinite(diameter) and diameter >= SMALLEST_DIAMETER):
        raise InputError(f"diameter: {diameter:g} Å; allowed: at least {SMALLEST_DIAMETER:g} Å")
    if (box is None) == (n_atoms is None):
        given = "neither" if box is None else "both"
        raise InputError(f"box and number of atoms: {given} given; allowed: one of them")
    smallest = diameter + chosen.cutoff
    if box is not None and not (math.isfinite(box) and box >= smallest):
        raise InputError(
            f"box: {box:g} Å around a nucleus of {diameter:g} Å; allowed: at least {smallest:g} Å, the cut-off "
            f"{chosen.cutoff:g} Å wider than the nucleus"
        )
    # Spheres of unlike centres differ by some ions of their surface.
    sphere = sphere_of(unit, diameter)
    volume = _volume(sphere, unit)
    if n_atoms is not None:
        least = len(sphere) + _matrix_atoms(composition, smallest**3 - volume)
        # Whole ions of the matrix and the relaxed cell may make the box a little narrower than asked.
        least = math.ceil(1.02 * least)
        if n_atoms < least:
            raise InputError(
                f"number of atoms: {n_atoms} around a nucleus of {diameter:g} Å; allowed: at least {least}, for a "
                f"box the cut-off {chosen.cutoff:g} Å wider than the nucleus"
            )
        expected = n_atoms
    else:
        assert box is not None
        expected = len(sphere) + _matrix_atoms(composition, box**3 - volume)
    check_memory(expected, ranks)
    return expected


def _volume(sphere: Atoms, unit: Atoms) -> float:
    """Å³ that the ions of a sphere fill in the crystal."""
    return len(sphere) * float(unit.cell.volume) / len(unit)


def _matrix_atoms(composition: Composition, volume: float) -> int:
    """Ions of a glass that fill about a volume (Å³)."""
    sample = ion_counts(composition, 1000)
    number_density = sum(sample.values()) * estimated_density(sample) / mass_of(sample)
    return max(1, round(number_density / AMU_PER_A3_TO_G_PER_CM3 * volume))


def estimate_seconds(n_atoms: int, protocol: str | Protocol | Mapping[str, Any] = "glass-ceramic") -> float:
    """CPU-seconds that a glass-ceramic takes about, on one core."""
    return cpu_seconds(n_atoms, protocol_of(protocol))


def glass_ceramic(
    composition: Composition,
    *,
    nucleus: str,
    diameter: float,
    box: float | None = None,
    n_atoms: int | None = None,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "glass-ceramic",
    potential: str = "du-teter",
    ranks: int = 1,
    progress: Watch = None,
    workdir: str | Path | None = None,
) -> Glass:
    """Build a nucleus of a reference crystal in a glass.

    The nucleus is a stoichiometric, neutral sphere of the crystal relaxed with the potential at 0 K, turned at
    random. It stands still while the matrix melts and is quenched to the annealing temperature at the pressure of the
    protocol, and is free from there on.

    Parameters
    ----------
    composition
        Of the glass around the nucleus; neutral.
    nucleus
        Name of a reference phase.
    diameter
        Of the nucleus in Å: assumed, not predicted.
    box
        Edge of the periodic cube in Å that is aimed at; what comes out follows from the pressure.
    n_atoms
        Instead of `box`: smallest number of atoms, nucleus and glass.
    seed
        Of the nucleus's centre and orientation, the packing and the velocities, ≥ 0.
    protocol
        Name, :class:`~alzmodel.models.protocols.Protocol`, or mapping of changed fields; with an anneal.
    potential
        Name of a potential.
    ranks
        MPI ranks.
    progress
        Told the fraction done, the stage and the temperature. By default a bar with the time left, on terminals and in
        notebooks; False for none (:data:`alzmodel.progress.Watch`).
    workdir
        Folder for restart files: a later call with the same inputs goes on where this one stood, to the same
        bytes with the same versions on the same type of CPU.
        Without it a temporary folder is used and removed.

    Returns
    -------
    Glass
        Atoms carry the arrays ``"region"`` ("nucleus", "interface" or "glass", by place) and ``"from_nucleus"``
        (1 for the ions that the nucleus was cut with). ``provenance["regions"]`` counts ions, formula and formal
        charge of each region; ``provenance["nucleus"]`` holds what was assumed of the nucleus and what became of it.

    Raises
    ------
    InputError
        See :func:`check_request`; also for a workdir that holds another build, or a negative seed.
    BuildError
        If an element of the matrix did not move in the melt, or the melt boiled.
    AlzmodelError
        If LAMMPS fails.
    """
    request = _request(
        composition, nucleus, diameter, box, n_atoms, seed, protocol_of(protocol), potential, ranks
    )
    title = f"{nucleus} in {composition.formula}"
    with work_folder(workdir, request.hash()) as folder, watched(progress, title) as told:
        return _build(request, folder, told)


def input_hash(
    composition: Composition,
    *,
    nucleus: str,
    diameter: float,
    box: float | None = None,
    n_atoms: int | None = None,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "glass-ceramic",
    potential: str = "du-teter",
    ranks: int = 1,
) -> str:
    """Hash of what a model depends on, but for package versions and the CPU; its provenance holds it too.

    Parameters and errors as those of :func:`glass_ceramic`.
    """
    request = _request(
        composition, nucleus, diameter, box, n_atoms, seed, protocol_of(protocol), potential, ranks
    )
    return request.hash()


def _request(
    composition: Composition,
    nucleus: str,
    diameter: float,
    box: float | None,
    n_atoms: int | None,
    seed: int,
    protocol: Protocol,
    potential: str,
    ranks: int,
) -> _Request:
    check_request(
        composition,
        nucleus=nucleus,
        diameter=diameter,
        box=box,
        n_atoms=n_atoms,
        seed=seed,
        protocol=protocol,
        potential=potential,
        ranks=ranks,
    )
    seeds = np.random.SeedSequence(int(seed)).generate_state(3)
    unit = relaxed_cell(nucleus, potential)
    sphere = sphere_of(unit, diameter, seed=int(seeds[0]))
    sphere.info["provenance"]["volume_per_atom"] = float(unit.cell.volume) / len(unit)
    sphere.positions = sphere.positions @ _rotation(int(seeds[0])).T
    if n_atoms is not None:
        n_matrix = n_atoms - len(sphere)
    else:
        assert box is not None
        n_matrix = _matrix_atoms(composition, box**3 - _volume(sphere, unit))
    return _Request(
        composition=composition,
        counts=ion_counts(composition, n_matrix),
        nucleus=sphere,
        diameter=float(diameter),
        seeds=(int(seeds[0]), int(seeds[1]), int(seeds[2])),
        seed=int(seed),
        protocol=for_potential(protocol, potential_of(potential)),
        potential=potential_of(potential),
        ranks=ranks,
    )


def _rotation(seed: int) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    return np.asarray(Rotation.random(random_state=np.random.default_rng(seed)).as_matrix())


def _build(request: _Request, folder: Path, progress: Progress) -> Glass:
    nucleus, protocol = request.nucleus, request.protocol
    _, packing_seed, velocity_seed = request.seeds
    crystal_volume = nucleus.info["provenance"]["volume_per_atom"] * len(nucleus)
    matrix_volume = mass_of(request.counts) / estimated_density(request.counts) * AMU_PER_A3_TO_G_PER_CM3
    length = (crystal_volume + matrix_volume / protocol.melt_density) ** (1 / 3)
    packing = pack_around(nucleus, request.counts, length=length, seed=packing_seed)
    packing.set_array(FROM_NUCLEUS, (np.arange(len(packing)) < len(nucleus)).astype(np.int64))
    mass = float(packing.get_masses().sum())
    run = run_protocol(
        packing,
        protocol,
        request.potential,
        folder,
        seed=velocity_seed,
        estimate=mass / (crystal_volume + matrix_volume) * AMU_PER_A3_TO_G_PER_CM3,
        held=len(nucleus),
        ranks=request.ranks,
        inputs=request.hash(),
        progress=progress,
    )
    return _collect(request, run)


def _collect(request: _Request, run: ProtocolRun) -> Glass:
    nucleus, model = request.nucleus, run.minimised
    cations = np.flatnonzero(nucleus.get_initial_charges() > 0)
    sites = nucleus.positions[cations]
    core = core_of(sites, request.diameter / 2)

    def fit(frames: list[Atoms]) -> LatticeFit:
        return fit_lattice(sites, np.array([unwrapped(atoms, cations) for atoms in frames]), core)

    overall = fit(run.frames)
    radius = request.diameter / 2 * (overall.scale if math.isfinite(overall.scale) else 1.0)
    for atoms in [model, *run.frames]:
        atoms.set_array(REGION, regions_of(atoms, fit([atoms]).shift, radius))
    region = model.arrays[REGION]
    inserted = model.arrays[FROM_NUCLEUS] == 1
    whole = summary_of(model, np.ones(len(model), dtype=bool))
    matrix = summary_of(model, ~inserted)
    provenance = {
        "method": "melt-quench around a nucleus held until the anneal",
        "formula": whole["formula"],
        "formula_requested": request.composition.formula,
        "la_content": la_content(request.counts, request.composition),
        "composition": whole["composition"],
        "n_atoms": len(model),
        "seed": request.seed,
        **run.record,
        "nucleus": {
            "phase": nucleus.info["phase"],
            "diameter": request.diameter,
            **summary_of(model, inserted),
            **_fate(request, run, overall, core),
            "inner_ions_of_the_matrix": int((~inserted & (region == REGIONS[0])).sum()),
            "ions_lost_to_the_glass": int((inserted & (region == REGIONS[2])).sum()),
            "cell": nucleus.info["provenance"],
            "assumed": ["phase", "diameter"],
            "predicted": ["lattice_parameters", "strain", "on_site", "inner_on_site", "survived"],
        },
        "matrix": {**matrix, "formula_requested": request.composition.formula},
        "regions": {name: summary_of(model, region == name) for name in REGIONS},
        "edge": float(model.cell.lengths()[0]),
    }
    for atoms in [model, *run.frames]:
        atoms.info = {"kind": "glass-ceramic", "provenance": provenance}
    return Glass(model, run.frames, provenance)


def _fate(request: _Request, run: ProtocolRun, fit: LatticeFit, core: NDArray[np.bool_]) -> dict[str, Any]:
    """Find what became of the nucleus from the frames at the final temperature."""
    inner = float(fit.on_site[core].mean())
    relaxed = request.nucleus.info["provenance"]["lattice_parameters"]
    return {
        "lattice_parameters": [fit.scale * length for length in relaxed],
        "lattice_parameters_error": [fit.scale_error * length for length in relaxed],
        "lattice_from": f"{len(run.frames)} frames at {request.protocol.final_temperature:g} K, "
        f"{fit.n_fitted} inner cations, even strain",
        "strain": fit.scale - 1.0,
        "strain_error": fit.scale_error,
        "strain_relative_to": "the crystal relaxed with the same potential at 0 K",
        "rms_from_sites": fit.rms,
        "on_site": float(fit.on_site.mean()),
        "inner_on_site": inner,
        "survived": bool(math.isfinite(fit.scale) and inner >= DISSOLVED),
    }
