"""How long vibrations take, and what other codes take for the same, in one run on the same atoms.

    python scripts/benchmarks/vibrations.py
    python scripts/benchmarks/vibrations.py --parts 216 1500 --peers

Each part runs in a process of its own on one thread, so that its memory can be told: all of ``alzmodel vibrations`` for
216 and 1500 atoms of Li2O (all modes), and for a glass of 5000 atoms of the library (Chebyshev moments at 20 cm⁻¹)
with the Ewald sum and with the damped shifted force. CPU seconds stand beside those of the clock: on a machine that
others use they say more. With ``--peers``: second derivatives of the 216 atoms by LAMMPS (``dynamical_matrix``, which
differentiates its forces) over ours, and all modes of the 1500 by NumPy (``eigh``) over ours; above 1 ours is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.errors import AlzmodelError, run_main

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from ase import Atoms
    from numpy.typing import NDArray

TARGETS = {"216": 2.0, "1500": 30.0, "5000": 60.0, "5000-dsf": 60.0}
"""CPU seconds on an idle core."""
GLASS = "x3-annealed-low-Tf-seed1"
RESOLUTION = 20.0


def model_of(part: str) -> Atoms:
    """Make a model at a minimum; every atom of Li2O is held by symmetry."""
    from alzmodel.crystals import crystal, supercell
    from alzmodel.models.library import library, load_model

    if part.startswith("5000"):
        return load_model(next(one for one in library() if one.name == GLASS))
    atoms = supercell(crystal("Li2O"), (3, 3, 2) if part == "216" else (5, 5, 5))
    atoms.info["kind"] = "glass"
    return atoms


def whole(part: str) -> None:
    """All of ``alzmodel vibrations``, as one process does it; prints CPU seconds and bytes."""
    from alzmodel.dynamics.harmonic import HarmonicSettings
    from alzmodel.dynamics.vibrations import vibrations

    model = model_of(part)
    settings = HarmonicSettings(resolution=RESOLUTION, coulomb="dsf" if part.endswith("dsf") else "ewald")
    start, clock = time.process_time(), time.perf_counter()
    vibrations(model, settings)
    print(
        json.dumps(
            {
                "cpu_s": time.process_time() - start,
                "clock_s": time.perf_counter() - clock,
                "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


def lammps_matrix(atoms: Atoms) -> NDArray[np.float64]:
    """Dynamical matrix by LAMMPS, by differences of its forces."""
    import numpy as np

    from alzmodel.composition import ion_labels
    from alzmodel.forcefields.engine import Segment, System, run_job
    from alzmodel.forcefields.pair_tables import pppm_coulomb
    from alzmodel.forcefields.potentials import potential

    labels = ion_labels(atoms)
    system = System(potential("du-teter"), tuple(dict.fromkeys(labels)))
    coulomb = pppm_coulomb(accuracy=1e-5)
    with tempfile.TemporaryDirectory(prefix="alzmodel-benchmark-") as name:
        folder = Path(name)
        system.write_tables(folder, coulomb)
        system.write_data(atoms, labels, folder / "model.data")
        setup = list(system.setup("model.data", coulomb))
        at = next(k for k, line in enumerate(setup) if line.startswith("read_data"))
        setup.insert(at, "atom_modify map yes")
        commands = (*setup, "dynamical_matrix all regular 1e-3 file matrix.dat.part")
        run_job(folder, [Segment("matrix", commands, "matrix.dat", 1.0, "dynamical matrix")])
        return np.loadtxt(folder / "matrix.dat").reshape(3 * len(atoms), -1)


def cpu_of(work: Callable[[], object]) -> float:
    """CPU seconds of this process and its children."""

    def spent() -> float:
        return sum(
            one.ru_utime + one.ru_stime
            for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )

    before = spent()
    work()
    return spent() - before


def peers() -> None:
    """Print what other codes take for the same numbers, over what ours takes."""
    import numpy as np

    from alzmodel.dynamics.hessian import pair_hessian
    from alzmodel.dynamics.spectra import dense_modes, dynamical_matrix

    small = model_of("216")
    ours, theirs = cpu_of(lambda: pair_hessian(small)), cpu_of(lambda: lammps_matrix(small))
    print(f"second derivatives, 216 atoms: {ours:.2f} s, LAMMPS {theirs:.2f} s, ratio {theirs / ours:.1f}")
    large = model_of("1500")
    matrix = dynamical_matrix(pair_hessian(large), large.get_masses())
    copy = np.array(matrix)
    ours, theirs = cpu_of(lambda: dense_modes(copy)), cpu_of(lambda: np.linalg.eigh(matrix))
    print(f"all modes, 1500 atoms: {ours:.1f} s, NumPy {theirs:.1f} s, ratio {theirs / ours:.2f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Time the parts that were asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="*", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--peers", action="store_true", help="Lay other codes beside.")
    parser.add_argument("--one", choices=TARGETS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        whole(options.one)
        return 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    print("part       CPU s  clock s     GB  asked for (CPU s)")
    for part in options.parts:
        done = subprocess.run(
            [sys.executable, __file__, "--one", part],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise AlzmodelError(f"{part}: {done.stderr.strip().splitlines()[-1]}")
        found = json.loads(done.stdout)
        print(
            f"{part:9s} {found['cpu_s']:6.1f} {found['clock_s']:8.1f} {found['bytes'] / 1e9:6.2f}  {TARGETS[part]:g}",
            flush=True,
        )
    if options.peers:
        peers()
    return 0


if __name__ == "__main__":
    run_main(main)
