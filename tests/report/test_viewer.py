"""What the 3D view is given is what the model holds."""

import json
import re

import numpy as np
import pytest
from ase import Atoms

from alzmodel.crystals import crystal, nanocrystal, supercell
from alzmodel.errors import InputError
from alzmodel.report.viewer import MOST_ATOMS, atom_budget, model_view, viewer_scripts, viewer_section

CUTOFFS = {"Zr": 2.4, "La": 2.9}


def shells(view):
    """Cation, and where its oxygens are, as viewer.js reads them."""
    flat, cell = view.data["shells"], view.data["cell"]
    xyz = np.reshape(view.data["xyz"], (-1, 3)) / 100
    lattice = np.zeros((3, 3)) if cell is None else np.reshape(cell, (3, 3))
    at = 0
    while at < len(flat):
        centre, count = flat[at : at + 2]
        own = np.reshape(flat[at + 2 : at + 2 + 2 * count], (-1, 2))
        at += 2 + 2 * count
        steps = np.column_stack([own[:, 1] // 49 - 3, own[:, 1] // 7 % 7 - 3, own[:, 1] % 7 - 3])
        yield centre, own[:, 0], xyz[centre], xyz[own[:, 0]] + steps @ lattice


def test_polyhedra_of_a_crystal_are_whole_across_the_cell():
    view = model_view(crystal("La2Zr2O7"), "pyrochlore", cutoffs=CUTOFFS)
    elements = [view.data["elements"][i] for i in view.data["element"]]
    found = {"Zr": 0, "La": 0}
    crossing = 0
    for centre, oxygens, place, corners in shells(view):
        found[elements[centre]] += 1
        assert len(oxygens) == {"Zr": 6, "La": 8}[elements[centre]]
        assert {elements[i] for i in oxygens} == {"O"}
        lengths = np.linalg.norm(corners - place, axis=1)
        assert (lengths < CUTOFFS[elements[centre]]).all()
        crossing += (np.abs(corners - 5.4) > 5.5).any()
    assert found == {"Zr": 16, "La": 16}
    assert crossing
    counts = view.data["numbers"]["oxygens around it"]["values"]
    assert {(element, count) for element, count in zip(elements, counts, strict=True)} == {
        ("Zr", 6),
        ("La", 8),
        ("O", None),
    }


def test_small_crystals_are_repeated_and_it_is_said():
    view = model_view(crystal("MgO"), "MgO", cutoffs={"Mg": 2.5})
    assert len(view.data["element"]) == 8 * 27
    assert "3 × 3 × 3 cells" in view.note
    assert {len(oxygens) for _, oxygens, _, _ in shells(view)} == {6}


def test_large_models_are_cut_to_a_slab_and_it_is_said():
    atoms = supercell(crystal("La2Zr2O7"), 4)
    view = model_view(atoms, "large", cutoffs=CUTOFFS, most=1800)
    assert len(view.data["element"]) == 1800
    assert f"1800 of its {len(atoms)} atoms" in view.note
    # The box of the cell stands around it, and a thin slab is shown at first.
    assert view.data["cell"] == pytest.approx(atoms.cell.array.ravel(), abs=1e-3)
    assert view.data["start"] == {"slab": 12}
    z = np.reshape(view.data["xyz"], (-1, 3))[:, 2] / 100
    thickness = float(re.search(r"slab of (\d+) Å", view.note)[1])
    assert np.ptp(z) <= thickness + 1
    away = np.abs(atoms.positions[:, 2] - atoms.cell[2, 2] / 2)
    assert (away > thickness / 2 + 0.6).sum() > 0.8 * (len(atoms) - 1800)
    # Shells that were cut open are left out, the others are whole.
    counts = [len(oxygens) for _, oxygens, _, _ in shells(view)]
    assert counts
    assert set(counts) == {6, 8}
    assert model_view(supercell(crystal("La2Zr2O7"), 2), "small", cutoffs=CUTOFFS).data["start"] == {}


def test_around_a_point_a_cube_is_cut_out():
    atoms = supercell(crystal("La2Zr2O7"), 4)
    focus = atoms.cell.array.sum(axis=0) / 2
    view = model_view(atoms, "large", cutoffs=CUTOFFS, most=700, focus=focus)
    assert view.data["cell"] is None
    xyz = np.reshape(view.data["xyz"], (-1, 3)) / 100
    edge = float(re.search(r"cube of (\d+) Å", view.note)[1])
    assert np.ptp(xyz, axis=0).max() <= edge + 1
    outside = np.abs(atoms.positions - focus).max(axis=1) > edge / 2 + 0.6
    assert outside.sum() > 0.8 * (len(atoms) - 700)


def test_every_number_of_an_atom_is_a_colour():
    atoms = nanocrystal("La2Zr2O7", 14.0)
    atoms.set_array("strain", np.linspace(0, 1, len(atoms)))
    atoms.set_array("same", np.ones(len(atoms)))
    view = model_view(atoms, "n", cutoffs=CUTOFFS, numbers={"sum": 0.5 * atoms.numbers})
    assert set(view.data["numbers"]) == {"oxygens around it", "formal charge", "strain", "sum"}
    assert view.data["numbers"]["formal charge"]["unit"] == "e"
    assert view.data["numbers"]["strain"]["values"][-1] == 1
    with pytest.raises(InputError, match=r"sum has shape \(3,\)"):
        model_view(atoms, "n", cutoffs={}, numbers={"sum": np.ones(3)})


def test_no_atoms():
    with pytest.raises(InputError, match="has no atoms"):
        model_view(crystal("MgO")[:0], "none", cutoffs={})


def test_many_models_share_the_page():
    assert atom_budget(1) == MOST_ATOMS
    assert atom_budget(72) * 72 <= 80_000
    assert atom_budget(10_000) > 0


def test_words_cannot_end_the_script():
    view = model_view(crystal("MgO"), "</script><b>", cutoffs={}, note="<!--")
    text = viewer_section([view])
    (data,) = re.findall(r'<script type="application/json" id="view-data">(.*?)</script>', text)
    assert json.loads(data)[0]["name"] == "</script><b>"
    assert "&lt;/script&gt;&lt;b&gt;" in text
    assert "<!--" not in text
    assert viewer_section([]) == ""


def test_the_library_is_whole_and_brings_its_licence():
    text = viewer_scripts()
    assert text.count("</script") == 2
    assert len(text) > 500_000
    view = viewer_section([model_view(crystal("MgO"), "m", cutoffs={})])
    assert "Redistributions in binary form must reproduce the above copyright" in view
    assert "University of Pittsburgh" in view


def glass_ceramic():
    """A sphere of pyrochlore across the corner of a periodic box, with ions of a glass around it."""
    sphere = nanocrystal("La2Zr2O7", 20.0)
    sphere.positions -= sphere.positions.mean(axis=0)
    distance = np.linalg.norm(sphere.positions, axis=1)
    rng = np.random.default_rng(0)
    outside = rng.uniform(0.0, 40.0, (4000, 3))
    outside = outside[np.linalg.norm(outside - 40 * np.round(outside / 40), axis=1) > 12]
    model = sphere + Atoms(f"O{len(outside)}", outside)
    model.set_cell(3 * [40.0])
    model.pbc = True
    model.set_array(
        "region",
        np.array([*np.where(distance < 8.5, "nucleus", "interface"), *["glass"] * len(outside)]),
    )
    return model


def test_a_nucleus_is_named_brought_to_the_middle_and_cut_open():
    view = model_view(glass_ceramic(), "glass-ceramic", cutoffs=CUTOFFS, most=3000)
    region = view.data["numbers"]["region"]
    assert region["names"] == ["nucleus", "interface", "glass"]
    assert region["none"] == 2
    assert view.data["start"] == {"colour": "region", "cut": 50}
    assert "cube" in view.note
    xyz = np.reshape(view.data["xyz"], (-1, 3)) / 100
    own = xyz[np.array(region["values"]) == 0]
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    assert len(own) == (glass_ceramic().arrays["region"] == "nucleus").sum()
    assert np.linalg.norm(own - middle, axis=1).max() < 9.5
    assert json.loads(json.dumps(view.data)) == view.data


def test_words_that_are_alike_for_all_atoms_are_no_colour():
    model = crystal("La2Zr2O7")
    model.set_array("site", np.array(["a"] * len(model)))
    assert "site" not in model_view(model, "m", cutoffs=CUTOFFS).data["numbers"]
