"""scripts/verdicts_by_potential.py and make_potential_library.py, without any simulation."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from alzmodel.compare.quantities import Quantity
from alzmodel.errors import AlzmodelError, BuildError, InputError
from alzmodel.models.library import LibraryModel, add_model, library, library_folder
from alzmodel.models.packing import random_packing
from alzmodel.models.protocols import protocol_of
from scripts import make_potential_library as making
from scripts import verdicts_by_potential as script

if TYPE_CHECKING:
    from pathlib import Path


def test_the_package_alone_takes_seconds_and_gives_every_hypothesis(tmp_path: Path) -> None:
    words = ["--workdir", str(tmp_path / "work"), "-o", str(tmp_path / "verdicts")]
    assert script.main(words) == 0
    assert not (tmp_path / "work").exists()
    with (tmp_path / "verdicts.csv").open(encoding="utf-8", newline="") as handle:
        rows = {row["hypothesis"]: row for row in csv.DictReader(handle)}
    assert rows["H2"]["of_potential"] == "contradicted"
    assert (rows["H2"]["potential"], rows["H2"]["gate_passed"], rows["H2"]["n_models"]) == (
        "du-teter",
        "no",
        "4",
    )
    assert rows["H15"]["of_potential"] == "not testable"
    text = (tmp_path / "verdicts.md").read_text(encoding="utf-8")
    assert "du-teter: 24 glasses" in text
    # Density over the rate of the quench: 300 and 100 K/ps.
    assert "| du-teter | as-deposited-high-Tf | 300 | 5016–5022 | 3 | 4 | 4.519 ± 0.009 |" in text
    assert "| du-teter | annealed-low-Tf | 100 | 5016–5022 | 3 | 4 | 4.588 ± 0.008 |" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only"], "--only: without --library"),
        (["--library", "{empty}"], "holds no glass; allowed: a folder of finished models"),
        (["--library", "{package}"], "du-teter is in .* too; allowed: each in one library"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, words: list[str], message: str) -> None:
    places = {"empty": tmp_path, "package": library_folder()}
    with pytest.raises(InputError, match=message):
        script.main([*(word.format(**places) for word in words), "-o", str(tmp_path / "verdicts")])


def test_the_plan_of_a_library_tells_steps_and_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--workdir", str(tmp_path / "work"), "--library", str(tmp_path / "models")]
    assert making.main(["--potential", "learned", *where, "--plan"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    # Three contents: four seeds of two protocols, one slow one each; and a glass-ceramic.
    assert len(lines) == 3 * (4 * 2 + 1) + 1
    assert "x3-learned-2-annealed-low-Tf-seed4: 600 atoms, 79600 steps" in said.out
    assert "x3-learned-2-annealed-low-Tf-10K-ps-seed1: 600 atoms, 322600 steps" in said.out
    assert "x3-learned-2-glass-ceramic-La2Zr2O7-24A-seed1: 2900 atoms" in lines[-1]
    assert "28 of 28 models to make" in said.err
    assert not (tmp_path / "work").exists()


def test_a_model_that_is_there_is_not_made_again_and_another_is_not_taken_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--potential", "grimes", "--atoms", "120", "--la", "3.0", "--seeds", "1", "--diameter", "0"]
    words += ["--workdir", str(tmp_path / "work"), "--library", str(tmp_path / "models"), "--plan"]
    assert making.main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3

    def put(name: str, input_hash: str) -> None:
        atoms = random_packing({"Li+": 14, "La3+": 6, "Zr4+": 4, "O2-": 24}, seed=1)
        protocol = {"name": "annealed-low-Tf"}
        atoms.info["provenance"] = {
            "seed": 1,
            "protocol": protocol,
            "potential": {"name": "grimes"},
            "formula": "Li7La3Zr2O12",
            "input_hash": input_hash,
        }
        hot = {573.0: [atoms], 873.0: [atoms]}
        add_model(name, atoms, [atoms], la=3.0, li=7.0, hot=hot, folder=tmp_path / "models")

    name = "x3-grimes-annealed-low-Tf-seed1"
    item = next(one for one in making.items(making.parsed(words)) if one.name == name)
    put(name, "of other inputs")
    assert making.main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    put(name, item.input_hash)
    assert making.main(words) == 0
    said = capsys.readouterr()
    assert name not in said.out
    assert "2 of 3 models to make" in said.err
    put("stranger", "x")
    with pytest.raises(InputError, match=r"holds other glasses of grimes \(stranger\)"):
        making.main(words)


def test_a_melt_that_fails_costs_no_other_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(item: making.Item, _: Path):
        if "as-deposited" in item.name:
            raise BuildError("melt: did not melt")
        atoms = random_packing({"Li+": 14, "La3+": 6, "Zr4+": 4, "O2-": 24}, seed=1)
        atoms.info["provenance"] = {
            "seed": item.seed,
            "protocol": item.protocol.to_dict(),
            "potential": {"name": item.potential},
            "formula": "Li7La3Zr2O12",
            "input_hash": item.input_hash,
        }
        return atoms, [atoms], {kelvin: [atoms] for kelvin in item.temperatures}

    monkeypatch.setattr(making, "build", build)
    monkeypatch.setattr(making, "ProcessPoolExecutor", lambda n, **_: ThreadPoolExecutor(n))
    words = ["--potential", "grimes", "--atoms", "120", "--la", "3.0", "--seeds", "1", "--diameter", "0"]
    words += ["--workdir", str(tmp_path / "work"), "--library", str(tmp_path / "models")]
    with pytest.raises(
        AlzmodelError, match="1 of 3 models failed: x3-grimes-as-deposited-high-Tf-seed1; the others"
    ):
        making.main(words)
    assert "failed: x3-grimes-as-deposited-high-Tf-seed1: melt: did not melt" in capsys.readouterr().err
    found = {one.name: [kelvin for kelvin, _ in one.hot] for one in library(tmp_path / "models")}
    names = ("x3-grimes-annealed-low-Tf-10K-ps-seed1", "x3-grimes-annealed-low-Tf-seed1")
    assert found == {name: [573.0, 873.0] for name in names}


@pytest.mark.slow
def test_a_model_is_built_with_its_hot_frames(tmp_path: Path) -> None:
    fast = {"base": "quick", "melt_time": 4.0, "quench_rate": 800.0, "anneal_time": 0.0, "cutoff": 6.0}
    item = making.Item("x3-grimes-fast-seed1", 3.0, 1, 100, protocol_of(fast), "grimes", (573.0,))
    glass, frames, hot = making.build(item, tmp_path)
    assert glass.info["provenance"]["input_hash"] == item.input_hash
    assert glass.info["provenance"]["potential"]["name"] == "grimes"
    assert len(frames) >= 5
    assert len(hot[573.0]) == making.HOT_FRAMES
    assert hot[573.0][0].info["provenance"]["displacements"]["temperature"] == 573.0
    cold, warm = frames[-1].get_volume(), hot[573.0][-1].get_volume()
    assert 0.97 * cold < warm < 1.15 * cold


def entry(potential: str, protocol: str) -> LibraryModel:
    return LibraryModel("n", "glass", 3.0, 7.0, 1, protocol, potential, "Li7La3Zr2O12", 48, ("", ""))


def test_glasses_that_only_say_what_the_rate_does_judge_nothing() -> None:
    slow, state = "annealed-low-Tf-10K-ps", "annealed-low-Tf"
    found = [
        script.Source("learned-2", library_folder(), (entry("learned-2", state), entry("learned-2", slow))),
        script.Source("grimes", library_folder(), (entry("grimes", "quick"),)),
    ]
    numbers = [
        Quantity("density", 3.0, f"{potential}-{protocol}", 4.5, potential=potential, protocol=protocol)
        for potential, protocol in (("learned-2", state), ("learned-2", slow), ("grimes", "quick"))
    ]
    numbers.append(Quantity("la2zr2o7_lattice_parameter", None, "crystal", 10.8, source="crystal"))
    kept = script.judged(numbers, found)
    # Where a library has neither state of the film, its glasses are judged as they are.
    assert [q.model for q in kept] == ["learned-2-annealed-low-Tf", "grimes-quick", "crystal"]
