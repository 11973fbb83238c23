"""The numbers that models yield and that measurements are compared with: one name, one unit, one meaning each."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "KINDS",
    "QUANTITIES",
    "SOURCES",
    "STATES",
    "Kind",
    "Quantity",
    "QuantityInfo",
    "Source",
    "absent_words",
    "convert",
    "declare",
    "film_state",
    "known",
    "nominal_li",
    "of_potential",
    "of_state",
    "per_model",
    "potentials_of",
    "quantity_info",
]

Kind = Literal["predicted", "assumed"]
"""``predicted`` comes out of the simulation; ``assumed`` was put in (a cluster's size, its lattice parameter)."""
Source = Literal["glass", "glass-ceramic", "crystal"]
"""What was modelled: the glass alone, a glass with inserted crystals, a perfect crystal."""
KINDS: Final = ("predicted", "assumed")
SOURCES: Final = ("glass", "glass-ceramic", "crystal")
NOMINAL_LI: Final = 7.0
"""Li per formula unit of Li7LaxZr2O(12-d)."""
STATES: Final = ("annealed", "as deposited")
"""States of a film that models made by different protocols stand for."""


@dataclass(frozen=True, slots=True)
class QuantityInfo:
    """What a quantity's name stands for.

    Attributes
    ----------
    name : str
        The key in records and in data files.
    label : str
        A few words for tables and axes, without the unit.
    unit : str
        The unit of model values; empty for pure numbers.
    """

    name: str
    label: str
    unit: str


def _table(*rows: tuple[str, str, str]) -> dict[str, QuantityInfo]:
    return {name: QuantityInfo(name, label, unit) for name, label, unit in rows}


_TABLE: Final = _table(
    ("density", "density", "g/cm³"),
    ("packing_fraction", "packing fraction", ""),
    ("energy_per_atom", "energy per atom", "eV"),
    ("zr_o_distance", "Zr–O distance", "Å"),
    ("la_o_distance", "La–O distance", "Å"),
    ("li_o_distance", "Li–O distance", "Å"),
    ("zr_la_distance", "Zr–La distance", "Å"),
    ("zr_o_coordination", "Zr–O coordination", ""),
    ("la_o_coordination", "La–O coordination", ""),
    ("li_o_coordination", "Li–O coordination", ""),
    ("corner_fraction_zr_la", "Zr–La pairs sharing a corner", ""),
    ("edge_fraction_zr_la", "Zr–La pairs sharing an edge", ""),
    ("face_fraction_zr_la", "Zr–La pairs sharing a face", ""),
    ("corner_fraction_zr_zr", "Zr–Zr pairs sharing a corner", ""),
    ("edge_fraction_zr_zr", "Zr–Zr pairs sharing an edge", ""),
    ("face_fraction_zr_zr", "Zr–Zr pairs sharing a face", ""),
    ("corner_fraction_la_la", "La–La pairs sharing a corner", ""),
    ("edge_fraction_la_la", "La–La pairs sharing an edge", ""),
    ("face_fraction_la_la", "La–La pairs sharing a face", ""),
    ("xrd_halo_two_theta", "first halo of the glass, 2θ", "°"),
    ("xrd_halo_fwhm", "first halo of the glass, FWHM", "°"),
    ("xrd_222_two_theta", "pyrochlore (222), 2θ", "°"),
    ("xrd_222_fwhm", "pyrochlore (222), FWHM", "°"),
    ("d222", "d222", "Å"),
    ("scherrer_size", "Scherrer size, K = 0.9", "Å"),
    ("sphere_size", "size as spheres, FWHM·D = 1.107", "Å"),
    ("cluster_lattice_parameter", "lattice parameter of the nuclei", "Å"),
    ("cluster_diameter", "diameter of the nuclei", "Å"),
    ("fem_peak1_k", "FEM peak 1, k", "nm⁻¹"),
    ("fem_peak1_d", "FEM peak 1, d = 1/k", "Å"),
    ("fem_peak1_fwhm", "FEM peak 1, FWHM", "nm⁻¹"),
    ("fem_peak2_k", "FEM peak 2, k", "nm⁻¹"),
    ("fem_peak2_d", "FEM peak 2, d = 1/k", "Å"),
    ("fem_peak2_fwhm", "FEM peak 2, FWHM", "nm⁻¹"),
    ("fem_peak1_excess", "FEM peak 1, height above a random gas", ""),
    ("fem_peak2_excess", "FEM peak 2, height above a random gas", ""),
    ("fem_peak1_share_bonds", "FEM peak 1, share of Zr–O in the variance", ""),
    ("fem_peak2_share_bonds", "FEM peak 2, share of La–O and Zr–La in the variance", ""),
    ("fem_peak1_share_cations", "FEM peak 1, share of pairs of heavy cations in the variance", ""),
    ("fem_peak2_share_cations", "FEM peak 2, share of pairs of heavy cations in the variance", ""),
    ("fem_peak1_thickness_exponent", "FEM peak 1, n in V ∝ thicknessⁿ", ""),
    ("fem_peak2_thickness_exponent", "FEM peak 2, n in V ∝ thicknessⁿ", ""),
    ("fem_ratio", "V(3.2)/V(5.3)", ""),
    ("li_diffusivity", "diffusion coefficient of Li", "10⁻⁶ cm²/s"),
    ("li_msd_slope", "slope of ln MSD of Li over ln time", ""),
    ("li_jump_rate", "jumps of a Li ion from cage to cage", "1/ns"),
    ("exafs_zr_o_distance", "Zr–O as a fit of EXAFS reads it", "Å"),
    ("exafs_zr_o_coordination", "oxygens of Zr as a fit of EXAFS reads them", ""),
    ("exafs_zr_o_variance", "σ² of Zr–O as a fit of EXAFS reads it", "Å²"),
    ("exafs_la_o_distance", "La–O as a fit of EXAFS reads it", "Å"),
    ("exafs_la_o_coordination", "oxygens of La as a fit of EXAFS reads them", ""),
    ("exafs_la_o_variance", "σ² of La–O as a fit of EXAFS reads it", "Å²"),
    ("fem_halo_peak1_k", "halo through a background, peak 1, k", "nm⁻¹"),
    ("fem_halo_peak1_fwhm", "halo through a background, peak 1, FWHM", "nm⁻¹"),
    ("fem_halo_peak2_k", "halo through a background, peak 2, k", "nm⁻¹"),
    ("fem_halo_peak2_fwhm", "halo through a background, peak 2, FWHM", "nm⁻¹"),
    ("fem_halo_ratio", "halo through a background, V(3.2)/V(5.3)", ""),
    ("fem_halo_background", "background that the halo needs over what inelastic scattering gives", ""),
    ("fem_spread_peak1_k", "spread of thickness, peak 1, k", "nm⁻¹"),
    ("fem_spread_peak1_fwhm", "spread of thickness, peak 1, FWHM", "nm⁻¹"),
    ("fem_spread_peak2_k", "spread of thickness, peak 2, k", "nm⁻¹"),
    ("fem_spread_peak2_fwhm", "spread of thickness, peak 2, FWHM", "nm⁻¹"),
    ("fem_spread_ratio", "spread of thickness, V(3.2)/V(5.3)", ""),
    ("nucleus_shell_order", "order of the glass within 4 Å of a nucleus, of that inside it", ""),
    ("la2zr2o7_lattice_parameter", "lattice parameter of La2Zr2O7", "Å"),
    ("zro6_a1g_band", "ZrO6 A1g, band", "cm⁻¹"),
    ("zro6_a1g_position", "ZrO6 A1g, band over the stiffness of the potential", "cm⁻¹"),
    ("zro6_a1g_rms", "ZrO6 A1g, root mean square", "cm⁻¹"),
    ("zro6_eg_rms", "ZrO6 Eg, root mean square", "cm⁻¹"),
    ("zro6_t2g_rms", "ZrO6 T2g, root mean square", "cm⁻¹"),
    ("lio4_a1_rms", "LiO4 A1, root mean square", "cm⁻¹"),
    ("lio4_e_rms", "LiO4 E, root mean square", "cm⁻¹"),
    ("lio4_cage_rms", "Li in the cage of LiO4, root mean square", "cm⁻¹"),
    ("lio6_eg_band", "LiO6 Eg, band", "cm⁻¹"),
    ("lio6_t2g_band", "LiO6 T2g, band", "cm⁻¹"),
    ("lio6_share", "Li with six oxygens", "%"),
    ("lao_radial_rms", "La–O radial sum, root mean square", "cm⁻¹"),
    ("lao_strain_rms", "La–O strains, root mean square", "cm⁻¹"),
    ("pyrochlore_eg_shift", "E_g of La2Zr2O7 between the cells of two films", "cm⁻¹"),
    ("la2o3_eg", "La2O3, lower E_g", "cm⁻¹"),
    ("la2o3_a1g", "La2O3, lower A_1g", "cm⁻¹"),
    ("la2o3_eg_high", "La2O3, upper E_g", "cm⁻¹"),
)
QUANTITIES: Final[Mapping[str, QuantityInfo]] = MappingProxyType(_TABLE)
"""The quantities that a study records; :func:`quantity_info` also knows the families of pairs and reflections."""

_FAMILIES: Final = (
    (re.compile(r"([a-z]{1,2})_([a-z]{1,2})_distance"), "{0}–{1} distance", "Å"),
    (re.compile(r"([a-z]{1,2})_([a-z]{1,2})_spread"), "spread of {0}–{1} distances", "Å"),
    (re.compile(r"([a-z]{1,2})_([a-z]{1,2})_coordination"), "{0}–{1} coordination", ""),
    (re.compile(r"corner_fraction_([a-z]{1,2})_([a-z]{1,2})"), "{0}–{1} pairs sharing a corner", ""),
    (re.compile(r"edge_fraction_([a-z]{1,2})_([a-z]{1,2})"), "{0}–{1} pairs sharing an edge", ""),
    (re.compile(r"face_fraction_([a-z]{1,2})_([a-z]{1,2})"), "{0}–{1} pairs sharing a face", ""),
    (re.compile(r"xrd_(\d{3,4})_two_theta"), "pyrochlore ({0}), 2θ", "°"),
    (re.compile(r"xrd_(\d{3,4})_fwhm"), "pyrochlore ({0}), FWHM", "°"),
)
_FACTORS: Final = MappingProxyType(
    {
        ("nm", "Å"): 10.0,
        ("Å", "nm"): 0.1,
        ("nm⁻¹", "Å⁻¹"): 0.1,
        ("Å⁻¹", "nm⁻¹"): 10.0,
    }
)


def quantity_info(name: str) -> QuantityInfo:
    """Look a quantity's name up, also in the families such as ``ce_o_distance`` or ``xrd_440_two_theta``.

    Raises
    ------
    InputError
        If there is no such quantity.
    """
    known = QUANTITIES.get(name)
    if known is not None:
        return known
    for pattern, label, unit in _FAMILIES:
        match = pattern.fullmatch(name)
        if match:
            return QuantityInfo(name, label.format(*(part.capitalize() for part in match.groups())), unit)
    mean = _mean_over_atoms(name)
    if mean is not None:
        return mean
    near = difflib.get_close_matches(name, QUANTITIES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else ", ".join(QUANTITIES)
    raise InputError(f"quantity: {name!r} is not known; allowed: {hint}")


def _mean_over_atoms(name: str) -> QuantityInfo | None:
    """Mean over one kind of cation of a number that each atom has; None if studies do not record it."""
    from alzmodel.local_order.per_atom import ATOM_QUANTITIES

    element, _, rest = name.partition("_")
    for one in ATOM_QUANTITIES:
        if one.recorded and one.name == rest and 1 <= len(element) <= 2:
            return QuantityInfo(name, f"{one.label}, mean over {element.capitalize()}", one.unit)
    return None


def absent_words(name: str) -> str:
    """Say that the models have no value of a quantity: most often a fit found no peak."""
    return f"no such {'peak' if name.startswith(('fem_', 'xrd_')) else 'thing'} in the models"


def known(*names: str) -> tuple[QuantityInfo, ...]:
    """Look several names up, as :func:`quantity_info` does one."""
    return tuple(quantity_info(name) for name in names)


def declare(*infos: QuantityInfo) -> None:
    """Add quantities to :data:`QUANTITIES`; what stands there already stays as it is.

    Raises
    ------
    InputError
        If a name has another label or unit already.
    """
    for info in infos:
        there = _TABLE.setdefault(info.name, info)
        if there != info:
            raise InputError(f"quantity {info.name}: {info} is {there} already; allowed: another name")


def convert(value: float, unit: str, wanted: str) -> float:
    """Express `value`, given in `unit`, in the unit `wanted`.

    Raises
    ------
    InputError
        If the one cannot be turned into the other.
    """
    if unit == wanted:
        return value
    try:
        return value * _FACTORS[unit, wanted]
    except KeyError:
        pairs = ", ".join(f"{a} to {b}" for a, b in _FACTORS)
        raise InputError(f"unit: {unit!r} cannot be turned into {wanted!r}; allowed: {pairs}") from None


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number of one model.

    Attributes
    ----------
    name : str
        See :data:`QUANTITIES`.
    x : float or None
        La per formula unit as asked for; None where it has none (a reference crystal).
    model : str
        Which model: models are the independent unit of all statistics, so values of the same model (several
        columns or orientations of one glass) must carry the same name here.
    value : float
        In `unit`; NaN where the model has none (no peak in the window).
    unit : str
        Must be the quantity's own; taken from :data:`QUANTITIES` when left empty.
    kind : {"predicted", "assumed"}
    source : {"glass", "glass-ceramic", "crystal"}
    dopant : str or None
        Ion label such as ``Ce4+``; None for undoped models.
    fraction : float or None
        Of the La that the dopant replaces.
    protocol : str or None
        How the model was made, where a study holds models of more than one protocol; None where it does not matter.
        Models of two protocols are never averaged.
    potential : str or None
        What made the model, where a study holds models of more than one potential. Those are never averaged either.
    li : float or None
        Li per formula unit, where a study holds models of more than one content.

    Raises
    ------
    InputError
        If the name, unit, kind, source or x is not one of the allowed.
    """

    name: str
    x: float | None
    model: str
    value: float
    unit: str = ""
    kind: Kind = "predicted"
    source: Source = "glass"
    dopant: str | None = None
    fraction: float | None = None
    protocol: str | None = None
    potential: str | None = None
    li: float | None = None

    def __post_init__(self) -> None:
        info = quantity_info(self.name)
        if not self.unit:
            object.__setattr__(self, "unit", info.unit)
        elif self.unit != info.unit:
            object.__setattr__(self, "value", convert(self.value, self.unit, info.unit))
            object.__setattr__(self, "unit", info.unit)
        if self.kind not in KINDS:
            raise InputError(f"kind of {self.name}: {self.kind!r}; allowed: {', '.join(KINDS)}")
        if self.source not in SOURCES:
            raise InputError(f"source of {self.name}: {self.source!r}; allowed: {', '.join(SOURCES)}")
        if self.x is not None and not math.isfinite(self.x):
            raise InputError(f"x of {self.name}: {self.x}; allowed: a finite La content or none")


def film_state(protocol: str | None) -> str | None:
    """State of the film that models of a protocol stand for: "as deposited", "annealed", or None where unknown.

    Protocols named ``as-deposited…`` keep the structure of a hot melt (a high fictive temperature), as a film does that
    was never heated; every other one comes closer to the annealed film.
    """
    if protocol is None:
        return None
    return "as deposited" if protocol.startswith("as-deposited") else "annealed"


def of_state(quantities: Iterable[Quantity], state: str) -> list[Quantity]:
    """Leave out the models that stand for another state of the film than the one measured.

    Models that carry no protocol stand for every state, and a `state` other than "as deposited" and "annealed" takes
    all.
    """
    if state not in STATES:
        return list(quantities)
    return [quantity for quantity in quantities if film_state(quantity.protocol) in {None, state}]


def potentials_of(quantities: Iterable[Quantity]) -> tuple[str, ...]:
    """Potentials that models are told apart by, in their order; none where a study has one."""
    return tuple(dict.fromkeys(q.potential for q in quantities if q.potential is not None))


def of_potential(quantities: Iterable[Quantity], potential: str) -> list[Quantity]:
    """Take the models of one potential, and what holds whatever the potential is."""
    return [q for q in quantities if q.potential in {None, potential}]


def nominal_li(quantities: Sequence[Quantity]) -> list[Quantity]:
    """Leave out undoped models of other Li contents where there are some of the same x with :data:`NOMINAL_LI`."""
    nominal = {q.x for q in quantities if _is_nominal(q)}
    return [q for q in quantities if q.li is None or q.dopant or q.x not in nominal or _is_nominal(q)]


def _is_nominal(quantity: Quantity) -> bool:
    return (
        quantity.li is not None
        and quantity.dopant is None
        and math.isclose(quantity.li, NOMINAL_LI, abs_tol=0.02)
    )


def per_model(quantities: Iterable[Quantity]) -> dict[str, float]:
    """Mean of the finite values of each model.

    Parameters
    ----------
    quantities
        Values of one quantity.

    Returns
    -------
    dict
        Model to its value, sorted by model name, so that the order of the input does not matter.
    """
    values: dict[str, list[float]] = {}
    for quantity in quantities:
        if math.isfinite(quantity.value):
            values.setdefault(quantity.model, []).append(quantity.value)
    return {model: math.fsum(values[model]) / len(values[model]) for model in sorted(values)}
