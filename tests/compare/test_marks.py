"""Marks follow from the measured file alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from alzmodel.compare.marks import fem_marks, fem_windows, xrd_marks
from alzmodel.compare.measured import load_measured
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def changed(folder: Path, old: str, new: str) -> Path:
    text = load_measured().path.read_text(encoding="utf-8")
    assert old in text
    path = folder / "measured.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_of_the_paper() -> None:
    zhu = load_measured()
    assert fem_marks(zhu) == ((3.2, "measured 3.2"), (5.3, "measured 5.3"))
    assert fem_windows(zhu) == ((2.6, 3.45), (4.6, 5.8))
    assert [hkl for _, hkl in xrd_marks(zhu, 1.5406)] == ["222", "400", "440", "622"]


def test_angles_of_another_wavelength() -> None:
    """Spacings stay: d = λ/(2 sin θ)."""
    zhu = load_measured()
    copper, molybdenum = xrd_marks(zhu, 1.5406), xrd_marks(zhu, 0.7093)
    for (one, _), (other, _) in zip(copper, molybdenum, strict=True):
        d = [w / math.sin(math.radians(a / 2)) for w, a in ((1.5406, one), (0.7093, other))]
        assert d[0] == pytest.approx(d[1], rel=1e-12)
    # sin θ would be above one for the last.
    assert [hkl for _, hkl in xrd_marks(zhu, 3.5)] == ["222", "400", "440"]
    assert xrd_marks(zhu, None) == ()


def test_the_mean_over_films_where_no_value_is_for_all(tmp_path: Path) -> None:
    path = changed(tmp_path, "points = [{ value = 3.2 }]", "points = [{ x = 2.0, value = 3.3 }]")
    assert fem_marks(load_measured(path))[0][0] == pytest.approx((3.25 + 3.19 + 3.19 + 3.3) / 4)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[[2.6, 3.45], [4.6, 5.8]]", "[[3.45, 2.6]]", "methods.fem.fit_windows_per_nm"),
        ("[[2.6, 3.45], [4.6, 5.8]]", "2.6", "methods.fem.fit_windows_per_nm"),
        ("wavelength_A = 1.5406", 'wavelength_A = "Cu"', "methods.gixrd.wavelength_A: 'Cu'"),
        (
            "patterns_per_scan_at_least = 400",
            "patterns_per_scan_at_least = 0",
            "patterns_per_scan_at_least: 0",
        ),
    ],
)
def test_bad_settings_are_named(old: str, new: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=named):
        load_measured(changed(tmp_path, old, new))
