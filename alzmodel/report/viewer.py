"""Models in three dimensions for the page: what the browser needs to draw them, small enough to be mailed.

Drawn with 3Dmol.js (N. Rego and D. Koes, Bioinformatics 31, 1322 (2015), doi 10.1093/bioinformatics/btu829; BSD-3),
which lies whole and unchanged in ``3dmol/`` beside its licence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.local_order.bonds import ANION, bonds_within
from alzmodel.models.nucleus import REGION, REGIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

__all__ = [
    "CLUSTERS",
    "MOST_ATOMS",
    "ModelView",
    "atom_budget",
    "model_view",
    "viewer_scripts",
    "viewer_section",
]

MOST_ATOMS: Final = 6000
"""Atoms of one model that are drawn, when nothing else is asked for: what a phone turns smoothly."""

READABLE: Final = 1500
"""Of more atoms a slab is shown at first: behind each other they hide one another."""

SLAB: Final = 12
"""Å; its thickness."""

_ATOMS_ON_PAGE: Final = 80_000
"""Atoms of all models together: at some 70 bytes each they are a third of the 15 MB that a page may have."""
_FEWEST: Final = 600
_SMALL: Final = 60
_SMALL_EDGE: Final = 9.0
"""A periodic cell of fewer atoms than `_SMALL` is repeated until no edge is shorter than this, Å."""
_BASE: Final = 7
"""Images are written as one whole number, three digits of this base: −3 to 3 cells each way."""

CLUSTERS: Final = "number of the nucleus"
"""Name of the numbers that tell which nucleus an atom belongs to; 0 is the glass around them."""

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model as the page draws it.

    Attributes
    ----------
    name : str
        In the list of models.
    note : str
        What is shown, and what is left out.
    data : mapping
        JSON: ``elements``, ``element`` (n,) index into them, ``xyz`` (3n,) in 0.01 Å, ``cell`` (9,) in Å or None,
        ``shells``: for each cation its index, the number of its oxygens, and index and image of each;
        ``numbers``: name to ``{"unit", "values"}`` (n,), with ``"none"`` for the value that stands for none and
        ``"names"`` where values number words; ``start``: how it is first shown.
    """

    name: str
    note: str
    data: Mapping[str, Any] = field(hash=False)


def atom_budget(n_models: int) -> int:
    """How many atoms of each of `n_models` models the page can afford."""
    return max(_FEWEST, min(MOST_ATOMS, _ATOMS_ON_PAGE // max(1, n_models)))


def model_view(
    atoms: Atoms,
    name: str,
    *,
    cutoffs: Mapping[str, float],
    numbers: Mapping[str, NDArray[Any]] | None = None,
    most: int = MOST_ATOMS,
    focus: NDArray[np.float64] | None = None,
    note: str = "",
    start: Mapping[str, Any] | None = None,
) -> ModelView:
    """Prepare a model for the page.

    Parameters
    ----------
    atoms
        The model. Numbers and words that it holds for every atom can be chosen as colours; one with an array
        ``region`` (nucleus, interface, glass) is first shown by it and cut open, around its nucleus.
    name
        In the list of models.
    cutoffs
        Å, from a cation (by element) to the oxygens that are its own; elements left out have no polyhedra.
    numbers
        More numbers for every atom, by name, each of shape (n_atoms,).
    most
        A larger model is cut down to about this many atoms: the cube around `focus`, or, without one, a slab through
        the middle of the cell.
    focus
        Å, shape (3,); by default the middle of the nucleus.
    note
        Words to stand with the model.
    start
        How it is first shown: ``colour``, the name of a number; ``cut``, percent of the way through the model
        that is left out in front; ``slab``, Å of a slab that is shown alone, by default of large models.

    Raises
    ------
    InputError
        If a number has not one value for every atom, or there are no atoms.
    """
    if len(atoms) == 0:
        raise InputError(f"model {name!r}: has no atoms; allowed: at least one")
    for key, values in (numbers or {}).items():
        if np.shape(values) != (len(atoms),):
            raise InputError(
                f"colours of {name!r}: {key} has shape {np.shape(values)}; allowed: ({len(atoms)},)"
            )
    words = [note] if note else []
    model = atoms.copy()
    for key, values in (numbers or {}).items():
        model.set_array(key, np.asarray(values))
    if REGION in model.arrays and REGIONS[0] in model.arrays[REGION]:
        start = {"colour": REGION, "cut": 50} if start is None else start
        if focus is None:
            focus = _centre_nucleus(model)
    model, repeated = _repeated(model)
    if repeated != (1, 1, 1):
        words.append("{} × {} × {} cells.".format(*repeated))
    model.wrap()
    shells = _shells(model, cutoffs)
    columns = {"oxygens around it": _coordination(model, shells, cutoffs)} | _columns(model)
    kept = np.arange(len(model))
    slab = focus is None and model.cell.rank == 3
    if len(model) > most:
        kept, edge = _slab(model, most) if slab else _cube(model, most, focus)
        words.append(
            f"Large model: the {len(kept)} of its {len(model)} atoms in a {'slab' if slab else 'cube'} of {edge:.0f} Å "
            "are drawn."
        )
    if start is None and len(kept) > READABLE:
        start = {"slab": SLAB}
    elements, element = np.unique(_symbols(model)[kept], return_inverse=True)
    whole = len(kept) == len(model)
    data = {
        "elements": elements.tolist(),
        "element": element.tolist(),
        "xyz": np.rint(100 * model.positions[kept]).astype(int).ravel().tolist(),
        "cell": np.round(model.cell.array, 3).ravel().tolist()
        if slab or (whole and model.cell.rank == 3)
        else None,
        "shells": _written(shells, kept, len(model)),
        "numbers": {
            key: {"unit": unit, "values": _rounded(values[kept]), **({"none": 0} if key == CLUSTERS else {})}
            for key, (unit, values) in columns.items()
        }
        | _words(model, kept),
        "start": dict(start or {}),
    }
    return ModelView(name, " ".join(words), data)


def _symbols(atoms: Atoms) -> NDArray[np.str_]:
    return np.array(atoms.get_chemical_symbols())


def _repeated(atoms: Atoms) -> tuple[Atoms, tuple[int, int, int]]:
    """Repeat a small crystal until there is something to see."""
    if len(atoms) >= _SMALL or not atoms.pbc.all():
        return atoms, (1, 1, 1)
    a, b, c = (max(1, math.ceil(_SMALL_EDGE / length)) for length in atoms.cell.lengths())
    return atoms.repeat((a, b, c)), (a, b, c)


def _shells(atoms: Atoms, cutoffs: Mapping[str, float]) -> NDArray[np.int64]:
    """Bonds: cation, oxygen and the oxygen's image as one number, shape (n_bonds, 3), sorted by cation."""
    names = _symbols(atoms)
    limits = {element: cutoffs[element] for element in cutoffs if element in names}
    if not limits or ANION not in names:
        return np.empty((0, 3), dtype=np.int64)
    pairs = bonds_within(atoms, limits)
    half = _BASE // 2
    pairs = pairs.select(np.all(np.abs(pairs.shift) <= half, axis=1))
    image = (pairs.shift + half) @ np.array([_BASE**2, _BASE, 1])
    return np.column_stack([pairs.i, pairs.j, image])


def _coordination(
    atoms: Atoms, shells: NDArray[np.int64], cutoffs: Mapping[str, float]
) -> tuple[str, NDArray[np.float64]]:
    """Oxygens of every cation; NaN for oxygen itself, and where no cut-off is known."""
    counts = np.bincount(shells[:, 0], minlength=len(atoms)).astype(float)
    counts[~np.isin(_symbols(atoms), list(cutoffs))] = np.nan
    return "", counts


def _columns(atoms: Atoms) -> dict[str, tuple[str, NDArray[np.float64]]]:
    """Every number that each atom has; one that is the same for all tells nothing."""
    named = {"initial_charges": ("formal charge", "e"), "cluster": (CLUSTERS, "")}
    found = {}
    for key, values in atoms.arrays.items():
        if key in {"numbers", "positions"} or values.ndim != 1 or values.dtype.kind not in "bifu":
            continue
        numbers = values.astype(float)
        if np.isfinite(numbers).any() and np.nanmin(numbers) < np.nanmax(numbers):
            title, unit = named.get(key, (key, ""))
            found[title] = (unit, numbers)
    return found


def _words(atoms: Atoms, kept: NDArray[np.int64]) -> dict[str, dict[str, Any]]:
    """Words that each atom has, such as the region it lies in, numbered; the glass around a nucleus is left grey."""
    found: dict[str, dict[str, Any]] = {}
    for key, values in atoms.arrays.items():
        if values.ndim != 1 or values.dtype.kind not in "UO":
            continue
        order = {name: place for place, name in enumerate(REGIONS)}
        names = sorted({str(value) for value in values}, key=lambda name: (order.get(name, len(order)), name))
        if len(names) < 2:
            continue
        place = {name: number for number, name in enumerate(names)}
        found[key] = {"unit": "", "values": [place[str(value)] for value in values[kept]], "names": names}
        if key == REGION and REGIONS[-1] in place:
            found[key]["none"] = place[REGIONS[-1]]
    return found


def _centre_nucleus(atoms: Atoms) -> NDArray[np.float64]:
    """Shift a periodic model so that its nucleus lies whole in the middle; returns the middle."""
    own = np.flatnonzero(atoms.arrays[REGION] == REGIONS[0])
    place = atoms.positions[own[0]] + atoms.get_distances(own[0], own, mic=True, vector=True).mean(axis=0)
    if not atoms.pbc.any():
        return np.asarray(place)
    middle = atoms.cell.array.sum(axis=0) / 2
    # Only along what repeats: elsewhere the cell is no period.
    shift = atoms.cell.cartesian_positions(
        np.where(atoms.pbc, atoms.cell.scaled_positions(middle - place), 0.0)
    )
    atoms.positions += shift
    return np.asarray(place + shift)


def _cube(atoms: Atoms, most: int, focus: NDArray[np.float64] | None) -> tuple[NDArray[np.int64], float]:
    """Atoms of the cube around a point that holds `most` of them, and its edge in Å."""
    if focus is None:
        focus = atoms.cell.array.sum(axis=0) / 2 if atoms.cell.rank == 3 else atoms.positions.mean(axis=0)
    reach = np.abs(atoms.positions - focus).max(axis=1)
    near = np.sort(np.argsort(reach, kind="stable")[:most])
    return near, 2 * float(reach[near].max())


def _slab(atoms: Atoms, most: int) -> tuple[NDArray[np.int64], float]:
    """Atoms of the slab through the middle of the cell that holds `most` of them, and its thickness in Å."""
    height = atoms.get_volume() / float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))
    away = np.abs(atoms.get_scaled_positions(wrap=False)[:, 2] - 0.5) * height
    near = np.sort(np.argsort(away, kind="stable")[:most])
    return near, 2 * float(away[near].max())


def _written(shells: NDArray[np.int64], kept: NDArray[np.int64], n_atoms: int) -> list[int]:
    """Shells of the atoms that are drawn, one list of whole numbers; those cut open are left out."""
    place = np.full(n_atoms, -1)
    place[kept] = np.arange(len(kept))
    flat: list[int] = []
    starts = np.flatnonzero(np.diff(shells[:, 0], prepend=-1))
    images = n_atoms == len(kept)
    home = (_BASE**3 - 1) // 2
    for own in np.split(shells, starts[1:]) if len(shells) else ():
        centre, oxygens = place[own[0, 0]], place[own[:, 1]]
        if centre < 0 or (oxygens < 0).any() or not (images or (own[:, 2] == home).all()):
            continue
        flat += [int(centre), len(own)]
        flat += np.column_stack([oxygens, own[:, 2]]).ravel().tolist()
    return flat


def _rounded(values: NDArray[np.float64]) -> list[float | int | None]:
    """Four digits are more than a colour shows."""
    return [
        None if not math.isfinite(value) else int(value) if value == int(value) else float(f"{value:.4g}")
        for value in values.tolist()
    ]


def viewer_section(models: Sequence[ModelView]) -> str:
    """Make the part of the page with the picture and what it is controlled by."""
    if not models:
        return ""
    options = "".join(f'<option value="{i}">{escape(one.name)}</option>' for i, one in enumerate(models))
    data = json_text([{"name": one.name, "note": one.note, **one.data} for one in models])
    return f"""<div id="viewer" class="viewer">
<form class="controls" aria-label="What is drawn">
<label>Model <select id="view-model">{options}</select></label>
<label>Colour <select id="view-colour"></select></label>
<fieldset><legend>Show</legend><label><input type="checkbox" id="view-atoms" checked> atoms</label>
<label><input type="checkbox" id="view-bonds"> bonds</label>
<label><input type="checkbox" id="view-cell" checked> cell</label>
<label>slab <select id="view-slab"><option value="0">whole</option><option value="8">8 Å</option>
<option value="12">12 Å</option><option value="20">20 Å</option></select></label>
<label>cut open <input type="range" id="view-cut" min="0" max="95" step="5" value="0"></label></fieldset>
<fieldset><legend>Polyhedra of oxygens</legend><span id="view-polyhedra"></span></fieldset>
<span class="buttons"><button type="button" id="view-reset">Whole model</button>
<button type="button" id="view-save">Save picture</button></span>
</form>
<div id="view-box" class="canvas" tabindex="0" role="img" aria-label="3D view of a model" aria-describedby="view-keys">
<p id="view-wait">The view is drawn when it comes into sight; without scripts it stays empty.</p></div>
<img id="view-print" alt="3D view of a model" hidden>
<p id="view-legend" class="legend"></p>
<p id="view-note" class="small" role="status"></p>
<p id="view-keys" class="small">Drag, or arrow keys: turn. Click or tap the picture first to zoom with the wheel or two
fingers; + and − zoom, 0 shows the whole model.</p>
</div>
<script type="application/json" id="view-data">{data.replace("<", chr(92) + "u003c")}</script>
<details class="small licence"><summary>Licence of the 3D viewer, 3Dmol.js</summary>
<pre tabindex="0">{escape(_licence())}</pre></details>
"""


def viewer_scripts() -> str:
    """Give the scripts that draw: the library as its makers deliver it, and ours."""
    library = (_FOLDER / "3dmol" / "3Dmol-min.js").read_text(encoding="utf-8")
    ours = (_FOLDER / "viewer.js").read_text(encoding="utf-8")
    return f"<script>\n{library}\n</script>\n<script>\n{ours}</script>"


def _licence() -> str:
    folder = _FOLDER / "3dmol"
    return "\n".join(
        (folder / name).read_text(encoding="utf-8") for name in ("3Dmol-min.js.LICENSE.txt", "LICENSE")
    )
