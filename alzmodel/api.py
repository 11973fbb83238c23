"""What `import alzmodel` offers: one function for each thing that a user makes, measures or opens.

Functions that analyse take any model: an :class:`ase.Atoms`, frames of one model, a glass that :func:`glass` made, a
model of the library, a pymatgen structure, or the path of a file.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from ase import Atoms

from alzmodel.composition import Composition, glass_composition, parse_composition
from alzmodel.crystals import supercell as repeated
from alzmodel.errors import InputError
from alzmodel.models.library import LibraryModel, load_frames
from alzmodel.models.melt_quench import Glass
from alzmodel.progress import Watch, watched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase.calculators.calculator import Calculator
    from numpy.typing import ArrayLike
    from pymatgen.core import Structure

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.dynamics.transport import Transport
    from alzmodel.dynamics.vibrations import Vibrations
    from alzmodel.local_order.building_units import BuildingUnits
    from alzmodel.local_order.pdf import PartialRDF
    from alzmodel.notebook import View
    from alzmodel.scattering.exafs.sites import Exafs
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import FEMResult
    from alzmodel.scattering.xrd.corrections import Resolution
    from alzmodel.scattering.xrd.pattern import PowderPattern
    from alzmodel.study.outcomes import StudyStatus

    Model: TypeAlias = Atoms | Sequence[Atoms] | Structure | Glass | LibraryModel | str | Path

__all__ = [
    "Composition",
    "Study",
    "calculator",
    "crystal",
    "exafs",
    "fem",
    "frames",
    "glass",
    "glass_ceramic",
    "lbu",
    "library",
    "nanocrystal",
    "open_study",
    "pdf",
    "transport",
    "vibrations",
    "view",
    "write",
    "xrd",
]

_TAKEN = "an ase.Atoms, a list of them, a glass, a model of the library, a pymatgen Structure or a path"


def frames(model: Model, *, mixed: bool = False) -> list[Atoms]:
    """Frames of any model, as :class:`ase.Atoms`.

    Parameters
    ----------
    model
        One ``Atoms``; frames of one model; a :class:`~alzmodel.models.melt_quench.Glass` or a model of the library,
        which give their frames at 300 K; a pymatgen ``Structure``; or the path of a file with one frame or more.
    mixed
        Whether sites may be held in part or by several elements, each then an atom with its share in ``occupancy``.

    Returns
    -------
    list of ase.Atoms
        At least one frame, lengths in Å.

    Raises
    ------
    InputError
        If it is of another type, holds no frame, has partly occupied sites, or is a file that cannot be read.

    Examples
    --------
    >>> import alzmodel as am
    >>> len(am.frames(am.crystal("MgO"))[0])
    8
    """
    if isinstance(model, Atoms):
        return [model]
    if isinstance(model, str | Path):
        from alzmodel.io import read_frames

        return read_frames(model, mixed=mixed)
    if isinstance(model, Glass):
        return list(model.frames)
    if isinstance(model, LibraryModel):
        return load_frames(model)
    if type(model).__module__.startswith("pymatgen."):
        from alzmodel.formats.pymatgen_models import atoms_of

        return [atoms_of(model, mixed=mixed)]
    if isinstance(model, list | tuple) and all(isinstance(frame, Atoms) for frame in model):
        if not model:
            raise InputError(f"model: an empty {type(model).__name__}; allowed: {_TAKEN}")
        return list(model)
    raise InputError(f"model: {_kind(model)}; allowed: {_TAKEN}")


def _kind(model: object) -> str:
    """Name what was given in place of a model."""
    kind = type(model).__name__
    if isinstance(model, list | tuple):
        inside = next(type(one).__name__ for one in model if not isinstance(one, Atoms))
        return f"a {kind} that holds {inside}"
    return kind


def _composition(composition: Composition | float | str) -> Composition:
    """Composition of a number (La per formula unit), a formula, or itself."""
    if isinstance(composition, Composition):
        return composition
    if isinstance(composition, str):
        return parse_composition(composition)
    return glass_composition(composition)


def glass(
    composition: Composition | float | str,
    n_atoms: int = 600,
    *,
    seed: int = 1,
    protocol: str | Mapping[str, Any] = "quick",
    potential: str = "du-teter",
    progress: Watch = None,
    workdir: str | Path | None = None,
) -> Glass:
    """Melt and quench a glass; 600 atoms take about a minute of a core.

    Parameters
    ----------
    composition
        La per formula unit x of Li7LaxZr2O(12-d), a formula such as "Li7La3Zr2O12", or a :class:`Composition`.
    n_atoms
        Smallest number of atoms.
    seed, protocol, potential, workdir
        See :func:`alzmodel.models.melt_quench.melt_quench`.
    progress
        Told the fraction done, the stage and the temperature. By default a bar with the time left, on terminals and in
        notebooks, nothing elsewhere; True always shows it, False never.

    Returns
    -------
    Glass
        ``.model`` is minimised, ``.frames`` are at 300 K.

    Raises
    ------
    InputError
        If an argument cannot be used.
    BuildError, AlzmodelError
        If the melt did not melt, or LAMMPS fails.
    """
    from alzmodel.models.melt_quench import melt_quench

    return melt_quench(
        _composition(composition),
        n_atoms,
        seed=seed,
        protocol=protocol,
        potential=potential,
        progress=progress,
        workdir=workdir,
    )


def glass_ceramic(
    composition: Composition | float | str,
    nucleus: str = "La2Zr2O7",
    *,
    diameter: float = 20.0,
    box: float = 40.0,
    seed: int = 1,
    potential: str = "du-teter",
    progress: Watch = None,
    workdir: str | Path | None = None,
) -> Glass:
    """Build a nucleus of a reference crystal in a glass; its size is assumed, not predicted.

    Parameters
    ----------
    composition
        Of the glass around the nucleus; as for :func:`glass`.
    nucleus
        Name of a reference phase.
    diameter, box
        Of the nucleus, and edge of the periodic cube, Å.
    seed, potential, workdir
        See :func:`alzmodel.models.glass_ceramic.glass_ceramic`.
    progress
        As for :func:`glass`.

    Returns
    -------
    Glass

    Raises
    ------
    InputError
        If an argument cannot be used.
    BuildError, AlzmodelError
        If the matrix did not melt, or LAMMPS fails.
    """
    from alzmodel.models.glass_ceramic import glass_ceramic as build

    return build(
        _composition(composition),
        nucleus=nucleus,
        diameter=diameter,
        box=box,
        seed=seed,
        potential=potential,
        progress=progress,
        workdir=workdir,
    )


def crystal(
    phase: str, *, lattice_parameter: float | None = None, supercell: int | tuple[int, int, int] = 1
) -> Atoms:
    """Conventional cell, or supercell, of a reference phase.

    Parameters
    ----------
    phase
        Name such as "La2Zr2O7", "Li2O", "MgO".
    lattice_parameter
        a in Å in place of the published one.
    supercell
        Repeats along the three vectors.

    Returns
    -------
    ase.Atoms

    Raises
    ------
    InputError
        If there is no such phase, or a number is out of range.

    Examples
    --------
    >>> import alzmodel as am
    >>> len(am.crystal("La2Zr2O7")), len(am.crystal("La2Zr2O7", supercell=2))
    (88, 704)
    """
    from alzmodel.crystals import crystal as cell

    return repeated(cell(phase, lattice_parameter=lattice_parameter), supercell)


def nanocrystal(
    phase: str, diameter: float, *, lattice_parameter: float | None = None, seed: int = 0
) -> Atoms:
    """Neutral sphere cut from a reference crystal.

    Parameters
    ----------
    phase, lattice_parameter
        As for :func:`crystal`.
    diameter
        Å.
    seed
        Of the place of the centre.

    Returns
    -------
    ase.Atoms

    Raises
    ------
    InputError
        If there is no such phase, or the sphere holds no formula unit.

    Examples
    --------
    >>> import alzmodel as am
    >>> len(am.nanocrystal("La2Zr2O7", 30.0))
    968
    """
    from alzmodel.crystals import nanocrystal as sphere

    return sphere(phase, diameter, lattice_parameter=lattice_parameter, seed=seed)


@overload
def library() -> tuple[LibraryModel, ...]: ...
@overload
def library(name: str) -> LibraryModel: ...
def library(name: str | None = None) -> tuple[LibraryModel, ...] | LibraryModel:
    """List the finished models that come with the package, or find one by name.

    Parameters
    ----------
    name
        Of one model; left out: all.

    Returns
    -------
    tuple of LibraryModel, or LibraryModel
        Each can be given to :func:`pdf`, :func:`lbu`, :func:`xrd`, :func:`fem` and :func:`frames`.

    Raises
    ------
    InputError
        If there is no model of that name.

    Examples
    --------
    >>> import alzmodel as am
    >>> am.library("x3-annealed-low-Tf-seed1").n_atoms
    5016
    """
    from alzmodel.models.library import library as finished

    models = finished()
    if name is None:
        return models
    for one in models:
        if one.name == name:
            return one
    raise InputError(f"library: no model {name}; allowed: {', '.join(one.name for one in models)}")


def pdf(model: Model, *, r_max: float | None = None, dr: float = 0.02, progress: Watch = None) -> PartialRDF:
    """Partial pair distribution functions.

    Parameters
    ----------
    model
        See :func:`frames`. Displacements that a CIF states are used.
    r_max, dr
        Largest distance and bin width, Å; see :func:`alzmodel.local_order.pdf.partial_rdf`.
    progress
        As for :func:`glass`.

    Returns
    -------
    PartialRDF
        ``.r`` in Å, ``.g["Zr-O"]``, ``.first_peaks()``.

    Raises
    ------
    InputError
        If the model or a number cannot be used.

    Examples
    --------
    >>> import alzmodel as am
    >>> round(am.pdf(am.crystal("MgO"), r_max=6.0).first_peaks()["Mg-O"]["r"], 2)
    2.11
    """
    from alzmodel.local_order.pdf import partial_rdf
    from alzmodel.scattering.displaced import counted, stated_displacements

    given = frames(model)
    stated = stated_displacements(given)
    with watched(progress, "pdf") as told:
        rdf = partial_rdf(given, r_max=r_max, dr=dr, isotopes=True, progress=told)
    if not stated:
        return rdf
    return counted(given, r_max=float(rdf.r[-1] + 0.5 * rdf.dr), dr=dr, b_iso=stated)


def lbu(
    model: Model,
    *,
    cutoffs: Mapping[str, float] | None = None,
    former: str | None = None,
    progress: Watch = None,
) -> BuildingUnits:
    """Local building units: coordination, distances, how polyhedra share oxygens, rings, voids.

    Parameters
    ----------
    model
        See :func:`frames`.
    cutoffs
        End of the first shell by pair, Å, such as ``{"La-O": 3.2}``; the others are found.
    former
        Cation that forms the network; found if left out.
    progress
        As for :func:`glass`.

    Returns
    -------
    BuildingUnits
        ``.units["La"].mean_coordination`` and the rest; see :class:`alzmodel.local_order.building_units.BuildingUnits`.

    Raises
    ------
    InputError
        If the model is no oxide, or an argument cannot be used.

    Examples
    --------
    >>> import alzmodel as am
    >>> am.lbu(am.crystal("MgO", supercell=3)).units["Mg"].mean_coordination
    6.0
    """
    from alzmodel.local_order.building_units import building_units

    with watched(progress, "lbu") as told:
        return building_units(frames(model), cutoffs=cutoffs, former=former, progress=told)


def xrd(
    model: Model,
    *,
    wavelength: float | str = 1.5406,
    two_theta: tuple[float, float, float] | ArrayLike = (10.0, 80.0, 0.02),
    fwhm: Resolution | None = None,
    progress: Watch = None,
) -> PowderPattern:
    """Powder pattern of a glass, a crystal or a cluster.

    Parameters
    ----------
    model
        See :func:`frames`; sites may be held in part. Displacements that a CIF states are used.
    wavelength
        Å, or a line such as "CuKa".
    two_theta
        First, last and step, or points, degrees.
    fwhm
        Width of the instrument in degrees 2θ.
    progress
        As for :func:`glass`.

    Returns
    -------
    PowderPattern
        ``.two_theta`` in degrees, ``.intensity``, ``.peaks``.

    Raises
    ------
    InputError
        If the model or an argument cannot be used.

    Examples
    --------
    >>> import alzmodel as am
    >>> [(peak.hkl, round(peak.two_theta, 1)) for peak in am.xrd(am.crystal("MgO")).peaks][:2]
    [('111', 36.9), ('200', 42.9)]
    """
    from alzmodel.scattering.displaced import stated_displacements
    from alzmodel.scattering.xrd.pattern import powder_pattern

    given = frames(model, mixed=True)
    with watched(progress, "xrd") as told:
        return powder_pattern(
            given,
            wavelength=wavelength,
            two_theta=two_theta,
            fwhm=fwhm,
            b_iso=stated_displacements(given) or 0.0,
            progress=told,
        )


def fem(
    model: Model,
    *,
    thickness: float = 50.0,
    n_columns: int = 4,
    seed: int = 0,
    settings: FEMSettings | None = None,
    progress: Watch = None,
) -> FEMResult:
    """Variance of fluctuation electron microscopy of any periodic model.

    Parameters
    ----------
    model
        See :func:`frames`.
    thickness
        Of the specimen, Å.
    n_columns, seed
        Number of specimens to put together from pieces of the model, and the seed of the first.
    settings
        Of the instrument; None is that of Zhu et al. (2024): 200 keV, 0.51 mrad.
    progress
        As for :func:`glass`.

    Returns
    -------
    FEMResult
        ``.k`` = 1/d in nm⁻¹, ``.variance["omega"]``.

    Raises
    ------
    InputError
        If the model is not periodic, or an argument cannot be used.
    """
    from alzmodel.scattering.fem.variance import fem_of_model

    with watched(progress, "fem") as told:
        return fem_of_model(
            frames(model),
            thickness=thickness,
            n_columns=n_columns,
            seed=seed,
            settings=settings,
            progress=told,
        )


def vibrations(
    model: Model,
    *,
    potential: str = "du-teter",
    calculator: str | None = None,
    resolution: float = 10.0,
    progress: Watch = None,
) -> Vibrations:
    """Vibrations of a model at a minimum: densities of states, building units, modes of a crystal.

    Parameters
    ----------
    model
        See :func:`frames`; of a glass, or a model of the library, the minimised one is taken.
    potential
        Pair potential that the model is a minimum of.
    calculator
        In its place, any name that :func:`calculator` takes.
    resolution
        Width (FWHM) of the Gaussian in spectra, cm⁻¹.
    progress
        As for :func:`glass`.

    Returns
    -------
    Vibrations
        ``.vdos.grid`` in cm⁻¹, ``.vdos.total``, ``.units["ZrO6 A1g"].rms_cm``, ``.modes``.

    Raises
    ------
    InputError
        If a force is above 0.01 eV/Å, or the model or an argument cannot be used.

    Examples
    --------
    >>> import alzmodel as am
    >>> [(round(mode.cm, -1), mode.raman, mode.ir) for mode in am.vibrations(am.crystal("MgO")).modes]
    [(340.0, False, True)]
    """
    from alzmodel.dynamics.harmonic import HarmonicSettings, single_model
    from alzmodel.dynamics.vibrations import vibrations as analyse
    from alzmodel.forcefields.calculators import calculator_of
    from alzmodel.models.library import load_model

    if isinstance(model, Glass):
        atoms = model.model
    elif isinstance(model, LibraryModel):
        atoms = load_model(model)
    else:
        atoms = single_model(frames(model))
    with watched(progress, "vibrations") as told:
        return analyse(
            atoms,
            HarmonicSettings(potential=potential, resolution=resolution),
            calculator=None if calculator is None else calculator_of(calculator),
            progress=told,
        )


def exafs(
    model: Model,
    edge: str = "Zr-K",
    *,
    n_sites: int = 200,
    seed: int = 0,
    k_weight: int = 2,
    k_range: tuple[float, float] | None = None,
    workers: int | None = None,
    progress: Watch = None,
) -> Exafs:
    """EXAFS of an edge, averaged over sites and frames; needs the extra ``exafs``.

    Parameters
    ----------
    model
        See :func:`frames`.
    edge
        "Zr-K", "La-L3" or "La-K".
    n_sites, seed
        Absorbers that are drawn from all frames, and the seed of the draw.
    k_weight, k_range
        Of the transform; Å⁻¹, by the edge if None.
    workers
        Processes; None takes the cores that there are.
    progress
        As for :func:`glass`.

    Returns
    -------
    Exafs
        ``.k`` in Å⁻¹, ``.chi``, ``.r`` in Å, ``.ft``, ``.site_chi``.

    Raises
    ------
    InputError
        If the engine is not installed, or the model or an argument cannot be used.
    AlzmodelError
        If FEFF fails.
    """
    from alzmodel.scattering.exafs.edges import edge_of
    from alzmodel.scattering.exafs.sites import ExafsSettings
    from alzmodel.scattering.exafs.sites import exafs as chi_of

    settings = ExafsSettings(edge_of(edge), n_sites, seed, k_weight, k_range)
    with watched(progress, "exafs") as told:
        return chi_of(frames(model), settings, workers=workers, progress=told)


def transport(
    model: Model, frame_time: float, *, temperature: float = math.nan, ion: str = "Li"
) -> Transport:
    """How fast ions move in a trajectory.

    Parameters
    ----------
    model
        See :func:`frames`: at least 51, evenly spaced in time.
    frame_time
        ps between them.
    temperature
        K, for the conductivity.
    ion
        Element that conducts; all others are the framework.

    Returns
    -------
    Transport
        ``.temperatures[0].D["Li"].value`` in cm²/s, NaN where the motion is not diffusive.

    Raises
    ------
    InputError
        If the frames or a number cannot be used.
    """
    from alzmodel.dynamics.trajectory import trajectory_of
    from alzmodel.dynamics.transport import transport_of

    return transport_of([(trajectory_of(frames(model), frame_time), temperature)], ion)


def calculator(name: str, **parameters: Any) -> Calculator:
    """Any potential by name, as an ASE calculator.

    Parameters
    ----------
    name
        "du-teter", "grimes", "learned", "7net-mf-0", "chgnet", …; see
        :func:`alzmodel.forcefields.calculators.calculator_of`.
    parameters
        Keywords for it, such as ``modal="PBE"``.

    Returns
    -------
    ase.calculators.calculator.Calculator
        Energy in eV, forces in eV/Å, stress in eV/Å³.

    Raises
    ------
    InputError
        If there is none of that name, or its package is not installed.
    """
    from alzmodel.forcefields.calculators import calculator_of

    found: Calculator = calculator_of(name, parameters).calculator
    return found


def write(model: Model, path: str | Path) -> None:
    """Write a model to a file, whole or not at all.

    Parameters
    ----------
    model
        See :func:`frames`; formats of one structure take models of one frame.
    path
        ``.extxyz``, ``.cif``, ``.vasp``, ``.lmp``, … by its ending.

    Raises
    ------
    InputError
        If the model or the path cannot be used.
    """
    from alzmodel.io import write_structure

    listed = frames(model)
    write_structure(listed[0] if len(listed) == 1 else listed, path)


def view(model: Model, *, most: int = 6000, height: int = 640) -> View:
    """Show a model that can be turned, cut open and coloured, in a notebook or as a page for a browser.

    It is drawn by 3Dmol.js, which comes with the package: nothing is loaded from a network.

    Parameters
    ----------
    model
        See :func:`frames`; of several frames the last is shown.
    most
        Of a larger model only the middle is shown, about this many atoms.
    height
        Pixels of the frame in a notebook.

    Returns
    -------
    View
        Shown when it is the last value of a cell; ``.save("model.html")`` writes a page.

    Raises
    ------
    InputError
        If the model or a number cannot be used.

    Examples
    --------
    >>> import alzmodel as am
    >>> am.view(am.crystal("MgO"))
    View(name='MgO', height=640)
    """
    from alzmodel.notebook import view_of

    return view_of(frames(model)[-1], most=most, height=height)


@dataclass(frozen=True, slots=True)
class Study:
    """A study on disk.

    Attributes
    ----------
    folder
        That it lies in.
    """

    folder: Path

    def status(self) -> StudyStatus:
        """How far it is."""
        from alzmodel.study import runner

        return runner.status(self.folder)

    def compare(
        self, measured: str | Path | None = None, hypotheses: str | Path | None = None
    ) -> tuple[tuple[Comparison, ...], tuple[Verdict, ...]]:
        """Rows of measured beside modelled values, and verdicts; files as for ``alzmodel compare``."""
        from alzmodel.study import runner

        return runner.compare(self.folder, measured, hypotheses)

    def plot(self, what: str, path: str | Path) -> Path:
        """Draw one figure of it to a file; `what` as for ``alzmodel plot``."""
        from alzmodel.study import runner

        return runner.plot(what, self.folder, path)

    def report(self, path: str | Path | None = None) -> Path:
        """Write its HTML page."""
        from alzmodel.study import runner

        return runner.report(self.folder, path)


def open_study(folder: str | Path) -> Study:
    """Open the folder of a study that ``alzmodel run`` made.

    Parameters
    ----------
    folder
        Of the study.

    Returns
    -------
    Study

    Raises
    ------
    InputError
        If there is no study.
    """
    from alzmodel.study import runner

    study = Study(Path(folder))
    runner.status(study.folder)
    return study
