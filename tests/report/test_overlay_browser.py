"""A measured file over the curves of the page, in a real browser: read, scaled as the command line does, refused."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alzmodel.compare.measured import load_measured
from alzmodel.report.overlay import LaidCurve
from alzmodel.report.page import Page, write_page
from alzmodel.scattering.xrd.data import lay_over, read_curve
from tests.report.visits import Visit

if TYPE_CHECKING:
    from pathlib import Path

ANGLE = np.linspace(10.0, 80.0, 351)
HALO = 100 * np.exp(-(((ANGLE - 29) / 5) ** 2)) + 40 * np.exp(-(((ANGLE - 48) / 9) ** 2))
K = np.linspace(1.5, 8.0, 131)
V = 0.02 * np.exp(-(((K - 3.2) / 0.5) ** 2)) + 0.01
R = np.linspace(0.02, 20.0, 500)
G = np.sin(4 * R) * np.exp(-R / 4)
NOISE = np.random.default_rng(7).normal(0, 3, ANGLE.size)


def at_wavelength(wavelength: float) -> np.ndarray:
    """2θ at which another wavelength shows what stands at ANGLE with that of the curves, Cu Kα1."""
    return 2 * np.degrees(np.arcsin(np.sin(np.radians(ANGLE / 2)) * wavelength / 1.5406))


@pytest.fixture(scope="module")
def visit(browser, tmp_path_factory: pytest.TempPathFactory):
    curves = [
        LaidCurve("fem", "model V", "ideal", K, V, 0.1 * V),
        LaidCurve("xrd", "x = 1.5", "", ANGLE, HALO, None),
        LaidCurve("xrd", "x = 3", "", ANGLE, HALO[::-1].copy(), None),
        LaidCurve("pdf", "model G", "xray", R, G, None),
    ]
    page = Page("P", [], [], load_measured(), curves=curves)
    one = Visit(
        browser, write_page(tmp_path_factory.mktemp("overlay") / "page.html", page), accept_downloads=True
    )
    yield one
    one.leave()


def said(visit: Visit, file: Path) -> str:
    before = visit.page.inner_text("#data-said")
    visit.page.set_input_files("#data-file", [])
    visit.page.set_input_files("#data-file", file)
    visit.wait(
        "([name, before]) => { const now = document.getElementById('data-said').textContent;"
        " return now.startsWith(name) || now !== before; }",
        [file.name, before],
    )
    visit.page.wait_for_timeout(50)
    return visit.page.inner_text("#data-said")


@pytest.mark.parametrize(("choice", "degree"), [("-1", -1), ("0", 0), ("1", 1), ("2", 2)])
def test_it_is_scaled_as_the_command_line_scales_it(visit, tmp_path: Path, choice: str, degree: int) -> None:
    file = tmp_path / "halo.xy"
    np.savetxt(
        file, np.c_[ANGLE, 7 * HALO + 200 - 1.5 * ANGLE + 7 * NOISE], fmt="%.5f", header="2theta (deg) y"
    )
    said(visit, file)
    assert visit.page.input_value("#data-kind") == "xrd"
    visit.page.select_option("#data-background", choice)
    agreement = lay_over(read_curve(file, "two_theta"), ANGLE, np.round(HALO, 5), background=degree)
    words = visit.page.inner_text("#data-said")
    assert 1 / float(visit.page.input_value("#data-scale")) == pytest.approx(agreement.scale, rel=2e-4)
    assert float(words.split("Rwp ")[1].split()[0]) == pytest.approx(agreement.rwp, rel=1e-3)
    assert f"over {len(agreement.x)} points" in words


FILES = {
    "k.csv": (
        "k (1/A),V\n" + "".join(f"{k / 10:.5f},{v:.6f}\n" for k, v in zip(K, V, strict=True)),
        "fem",
        "1",
    ),
    "g.dat": (
        "r;G\n" + "".join(f"{r:.3f};{g:.5f}\n".replace(".", ",") for r, g in zip(R, G, strict=True)),
        "pdf",
        "0",
    ),
    "down.txt": (
        "".join(f"{a:.2f}\t{i:.3f}\n" for a, i in zip(ANGLE[::-1], HALO[::-1], strict=True)),
        "xrd",
        "0",
    ),
    "mixed.txt": (
        "\ufeff2θ\tIntensität\r\n"
        + "".join(f"{a:g}\t{i:.4f}\r\n".replace(".", ",") for a, i in zip(ANGLE, HALO, strict=True)),
        "xrd",
        "0",
    ),
    "molybdenum.xy": (
        "# measured with Mo\n# wavelength = 0.7093 Å\n# 2theta counts\n"
        + "".join(f"{a:.4f} {i:.4f}\n" for a, i in zip(at_wavelength(0.7093), HALO, strict=True)),
        "xrd",
        "0",
    ),
    "anode.xy": (
        "# Co Kα1\n# 2theta counts\n"
        + "".join(f"{a:.4f} {i:.4f}\n" for a, i in zip(at_wavelength(1.788996), HALO, strict=True)),
        "xrd",
        "0",
    ),
    "index.csv": (
        "n,intensity,tth\n" + "".join(f"{n},{HALO[n]:.4f},{ANGLE[n]:.3f}\n" for n in range(ANGLE.size)),
        "xrd",
        "0",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_kind_unit_and_columns_are_found(visit, tmp_path: Path, name: str) -> None:
    """By headings or by range; semicolons with decimal commas, tabs, falling x: scale 1 gives the model back."""
    text, kind, unit = FILES[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    words = said(visit, tmp_path / name)
    assert (visit.page.input_value("#data-kind"), visit.page.input_value("#data-unit")) == (kind, unit)
    assert float(visit.page.input_value("#data-scale")) == pytest.approx(1, rel=5e-3)
    assert float(words.split("Rwp ")[1].split()[0]) < 5e-3
    assert visit.page.locator("#data-points circle").count() > 100


def test_the_closest_models_are_chosen_and_said(visit, tmp_path: Path) -> None:
    file = tmp_path / "second.xy"
    np.savetxt(file, np.c_[ANGLE, 3 * HALO[::-1] + NOISE], fmt="%.5f", header="2theta (deg) y")
    words = said(visit, file)
    assert visit.page.input_value("#data-model") == "1"
    assert "Closest of 2 sets of models: x = 3; without a scale that fits: 1." in words
    assert float(visit.page.input_value("#data-scale")) == pytest.approx(1 / 3, rel=0.01)


def test_columns_can_be_named_after_a_refusal(visit, tmp_path: Path) -> None:
    file = tmp_path / "swapped.dat"
    np.savetxt(file, np.c_[HALO, ANGLE], fmt="%.5f")
    assert "x goes back" in said(visit, file)
    visit.page.fill("#data-columns", "2 1")
    visit.page.press("#data-columns", "Tab")
    visit.page.select_option("#data-kind", "xrd")
    visit.wait("() => document.getElementById('data-said').textContent.includes('Rwp')")
    assert visit.page.locator("#data-points circle").count() > 100


BAD = {
    "letters.txt": ("1 2\n2 3\n3 x\n", "line 3: '3 x' is not 2 numbers"),
    "empty.txt": ("", "holds no columns of numbers"),
    "single.txt": ("1\n2\n3\n", "holds no columns of numbers"),
    "back.txt": ("10 1\n20 2\n15 3\n30 1\n", "row 3 of numbers: x goes back"),
    "far.txt": ("".join(f"{300 + n} 1\n" for n in range(20)), "allowed: at least 10"),
    "bytes.dat": ("\0\1\2", "is no text file"),
    "<img src=x onerror=alert(1)>.txt": ("1 2\n2 3\n3 <b>\n", "is not 2 numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_line(visit, tmp_path: Path, name: str) -> None:
    text, words = BAD[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    told = said(visit, tmp_path / name)
    assert told.startswith(name)
    assert words in told
    assert "\n" not in told
    assert visit.page.locator("#data-plot svg").count() == 1


def test_a_dropped_file_is_drawn_and_saved(visit, tmp_path: Path) -> None:
    rows = "".join(
        f"{q:.4f} {i:.4f}\n"
        for q, i in zip(4 * np.pi * np.sin(np.radians(ANGLE / 2)) / 0.7107, HALO, strict=True)
    )
    visit.page.evaluate(
        """(text) => {
          const files = new DataTransfer();
          files.items.add(new File([text], "dropped.xy"));
          const drop = new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true });
          document.body.dispatchEvent(drop);
        }""",
        f"# Q (1/A) I\n{rows}",
    )
    visit.wait("() => document.getElementById('data-said').textContent.startsWith('dropped.xy')")
    visit.page.select_option("#data-kind", "xrd")
    visit.page.select_option("#data-unit", "1")
    # By hand, with the keyboard.
    visit.page.select_option("#data-background", "-1")
    visit.page.fill("#data-scale", "2")
    visit.page.fill("#data-offset", "5")
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Save CSV").click()
    waiting.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(encoding="utf-8", newline="") as handle:
        head, *table = csv.reader(handle)
    assert head == ["2θ (°), λ = 1.5406 Å", "measured, as drawn", "x = 1.5"]
    found = np.array(table, dtype=float)
    assert len(found) > 100
    angle = 2 * np.degrees(np.arcsin(np.sin(np.radians(ANGLE[: len(found)] / 2)) * 1.5406 / 0.7107))
    assert found[:, 0] == pytest.approx(angle, abs=0.01)
    assert found[:, 1] == pytest.approx(2 * HALO[: len(found)] + 5, abs=0.01)
    visit.page.select_option("#data-model", "1")
    assert "x = 3" in visit.page.get_attribute("#data-plot", "aria-label")
