"""Every command with small inputs: what is typed, which files it writes, and how closely its numbers are kept."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.build import bulk

from tests.frozen.folders import PROTOCOLS, unpack
from tests.frozen.paths import crystal, main, nanocrystal, read_frames, write_structure
from tests.frozen.trees import RTOL, file_tree, skeleton, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURED = """
schema = 1
title = "Own values"
citation = "Nobody, nowhere"
[footnotes]
odd = "Stated without an error."
[methods.exafs]
label = "EXAFS"
[[series]]
id = "own_zr_o"
label = "Zr–O"
quantity = "zr_o_distance"
sources = ["glass"]
unit = "Å"
method = "exafs"
source = "Table 1"
coverage = "ci95"
error = 0.02
points = [{ x = 1.5, value = 2.08 }, { x = 3.0, value = 2.11, systematic = 0.01 }]
[[series]]
id = "own_size"
label = "size of nuclei"
quantity = "cluster_diameter"
unit = "Å"
method = "exafs"
source = "Table 2"
points = [{ low = 15.0, high = 30.0, footnotes = ["odd"] }]
[[series]]
id = "d222"
label = "d222"
quantity = "d222"
unit = "Å"
method = "exafs"
source = "Table 2"
coverage = "unstated"
error = 0.01
points = [{ x = 3.0, value = 3.12 }]
[[series]]
id = "own_colour"
label = "colour"
unit = ""
method = "exafs"
source = "Table 3"
not_modelled = "no colour is computed"
points = [{ text = "white" }]
"""

HYPOTHESES = """
schema = 1
[[hypothesis]]
id = "A"
title = "more La, longer bonds"
statement = "Zr–O grows."
source = "Table 1"
[[hypothesis.parts]]
quantity = "zr_o_distance"
test = "rises"
levels = [1.5, 3.0]
[[hypothesis]]
id = "B"
title = "density is level"
statement = "The density does not change."
source = "Table 2"
[[hypothesis.parts]]
quantity = "density"
test = "equal"
margin = 0.1
"""


@dataclass(frozen=True)
class Case:
    """One command.

    Attributes
    ----------
    name
        Its key among the frozen outputs.
    words
        What is typed, in the folder of :func:`make_inputs`.
    writes
        Files and folders that it makes there.
    kept
        ``"values"``, or ``"keys"`` where molecular dynamics or a minimisation stands behind the numbers.
    changes
        Whether the numbers of this command will change by intention: specimens of FEM that are built from a model.
    slow
        Whether it takes more than about a second.
    code
        Exit code.
    rtol
        Of numbers.
    """

    name: str
    words: str
    writes: tuple[str, ...] = ()
    kept: Literal["values", "keys"] = "values"
    changes: bool = False
    slow: bool = False
    code: int = 0
    rtol: float = RTOL


FEM = "--columns 1 --thickness 20"
CASES = (
    Case("build crystal", "build crystal La2Zr2O7 --supercell 2 -o c1.extxyz --json", ("c1.extxyz",)),
    Case(
        "build crystal disorder",
        "build crystal La2Zr2O7 --supercell 2 --disorder 0.5 --seed 3 -o c2.extxyz --json",
        ("c2.extxyz",),
    ),
    Case(
        "build crystal excess",
        "build crystal La2Zr2O7 --supercell 2 --excess-la 0.25 --lattice 10.9 -o c3.extxyz --json",
        ("c3.extxyz",),
    ),
    Case(
        "build crystal displaced",
        "build crystal MgO --supercell 3 --displacement Mg=0.05,O=0.06 -o c4.extxyz --json",
        ("c4.extxyz",),
    ),
    Case("build crystal text", "build crystal Li2O -o c5.extxyz"),
    Case(
        "build crystal relaxed",
        "build crystal MgO --lattice relaxed -o c6.extxyz --json",
        ("c6.extxyz",),
        kept="keys",
        slow=True,
    ),
    Case(
        "build crystal hot",
        "build crystal MgO --supercell 3 --temperature 300 --frames c7f.extxyz -o c7.extxyz --json",
        ("c7.extxyz", "c7f.extxyz"),
        kept="keys",
        slow=True,
    ),
    Case("build nanocrystal", "build nanocrystal La2Zr2O7 --diameter 24 -o n1.extxyz --json", ("n1.extxyz",)),
    Case(
        "build nanocrystal every atom",
        "build nanocrystal MgO --diameter 15 --every-atom --displacement Mg=0.05 --seed 2 -o n2.extxyz --json",
        ("n2.extxyz",),
    ),
    Case(
        "build glass plan",
        "build glass --la 50mol% --dopant Ce --fraction 0.1 --atoms 700 -o g0.extxyz --dry-run --json",
    ),
    Case("build glass plan text", "build glass --la 3 --oxygen 12 -o g0.extxyz --dry-run"),
    Case(
        "build glass",
        "build glass --la 3.0 --atoms 100 --seed 2 --protocol brief.toml --frames g1f.extxyz -o g1.extxyz --json",
        ("g1.extxyz", "g1f.extxyz"),
        kept="keys",
        slow=True,
    ),
    Case(
        "build glass of a formula",
        "build glass --formula Li6La4Zr3Ca1O16 --atoms 100 --protocol brief.toml --workdir w2 -o g2.extxyz --json",
        ("g2.extxyz",),
        kept="keys",
        slow=True,
    ),
    Case(
        "build glass-ceramic plan",
        "build glass-ceramic --la 3.0 --nucleus La2Zr2O7 --diameter 20 --box 40 -o gc0.extxyz --dry-run --json",
    ),
    Case(
        "build glass-ceramic",
        "build glass-ceramic --la 3.0 --nucleus La2Zr2O7 --diameter 12 --box 22 --protocol ceramic.toml "
        "-o gc1.extxyz --json",
        ("gc1.extxyz",),
        kept="keys",
        slow=True,
    ),
    Case("pdf", "pdf glass.extxyz --write p1.gr --json", ("p1.gr",)),
    Case("pdf two", "pdf glass.extxyz low.extxyz --r-max 8 --dr 0.05 --json"),
    Case("pdf text", "pdf crystal.cif --r-max 6"),
    Case(
        "pdf as measured",
        "pdf glass.extxyz --r-max 8 --q-min 0.6 --q-max 18 --lorch --q-damp 0.03 --q-broad 0.02 "
        "--function D --radiation neutron --json",
    ),
    Case(
        "pdf S",
        "pdf glass.extxyz --function S --radiation electron --q-range 1 12 0.1 --write p2.sq --json",
        ("p2.sq",),
    ),
    Case("pdf F", "pdf model.extxyz low.extxyz --function F --q-range 1 12 0.1 --json"),
    Case(
        "pdf against",
        "pdf glass.extxyz --r-max 8 --against data.gr --window 1.5 7 --figure p3.csv --json",
        ("p3.csv",),
    ),
    Case("lbu", "lbu glass.extxyz --json"),
    Case("lbu two", "lbu glass.extxyz low.extxyz --json"),
    Case("lbu text", "lbu glass.extxyz"),
    Case(
        "lbu options",
        "lbu model.extxyz --cutoff La-O=3.1 --former Zr --rings king --ring-centres Zr,La --largest-ring 8 "
        "--list-rings --probe 0.7 --write l1.extxyz --json",
        ("l1.extxyz",),
        slow=True,
    ),
    Case("lbu arrays", "lbu model.extxyz --write l2.extxyz --json", ("l2.extxyz",)),
    Case("lbu solid angle", "lbu crystal.cif --shells solid\u00a0angle --json"),
    Case("xrd crystal", "xrd crystal.cif --range 20 60 0.05 --json"),
    Case("xrd sphere", "xrd sphere.extxyz --range 20 60 0.1 --wavelength CuKa --b-iso La=0.3,O=0.6 --json"),
    Case("xrd sphere debye", "xrd sphere.extxyz --range 20 60 0.1 --method debye --json"),
    Case("xrd glass", "xrd glass.extxyz --range 15 60 0.1 --json"),
    Case("xrd two", "xrd glass.extxyz low.extxyz --range 15 60 0.1 --json"),
    Case("xrd text", "xrd sphere.extxyz --range 20 60 0.1 --line 28.6 --superstructure"),
    Case(
        "xrd film",
        "xrd glass.extxyz --range 15 60 0.1 --incidence 1 --film-thickness 11000 --beam-height 0.1 "
        "--specimen-length 10 --refraction --phase La2Zr2O7:80=0.3 --phase Li2CO3=0.1 --substrate MgO:200=0.5 "
        "--background 0.2,-0.1 --fwhm 0.1 --polarization 26.4 --json",
    ),
    Case(
        "xrd against",
        "xrd glass.extxyz --range 15 60 0.1 --against data.xy --window 18 55 --degree 2 --figure x1.csv "
        "--line 28.6 --line-shape pearson7 --json",
        ("x1.csv",),
        rtol=1e-3,
    ),
    Case(
        "xrd fit",
        "xrd glass.extxyz --range 15 60 0.1 --against data.xy --fit --phase La2Zr2O7:80 --degree 3 --fit-zero "
        "--figure x2.csv --json",
        ("x2.csv",),
        rtol=1e-3,
    ),
    Case("fem crystal", f"fem crystal.cif {FEM} --json", changes=True),
    Case("fem glass", f"fem glass.extxyz {FEM} --fit free --shape pseudo-voigt --json", changes=True),
    Case("fem text", f"fem crystal.cif {FEM}", changes=True),
    Case(
        "fem clusters",
        f"fem glass.extxyz {FEM} --cluster-diameter 14 --cluster-fraction 0.1 --cap 20 --only Zr,La --readings "
        "--plot f1.csv --json",
        ("f1.csv",),
        changes=True,
        slow=True,
    ),
    Case("fem readings text", f"fem crystal.cif {FEM} --readings", changes=True, slow=True),
    Case(
        "fem until",
        "fem glass.extxyz --thickness 20 --columns 4 --until 0.05 --tilt 0.2 --probe-fwhm 20 --defocus 100 "
        "--source-fwhm 5 --json",
        changes=True,
        slow=True,
    ),
    Case(
        "fem against and a written stack",
        f"fem glass.extxyz {FEM} --against data.csv --window 2 6 --figure f2.csv --write-stack f2.h5 "
        "--electrons 1e5 --gain 2 --readout 1 --psf 1.5 --binning 4 --json",
        ("f2.csv", "f2.h5"),
        changes=True,
        slow=True,
    ),
    Case("fem stack", "fem stack.npy --pixel-size 0.3 --ring-width 0.3 --json"),
    Case(
        "fem stack options",
        "fem stack.npy --pixel-size 0.3 --ring-width 0.3 --center 31.5 31 --no-ellipse --gain 2 --readout 1 "
        "--psf 1 --fit two --against data.csv --json",
    ),
    Case("fem stack text", "fem stack.npy --pixel-size 0.3 --ring-width 0.3"),
    Case("refine plan", "refine copper.extxyz --calculator emt -o r0.extxyz --dry-run --json", kept="keys"),
    Case(
        "refine emt",
        "refine copper.extxyz --calculator emt --fmax 0.01 --trajectory r1t.extxyz -o r1.extxyz --json",
        ("r1.extxyz",),
        rtol=1e-3,
    ),
    Case(
        "refine pair potential",
        "refine model.extxyz --calculator du-teter --steps 3 --cell full --optimizer fire -o r2.extxyz --json",
        ("r2.extxyz",),
        kept="keys",
        slow=True,
        code=1,
    ),
    Case(
        "refine two",
        "refine copper.extxyz other.extxyz --calculator emt --cell fixed -o r3 --json",
        ("r3/copper.extxyz", "r3/other.extxyz"),
        rtol=1e-3,
    ),
    Case(
        "inverse",
        "inverse glass.extxyz low.extxyz -o i1 --diameters 8,12 --fractions 0.1 --displacements 0.1 "
        "--disorders 0,1 --thicknesses 20 --columns 1 --ring-width 0.2 --json",
        ("i1/scan.csv", "i1/scan.json", "i1/inverse.csv", "i1/inverse.png"),
        changes=True,
        slow=True,
    ),
    Case("screen plan", "screen --dopants Ce,Ca2+,La --fractions 0.1,0.2 --seeds 2 -o s0 --dry-run --json"),
    Case(
        "screen",
        "screen --dopants Ca --seeds 1 --atoms 100 --protocol brief.toml -o s1 --json",
        ("s1/screen.json", "s1/screen.csv", "s1/results.csv"),
        kept="keys",
        slow=True,
    ),
    Case(
        "reference",
        "reference MgO Li2O -o ref --range 20 60 0.05 --r-max 10 --only models,xrd,pdf,sq --json",
        (
            "ref",
            "ref/MgO/MgO-xrd.xy",
            "ref/MgO/MgO-xrd-sticks.csv",
            "ref/MgO/MgO-xray.gr",
            "ref/Li2O/Li2O-neutron.sq",
            "ref/Li2O/Li2O.extxyz",
        ),
    ),
    Case(
        "reference fem",
        "reference MgO -o ref2 --size 20 --columns 1 --thickness 20 --only fem,xrd --json",
        ("ref2", "ref2/MgO/MgO-fem.csv"),
        changes=True,
        slow=True,
    ),
    Case("library", "library --json"),
    Case("library text", "library"),
    Case(
        "library one",
        "library x3-annealed-low-Tf-seed1 -o lib.extxyz --frames libf.extxyz --json",
        ("lib.extxyz", "libf.extxyz"),
    ),
    Case("run plan quick", "run --dry-run --json --out o1"),
    Case("run plan paper", "run --preset paper --dry-run --json --out o1 --potential grimes"),
    Case("run plan production", "run --preset production --dry-run --json --out o1 --workers 3"),
    Case("run plan library", "run --preset paper --models library --dry-run --json --out o1"),
    Case("run plan finished", "run finished/study.toml --out finished --dry-run --json"),
    Case("run plan half-melted", "run half-melted/study.toml --out half-melted --dry-run --json"),
    Case("run plan failed", "run failed/study.toml --out failed --dry-run"),
    Case(
        "run finished",
        "run again/study.toml --out again --json",
        (
            "again",
            *(f"again/{name}" for name in ("results.csv", "comparison.json", "study.db", "report.html")),
            "again/figures/fem.csv",
        ),
        slow=True,
    ),
    Case("study init", "study init new.toml"),
    *(Case(f"status {name}", f"status {name} --json") for name in ("finished", "half-melted", "failed")),
    Case("status text", "study status failed"),
    *(Case(f"compare {name}", f"compare {name} --json") for name in ("finished", "half-melted", "failed")),
    Case("compare text", "study compare finished"),
    Case("compare measured", "compare finished --measured measured.toml --hypotheses hypotheses.toml --json"),
    Case("compare measured text", "compare finished --measured measured.toml --hypotheses hypotheses.toml"),
    Case("compare two", "compare finished failed --json"),
    Case("compare two text", "compare finished failed"),
    *(
        Case(f"plot {what}", f"plot {what} {name} -o plot-{what}.csv", (f"plot-{what}.csv",))
        for what, name in {
            "pdf": "finished",
            "coordination": "finished",
            "sharing": "finished",
            "xrd": "finished",
            "reference": "finished",
            "fem": "finished",
            "fem_glass": "finished",
            "comparison": "finished",
            "screen": "failed",
            "fem_peaks": "finished",
            "d222": "finished",
            "size": "finished",
            "history": "finished",
        }.items()
    ),
    Case(
        "plot measured",
        "study plot comparison finished --measured measured.toml -o plot-measured.csv",
        ("plot-measured.csv",),
    ),
    Case("plot picture", "plot xrd finished -o plot.svg", ("plot.svg",)),
    Case("report", "report finished -o page.html", ("page.html",), slow=True),
    Case(
        "report measured",
        "study report failed --measured measured.toml --hypotheses hypotheses.toml -o page2.html",
        ("page2.html",),
        slow=True,
    ),
)


def make_inputs(folder: Path) -> Path:
    """Write what the cases read."""
    finished = unpack("finished", folder)
    shutil.copytree(finished, folder / "again")
    unpack("failed", folder)
    unpack("half-melted", folder)
    for content, name in ((3.0, "glass"), (1.5, "low")):
        run = _run_of(finished, content)
        write_structure(read_frames(run / "frames.extxyz"), folder / f"{name}.extxyz")
        if name == "glass":
            write_structure(read_frames(run / "model.extxyz"), folder / "model.extxyz")
    write_structure(crystal("La2Zr2O7"), folder / "crystal.cif")
    write_structure(nanocrystal("La2Zr2O7", 24.0), folder / "sphere.extxyz")
    for seed, name in ((1, "copper"), (2, "other")):
        copper = bulk("Cu", cubic=True) * (2, 2, 2)
        copper.positions += np.random.default_rng(seed).normal(scale=0.1, size=copper.positions.shape)
        write_structure(copper, folder / f"{name}.extxyz")
    (folder / "measured.toml").write_text(MEASURED, encoding="utf-8")
    (folder / "hypotheses.toml").write_text(HYPOTHESES, encoding="utf-8")
    brief = PROTOCOLS.partition("[protocols.brief]")[2].partition("[protocols.cold]")[0]
    (folder / "brief.toml").write_text(brief, encoding="utf-8")
    ceramic = brief.replace("anneal_time = 0.0", "anneal_time = 0.5\nanneal_temperature = 1300.0")
    (folder / "ceramic.toml").write_text(ceramic, encoding="utf-8")
    _write_curves(folder)
    np.save(folder / "stack.npy", _stack())
    return folder


def _run_of(study: Path, content: float) -> Path:
    for record in study.glob("runs/glass-*/record.json"):
        if json.loads(record.read_text(encoding="utf-8"))["inputs"]["model"]["la"] == content:
            return record.parent
    raise AssertionError(f"{study}: no glass of x = {content:g}")


def _write_curves(folder: Path) -> None:
    """Write measured curves, drawn by hand: a halo with lines, a G(r), a variance."""
    angle = np.arange(15.0, 60.0, 0.1)
    halo = 80 * np.exp(-(((angle - 30) / 5) ** 2)) + 40 + 0.2 * angle
    lines = sum(
        height / (1 + ((angle - centre) / 0.5) ** 2)
        for centre, height in ((28.6, 60), (33.1, 20), (47.6, 30), (56.4, 20))
    )
    np.savetxt(folder / "data.xy", np.transpose([angle, halo + lines]))
    r = np.arange(0.5, 8.0, 0.05)
    G = 2 * np.exp(-(((r - 2.1) / 0.2) ** 2)) + np.exp(-(((r - 3.6) / 0.4) ** 2)) - 0.6 * np.exp(-r / 3)
    np.savetxt(folder / "data.gr", np.transpose([r, G]))
    k = np.arange(1.5, 8.0, 0.05)
    V = 0.02 + 0.01 * np.exp(-(((k - 3.2) / 0.3) ** 2)) + 0.005 * np.exp(-(((k - 5.2) / 0.4) ** 2))
    np.savetxt(folder / "data.csv", np.transpose([k, V]), delimiter=",")


def _stack() -> np.ndarray:
    """Draw nanodiffraction patterns: a direct beam, two rings of speckle, the same for ever."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[:64, :64]
    k = 0.3 * np.hypot(x - 31.5, y - 31.5)
    rings = 40 * np.exp(-(((k - 3.2) / 0.4) ** 2)) + 20 * np.exp(-(((k - 5.2) / 0.5) ** 2))
    speckle = rng.gamma(6.0, 1 / 6.0, size=(40, 64, 64))
    return (2e4 * np.exp(-((k / 0.25) ** 2)) + 12 * np.exp(-k / 3) + 3 + rings * speckle).astype(np.float32)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def outcome(case: Case, folder: Path) -> Any:
    """Run a case and shorten what it printed and wrote."""
    said, told = io.StringIO(), io.StringIO()
    words = [word.replace("\u00a0", " ") for word in case.words.split(" ")]
    # What runs the tests may have a terminal's width for its workers.
    os.environ.pop("COLUMNS", None)
    with _inside(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        code = main(words)
    assert code == case.code, f"{case.name}: ended with code {code}: {told.getvalue()}"
    place = f"{folder.resolve()}/"
    if "--json" in words:
        printed = tree(json.loads(said.getvalue()), place)
    else:
        # Versions of rich break lines at other places: the words count.
        words = said.getvalue().replace(place, "").split()
        printed = sorted(word for word in words if any(letter.isalnum() for letter in word))
    found = {"printed": printed}
    for name in case.writes:
        path = folder / name
        if path.is_dir():
            found[name] = sorted(str(inner.relative_to(path)) for inner in path.rglob("*") if inner.is_file())
        else:
            found[name] = file_tree(path)
    return found if case.kept == "values" else skeleton(found)
