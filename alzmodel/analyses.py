"""What can be measured of a model: one function for each analysis, all offered by `import alzmodel`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alzmodel.model_frames import frames
from alzmodel.models.library import LibraryModel
from alzmodel.models.melt_quench import Glass
from alzmodel.progress import Watch, watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from alzmodel.dynamics.transport import Transport
    from alzmodel.dynamics.vibrations import Vibrations
    from alzmodel.local_order.building_units import BuildingUnits
    from alzmodel.local_order.pdf import PartialRDF
    from alzmodel.model_frames import Model
    from alzmodel.scattering.exafs.sites import Exafs
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import FEMResult
    from alzmodel.scattering.xrd.corrections import Resolution
    from alzmodel.scattering.xrd.pattern import PowderPattern

__all__ = ["exafs", "fem", "lbu", "pdf", "transport", "vibrations", "xrd"]


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
