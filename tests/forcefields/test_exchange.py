from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.forcefields.exchange import exchanged
from alzmodel.forcefields.potentials import potential
from alzmodel.ions import ion


def test_two_ions_have_each_others_rows_inside_and_their_own_again_outside() -> None:
    before = {label: (ion(label), potential("du-teter").ion(label)) for label in ("Y3+", "Al3+", "La3+")}
    with exchanged(["Y3+", "Al3+"]):
        for one, other in (("Y3+", "Al3+"), ("Al3+", "Y3+")):
            size, row = ion(one), potential("du-teter").ion(one)
            assert (size.label, size.element, row.label) == (one, before[one][0].element, one)
            assert size.radii == before[other][0].radii
            assert (row.A, row.rho, row.C) == (before[other][1].A, before[other][1].rho, before[other][1].C)
            assert row.provisional == before[other][1].provisional
        assert ion("La3+") == before["La3+"][0]
        # In a potential that has one of the two alone, neither has parameters.
        with pytest.raises(InputError, match="Al3\\+ has no parameters"):
            potential("grimes").ion("Al3+")
    with pytest.raises(InputError, match="'Xx'"), exchanged(["Y3+", "Al3+"]):
        ion("Xx")
    assert before == {label: (ion(label), potential("du-teter").ion(label)) for label in before}
    assert potential("grimes").ion("Al3+")


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        (("Y3+", "Ca2+"), "exchange: Y3\\+ and Ca2\\+ have charges 3 and 2; allowed: two ions of one charge"),
        (("Y3+", "Y3+"), "exchange: Y3\\+ with itself; allowed"),
        (("Y3+", "Xx"), "'Xx' is not known"),
    ],
)
def test_other_pairs_are_refused(pair: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words), exchanged(pair):
        pass
