"""A file of measured values reaches every figure of a study: its marks, its windows, its points."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.figure import Figure

from alzmodel.compare.measured import load_measured
from alzmodel.study import runner

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = {
    "points = [{ value = 3.2 }]": "points = [{ value = 3.0 }]",
    "points = [{ value = 5.3 }]": "points = [{ value = 5.0 }]",
    "points = [{ value = 32.5 }]": "points = [{ value = 33.5 }]",
    "value = 1.81 }": "value = 1.71 }",
    "value = 3.08 }": "value = 3.01 }",
    "value = 3.10 }, { x = 3.0": "value = 3.01 }, { x = 3.0",
    "value = 7.68": "value = 6.68",
    "[[2.6, 3.45], [4.6, 5.8]]": "[[2.0, 3.5]]",
    "patterns_per_scan_at_least = 400": "patterns_per_scan_at_least = 1234",
}


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = load_measured().path.read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        assert old in text
        text = text.replace(old, new)
    path = tmp_path_factory.mktemp("measured") / "other.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    figures: list[Figure] = []
    write = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda one, *args, **options: figures.append(one) or write(one, *args, **options)
    )
    return figures


def marks(figure: Figure) -> list[float]:
    """Places of the vertical lines."""
    lines = [line for panel in figure.axes for line in panel.lines]
    return sorted(line.get_xdata()[0] for line in lines if tuple(line.get_ydata()) == (0, 1))


def shaded(figure: Figure) -> list[tuple[float, float]]:
    panel = figure.axes[0]
    return [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in panel.patches]


@pytest.mark.parametrize("name", ["fem", "fem_glass"])
def test_fem(name: str, synthetic_study: Path, other: Path, drawn: list[Figure], tmp_path: Path) -> None:
    runner.plot(name, synthetic_study, tmp_path / "a.svg")
    runner.plot(name, synthetic_study, tmp_path / "b.svg", other)
    assert [marks(figure) for figure in drawn] == [[3.2, 5.3], [3.0, 5.0]]
    assert shaded(drawn[0]) == [pytest.approx((2.6, 3.45)), pytest.approx((4.6, 5.8))]
    assert shaded(drawn[1]) == [pytest.approx((2.0, 3.5))]
    assert "<!-- measured 5 -->" in (tmp_path / "b.svg").read_text(encoding="utf-8")


def test_xrd(synthetic_study: Path, other: Path, drawn: list[Figure], tmp_path: Path) -> None:
    for measured in (None, other):
        runner.plot("xrd", synthetic_study, tmp_path / "a.svg", measured)
    assert marks(drawn[0]) == pytest.approx([28.5, 32.5, 47.2, 56.8], abs=1e-3)
    assert marks(drawn[1]) == pytest.approx([28.5, 33.5, 47.2, 56.8], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("comparison", {"fem_peak1_d@1.5": 1.71, "fem_peak2_d@1.5": 3.01, "d222@1.5": 3.01}),
        ("fem_peaks", {"fem_peak1_d@1.5": 1.71, "fem_peak2_d@1.5": 3.01}),
        ("d222", {"d222@1.5": 3.01}),
        ("size", {"scherrer_size@1.5": 6.68}),
    ],
)
def test_points(
    name: str,
    values: dict[str, float],
    synthetic_study: Path,
    other: Path,
    drawn: list[Figure],
    tmp_path: Path,
) -> None:
    runner.plot(name, synthetic_study, tmp_path / "a.csv", other)
    with (tmp_path / "a.csv").open(encoding="utf-8") as handle:
        rows = {row["id"]: row["measured"] for row in csv.DictReader(handle)}
    assert {key: float(rows[key]) for key in values} == values
    runner.plot(name, synthetic_study, tmp_path / "a.svg", other)
    places = np.concatenate([line.get_ydata() for panel in drawn[0].axes for line in panel.lines])
    assert np.isin(list(values.values()), places).all()


def test_the_page(synthetic_study: Path, other: Path, tmp_path: Path) -> None:
    text = runner.report(synthetic_study, tmp_path / "page.html", measured=other).read_text(encoding="utf-8")
    assert "<!-- measured 3 -->" in text or "measured 3" in text
    assert "at least 1234" in text
    assert "400" not in text.split("at least 1234")[0][-200:]
