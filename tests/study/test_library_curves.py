"""Curves that come with the library: they are those of the models, and the page has them."""

from __future__ import annotations

import json
import lzma
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alzmodel.cli import main
from alzmodel.errors import AlzmodelError
from alzmodel.models.library import library, load_frames
from alzmodel.study.library_curves import FILE, KINDS, library_curves
from alzmodel.study.stages import STAGES

if TYPE_CHECKING:
    from pathlib import Path

NAME = "x3-annealed-low-Tf-seed1"
WITHIN = 1e-4
"""Relative: five digits are kept."""


@pytest.fixture(scope="module")
def curves():
    found = library_curves()
    assert found is not None
    return found


def test_they_are_of_the_models_and_stages_that_there_are(curves) -> None:
    """After a change of a stage's version: scripts/make_library_results.py."""
    assert curves.stages == {name: STAGES[name].version for name in ("fem", "local_order", "xrd")}
    assert curves.sha256 == {one.name: list(one.sha256) for one in library() if one.kind == "glass"}
    assert set(curves.models) == set(curves.cutoffs) == set(curves.sha256)
    assert all(set(one) == set(KINDS) for one in curves.models.values())


def test_a_label_is_the_mean_and_spread_of_its_models(curves) -> None:
    laid = {one.label: one for one in curves.laid()}
    members = np.array([curves.models[f"x3-annealed-low-Tf-seed{seed}"]["xrd"] for seed in (1, 2, 3, 4)])
    one = laid["library, x = 3, annealed-low-Tf (4 models)"]
    assert one.kind == "xrd"
    assert one.y == pytest.approx(members.mean(axis=0))
    assert one.spread == pytest.approx(members.std(axis=0, ddof=1))
    assert (
        laid["library, random gas (24 models)"].group
        == laid["library, x = 3, annealed-low-Tf, ideal microscope (4 models)"].group
    )
    # Patterns of another wavelength cannot stand on the same axis.
    assert {one.kind for one in curves.laid(0.7107)} == {"fem", "pdf"}


def test_models_that_are_no_longer_those_are_left_out(curves, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(curves.sha256, NAME, ["0", "1"])
    assert "library, x = 3, annealed-low-Tf (3 models)" in {one.label for one in curves.laid()}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(lzma.compress(json.dumps({"stages": {}}).encode()))
    with pytest.raises(AlzmodelError, match=rf"{FILE}: no curves of models .*reinstall"):
        library_curves(tmp_path)
    assert library_curves(tmp_path / "none") is None


@pytest.mark.slow
def test_they_equal_a_computation(curves) -> None:
    """Powder pattern, G(r) and V(k) of one model, made here from its frames."""
    from alzmodel.local_order.pdf import partial_rdf
    from alzmodel.models.specimen import Specimen
    from alzmodel.scattering.fem.settings import FEMSettings
    from alzmodel.scattering.fem.variance import fem
    from alzmodel.scattering.totals import totals_dict
    from alzmodel.scattering.xrd.pattern import powder_pattern

    stored = curves.models[NAME]
    frames = load_frames(next(one for one in library() if one.name == NAME))
    pattern = powder_pattern(frames, wavelength=1.5406, two_theta=(10.0, 80.0, 0.02), method="pdf")
    whole = len(stored["xrd"]) * 5
    assert stored["xrd"] == pytest.approx(pattern.intensity[:whole].reshape(-1, 5).mean(axis=1), rel=WITHIN)
    assert curves.axes["xrd"] == pytest.approx(
        pattern.two_theta[:whole].reshape(-1, 5).mean(axis=1), rel=WITHIN
    )
    rdf = partial_rdf(frames, r_max=20.0, dr=0.02)
    for name, total in totals_dict(rdf).items():
        assert stored[f"G_{name}"] == pytest.approx(total.reshape(-1, 2).mean(axis=1), rel=WITHIN, abs=1e-4)
    settings = FEMSettings()
    specimen = Specimen(50.0, settings.min_width, 130.0)
    seed = np.random.SeedSequence([1, 3000])
    found = fem(list(specimen.columns(frames, 4, seed)), settings, n_bootstrap=0)
    assert stored["V"] == pytest.approx(found.variance["omega"], rel=WITHIN)
    assert curves.axes["V"] == pytest.approx(found.k, rel=WITHIN)


def test_a_page_of_the_library_without_a_simulation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "demo.html"
    assert main(["demo", "-o", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"files": [str(target)]}
    text = target.read_text(encoding="utf-8")
    order = ["24 glasses of 5016 to 5022 atoms", "What stands out", "Figure 1.", 'id="overlay"']
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert len(text) < 4e6
    assert text.count('<option value="') > 3
    assert main(["demo", "-o", str(tmp_path / "no" / "such.html")]) == 2
    assert main(["demo", "-o", str(target), "--measured", str(tmp_path / "none.toml")]) == 2
