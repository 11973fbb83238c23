"""Measured curves come back from every format; every mistake in a file has its own line; fits find what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.xrd.data import MeasuredCurve, lay_over, measured_pattern, read_curve, write_curve
from alzmodel.scattering.xrd.pattern import fit_line, nanocrystal_pattern

X = np.linspace(15, 60, 91)
Y = 100 + 50 * np.exp(-(((X - 28.5) / 2) ** 2))


@pytest.mark.parametrize(
    ("ending", "abscissa"),
    [
        (".xy", "two_theta"),
        (".dat", "Q"),
        (".csv", "two_theta"),
        (".chi", "two_theta"),
        (".chi", "Q"),
        (".gr", "r"),
    ],
)
def test_curves_come_back(tmp_path, ending, abscissa):
    path = tmp_path / f"curve{ending}"
    write_curve(path, X, Y, abscissa=abscissa, title="a film\nof glass")
    curve = read_curve(path, abscissa)
    assert curve.x == pytest.approx(X)
    assert curve.y == pytest.approx(Y, rel=1e-8)
    assert curve.sigma is None
    assert curve.abscissa == abscissa


def test_errors_come_back(tmp_path):
    write_curve(tmp_path / "curve.xye", X, Y, sigma=np.sqrt(Y), abscissa="two_theta")
    assert read_curve(tmp_path / "curve.xye", "two_theta").sigma == pytest.approx(np.sqrt(Y), rel=1e-8)


def test_columns_of_pdfgetx(tmp_path):
    path = tmp_path / "ni.gr"
    path.write_text(
        "[DEFAULT]\nqmax = 26\n#### start data\n#L r(A) G(r) d_r d_Gr\n0.1 -0.3 0 0.01\n0.2 0.1 0 0.02\n0.3 1 0 0.03\n"
    )
    curve = read_curve(path, "r")
    assert curve.y.tolist() == [-0.3, 0.1, 1.0]
    assert curve.sigma.tolist() == [0.01, 0.02, 0.03]


XRDML = """<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement><scan>
<dataPoints><positions axis="2Theta" unit="deg"><startPosition>20.0</startPosition><endPosition>24.0</endPosition>
</positions><positions axis="Omega" unit="deg"><commonPosition>1.0</commonPosition></positions>
<intensities unit="counts">5 7 9 8 6</intensities></dataPoints></scan></xrdMeasurement></xrdMeasurements>"""


def test_xrdml(tmp_path):
    path = tmp_path / "scan.xrdml"
    path.write_text(XRDML)
    curve = read_curve(path, "two_theta")
    assert curve.x.tolist() == [20, 21, 22, 23, 24]
    assert curve.y.tolist() == [5, 7, 9, 8, 6]


@pytest.mark.parametrize(
    ("name", "text", "abscissa", "message"),
    [
        ("a.xy", "", "two_theta", "0 rows"),
        ("a.xy", "# only a heading\n", "two_theta", "0 rows"),
        ("a.xy", "20 1\n21 nan\n22 3\n", "two_theta", "y is NaN or infinite in row 2"),
        ("a.xy", "20 1\nnan 2\n22 3\n", "two_theta", "x is NaN or infinite in row 2"),
        ("a.xy", "20 1\n21 2\n21 3\n", "two_theta", "repeats at 21"),
        ("a.xy", "20 1\n22 2\n21 3\n", "two_theta", "falls after 22"),
        ("a.xy", "1 1\n2 2\n3 3\n", "two_theta", "looks like Q"),
        ("a.xy", "9 1\n8 2\n7 3\n", "two_theta", "looks like d"),
        ("a.xy", "200 1\n300 2\n400 3\n", "two_theta", "up to 180"),
        ("a.xy", "20 1\n60 2\n90 3\n", "Q", "looks like 2θ"),
        ("a.xy", "# Q (A^-1) I\n15 1\n16 2\n17 3\n", "two_theta", "Q in Å⁻¹ by the header"),
        ("a.xy", "# q_nm: q (nm^-1)\n15 1\n16 2\n17 3\n", "Q", "nm⁻¹ by the header"),
        ("a.xy", "# d-spacing\n15 1\n16 2\n17 3\n", "two_theta", "d in Å by the header"),
        ("a.xy", "20 1\nhalf way\n22 3\n", "two_theta", "half way"),
        ("a.xy", "20 1\n21\n22 3\n", "two_theta", "one number"),
        ("a.raw", "20 1\n21 2\n22 3\n", "two_theta", "ending .raw"),
        ("a.xrdml", "no xml", "two_theta", "not XML"),
        ("a.xrdml", "<a/>", "two_theta", "dataPoints"),
        ("a.xrdml", "<!DOCTYPE a><a/>", "two_theta", "document type"),
        ("a.xy", "20 1\n", "wavelength", "abscissa"),
        ("a.xy", "20,5 100\n21,5 101\n22,5 99\n", "two_theta", "decimal commas"),
        ("a.xy", "20 1 0.1\n21 2\n22 3 0.1\n", "two_theta", "2 numbers in row 2, 3 above"),
        ("a.xye", "20 1 0.1\n21 2 0\n22 3 0.1\n", "two_theta", "error of y is 0 in row 2"),
        ("a.dat", "0.2 1\n0.5 2\n0.7 3\n", "k", "1/d in Å⁻¹"),
        ("a.xy", "2\x000\x00", "two_theta", "binary"),
        ("a.xye", "20 1 nan\n21 2 nan\n22 3 nan\n", "two_theta", "error of y is nan in row 1"),
        ("a.dat", "20 1\n40 2\n59 3\n", "k", "from 20 to 59, which looks like 2θ or Q"),
        ("a.dat", "2 1\n40 2\n59 3\n", "k", "from 2 to 59, which looks like 2θ or Q"),
        ("a.dat", "20 1\n40 2\n59 3\n", "Q", "from 20 to 59, which looks like 2θ or Q in nm⁻¹"),
        ("a.gr", "# r (nm) G\n0.1 1\n0.2 2\n0.3 3\n", "r", "r in nm by the header"),
        ("a.xy", "# theta I\n15 1\n16 2\n17 3\n", "two_theta", "θ, not 2θ, by the header"),
        ("a.dat", "3 1\n3 2\n4 3\n", "k", "repeats at 3"),
        ("a.gr", "3 1\n2 2\n4 3\n", "r", "falls after 3"),
        ("a.gr", "", "r", "0 rows"),
        ("a.csv", "k (1/nm),V\n", "k", "0 rows"),
    ],
)
def test_every_mistake_has_its_line(tmp_path, name, text, abscissa, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_curve(path, abscissa)
    assert "\n" not in str(caught.value)
    assert "allowed" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_curve(tmp_path / "nothing.xy", "two_theta")


@pytest.mark.parametrize(
    ("name", "y", "options"),
    [
        ("a.xye", Y, {}),
        ("a.raw", Y, {}),
        ("a.gr", Y, {}),
        ("a.xy", Y[:-1], {}),
        ("a.xy", np.where(X > 30, np.nan, Y), {}),
    ],
)
def test_what_cannot_be_written(tmp_path, name, y, options):
    with pytest.raises(InputError, match="allowed"):
        write_curve(tmp_path / name, X, y, abscissa="two_theta", **options)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("sigma", [None, 2.0])
def test_scale_and_background_are_found(sigma):
    pattern = nanocrystal_pattern("La2Zr2O7", 50.0, two_theta=(15.0, 60.0, 0.05))
    rng = np.random.default_rng(6)
    at = np.arange(18.0, 55.0, 0.1)
    truth = 0.3 * np.interp(at, pattern.two_theta, pattern.intensity) + 40 - 0.5 * at
    errors = None if sigma is None else np.full(at.size, sigma)
    curve = MeasuredCurve(at, truth + rng.normal(0, 2.0, at.size), errors, "two_theta", "synthetic")
    found = lay_over(curve, pattern.two_theta, pattern.intensity)
    assert found.scale == pytest.approx(0.3, rel=0.01)
    assert found.background == pytest.approx(40 - 0.5 * at, abs=1.5)
    assert np.std(found.residual) == pytest.approx(2.0, rel=0.1)
    assert found.correlation > 0.99
    assert 0 < found.rwp < found.rwp_background
    assert found.to_dict()["n_points"] == at.size
    exact = lay_over(MeasuredCurve(at, truth, None, "two_theta", ""), pattern.two_theta, pattern.intensity)
    assert exact.rwp < 1e-6


def test_a_model_that_does_not_help_gets_scale_zero():
    curve = MeasuredCurve(X, -Y, None, "two_theta", "")
    assert lay_over(curve, X, Y, background=0).scale == 0


def test_pdf_without_background():
    r = np.arange(1, 15, 0.05)
    G = np.sin(3 * r) * np.exp(-r / 5)
    curve = MeasuredCurve(r[10:-10], 2 * G[10:-10], None, "r", "")
    found = lay_over(curve, r, G, background=-1, window=(2.0, 10.0))
    assert found.scale == pytest.approx(2)
    assert found.x[0] >= 2.0
    assert found.x[-1] <= 10.0
    assert not found.background.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": 20}, "degree 20"),
        ({"window": (15.0, 16.0)}, "overlap"),
        ({"x": X[::-1]}, "rise"),
        ({"x": X + 100}, "overlap"),
    ],
)
def test_unusable_comparisons(options, message):
    with pytest.raises(InputError, match=message):
        lay_over(MeasuredCurve(X, Y, None, "two_theta", ""), **{"x": X, "y": Y, **options})


def test_measured_lines_go_through_the_same_fit():
    curve = MeasuredCurve(X, Y, None, "two_theta", "film.xy")
    fit = fit_line(measured_pattern(curve, 1.5406), 28.5, window=(22.0, 35.0), shape="gaussian")
    assert fit.two_theta == pytest.approx(28.5, abs=1e-3)
    with pytest.raises(InputError, match="2θ"):
        measured_pattern(MeasuredCurve(X, Y, None, "r", "a.gr"), 1.5406)


PDFGETX3 = """[DEFAULT]
version = pdfgetx3
dataformat = twotheta
wavelength = 0.1667
twothetazero = 0
#### start data

#S 1
#L {columns}
"""


@pytest.mark.parametrize(
    ("name", "columns", "abscissa"),
    [
        ("a.gr", r"r($\AA$)  G($\AA^{-2}$)", "r"),
        ("a.fq", r"Q($\AA^{-1}$)  F($\AA^{-1}$)", "Q"),
        ("a.sq", r"Q($\AA^{-1}$)  S", "Q"),
    ],
)
def test_files_of_pdf_programs_tell_of_their_raw_data_too(tmp_path, name, columns, abscissa):
    (tmp_path / name).write_text(PDFGETX3.format(columns=columns) + "1.0 2\n1.5 3\n2.0 4\n")
    assert read_curve(tmp_path / name, abscissa).y.tolist() == [2, 3, 4]
    with pytest.raises(InputError, match="by the header"):
        read_curve(tmp_path / name, "two_theta")


@pytest.mark.parametrize(
    ("heading", "unit"),
    [
        ("# --> q_nm^-1 I sigma", "nm⁻¹"),
        ("# q_A^-1 I", "Å⁻¹"),
        ("Q-Space (Inverse Nanometres)", "nm⁻¹"),
        ("# 2th_deg I", "2θ"),
        ("2-Theta Angle (Degrees)", "2θ"),
        ("# k (nm^-1) V", "k = 1/d"),
    ],
)
def test_headings_of_integration_programs(tmp_path, heading, unit):
    (tmp_path / "a.dat").write_text(f"{heading}\n15 1\n16 2\n17 3\n")
    with pytest.raises(InputError, match=f"x is .*{unit}.* by the header"):
        read_curve(tmp_path / "a.dat", "r")


def test_mark_of_windows_costs_no_row(tmp_path):
    (tmp_path / "a.xy").write_bytes("\ufeff20 1\r\n21 2\r\n22 3\r\n".encode())
    assert read_curve(tmp_path / "a.xy", "two_theta").x.tolist() == [20, 21, 22]


@pytest.mark.parametrize(("title", "known"), [("sigma", True), ("weight", False)])
def test_errors_of_a_csv_are_known_by_their_title(tmp_path, title, known):
    (tmp_path / "a.csv").write_text(f"2theta (deg),y,{title}\n20,1,0.5\n21,2,0.5\n22,3,0.5\n")
    assert (read_curve(tmp_path / "a.csv", "two_theta").sigma is not None) == known


@pytest.mark.parametrize(
    ("name", "abscissa", "text"),
    [
        ("fit2d.chi", "two_theta", "film.tif\r\n2-Theta Angle (Degrees)\r\nIntensity\r\n       3\r\n{rows}"),
        ("pairs.chi", "two_theta", "film.tif\n2-Theta Angle (Degrees)\nIntensity\n   3   0\n{rows}"),
        (
            "bruker.txt",
            "two_theta",
            ";RAW4.00\n[Data]\nAngle,      PSD,\n20.0,    1,\n20.5,    2,\n21.0,    4,\n",
        ),
        ("bruker.xy", "two_theta", '\'Id: "" Scantype: "Coupled TwoTheta/Theta"\r\n{rows}'),
        (
            "xpert.csv",
            "two_theta",
            "[Scan points]\nAngle,TimePerStep,Intensity,ESD\n20,9,1,1\n20.5,9,2,1\n21,9,4,2\n",
        ),
        ("excel.csv", "two_theta", 'sep=,\n"2theta","I"\n"20.0","1"\n"20.5","2"\n"21.0","4"\n'),
        ("semicolons.csv", "two_theta", "\ufeff2Theta;Intensität\r\n20.0;1\r\n20.5;2\r\n21.0;4\r\n"),
        ("pandas.csv", "k", ",k (1/nm),V\n0,2.0,1\n1,2.5,2\n2,3.0,4\n"),
        ("gsas.xye", "two_theta", "/*\nGSAS-II\n*/\n  20.0  1.0  0.5\n  20.5  2.0  0.5\n  21.0  4.0  0.5\n"),
    ],
)
def test_files_as_programs_write_them(tmp_path, name, abscissa, text):
    path = tmp_path / name
    path.write_bytes(text.format(rows="20.0 1\n20.5 2\n21.0 4\n").encode())
    curve = read_curve(path, abscissa)
    assert curve.x.tolist() == ([2, 2.5, 3] if abscissa == "k" else [20, 20.5, 21])
    assert curve.y.tolist() == [1, 2, 4]
    assert (curve.sigma is not None) == (name in {"xpert.csv", "gsas.xye"})


def test_structure_factors_come_back(tmp_path):
    Q = np.linspace(0.5, 12, 50)
    for ending in (".sq", ".fq"):
        write_curve(tmp_path / f"a{ending}", Q, np.sin(Q), abscissa="Q")
        assert read_curve(tmp_path / f"a{ending}", "Q").y == pytest.approx(np.sin(Q), abs=1e-8)


def test_repeated_scans_are_added_and_absorbers_undone(tmp_path):
    scan = XRDML[XRDML.index("<scan>") : XRDML.index("</scan>") + 7]
    path = tmp_path / "scan.xrdml"
    path.write_text(XRDML.replace(scan, scan + scan))
    assert read_curve(path, "two_theta").y.tolist() == [10, 14, 18, 16, 12]
    counts = scan.replace(
        '<intensities unit="counts">5 7 9 8 6</intensities>',
        "<beamAttenuationFactors>1 1 10 10 1</beamAttenuationFactors><counts>5 7 9 8 6</counts>",
    )
    path.write_text(XRDML.replace(scan, counts))
    assert read_curve(path, "two_theta").y.tolist() == [5, 7, 90, 80, 6]
    path.write_text(XRDML.replace(scan, scan + scan.replace("24.0", "25.0")))
    with pytest.raises(InputError, match=r"2 scans of different ranges.*--scan 1 to 2"):
        read_curve(path, "two_theta")
    path.write_text(XRDML.replace("5 7 9", "5 n.a. 9"))
    with pytest.raises(InputError, match="allowed: an XRDML file with numbers"):
        read_curve(path, "two_theta")
