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
import re
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
from alzmodel.folders import no_space_words
from alzmodel.progress import Progress, silent
from alzmodel.threads import thread_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from alzmodel.scattering.exafs.edges import Edge

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
    "paths_of_site",
]

K_GRID: Final[FloatArray] = np.arange(401, dtype=np.float64) * 0.05
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
        raise InputError('exafs: feff10-rs is not installed; allowed after: pip install ".[exafs]"')


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
    number
        Of equal paths.
    scatterers
        Elements that it passes, one for single scattering.
    """

    k: FloatArray
    amplitude: FloatArray
    phase: FloatArray
    wave_number: FloatArray
    mean_free_path: FloatArray
    reff: float
    number: float
    scatterers: tuple[str, ...]


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
            python_module("alzmodel.scattering.exafs.feff_worker"),
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


def _run_all(
    texts: Sequence[str],
    stages: Sequence[str],
    files: dict[str, bytes],
    wanted: str,
    *,
    workers: int = 1,
    progress: Progress = silent,
) -> list[dict[str, bytes]]:
    """Run stages for each input, in a folder of its own.

    Parameters
    ----------
    texts
        Content of ``feff.inp``, one a site.
    stages
        Of FEFF, in order.
    files
        That stand there before.
    wanted
        Pattern of the files to be given back; folders go when their site is done.
    workers, progress
        As for :func:`chi_of_sites`.
    """
    number = min(workers, len(texts))
    with (
        tempfile.TemporaryDirectory(prefix="alzmodel-feff-") as place,
        thread_pool(number) as pool,
        # Closed before the threads are waited for: each waits for the answer of one of them.
        _engines(number) as free,
    ):

        def one(site: int) -> dict[str, bytes]:
            folder = Path(place) / str(site)
            folder.mkdir()
            for name, content in {"feff.inp": texts[site].encode(), **files}.items():
                (folder / name).write_bytes(content)
            engine = free.get()
            try:
                engine.run(folder, stages)
            finally:
                free.put(engine)
            found = {path.name: path.read_bytes() for path in sorted(folder.glob(wanted))}
            shutil.rmtree(folder)
            return found

        waiting = [pool.submit(one, site) for site in range(len(texts))]
        for done, task in enumerate(as_completed(waiting), start=1):
            task.result()
            progress(done / len(texts), f"site {done} of {len(texts)}")
        return [task.result() for task in waiting]


def compute_phases(
    clusters: Sequence[Cluster], elements: Sequence[str], edge: Edge, *, workers: int = 1
) -> Phases:
    """Potentials and phase shifts of each kind of atom, from the most usual of several sites.

    Potentials of overlapping atoms vary with the site: the interstitial potential and Fermi level by an eV or two in
    a glass, which moves the zero of k. The site is taken whose Fermi level and Fermi energy above the interstitial
    potential are nearest to the medians of all that are given.

    Parameters
    ----------
    clusters
        Candidates, each with at least one atom of each kind.
    elements
        The kinds of scatterers.
    edge
        Of the absorber.
    workers
        Processes at a time.

    Raises
    ------
    AlzmodelError
        If FEFF fails; the message ends with its own.
    """
    texts = [feff_input(cluster, elements, edge) for cluster in clusters]
    found = _run_all(texts, _PHASE_STAGES, {}, "*.[bd][ia][nt]", workers=workers)
    levels = np.array([_levels(files["xsect.dat"]) for files in found])
    usual = int(np.argmin(np.linalg.norm(levels - np.median(levels, axis=0), axis=1)))
    return Phases(edge, tuple(elements), {name: found[usual][name] for name in _PHASE_FILES})


def _levels(content: bytes) -> tuple[float, float]:
    """Fermi level, and its height above the interstitial potential, eV."""
    head = re.search(r"Mu=\s*(\S+?)eV\s+kf=\s*(\S+)\s+Vint=\s*(\S+?)eV", content.decode("latin-1"))
    if head is None:
        raise AlzmodelError("FEFF: no Fermi level in xsect.dat")
    level, interstitial = float(head[1]), float(head[3])
    return level, level - interstitial


@dataclass(slots=True)
class PhaseStore:
    """Phases that were computed: kept in memory by composition, and in a folder if the user gives one.

    Attributes
    ----------
    folder
        One folder for each input of FEFF, named by its digest; None keeps nothing on disk.
    workers
        Processes at a time.
    """

    folder: Path | None = None
    workers: int = 1
    _known: dict[tuple[str, str], Phases] = field(default_factory=dict)

    def of(
        self, composition: str, clusters: Sequence[Cluster], elements: Sequence[str], edge: Edge
    ) -> Phases:
        """Phases of a composition: those of the first model that was given for it.

        Parameters
        ----------
        composition
            Reduced formula.
        clusters, elements, edge
            As for :func:`compute_phases`.
        """
        key = (composition, edge.name)
        if key not in self._known:
            self._known[key] = self._from_folder(clusters, elements, edge)
        return self._known[key]

    def _from_folder(self, clusters: Sequence[Cluster], elements: Sequence[str], edge: Edge) -> Phases:
        if self.folder is None:
            return compute_phases(clusters, elements, edge, workers=self.workers)
        from importlib.metadata import version

        texts = [feff_input(cluster, elements, edge) for cluster in clusters]
        digest = hashlib.sha256("\n".join([version("feff10-rs"), *texts]).encode()).hexdigest()
        place = self.folder / f"{edge.name}-{digest[:16]}"
        if not place.is_dir():
            _store(compute_phases(clusters, elements, edge, workers=self.workers), place)
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
    except OSError as error:
        raise AlzmodelError(no_space_words(error, place.parent) or str(error)) from error
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
    texts = [
        feff_input(cluster, phases.elements, phases.edge, path_radius=path_radius, sigma2=sigma2)
        for cluster in clusters
    ]
    found = _run_all(texts, _PATH_STAGES, phases.files, "chi.dat", workers=workers, progress=progress)
    return np.array([_read_chi(files["chi.dat"]) for files in found])


def _read_chi(content: bytes) -> FloatArray:
    rows = [line.split() for line in content.decode("latin-1").splitlines() if not line.startswith("#")]
    table = np.array([[float(word) for word in row[:2]] for row in rows if row])
    return np.interp(K_GRID, table[:, 0], table[:, 1], right=0.0)


def paths_of_site(
    cluster: Cluster, phases: Phases, *, path_radius: float = PATH_RADIUS
) -> list[ScatteringPath]:
    """Find the paths of a site, nearest first; equal ones are one path with its number.

    Parameters
    ----------
    cluster, phases, path_radius
        As for :func:`chi_of_sites`.
    """
    text = feff_input(cluster, phases.elements, phases.edge, path_radius=path_radius, with_paths=True)
    (files,) = _run_all([text], _PATH_STAGES, phases.files, "feff[0-9]*.dat")
    return [_read_path(content.decode("latin-1")) for _, content in sorted(files.items())]


def _read_path(text: str) -> ScatteringPath:
    """Read a ``feffNNNN.dat``."""
    lines = text.splitlines()
    bar = next(n for n, line in enumerate(lines) if line.lstrip().startswith("-----"))
    legs, number, reff = (float(word) for word in lines[bar + 1].split()[:3])
    start = next(n for n, line in enumerate(lines) if "real[2*phc]" in line) + 1
    table = np.array([[float(word) for word in line.split()] for line in lines[start:] if line.strip()])
    k, central, size, shift, reduction, mean_free_path, wave_number = table.T
    ends = [line.split() for line in lines[bar + 3 : start - 1]]
    return ScatteringPath(
        k=k,
        amplitude=size * reduction,
        phase=central + shift,
        wave_number=wave_number,
        mean_free_path=mean_free_path,
        reff=reff,
        number=number,
        scatterers=tuple(words[5] for words in ends[1 : int(legs)]),
    )
