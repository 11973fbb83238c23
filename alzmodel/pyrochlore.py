"""La2Zr2O7 with disorder: from pyrochlore towards defect fluorite, and with more La or more Zr than it should have."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.composition import formal_charges, formula_of, ion_labels
from alzmodel.crystals import checked_seed, crystal, supercell
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["EXCESS_MAX", "off_stoichiometric_pyrochlore", "pyrochlore_defect_fluorite"]

EXCESS_MAX: Final = 0.5
"""Largest excess of La or Zr per formula unit: a quarter of the other cation's sites."""

_SITE_16, _SITE_48F, _SITE_8B = 0, 1, 2


def pyrochlore_defect_fluorite(
    repeats: int | tuple[int, int, int],
    disorder: float,
    seed: int,
    *,
    lattice_parameter: float | None = None,
) -> Atoms:
    """La2Zr2O7 between ordered pyrochlore (`disorder` 0) and random defect fluorite (1).

    Cations: a fraction disorder / 2 of La and Zr change places, so that 1 leaves each site half La, half Zr.
    Oxygen: a fraction 7/8 of the empty 8a sites, times `disorder`, is filled from 48f (anion Frenkel pairs); 8b
    gives up oxygen too with relative weight `disorder`, so that at 1 the seven oxygens are spread evenly over the
    eight fluorite sites. The 48f coordinate x goes linearly to 3/8, its fluorite value. Cations and anions are
    disordered together, which real zirconates need not do (Blanchard et al., Inorg. Chem. 51 (2012) 13237).

    Parameters
    ----------
    repeats
        Cells along each axis.
    disorder
        0 to 1.
    seed
        Of the random choice of sites.
    lattice_parameter
        a in Å; the published one if not given.

    Returns
    -------
    ase.Atoms
        Periodic, stoichiometric; ``provenance["antisite_fraction"]`` (of La sites, with Zr) and
        ``["frenkel_fraction"]`` (of oxygens, on 8a) are those really built.

    Raises
    ------
    InputError
        If `disorder` is not within 0 to 1, or another argument cannot be used.
    """
    if not (math.isfinite(disorder) and 0 <= disorder <= 1):
        raise InputError(f"disorder: {disorder:g}; allowed: 0 (pyrochlore) to 1 (defect fluorite)")
    rng = np.random.default_rng(checked_seed(seed))
    unit = crystal("La2Zr2O7", lattice_parameter=lattice_parameter)
    unit.new_array("site", _pyrochlore_sites(unit, disorder))
    atoms = supercell(unit, repeats)
    site = atoms.arrays["site"]
    numbers = atoms.numbers.copy()
    lanthanum, zirconium = (np.flatnonzero(atoms.symbols == symbol) for symbol in ("La", "Zr"))
    swaps = round(disorder * len(lanthanum) / 2)
    moved_la, moved_zr = (rng.choice(sites, swaps, replace=False) for sites in (lanthanum, zirconium))
    numbers[moved_la], numbers[moved_zr] = 40, 57
    atoms.numbers = numbers

    vacancies = _empty_sites(unit, atoms)
    frenkel = round(disorder * len(vacancies) * 7 / 8)
    givers = np.flatnonzero(np.isin(site, [_SITE_48F, _SITE_8B]))
    weights = np.where(site[givers] == _SITE_48F, 1.0, disorder)
    if frenkel:
        leaving = rng.choice(givers, frenkel, replace=False, p=weights / weights.sum())
        atoms.positions[leaving] = vacancies[rng.choice(len(vacancies), frenkel, replace=False)]
    del atoms.arrays["site"]
    atoms.set_initial_charges(None)
    atoms.set_initial_charges(formal_charges(atoms))
    atoms.info["provenance"] |= {
        "disorder": float(disorder),
        "seed": int(seed),
        "antisite_fraction": swaps / len(lanthanum),
        "frenkel_fraction": frenkel / len(givers),
    }
    return atoms


def off_stoichiometric_pyrochlore(
    repeats: int | tuple[int, int, int],
    excess: float,
    seed: int,
    *,
    lattice_parameter: float | None = None,
) -> Atoms:
    """La(2+y)Zr(2-y)O(7-y/2): pyrochlore with too much La (y > 0) or too much Zr (y < 0).

    The cation in excess sits on sites of the other, drawn at random. Oxygen follows from neutral charge: every two La
    on Zr sites take one oxygen from 48f, every two Zr on La sites bring one to 8a, which pyrochlore leaves empty. (Five
    relaxed cells with two La too many lay 0.1 to 1.9 eV lower with the vacancy on 48f than on 8b, Du/Teter potential.)
    The sites are drawn independently, so that substitutes and vacancies are not drawn to each other, and are not
    relaxed.

    Parameters
    ----------
    repeats
        Cells along each axis.
    excess
        y, from -:data:`EXCESS_MAX` to :data:`EXCESS_MAX`. Rounded to whole pairs of cations.
    seed
        Of the random choice of sites.
    lattice_parameter
        a in Å; the published one if not given.

    Returns
    -------
    ase.Atoms
        Periodic, neutral; ``provenance["excess_la"]`` is the y really built.

    Raises
    ------
    InputError
        If `excess` is out of its range or too small for the cell, or another argument cannot be used.
    """
    if not (math.isfinite(excess) and abs(excess) <= EXCESS_MAX):
        raise InputError(f"excess La: {excess:g}; allowed: {-EXCESS_MAX:g} to {EXCESS_MAX:g} per La2Zr2O7")
    rng = np.random.default_rng(checked_seed(seed))
    unit = crystal("La2Zr2O7", lattice_parameter=lattice_parameter)
    unit.new_array("site", _pyrochlore_sites(unit, 0.0))
    atoms = supercell(unit, repeats)
    lanthanum, zirconium = (np.flatnonzero(atoms.symbols == symbol) for symbol in ("La", "Zr"))
    units = len(lanthanum) // 2
    pairs = round(abs(excess) * units / 2)
    if excess and not pairs:
        raise InputError(
            f"excess La: {excess:g} is less than two ions in {units} formula units; allowed: 0, at least "
            f"{1.01 / units:.2g}, or a larger supercell"
        )
    replaced, guest = (zirconium, 57) if excess > 0 else (lanthanum, 40)
    atoms.numbers[rng.choice(replaced, 2 * pairs, replace=False)] = guest
    if excess > 0:
        oxygen = np.flatnonzero(atoms.arrays["site"] == _SITE_48F)
        del atoms[rng.choice(oxygen, pairs, replace=False)]
    elif pairs:
        from ase import Atoms as NewAtoms

        empty = _empty_sites(unit, atoms)
        info = atoms.info
        atoms = atoms + NewAtoms(f"O{pairs}", positions=empty[rng.choice(len(empty), pairs, replace=False)])
        atoms.info = info
    del atoms.arrays["site"]
    atoms.set_initial_charges(None)
    atoms.set_initial_charges(formal_charges(atoms))
    labels = ion_labels(atoms)
    atoms.info["provenance"] |= {
        "formula": formula_of({label: labels.count(label) for label in dict.fromkeys(labels)}),
        "excess_la": math.copysign(2 * pairs / units, excess) if pairs else 0.0,
        "excess_la_requested": float(excess),
        "seed": int(seed),
    }
    return atoms


def _pyrochlore_sites(unit: Atoms, disorder: float) -> NDArray[np.int64]:
    """Tell 48f from 8b oxygen by its neighbours, and move 48f towards its fluorite position."""
    distances = unit.get_all_distances(mic=True)
    oxygen = unit.symbols == "O"
    near_zirconium = (distances[:, unit.symbols == "Zr"] < 0.25 * unit.cell.lengths()[0]).any(axis=1)
    site = np.where(oxygen, np.where(near_zirconium, _SITE_48F, _SITE_8B), _SITE_16)
    ideal = np.round((unit.get_scaled_positions() - 0.125) * 4) / 4 + 0.125
    scaled = unit.get_scaled_positions()
    moving = site == _SITE_48F
    scaled[moving] += disorder * (ideal[moving] - scaled[moving])
    unit.set_scaled_positions(scaled)
    return site


def _empty_sites(unit: Atoms, atoms: Atoms) -> NDArray[np.float64]:
    """Positions (n, 3) in Å of the empty 8a sites: the fluorite anion sites that hold no oxygen."""
    grid = (np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) + 0.5) / 4
    oxygen = unit.get_scaled_positions()[unit.symbols == "O"]
    gap = grid[:, None] - oxygen[None]
    gap -= np.round(gap)
    empty = grid[np.sqrt((gap**2).sum(axis=2)).min(axis=1) > 0.1]
    counts = np.rint(atoms.cell.lengths() / unit.cell.lengths()).astype(int)
    shifts = np.stack(np.meshgrid(*[np.arange(n) for n in counts], indexing="ij"), axis=-1).reshape(-1, 3)
    return np.asarray((empty[None] + shifts[:, None]).reshape(-1, 3) @ unit.cell.array)
