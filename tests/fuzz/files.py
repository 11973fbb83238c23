"""Good and bad files for every reader, each written once and shared."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
from ase import Atoms

import alzmodel
from tests.scattering.curves.test_vendors import AXIS, BRML, CONDITIONS, RAS, UXD, laid, raw3, raw4, zipped

ROOT = Path(alzmodel.__file__).parent
BOMB = 3 << 30
"""Bytes that the compressed files unpack to."""
TOML_NUMBERS = (
    *(
        "true",
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "1e308",
        "1e-308",
        "10000000000000000000000",
        "1e15",
        "1.5",
        "3",
        "100000",
    ),
    *("1000", "1e6", "0.001", "-0.0", "1000000000"),
)
XYZ = 'Lattice="10 0 0 0 10 0 0 0 10" Properties=species:S:1:pos:R:3 pbc="T T T"'
ORDINARY = (
    "a cell\n\n4 atoms\n2 atom types\n0 4.2 xlo xhi\n0 4.2 ylo yhi\n0 4.2 zlo zhi\n\nAtoms # atomic\n\n"
    "1 1 0 0 0\n2 1 2.1 2.1 0\n3 2 2.1 0 0\n4 2 0 2.1 0\n"
)
TOML_VALUES = (
    *(
        "true",
        "false",
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "1e308",
        "1e-308",
        "10000000000000000000000",
        "[]",
        "{}",
    ),
    *(
        '""',
        '"x"',
        "[1, 2]",
        "[true]",
        "1979-05-27",
        "[[]]",
        '"\\u0000"',
        '"$\\\\frac{$"',
        "100000000",
        "1.5",
        "3",
    ),
    *(
        "[nan]",
        "['a', 1]",
        "{ a = 1 }",
        '"../.."',
        '"\\n"',
        "1e15",
        "[10.0, 80.0, 1e-9]",
        "[-1.0]",
        "12:00:00",
    ),
)


# Bad files, by name: each is written once and shared.
def _text_files() -> dict[str, str]:
    rows = "Zr 0 0 0\nO 2 0 0\nO 0 2 0\n"
    curve = "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7}\n" for n in range(80))
    return {
        "empty.extxyz": "",
        "announced.extxyz": f"1000000000000\n{XYZ}\n{rows}",
        "negative.extxyz": f"-3\n{XYZ}\n{rows}",
        "later.xyz": f"3\n{XYZ}\n{rows}1000000000000\n{XYZ}\n",
        "huge-number.extxyz": f"{'9' * 400}\n{XYZ}\n",
        "skewed.extxyz": f'3\nLattice="10 0 0 9.999999 0.000001 0 0 0 10" {XYZ[37:]}\n{rows}',
        "flat.extxyz": f'3\nLattice="10 0 0 10 0 0 0 0 10" {XYZ[37:]}\n{rows}',
        "tiny.extxyz": f'3\nLattice="1e-3 0 0 0 1e-3 0 0 0 1e-3" {XYZ[37:]}\n{rows}',
        "wide.extxyz": f'3\nLattice="1e300 0 0 0 1e300 0 0 0 1e300" {XYZ[37:]}\n{rows}',
        "empty-space.extxyz": f'3\nLattice="90000 0 0 0 90000 0 0 0 90000" {XYZ[37:]}\n{rows}',
        "needle.extxyz": f'3\nLattice="100000 0 0 0 1 0 0 0 1" {XYZ[37:]}\nZr 0 0 0\nO 2 0 0\nO 5 0 0\n',
        "slanted.extxyz": f'3\nLattice="1000 0 0 999 1 0 0 0 10" {XYZ[37:]}\n{rows}',
        "nan-cell.extxyz": f'3\nLattice="nan 0 0 0 10 0 0 0 10" {XYZ[37:]}\n{rows}',
        "far.extxyz": f"3\n{XYZ}\nZr 0 1e308 0\nO 2 0 0\nO 0 2 0\n",
        "all-far.extxyz": f"3\n{XYZ}\nZr 0 1e308 0\nO 2 1e308 0\nO 0 1e308 0\n",
        "nan.extxyz": f"3\n{XYZ}\nZr 0 nan 0\nO 2 0 0\nO 0 2 0\n",
        "one-site.extxyz": f"4\n{XYZ}\nZr 0 0 0\nO 2 0 0\nO 2 0 0\nO 0 2 0\n",
        "one-atom.extxyz": f"1\n{XYZ}\nZr 0 0 0\n",
        "no-oxygen.extxyz": f"2\n{XYZ}\nZr 0 0 0\nLa 3 3 3\n",
        "no-element.extxyz": f"2\n{XYZ}\nXx 0 0 0\nO 3 3 3\n",
        "deuterium.extxyz": f"2\n{XYZ}\nD 0 0 0\nO 3 3 3\n",
        "cluster.extxyz": "2\n\nZr 0 0 0\nO 2 0 0\n",
        "no-cell.extxyz": '2\npbc="T T T"\nZr 0 0 0\nO 2 0 0\n',
        "slab.extxyz": f"3\n{XYZ.replace('T T T', 'T T F')}\n{rows}",
        "words.extxyz": "hello\nworld\n",
        "cut.extxyz": f"30\n{XYZ}\n{rows}",
        "odd-info.extxyz": f'3\n{XYZ} provenance="[1, 2]" kind=7 phase="$x" \n{rows}',
        "odd-provenance.extxyz": '3\nLattice="10 0 0 0 10 0 0 0 10" provenance={{{{ kind=glass\n' + rows,
        "types.lmp": "title\n\n1000000000000 atoms\n1 atom types\n0 10 xlo xhi\n0 10 ylo yhi\n"
        "0 10 zlo zhi\n\nMasses\n\n1 91\n"
        "\nAtoms\n\n1 1 0 0 0\n",
        "POSCAR": "x\n1.0\n5 0 0\n0 5 0\n0 0 5\nZr O\n1000000000 1\nDirect\n0 0 0\n",
        "zero.vasp": "x\n0.0\n5 0 0\n0 5 0\n0 0 5\nZr O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n",
        "empty.cif": "",
        "broken.cif": "data_x\n_cell_length_a ?\nloop_\n_atom_site_label\nZr1 Zr2 Zr3\n",
        "angle.cif": "data_x\n_cell_length_a 5\n_cell_length_b 5\n_cell_length_c 5\n_cell_angle_alpha 179.9999\n"
        "_cell_angle_beta 0\n_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n"
        "_atom_site_fract_x\n"
        "_atom_site_fract_y\n_atom_site_fract_z\nZr1 Zr 0 0 0\n",
        "huge.cif": "data_x\n_cell_length_a 1e300\n_cell_length_b 5\n_cell_length_c 5\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n"
        "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Zr1 0 0 0\nO1 nan 0 0\n",
        "grid.cube": "a\nb\n1 0 0 0\n100000 1 0 0\n100000 0 1 0\n100000 0 0 1\n40 0 0 0 0\n",
        "frames.xyz": "".join(f"3\n{XYZ}\n{rows}" for _ in range(3)),
        "mixed.xyz": f"3\n{XYZ}\n{rows}2\n{XYZ}\nZr 0 0 0\nO 2 0 0\n",
        "zero.xy": "".join(f"{20 + 0.5 * n:.1f} 0\n" for n in range(80)),
        "negative.xy": "".join(f"{20 + 0.5 * n:.1f} {-1 - n % 5}\n" for n in range(80)),
        "huge.xy": "".join(f"{20 + 0.5 * n:.1f} 1e308\n" for n in range(80)),
        "nan.xy": curve.replace("103", "nan"),
        "good.xy": curve,
        "bad-errors.xye": "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7} {n - 3}\n" for n in range(80)),
        "zero-errors.xye": "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7} 0\n" for n in range(80)),
        "tiny-errors.xye": "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7} 1e-308\n" for n in range(80)),
        "negative-errors.dat": "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7} -1\n" for n in range(80)),
        "one.xy": "20 5\n",
        "three.xy": "".join(f"{20 + 0.5 * n:.1f} {100 + n % 7} 3\n" for n in range(80)),
        "commas.csv": "2theta;I\n" + "".join(f"{20 + n},5;{100 + n % 7},25\n" for n in range(80)),
        "titles.dat": "# Q (1/A) I sigma\n" + "".join(f"{1 + 0.05 * n} {100 + n % 7} 2\n" for n in range(80)),
        "scans.dat": "#S 1 a\n20 1\n21 2\n22 4\n#S 2 a\n20 2\n21 2\n22 1\n#S 3 b\n",
        "s.sq": "#L Q(A-1) S\n"
        + "".join(f"{0.5 + 0.1 * n:.1f} {1 + 0.1 * (n % 3):.1f}\n" for n in range(120)),
        "v.csv": "k (nm^-1),V\n"
        + "".join(f"{2 + 0.05 * n:.2f},{0.02 + 0.001 * (n % 5)}\n" for n in range(120)),
        "bomb.xrdml": '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "b">]><l>&a;</l>',
        "empty.xrdml": "<a/>",
        "long.xrdml": '<a><dataPoints><positions axis="2Theta"><startPosition>1</startPosition></positions>'
        "<intensities>1 2 x</intensities></dataPoints></a>",
        "r.gr": "#L r(A) G(A^-2)\n" + "".join(f"{0.05 * n:.2f} 0\n" for n in range(1, 120)),
        "k.csv": "k (nm^-1),V\n" + "".join(f"{2 + 0.05 * n:.2f},{-1.0}\n" for n in range(120)),
        "list.toml": "a = [1",
        "label.toml": (ROOT / "compare" / "measured.toml")
        .read_text(encoding="utf-8")
        .replace('label = "', 'label = "$\\\\frac{$ '),
        "negative.toml": _measured("error = -1.0"),
        "zero.toml": _measured("error = 0.0"),
        "all-zero.toml": _measured('label = "zero"').replace("value = 0.02", "value = 0.0"),
        "true.toml": _measured("error = true"),
        "huge.toml": _measured("error = 1e308").replace("value = 0.02", "value = 1e308"),
        "nul.toml": _measured('label = "a\\u0000b"'),
        "hypotheses.toml": "schema = 1\n",
        "nul-path.toml": '[glass]\nla = [3.0]\nseeds = [1]\natoms = 90\n[compare]\nmeasured = "a\\u0000b"\n',
    }


def _instrument_files() -> dict[str, bytes]:
    """Whole files of measured curves, as instruments' programs write them."""
    values = [100.0 + n % 7 for n in range(80)]
    counts = np.array(values, "<f4").tobytes()
    lines = " ".join(f"{value:g}" for value in values)
    columns = "".join(f"{20 + 0.5 * n:.1f} {value:g}\n" for n, value in enumerate(values))
    raw1 = laid(
        156, (0, "4s", b"RAW "), (4, "Iff", 80, 4.0, 0.5), (24, "f", 20.0), (72, "2f", 1.5406, 1.5444)
    )
    raw2 = laid(256, (0, "4s", b"RAW2"), (4, "H", 1), (188, "2s", b"Cu"), (190, "2f", 1.5406, 1.5443))
    raw2 += laid(60, (0, "HH", 60, 80), (8, "3f", 3.0, 0.5, 20.0))
    rigaku = laid(3158, (0, "4s", b"FI\0\0"), (2962, "3f", 20.0, 59.5, 0.5), (3154, "I", 80))
    gsas = "a title\nBANK 1 80 80 CONST 2000.0 50.0 0 0 FXYE\n" + "".join(
        f"{2000 + 50 * n} {value:g} 10\n" for n, value in enumerate(values)
    )
    asc = f"*SCAN_AXIS = 2theta/theta\n*START = 20\n*STEP = 0.5\n*COUNT = 80\n{lines}\n*END\n"
    head, _, rest = RAS.format(axis="TwoTheta", wave="Ka").partition("2.0000")
    ras = head + columns + rest[rest.index("*RAS_INT_END") :]
    scan = re.sub(
        "<Datum>.*</Datum>",
        "".join(
            f"<Datum>1,1,{20 + 0.5 * n},{10 + 0.25 * n},{value}</Datum>" for n, value in enumerate(values)
        ),
        BRML.format(axes=AXIS.format("TwoTheta", 20) + AXIS.format("Theta", 10)),
    )
    xrdml = (
        '<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/1.5"><xrdMeasurement><scan scanAxis="Gonio">'
        '<dataPoints><positions axis="2Theta" unit="deg"><startPosition>20</startPosition><endPosition>59.5'
        f'</endPosition></positions><intensities unit="counts">{lines}</intensities></dataPoints></scan>'
        "</xrdMeasurement></xrdMeasurements>"
    )
    return {
        "one.raw": raw1 + counts,
        "two.raw": raw2 + counts,
        "three.raw": raw3((20.0, 0.5, values, 0, 0.0)),
        "four.raw": raw4(),
        "rigaku.raw": rigaku + counts,
        "scan.brml": zipped(**{"Experiment0__RawData0.xml": scan}),
        "scan.rasx": zipped(
            **{
                "Data0__Profile0.txt": columns,
                "Data0__MesurementConditions0.xml": CONDITIONS.format(axis="TwoTheta"),
            }
        ),
        "scan.ras": ras.encode(),
        "scan.uxd": UXD.format(drive="COUPLED", data=f"_COUNTS\n{lines}")
        .replace("_START=3", "_START=20")
        .encode(),
        "scan.asc": asc.encode(),
        "scan.gsas": gsas.encode(),
        "scan.fxye": gsas.encode(),
        "scan.xrdml": xrdml.encode(),
        "packed.xy.gz": gzip.compress(columns.encode()),
        "packed.xy.xz": lzma.compress(columns.encode()),
    }


def _atoms_on_a_grid(la: int) -> Atoms:
    """Return Li14La(2x)Zr4O(15+3x): the composition of a glass, on places that are none."""
    symbols = "Li" * 14 + "La" * 2 * la + "Zr" * 4 + "O" * (15 + 3 * la)
    edge = 5
    places = 2.2 * np.argwhere(np.ones((edge, edge, edge)))[: 33 + 5 * la]
    return Atoms(symbols, positions=places, cell=[2.2 * edge] * 3, pbc=True)


def _damaged(content: bytes, rng: random.Random) -> bytes:
    """Return a file with some bytes changed, a part lost, a part twice, or a number in it made huge."""
    found = bytearray(content)
    how = rng.randrange(4)
    at = rng.randrange(len(found))
    if how == 0:
        for _ in range(rng.choice((1, 3, 10))):
            found[rng.randrange(len(found))] = rng.randrange(256)
    elif how == 1:
        del found[at : at + rng.choice((1, 4, 200, len(found)))]
    elif how == 2:
        found[at:at] = found[: rng.randrange(len(found))]
    else:
        found[at : at + 4] = rng.choice(
            (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"1e99", b"0000", b"-999", b"nan ")
        )
    return bytes(found)


def _measured(line: str) -> str:
    return (
        'schema = 1\ntitle = "t"\ncitation = "c"\n[methods.m]\n[[series]]\nid = "a"\n'
        + (line if line.startswith("label") else f'label = "a"\n{line}')
        + '\nunit = ""\nmethod = "m"\nsource = "s"\nquantity = "packing_fraction"\ncoverage = "unstated"\n'
        "[[series.points]]\nx = 1.5\nvalue = 0.02\n[[series.points]]\nx = 3.0\nvalue = 0.02\n"
    )


STRUCTURES = (
    *(
        name
        for name in _text_files()
        if Path(name).suffix in {".extxyz", ".xyz", ".lmp", ".cif", ".vasp", ".cube", ""}
    ),
    *("bomb.extxyz.xz", "bomb.extxyz.gz", "bomb.extxyz.bz2", "bomb.zip", "damaged.extxyz.gz"),
    *("random.traj", "random.extxyz"),
)
DAMAGES = 6
"""Damaged copies of each file of an instrument's program."""
CURVES = (
    *(
        name
        for name in _text_files()
        if Path(name).suffix in {".xy", ".xye", ".dat", ".xrdml", ".gr", ".csv", ".sq"}
    ),
    *(f"damaged-{n}-{name}" for name in _instrument_files() for n in range(DAMAGES)),
    *_instrument_files(),
)
TOMLS = tuple(name for name in _text_files() if name.endswith(".toml"))
GLASSES = tuple(f"glass-{number}.extxyz" for number in range(6))
"""Two models at each of three La contents."""
STACKS = (
    "object.npy",
    "sparse.npy",
    "cut.npy",
    "flat.npy",
    "zeros.npy",
    "nan.npy",
    "words.npy",
    "few.npy",
    "complex.npy",
)
STACKS += ("sparse.h5", "object.h5", "words.h5", "none.h5", "random.dm4", "random.hspy", "random.tif")
BAD_FILES = (*STRUCTURES, *CURVES, *TOMLS, *STACKS)
STUDIES = tuple(f"study-{n}.toml" for n in range(120))


def write_files(folder: Path, study: Path, seed: int) -> None:
    """Write all good and bad files, and copies of a finished study."""
    from alzmodel.crystals import crystal, nanocrystal
    from alzmodel.io import write_structure

    rng = random.Random(seed)
    write_structure(crystal("La2Zr2O7"), folder / "good.extxyz")
    write_structure(crystal("MgO"), folder / "small.extxyz")
    for name, text in _text_files().items():
        (folder / name).write_text(text, encoding="utf-8")
    frames = f"3\n{XYZ}\nZr 0 0 0\nO 2 0 0\nO 0 2 0\n".encode() * (1 << 18)
    for ending, compress in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)):
        # Members one after the other unpack as one.
        (folder / f"bomb.extxyz{ending}").write_bytes(compress(frames) * (BOMB // len(frames)))
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.extxyz", bytes(64 << 20))
    (folder / "damaged.extxyz.gz").write_bytes(gzip.compress((folder / "good.extxyz").read_bytes())[:-20])
    for name in ("random.traj", "random.extxyz", "random.dm4", "random.hspy", "random.tif"):
        (folder / name).write_bytes(rng.randbytes(3000))
    for name, content in _instrument_files().items():
        (folder / name).write_bytes(content)
        for number in range(DAMAGES):
            (folder / f"damaged-{number}-{name}").write_bytes(_damaged(content, rng))
    write_structure(nanocrystal("La2Zr2O7", 14.0), folder / "sphere.extxyz")
    (folder / "ordinary.lmp").write_text(ORDINARY, encoding="utf-8")
    for number, name in enumerate(GLASSES):
        write_structure(_atoms_on_a_grid(2 + 2 * (number // 2)), folder / name)
    moving = [crystal("Li2O") for _ in range(60)]
    for number, frame in enumerate(moving):
        frame.rattle(0.1, seed=number)
    write_structure(moving, folder / "moving.extxyz")
    _write_stacks(folder)
    _write_studies(folder, study, rng)


def _write_stacks(folder: Path) -> None:
    import h5py

    rng = np.random.default_rng(1)
    y, x = np.mgrid[:56, :56] - 27.5
    rings = np.exp(-((np.hypot(x, y) - 15) ** 2) / 8) + 5 * np.exp(-(x**2 + y**2) / 6)
    np.save(folder / "stack.npy", rng.poisson(100 * rings, (16, 56, 56)).astype(np.float32))
    np.save(folder / "object.npy", np.full((4, 32, 32), None, dtype=object), allow_pickle=True)
    with (folder / "sparse.npy").open("wb") as handle:
        shape = (19 << 40) // (8 * 256 * 256), 256, 256
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(handle, header)
        handle.truncate(handle.tell() + 4096)
    (folder / "cut.npy").write_bytes((folder / "stack.npy").read_bytes()[:1000])
    np.save(folder / "flat.npy", np.ones((4, 32, 32)))
    np.save(folder / "zeros.npy", np.zeros((4, 32, 32)))
    np.save(folder / "nan.npy", np.full((4, 32, 32), np.nan))
    np.save(folder / "words.npy", np.full((4, 32, 32), "x"))
    np.save(folder / "few.npy", np.ones((1, 32, 32)))
    np.save(folder / "mask.npy", np.hypot(x, y) < 3)
    np.save(folder / "all.npy", np.ones((56, 56), dtype=bool))
    np.save(folder / "complex.npy", np.ones((4, 32, 32), dtype=complex))
    with h5py.File(folder / "sparse.h5", "w") as handle:
        handle.create_dataset("a", (19 << 15, 8192, 8192), dtype="f8", chunks=(1, 64, 64))
    with h5py.File(folder / "object.h5", "w") as handle:
        handle.create_dataset("a", (4, 32, 32), dtype=h5py.string_dtype())
    with h5py.File(folder / "none.h5", "w") as handle:
        handle.create_dataset("a", (4,), dtype="f4")
    (folder / "words.h5").write_text("no HDF5")


def _write_studies(folder: Path, study: Path, rng: random.Random) -> None:
    from alzmodel.study.settings import commented_template

    lines = [
        line
        for line in commented_template().splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    (folder / "study.toml").write_text(
        '[glass]\nla = [3.0]\nseeds = [1]\natoms = 90\nprotocol = "quick"\n', encoding="utf-8"
    )
    places = [n for n, line in enumerate(lines) if "=" in line and not line.lstrip().startswith("[")]
    for number, name in enumerate(STUDIES):
        text = list(lines)
        for at in rng.sample(places, k=rng.choice((1, 1, 1, 2))):
            key, _, usual = text[at].partition("=")
            numeric = usual.strip()[:1].isdigit() and rng.random() < 0.8
            value = rng.choice(TOML_NUMBERS if numeric else TOML_VALUES)
            text[at] = f"{key}= {value}"
        if number % 10 == 9:
            del text[rng.randrange(len(text))]
        (folder / name).write_text("\n".join(text), encoding="utf-8")
    shutil.copytree(study, folder / "study")
    (folder / "hollow").mkdir()
    shutil.copytree(study, folder / "broken-study", ignore=shutil.ignore_patterns("runs"))
    (folder / "broken-study" / "study.toml").write_text("[glass]\nla = true\n", encoding="utf-8")
