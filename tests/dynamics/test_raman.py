"""Raman spectra: derivatives against differences, selection rules, factors, mixtures, tables."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.dynamics.bond_table import Parameter, load_bond_table
from alzmodel.dynamics.harmonic import HarmonicSettings, harmonic
from alzmodel.dynamics.raman import (
    RamanSettings,
    draw_tables,
    mixture,
    polarizability_derivatives,
    raman_parts,
    raman_spectrum,
)
from alzmodel.dynamics.symmetry import primitive_cell
from alzmodel.errors import InputError
from alzmodel.local_order.shells import bonded
from tests.dynamics.models import lithia, pyrochlore

WIDTH = 10.0


@pytest.fixture(scope="module")
def table():
    return load_bond_table("example")


@pytest.fixture(scope="module")
def crystal_cell():
    return harmonic(primitive_cell(pyrochlore()), HarmonicSettings())


@pytest.fixture(scope="module")
def parts(crystal_cell, table):
    return raman_parts(crystal_cell, table, WIDTH)


def polarizability(atoms, bonds, table, start):
    """Sum over bonds, with their polarizabilities linear in length about `start`, as the table defines them."""
    symbols = np.array(atoms.get_chemical_symbols())
    vectors = atoms.positions[bonds.j] + bonds.shift @ atoms.cell.array - atoms.positions[bonds.i]
    total = np.zeros((3, 3))
    for k, vector in enumerate(vectors):
        bond = {name: one.value for name, one in table.bonds[f"{symbols[bonds.i[k]]}-O"].items()}
        r = np.linalg.norm(vector)
        along = bond["anisotropy"] * start[k] + bond["longitudinal"] * (r - start[k])
        across = bond["transverse"] * (r - start[k])
        dyad = np.outer(vector, vector) / r**2
        total += (along + 2 * across) / 3 * np.eye(3) + (along - across) * (dyad - np.eye(3) / 3)
    return total


def test_derivatives_are_those_of_the_polarizability(table):
    atoms = primitive_cell(pyrochlore())
    atoms.rattle(0.1, seed=2)
    bonds = bonded(atoms).bonds[-1]
    names, tensors = polarizability_derivatives(bonds, atoms.get_chemical_symbols(), table)
    values = [table.bonds[pair][name].value for pair, name in names]
    found = np.einsum("p,pabx->abx", values, tensors).reshape(3, 3, -1, 3)
    for atom in (0, 7, 21):
        for axis in range(3):
            moved = []
            for sign in (1, -1):
                copy = atoms.copy()
                copy.positions[atom, axis] += sign * 1e-5
                moved.append(polarizability(copy, bonds, table, bonds.distance))
            assert found[:, :, atom, axis] == pytest.approx((moved[0] - moved[1]) / 2e-5, abs=1e-6)
    # Nothing changes when all atoms move alike.
    assert np.abs(found.sum(axis=2)).max() < 1e-12


def test_only_raman_active_modes_scatter_and_are_polarised_by_their_symmetry(parts, table):
    parallel, crossed = parts.of(table)
    lines = {"T2g": (277, 383, 822), "A1g": (546,), "Eg": (302,)}
    seen = np.zeros(len(parts.grid), dtype=bool)
    for positions in lines.values():
        for position in positions:
            seen |= np.abs(parts.grid - position) < 3 * WIDTH
    assert (parallel + crossed)[0, ~seen].max() < 1e-5 * (parallel + crossed).max()
    for position in (*lines["T2g"], *lines["Eg"]):
        at = np.argmin(np.abs(parts.grid - position))
        assert crossed[0, at] / parallel[0, at] == pytest.approx(0.75, abs=1e-3)
    at = np.argmin(np.abs(parts.grid - 540))
    assert crossed[0, at] / parallel[0, at] < 0.1


def test_moments_give_the_same_activity(parts, table):
    cell = primitive_cell(pyrochlore())
    moments = raman_parts(harmonic(cell, HarmonicSettings(method="kpm")), table, WIDTH)
    dense, other = (sum(one.of(table))[0] for one in (parts, moments))
    length = min(len(dense), len(other))
    assert other[:length] == pytest.approx(dense[:length], abs=2e-3 * dense.max())
    centroids = [np.average(parts.grid[:length], weights=one[:length]) for one in (dense, other)]
    assert centroids[1] == pytest.approx(centroids[0], abs=0.2)


def test_spectrum_is_of_the_table_and_shaded_over_its_ranges(parts, table):
    spectrum = raman_spectrum(parts, table, RamanSettings(reduced=True), WIDTH)
    assert spectrum.unpolarised.max() == pytest.approx(1.0)
    assert spectrum.unpolarised == pytest.approx(spectrum.VV + spectrum.VH)
    assert spectrum.shift[0] == pytest.approx(2 * WIDTH)
    assert (spectrum.high >= spectrum.low).all()
    middle = np.argmin(np.abs(spectrum.shift - 302))
    assert spectrum.high[middle] > 10 * spectrum.unpolarised[middle]


def test_half_of_the_draws_lie_below_the_value():
    numbers = [Parameter(value=1.0, low=0.5, high=4.0), Parameter(value=2.0)]
    drawn = draw_tables(numbers, 0)
    assert (drawn >= [0.5, 2.0]).all()
    assert (drawn <= [4.0, 2.0]).all()
    assert np.mean(drawn[:, 0] < 1.0) == pytest.approx(0.5, abs=0.1)
    assert np.ptp(drawn[:, 0]) > 3


def test_factors_of_the_light():
    shift = np.array([50.0, 300.0, 800.0])
    hot, cold = (RamanSettings(temperature=one).factor(shift) for one in (3000.0, 1.0))
    laser = 1e7 / 532.0
    assert cold == pytest.approx(((laser - shift) / laser) ** 4 / shift, rel=1e-9)
    # kT far above hν: n + 1 → kT/hν + 1/2.
    assert (hot / cold)[0] == pytest.approx(3000 / 1.438777 / 50 + 0.5, rel=1e-3)
    assert RamanSettings(reduced=True).factor(shift) == pytest.approx(np.ones(3))


def test_stokes_over_reduced_is_the_factor(parts, table):
    stokes, reduced = (
        raman_spectrum(parts, table, RamanSettings(reduced=one), WIDTH) for one in (False, True)
    )
    ratio = stokes.unpolarised / (reduced.unpolarised * RamanSettings().factor(reduced.shift))
    lit = reduced.unpolarised > 1e-3
    assert np.ptp(ratio[lit]) < 1e-9 * ratio[lit].max()


def test_a_mixture_is_the_sum_of_its_parts(parts, table):
    other = raman_parts(harmonic(primitive_cell(lithia()), HarmonicSettings()), table, WIDTH)
    mixed = mixture([parts, other], [0.7, 0.3])
    assert set(mixed.names) == {*parts.names, *other.names}
    whole = sum(mixed.of(table))[0]
    expected = 0.7 * sum(parts.of(table))[0]
    expected[: len(other.grid)] += 0.3 * sum(other.of(table))[0]
    assert whole == pytest.approx(expected, abs=1e-12 * expected.max())


def written(tmp_path, text):
    path = tmp_path / "bonds.toml"
    path.write_text(text, encoding="utf-8")
    return path


BOND = "longitudinal = 1.0\ntransverse = 0.2\nanisotropy = 0.1\n"


def test_a_table_is_read(tmp_path, table):
    assert len(table.assumed) == 9
    mine = load_bond_table(written(tmp_path, f"title = 'mine'\n[bonds.O-Zr]\n{BOND}"))
    assert mine.bonds["Zr-O"]["longitudinal"].limits == (1.0, 1.0)
    assert mine.assumed == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "bonds: field required"),
        ("[bonds.Zr-O]\nlongitudinal = 1.0\n", r"bonds\.Zr-O\.transverse: field required"),
        (f"[bonds.Zr-La]\n{BOND}", "no cation with oxygen"),
        (f"[bonds.Zr-O]\n{BOND}[bonds.O-Zr]\n{BOND}", "twice"),
        (f"[bonds.Zr-O]\n{BOND}colour = 1\n", "colour"),
        ("[bonds.Zr-O]\n" + BOND.replace("1.0", "{ value = 1.0, low = 2.0 }"), "low ≤ value ≤ high"),
        ("[bonds.Zr-O]\n" + BOND.replace("1.0", "nan"), "longitudinal"),
        ("[bonds.Zr-O]\n" + BOND.replace("1.0", "'a'"), "longitudinal.*a number, or a table with value"),
        ("[bonds", "not TOML"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        load_bond_table(written(tmp_path, text))


def test_what_scatters_nothing_is_refused(tmp_path, crystal_cell):
    foreign = load_bond_table(written(tmp_path, f"[bonds.Si-O]\n{BOND}"))
    with pytest.raises(InputError, match="knows no bond of"):
        raman_parts(crystal_cell, foreign, WIDTH)
    dark = load_bond_table(
        written(tmp_path, "[bonds.Zr-O]\n" + BOND.replace("1.0", "0").replace("0.2", "0").replace("0.1", "0"))
    )
    with pytest.raises(InputError, match="no mode scatters"):
        raman_spectrum(raman_parts(crystal_cell, dark, WIDTH), dark, RamanSettings(), WIDTH)
    for words in ({"temperature": 0.0}, {"laser": 10.0}):
        with pytest.raises(InputError, match=next(iter(words))):
            RamanSettings(**words)
