"""Verdicts on coordination say what depends on the cut-off."""

from __future__ import annotations

import math

import pytest

from alzmodel.compare.by_potential import judge_by_potential
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.quantities import Quantity
from alzmodel.errors import AlzmodelError
from alzmodel.models.library import library
from alzmodel.study.shell_ends import FILE, ShellEnd, ends_of_library, with_shell_ends

HYPOTHESES = [one for one in load_hypotheses() if one.id in {"H2", "H5"}]


def glasses(potential: str | None) -> list[Quantity]:
    return [
        Quantity(
            f"{element}_o_coordination", x, f"{potential}-{x}-{seed}", n + 0.01 * seed, potential=potential
        )
        for element, n in (("zr", 6.0), ("li", 3.7), ("la", 6.7))
        for x in (1.5, 3.0, 4.5)
        for seed in range(4)
    ]


def test_the_reason_of_h5_names_coordination_at_other_cut_offs() -> None:
    ends = [
        ShellEnd(None, "La", 3.3, 6.7, 6.5, 7.0),
        ShellEnd(None, "La", 3.3, 6.8, 6.5, 7.0),
        ShellEnd(None, "Zr", 2.8, 6.0, math.nan, math.nan),
    ]
    verdicts = judge_by_potential(glasses(None), HYPOTHESES, made_with="du-teter")
    h2, h5 = with_shell_ends(verdicts, ends)
    assert h2 == verdicts[0]
    words = (
        "coordination depends on the cut-off: La 6.75 with a cut-off of 3.30 Å, "
        "6.50 and 7.00 with one 0.1 Å shorter"
    )
    assert words in h5.reason
    assert h5.reason.startswith(verdicts[1].reason)
    assert words in h5.by_potential[0].verdict.reason
    assert "Zr" not in h5.reason.partition("depends on")[2]
    assert with_shell_ends(verdicts, []) == verdicts


def test_each_potential_has_its_own() -> None:
    ends = [ShellEnd("grimes", "La", 3.2, 7.2, 7.0, 7.4), ShellEnd("du-teter", "La", 3.3, 6.7, 6.5, 7.0)]
    verdicts = judge_by_potential([*glasses("du-teter"), *glasses("grimes")], HYPOTHESES[1:])
    (h5,) = with_shell_ends(verdicts, ends)
    assert "cut-off on du-teter: La 6.70" in h5.reason
    assert "cut-off on grimes: La 7.20" in h5.reason
    grimes = h5.by_potential[1].verdict.reason
    assert "La 7.20" in grimes
    assert "6.70" not in grimes


def test_the_library_tells_its_annealed_glasses() -> None:
    """After new glasses: scripts/make_library_results.py."""
    ends = ends_of_library()
    annealed = [one for one in library() if one.kind == "glass" and one.protocol == "annealed-low-Tf"]
    assert len(ends) == 3 * len(annealed)
    la = [one for one in ends if one.element == "La"]
    assert all(one.shorter < one.coordination < one.longer for one in la)
    assert all(3.0 < one.cutoff < 3.6 for one in la)
    assert sum(one.coordination for one in la) / len(la) == pytest.approx(6.7, abs=0.1)


def test_a_file_that_cannot_be_read_is_named(tmp_path) -> None:
    assert ends_of_library(tmp_path) == ()
    ends_of_library.cache_clear()
    (tmp_path / FILE).write_text("[1]", encoding="utf-8")
    with pytest.raises(AlzmodelError, match=r"no shells of models .*; reinstall alzmodel"):
        ends_of_library(tmp_path)
