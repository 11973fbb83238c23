"""Wavelengths that files state in words are found, in Å."""

from __future__ import annotations

import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.curves.radiation import check_same_wavelength, wavelengths_of_header
from alzmodel.scattering.curves.reader import read_curve

ROWS = "20.0 1\n20.5 2\n21.0 4\n"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # The words of PANalytical's .csv, Bruker's .uxd and .xy, Rigaku's .ras, pyFAI, SrXplanar and others.
        ("K-Alpha1 wavelength,1.7890100", 1.78901),
        ("_WL1=1.936042", 1.936042),
        ('\'Id: "" Anode: "Mo" WL1: "0.7093" WL2: "0.71359"', 0.7093),
        ('*HW_XG_WAVE_LENGTH_ALPHA1 "2.289726"', 2.289726),
        ("# Wavelength: 1.8236e-11 m", 0.18236),
        ('#   "wavelength": 1.0332e-10,', 1.0332),
        ("wavelength = 0.1839", 0.1839),
        ("! lambda 1.54056 1.54439", 1.54056),
        ("# λ = 0.05594 nm", 0.5594),
        ("Wavelength (nm): 0.15406", 1.5406),
        ("# Wavelength [pm] 41.3", 0.413),
        ("# energy: 30.0 keV", 0.41328),
        ("Energy (eV) = 8047.8", 1.54060),
        ("# Co K-alpha radiation", 1.788996),
        ("radiation: CuKa2", 1.5444274),
        ("Anode material,Fe", 1.936041),
        ('*HW_XG_TARGET_NAME "Ag"', 0.55942178),
        ("# Wavelength: Co (1.78897 Å)", 1.78897),
        ("lambda/Å = 0.7107", 0.7107),
        ("wavelength_nm: 0.041", 0.41),
        ("wavelength_angstrom 0.4592", 0.4592),
        ("XrayWavelength=0.5", 0.5),
        ("# E = 60 keV", 0.20664),
        ("measured at P02.1, 59.8 keV", 0.20733),
        ("# Anode: Cobalt", 1.788996),
        ("molybdenum radiation, 45 kV", 0.70931715),
        ("# Fe tube", 1.936041),
        ("K-Beta wavelength,1.62079", None),
        ("45 kV, 40 mA", None),
        ("# sample of La2Zr2O7, 20 min", None),
        ("wavelength = 0", None),
        ("Wavelength = 1,54056", 1.54056),
        ("Wavelength 1,5406 Å", 1.5406),
        ("K-Alpha1;1,789", 1.789),
        ("# wave = 0.4127 A", 0.4127),
        ("a wave of 5 scans", None),
    ],
)
def test_wavelength_of_a_line(line, expected):
    found, _ = wavelengths_of_header([line], "a.xy")
    assert found == (None if expected is None else pytest.approx(expected, rel=2e-5))


def test_second_wavelength():
    assert wavelengths_of_header(["K-Alpha1 wavelength,1.78901", "K-Alpha2 wavelength,1.79290"], "") == (
        1.78901,
        1.7929,
    )


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (["wavelength 1.54", "wavelength 0.7"], "0.7 and 1.54"),
        (["wavelength = 40"], "wavelength of 40"),
        (["energy 0.1 keV"], "wavelength of 123"),
    ],
)
def test_wavelengths_that_are_none(lines, named):
    with pytest.raises(InputError, match=named):
        wavelengths_of_header(lines, "a.xy")


def test_user_and_file_must_agree():
    check_same_wavelength(1.540598, [1.5406], "a.xy")
    check_same_wavelength(1.5418, [1.5405929, 1.5444274, 1.541871], "a.xy")
    check_same_wavelength(None, [0.7], "a.xy")
    check_same_wavelength(1.78901, [], "a.xy")
    with pytest.raises(InputError, match=r"1\.78901 Å by the file, --wavelength is 1\.5406"):
        check_same_wavelength(1.78901, [1.5406], "a.xy")


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("a.xy", '\'Id: "" Anode: "Co" WL1: "1.78897"\n', 1.78897),
        ("a.csv", "Anode material,Cr\n[Scan points]\nAngle,Intensity\n", 2.289726),
        ("a.dat", "# Wavelength: 1.8236e-11\n# 2th_deg I\n", 0.18236),
        ("a.chi", "wavelength = 0.7093\nintegrationspace = twotheta\n#### start data\n", 0.7093),
    ],
)
def test_files_carry_their_wavelength(tmp_path, name, head, expected):
    (tmp_path / name).write_text(head + (ROWS.replace(" ", ",") if name.endswith("csv") else ROWS))
    curve = read_curve(tmp_path / name, "two_theta")
    assert curve.wavelength == pytest.approx(expected, rel=1e-6)
    with pytest.raises(InputError, match="by the file"):
        read_curve(tmp_path / name, "two_theta", wavelength=(1.5406,))


XRDML = """<?xml version="1.0"?><xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement>
<usedWavelength intended="{meant}">{lines}</usedWavelength>
<incidentBeamPath><xRayTube><anodeMaterial>{anode}</anodeMaterial>
</xRayTube></incidentBeamPath><scan><dataPoints><positions axis="2Theta" unit="deg"><startPosition>20</startPosition>
<endPosition>24</endPosition></positions><intensities unit="counts">5 7 9 8 6</intensities></dataPoints></scan>
</xrdMeasurement></xrdMeasurements>"""


@pytest.mark.parametrize(
    ("meant", "lines", "anode", "expected"),
    [
        (
            "K-Alpha 1",
            '<kAlpha1 unit="Angstrom">1.78901</kAlpha1><kAlpha2 unit="Angstrom">1.7929</kAlpha2>',
            "Co",
            1.78901,
        ),
        (
            "K-Alpha 2",
            '<kAlpha1 unit="Angstrom">1.78901</kAlpha1><kAlpha2 unit="Angstrom">1.7929</kAlpha2>',
            "Co",
            1.7929,
        ),
        ("K-Beta", '<kAlpha1 unit="nm">0.0709</kAlpha1><kBeta unit="nm">0.0632</kBeta>', "Mo", 0.632),
        ("K-Alpha", '<kAlpha1 unit="Angstrom">0.55941</kAlpha1>', "Ag", 0.55941),
        ("K-Alpha 1", "", "Fe", 1.936041),
    ],
)
def test_wavelength_of_xrdml(tmp_path, meant, lines, anode, expected):
    (tmp_path / "a.xrdml").write_text(XRDML.format(meant=meant, lines=lines, anode=anode))
    assert read_curve(tmp_path / "a.xrdml", "two_theta").wavelength == pytest.approx(expected)


def test_scans_that_are_no_repeats(tmp_path):
    scan = XRDML[XRDML.index("<scan>") : XRDML.index("</scan>") + 7]
    two = {"meant": "K-Alpha 1", "lines": "", "anode": "Cu"}
    for label in ("Phi", "Chi", "Z"):
        still = '</positions><positions axis="{}" unit="deg"><commonPosition>{}</commonPosition></positions>'
        first, second = (scan.replace("</positions>", still.format(label, value)) for value in (0, 5))
        (tmp_path / "a.xrdml").write_text(XRDML.format(**two).replace(scan, first + second))
        with pytest.raises(InputError, match=rf"2 scans of different {label} \(0 and 5\).*--scan 1 to 2"):
            read_curve(tmp_path / "a.xrdml", "two_theta")
        assert read_curve(tmp_path / "a.xrdml", "two_theta", scan=2).y.tolist() == [5, 7, 9, 8, 6]
    with pytest.raises(InputError, match="--scan 3"):
        read_curve(tmp_path / "a.xrdml", "two_theta", scan=3)
    (tmp_path / "a.xrdml").write_text(XRDML.format(**two).replace(scan, scan + scan))
    assert "2 repeats" in read_curve(tmp_path / "a.xrdml", "two_theta").notes[-1]
