from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ase import Atoms

from alzmodel.crystals import crystal
from alzmodel.errors import InputError
from alzmodel.io import json_text
from alzmodel.local_order.ring_paths import shortest_path_rings
from alzmodel.local_order.rings import CRITERIA, primitive_rings, ring_members, rings
from alzmodel.local_order.sharing import link_units
from alzmodel.local_order.shells import bonded
from tests.local_order.models import cristobalite, perovskite, quartz, random_oxide, rough_glass, rutile

if TYPE_CHECKING:
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


@pytest.mark.parametrize("criterion", CRITERIA)
def test_rings_through_a_centre(criterion):
    found = rings(quartz(), centres=("Si",), largest=12, criterion=criterion)
    assert found.through_centre["12"] == {"mean": 6, "std": 0}
    glass = rings(rough_glass(), centres=("Zr",), largest=10, criterion=criterion)
    members = ring_members(
        bonded(rough_glass()).bonds[0].select(rough_glass().numbers[bonded(rough_glass()).bonds[0].i] == 40),
        10,
        criterion,
    )
    zr = np.flatnonzero(rough_glass().numbers == 40)
    for n, (nodes, _) in members.items():
        each = np.bincount(nodes.ravel(), minlength=len(rough_glass()))[zr]
        assert glass.through_centre[str(n)]["mean"] == pytest.approx(each.mean())
        assert glass.through_centre[str(n)]["std"] == pytest.approx(each.std(ddof=1))
        assert each.sum() == glass.counts[str(n)] * n / 2


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


def vertex_symbol(atoms, centre, largest):
    """Size and number of the shortest rings without short cuts at each pair of bonds of one centre."""
    bonds = bonded(atoms).bonds[0]
    members = ring_members(bonds, largest)
    at = next(index for index, symbol in enumerate(atoms.symbols) if symbol == centre)
    angles: dict[frozenset, list[int]] = {}
    for n, (nodes, places) in members.items():
        for ring, place in zip(nodes, places, strict=True):
            for k in np.flatnonzero(ring == at):
                ends = frozenset(
                    (int(ring[j % n]), *(place[j % n] - place[k]).tolist()) for j in (k - 1, k + 1)
                )
                angles.setdefault(ends, []).append(n // 2)
    return sorted((min(sizes), sizes.count(min(sizes))) for sizes in angles.values())


def test_published_vertex_symbols():
    # M. O'Keeffe and S. T. Hyde, Zeolites 19, 370 (1997): quartz 6.6.6(2).6(2).8(7).8(7), cristobalite (diamond)
    # 6(2) six times.
    assert vertex_symbol(quartz(), "Si", 16) == [(6, 1), (6, 1), (6, 2), (6, 2), (8, 7), (8, 7)]
    assert vertex_symbol(cristobalite(), "Si", 12) == [(6, 2)] * 6


def test_king_and_guttman_of_silica():
    # Every link of quartz and cristobalite is in a six-ring, so these are all of Guttman's; King's angles reach the
    # eight-rings of quartz too.
    for make, six in ((quartz, 1), (cristobalite, 2)):
        guttman = rings(make(), centres=("Si",), largest=18, criterion="guttman").per_centre
        assert {n: count for n, count in guttman.items() if count} == {"12": six}
    king = rings(cristobalite(), centres=("Si",), largest=18, criterion="king").per_centre
    assert {n: count for n, count in king.items() if count} == {"12": 2}
    king = rings(quartz(), centres=("Si",), largest=18, criterion="king").per_centre
    assert {n for n, count in king.items() if count} == {"12", "16"}
    assert king["12"] == 1
    # Twice as many angles meet the ring of six as it has corners shared with another: 1 + 1 + 2 + 2 a centre.
    _, met = shortest_path_rings(bonded(quartz()).bonds[0], 18, king=True)
    assert met[6] == 3 * 6
    _, met = shortest_path_rings(bonded(cristobalite()).bonds[0], 12, king=True)
    assert met[6] == 8 * 12


def shortest_by_trial(bonds: Neighbours, largest: int, *, king: bool) -> dict[int, int]:
    """Rings by King's or Guttman's criterion, by trying all walks around each angle or bond."""
    partners: dict[int, list[tuple[int, np.ndarray]]] = {}
    for i, j, shift in zip(bonds.i.tolist(), bonds.j.tolist(), bonds.shift, strict=True):
        partners.setdefault(i, []).append((j, shift))
        partners.setdefault(j, []).append((i, -shift))

    def around(node: Node) -> list[Node]:
        return [(j, *(int(node[1 + k] + s[k]) for k in range(3))) for j, s in partners.get(node[0], [])]

    def canonical(ring: list[Node]) -> tuple[Node, ...]:
        forms = []
        for turned in (ring, ring[::-1]):
            for k in range(len(ring)):
                cycle = turned[k:] + turned[:k]
                x, y, z = cycle[0][1:]
                forms.append(tuple((n, a - x, b - y, c - z) for n, a, b, c in cycle))
        return min(forms)

    def shortest(start: Node, end: Node, closed: set, most: int) -> list[list[Node]]:
        """All shortest walks from start to end over at most `most` bonds, level by level."""
        paths = [[start]]
        for _ in range(most):
            paths = [
                [*path, node]
                for path in paths
                for node in around(path[-1])
                if node not in path and node not in closed and (path[-1], node) not in closed
            ]
            done = [path for path in paths if path[-1] == end]
            if done:
                return done
        return []

    seen = set()
    for centre in set(bonds.i.tolist()):
        home = (centre, 0, 0, 0)
        oxygens = around(home)
        if king:
            for a, one in enumerate(oxygens):
                for other in oxygens[:a]:
                    for path in shortest(one, other, {home}, largest - 2):
                        seen.add(canonical([home, *path]))
        else:
            for one in oxygens:
                for path in shortest(one, home, {(one, home)}, largest - 1):
                    seen.add(canonical(path))
    counts: dict[int, int] = {}
    for ring in seen:
        counts[len(ring)] = counts.get(len(ring), 0) + 1
    return counts


@pytest.mark.parametrize("king", [True, False], ids=["king", "guttman"])
@pytest.mark.parametrize("seed", range(6))
def test_shortest_paths_by_trial_in_small_triclinic_cells(seed, king):
    atoms = random_oxide(seed, n_atoms=6)
    elements = sorted(set(atoms.get_chemical_symbols()) - {"O"})
    bonds = bonded(atoms, cutoffs={f"{element}-O": 2.4 for element in elements}).bonds[0]
    codes, met = shortest_path_rings(bonds, 8, king=king)
    found = np.bincount((codes >= 0).sum(axis=1))
    assert {n: int(count) for n, count in enumerate(found) if count} == shortest_by_trial(bonds, 8, king=king)
    # Each ring is met from at least one angle or bond.
    assert met.sum() >= len(codes)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_members_close_and_are_all_there(criterion):
    atoms = rough_glass()
    model = bonded(atoms)
    bonds = model.bonds[0].select(np.isin(model.bonds[0].i, np.flatnonzero(atoms.numbers == 40)))
    members = ring_members(bonds, 10, criterion)
    counted = rings(model, centres=("Zr",), largest=10, criterion=criterion).counts
    assert {str(n): len(nodes) for n, (nodes, _) in members.items()} == {
        n: count for n, count in counted.items() if count
    }
    known = {
        (i, j, *s) for i, j, s in zip(bonds.i.tolist(), bonds.j.tolist(), bonds.shift.tolist(), strict=True)
    }
    for nodes, places in members.values():
        n = nodes.shape[1]
        for ring, place in zip(nodes, places, strict=True):
            assert not place[0].any()
            for k in range(n):
                a, b, move = int(ring[k]), int(ring[(k + 1) % n]), place[(k + 1) % n] - place[k]
                assert (a, b, *move.tolist()) in known or (b, a, *(-move).tolist()) in known
    sizes = sorted(members)
    assert len(sizes) > 2


@pytest.mark.parametrize("criterion", ["king", "guttman"])
def test_criteria_do_not_hang_on_the_cell(criterion):
    for make, centre in ((quartz, "Si"), (rutile, "Ti")):
        one = rings(make(), centres=(centre,), largest=12, criterion=criterion)
        more = rings(make() * (2, 1, 3), centres=(centre,), largest=12, criterion=criterion)
        assert more.per_centre == pytest.approx(one.per_centre)
        shuffled = make()[np.random.default_rng(0).permutation(len(make()))]
        assert (
            rings(shuffled, centres=(centre,), largest=12, criterion=criterion).per_centre == one.per_centre
        )


def test_criterion_must_have_a_name():
    with pytest.raises(InputError, match="guttman"):
        rings(quartz(), centres=("Si",), criterion="queen")
