"""Measured curves beside models, by the command line: files that went wrong, with their right values."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alzmodel.cli import main
from alzmodel.cli.curves import model_words
from alzmodel.cli.reading import read_models
from alzmodel.io import write_structure
from alzmodel.scattering.xrd.crystal import bragg_angle

SI = 5.43123
"""Å, as certified for SRM 640 (at 25 °C)."""


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    write_structure(bulk("Si", "diamond", a=SI, cubic=True), folder / "si.cif")
    write_structure(bulk("Ni", "fcc", a=3.524, cubic=True), folder / "ni.cif")
    return folder


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def result_of(capsys, *words):
    code, out, err = run(capsys, *words, "--json")
    assert code == 0, err
    return json.loads(out), err


def gauss(x, centre, fwhm, height):
    return height * np.exp(-4 * math.log(2) * ((x - centre) / fwhm) ** 2)


def xrdml(path, wavelength, centre):
    x = np.linspace(centre - 5, centre + 5, 501)
    counts = " ".join(f"{value:.0f}" for value in 100 + gauss(x, centre, 0.2, 4000))
    path.write_text(
        '<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement>'
        f'<usedWavelength intended="K-Alpha 1"><kAlpha1 unit="Angstrom">{wavelength}</kAlpha1></usedWavelength>'
        f'<scan><dataPoints><positions axis="2Theta" unit="deg"><startPosition>{x[0]}</startPosition>'
        f'<endPosition>{x[-1]}</endPosition></positions><intensities unit="counts">{counts}</intensities>'
        "</dataPoints></scan></xrdMeasurement></xrdMeasurements>"
    )


@pytest.mark.parametrize("wavelength", [1.78901, 0.709317])
def test_wavelength_of_the_file(capsys, cells, tmp_path, wavelength):
    centre = bragg_angle(SI / math.sqrt(3), wavelength)
    xrdml(tmp_path / "a.xrdml", wavelength, centre)
    words = ("xrd", cells / "si.cif", "--against", tmp_path / "a.xrdml", "--fwhm", 0.2)
    words = (*words, "--range", centre - 3, centre + 3, 0.02, "--line", centre, "--line-width", 1)
    result, err = result_of(capsys, *words)
    model, measured = result["lines"]
    assert measured["d"] == pytest.approx(SI / math.sqrt(3), abs=2e-4)
    # The factor 1/Q² of a powder moves the top of a line 0.2° wide by 0.001° at 13°.
    assert model["d"] == pytest.approx(SI / math.sqrt(3), abs=4e-4)
    assert result["wavelength"] == pytest.approx(wavelength)
    assert result["against"]["rwp"] < 0.02
    assert f"{wavelength:.5f} Å is in the file" in err
    assert run(capsys, *words, "--wavelength", "1.5406")[0] == 2


def test_a_curve_that_is_refused_late_gets_one_line(capsys, cells, tmp_path):
    # What its reader has to tell belongs to work that was done.
    xrdml(tmp_path / "a.xrdml", 1.5406, 100)
    code, _, err = run(
        capsys, "xrd", cells / "si.cif", "--against", tmp_path / "a.xrdml", "--range", 20, 60, 0.1
    )
    assert code == 2
    assert "between 20 and 60" in err
    assert len(err.splitlines()) == 1


def test_q_where_angles_belong(capsys, cells, tmp_path):
    Q = np.linspace(4.25, 12.2, 1000)
    y = 100 + sum(gauss(Q, 2 * math.pi * math.sqrt(n) / SI, 0.05, 900.0) for n in (16, 19, 24, 27, 32))
    lines = "".join(f"{a:.5f} {b:.2f}\n" for a, b in zip(Q, y, strict=True))
    path = tmp_path / "a.chi"
    path.write_text("[Experiment]\nintegrationspace = qspace\n#### start data\n" + lines)
    words = ("xrd", cells / "si.cif", "--range", 60, 110, 0.02, "--fwhm", 0.5, "--against", path)
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "Q in Å⁻¹ by the header" in err
    result, err = result_of(capsys, *words, "--x-unit", "Q", "--line", 88.03, "--line-width", 1.5)
    assert result["lines"][1]["two_theta"] == pytest.approx(88.026, abs=0.01)
    assert "beyond backscattering" in err


def test_calculated_and_background_columns_are_no_errors(capsys, cells, tmp_path):
    x = np.arange(26.0, 50.0, 0.02)
    y = np.round(100 + gauss(x, 28.44, 0.25, 5000) + gauss(x, 47.3, 0.25, 3000), 1)
    bare = "2theta yobs\n" + "".join(f"{a:.2f} {b}\n" for a, b in zip(x, y, strict=True))
    full = "2theta yobs ycalc bkg\n" + "".join(
        f"{a:.2f} {b} {b:.0f} {10 + 0.1 * a:.1f}\n" for a, b in zip(x, y, strict=True)
    )
    found = []
    for name, text in (("two.dat", bare), ("ycalc.dat", full)):
        (tmp_path / name).write_text(text)
        words = (
            "xrd",
            cells / "si.cif",
            "--range",
            26,
            50,
            0.05,
            "--fwhm",
            0.25,
            "--against",
            tmp_path / name,
        )
        found.append(result_of(capsys, *words)[0]["against"]["rwp"])
    assert found[0] == found[1]


def test_both_lines_of_a_doublet_are_one(capsys, cells, tmp_path):
    x = np.arange(86.0, 97.0, 0.01)
    d = SI / math.sqrt(24)
    y = (
        100
        + gauss(x, bragg_angle(d, 1.5405929), 0.08, 4000)
        + gauss(x, bragg_angle(d, 1.5444274), 0.08, 2000)
    )
    np.savetxt(tmp_path / "a.xye", np.transpose([x, y, np.sqrt(y)]), header="2theta I esd")
    words = ("xrd", cells / "si.cif", "--wavelength", "CuKa", "--range", 86, 97, 0.01, "--fwhm", 0.08)
    words = (*words, "--line", 88.03, "--line-width", 0.6, "--against", tmp_path / "a.xye")
    result, _ = result_of(capsys, *words)
    assert [peak["hkl"] for peak in result["peaks"]] == ["422", "511"]
    assert result["peaks"][0]["d"] == pytest.approx(d, abs=2e-5)
    assert result["peaks"][1]["d"] == pytest.approx(SI / math.sqrt(27), abs=2e-5)
    model, measured = result["lines"]
    assert measured["d"] == pytest.approx(d, abs=1e-5)
    assert measured["fwhm"] == pytest.approx(0.08, abs=1e-3)
    # The width is the instrument's, and that of an endless crystal says nothing of a size.
    assert model["size_scherrer"] is None
    assert measured["size_scherrer"] is None


def test_only_what_follows_the_data_mark_is_read(capsys, cells, tmp_path):
    values = (-0.10, 0.20, 1.50, 2.00, 2.60, 3.00, 2.20, 1.00, -0.20, -0.90, -1.00, -0.80)
    rows = "".join(f" {2 + 0.1 * n:.2f} {value:.2f} 0.0 0.01\n" for n, value in enumerate(values))
    (tmp_path / "a.gr").write_text(
        "History written: today\n##### Settings\n#L par sample container\n1.0 2.0\ntitle=my powder\n##### start data\n"
        "#L r(A) G(r) d_r d_Gr\n" + rows
    )
    result, _ = result_of(capsys, "pdf", cells / "ni.cif", "--against", tmp_path / "a.gr", "--r-max", 5)
    assert result["against"]["x"] == pytest.approx([2 + 0.1 * n for n in range(12)])


def test_a_line_that_is_not_there(capsys, cells):
    words = ("xrd", cells / "si.cif", "--range", 60, 75, 0.02, "--line", 65, "--line-width", 1)
    result, err = result_of(capsys, *words)
    (line,) = result["lines"]
    assert line["present"] is False
    assert [line[key] for key in ("two_theta", "fwhm", "d", "size_scherrer", "size_sphere")] == [None] * 5
    assert "no line stands out of the model pattern between 64 and 66°" in err


def test_variance_is_kept_where_no_fit_suits(capsys, tmp_path):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:96, :96] - 47.5
    k = np.hypot(x, y) * 0.13
    mean = 40 + 120 * np.exp(-(((k - 3.2) / 0.4) ** 2))
    np.save(tmp_path / "a.npy", rng.poisson(mean * rng.gamma(20, 1 / 20, (8, 96, 96))).astype(np.uint16))
    words = ("fem", tmp_path / "a.npy", "--pixel-size", 0.13, "--ring-width", 0.13)
    result, err = result_of(capsys, *words)
    assert "the fit 'four' was left out" in err
    assert "'free'" in err
    assert "rings from" in result["peaks_note"]
    assert result["peaks"] == []
    assert len(result["variance"]["omega"]) == len(result["k"]) > 20
    assert "normalised variance" in run(capsys, *words)[1]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["xrd", "{si}", "--x-unit", "Q"], "--x-unit Q: nothing measured"),
        (["xrd", "{si}", "--columns", "1,2"], "--columns 1,2: nothing measured"),
        (["pdf", "{si}", "--scan", "1"], "--scan 1: nothing measured"),
        (["pdf", "{si}", "--wavelength", "1.5"], "--wavelength: nothing measured"),
        (["xrd", "{si}", "--against", "{data}", "--x-unit", "miles"], "--x-unit miles"),
        (["xrd", "{si}", "--against", "{data}", "--columns", "2theta,I"], "no column 2theta"),
    ],
)
def test_what_is_said_of_no_file_or_wrongly(capsys, cells, tmp_path, words, named):
    (tmp_path / "a.xy").write_text("20 1\n21 2\n22 3\n")
    code, _, err = run(capsys, *(word.format(si=cells / "si.cif", data=tmp_path / "a.xy") for word in words))
    assert code == 2
    assert named in err
    assert err.count("\n") == 1


def test_the_figure_names_file_model_and_composition_and_shows_a_control(cells, tmp_path):
    from alzmodel.cli.curves import lay_over_measured
    from alzmodel.cli.options import Comparison
    from alzmodel.scattering.xrd.data import read_curve

    # As it was read, with its options: it is not read again.
    model = tmp_path / "si.cif"
    shutil.copy(cells / "si.cif", model)
    read_models(model, max_atoms=1000)
    model.unlink()
    k = np.linspace(1.5, 8.0, 60)
    np.savetxt(tmp_path / "v.dat", np.c_[k, 0.02 + 0.04 / k], header="k (nm^-1) V")
    measured = read_curve(tmp_path / "v.dat", "k")
    for ending in ("svg", "csv"):
        result = {"k": k, "V": 2 / k}
        comparison = Comparison(against=tmp_path / "v.dat", figure=tmp_path / f"f.{ending}")
        lay_over_measured(
            result,
            measured,
            "k",
            result["V"],
            0,
            True,
            comparison,
            files=[model],
            control=("random gas (no order)", 1 / k),
        )
    text = (tmp_path / "f.svg").read_text(encoding="utf-8")
    assert "<!-- v.dat over si.cif (Si) -->" in text
    assert "<!-- random gas (no order) -->" in text
    head, *rows = (tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()
    last = dict(zip(head.split(","), map(float, rows[-1].split(",")), strict=True))
    # On the scale of the model, half as high as it.
    assert last["random gas (no order)"] == pytest.approx(0.02 / k[-1])


def test_figures_name_models_by_file_and_composition(tmp_path):
    for name, symbols in (("glass", "Li7La3Zr2O12"), ("doped", "LiCaLa2Zr4O12"), ("halite", "Mg4O4")):
        atoms = Atoms(symbols, cell=[30.0] * 3, pbc=True)
        atoms.positions[:, 0] = np.arange(len(atoms))
        write_structure(atoms, tmp_path / f"{name}.extxyz")
    files = [tmp_path / f"{name}.extxyz" for name in ("glass", "doped", "halite")]
    for path in files:
        read_models(path, max_atoms=1000)
    assert model_words(files) == (
        "glass.extxyz (Li7La3Zr2O12), doped.extxyz (Li0.5LaCa0.5Zr2O6), halite.extxyz (MgO)"
    )
