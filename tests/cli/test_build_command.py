from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time

import pytest

from alzmodel.cli import main
from alzmodel.composition import glass_composition, ion_counts
from alzmodel.errors import AlzmodelError
from alzmodel.io import read_frames, read_structure, write_structure
from alzmodel.models.melt_quench import input_hash
from alzmodel.models.packing import random_packing
from alzmodel.models.work_folder import versions


def run(capsys, *words):
    code = main([str(word) for word in words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def assert_one_line_refusal(code, out, err, *named):
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for words in named:
        assert words in err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--la", "-1"], ["-1", "allowed"]),
        (["--la", "nan"], ["nan", "allowed"]),
        (["--la", "many"], ["many", "allowed"]),
        (["--la", "6.1"], ["6.1", "allowed"]),
        (["--la", "5.4", "--oxygen", "12"], ["5.4", "16/3"]),
        (["--la", "3", "--oxygen", "11"], ["11", "balance", "12"]),
        (["--la", "3", "--dopant", "Ca", "--fraction", "1.5"], ["1.5", "allowed"]),
        (["--la", "3", "--dopant", "Xx", "--fraction", "0.1"], ["Xx", "allowed"]),
        (["--la", "3", "--dopant", "Ca"], ["--fraction", "missing"]),
        (["--la", "3", "--fraction", "0.1"], ["--dopant", "missing"]),
        (["--la", "3", "--atoms", "30"], ["30", "smaller than 10 Å", "at least"]),
        (["--la", "3", "--atoms", "1000000000"], ["1000000000", "memory", "allowed"]),
        (["--la", "3", "--atoms", "-5"], ["-5", "allowed"]),
        (["--la", "3", "--atoms", "ten"], ["ten"]),
        (["--la", "3", "--li", "nan"], ["nan", "allowed"]),
        (["--la", "3", "--seed", "-1"], ["-1", "allowed"]),
        (["--la", "3", "--ranks", "0"], ["0", "allowed"]),
        (["--la", "3", "--protocol", "slow"], ["slow", "quick"]),
        (["--la", "3", "--potential", "magic"], ["magic", "du-teter"]),
        (["--formula", "Li7La3Zr2O13"], ["Li7La3Zr2O13", "charge"]),
        (["--formula", "Li7Xx3Zr2O12"], ["Xx", "allowed"]),
        (["--formula", "Li7La3Zr2O12", "--la", "3"], ["--formula", "both"]),
        (["--formula", "Li7La3Zr2O12", "--li", "6"], ["--li"]),
        ([], ["neither"]),
    ],
)
def test_bad_glass_requests_end_in_one_line(capsys, tmp_path, words, named):
    result = run(capsys, "build", "glass", *words, "-o", tmp_path / "glass.extxyz")
    assert_one_line_refusal(*result, *named)
    assert not any(tmp_path.iterdir())


def test_outputs_are_checked_before_work(capsys, tmp_path):
    result = run(capsys, "build", "glass", "--la", "3", "-o", tmp_path / "none" / "glass.extxyz")
    assert_one_line_refusal(*result, "none", "does not exist")
    result = run(capsys, "build", "glass", "--la", "3", "-o", "-", "--json")
    assert_one_line_refusal(*result, "-o -", "--json")
    result = run(capsys, "build", "glass", "--la", "3", "-o", tmp_path / "glass.foo")
    assert_one_line_refusal(*result, "glass.foo", "allowed endings: .extxyz")
    frames = ("--frames", tmp_path / "frames.cif")
    result = run(capsys, "build", "glass", "--la", "3", "-o", tmp_path / "glass.cif", *frames)
    assert_one_line_refusal(*result, "frames.cif", "holds one model", ".extxyz")
    frames = ("--frames", tmp_path / "glass.extxyz")
    result = run(capsys, "build", "glass", "--la", "3", "-o", tmp_path / "glass.extxyz", *frames)
    assert_one_line_refusal(*result, "glass.extxyz", "is the file of the model")
    assert not any(tmp_path.iterdir())


def test_a_finished_model_is_neither_built_again_nor_lost(capsys, tmp_path):
    """What stands in the file is taken where inputs and versions are the same, and is kept where they are not."""
    composition = glass_composition(3.0)
    made = {"input_hash": input_hash(composition, 600, seed=1, protocol="quick"), "versions": versions()}
    model = random_packing(ion_counts(composition, 600), seed=1)
    model.info["provenance"] |= made | {"formula": "as it stood", "potential": {"provisional": []}}
    output = tmp_path / "glass.extxyz"
    write_structure(model, output)
    stood = output.read_bytes()
    words = ("build", "glass", "--la", 3, "--protocol", "quick", "-o", output)
    code, out, err = run(capsys, *words, "--json")
    assert code == 0
    assert json.loads(out)["formula"] == "as it stood"
    assert "holds this model already" in err
    frames = ("--frames", tmp_path / "frames.extxyz", "--dry-run")
    assert run(capsys, *words, *frames)[0] == 0
    result = run(capsys, *words, "--seed", 2)
    assert_one_line_refusal(*result, "glass.extxyz", "exists", "allowed: another name")
    ceramic = ("build", "glass-ceramic", "--la", 3, "--nucleus", "MgO", "--diameter", 12, "--box", 22)
    assert_one_line_refusal(*run(capsys, *ceramic, "-o", output), "glass.extxyz", "exists")
    (tmp_path / "notes").write_text("words")
    assert_one_line_refusal(*run(capsys, *words[:-1], tmp_path / "notes"), "notes", "exists")
    assert output.read_bytes() == stood
    assert sorted(path.name for path in tmp_path.iterdir()) == ["glass.extxyz", "notes"]


def test_dry_run_shows_every_ion_of_a_bare_element(capsys, tmp_path):
    output = tmp_path / "glass.extxyz"
    words = ("--la", "3", "--dopant", "Ce", "--fraction", "0.1", "-o", output, "--dry-run", "--json")
    code, out, _ = run(capsys, "build", "glass", *words)
    plan = json.loads(out)
    assert code == 0
    assert [step["formula"] for step in plan] == ["Li7La2.7Ce0.3Zr2O12", "Li6.7La2.7Ce0.3Zr2O12"]
    assert all(step["seconds"] > 0 for step in plan)
    assert not any(tmp_path.iterdir())


def test_crystal_supercell(capsys, tmp_path):
    output = tmp_path / "pyrochlore.cif"
    code, out, _ = run(capsys, "build", "crystal", "La2Zr2O7", "--supercell", 2, "-o", output, "--json")
    summary = json.loads(out)
    assert code == 0
    assert summary["n_atoms"] == len(read_structure(output)) == 88 * 8
    assert summary["density"] == pytest.approx(6.05, abs=0.05)
    assert summary["provenance"]["phase"] == "La2Zr2O7"


def test_crystals_are_shown_with_units_energy_and_lattice(capsys, tmp_path):
    words = ("build", "crystal", "MgO", "-o", tmp_path / "cell.extxyz")
    plain = run(capsys, *words)[1]
    assert "density (g/cm³)" in plain
    assert "4.2110, 4.2110, 4.2110" in plain
    relaxed = run(capsys, *words, "--lattice", "relaxed", "--supercell", "2")[1]
    assert re.search(r"relaxed with du-teter │ 4\.23", relaxed)
    energy = float(re.search(r"energy \(eV\) +│ +(-[\d.]+)", relaxed)[1])
    # Eight cells of four formula units, each of 16.4 eV with charges of ±1.2.
    assert energy / 32 == pytest.approx(-16.385, abs=0.01)


def test_crystal_on_stdout_is_extxyz(capsys, tmp_path):
    code, out, _ = run(capsys, "build", "crystal", "MgO", "-o", "-")
    (tmp_path / "mgo.extxyz").write_text(out)
    assert code == 0
    assert len(read_frames(tmp_path / "mgo.extxyz")) == 1


def test_given_lattice_parameter_and_disorder(capsys, tmp_path):
    output = tmp_path / "disordered.extxyz"
    words = ("La2Zr2O7", "--lattice", 10.9, "--disorder", 0.5, "--supercell", 2, "-o", output, "--json")
    code, out, _ = run(capsys, "build", "crystal", *words)
    assert code == 0
    assert read_structure(output).cell.lengths() == pytest.approx([21.8] * 3)
    assert json.loads(out)["provenance"]["antisite_fraction"] == pytest.approx(0.25, abs=0.02)


def test_nanocrystal_is_neutral(capsys, tmp_path):
    output = tmp_path / "sphere.extxyz"
    code, out, _ = run(capsys, "build", "nanocrystal", "La2Zr2O7", "--diameter", 30, "-o", output, "--json")
    assert code == 0
    model = read_structure(output)
    assert model.get_initial_charges().sum() == 0
    assert json.loads(out)["density"] is None


def test_relaxed_lattice_excess_and_displacements(capsys, tmp_path):
    words = ("build", "crystal", "La2Zr2O7", "-o", tmp_path / "crystal.extxyz", "--json")
    code, out, _ = run(capsys, *words, "--lattice", "relaxed", "--displacement", "O=0.1")
    provenance = json.loads(out)["provenance"]
    assert code == 0
    # 1.3 % more than measured, as this potential has it.
    assert provenance["lattice_parameters"] == pytest.approx([10.945] * 3, abs=0.02)
    assert provenance["displacements"]["rms_per_axis"] == {"O": 0.1}
    code, out, _ = run(capsys, *words, "--supercell", "2", "--excess-la", "-0.25")
    provenance = json.loads(out)["provenance"]
    assert code == 0
    assert provenance["excess_la"] == -0.25
    assert provenance["lattice_parameters"] == pytest.approx([10.805] * 3)
    model = read_structure(tmp_path / "crystal.extxyz")
    assert len(model) == 64 * 11 + 8
    words = ("build", "nanocrystal", "MgO", "--diameter", 20, "--lattice", "relaxed", "--json")
    code, out, _ = run(capsys, *words, "-o", tmp_path / "sphere.extxyz")
    assert code == 0
    assert json.loads(out)["provenance"]["lattice_relaxed_with"] == "du-teter"
    assert json.loads(out)["formula"] == "MgO"


def test_hot_crystals_are_frames_of_molecular_dynamics(capsys, tmp_path):
    frames = tmp_path / "frames.extxyz"
    words = ("crystal", "MgO", "--temperature", 300, "--frames", frames, "-o", tmp_path / "hot.cif")
    code, out, _ = run(capsys, "build", *words, "--json")
    assert code == 0
    displacements = json.loads(out)["provenance"]["displacements"]
    assert displacements["method"] == "molecular dynamics, classical"
    assert displacements["cell"] == "fixed"
    assert len(read_frames(frames)) == 10
    result = run(capsys, "build", "crystal", "MgO", "--frames", frames, "-o", tmp_path / "cold.cif")
    assert_one_line_refusal(*result, "--frames", "without --temperature")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["crystal", "Unobtainium"], ["Unobtainium", "La2Zr2O7"]),
        (["crystal", "MgO", "--disorder", "0.5"], ["MgO", "La2Zr2O7"]),
        (["crystal", "La2Zr2O7", "--disorder", "2"], ["2", "allowed"]),
        (["crystal", "MgO", "--excess-la", "0.5"], ["--excess-la", "MgO", "La2Zr2O7"]),
        (["crystal", "La2Zr2O7", "--excess-la", "0.9"], ["0.9", "-0.5 to 0.5"]),
        (["crystal", "La2Zr2O7", "--excess-la", "0.5", "--disorder", "0.5"], ["both", "one of them"]),
        (["crystal", "La2Zr2O7", "--lattice", "wide"], ["wide", "relaxed"]),
        (["crystal", "La2Zr2O7", "--temperature", "0"], ["temperature: 0", "1 to 3000"]),
        (["crystal", "La2Zr2O7", "--temperature", "300", "--displacement", "O=0.1"], ["both", "one of them"]),
        (["crystal", "La2Zr2O7", "--displacement", "Li=0.1"], ["Li is not in the model", "La, O, Zr"]),
        (["crystal", "La2Zr2O7", "--displacement", "O:0.1"], ["'O:0.1'", "La=0.08"]),
        (["crystal", "La2Zr2O7", "--displacement", "O=0.9"], ["displacement of O", "0 to 0.5"]),
        (["crystal", "La2Zr2O7", "--displacement", "O=0.1,O=0.2"], ["O twice", "once"]),
        (["crystal", "MgO", "--potential", "magic"], ["magic", "du-teter"]),
        (["crystal", "MgO", "--seed", "-1"], ["seed: -1"]),
        (["crystal", "MgO", "--ranks", "0"], ["ranks: 0"]),
        (["nanocrystal", "MgO", "--diameter", "20", "--potential", "magic"], ["magic", "du-teter"]),
        (["crystal", "Li2CO3", "--lattice", "relaxed"], ["C4+", "no parameters"]),
        (["crystal", "La2Zr2O7", "--lattice", "relaxed", "--potential", "magic"], ["magic", "du-teter"]),
        (["nanocrystal", "La2Zr2O7", "--diameter", "1", "--lattice", "relaxed"], ["1", "allowed"]),
        (["nanocrystal", "La2Zr2O7", "--diameter", "20", "--temperature", "nan"], ["nan", "1 to 3000"]),
        (["crystal", "La2Zr2O7", "--supercell", "0"], ["0", "allowed"]),
        (["crystal", "La2Zr2O7", "--lattice", "nan"], ["nan", "allowed"]),
        (["nanocrystal", "La2Zr2O7", "--diameter", "1"], ["1", "allowed"]),
        (["nanocrystal", "La2Zr2O7", "--diameter", "-4"], ["-4", "allowed"]),
        (["nanocrystal", "La2Zr2O7"], ["--diameter"]),
    ],
)
def test_bad_crystal_requests_end_in_one_line(capsys, tmp_path, words, named):
    result = run(capsys, "build", *words, "-o", tmp_path / "model.extxyz")
    assert_one_line_refusal(*result, *named)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("size", "told"), [("1", ""), ("2", "relaxing 704 atoms: about 1.7 minutes")])
def test_a_long_relaxation_is_told_before_it_begins(capsys, tmp_path, monkeypatch, size, told):
    def begins(*_, **__):
        raise AlzmodelError("begun")

    monkeypatch.setattr("alzmodel.models.crystal_models.relaxed_model", begins)
    words = ("La2Zr2O7", "--supercell", size, "--disorder", "0.5", "--lattice", "relaxed")
    assert main(["build", "crystal", *words, "-o", str(tmp_path / "a.extxyz")]) == 1
    before, _, _ = capsys.readouterr().err.partition("begun")
    assert told in before
    assert before.count("about") == bool(told)


def test_hot_crystals_too_large_for_memory_are_refused(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("alzmodel.models.melt_quench._memory_there", lambda: 1e8)
    for words in (("--temperature", 300), ("--lattice", "relaxed", "--disorder", 0.5)):
        result = run(capsys, "build", "crystal", "La2Zr2O7", *words, "-o", tmp_path / "model.extxyz")
        assert_one_line_refusal(*result, "number of atoms: 88", "memory")
    assert not any(tmp_path.iterdir())


TINY_PROTOCOL = """
melt_temperature = 6000.0
melt_time = 2.0
quench_rate = 5000.0
cutoff = 6.0
restart_time = 0.5
"""


def tiny_words(folder, **changes):
    """Words of a build of seconds, with lines of its protocol changed."""
    lines = [line for line in TINY_PROTOCOL.split("\n") if line.split(" = ")[0] not in changes]
    lines += [f"{name} = {value}" for name, value in changes.items()]
    (folder / "tiny.toml").write_text("\n".join(lines))
    words = ("build", "glass", "--la", "3", "--atoms", "150", "--protocol", str(folder / "tiny.toml"))
    return [*words, "-o", str(folder / "glass.extxyz")]


def test_a_melt_that_did_not_melt_leaves_no_folder_but_the_one_that_was_named(capsys, tmp_path):
    words = tiny_words(tmp_path, melt_temperature=1500.0, melt_time=0.2)
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "melt hotter or longer" in err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]
    code, _, err = run(capsys, *words, "--workdir", tmp_path / "mine")
    assert code == 1
    assert err.splitlines()[-1].endswith(
        f"melt hotter or longer; what was computed is in {tmp_path / 'mine'}"
    )
    assert list((tmp_path / "mine").glob("*.restart"))


def test_sigterm_ends_a_build_with_the_name_of_the_folder_it_goes_on_from(tmp_path):
    command = [sys.executable, "-m", "alzmodel", *tiny_words(tmp_path, melt_time=500.0)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("glass.extxyz.build-*/*.log")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        err = process.stderr.read()
    (folder,) = tmp_path.glob("glass.extxyz.build-*")
    assert process.returncode == 130
    assert err.splitlines()[-1] == f"alzmodel: interrupted; the same command goes on from {folder}"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (AlzmodelError("LAMMPS failed: no words"), 1, "LAMMPS failed: no words"),
        (OSError(28, "No space left on device"), 1, "[Errno 28] No space left on device"),
    ],
)
def test_what_ends_a_build_names_the_folder_that_stays(capsys, tmp_path, monkeypatch, error, code, said):
    def ends(*_, workdir, **__):
        workdir.mkdir()
        raise error

    monkeypatch.setattr("alzmodel.models.melt_quench.melt_quench", ends)
    before = signal.getsignal(signal.SIGTERM)
    ended, _, err = run(capsys, *tiny_words(tmp_path))
    assert signal.getsignal(signal.SIGTERM) is before
    (folder,) = tmp_path.glob("glass.extxyz.build-*")
    assert ended == code
    assert err.splitlines()[-1] == f"alzmodel: {said}; the same command goes on from {folder}"


@pytest.mark.slow
def test_killed_build_goes_on_from_its_restart_file_to_the_same_bytes(tmp_path):
    """Killed while the third segment or a later one runs; what stood then is not computed again."""
    (tmp_path / "tiny.toml").write_text(TINY_PROTOCOL)

    def command(name):
        words = ("build", "glass", "--la", "3", "--atoms", "150", "--protocol", str(tmp_path / "tiny.toml"))
        return [sys.executable, "-m", "alzmodel", *words, "-o", str(tmp_path / name)]

    process = subprocess.Popen(command("killed.extxyz"), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(restarts := sorted(tmp_path.glob("killed.extxyz.build-*/*.restart"))) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    stamps = {path: path.stat().st_mtime_ns for path in restarts}
    (folder,) = tmp_path.glob("killed.extxyz.build-*")
    again = subprocess.Popen(command("killed.extxyz"), stderr=subprocess.DEVNULL)
    while again.poll() is None:
        time.sleep(0.05)
        if folder.exists():
            stood = {path: path.stat().st_mtime_ns for path in restarts if path.exists()}
            assert all(stamps[path] == stamp for path, stamp in stood.items())
    assert again.returncode == 0
    subprocess.run(command("whole.extxyz"), check=True, stderr=subprocess.DEVNULL)
    assert (tmp_path / "killed.extxyz").read_bytes() == (tmp_path / "whole.extxyz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed.extxyz", "tiny.toml", "whole.extxyz"]


CERAMIC = ("build", "glass-ceramic", "--la", "3", "--nucleus", "La2Zr2O7")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--diameter", "40", "--box", "30"], ["box: 30", "nucleus of 40", "at least 49"]),
        (["--diameter", "40", "--box", "48"], ["box: 48", "at least 49"]),
        (["--diameter", "40", "--box", "nan"], ["nan", "at least 49"]),
        (["--diameter", "40", "--atoms", "5000"], ["5000", "nucleus of 40", "at least"]),
        (["--diameter", "40"], ["box and number of atoms", "neither"]),
        (["--diameter", "40", "--box", "70", "--atoms", "30000"], ["both", "one of them"]),
        (["--diameter", "6", "--box", "70"], ["diameter: 6", "at least 12"]),
        (["--diameter", "nan", "--box", "70"], ["nan", "at least 12"]),
        (["--diameter", "40", "--box", "wide"], ["wide"]),
        (["--diameter", "40", "--box", "70", "--protocol", "as-deposited-high-Tf"], ["anneal_time", "freed"]),
        (["--diameter", "40", "--box", "70", "--nucleus", "Quartz"], ["Quartz", "La2Zr2O7"]),
        (["--diameter", "40", "--box", "70", "--nucleus", "Li2CO3"], ["C4+", "no parameters"]),
        (["--diameter", "40", "--box", "70", "--seed", "-1"], ["-1", "allowed"]),
        (["--diameter", "40", "--box", "70", "--ranks", "0"], ["0", "allowed"]),
        (["--diameter", "40", "--box", "70", "--dopant", "Ce", "--fraction", "0.1"], ["Ce3+ and Ce4+"]),
        (["--diameter", "40", "--box", "2000"], ["memory", "allowed"]),
    ],
)
def test_bad_glass_ceramics_end_in_one_line(capsys, tmp_path, words, named):
    result = run(capsys, *CERAMIC, *words, "-o", tmp_path / "model.extxyz")
    assert_one_line_refusal(*result, *named)
    assert not any(tmp_path.iterdir())


def test_the_smallest_glass_ceramic_that_is_named_is_taken(capsys, tmp_path):
    words = (*CERAMIC, "--diameter", "16", "-o", tmp_path / "model.extxyz", "--dry-run", "--json")
    _, _, err = run(capsys, *words, "--atoms", "100")
    smallest = int(err.split("at least ")[1].split(",")[0])
    code, out, _ = run(capsys, *words, "--atoms", smallest)
    plan = json.loads(out)
    assert code == 0
    assert plan["n_atoms"] == smallest
    assert plan["formula"] == "Li7La3Zr2O12"
    assert plan["seconds"] > 0
    assert plan["megabytes"] > 100
    code, out, _ = run(capsys, *words, "--box", "40")
    assert 4000 < json.loads(out)["n_atoms"] < 6000
    assert not any(tmp_path.iterdir())
