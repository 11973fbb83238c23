"""Packed files and marks of texts."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile

import pytest

from alzmodel.errors import InputError
from alzmodel.sanity import amounts_of, formula_text
from tests.formats.files import YSZ, cif, told

PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ZIRCONIA = cif(["Zr Zr 0 0 0 1", "O O .25 .25 .25 1"])


@pytest.mark.parametrize("ending", list(PACKERS))
@pytest.mark.parametrize("name", ["a.cif", "a.mcif", "crystal"])
def test_a_packed_file_reads_as_what_is_inside(tmp_path, ending, name):
    path = tmp_path / (name + ending)
    path.write_bytes(PACKERS[ending](YSZ.encode()))
    (atoms,), _ = told(path, mixed=True)
    assert formula_text(amounts_of(atoms)) == "Zr3.4Y0.6O7.4"
    with pytest.raises(InputError, match=rf"{path.name}: a site is held by Zr 0.85, Y 0.15"):
        told(path)


def test_packing_is_known_by_its_beginning(tmp_path):
    (tmp_path / "a.cif").write_bytes(gzip.compress(ZIRCONIA.encode()))
    assert len(told(tmp_path / "a.cif")[0][0]) == 12


def test_a_zip_of_one_file(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("folder/zro2.cif", ZIRCONIA)
    assert len(told(tmp_path / "a.zip")[0][0]) == 12
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as archive:
        archive.writestr("other.cif", ZIRCONIA)
    with pytest.raises(
        InputError, match=r"holds 2 files \(folder/zro2.cif, other.cif\); allowed: a zip of one"
    ):
        told(tmp_path / "a.zip")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_marks_of_a_text(tmp_path, encoding):
    (tmp_path / "a.cif").write_bytes(ZIRCONIA.encode(encoding))
    assert len(told(tmp_path / "a.cif")[0][0]) == 12
    (tmp_path / "a.xyz").write_bytes("2\n\nZr 0 0 0\nO 2 0 0\n".encode(encoding))
    assert len(told(tmp_path / "a.xyz")[0][0]) == 2


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "a.cif.gz").write_bytes(gzip.compress(ZIRCONIA.encode())[:-20])
    with pytest.raises(InputError, match=r"a.cif.gz: damaged"):
        told(tmp_path / "a.cif.gz")
