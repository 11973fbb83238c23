"""The script that measures coverage, with a simulator of no cost: trials are kept, counted and gone on with."""

import csv
import importlib.util
import math
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from alzmodel.compare.posterior import teach
from alzmodel.scattering.fem.draws import PARAMETERS, Rows, draw_points

SCRIPT = Path(__file__).parents[2] / "scripts" / "fem_posterior_calibration.py"


def numbers(values, random):
    size = math.log(values["diameter"] / 30)
    mean = [3.2, 5.3, 0.1 - 0.3 * size, 0.6 - 0.2 * size, 0.5 - 0.2 * values["background"]]
    return np.array(mean) + 0.05 * random.normal(size=5)


@pytest.mark.slow
def test_trials_are_kept_and_counted(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location("calibration", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    names = tuple(one.name for one in PARAMETERS)
    points = draw_points(PARAMETERS, 64, 1)
    random = np.random.default_rng(1)
    rows = Rows(
        names,
        np.array([[point[name] for name in names] for point in points]),
        np.arange(64),
        np.array([numbers(point, random) for point in points]),
    )
    lines = np.array([[310 / point["lattice_parameter"], 72 / point["diameter"]] for point in points])
    lines[:, 1] *= np.exp(0.01 * random.normal(size=64))
    taught = teach("all", rows, points, lines)

    def specimen(_matrix, _identity, values, _seed, _folder):
        return {"refused": "", "xrd": np.array([310 / values["lattice_parameter"], 72 / values["diameter"]])}

    monkeypatch.setattr(module, "trial_specimen", specimen)
    monkeypatch.setattr(module, "coherent_from", lambda kept: kept)
    monkeypatch.setattr(module, "recorded_numbers", lambda _, values, noise: numbers(values, noise))
    options = Namespace(scan=tmp_path, output=tmp_path, live=50, trials=3)
    for number in (0, 2):
        np.savez(tmp_path / f"64-50-{number}.npz", **module.one_trial(None, "", taught, number, options))
    module.write_table(tmp_path, 64, taught, options)
    table = list(csv.DictReader((tmp_path / "fem-posterior-calibration.csv").read_text("utf-8").splitlines()))
    by_name = {row["parameter"]: row for row in table}
    assert set(by_name) == set(names)
    assert {row["trials"] for row in table} == {"2"}
    assert float(by_name["diameter"]["width_over_prior"]) < 0.3
    assert float(by_name["disorder"]["width_over_prior"]) > 0.7
    assert int(by_name["diameter"]["in_95"]) >= 1
