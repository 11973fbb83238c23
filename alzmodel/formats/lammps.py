"""LAMMPS data files and dumps: units, styles, types, boxes that tilt, files that were cut."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.formats.choice import EVERY, FrameChoice
from alzmodel.formats.notes import tell
from alzmodel.species import Species, make_atoms, species_of, species_of_mass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from numpy.typing import ArrayLike, NDArray

__all__ = ["looks_like_data", "looks_like_dump", "read_data", "read_dump"]

LENGTHS: Final = {
    "metal": 1.0,
    "real": 1.0,
    "electron": 0.529177210544,
    "nano": 10.0,
    "micro": 1e4,
    "si": 1e10,
    "cgs": 1e8,
}
"""Å in a unit of length of each style of units of LAMMPS; lj has none."""
_SPEEDS: Final = {"metal": 1.0, "real": 1000.0, "nano": 0.01}
"""Å/ps in a unit of velocity; velocities in other styles of units are left out."""
_COLUMNS: Final = {
    "atomic": ("type", "x", "y", "z"),
    "charge": ("type", "q", "x", "y", "z"),
    "bond": ("molecule", "type", "x", "y", "z"),
    "angle": ("molecule", "type", "x", "y", "z"),
    "molecular": ("molecule", "type", "x", "y", "z"),
    "full": ("molecule", "type", "q", "x", "y", "z"),
    "dipole": ("type", "q", "x", "y", "z", "mux", "muy", "muz"),
    "sphere": ("type", "diameter", "density", "x", "y", "z"),
}
"""Columns behind the number of the atom, by atom style (LAMMPS manual, command read_data)."""
_BY_NUMBER: Final = {5: ("atomic",), 6: ("charge", "molecular"), 7: ("full",)}
_TITLE: Final = re.compile(r"\bunits\s*=?\s*([a-z]+)", re.IGNORECASE)
_SECTIONS: Final = re.compile(r"[A-Z][A-Za-z]+(?: [A-Za-z]+)*")
_ALLOWED: Final = "--types Li,La,Zr,O names the elements of the types 1, 2, …"


def looks_like_data(head: str) -> bool:
    """Whether a file begins as LAMMPS data: a title, then a line such as ``3 atoms``."""
    lines = [line.split("#")[0].split() for line in head.splitlines()[1:20]]
    return any(len(words) == 2 and words[1] == "atoms" and words[0].isdigit() for words in lines)


def looks_like_dump(head: str) -> bool:
    """Whether a file begins as a text dump of LAMMPS."""
    return head.lstrip().startswith("ITEM:")


def _length_unit(name: str, file: str) -> float:
    unit = LENGTHS.get(name.lower())
    if unit is None:
        raise InputError(f"{file}: units {name}, whose lengths are not known; allowed: {', '.join(LENGTHS)}")
    return unit


def _sections(lines: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    """Lines of each section below its name, and the words behind ``#`` there; the header is the section ''."""
    found: dict[str, tuple[str, list[str]]] = {"": ("", [])}
    name = ""
    for line in lines[1:]:
        words, _, comment = line.partition("#")
        if _SECTIONS.fullmatch(words.strip()):
            name = words.strip()
            found[name] = (comment.strip(), [])
        elif words.strip():
            # What stands behind # of a mass names its element in many files.
            found[name][1].append(line.strip() if name == "Masses" else words.strip())
    return found


def read_data(text: str, name: str, types: Sequence[Species] | None = None) -> list[Atoms]:
    """Read a LAMMPS data file.

    Parameters
    ----------
    text, name
        Of the file; the name is for messages.
    types
        Elements of the types 1, 2, …, where the file names none.

    Raises
    ------
    InputError
        If a number is missing or bad, the style of the atoms or the element of a type is not known.
    """
    lines = text.splitlines()
    sections = _sections(lines)
    unit_name = _TITLE.search(lines[0])
    style_of_units = unit_name[1].lower() if unit_name else "metal"
    unit = _length_unit(style_of_units, name)
    header = [line.split() for line in sections[""][1]]
    n_types = next((int(words[0]) for words in header if words[1:] == ["atom", "types"]), 0)
    announced = next((int(words[0]) for words in header if words[1:] == ["atoms"]), 0)
    style, rows = sections.get("Atoms", ("", []))
    if len(rows) < announced or not rows:
        raise InputError(f"{name}: {len(rows)} of {announced} atoms are there; allowed: a whole file")
    table = [row.split() for row in rows]
    labels = {
        words[0]: words[1]
        for words in map(str.split, sections.get("Atom Type Labels", ("", []))[1])
        if len(words) > 1
    }
    columns = _columns(table, style, n_types, set(labels.values()), name)
    number = {column: index + 1 for index, column in enumerate(columns)}
    try:
        positions = np.array([[float(row[number[axis]]) for axis in "xyz"] for row in table]) * unit
        order = np.argsort([int(row[0]) for row in table], kind="stable")
        charges = [float(row[number["q"]]) for row in table] if "q" in number else None
        cell, corner = _box(header, unit)
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{name}: a line of numbers cannot be read ({error}); allowed: LAMMPS data"
        ) from error
    kinds = [row[number["type"]] for row in table]
    species = _named(kinds, types, labels, _masses(sections, labels), name)
    atoms = make_atoms(
        [species[kinds[k]] for k in order], positions=(positions - corner)[order], cell=cell, pbc=True
    )
    if charges is not None:
        atoms.set_initial_charges(np.array(charges)[order])
    speeds = {words[0]: words[1:4] for words in map(str.split, sections.get("Velocities", ("", []))[1])}
    if speeds and all(row[0] in speeds for row in table):
        _set_velocities(atoms, [speeds[table[k][0]] for k in order], style_of_units)
    return [atoms]


def _set_velocities(atoms: Atoms, speeds: ArrayLike, style: str) -> None:
    """Give a model the velocities of a file, in ASE's unit."""
    from ase import units

    if style in _SPEEDS:
        values = np.array(speeds, dtype=float)
        atoms.set_velocities(values * _SPEEDS[style] / (1000 * units.fs))


def _box(header: Sequence[Sequence[str]], unit: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cell and its low corner, Å; as in LAMMPS a direction that is not named is 1 wide."""
    said = {
        " ".join(word for word in words if not _is_number(word)): [float(w) for w in words if _is_number(w)]
        for words in header
    }
    if all(f"{axis}vec" in said for axis in "abc"):
        cell = np.array([said[f"{axis}vec"] for axis in "abc"])
        corner = np.array(said.get("abc origin", [0.0, 0.0, 0.0]))
        return cell * unit, corner * unit
    ends = np.array([said.get(f"{axis}lo {axis}hi", [-0.5, 0.5]) for axis in "xyz"])
    lengths = _lengths(ends[:, 0], ends[:, 1])
    xy, xz, yz = said.get("xy xz yz", [0.0, 0.0, 0.0])
    cell = np.array([[lengths[0], 0, 0], [xy, lengths[1], 0], [xz, yz, lengths[2]]])
    return cell * unit, ends[:, 0] * unit


def _lengths(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of a box between its bounds; a high one at or below the low one is no box, in LAMMPS neither."""
    for axis, start, end in zip("xyz", low, high, strict=True):
        if end <= start:
            raise ValueError(f"box bounds in {axis}: from {start:g} to {end:g}, which does not rise")
    return high - low


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_whole(text: str) -> bool:
    return text.lstrip("+-").isdigit()


def _columns(
    table: Sequence[Sequence[str]], style: str, n_types: int, labels: set[str], name: str
) -> tuple[str, ...]:
    """Columns behind the number of the atom: as the file names its style, or by what they can be."""
    width = len(table[0])
    if style:
        columns = _COLUMNS.get(style.split(maxsplit=1)[0])
        if columns is None or width not in {len(columns) + 1, len(columns) + 4}:
            raise InputError(
                f"{name}: atom style {style!r} with {width} columns; allowed: {', '.join(_COLUMNS)}"
            )
        return columns
    image_flags = width >= 8 and all(_is_whole(word) for row in table for word in row[-3:])
    possible = _BY_NUMBER.get(width - 3 if image_flags else width, ())
    if len(possible) == 2:

        def is_type(word: str) -> bool:
            return word in labels or (_is_whole(word) and 1 <= int(word) <= n_types)

        by_third = all(is_type(row[2]) for row in table) and all(_is_whole(row[1]) for row in table)
        possible = ("molecular",) if by_third else ("charge",)
    if not possible:
        raise InputError(
            f"{name}: {width} columns of atoms in a style that is not named; allowed: such as 'Atoms # charge'"
        )
    return _COLUMNS[possible[0]]


def _masses(
    sections: dict[str, tuple[str, list[str]]], labels: dict[str, str]
) -> dict[str, tuple[float, str]]:
    """Mass in u and what stands behind ``#`` of every type."""
    found = {}
    for line in sections.get("Masses", ("", []))[1]:
        words, _, comment = line.partition("#")
        parts = words.split()
        if len(parts) == 2 and _is_number(parts[1]):
            found[parts[0]] = (float(parts[1]), comment.strip())
    by_number = {number: found[label] for number, label in labels.items() if label in found}
    return {**by_number, **found}


def _named(
    kinds: Sequence[str],
    types: Sequence[Species] | None,
    labels: dict[str, str],
    masses: dict[str, tuple[float, str]],
    name: str,
) -> dict[str, Species]:
    """Species of each type that occurs."""
    found = {}
    same = {mass for mass, _ in masses.values()} == {1.0}
    for kind in dict.fromkeys(kinds):
        if types is not None:
            if not _is_whole(kind) or not 1 <= int(kind) <= len(types):
                raise InputError(f"{name}: type {kind}; allowed with --types: 1 to {len(types)}")
            found[kind] = types[int(kind) - 1]
            mass = masses.get(kind, (0.0, ""))[0]
            by_mass = species_of_mass(mass) if mass > 0 and not same else None
            if by_mass is not None and by_mass.symbol != found[kind].symbol:
                raise InputError(
                    f"--types: type {kind} is called {found[kind].symbol} but has the mass of {by_mass.symbol} in "
                    f"{name}; allowed: elements that fit its masses"
                )
            continue
        mass, comment = masses.get(kind, (0.0, ""))
        label = labels.get(kind, "" if _is_whole(kind) else kind)
        by_mass = species_of_mass(mass) if mass > 0 and not same else None
        by_name = species_of(label) or species_of(comment.partition(" ")[0])
        if by_mass is not None and by_name is not None and by_mass.symbol != by_name.symbol:
            tell(
                f"{name}: type {kind} is called {by_name.symbol} but has the mass of {by_mass.symbol}: {by_name.symbol}"
            )
        # A mass tells isotopes, a name tells elements.
        agree = by_mass is not None and by_name is not None and by_mass.symbol == by_name.symbol
        one = by_mass if agree or by_name is None else by_name
        if one is None:
            known = (
                f"type {kind} of mass {mass:g} is no element" if mass else "LAMMPS types of unknown elements"
            )
            raise InputError(
                f"{name}: {known}; allowed: data with a section Masses or Atom Type Labels, or {_ALLOWED}"
            )
        found[kind] = one
    return found


@dataclass(frozen=True, slots=True)
class _Frame:
    """Words of one frame of a dump."""

    items: dict[str, tuple[str, list[str]]]

    def one(self, item: str) -> str:
        """Return the first line below an item."""
        return self.items.get(item, ("", [""]))[1][0].strip()


def _frames(text: str) -> Iterator[tuple[_Frame, bool]]:
    """Frames of a dump, and whether each is whole."""
    # LAMMPS writes the units, once, and the time above the step.
    before, *parts = text.split("ITEM: TIMESTEP")
    for part in parts:
        items: dict[str, tuple[str, list[str]]] = {}
        sections = (before + "ITEM: TIMESTEP" + part).split("ITEM: ")[1:]
        before = ""
        for section in sections:
            head, _, body = section.partition("\n")
            for item in ("TIMESTEP", "NUMBER OF ATOMS", "BOX BOUNDS", "ATOMS", "UNITS", "TIME"):
                if head.strip() == item or head.startswith(item + " "):
                    items[item] = (head[len(item) :].strip(), body.splitlines() or [""])
                    break
        yield _Frame(items), _is_whole_frame(items)


def _is_whole_frame(items: dict[str, tuple[str, list[str]]]) -> bool:
    if not {"NUMBER OF ATOMS", "BOX BOUNDS", "ATOMS"} <= items.keys():
        return False
    number = items["NUMBER OF ATOMS"][1][0].strip()
    columns = items["ATOMS"][0].split()
    rows = [line for line in items["ATOMS"][1] if line.strip()]
    return (
        number.isdigit() and len(rows) >= int(number) and len(rows[-1].split()) >= len(columns)
        if rows
        else False
    )


def read_dump(
    text: str, name: str, types: Sequence[Species] | None = None, choice: FrameChoice = EVERY
) -> list[Atoms]:
    """Read the frames of a text dump of LAMMPS; of one that was cut, those that are whole, and tell.

    Parameters
    ----------
    text, name
        Of the file; the name is for messages.
    types
        Elements of the types 1, 2, …, where the file has no column of elements.
    choice
        Frames that are wanted.

    Raises
    ------
    InputError
        If no frame is whole, a column of coordinates is missing, or nothing says which elements the types are.
    """
    found = list(_frames(text))
    whole = [frame for frame, good in found if good]
    if not whole:
        raise InputError(f"{name}: no frame of this dump is whole; allowed: at least one whole frame")
    if len(whole) < len(found):
        tell(f"{name}: was cut; {len(whole)} whole frames are used")
    style, frames = "metal", []
    for frame in whole:
        # The units stand in the first frame alone.
        if "UNITS" in frame.items:
            style = frame.one("UNITS").lower()
            _length_unit(style, name)
        frames.append((frame, style))
    return [_dumped(*frames[k], name, types) for k in choice.of(len(frames), name)]


def _dumped(frame: _Frame, style: str, name: str, types: Sequence[Species] | None) -> Atoms:
    unit = _length_unit(style, name)
    try:
        columns = _dump_columns(frame)
        cell, corner, periodic = _dump_box(frame, unit)
        positions = _dump_positions(columns, cell, corner, unit, name)
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{name}: a line of numbers cannot be read ({error}); allowed: a dump of LAMMPS"
        ) from error
    named = columns.get("element", columns.get("typelabel"))
    if named is not None and types is None:
        kinds = named
        _check_default_element(columns, name)
        known = {kind: species_of(kind) for kind in dict.fromkeys(kinds)}
        for kind, one in known.items():
            if one is None:
                raise InputError(f"{name}: unknown symbol {kind!r}; allowed: chemical symbols, or {_ALLOWED}")
        species = {kind: one for kind, one in known.items() if one is not None}
    elif "type" in columns:
        kinds = columns["type"]
        masses: dict[str, tuple[float, str]] = {}
        if "mass" in columns:
            masses = {kind: (float(mass), "") for kind, mass in set(zip(kinds, columns["mass"], strict=True))}
        species = _named(kinds, types, {}, masses, name)
    else:
        raise InputError(f"{name}: neither elements nor types; allowed: a dump with a column element or type")
    order = np.arange(len(kinds))
    if "id" in columns:
        order = np.argsort(np.array(columns["id"], dtype=np.int64), kind="stable")
    atoms = make_atoms(
        [species[kinds[k]] for k in order.tolist()], positions=positions[order], cell=cell, pbc=periodic
    )
    if "q" in columns:
        atoms.set_initial_charges(np.array(columns["q"], dtype=float)[order])
    if all(f"v{axis}" in columns for axis in "xyz"):
        speeds = np.array([columns[f"v{axis}"] for axis in "xyz"], dtype=float).T
        _set_velocities(atoms, speeds[order], style)
    if frame.one("TIMESTEP").lstrip("-").isdigit():
        atoms.info["timestep"] = int(frame.one("TIMESTEP"))
    return atoms


def _check_default_element(columns: dict[str, list[str]], name: str) -> None:
    """Refuse several types that are all called C, as LAMMPS does where no elements are named; of one, tell."""
    if set(columns.get("element", ())) != {"C"}:
        return
    words = f"{name}: the element of every atom is C, which LAMMPS writes where none is named"
    if len(set(columns.get("type", ()))) > 1:
        raise InputError(f"{words}; allowed: names by dump_modify element, or {_ALLOWED}")
    tell(f"{words}; {_ALLOWED}")


def _dump_columns(frame: _Frame) -> dict[str, list[str]]:
    """Words of each column of the atoms, by its name."""
    names = frame.items["ATOMS"][0].split()
    n_atoms = int(frame.one("NUMBER OF ATOMS"))
    lines = [line for line in frame.items["ATOMS"][1] if line.strip()][:n_atoms]
    words = " ".join(lines).split()
    if len(words) != n_atoms * len(names):
        # Some line is longer or shorter than the names of the columns.
        words = [row[column] for row in map(str.split, lines) for column in range(len(names))]
    return {column: words[index :: len(names)] for index, column in enumerate(names)}


def _dump_box(frame: _Frame, unit: float) -> tuple[NDArray[np.float64], NDArray[np.float64], list[bool]]:
    """Cell, its low corner in Å, and which directions are periodic."""
    words = frame.items["BOX BOUNDS"][0].split()
    rows = [[float(w) for w in line.split()] for line in frame.items["BOX BOUNDS"][1][:3]]
    if len(rows) != 3 or {len(row) for row in rows} not in ({2}, {3}, {4}):
        raise ValueError("box bounds: three lines of two, three or four numbers are wanted")
    table = np.array(rows)
    flags = [word for word in words if re.fullmatch(r"[pfsm]{2}", word)]
    periodic = ["p" in flag for flag in flags] if len(flags) == 3 else [True] * 3
    if "abc" in words:
        return table[:, :3] * unit, table[:, 3] * unit, periodic
    low, high = table[:, 0].copy(), table[:, 1].copy()
    xy, xz, yz = table[:, 2] if table.shape[1] == 3 else (0.0, 0.0, 0.0)
    # Bounds of a tilted box enclose it; LAMMPS manual, triclinic simulation boxes.
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    lengths = _lengths(low, high)
    cell = np.array([[lengths[0], 0, 0], [xy, lengths[1], 0], [xz, yz, lengths[2]]])
    return cell * unit, low * unit, periodic


def _dump_positions(
    columns: dict[str, list[str]],
    cell: NDArray[np.float64],
    corner: NDArray[np.float64],
    unit: float,
    name: str,
) -> NDArray[Any]:
    # Unwrapped ones first: paths of atoms are known from them.
    for ending in ("u", "su", "", "s"):
        if all(axis + ending in columns for axis in "xyz"):
            values = np.array([columns[axis + ending] for axis in "xyz"], dtype=float).T
            return values @ cell if "s" in ending else values * unit - corner
    raise InputError(f"{name}: no coordinates; allowed: columns x y z, xu yu zu, xs ys zs or xsu ysu zsu")
