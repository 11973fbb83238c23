"""Stale results are never taken for new ones: changed code asks for a new version, or for proof that it need not."""

from __future__ import annotations

import ast

import pytest

from alzmodel.study.stages import STAGES
from tests.study import stage_digests
from tests.study.stage_digests import closure_of, data_of, digest_of, known, text_of


def test_digests_are_those_on_record() -> None:
    today = {name: {"version": stage.version, "digest": digest_of(stage)} for name, stage in STAGES.items()}
    changed = sorted(name for name in today if today[name] != known().get(name))
    assert not changed, (
        f"code or data behind {', '.join(changed)} changed: where numbers change with it, raise the version of the "
        "stage; then run python -m tests.study.stage_digests"
    )


def test_what_is_behind_a_stage() -> None:
    behind = closure_of(STAGES["fem"])
    assert {"alzmodel.scattering.fem.variance", "alzmodel.models.patches", "alzmodel.io"} <= set(behind)
    assert not [name for name in behind if name.startswith(("alzmodel.report", "alzmodel.cli"))]
    own = {getattr(node, "name", "") for node in behind["alzmodel.study.stages.fem"]}
    assert {"_fem", "around_nucleus"} <= own
    assert not own & {"_views", "_caveats", "_draw_glasses", "FEMStudySettings"}
    data = {path.name for path in data_of(behind)}
    assert {"lobato_van_dyck_2014.csv", "La2Zr2O7.cif", "ions.toml"} <= data


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        (
            "def f(x):\n    return x + 1",
            'def f(x: float) -> float:\n    """Add."""\n    # one\n    return (x + 1)',
            True,
        ),
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 2", False),
        ("def f(x):\n    return x + 1", "def f(x):\n    return x + 1.0", False),
        ("import a\n__all__ = ['a']", "import a\nif TYPE_CHECKING:\n    import b\n__all__ = ['b']", True),
        ('x = 1\n"""Words."""', 'x = 1\n"""Other words."""', True),
        ("x = f'{a}b' 'c'", "x = f'{a}' 'bc'", True),
        ("x = f'{a:.2f}'", "x = f'{a:.3f}'", False),
        ("x = 'a' 'b'", 'x = "ab"', True),
    ],
)
def test_words_count_for_nothing_and_numbers_for_all(before: str, after: str, same: bool) -> None:
    assert (text_of(ast.parse(before).body) == text_of(ast.parse(after).body)) == same


def test_a_change_far_below_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = STAGES["xrd"]
    before = digest_of(stage)
    real = stage_digests.syntax_of
    changed = ast.parse(ast.unparse(real("alzmodel.neighbours")) + "\nFAR = 1\n")
    monkeypatch.setattr(
        stage_digests, "syntax_of", lambda name: changed if name == "alzmodel.neighbours" else real(name)
    )
    assert digest_of(stage) != before
    monkeypatch.undo()
    assert digest_of(stage) == before
    # A figure is no number.
    own = real("alzmodel.study.stages.xrd")
    redrawn = ast.parse(ast.unparse(own).replace("glass, {label}", "the glass, {label}"))
    monkeypatch.setattr(
        stage_digests,
        "syntax_of",
        lambda name: redrawn if name == "alzmodel.study.stages.xrd" else real(name),
    )
    assert digest_of(stage) == before
