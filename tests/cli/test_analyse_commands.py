from __future__ import annotations

import json
import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from alzmodel.cli import main
from alzmodel.cli.output import show_progress
from alzmodel.crystals import crystal, nanocrystal
from alzmodel.forcefields.potentials import potential
from alzmodel.io import read_structure, write_structure
from alzmodel.local_order.parts import PARTS


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    cell = crystal("La2Zr2O7")
    frames = []
    for seed in (1, 2):
        frames.append(cell.copy())
        frames[-1].rattle(0.08, seed=seed)
    write_structure(cell, folder / "crystal.cif")
    write_structure(frames[0], folder / "one.extxyz")
    write_structure(frames[1], folder / "two.extxyz")
    write_structure(frames, folder / "both.extxyz")
    write_structure(nanocrystal("La2Zr2O7", 40.0), folder / "sphere.extxyz")
    rng = np.random.default_rng(5)
    gas = Atoms("La40Zr40O140", rng.random((220, 3)) * 14.0, cell=[14.0] * 3, pbc=True)
    write_structure(gas, folder / "gas.extxyz")
    return folder


def test_pdf_has_partials_totals_and_first_peaks(capsys, folder):
    code, out, _ = run(capsys, "pdf", folder / "one.extxyz", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["n_models"] == 1
    assert set(result["partials"]) == {"Zr-Zr", "Zr-La", "Zr-O", "La-La", "La-O", "O-O"}
    assert set(result["totals"]) == {"xray", "neutron", "electron"}
    assert len(result["r"]) == len(result["partials"]["La-O"]) == len(result["totals"]["xray"])
    assert result["first_peaks"]["Zr-O"]["r"] == pytest.approx(2.106, abs=0.06)


@pytest.mark.parametrize("command", ["pdf", "lbu", "xrd"])
def test_provisional_ions_of_a_model_are_marked(capsys, folder, tmp_path, command):
    marked = read_structure(folder / "one.extxyz")
    marked.info["provenance"] = {"potential": potential("grimes").provenance(["La3+", "Zr4+", "O2-"])}
    write_structure(marked, tmp_path / "grimes.extxyz")
    code, out, err = run(capsys, command, folder / "two.extxyz", tmp_path / "grimes.extxyz", "--json")
    assert code == 0
    assert json.loads(out)["provisional"] == ["Zr4+"]
    assert "provisional potential parameters for Zr4+" in err
    if command == "pdf":
        code, out, err = run(capsys, command, folder / "two.extxyz", "--json")
        assert json.loads(out)["provisional"] == []
        assert "provisional" not in err


def test_an_element_without_x_ray_factors_costs_that_total_only(capsys, tmp_path):
    write_structure(bulk("Es", "fcc", a=5.75, cubic=True), tmp_path / "einsteinium.cif")
    code, out, err = run(capsys, "pdf", tmp_path / "einsteinium.cif", "--json")
    result = json.loads(out)
    assert code == 0
    assert "no xray factor is tabulated for Es\n" in err
    assert "repeats" not in err
    assert set(result["totals"]["xray"]) == {None}
    assert None not in result["totals"]["electron"]


def test_every_total_is_written_and_laid_over_itself(capsys, folder, tmp_path):
    for function, ending in (("G", "gr"), ("T", "xy"), ("D", "csv"), ("S", "sq"), ("F", "fq")):
        file = tmp_path / f"own.{ending}"
        words = ["pdf", folder / "one.extxyz", "--function", function, "--radiation", "neutron", "--r-max", 8]
        words += ["--q-max", 20] if function in "GTD" else ["--q-range", 1, 10, 0.05]
        assert run(capsys, *words, "--write", file)[0] == 0
        picture = tmp_path / f"{function}.csv"
        code, out, _ = run(capsys, *words, "--against", file, "--window", 2, 7, "--figure", picture, "--json")
        result = json.loads(out)
        assert code == 0
        assert result["against"]["scale"] == pytest.approx(1, rel=1e-6)
        assert result["against"]["rwp"] < 1e-6
        assert 2 <= result["against"]["x"][0] < result["against"]["x"][-1] <= 7
        assert picture.read_text().startswith("Q (Å⁻¹)" if function in "SF" else "r (Å)")
    sharp = json.loads(run(capsys, "pdf", folder / "one.extxyz", "--r-max", 8, "--json")[1])
    limited = json.loads(
        run(capsys, "pdf", folder / "one.extxyz", "--r-max", 8, "--q-max", 8, "--lorch", "--json")[1]
    )
    assert sharp["r"] == limited["r"]
    assert max(limited["totals"]["xray"]) < 0.8 * max(sharp["totals"]["xray"])
    rho = sharp["number_density"]
    slope = np.subtract(sharp["T"]["xray"], sharp["totals"]["xray"]) / np.array(sharp["r"])
    assert slope == pytest.approx(np.full(len(slope), 4 * np.pi * rho))


def test_several_files_give_mean_spread_and_number(capsys, folder):
    files = [folder / "one.extxyz", folder / "two.extxyz"]
    results = [json.loads(run(capsys, "lbu", file, "--json")[1]) for file in files]
    together = json.loads(run(capsys, "lbu", *files, "--json")[1])
    means = [result["units"]["Zr"]["mean_distance"] for result in results]
    assert together["n_models"] == 2
    assert together["units"]["Zr"]["mean_distance"] == pytest.approx(np.mean(means))
    assert together["units"]["Zr"]["mean_distance_std"] == pytest.approx(np.std(means, ddof=1))


def test_a_run_without_a_terminal_tells_of_time_left_once_it_is_known(monkeypatch, capsys):
    monkeypatch.setattr("alzmodel.progress.SECONDS_BETWEEN_LINES", 0.0)
    with show_progress("lbu") as progress:
        progress(0.0, "first shells")
        progress(0.5, "shapes")
    first, second = capsys.readouterr().err.splitlines()
    assert first == "lbu: first shells, 0% done"
    assert second.startswith("lbu: shapes, 50% done, about 0 s left")


def test_frames_of_one_file_are_one_model(capsys, folder):
    result = json.loads(run(capsys, "pdf", folder / "both.extxyz", "--json")[1])
    assert result["n_models"] == 1
    assert result["n_frames"] == 2


def test_lbu_of_pyrochlore(capsys, folder):
    result = json.loads(run(capsys, "lbu", folder / "crystal.cif", "--json")[1])
    assert result["units"]["Zr"]["mean_coordination"] == 6
    assert result["units"]["La"]["mean_coordination"] == 8
    assert result["sharing"]["Zr-La"]["edge"] == 1
    table = run(capsys, "lbu", folder / "crystal.cif", "--cutoff", "La-O=2.5")[1]
    assert "LaO2 100.0%" in table


def test_only_some_parts_of_the_building_units(capsys, folder):
    crystal = folder / "crystal.cif"
    everything = json.loads(run(capsys, "lbu", crystal, "--json")[1])
    some = json.loads(run(capsys, "lbu", crystal, "--only", "sharing, first", "--json")[1])
    fields = {part.field for part in PARTS.values()}
    assert fields <= everything.keys()
    assert some.keys() & fields == {"units", "sharing"}
    # The keys that belong to other parts are gone, all others are the same.
    assert everything.keys() - some.keys() == (fields - {"units", "sharing"}) | {
        "packing_fraction",
        "order_ends",
    }
    assert some == {key: everything[key] for key in some}
    assert json.loads(run(capsys, "lbu", crystal, "--only", "packing", "--json")[1]).keys() >= {
        "packing",
        "packing_fraction",
    }
    several = json.loads(run(capsys, "lbu", crystal, crystal, "--only", "rings", "--json")[1])
    assert several.keys() & fields == {"rings"}


@pytest.mark.parametrize("name", PARTS)
def test_each_part_prints_alone_what_it_prints_among_all(capsys, folder, name):
    alone = run(capsys, "lbu", folder / "one.extxyz", "--only", name)[1].splitlines()
    together = run(capsys, "lbu", folder / "one.extxyz", "--only", f"first,{name}")[1].splitlines()
    assert len(alone) > 1
    # Shapes say how many units there are of each coordination, where that is known.
    known = [line for line in alone if "ZrO" not in line and "LaO" not in line and "LiO" not in line]
    assert set(known) - set(together) <= {line for line in known if "–" in line}


def test_what_is_cheap_is_printed_before_the_rest_is_done(capsys, folder, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("alzmodel.local_order.building_units.free_volume", stop)
    code, out, _ = run(capsys, "lbu", folder / "one.extxyz")
    assert code == 130
    for words in ("building units", "sharing of", "network", "rings", "former or modifier", "shapes"):
        assert words in out
    assert "what depends on" not in out


def test_xrd_of_a_sphere_and_against_its_own_pattern(capsys, folder, tmp_path):
    code, out, _ = run(capsys, "xrd", folder / "sphere.extxyz", "--range", 20, 60, 0.05, "--json")
    pattern = json.loads(out)
    assert code == 0
    strongest = max(
        pattern["peaks"],
        key=lambda peak: np.interp(peak["two_theta"], pattern["two_theta"], pattern["intensity"]),
    )
    assert strongest["two_theta"] == pytest.approx(28.6, abs=0.1)
    assert strongest["hkl"] == "222"
    data = np.transpose([pattern["two_theta"], 3.0 * np.array(pattern["intensity"]) + 40.0])
    np.savetxt(tmp_path / "own.xy", data)
    words = (
        "xrd",
        folder / "sphere.extxyz",
        "--range",
        20,
        60,
        0.05,
        "--against",
        tmp_path / "own.xy",
        "--json",
    )
    agreement = json.loads(run(capsys, *words)[1])["against"]
    assert agreement["scale"] == pytest.approx(3.0, rel=1e-6)
    assert agreement["rwp"] < 1e-6


def test_fem_of_a_crystal_shows_its_reflections_and_a_gas_none(capsys, folder):
    code, out, err = run(capsys, "fem", folder / "crystal.cif", "--columns", 1, "--json")
    result = json.loads(out)
    assert code == 0
    assert "grains" in err
    assert set(result["variance"]) == {"omega", "r", "re", "image"}
    assert result["peaks"][0]["k"] == pytest.approx(3.21, abs=0.05)
    low, high = result["peaks"][0]["k_ci95"]
    assert low < result["peaks"][0]["k"] < high
    assert json.loads(run(capsys, "fem", folder / "gas.extxyz", "--columns", 1, "--json")[1])["peaks"] == []


@pytest.mark.slow
def test_fem_tells_what_makes_the_peaks(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    words = ("fem", folder / "crystal.cif", "--columns", 1, "--thickness", 20, "--readings")
    code, out, err = run(capsys, *words, "--plot", tmp_path / "peaks.png", "--json")
    read = json.loads(out)["readings"]
    assert code == 0
    assert (tmp_path / "peaks.png").stat().st_size > 10_000
    assert [peak["label"] for peak in read["peaks"]] == ["k5.3", "k3.2"]
    assert sum(read["peaks"][1]["shares"].values()) == pytest.approx(1)
    assert read["bonds"]["Zr-O"] == pytest.approx(2.1, abs=0.02)
    place = next(row for row in read["rivals"] if row["quantity"] == "FEM peak 2, k")
    assert place["met"] == [None, True]
    code, out, err = run(capsys, *words, "--only", "Zr, O")
    assert code == 0
    assert "only Zr, O scatter" in err
    assert "expectations of bonds are met" in err
    assert "pyrochlore reflections (H7R)" in out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["pdf", "{missing}"], ["nothing.xyz", "no such file"]),
        (["pdf", "{text}"], ["text.xyz", "not a structure"]),
        (["pdf", "{folder}"], ["no plain file"]),
        (["lbu", "{twins}"], ["twins.extxyz", "apart"]),
        (["pdf", "{one}", "--r-max", "-2"], ["--r-max", "-2"]),
        (["pdf", "{one}", "--dr", "0"], ["--dr", "0"]),
        (["pdf", "{one}", "--against", "{text}"], ["text.xyz"]),
        (["pdf", "{one}", "--q-min", "1"], ["--q-min", "--q-max"]),
        (["pdf", "{one}", "--q-max", "0"], ["--q-max", "0"]),
        (["pdf", "{sphere}", "--q-max", "20"], ["sphere.extxyz", "cluster"]),
        (["pdf", "{sphere}", "--function", "S"], ["sphere.extxyz", "cluster"]),
        (["pdf", "{one}", "--function", "S", "--q-range", "5", "1", "0.1"], ["5 to 1"]),
        (["pdf", "{one}", "--write", "a.sq"], ["a.sq", ".gr"]),
        (["pdf", "{one}", "--figure", "a.png"], ["--figure", "--against"]),
        (["xrd", "{one}", "--window", "20", "30"], ["--window", "--against"]),
        (["xrd", "{one}", "--against", "{text}", "--figure", "a.gif"], [".gif", ".png"]),
        (["xrd", "{one}", "--against", "{text}", "--window", "30", "20"], ["--window 30 20"]),
        (["lbu", "{one}", "--cutoff", "La-O"], ["La-O", "3.2"]),
        (["lbu", "{one}", "--cutoff", "Xx-O=3"], ["Xx-O"]),
        (["lbu", "{one}", "--only", "first,shapes"], ["--only first,shapes", "'shapes'", "symmetry"]),
        (["lbu", "{one}", "--only", ","], ["--only ,", "sensitivity"]),
        (["lbu", "{one}", "--only", "First"], ["'First'", "first"]),
        (["lbu", "{one}", "--only", "first", "--json", "--list-rings"], ["--list-rings", "rings"]),
        (["xrd", "{one}", "--wavelength", "CuKz"], ["CuKz"]),
        (["xrd", "{one}", "--wavelength", "-1"], ["-1"]),
        (["xrd", "{one}", "--range", "60", "20", "0.02"], ["60"]),
        (["xrd", "{one}", "--method", "guess"], ["guess", "debye"]),
        (["xrd", "{sphere}", "--method", "pdf"], ["sphere.extxyz", "periodic"]),
        (["fem", "{sphere}"], ["sphere.extxyz", "periodic"]),
        (["fem", "{slab}"], ["slab.extxyz", "[True, True, False]", "120 Å wide or more"]),
        (["fem", "{one}", "--until", "0.1", "--columns", "3"], ["--columns 3", "--until", "at least 4"]),
        (["pdf", "{one}", "--q-broad", "9"], ["--q-broad: 9", "0 to 1"]),
        (["fem", "{one}", "--thickness", "nan"], ["--thickness", "nan"]),
        (["fem", "{one}", "--columns", "0"], ["columns", "0"]),
        (["fem", "{one}", "--energy", "-200"], ["-200"]),
        (["fem", "{one}", "--semi-angle", "90"], ["90"]),
        (["fem", "{one}", "--probe-fwhm", "0"], ["--probe-fwhm: 0 Å wide", "allowed: 1.3 to 645 Å"]),
        (["fem", "{one}", "--plot", "{folder}/f.jpg"], ["f.jpg", ".png"]),
        (["fem", "{one}", "{one}", "--plot", "{folder}/f.png"], ["f.png", "2 models"]),
        (["fem", "{one}", "--columns", "1", "--only", "Ce"], ["Ce", "La"]),
        (["fem", "{one}", "--columns", "1", "--cluster-diameter", "90"], ["90", "50"]),
    ],
)
def test_bad_input_ends_in_one_line(capsys, folder, tmp_path, words, named):
    (tmp_path / "text.xyz").write_text("no structure\n")
    names = {
        "missing": tmp_path / "nothing.xyz",
        "text": tmp_path / "text.xyz",
        "one": folder / "one.extxyz",
        "sphere": folder / "sphere.extxyz",
        "twins": tmp_path / "twins.extxyz",
        "folder": tmp_path,
    }
    write_structure(Atoms("LaO2", [[0, 0, 0], [2, 0, 0], [2, 0, 0]], cell=[8] * 3, pbc=True), names["twins"])
    names["slab"] = tmp_path / "slab.extxyz"
    write_structure(
        Atoms("LaO", [[0, 0, 0], [2, 0, 0]], cell=[8] * 3, pbc=[True, True, False]), names["slab"]
    )
    code, out, err = run(capsys, *(word.format(**names) for word in words))
    last = err.splitlines()[-1]
    assert code == 2
    assert out == ""
    for words_of_it in named:
        assert words_of_it in last


@pytest.mark.parametrize("ending", [".xy", ".xye", ".chi", ".csv", ".gr", ".xrdml"])
@pytest.mark.parametrize(
    ("command", "unit", "start"),
    [("xrd", "2theta (deg)", 20.0), ("pdf", "r (A)", 2.0), ("fem", "k (nm^-1)", 2.0)],
)
def test_faulty_measured_files_are_refused_before_work(
    capsys, folder, tmp_path, command, unit, start, ending
):
    """Empty, NaN, repeated, falling and in another unit: each has its own line, for every format and command."""

    def written(x, y):
        if ending == ".xrdml":
            return (
                '<xrdMeasurements><scan><dataPoints><positions axis="2Theta"><listPositions>'
                f"{' '.join(map(str, x))}</listPositions></positions><intensities>{' '.join(map(str, y))}</intensities>"
                "</dataPoints></scan></xrdMeasurements>"
            )
        rows = [f"{a} {b} 1" if ending == ".xye" else f"{a} {b}" for a, b in zip(x, y, strict=True)]
        head = {".chi": ["film", unit, "I", str(len(rows))], ".csv": [f"{unit},y"]}.get(ending, [f"# {unit}"])
        return "\n".join([*head, *(row.replace(" ", ",") if ending == ".csv" else row for row in rows)])

    x = [start, start + 1, start + 2, start + 3]
    cases = {
        "": "no dataPoints|not XML|holds 0 rows",
        written(x, [1, 2, "nan", 3]): "y is NaN or infinite in row 3",
        written(["nan", *x[1:]], [1, 2, 3, 4]): "x is NaN or infinite in row 1",
        written([x[0], x[0], *x[1:]], [1, 2, 3, 4, 5]): f"x repeats at {start:g}",
        written(x[::-1], [1, 2, 3, 4]): f"x falls after {x[-1]:g}",
        written([one / 20 for one in x], [1, 2, 3, 4]).replace(
            unit, "d-spacing (A)"
        ): "which looks like|d in Å by",
    }
    if ending == ".xrdml":
        # Its axis is named.
        cases.popitem()
        if command != "xrd":
            cases = {written(x, [1, 2, 3, 4]): "x is 2θ in degrees by the header"}
    data = tmp_path / f"data{ending}"
    for text, words in cases.items():
        data.write_text(text, encoding="utf-8")
        code, out, err = run(capsys, command, folder / "one.extxyz", "--against", data)
        assert (code, out) == (2, ""), words
        (line,) = err.splitlines()
        assert any(part in line for part in words.split("|")), (line, words)
        assert "allowed" in line


def test_brief_units_are_a_few_lines(capsys, folder):
    code, out, _ = run(capsys, "lbu", folder / "one.extxyz", "--brief")
    assert code == 0
    assert len(out.splitlines()) < 15
    assert re.search(r"^Zr has \d\.\d\d O at \d\.\d{3} Å$", out, re.MULTILINE)
    assert "┃" not in out
    whole = run(capsys, "lbu", folder / "one.extxyz", "--only", "first")[1].splitlines()
    assert whole[1].startswith("Zr has")
    code, _, err = run(capsys, "lbu", folder / "one.extxyz", "--brief", "--only", "first")
    assert (code, err) == (2, "alzmodel: --brief and --only first: both; allowed: one of them\n")


@pytest.mark.parametrize(
    ("words", "begin"),
    [
        (("lbu", "--former", "Xx"), "alzmodel: --former: 'Xx' is no cation of "),
        (("lbu", "--cutoff", "La-F=3"), "alzmodel: --cutoff: pair 'F-La' is not in "),
        (("xrd", "--wavelength", "ruby"), "alzmodel: --wavelength: ruby; allowed: "),
        (("fem", "--columns", "0"), "alzmodel: --columns: 0; allowed: "),
    ],
)
def test_messages_on_an_option_begin_with_it(capsys, folder, words, begin):
    command, *options = words
    code, _, err = run(capsys, command, folder / "one.extxyz", *options)
    assert code == 2
    assert err.startswith(begin)
