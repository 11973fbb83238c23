"""What a file says is used, or it is refused: kind of x, columns, scans, packing, ways of writing numbers."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.curves.reader import read_curve

ROWS = "20.0 1\n20.5 2\n21.0 4\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "head", "named"),
    [
        ("a.chi", "[Experiment]\nintegrationspace = qspace\nqstep = 0.02\n#### start data\n", "Q in Å⁻¹"),
        ("a.xy", "# 2th_rad I\n", "radians"),
        ("a.dat", "tth(rad) counts\n", "radians"),
        ("a.csv", "q (1/nm),I\n", "Q in nm⁻¹"),
        ("a.txt", "Q I\n", "Q in Å⁻¹"),
        ("a.dat", "d-spacing(nm)  I\n", "d in nm"),
        ("a.xy", "TOF  intensity\n", "time of flight"),
        ("a.csv", "Time-of-flight (us),counts\n", "time of flight"),
        ("a.csv", "Energy (keV),counts\n", "an energy"),
        ("a.txt", "omega\tcounts\n", "another axis"),
        ("a.chi", "title\nRadial Distance (mm)\nIntensity\n 3\n", "another axis"),
        ("a.chi", "title\nAzimuth (Degrees)\nIntensity\n 3\n", "another axis"),
        ("a.xy", "# pixel  counts\n", "another axis"),
        ("a.chi", "title\nQ (inverse nm)\nIntensity\n 3\n", "Q in nm⁻¹"),
        ("a.chi", "title\nQ-Space (Inverse Angstroms)\nIntensity\n 3\n", "Q in Å⁻¹"),
        ("a.chi", "title\nRadial distance (q_nm^-1)\nIntensity\n 3\n", "Q in nm⁻¹"),
    ],
)
def test_another_abscissa_than_two_theta_is_refused(tmp_path, name, head, named):
    path = write(tmp_path, name, head + (ROWS.replace(" ", ",") if name.endswith("csv") else ROWS))
    with pytest.raises(InputError, match=named):
        read_curve(path, "two_theta")


@pytest.mark.parametrize(
    ("unit", "abscissa", "x", "wavelength", "expected"),
    [
        (
            "Q",
            "two_theta",
            [2.0, 3.0, 4.0],
            1.0,
            2 * np.degrees(np.arcsin(np.array([2, 3, 4]) / (4 * np.pi))),
        ),
        (
            "Q-nm",
            "two_theta",
            [20.0, 30.0, 40.0],
            1.0,
            2 * np.degrees(np.arcsin(np.array([2, 3, 4]) / (4 * np.pi))),
        ),
        # Si 111, 220, 311 of a = 5.43123 Å with Cu Kα1.
        ("d", "two_theta", [3.13572, 1.92023, 1.63758], 1.540593, [28.4409, 47.3000, 56.1191]),
        ("2theta-rad", "two_theta", [0.5, 1.0, 1.5], None, np.degrees([0.5, 1.0, 1.5])),
        ("theta", "two_theta", [10.0, 20.0, 30.0], None, [20.0, 40.0, 60.0]),
        ("2theta", "Q", [20.0, 40.0, 60.0], 0.5, 4 * np.pi * np.sin(np.radians([10, 20, 30])) / 0.5),
        ("Q-nm", "Q", [20.0, 40.0, 60.0], None, [2, 4, 6]),
        ("Q", "k", [2.0, 3.0, 4.0], None, np.array([2, 3, 4]) * 10 / (2 * np.pi)),
        ("k-A", "k", [0.2, 0.3, 0.4], None, [2, 3, 4]),
        ("r-nm", "r", [0.2, 0.3, 0.4], None, [2, 3, 4]),
    ],
)
def test_x_is_turned_when_its_unit_is_stated(tmp_path, unit, abscissa, x, wavelength, expected):
    path = write(tmp_path, "a.dat", "".join(f"{value} {number}\n" for number, value in enumerate(x, 1)))
    lines = () if wavelength is None else (wavelength,)
    curve = read_curve(path, abscissa, x_unit=unit, wavelength=lines)
    assert curve.x == pytest.approx(expected, abs=5e-4)
    assert curve.y.tolist() == [1, 2, 3]
    assert any("turned" in note for note in curve.notes)


def test_what_user_and_file_say_must_agree(tmp_path):
    path = write(tmp_path, "a.xy", "# Q (1/nm) I\n" + ROWS)
    assert read_curve(path, "Q", x_unit="Q-nm").x == pytest.approx([2, 2.05, 2.1])
    for unit, named in (("2theta", "says 2θ"), ("Q", "says Q in Å"), ("parsec", "unknown")):
        with pytest.raises(InputError, match=named):
            read_curve(path, "Q", x_unit=unit)
    with pytest.raises(InputError, match="does not turn into r"):
        read_curve(write(tmp_path, "b.xy", ROWS), "r", x_unit="Q")
    with pytest.raises(InputError, match="only with a wavelength"):
        read_curve(write(tmp_path, "c.xy", ROWS), "Q", x_unit="2theta")
    # Beyond backscattering there is no angle.
    far = read_curve(
        write(tmp_path, "d.xy", "2 1\n3 2\n4 4\n9 8\n"), "two_theta", x_unit="Q", wavelength=(1.54,)
    )
    assert far.y.tolist() == [1, 2, 4]
    assert "1 points beyond backscattering" in " ".join(far.notes)


@pytest.mark.parametrize(
    ("name", "head", "row", "y", "sigma"),
    [
        ("a.dat", "2theta yobs ycalc bkg\n", "{x} {y} 7 8\n", True, False),
        ("a.xy", "# 2theta  ycalc  yobs  diff\n", "{x} 7 {y} 8\n", True, False),
        ("a.txt", "tth\tIcalc\tIobs\tsigma\n", "{x}\t7\t{y}\t0.5\n", True, True),
        ("a.csv", "2Theta;Background;Counts;ESD\n", "{x};8;{y};0.5\n", True, True),
        ("a.dat", "No. 2theta(deg) Int. Weight\n", "1 {x} {y} 3\n", True, False),
        ("a.dat", "2theta Iobs sigma\ndeg counts counts\n", "{x} {y} 0.5\n", True, True),
        ("a.csv", "2theta, Bragg (RMC), Bragg (Expt)\n", "{x}, 7, {y}\n", True, False),
        ("a.dat", "tth I sigI\n", "{x} {y} 0.5\n", True, True),
        ("a.dat", "2Theta\tYobs\tYcal\tYobs-Ycal\n", "{x}\t{y}\t7\t8\n", True, False),
        ("a.dat", "2theta I0 I\n", "{x} 7 {y}\n", True, False),
        ("a.gr", "#### start data\n#L r(A) G(r) d_r d_Gr\n", "{x} {y} 0 0.5\n", True, True),
        ("a.gr", "#### start data\n#L r(A) G(r) d_r d_Gr\n", "{x} {y} 0 0\n", True, False),
        ("a.xye", "", "{x} {y} 0.5\n", True, True),
        ("a.dat", "", "{x} {y} 0.5 9\n", True, False),
        ("a.dat", "", "{x} {y} 0.5\n", True, True),
    ],
)
def test_titles_tell_what_a_column_is(tmp_path, name, head, row, y, sigma):
    path = write(tmp_path, name, head + "".join(row.format(x=20 + n, y=100 * n) for n in (1, 2, 3)))
    curve = read_curve(path, "r" if name.endswith("gr") else "two_theta")
    assert curve.x.tolist() == [21, 22, 23]
    assert curve.y.tolist() == [100, 200, 300]
    assert (curve.sigma.tolist() if sigma else curve.sigma) == ([0.5] * 3 if sigma else None)


def test_a_third_column_as_large_as_the_second_is_no_error(tmp_path):
    path = write(tmp_path, "a.dat", "20 100 98\n21 200 205\n22 150 151\n")
    curve = read_curve(path, "two_theta")
    assert curve.sigma is None
    assert "--columns 1,2,3" in curve.notes[0] or "--columns states others" in curve.notes[0]
    assert read_curve(path, "two_theta", columns="1,2,3").sigma.tolist() == [98, 205, 151]


def test_columns_are_stated(tmp_path):
    path = write(tmp_path, "a.txt", "angle one two e\n20 1 5 0.1\n21 2 6 0.2\n22 3 7 0.3\n")
    curve = read_curve(path, "two_theta", columns="angle,two,4")
    assert curve.y.tolist() == [5, 6, 7]
    assert curve.sigma.tolist() == [0.1, 0.2, 0.3]
    for columns, named in (
        ("1", "1 columns"),
        ("1,9", "no column 9"),
        ("1,1", "twice"),
        ("angle,three", "three"),
    ):
        with pytest.raises(InputError, match=named):
            read_curve(path, "two_theta", columns=columns)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mark.xy", "\ufeff" + ROWS),
        ("fortran.dat", " 0.200D+02  1.0D0\n 0.205D+02  2.0d+00\n 21.0  .4D1\n"),
        ("german.csv", "2Theta;Counts\n20,0;1,0\n20,5;2,0\n21,0;4,0\n"),
        ("quoted.csv", '"2Theta","Counts"\n"20,0","1,0"\n"20,5","2,0"\n"21,0","4,0"\n'),
        ("tabs.txt", "20,0\t1,0\n20,5\t2,0\n21,0\t4,0\n"),
        ("esd.dat", "20.0 1.00(5)\n20.5 2.00(5)\n21.0 4.00(5)\n"),
        ("dos.xy", ROWS.replace("\n", "\r\n")),
    ],
)
def test_ways_of_writing_numbers(tmp_path, name, content):
    curve = read_curve(write(tmp_path, name, content), "two_theta")
    assert curve.x.tolist() == [20, 20.5, 21]
    assert curve.y.tolist() == [1, 2, 4]
    assert curve.sigma is None or curve.sigma.tolist() == [0.05] * 3
    assert (curve.sigma is not None) == (name == "esd.dat")


def test_text_of_sixteen_bits(tmp_path):
    (tmp_path / "a.txt").write_bytes(ROWS.encode("utf-16"))
    assert read_curve(tmp_path / "a.txt", "two_theta").y.tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("ending", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_files(tmp_path, ending, pack):
    path = tmp_path / f"a.xy{ending}"
    path.write_bytes(pack(ROWS.encode()))
    assert read_curve(path, "two_theta").y.tolist() == [1, 2, 4]
    path.write_bytes(pack(ROWS.encode())[:-9])
    with pytest.raises(InputError, match="does not unpack"):
        read_curve(path, "two_theta")


@pytest.mark.parametrize("ending", [".xy", ".dat", ".xy.gz", ".xye.zip"])
@pytest.mark.parametrize("pack", ["gzip", "bzip2", "zip", "none"])
def test_packing_is_told_by_the_first_bytes(tmp_path, ending, pack):
    path = tmp_path / f"a{ending}"
    rows = ROWS.replace("\n", " 1\n") if "xye" in ending else ROWS
    if pack == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.xy", rows)
    else:
        path.write_bytes({"gzip": gzip.compress, "bzip2": bz2.compress, "none": bytes}[pack](rows.encode()))
    assert read_curve(path, "two_theta").y.tolist() == [1, 2, 4]


def test_zip_holds_one_curve(tmp_path):
    path = tmp_path / "a.zip"
    for names, error in (
        (["a.dat", "read.me"], None),
        (["a.dat", "b.xy"], "2 curves"),
        (["read.me"], "0 curves"),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, ROWS)
        if error is None:
            assert read_curve(path, "two_theta").y.tolist() == [1, 2, 4]
        else:
            with pytest.raises(InputError, match=error):
                read_curve(path, "two_theta")


SHORT = """History written: today
##### Settings
#L par sample container
1.0 2.0
title=my powder
##### start data
#L r(A) G(r) d_r d_Gr
{rows}"""


@pytest.mark.parametrize(
    ("name", "abscissa", "text"),
    [
        ("short.gr", "r", SHORT),
        ("short.sq", "Q", SHORT.replace("r(A) G(r) d_r d_Gr", "Q S dQ dS")),
        ("getn.gr", "r", SHORT.replace("##### start", "#### start").replace("1.0 2.0", "1 2 3 4 5\n7 8")),
        (
            "short.chi",
            "two_theta",
            "[Experiment]\n1 2 3\nintegrationspace = twotheta\n#### start data\n{rows}",
        ),
    ],
)
def test_only_what_follows_the_mark_counts(tmp_path, name, abscissa, text):
    rows = "".join(f"{2 + 0.1 * n:.2f} {n} 0.0 0.01\n" for n in range(12))
    curve = read_curve(write(tmp_path, name, text.format(rows=rows)), abscissa)
    assert curve.x.size == 12
    assert curve.x[[0, -1]].tolist() == [2.0, 3.1]


def test_what_could_be_meant_as_well_is_told(tmp_path):
    path = write(tmp_path, "a.csv", "2theta,glass,crystal\n20,1,5\n21,2,6\n22,3,7\n")
    curve = read_curve(path, "two_theta")
    assert curve.y.tolist() == [1, 2, 3]
    assert "column glass is taken; crystal are left out" in " ".join(curve.notes)
    bare = read_curve(write(tmp_path, "b.xy", ROWS), "two_theta")
    assert "taken for 2θ in degrees, which nothing says" in " ".join(bare.notes)
    assert read_curve(path, "two_theta", x_unit="2theta", columns="2theta,crystal").notes == ()


@pytest.mark.parametrize(
    ("ending", "kind"), [(".gr", "r in Å"), (".fq", "Q in Å"), (".sq", "Q in Å"), (".iq", "Q in Å")]
)
def test_endings_of_pdf_programs_say_what_x_is(tmp_path, ending, kind):
    path = write(tmp_path, f"a{ending}", "".join(f"{20 + n} {n}\n" for n in range(1, 5)))
    with pytest.raises(InputError, match=kind):
        read_curve(path, "two_theta")


def test_scans_of_spec_are_told_apart(tmp_path):
    text = "#F a.spec\n# wavelength 0.7\n#S 1  ascan tth 20 22\n#L tth  Det\n20 1\n21 2\n22 4\n\n#S 2  ascan tth\n"
    path = write(tmp_path, "a.dat", text + "#L tth  Det\n30 1\n31 2\n32 4\n")
    with pytest.raises(InputError, match="2 scans of different ranges"):
        read_curve(path, "two_theta")
    curve = read_curve(path, "two_theta", scan=2)
    assert curve.x.tolist() == [30, 31, 32]
    assert curve.wavelength == 0.7
