"""Measured Raman spectra from files."""

from __future__ import annotations

import numpy as np
import pytest

from alzmodel.dynamics.raman_data import read_raman
from alzmodel.errors import InputError


def written(tmp_path, rows, header="", apart="\t"):
    path = tmp_path / "spectrum.txt"
    path.write_text(header + "\n".join(apart.join(map(str, row)) for row in rows), encoding="utf-8")
    return path


ROWS = [(100.0 + k, 5.0 + k % 3) for k in range(12)]


@pytest.mark.parametrize("apart", ["\t", ",", ";", "  ", ", "])
def test_columns_apart_by_anything(tmp_path, apart):
    shift, intensity = read_raman(written(tmp_path, ROWS, "# film, laser 532 nm\n# shift counts\n", apart))
    assert shift == pytest.approx([row[0] for row in ROWS])
    assert intensity == pytest.approx([row[1] for row in ROWS])


def test_falling_shifts_are_turned(tmp_path):
    shift, intensity = read_raman(written(tmp_path, ROWS[::-1]))
    assert shift[0] == 100.0
    assert intensity[0] == 5.0
    assert np.all(np.diff(shift) > 0)


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        (ROWS[:9], "", "9 points"),
        (ROWS, "wavelength (nm)  counts\n", "wavelengths by its header"),
        ([*ROWS, (50.0, 1.0)], "", "go up and down"),
        ([*ROWS, ("nan", 1.0)], "", "NaN"),
        ([*ROWS, (9000.0, 1.0)], "", "up to 5000"),
        ([(row[0], 0.0) for row in ROWS], "", "no intensity"),
    ],
)
def test_what_is_no_spectrum_is_refused(tmp_path, rows, header, words):
    with pytest.raises(InputError, match=words):
        read_raman(written(tmp_path, rows, header))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_raman(tmp_path / "none.txt")
