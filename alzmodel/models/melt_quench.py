"""Glasses by melt and quench: random packing, melt, quench, anneal, 300 K and a minimisation.

The melt and the quench use the damped shifted force, which is twice as fast as PPPM; the last stage at the final
temperature, whose frames are kept, and the minimisation use PPPM.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from alzmodel.composition import formula_of, ion_counts
from alzmodel.errors import InputError
from alzmodel.forcefields.engine import check_ranks
from alzmodel.forcefields.potentials import potential as potential_of
from alzmodel.ions import ion
from alzmodel.models.packing import estimated_density, random_packing
from alzmodel.models.protocol_run import (
    MSD_REQUIRED,
    cpu_seconds,
    minimisation_identity,
    potential_identity,
    run_protocol,
)
from alzmodel.models.protocols import PROTOCOLS, Protocol, for_potential, protocol_of
from alzmodel.models.requests import check_seed, la_content
from alzmodel.models.work_folder import identity_hash, work_folder
from alzmodel.progress import Progress, Watch, watched
from alzmodel.units import AMU_PER_A3_TO_G_PER_CM3

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from alzmodel.composition import Composition
    from alzmodel.forcefields.potentials import Potential

__all__ = [
    "MSD_REQUIRED",
    "PROTOCOLS",
    "Glass",
    "Protocol",
    "check_memory",
    "check_request",
    "estimate_memory",
    "estimate_seconds",
    "input_hash",
    "melt_quench",
    "protocol_of",
]

BUILD_VERSION = 2
"""Of the procedure below; part of the input hash."""

DENSITY_MARGIN = 1.05
"""A glass may come out this much denser than estimated, and its cell that much smaller."""

BASE_BYTES, RANK_BYTES, ATOM_BYTES = 9e7, 6e7, 5000
"""Resident memory: of this process, of each LAMMPS process, of each atom."""

SMALLEST_EDGE = 10.0
"""Å; in narrower cells an ion stands in its own second shell. Cells narrower than twice the cut-off feel their own
images, all of which are summed: what that changes is the effect of finite size."""


@dataclass(frozen=True)
class Glass:
    """A melt-quenched glass.

    Attributes
    ----------
    model
        Minimised with its cell at the pressure of the protocol; formal charges as initial charges,
        provenance in ``info``.
    frames
        Models at the final temperature, evenly spaced in time: curves come from these.
    provenance
        The same nested dictionary that stands in ``model.info["provenance"]``.
    """

    model: Atoms
    frames: list[Atoms]
    provenance: dict[str, Any]


def check_request(
    composition: Composition,
    n_atoms: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
) -> None:
    """Refuse a glass that cannot be built, before any time is spent.

    Raises
    ------
    InputError
        If the potential or the protocol is unknown, an ion has no parameters, ranks cannot be started, the cell
        would be smaller than :data:`SMALLEST_EDGE` (the message names the smallest number of atoms), or the build
        would not fit into the memory of this machine.
    """
    protocol_of(protocol)
    pot = potential_of(potential)
    for label, amount in composition.amounts.items():
        if amount:
            pot.ion(label)
    check_ranks(ranks)
    check_memory(n_atoms, ranks)
    edge = _edge(ion_counts(composition, n_atoms))
    if edge < SMALLEST_EDGE:
        raise InputError(
            f"number of atoms: {n_atoms} make a cell of {edge:.1f} Å, smaller than {SMALLEST_EDGE:g} Å; "
            f"allowed: at least {_smallest(composition, n_atoms)}"
        )


def _edge(counts: Mapping[str, int]) -> float:
    mass = sum(n * Atoms(ion(label).element).get_masses()[0] for label, n in counts.items())
    density = DENSITY_MARGIN * estimated_density(counts)
    return float((mass / density * AMU_PER_A3_TO_G_PER_CM3) ** (1 / 3))


def _smallest(composition: Composition, n_atoms: int) -> int:
    counts = ion_counts(composition, max(n_atoms, 100))
    # Volume grows with the number of atoms; whole ions make it uneven, so step up from well below.
    guess = max(1, math.floor(sum(counts.values()) * (SMALLEST_EDGE / _edge(counts)) ** 3 * 0.7))
    while _edge(ion_counts(composition, guess)) < SMALLEST_EDGE:
        guess += 1
    return guess


def _memory_there() -> float:
    return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")


def estimate_seconds(
    n_atoms: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
) -> float:
    """CPU-seconds that a glass takes about, on one core."""
    return cpu_seconds(n_atoms, protocol_of(protocol), potential)


def check_memory(n_atoms: int, ranks: int = 1) -> None:
    """Refuse a build that would not fit into the memory of this machine.

    Raises
    ------
    InputError
        If it would not; the message names about the largest number of atoms.
    """
    needed, there = estimate_memory(n_atoms, ranks), _memory_there()
    if needed > there:
        most = int(n_atoms * there / needed)
        raise InputError(
            f"number of atoms: {n_atoms} need about {needed / 1e9:.3g} GB of memory, {there / 1e9:.3g} GB are "
            f"there; allowed: about {most:.2g} on this machine"
        )


def estimate_memory(n_atoms: int, ranks: int = 1) -> float:
    """Bytes of resident memory that a build takes about, all its processes together."""
    return BASE_BYTES + ranks * RANK_BYTES + n_atoms * ATOM_BYTES


def melt_quench(
    composition: Composition,
    n_atoms: int,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
    progress: Watch = None,
    workdir: str | Path | None = None,
) -> Glass:
    """Build a glass.

    The same inputs, seed, ranks, package versions and kind of CPU give the same model to the last bit, also when
    the build was interrupted and taken up again.

    Parameters
    ----------
    composition
        Neutral composition.
    n_atoms
        Smallest number of atoms; see :func:`alzmodel.composition.ion_counts`.
    seed
        Of the packing and the first velocities, ≥ 0.
    protocol
        Name, :class:`~alzmodel.models.protocols.Protocol`, or mapping of changed fields.
    potential
        Name of a potential.
    ranks
        MPI ranks.
    progress
        Told the fraction done, the stage and the temperature. By default a bar with the time left, on terminals and in
        notebooks; False for none (:data:`alzmodel.progress.Watch`).
    workdir
        Folder for restart files: a later call with the same inputs goes on where this one stood. Without it a
        temporary folder is used and removed.

    Returns
    -------
    Glass

    Raises
    ------
    InputError
        See :func:`check_request`; also for a workdir that holds another build, or a negative seed.
    BuildError
        If an element moved less than :data:`MSD_REQUIRED` in the melt, or the melt boiled.
    AlzmodelError
        If LAMMPS fails.
    """
    request = _request(composition, n_atoms, seed, protocol, potential, ranks)
    with work_folder(workdir, request.hash()) as folder, watched(progress, composition.formula) as told:
        return _build(request, folder, told)


def input_hash(
    composition: Composition,
    n_atoms: int,
    *,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    ranks: int = 1,
) -> str:
    """Hash of what a glass depends on, but for package versions and the CPU; its provenance holds it too.

    Parameters and errors as those of :func:`melt_quench`.
    """
    return _request(composition, n_atoms, seed, protocol, potential, ranks).hash()


def _request(
    composition: Composition,
    n_atoms: int,
    seed: int,
    protocol: str | Protocol | Mapping[str, Any],
    potential: str,
    ranks: int,
) -> _Request:
    check_request(composition, n_atoms, protocol, potential, ranks)
    return _Request(
        composition=composition,
        counts=ion_counts(composition, n_atoms),
        n_atoms=n_atoms,
        seed=check_seed(seed),
        protocol=for_potential(protocol_of(protocol), potential_of(potential)),
        potential=potential_of(potential),
        ranks=ranks,
    )


@dataclass(frozen=True)
class _Request:
    composition: Composition
    counts: dict[str, int]
    n_atoms: int
    seed: int
    protocol: Protocol
    potential: Potential
    ranks: int

    def identity(self) -> dict[str, Any]:
        """Everything that the model depends on, but for package versions and the CPU."""
        return {
            "build_version": BUILD_VERSION,
            "counts": self.counts,
            "seed": self.seed,
            "protocol": self.protocol.to_dict(),
            "potential": potential_identity(self.potential, self.counts),
            "ranks": self.ranks,
            **minimisation_identity(sum(self.counts.values())),
        }

    def hash(self) -> str:
        return identity_hash(self.identity())


def _build(request: _Request, folder: Path, progress: Progress) -> Glass:
    protocol, counts, composition = request.protocol, request.counts, request.composition
    packing_seed, velocity_seed = np.random.SeedSequence(request.seed).generate_state(2)
    estimate = estimated_density(counts)
    packing = random_packing(counts, seed=int(packing_seed), density=protocol.melt_density * estimate)
    run = run_protocol(
        packing,
        protocol,
        request.potential,
        folder,
        seed=int(velocity_seed),
        estimate=estimate,
        ranks=request.ranks,
        inputs=request.hash(),
        progress=progress,
    )
    provenance = {
        "method": "melt-quench",
        "formula": formula_of(counts),
        "formula_requested": composition.formula,
        "la_content": la_content(counts, composition),
        "composition": counts,
        "n_atoms": len(packing),
        "seed": request.seed,
        **run.record,
    }
    for atoms in [run.minimised, *run.frames]:
        atoms.info = {"kind": "glass", "provenance": provenance}
    return Glass(run.minimised, run.frames, provenance)
