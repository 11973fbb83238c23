from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest
from ase import Atoms

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.local_order.rings import primitive_rings, rings
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import bonded
from tests.local_order.models import cristobalite, perovskite, quartz, random_oxide, rough_glass, rutile

if TYPE_CHECKING:
    import numpy as np

    from alzmodel.neighbours import Neighbours

Node = tuple[int, int, int, int]


def brute_force(bonds: Neighbours, largest: int) -> dict[int, int]:
    """Primitive rings by trying every closed walk without repetition in the unfolded network."""
    partners: dict[int, list[tuple[int, np.ndarray]]] = {}
    for i, j, shift in zip(bonds.i.tolist(), bonds.j.tolist(), bonds.shift, strict=True):
        partners.setdefault(i, []).append((j, shift))
        partners.setdefault(j, []).append((i, -shift))

    def around(node: Node) -> list[Node]:
        return [(j, *(int(node[1 + k] + s[k]) for k in range(3))) for j, s in partners.get(node[0], [])]

    def distances(node: Node) -> dict[Node, int]:
        found, queue = {node: 0}, deque([node])
        while queue:
            here = queue.popleft()
            if found[here] < largest // 2:
                for other in around(here):
                    if other not in found:
                        found[other] = found[here] + 1
                        queue.append(other)
        return found

    near = {node: distances((node, 0, 0, 0)) for node in partners}

    def apart(a: Node, b: Node) -> int:
        return near[a[0]].get((b[0], b[1] - a[1], b[2] - a[2], b[3] - a[3]), largest)

    seen: set[tuple[Node, ...]] = set()

    def canonical(ring: list[Node]) -> tuple[Node, ...]:
        forms = []
        for turned in (ring, ring[::-1]):
            for k in range(len(ring)):
                cycle = turned[k:] + turned[:k]
                x, y, z = cycle[0][1:]
                forms.append(tuple((n, a - x, b - y, c - z) for n, a, b, c in cycle))
        return min(forms)

    def extend(path: list[Node]) -> None:
        for other in around(path[-1]):
            if other == path[0] and len(path) >= 4:
                n = len(path)
                if all(
                    apart(path[a], path[b]) == min(b - a, n - b + a)
                    for a in range(n)
                    for b in range(a + 1, n)
                ):
                    seen.add(canonical(path))
            elif other not in path and len(path) < largest and apart(path[0], other) <= largest - len(path):
                extend([*path, other])

    for node in partners:
        extend([(node, 0, 0, 0)])
    counts: dict[int, int] = {}
    for ring in seen:
        counts[len(ring)] = counts.get(len(ring), 0) + 1
    return counts


@pytest.mark.parametrize("seed", range(6))
def test_brute_force_in_small_triclinic_cells(seed):
    atoms = random_oxide(seed, n_atoms=6)
    elements = sorted(set(atoms.get_chemical_symbols()) - {"O"})
    bonds = bonded(atoms, cutoffs={f"{element}-O": 2.5 for element in elements}).bonds[0]
    counts = primitive_rings(bonds, 8)
    reference = brute_force(bonds, 8)
    assert {2 * d: n for d, n in enumerate(counts.tolist()) if n} == reference
    assert sum(reference.values()) > 0


def test_quartz_and_cristobalite():
    # Vertex symbol of the net of β-cristobalite (diamond) is 6_2 six times: two six-rings per centre, no others. That
    # of quartz has 6, 6, 6_2, 6_2: one six-ring per centre, and eight-rings.
    result = rings(cristobalite(), centres=("Si",), largest=16)
    assert result.per_centre == {"4": 0, "6": 0, "8": 0, "10": 0, "12": 2, "14": 0, "16": 0}
    result = rings(quartz(), centres=("Si",), largest=18)
    assert result.per_centre["12"] == 1
    assert result.per_centre["16"] == 5
    assert sum(result.per_centre.values()) == 6


@pytest.mark.parametrize(("make", "centre"), [(quartz, "Si"), (rutile, "Ti"), (perovskite, "Ti")])
def test_supercells_have_the_same_rings_per_centre(make, centre):
    one = rings(make(), centres=(centre,), largest=12)
    more = rings(make() * (2, 1, 3), centres=(centre,), largest=12)
    assert more.per_centre == pytest.approx(one.per_centre)


def test_a_chain_around_the_cell_is_no_ring():
    # Ti–O–Ti along one axis closes only through the boundary.
    chain = Atoms("TiO", positions=[[0, 0, 0], [1.9, 0, 0]], cell=[3.8, 10, 10], pbc=True)
    assert sum(rings(chain, centres=("Ti",), cutoffs={"Ti-O": 2.2}).counts.values()) == 0


def test_perovskite_squares():
    # Each Ti is the corner of twelve Ti4O4 squares: three per Ti. No others are without short cuts up to ten atoms.
    result = rings(perovskite(), centres=("Ti",), largest=10)
    assert result.per_centre == {"4": 0, "6": 0, "8": 3, "10": 0}


def test_four_rings_are_shared_edges_and_faces():
    model = bonded(rough_glass())
    counts = primitive_rings(model.bonds[0], 4)
    assert counts[2] == link_units(model.bonds[0]).four_rings()
    assert counts[2] > 0


def test_frames_are_averaged_and_small_tables_grow():
    frames = [rough_glass(seed=1), rough_glass(seed=2)]
    both = rings(frames, centres=("Zr", "La", "Li"), largest=10)
    model = bonded(frames)
    apart = [primitive_rings(bonds, 10) for bonds in model.bonds]
    assert both.counts["8"] == pytest.approx((apart[0][4] + apart[1][4]) / 2)


@pytest.mark.parametrize("largest", [3, 5, 2, 26])
def test_lengths_that_are_not_allowed(largest):
    with pytest.raises(InputError, match="largest ring"):
        rings(quartz(), centres=("Si",), largest=largest)


def test_centre_must_be_in_the_model():
    with pytest.raises(InputError, match="Zr"):
        rings(quartz())


def test_to_dict_names_criterion_and_length():
    result = rings(crystal("La2Zr2O7")).to_dict()
    assert result["criterion"] == "primitive"
    assert result["length"] == "atoms"
    assert result["per_centre"]["6"] == 2
    json_text(result)
