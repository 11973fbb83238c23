"""What `import alzmodel` offers: one function for each thing that a user makes, measures or opens.

Functions that analyse take any model: an :class:`ase.Atoms`, frames of one model, a glass that :func:`glass` made, a
model of the library, a pymatgen structure, or the path of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from alzmodel.analyses import exafs, fem, lbu, pdf, transport, vibrations, xrd
from alzmodel.composition import Composition, glass_composition, parse_composition
from alzmodel.crystals import supercell as repeated
from alzmodel.errors import InputError
from alzmodel.model_frames import frames
from alzmodel.scattering.xrd.data import lay_over, read_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.model_frames import Model
    from alzmodel.models.library import LibraryModel
    from alzmodel.models.melt_quench import Glass
    from alzmodel.notebook import View
    from alzmodel.progress import Watch
    from alzmodel.study.outcomes import StudyStatus

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
    "lay_over",
    "lbu",
    "library",
    "nanocrystal",
    "open_study",
    "pdf",
    "read_curve",
    "transport",
    "vibrations",
    "view",
    "write",
    "xrd",
]


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
def library(*, potential: str | None = None) -> tuple[LibraryModel, ...]: ...
@overload
def library(name: str) -> LibraryModel: ...
def library(
    name: str | None = None, *, potential: str | None = None
) -> tuple[LibraryModel, ...] | LibraryModel:
    """List the finished models that come with the package, or find one by name.

    Parameters
    ----------
    name
        Of one model; left out: all.
    potential
        Those that it made alone, such as "learned"; left out: those of every potential.

    Returns
    -------
    tuple of LibraryModel, or LibraryModel
        Each can be given to :func:`pdf`, :func:`lbu`, :func:`xrd`, :func:`fem` and :func:`frames`.

    Raises
    ------
    InputError
        If there is no model or potential of that name, or both are given.

    Examples
    --------
    >>> import alzmodel as am
    >>> am.library("x3-annealed-low-Tf-seed1").n_atoms
    5016
    """
    from alzmodel.models.library import library as finished

    models = finished()
    if potential is not None:
        from alzmodel.forcefields.potentials import potential as known

        if name is not None:
            raise InputError(f"library: {name} and potential {potential}: both; allowed: one of them")
        return tuple(one for one in models if one.potential == known(potential).name)
    if name is None:
        return models
    for one in models:
        if one.name == name:
            return one
    raise InputError(f"library: no model {name}; allowed: {', '.join(one.name for one in models)}")


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
