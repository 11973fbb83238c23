"""Figures: same input, same bytes; labels with units; the numbers beside them."""

import csv
import itertools
import math
import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alzmodel.compare.comparison import compare_models
from alzmodel.compare.inverse import search
from alzmodel.compare.measured import load_measured
from alzmodel.compare.quantities import Quantity
from alzmodel.errors import InputError
from alzmodel.report import figures
from alzmodel.report.comparison_figure import plot_comparison
from alzmodel.report.drawing import COLOURS, above_zero, draw, grid, looks_of, name_once
from alzmodel.report.inverse_figure import plot_inverse
from alzmodel.scattering.fem.scan import AXES as SCANNED

R = np.arange(0.5, 8.0, 0.05)
K = np.linspace(1.5, 8.0, 50)
ANGLE = np.linspace(10.0, 80.0, 200)
LABELS = ("x = 1.5", "x = 3", "x = 4.5")


def rows():
    values = [
        Quantity(name, x, f"{x}-{i}", value + 0.01 * i, kind=kind, source=source)
        for name, value, kind, source in (
            ("fem_peak1_d", 1.91, "assumed", "glass-ceramic"),
            ("fem_peak2_d", 3.0, "predicted", "glass"),
            ("d222", 3.12, "assumed", "glass-ceramic"),
        )
        for x, i in itertools.product((1.5, 3.0, 4.5), range(2))
    ]
    return compare_models(values, load_measured())


DRAWINGS = {
    "pdf": lambda path: figures.plot_pdf(
        {
            label: {
                "r": R,
                "partials": {"Zr-O": np.exp(-((R - 2.1) ** 2)), "Zr-O_std": 0.1 + 0 * R, "La-O": 0 * R + 1},
            }
            for label in LABELS
        },
        path,
    ),
    "coordination": lambda path: figures.plot_coordination(
        {
            label: {
                "Zr": {"histogram": {"5": 0.1, "6": 0.8, "7": 0.1, "6_std": 0.02}, "mean_coordination": 6.0}
            }
            for label in LABELS
        },
        path,
    ),
    "sharing": lambda path: figures.plot_sharing(
        {
            label: {"Zr-La": {"corner": 0.5, "edge": 0.3, "face": 0.1, "none": 0.1, "n_pairs": 9}}
            for label in LABELS
        },
        path,
    ),
    "xrd": lambda path: figures.plot_xrd(
        {label: {"two_theta": ANGLE, "intensity": np.exp(-((ANGLE - 29) ** 2) / 20)} for label in LABELS},
        path,
        measured_lines=[(28.5, "222")],
        wavelength=1.5406,
    ),
    "fem": lambda path: figures.plot_fem(
        {
            label: {"k": K, "variance": np.exp(-((K - 3.2) ** 2)), "variance_std": 0.1 + 0 * K}
            for label in (*LABELS, "gas")
        },
        path,
        controls=["gas"],
        fits={LABELS[0]: {"k": K, "fit": np.exp(-((K - 3.2) ** 2))}},
        measured_lines=[(3.2, "3.2")],
    ),
    "comparison": lambda path: plot_comparison(rows(), path),
    "history": lambda path: figures.plot_history(
        {
            label: {"time_ps": [0, 1, 2], "temperature": [3000, 2000, 300], "density": [4, 4.3, None]}
            for label in LABELS
        },
        path,
    ),
}
AXES = {
    "pdf": ["r (Å)", "g(r)"],
    "coordination": ["oxygens around Zr", "fraction"],
    "sharing": ["fraction of neighbouring pairs"],
    "xrd": ["2θ (°), λ = 1.5406 Å", "intensity (scaled)"],
    "fem": ["k = 1/d (nm⁻¹)", "normalised variance V(k)"],
    "comparison": ["La per formula unit, x", "d (Å)"],
    "history": ["time (ps)", "temperature (K)", "density (g/cm³)"],
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_same_input_gives_the_same_bytes(name, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = DRAWINGS[name](tmp_path / "one" / name)
    second = DRAWINGS[name](tmp_path / "two" / name)
    assert [file.name for file in first] == [f"{name}.png", f"{name}.svg", f"{name}.csv"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
    svg = first[1].read_text(encoding="utf-8")
    assert "<dc:date>" not in svg
    # matplotlib leaves each text as a comment beside its outlines
    for words in AXES[name]:
        assert f"<!-- {words} -->" in svg
    assert not re.search(r"https?://(?!www\.w3\.org|purl\.org|creativecommons|matplotlib)", svg)


def test_csv_holds_what_is_drawn(tmp_path):
    (file,) = DRAWINGS["history"](tmp_path / "history.csv")
    with file.open(encoding="utf-8") as handle:
        table = list(csv.DictReader(handle))
    assert [row["temperature (K) x = 3"] for row in table] == ["3000", "2000", "300"]
    assert table[2]["density (g/cm³) x = 3"] == ""


def test_one_format_alone_and_pdf(tmp_path):
    assert DRAWINGS["fem"](tmp_path / "v.pdf") == (tmp_path / "v.pdf",)
    first = (tmp_path / "v.pdf").read_bytes()
    DRAWINGS["fem"](tmp_path / "v.pdf")
    assert first.startswith(b"%PDF")
    assert (tmp_path / "v.pdf").read_bytes() == first
    with pytest.raises(InputError, match=r"'\.jpeg'; allowed: \.png, \.svg"):
        DRAWINGS["fem"](tmp_path / "v.jpeg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["v.pdf"]


def test_comparison_tells_measured_predicted_and_assumed_apart(tmp_path):
    (svg,) = DRAWINGS["comparison"](tmp_path / "c.svg")
    (table,) = DRAWINGS["comparison"](tmp_path / "c.csv")
    text = svg.read_text(encoding="utf-8")
    for words in ("measured", "model, glass, predicted", "model, glass-ceramic, assumed", "systematic error"):
        assert f"<!-- {words} -->" in text
    assert "d222@3,3,Å,3.15,0.005,0.011,glass-ceramic,,assumed" in table.read_text(encoding="utf-8")
    (plain,) = plot_comparison([row.to_dict() for row in rows()], tmp_path / "d.csv")
    assert plain.read_bytes() == table.read_bytes()


def test_bars_and_bands_end_where_the_quantity_does(tmp_path, monkeypatch):
    """Most models have no such unit: the bar of the rest is longer upwards and does not touch zero."""
    drawn = []
    errorbar = Axes.errorbar
    monkeypatch.setattr(
        Axes,
        "errorbar",
        lambda axes, *args, **more: drawn.append(more["yerr"]) or errorbar(axes, *args, **more),
    )
    histogram = {"5": 0.02, "5_std": 0.04, "6": 0.98, "6_std": 0.04}
    figures.plot_coordination(
        {"glass": {"Zr": {"histogram": histogram, "mean_coordination": 5.98}}}, tmp_path / "c.svg"
    )
    ((below, above),) = drawn
    assert below[0] < 0.02 < above[0]
    assert above[1] < 0.02 < below[1]
    low, high = above_zero([0.02, 5.0], [math.nan, 1.0])
    assert [low[0], high[0]] == [0.02, 0.02]
    assert 0 < 5.0 - low[1] < 1.0 < high[1] - 5.0


def test_equal_axes_are_named_once():
    """Five panels in rows of two: x below the last of each column where the limits agree, y left of each row."""
    figure = Figure()
    panels = grid(figure, 5, most=2)
    for number, panel in enumerate(panels):
        panel.set(xlabel="r (Å)", ylabel="g(r)", xlim=(0, 2 if number == 1 else 1))
    name_once(panels)
    assert [bool(panel.get_xlabel()) for panel in panels] == [False, True, False, True, True]
    assert [panel.xaxis.get_tick_params()["labelbottom"] for panel in panels] == [
        False,
        True,
        False,
        True,
        True,
    ]
    assert [bool(panel.get_ylabel()) for panel in panels] == [True, False, True, False, True]


def test_nothing_to_draw_is_refused(tmp_path):
    for call in (
        lambda: figures.plot_pdf({}, tmp_path / "a"),
        lambda: figures.plot_xrd({}, tmp_path / "a"),
        lambda: figures.plot_fem({}, tmp_path / "a"),
        lambda: figures.plot_sharing({"x": {}}, tmp_path / "a"),
        lambda: figures.plot_coordination({"x": {"Zr": {}}}, tmp_path / "a"),
        lambda: figures.plot_history({}, tmp_path / "a"),
        lambda: plot_comparison([], tmp_path / "a"),
    ):
        with pytest.raises(InputError, match="nothing to draw"):
            call()
    with pytest.raises(InputError, match="pair: 'La-Q'; allowed: Zr-O"):
        figures.plot_pdf({"x": {"r": R, "partials": {"Zr-O": R}}}, tmp_path / "a", pairs=["La-Q"])
    assert not list(tmp_path.iterdir())


def test_curves_are_told_apart_in_grey():
    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return (0.299 * red + 0.587 * green + 0.114 * blue) / 255

    first = [lightness(colour) for colour in COLOURS[:3]]
    assert min(b - a for a, b in itertools.pairwise(first)) > 0.15
    looks = looks_of([str(i) for i in range(20)])
    assert len({(look.color, str(look.linestyle)) for look in looks.values()}) == 20


def test_text_of_users_is_no_mathtext(tmp_path):
    def build(figure):
        panel = figure.subplots()
        panel.plot([1, 10, 100], [1, 2, 3], label="$\\frac{$")
        panel.set(xscale="log", title="$\\frac{$", xlabel="$x_{$")
        panel.set_yticks([1, 2], labels=["$a$", "$\\b{$"])
        panel.legend()

    draw(build, tmp_path / "a.png", {"x": [1]})
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_logarithmic_ticks_say_their_number(tmp_path):
    """Powers of ten as powers, other numbers in full, and names that a figure gives stay."""
    seen = {}

    def build(figure):
        own, usual = figure.subplots(1, 2)
        for panel in (own, usual):
            panel.scatter([8, 20, 80], [1, 2, 3])
            panel.set(xscale="log")
        own.set_xticks([8, 20, 80], ["8", "20", "80"])
        usual.set_xticks([10, 20])
        seen.update(own=own, usual=usual)

    draw(build, tmp_path / "a.svg", {"x": [8, 20, 80]})
    ticks = {name: [one.get_text() for one in panel.get_xticklabels()] for name, panel in seen.items()}
    assert ticks == {"own": ["8", "20", "80"], "usual": ["10¹", "20"]}


def test_specimens_of_a_scan_stand_at_their_own_diameter(tmp_path, monkeypatch):
    """Marks of several glasses were moved sideways once: they read as other diameters."""
    places = []
    scatter = Axes.scatter

    def kept(panel, x, *rest, **more):
        places.extend(x)
        return scatter(panel, x, *rest, **more)

    monkeypatch.setattr(Axes, "scatter", kept)
    same = dict.fromkeys(("fraction", "displacement", "disorder", "excess_la", "thickness"), 0.1)
    points = [
        {
            **same,
            "glass": glass,
            "x": x,
            "diameter": size,
            "lattice_parameter": 10.805,
            "refused": None,
            "half_widths": {},
            "numbers": {"fem_peak2_k": 3.2 + 0.001 * size},
        }
        for glass, x in (("x1.5", 1.5), ("x3", 3.0), ("x4.5", 4.5))
        for size in (20.0, 40.0, 80.0)
    ]
    plot_inverse(points, search(points, load_measured(), list(SCANNED)), tmp_path / "inverse.svg")
    assert set(places) == {20.0, 40.0, 80.0}
