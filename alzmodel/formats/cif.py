"""Crystals from CIF files: what the file says of cell, symmetry, occupancy and isotopes is used, or refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.formats.cif_text import Block, blocks, mixture_of, number_of
from alzmodel.formats.displacements import site_displacements
from alzmodel.formats.notes import tell
from alzmodel.formats.symmetry import Operators, closed, orbit, settings_of
from alzmodel.sanity import (
    B_ISO,
    OCCUPANCY,
    amounts_of,
    charge_problem,
    formula_text,
    length_problem,
    shares_of,
)
from alzmodel.species import Species, make_atoms, species_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = ["read_cif"]

APART: Final = 0.1
"""Å; nearer images of a site are one: coordinates are given to three places or more."""
_CELL_UNITS: Final = {"": 1.0, "_pm": 0.01, "_nm": 10.0}
_VACANT: Final = {"va", "vac", "vacancy", "x", "xx", "dum", "."}
_OPERATORS: Final = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_MAGNETIC: Final = "_space_group_symop_magn_operation_xyz"
_CENTRING: Final = "_space_group_symop_magn_centering_xyz"
_U_PER_A3: Final = 1.66053907
"""g/cm³, CODATA 2022."""
_DENSITY: Final = 0.04
"""Relative; densities are given to two places, of other isotopes, or with hydrogen that was not placed."""
_FULL: Final = 1.02
"""A place that is held by more holds two atoms; shares are given to two places."""


@dataclass(frozen=True, slots=True)
class _Site:
    """A row of the list of atoms: label, fractional position, shares of what holds it, B in Å² or NaN."""

    label: str
    position: NDArray[np.float64]
    shares: tuple[tuple[Species, float], ...]
    b_iso: float


def read_cif(text: str, name: str) -> list[Atoms]:
    """Read every structure of a CIF.

    Parameters
    ----------
    text
        Of the file.
    name
        For messages.

    Returns
    -------
    list of ase.Atoms
        One a data block that holds atoms. Where a site is held in part or by several elements, each of them is an atom
        of its own, with its share in the array ``occupancy``. Isotopes are in the array ``isotope``, displacement
        parameters in the array ``b_iso`` (Å², NaN of sites without).

    Raises
    ------
    InputError
        If it holds no structure, a value cannot be read, the symmetry is unknown, or the file leaves open which of
        several settings is meant and they give different crystals.
    """
    found = [
        _structure(block, name)
        for block in blocks(text)
        if any(tag.startswith(("_atom_site_fract_x", "_atom_site_cartn_x")) for tag in block.values)
    ]
    if not found:
        raise InputError(
            f"{name}: no atoms in this CIF; allowed: a data block with _atom_site_fract_x and a cell"
        )
    return found


def _structure(block: Block, name: str) -> Atoms:
    cell = _cell(block, name)
    sites = _sites(block, cell, name)
    candidates = _candidates(block, cell, name)
    made = [(words, _expand(sites, operators, cell, name)) for words, operators in candidates]
    atoms = made[0][1] if len(made) == 1 else _chosen(block, made, name)
    _compare_formula(block, atoms, name)
    return atoms


def _cell(block: Block, name: str) -> NDArray[np.float64]:
    from ase.geometry import cellpar_to_cell

    values = []
    for tag in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        units = _CELL_UNITS if tag.startswith("length") else {"": 1.0}
        for ending, unit in units.items():
            text = block.one(f"_cell_{tag}{ending}")
            if text is not None:
                values.append(number_of(text, f"{name}: _cell_{tag}") * unit)
                break
        else:
            if tag.startswith("length"):
                raise InputError(f"{name}: no _cell_{tag}; allowed: a full cell")
            values.append(90.0)
    lengths, angles = values[:3], values[3:]
    if min(lengths) <= 0 or not all(0 < angle < 180 for angle in angles):
        raise InputError(f"{name}: a cell of {values}; allowed: lengths above 0 Å, angles between 0 and 180°")
    cell: NDArray[np.float64] = cellpar_to_cell(values)
    if not np.isfinite(cell).all():
        raise InputError(f"{name}: angles {angles} make no cell; allowed: those of a parallelepiped")
    return cell


def _sites(block: Block, cell: NDArray[np.float64], name: str) -> list[_Site]:
    cartesian = block.get("_atom_site_fract_x") is None
    tags = [f"_atom_site_{'cartn' if cartesian else 'fract'}_{axis}" for axis in "xyz"]
    columns = [block.get(tag) or [] for tag in tags]
    n_rows = len(columns[0])
    labels = block.get("_atom_site_label") or block.get("_atom_site_type_symbol") or []
    typed = block.get("_atom_site_type_symbol")
    types = typed or labels
    spelled = sorted(tag for tag in block.values if tag.startswith("_atom_site_occ"))
    shares = block.get(*spelled) if spelled else None
    flags = block.get("_atom_site_calc_flag") or [""] * n_rows
    if not n_rows or any(
        len(column) != n_rows for column in (*columns, labels, types, shares or labels, flags)
    ):
        raise InputError(
            f"{name}: the list of atoms is incomplete; allowed: as many values as columns in each row"
        )
    spread = site_displacements(block, labels, name)
    sites, nowhere = [], []
    for row in range(n_rows):
        label = labels[row]
        if flags[row].lower() == "dum" or types[row].lower() in _VACANT - {"."}:
            continue
        if any(column[row] in {"?", "."} for column in columns):
            nowhere.append(label)
            continue
        position = np.array([number_of(column[row], f"{name}: site {label}") for column in columns])
        share = (
            1.0
            if shares is None or shares[row] in {"?", "."}
            else number_of(shares[row], f"{name}: occupancy of {label}")
        )
        if not 0 <= share <= _FULL:
            raise InputError(f"{name}: site {label} has an occupancy of {share:g}; allowed: 0 to 1")
        held = _held(None if typed is None else types[row], label, f"{name}: site {label}")
        if share > 0:
            position = position @ np.linalg.inv(cell) if cartesian else position
            shared = tuple((one, part * share) for one, part in held)
            sites.append(_Site(label, position, shared, spread[row]))
    if nowhere:
        tell(f"{name}: sites without coordinates are left out: {', '.join(nowhere[:8])}")
    if not sites:
        raise InputError(f"{name}: no site holds an atom; allowed: at least one")
    return sites


def _held(text: str | None, label: str, name: str) -> tuple[tuple[Species, float], ...]:
    """Species and shares that hold a site, from its type, or from its label where the type is unknown."""
    typed = text is not None and text not in {"?", "."}
    known = text if text is not None and typed else label
    held = mixture_of(known) if typed or "." in known else _of_label(known)
    if not held and typed:
        held = _of_label(known)
    if not held:
        raise InputError(
            f"{name}: {known!r} is no element; allowed: a chemical symbol, an ion or a mixture such as 0.8Zr+0.2Y"
        )
    if any(math.isnan(share) for _, share in held):
        raise InputError(f"{name}: {known!r} names no shares; allowed: such as 0.8Zr+0.2Y")
    if sum(share for _, share in held) > _FULL:
        raise InputError(f"{name}: {known!r} adds up to more than one atom; allowed: shares up to 1")
    return held


def _of_label(label: str) -> tuple[tuple[Species, float], ...]:
    """Element that a label such as Zr1A or OW3 begins with; nothing of words such as Wat."""
    letters = re.match(r"[A-Za-z]*", label)
    word = letters[0] if letters else ""
    single = species_of(label) or species_of(word[:2] if word[1:2].islower() else "")
    if single is None and not word[1:2].islower():
        single = species_of(word[:1])
    return () if single is None else ((single, 1.0),)


def _candidates(block: Block, cell: NDArray[np.float64], name: str) -> list[tuple[str, Operators]]:
    """Gather the sets of symmetry operators that the file may mean: one, unless it leaves the setting open."""
    listed = block.get(_MAGNETIC, *_OPERATORS)
    symbol = block.one(
        "_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m", "_space_group_name_h-m_full",
        "_space_group_name_h-m", "_symmetry_space_group_name_h-m_alt", "_space_group_name_h-m_ref",
    )  # fmt: skip
    number_text = block.one("_space_group_it_number", "_symmetry_int_tables_number")
    number = (
        None if number_text is None else round(number_of(number_text, f"{name}: number of the space group"))
    )
    hall = block.one("_space_group_name_hall", "_symmetry_space_group_name_hall")
    choice = block.one(
        "_space_group_it_coordinate_system_code", "_symmetry_space_group_setting", "_space_group_setting"
    )
    unknown = not any((listed, symbol, number, hall))
    if unknown:
        tell(f"{name}: names no symmetry: the atoms are taken as they are listed (P 1)")
        return [("as listed", closed(["x,y,z"], [], name))]
    settings = settings_of(hall=hall, symbol=symbol, number=number, choice=choice)
    named = [(one.words, one.operators) for one in settings]
    named = [(words, operators) for words, operators in named if _keeps(cell, operators)]
    if listed:
        from_file = closed(listed, block.get(_CENTRING) or [], name)
        if not _keeps(cell, from_file):
            raise InputError(
                f"{name}: the symmetry operators do not keep the cell; allowed: operators of this cell"
            )
        # A list of the identity alone beside a group that has more: what fits the formula is meant.
        alone = len(from_file) == 1 and named and min(len(one) for _, one in named) > 1
        return [("as listed", from_file), *named] if alone else [("as listed", from_file)]
    if not named:
        said = " ".join(filter(None, (hall, symbol, number_text, choice)))
        raise InputError(
            f"{name}: space group {said!r} is not known, or not of this cell; "
            "allowed: a symbol of the International Tables, or symmetry operators in the file"
        )
    return named


def _keeps(cell: NDArray[np.float64], operators: Operators) -> bool:
    """Whether rotations map the lattice on itself to a hundredth."""
    metric = cell @ cell.T
    moved = np.einsum("nki,kl,nlj->nij", operators.rotations, metric, operators.rotations)
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    return bool((np.abs(moved - metric) < 0.01 * scale).all())


def _expand(sites: Sequence[_Site], operators: Operators, cell: NDArray[np.float64], name: str) -> Atoms:
    """Put every image of every site into the cell; the same atom listed twice counts once."""
    places: list[NDArray[np.float64]] = []
    species: list[Species] = []
    shares: list[float] = []
    rows: list[int] = []
    for row, site in enumerate(sites):
        images = orbit(site.position, operators, cell, APART)
        for one, share in site.shares:
            places += list(images)
            species += [one] * len(images)
            shares += [share] * len(images)
            rows += [row] * len(images)
    fractions, part = np.array(places), np.array(shares)
    kept = np.ones(len(fractions), dtype=bool)
    total = part.copy()
    for a, b in _meeting(fractions, cell):
        if not (kept[a] and kept[b]):
            continue
        if rows[a] != rows[b] and species[a] == species[b] and part[a] + part[b] > _FULL:
            kept[b] = False
            continue
        total[a] += part[b]
        total[b] += part[a]
    if (total[kept] > _FULL).any():
        first = int(np.flatnonzero(kept & (total > _FULL))[0])
        raise InputError(
            f"{name}: the place of site {sites[rows[first]].label} is held by {total[first]:.3g} atoms; "
            "allowed: up to one"
        )
    found = np.flatnonzero(kept)
    atoms = make_atoms([species[k] for k in found], positions=fractions[found] @ cell, cell=cell, pbc=True)
    if (np.abs(part[found] - 1) > 1e-3).any():
        atoms.set_array(OCCUPANCY, part[found])
        atoms.info["kind"] = "crystal"
    spread = np.array([sites[rows[k]].b_iso for k in found])
    if np.isfinite(spread).any():
        atoms.set_array(B_ISO, spread)
    return atoms


def _meeting(fractions: NDArray[np.float64], cell: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs that lie on one place."""
    from scipy.spatial import cKDTree

    tree = cKDTree(fractions % 1.0 % 1.0, boxsize=1.0)
    # Between planes of lattice points one fractional unit is 1/|reciprocal vector| Å long at least.
    shortest = float((1 / np.linalg.norm(np.linalg.inv(cell), axis=0)).min())
    pairs = tree.query_pairs(min(2 * APART / shortest, 0.49), output_type="ndarray")
    offsets = fractions[pairs[:, 0]] - fractions[pairs[:, 1]]
    offsets -= np.rint(offsets)
    near = np.linalg.norm(offsets @ cell, axis=1) < APART
    return [(int(a), int(b)) for a, b in pairs[near][np.lexsort((pairs[near][:, 1], pairs[near][:, 0]))]]


def _chosen(block: Block, made: Sequence[tuple[str, Atoms]], name: str) -> Atoms:
    """Find the crystal that the file means where it leaves the setting open."""
    good = [(words, atoms) for words, atoms in made if not length_problem(atoms)[1]]
    wanted = _said_formula(block)
    if wanted:
        fitting = [(words, atoms) for words, atoms in good if _difference(wanted, amounts_of(atoms)) < 0.02]
        number = block.one("_cell_formula_units_z")
        units = number_of(number, f"{name}: _cell_formula_units_Z") if number is not None else 0
        exact = [
            (words, atoms) for words, atoms in fitting
            if units and abs(sum(amounts_of(atoms).values()) / (units * sum(wanted.values())) - 1) < 0.02
        ]  # fmt: skip
        good = exact or fitting or good
    good = [(words, atoms) for words, atoms in good if not charge_problem(amounts_of(atoms))] or list(good)
    if good and all(_same(good[0][1], atoms) for _, atoms in good[1:]):
        words, atoms = good[0]
        tell(
            f"{name}: does not say its setting: {words} gives {formula_text(amounts_of(atoms))}, and is taken"
        )
        return atoms
    options = "; ".join(f"{words}: {formula_text(amounts_of(atoms))}" for words, atoms in made)
    raise InputError(
        f"{name}: does not say which setting or origin it is in ({options}); "
        "allowed: symmetry operators in the file, or a symbol such as 'F d -3 m :2'"
    )


def _same(one: Atoms, other: Atoms) -> bool:
    """Whether two cells hold the same crystal, by all distances within the cell."""
    if len(one) != len(other) or sorted(one.numbers) != sorted(other.numbers) or len(one) > 500:
        return False
    first, second = (np.sort(atoms.get_all_distances(mic=True).ravel()) for atoms in (one, other))
    return bool(np.allclose(first, second, atol=0.02))


def _said_formula(block: Block) -> dict[str, float]:
    """Amounts in ``_chemical_formula_sum``; nothing if there is none that can be read."""
    text = block.one("_chemical_formula_sum")
    amounts: dict[str, float] = {}
    for word in (text or "").replace(",", " ").split():
        match = re.fullmatch(r"([A-Z][a-z]?)(\d*\.?\d*)(?:\(\d+\))?", word)
        species = species_of(match[1]) if match else None
        if match is None or species is None:
            return {}
        amounts[species.symbol] = amounts.get(species.symbol, 0.0) + float(match[2] or 1)
    return amounts


def _difference(one: dict[str, float], other: dict[str, float]) -> float:
    """Largest difference between the atomic fractions of two formulas."""
    totals = sum(one.values()), sum(other.values())
    return max(abs(one.get(key, 0.0) / totals[0] - other.get(key, 0.0) / totals[1]) for key in {*one, *other})


def _compare_formula(block: Block, atoms: Atoms, name: str) -> None:
    said = _said_formula(block)
    found = amounts_of(atoms)
    if said and _difference(said, found) > 0.02:
        tell(f"{name}: says {formula_text(said)}, but its atoms make {formula_text(found)}")
        return
    text = block.one("_cell_formula_units_z")
    units = number_of(text, f"{name}: _cell_formula_units_Z") if said and text is not None else 0.0
    total, one = sum(found.values()), sum(said.values())
    # pymatgen's sum is that of the whole cell, whatever the number of units.
    if units > 0 and min(abs(total / (units * one) - 1), abs(total / one - 1)) > 0.02:
        tell(f"{name}: says {units:g} units of {formula_text(said)} a cell, but {total:.4g} atoms are there")
        return
    text = block.one("_exptl_crystal_density_diffrn")
    density = number_of(text, f"{name}: _exptl_crystal_density_diffrn") if text is not None else 0.0
    made = _U_PER_A3 * float(atoms.get_masses() @ shares_of(atoms)) / atoms.get_volume()
    if density > 0 and abs(made / density - 1) > _DENSITY:
        tell(f"{name}: says {density:g} g/cm³, but its atoms make {made:.3g}")
