"""Files of instruments' programs, with the numbers of files that these wrote (sources: docs/xrd.md)."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from alzmodel.errors import InputError
from alzmodel.scattering.curves.reader import read_curve

FLOATS = np.dtype("<f4")


def laid(size, *fields):
    """Bytes with values at their places."""
    found = bytearray(size)
    for place, form, *values in fields:
        struct.pack_into(f"<{form}", found, place, *values)
    return bytes(found)


def counts(values):
    return np.array(values, FLOATS).tobytes()


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return packed.getvalue()


# BT86: a clay, Diffrac Plus; the same scan as .UXD by the vendor's converter says 187, 183, 178, 174 from 3.000°.
BT86 = [187, 183, 178, 174]


def raw3(*ranges, anode=(1.5406, 1.54439)):
    head = laid(712, (0, "7s", b"RAW1.01"), (12, "I", len(ranges)), (608, "2s", b"Cu"), (624, "2d", *anode))
    for start, step, values, kind, chi in ranges:
        fields = [(0, "II", 304, len(values)), (8, "3d", start / 2, start, chi), (176, "d", step)]
        head += laid(344, *fields, (196, "I", kind), (252, "II", 4, 40)) + counts(values)
    return head


# A copper alloy by DIFFRAC 5: 7264, 7202, 7335 from 37.0001° in steps of 0.0204545°.
ALLOY = [7264, 7202, 7335, 7463]


def raw4(kind=b"Locked Coupled", start=37.0001, drive=37.0001):
    text = laid(42, (0, "II", 10, 42), (12, "4s", b"USER"))
    source = laid(
        136, (0, "II", 30, 136), (72, "5d", 1.5418, 1.5406, 1.54439, 1.39222, 0.5), (116, "2s", b"Cu")
    )
    own = laid(92, (0, "III", 50, 92, 2), (12, "6s", b"2Theta"), (56, "d", drive))
    scan = laid(160, (32, "24s", kind), (72, "2d", start, 0.02045454498), (88, "I", 4), (136, "II", 4, 92))
    return laid(61, (0, "7s", b"RAW4.00")) + text + source + scan + own + counts(ALLOY)


def test_bruker_raw_of_version_three(tmp_path):
    path = tmp_path / "BT86.raw"
    path.write_bytes(raw3((3.0, 0.0155922, BT86, 0, 0.0)))
    curve = read_curve(path, "two_theta")
    assert curve.x == pytest.approx([3.0, 3.0155922, 3.0311844, 3.0467766])
    assert curve.y.tolist() == BT86
    assert curve.wavelength == 1.5406
    assert "Kα2, 1.54439 Å" in curve.notes[0]
    path.write_bytes(raw3((3.0, 0.02, BT86, 0, 0.0), (30.0, 0.02, BT86, 0, 0.0)))
    with pytest.raises(InputError, match="2 scans of different ranges"):
        read_curve(path, "two_theta")
    assert read_curve(path, "two_theta", scan=2).x[0] == 30
    path.write_bytes(raw3((3.0, 0.02, BT86, 0, 0.0), (3.0, 0.02, BT86, 0, 5.0)))
    with pytest.raises(InputError, match=r"Chi \(0 and 5\)"):
        read_curve(path, "two_theta")
    path.write_bytes(raw3((3.0, 0.02, BT86, 3, 0.0)))
    with pytest.raises(InputError, match="a scan of kind 3"):
        read_curve(path, "two_theta")
    for cut in (-4, -400, -900):
        path.write_bytes(raw3((3.0, 0.02, BT86, 0, 0.0))[:cut])
        with pytest.raises(InputError, match=r"ends early|bytes, its scans take"):
            read_curve(path, "two_theta")


def test_bruker_raw_of_version_four(tmp_path):
    path = tmp_path / "alloy.raw"
    path.write_bytes(raw4())
    curve = read_curve(path, "two_theta")
    assert curve.x == pytest.approx(37.0001 + 0.02045454498 * np.arange(4))
    assert curve.y.tolist() == ALLOY
    assert curve.wavelength == 1.5406
    for content, named in (
        (raw4(kind=b"Rocking Curve"), "Rocking Curve"),
        (raw4(drive=18.5), "2θ at 18.5"),
        (raw4()[:-4], "ends early"),
        (raw4()[:200], "no scan"),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match=named):
            read_curve(path, "two_theta")


def test_bruker_raw_of_the_first_versions(tmp_path):
    # A vinegar-coloured clay of 1993: 665, 632, 637, 624 from 4.98° in steps of 0.04°.
    head = laid(
        156, (0, "4s", b"RAW "), (4, "Iff", 4, 4.0, 0.04), (24, "f", 4.98), (72, "2f", 1.5406, 1.54443)
    )
    (tmp_path / "one.raw").write_bytes(head + counts([665, 632, 637, 624]))
    curve = read_curve(tmp_path / "one.raw", "two_theta")
    assert curve.x == pytest.approx([4.98, 5.02, 5.06, 5.10], abs=1e-5)
    assert curve.y.tolist() == [665, 632, 637, 624]
    # Zincite, 1997: 222, 187, 198, 198 from 5° in steps of 0.02°; (101) at 36.26°.
    head = laid(256, (0, "4s", b"RAW2"), (4, "H", 1), (188, "2s", b"Cu"), (190, "2f", 1.5406, 1.5443))
    head += laid(60, (0, "HH", 60, 4), (8, "3f", 3.0, 0.02, 5.0))
    (tmp_path / "two.raw").write_bytes(head + counts([222, 187, 198, 198]))
    curve = read_curve(tmp_path / "two.raw", "two_theta")
    assert curve.x == pytest.approx([5.0, 5.02, 5.04, 5.06], abs=1e-5)
    assert curve.wavelength == pytest.approx(1.5406)


def test_rigaku_raw(tmp_path):
    # Ultima IV, PDXL's predecessor: 1158, 1129, 1105, 1142 from 10°, 4501 points to 100° (here 4 to 10.06°).
    path = tmp_path / "ultima.raw"
    good = laid(3158, (0, "4s", b"FI\0\0"), (2962, "3f", 10.0, 10.06, 0.02), (3154, "I", 4))
    path.write_bytes(good + counts([1158, 1129, 1105, 1142]))
    curve = read_curve(path, "two_theta")
    assert curve.x == pytest.approx([10, 10.02, 10.04, 10.06], abs=1e-5)
    assert curve.y.tolist() == [1158, 1129, 1105, 1142]
    path.write_bytes(good + counts([1158, 1129, 1105]))
    with pytest.raises(InputError, match="Rigaku in another layout"):
        read_curve(path, "two_theta")


@pytest.mark.parametrize(
    ("content", "named"), [(b"RAW_1.06Powdat" + bytes(90), "STOE"), (b"\0\1\2\3" * 99, "no known program")]
)
def test_raw_of_others_is_refused_by_name(tmp_path, content, named):
    (tmp_path / "a.raw").write_bytes(content)
    with pytest.raises(InputError, match=named):
        read_curve(tmp_path / "a.raw", "two_theta")


BRML = """<?xml version="1.0"?><RawData><DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation><ScanAxes>
{axes}</ScanAxes></ScanInformation>
<Datum>191,1,20,10,1096</Datum><Datum>191,1,20.0246,10.0123,1150</Datum><Datum>191,1,20.0491,10.0246,1159</Datum>
</DataRoute></DataRoutes><FixedInformation><Tube><WaveLengthAlpha1 Unit="A" Value="1.5406"/><WaveLengthAlpha2 Unit="A"
Value="1.54439"/></Tube></FixedInformation></RawData>"""
AXIS = '<ScanAxisInfo AxisId="{}" Unit="deg"><Start>{}</Start></ScanAxisInfo>'


def test_brml(tmp_path):
    path = tmp_path / "a.brml"
    axes = AXIS.format("TwoTheta", 20) + AXIS.format("Theta", 10)
    path.write_bytes(zipped(Experiment0__RawData0=""))
    with pytest.raises(InputError, match="no measured scan"):
        read_curve(path, "two_theta")
    path.write_bytes(zipped(**{"Experiment0__RawData0.xml": BRML.format(axes=axes)}))
    curve = read_curve(path, "two_theta")
    assert curve.x.tolist() == [20, 20.0246, 20.0491]
    assert curve.y.tolist() == [1096, 1150, 1159]
    assert curve.wavelength == 1.5406
    for axes, named in (
        (AXIS.format("Phi", 20), "a scan over Phi"),
        (AXIS.format("TwoTheta", 10), "2θ = 10°"),
    ):
        path.write_bytes(zipped(**{"Experiment0__RawData0.xml": BRML.format(axes=axes)}))
        with pytest.raises(InputError, match=named):
            read_curve(path, "two_theta")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match="does not unpack"):
        read_curve(path, "two_theta")


UXD = """; converted by XCH V1.0
_FILEVERSION=2
_WL1=1.540600
_WL2=1.544390
_ANODE='Cu'
; (Data for Range number 1)
_DRIVE='{drive}'
_STEPSIZE=0.015592
_START=3.000000
{data}
"""


@pytest.mark.parametrize(
    ("data", "x"),
    [
        ("_2THETACOUNTS\n3.000\t187\n3.016\t183\n3.031\t178\n3.047\t174", [3.0, 3.016, 3.031, 3.047]),
        ("_COUNTS\n187 183 178\n174", [3.0, 3.015592, 3.031184, 3.046776]),
    ],
)
def test_uxd(tmp_path, data, x):
    (tmp_path / "a.uxd").write_text(UXD.format(drive="COUPLED", data=data))
    curve = read_curve(tmp_path / "a.uxd", "two_theta")
    assert curve.x == pytest.approx(x)
    assert curve.y.tolist() == BT86
    assert curve.wavelength == 1.5406
    (tmp_path / "a.uxd").write_text(UXD.format(drive="PHI", data=data))
    with pytest.raises(InputError, match="scan of PHI"):
        read_curve(tmp_path / "a.uxd", "two_theta")


RAS = """*RAS_DATA_START\r
*RAS_HEADER_START\r
*HW_XG_WAVE_LENGTH_ALPHA1 "1.540593"\r
*HW_XG_WAVE_LENGTH_ALPHA2 "1.544414"\r
*MEAS_COND_XG_WAVE_TYPE "{wave}"\r
*MEAS_SCAN_AXIS_X_INTERNAL "{axis}"\r
*RAS_HEADER_END\r
*RAS_INT_START\r
2.0000 7994.0000 1.0000\r
2.0200 7788.0000 1.0000\r
2.0400 7984.0000 10.0000\r
*RAS_INT_END\r
*RAS_DATA_END\r
"""


def test_ras(tmp_path):
    path = tmp_path / "a.ras"
    path.write_text(RAS.format(axis="TwoTheta", wave="Ka"))
    curve = read_curve(path, "two_theta")
    assert curve.x.tolist() == [2, 2.02, 2.04]
    assert curve.y.tolist() == [7994, 7788, 79840]
    assert curve.wavelength == 1.540593
    assert len(curve.notes) == 1
    path.write_text(RAS.format(axis="TwoThetaOmega", wave="Ka1"))
    assert read_curve(path, "two_theta").notes == ()
    for axis in ("Omega", "TwoThetaChi", "Phi"):
        path.write_text(RAS.format(axis=axis, wave="Ka"))
        with pytest.raises(InputError, match="another axis"):
            read_curve(path, "two_theta")
    path.write_text(RAS.format(axis="TwoTheta", wave="Ka").partition("2.0400")[0])
    with pytest.raises(InputError, match="ends among the counts"):
        read_curve(path, "two_theta")


CONDITIONS = """<?xml version="1.0"?><MeasurementConditions><HWConfigurations><XrayGenerator><WaveType>Ka1</WaveType>
<WavelengthKalpha1>1.540593</WavelengthKalpha1><WavelengthKalpha2>1.544414</WavelengthKalpha2></XrayGenerator>
</HWConfigurations><Axes><Axis Name="{axis}" Position="10" State="Scan"/></Axes></MeasurementConditions>"""
PROFILE = (
    "\ufeff10.0000\t170.55354309082\t1\r\n10.0400\t170.541732788086\t1\r\n10.0800\t150.785751342773\t1\r\n"
)


def test_rasx(tmp_path):
    path = tmp_path / "a.rasx"
    members = {
        "Data0__Profile0.txt": PROFILE,
        "Data0__MesurementConditions0.xml": CONDITIONS.format(axis="TwoTheta"),
    }
    path.write_bytes(zipped(**members))
    curve = read_curve(path, "two_theta")
    assert curve.x.tolist() == [10, 10.04, 10.08]
    assert curve.y == pytest.approx([170.5535, 170.5417, 150.7858], abs=1e-4)
    assert curve.wavelength == 1.540593
    assert curve.notes == ()
    members["Data0__MesurementConditions0.xml"] = CONDITIONS.format(axis="Omega")
    path.write_bytes(zipped(**members))
    with pytest.raises(InputError, match="another axis"):
        read_curve(path, "two_theta")
    path.write_bytes(zipped(**{"Data0__Image0.dat": "1"}))
    with pytest.raises(InputError, match="no profile"):
        read_curve(path, "two_theta")


def test_asc(tmp_path):
    text = (
        "*TYPE = Raw\n*SCAN_AXIS = {}\n*WAVE_LENGTH1 = 1.54059\n*START = 4\n*STEP = 0.01\n*COUNT = {}\n"
        "767, 794\n798,\n*END\n"
    )
    (tmp_path / "a.asc").write_text(text.format("2theta/theta", 3))
    curve = read_curve(tmp_path / "a.asc", "two_theta")
    assert curve.x == pytest.approx([4, 4.01, 4.02])
    assert curve.y.tolist() == [767, 794, 798]
    assert curve.wavelength == 1.54059
    (tmp_path / "a.asc").write_text(text.format("omega", 3))
    with pytest.raises(InputError, match="another axis"):
        read_curve(tmp_path / "a.asc", "two_theta")
    (tmp_path / "a.asc").write_text(text.format("2theta/theta", 5))
    with pytest.raises(InputError, match="3 counts"):
        read_curve(tmp_path / "a.asc", "two_theta")


# 11-BM's own file (NAC), NIST's LaB6 in ten columns, LaMnO3 by a neutron diffractometer in five pairs.
FXYE = (
    "NAC\n# Calibrated wavelength = 0.413909\nBANK  1 3 3 CONS 50.00 0.10 0 0 FXYE\n"
    " 50 239.933 16.08\n 50.1 244.123 16.18\n 50.2 224.02 15.6\n"
)
STD = "Sample\nBANK 1 12 2 CONST 1500.66 1.31303 0 0 STD\n" + "".join(
    "".join(f"{value:8d}" for value in row) + "\n"
    for row in ([2364, 2382, 2386, 2357, 2383, 2462, 2408, 2528, 2350, 2437], [2444, 2427])
)
ESD = (
    "lamno\nBANK  1 6 2 CONST     300.00      5.00 0 0 ESD\n"
    "    523.     48.    442.     44.    527.     48.    585.     51.    420.     43.\n    456.     44.\n"
)


@pytest.mark.parametrize(
    ("name", "text", "x", "y", "sigma", "wavelength"),
    [
        ("a.fxye", FXYE, [0.5, 0.501, 0.502], [239.933, 244.123, 224.02], [16.08, 16.18, 15.6], 0.413909),
        ("a.raw", FXYE, [0.5, 0.501, 0.502], [239.933, 244.123, 224.02], [16.08, 16.18, 15.6], 0.413909),
        ("a.gsas", STD, [15.0066, 15.01973, 15.03286], [2364, 2382, 2386], [48.621, 48.8057, 48.8467], None),
        ("a.gsas", STD.replace("    2364", " 4  2364"), [15.0066], [2364], [24.3105], None),
        ("a.gda", ESD, [3.0, 3.05, 3.1], [523, 442, 527], [48, 44, 48], None),
        ("a.dat", ESD, [3.0, 3.05, 3.1], [523, 442, 527], [48, 44, 48], None),
    ],
)
def test_gsas(tmp_path, name, text, x, y, sigma, wavelength):
    (tmp_path / name).write_text(text)
    curve = read_curve(tmp_path / name, "two_theta")
    for found, expected in ((curve.x, x), (curve.y, y), (curve.sigma, sigma)):
        assert found[: len(expected)] == pytest.approx(expected, abs=1e-3)
    assert curve.wavelength == wavelength
    assert curve.x.size == {"N": 3, "S": 12, "l": 6}[text[0]]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (ESD.replace("CONST", "SLOG"), "time of flight"),
        (ESD.replace("ESD", "ALT"), "type ALT"),
        (ESD.replace(" 6 2", " 9 2"), "6 points in a bank of 9"),
        (ESD.replace("523.", "52x."), "words or gaps"),
        ("no bank\n1 2\n", "no line BANK"),
        ("BANK 1 2\n", "allowed: BANK n points"),
    ],
)
def test_gsas_that_is_refused(tmp_path, text, named):
    (tmp_path / "a.gsas").write_text(text)
    with pytest.raises(InputError, match=named):
        read_curve(tmp_path / "a.gsas", "two_theta")


# Ni by PDFgetX2 and LaMnO3 by PDFgetN: what stands in the tests of diffpy.pdfgui, headers cut to what could mislead.
NICKEL = """History written:       Wed Jul 30 00:37:52 2003
det#  used  xcol detcol deterrcol xmin  xmax  add_det  mul_det
  0    1    0    1    3    0.00000    35.0000    0.00000    1.00000
lambda=0.126514    energy=98.0010    polartype=2
#L symbol valence fractions z user_f1 user_f2 user_macoef
  Ni    0.00   1.000000    28   0.000000   0.000000   0.000000
##### start data
#F Ni_2-8.chi.gr
#S 1    G(r)
#L r    G(r)    d_r    d_Gr
   1.000000e-02    -7.734561e-02    -1.381170e-02     3.134926e-02
   2.000000e-02    -1.596764e-01    -2.762339e-02     6.045792e-02
   3.000000e-02    -2.516875e-01    -4.143509e-02     8.526468e-02
"""
MANGANITE = """History written: Fri Apr 30 13:05:36 2004
bank   angle   blendQmin   blendQmax       (0.0 means no info)
  1     90.0        1.62    29.42
  2    -90.0        1.62    29.42
##### start data
#O0 rg_int sig_rg_int low_int sig_low_int rmax rhofit
#S 1 - PDF from PDFgetN
#P0   -4.09986    0.44295    0.11702    0.01370    1.50  0.0731
#L r G(r) dr dG(r)
  0.010      0.086   0.0     0.0441
  0.020      0.149   0.0     0.0849
  0.030      0.169   0.0     0.1193
"""


@pytest.mark.parametrize(
    ("text", "y", "sigma", "wavelength"),
    [
        (NICKEL, [-0.07734561, -0.1596764, -0.2516875], [0.03134926, 0.06045792, 0.08526468], 0.126514),
        (MANGANITE, [0.086, 0.149, 0.169], [0.0441, 0.0849, 0.1193], None),
    ],
)
def test_pair_functions_of_pdfgetx2_and_pdfgetn(tmp_path, text, y, sigma, wavelength):
    (tmp_path / "a.gr").write_text(text)
    curve = read_curve(tmp_path / "a.gr", "r")
    assert curve.x.tolist() == [0.01, 0.02, 0.03]
    assert curve.y.tolist() == y
    assert curve.sigma.tolist() == sigma
    assert curve.wavelength == wavelength
