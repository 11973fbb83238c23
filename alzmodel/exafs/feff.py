"""FEFF10 as the engine: potentials and phase shifts once, scattering paths for each site.

The engine is `feff10-rs`, the optional extra ``exafs``: J. J. Kas et al., J. Synchrotron Rad. 28, 1801 (2021) for
FEFF10; J. J. Rehr & R. C. Albers, Rev. Mod. Phys. 72, 621 (2000) for its theory. Potentials are those of overlapping
atoms with a core hole, without self-consistency: that moves the zero of energy by some eV, which every fit of EXAFS
frees (or transfers from a standard), and leaves phases above 3 Å⁻¹ nearly as they are. FEFF runs offline.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import queue
import shutil
import subprocess
import tempfile
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.child_process import child_environment, python_module
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.progress import Progress, silent
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from alzmodel.exafs.edges import Edge

    FloatArray = NDArray[np.float64]

__all__ = [
    "K_GRID",
    "Cluster",
    "PhaseStore",
    "Phases",
    "ScatteringPath",
    "check_installed",
    "chi_of_sites",
    "compute_phases",
    "feff_input",
    "path_of_site",
    "read_path",
]

K_GRID: Final = np.arange(401) * 0.05
"""Å⁻¹; the points of every χ(k) here, and FEFF's own."""
MAX_LEGS: Final = 4
PATH_RADIUS: Final = 5.0
"""Å; half the length of the longest path, by default."""
CURVED_CRITERION, PLANE_CRITERION = 4.0, 2.5
"""Percent of the strongest path below which a path is left out: FEFF's own defaults."""
FAR_AWAY: Final = 40.0
"""Å; where an atom of a kind that a site lacks stands: FEFF wants one of each kind, and no path reaches it."""
_PHASE_STAGES: Final = ("rdinp", "atomic", "pot", "xsph")
_PATH_STAGES: Final = ("rdinp", "path", "genfmt", "ff2x")
_PHASE_FILES: Final = ("pot.bin", "phase.bin", "xsect.dat")


def check_installed() -> None:
    """Refuse to go on without the engine.

    Raises
    ------
    InputError
        In one line that names the extra.
    """
    if importlib.util.find_spec("feff10") is None:
        raise InputError('exafs: feff10-rs is not installed; allowed after: pip install "alzmodel[exafs]"')


@dataclass(frozen=True, slots=True)
class Cluster:
    """Atoms around one absorber.

    Attributes
    ----------
    symbols
        Elements; the absorber first.
    positions
        Å from the absorber, shape (n, 3), nearest first.
    """

    symbols: tuple[str, ...]
    positions: FloatArray


@dataclass(frozen=True, slots=True)
class Phases:
    """Potentials and phase shifts of one absorber and composition, as FEFF's own files.

    Attributes
    ----------
    edge
        Of the absorber.
    elements
        Kinds of scatterers, in the order of FEFF's potentials.
    files
        Content by name.
    """

    edge: Edge
    elements: tuple[str, ...]
    files: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScatteringPath:
    """What FEFF says of one path: arrays over `k`, shape (n,), Å⁻¹.

    Attributes
    ----------
    k
        Above the edge.
    amplitude
        |f_eff| times the reduction by the many-body loss of the central atom, Å.
    phase
        Of the whole path beside 2kR, radians.
    wave_number, mean_free_path
        Real part of the complex momentum (Å⁻¹) and λ (Å).
    reff
        Half its length, Å.
    """

    k: FloatArray
    amplitude: FloatArray
    phase: FloatArray
    wave_number: FloatArray
    mean_free_path: FloatArray
    reff: float


def feff_input(
    cluster: Cluster,
    elements: Sequence[str],
    edge: Edge,
    *,
    path_radius: float = PATH_RADIUS,
    sigma2: float = 0.0,
    with_paths: bool = False,
) -> str:
    """Write the input of one site.

    Parameters
    ----------
    cluster
        The absorber and the atoms around it.
    elements
        Kinds of scatterers: each has its potential.
    edge
        Of the absorber.
    path_radius
        Å; half the length of the longest path.
    sigma2
        Å²; mean square variation of every half path, for a crystal that stands still.
    with_paths
        Also write what each path is made of (``feff0001.dat`` and so on).

    Returns
    -------
    str
        ``feff.inp``.
    """
    from ase.data import atomic_numbers

    lines = [
        "TITLE alzmodel",
        f"EDGE {edge.hole}",
        "S02 1.0",
        "CONTROL 1 1 1 1 1 1",
        f"PRINT 0 0 0 0 0 {3 if with_paths else 0}",
        "EXCHANGE 0 0.0 0.0",
        f"EXAFS {K_GRID[-1]:g}",
        f"RPATH {path_radius:g}",
        f"NLEG {MAX_LEGS}",
        f"CRITERIA {CURVED_CRITERION} {PLANE_CRITERION}",
        *([f"SIG2 {sigma2:.6f}"] if sigma2 else []),
        "POTENTIALS",
        f"0 {atomic_numbers[edge.element]} {edge.element}",
        *(f"{n} {atomic_numbers[element]} {element}" for n, element in enumerate(elements, start=1)),
        "ATOMS",
        f"0.0 0.0 0.0 0 {edge.element}",
    ]
    potential = {element: n for n, element in enumerate(elements, start=1)}
    for symbol, (x, y, z) in zip(cluster.symbols[1:], cluster.positions[1:], strict=True):
        lines.append(f"{x:.6f} {y:.6f} {z:.6f} {potential[symbol]} {symbol}")
    for n, element in enumerate(element for element in elements if element not in cluster.symbols[1:]):
        lines.append(f"{FAR_AWAY + 5 * n:.1f} 0.0 0.0 {potential[element]} {element}")
    return "\n".join([*lines, "END", ""])


class _Engine:
    """One child process that runs stages of FEFF, one request after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            python_module("alzmodel.exafs.feff_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(OMP_NUM_THREADS="1"),
            text=True,
            encoding="utf-8",
        )

    def run(self, folder: Path, stages: Sequence[str]) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"folder": str(folder), "stages": list(stages)}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise AlzmodelError("FEFF: its process has ended") from error
        answer = self._process.stdout.readline()
        if answer.strip() or not answer:
            raise AlzmodelError(f"FEFF failed: {answer.strip() or 'its process has ended'}")

    def close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@contextlib.contextmanager
def _engines(number: int) -> Iterator[queue.SimpleQueue[_Engine]]:
    free: queue.SimpleQueue[_Engine] = queue.SimpleQueue()
    started = [_Engine() for _ in range(number)]
    try:
        for one in started:
            free.put(one)
        yield free
    finally:
        for one in started:
            one.close()


def _run_once(
    text: str, stages: Sequence[str], files: dict[str, bytes], wanted: Sequence[str]
) -> list[bytes]:
    """Run stages in a folder of its own and give back files that they left."""
    with tempfile.TemporaryDirectory(prefix="alzmodel-feff-") as name, _engines(1) as free:
        return _run_in(Path(name), free.get(), text, stages, files, wanted)


def _run_in(
    folder: Path,
    engine: _Engine,
    text: str,
    stages: Sequence[str],
    files: dict[str, bytes],
    wanted: Sequence[str],
) -> list[bytes]:
    for name, content in {"feff.inp": text.encode(), **files}.items():
        (folder / name).write_bytes(content)
    engine.run(folder, stages)
    return [(folder / name).read_bytes() for name in wanted]


def compute_phases(cluster: Cluster, elements: Sequence[str], edge: Edge) -> Phases:
    """Potentials and phase shifts around one site, of each kind of atom there.

    Parameters
    ----------
    cluster
        With at least one atom of each kind.
    elements
        The kinds of scatterers.
    edge
        Of the absorber.

    Raises
    ------
    AlzmodelError
        If FEFF fails; the message ends with its own.
    """
    text = feff_input(cluster, elements, edge)
    found = _run_once(text, _PHASE_STAGES, {}, _PHASE_FILES)
    return Phases(edge, tuple(elements), dict(zip(_PHASE_FILES, found, strict=True)))


@dataclass(slots=True)
class PhaseStore:
    """Phases that were computed: kept in memory by composition, and in a folder if the user gives one.

    Attributes
    ----------
    folder
        One folder for each input of FEFF, named by its digest; None keeps nothing on disk.
    """

    folder: Path | None = None
    _known: dict[tuple[str, str], Phases] = field(default_factory=dict)

    def of(self, composition: str, cluster: Cluster, elements: Sequence[str], edge: Edge) -> Phases:
        """Phases of a composition: those of the first cluster that was given for it.

        Parameters
        ----------
        composition
            Reduced formula.
        cluster, elements, edge
            As for :func:`compute_phases`.
        """
        key = (composition, edge.name)
        if key not in self._known:
            self._known[key] = self._from_folder(cluster, elements, edge)
        return self._known[key]

    def _from_folder(self, cluster: Cluster, elements: Sequence[str], edge: Edge) -> Phases:
        if self.folder is None:
            return compute_phases(cluster, elements, edge)
        from importlib.metadata import version

        text = f"feff10-rs {version('feff10-rs')}\n{feff_input(cluster, elements, edge)}"
        place = self.folder / f"{edge.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        if not place.is_dir():
            _store(compute_phases(cluster, elements, edge), place)
        files = {name: (place / name).read_bytes() for name in _PHASE_FILES}
        return Phases(edge, tuple(elements), files)


def _store(phases: Phases, place: Path) -> None:
    """Write phases beside their place and rename them: they stand whole or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".phases-", dir=place.parent))
    try:
        for name, content in phases.files.items():
            (aside / name).write_bytes(content)
        # Another process may have been faster: its files are the same.
        with contextlib.suppress(OSError):
            aside.rename(place)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def chi_of_sites(
    clusters: Sequence[Cluster],
    phases: Phases,
    *,
    path_radius: float = PATH_RADIUS,
    sigma2: float = 0.0,
    workers: int = 1,
    progress: Progress = silent,
) -> FloatArray:
    """Compute χ(k) of each site, with phases that were computed before.

    Parameters
    ----------
    clusters
        One a site.
    phases
        Of their composition.
    path_radius, sigma2
        As for :func:`feff_input`.
    workers
        Processes at a time.
    progress
        Told after each site.

    Returns
    -------
    ndarray
        Shape (n_sites, 401), on :data:`K_GRID`; without S₀².

    Raises
    ------
    AlzmodelError
        If FEFF fails; the message ends with its own.
    """
    chi = np.empty((len(clusters), K_GRID.size))
    with (
        tempfile.TemporaryDirectory(prefix="alzmodel-feff-") as name,
        _engines(min(workers, len(clusters))) as free,
        thread_pool(min(workers, len(clusters))) as pool,
    ):

        def one(number: int) -> int:
            folder = Path(name) / str(number)
            folder.mkdir()
            text = feff_input(
                clusters[number], phases.elements, phases.edge, path_radius=path_radius, sigma2=sigma2
            )
            engine = free.get()
            try:
                (found,) = _run_in(folder, engine, text, _PATH_STAGES, phases.files, ["chi.dat"])
            finally:
                free.put(engine)
            chi[number] = _read_chi(found)
            shutil.rmtree(folder)
            return number

        waiting = [pool.submit(one, number) for number in range(len(clusters))]
        for done, task in enumerate(as_completed(waiting), start=1):
            task.result()
            progress(done / len(clusters), f"site {done} of {len(clusters)}")
    return chi


def _read_chi(content: bytes) -> FloatArray:
    rows = [line.split() for line in content.decode("latin-1").splitlines() if not line.startswith("#")]
    table = np.array([[float(word) for word in row[:2]] for row in rows if row])
    return np.interp(K_GRID, table[:, 0], table[:, 1], right=0.0)


def path_of_site(
    cluster: Cluster, phases: Phases, *, path_radius: float = PATH_RADIUS
) -> list[ScatteringPath]:
    """Single-scattering paths to each shell of a site, nearest first, each for one neighbour.

    Parameters
    ----------
    cluster, phases, path_radius
        As for :func:`chi_of_sites`.
    """
    text = feff_input(cluster, phases.elements, phases.edge, path_radius=path_radius, with_paths=True)
    with tempfile.TemporaryDirectory(prefix="alzmodel-feff-") as name, _engines(1) as free:
        _run_in(Path(name), free.get(), text, _PATH_STAGES, phases.files, [])
        files = sorted(Path(name).glob("feff[0-9]*.dat"))
        paths = [read_path(file.read_text(encoding="latin-1")) for file in files]
    return [path for legs, path in paths if legs == 2]


def read_path(text: str) -> tuple[int, ScatteringPath]:
    """Read the number of legs of a path, and what it is made of, from a ``feffNNNN.dat``."""
    lines = text.splitlines()
    bar = next(n for n, line in enumerate(lines) if line.lstrip().startswith("-----"))
    words = lines[bar + 1].split()
    legs, reff = int(words[0]), float(words[2])
    start = next(n for n, line in enumerate(lines) if "real[2*phc]" in line) + 1
    table = np.array([[float(word) for word in line.split()] for line in lines[start:] if line.strip()])
    k, central, size, shift, reduction, mean_free_path, wave_number = table.T
    return legs, ScatteringPath(k, size * reduction, central + shift, wave_number, mean_free_path, reff)
