"""What is handed out: wheel and sdist."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def test_wheel_and_sdist_hold_the_same_files(tmp_path):
    """Byte for byte; in the wheel structures/ lies in the package."""
    words = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(words, check=True, cwd=ROOT, capture_output=True)
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name: archive.read(name) for name in archive.namelist() if name.startswith("alzmodel/")}
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2]: archive.extractfile(name).read() for name in archive.getnames()}
    package = {
        name.replace("structures/", "alzmodel/structures/", 1)
        if name.startswith("structures/")
        else name: data
        for name, data in in_sdist.items()
        if name.startswith(("alzmodel/", "structures/"))
    }
    assert in_wheel == package
    assert "alzmodel/structures/Ga2O3.cif" in in_wheel
    assert "alzmodel/structures/models/index.json" in in_wheel
    for folder in ("alzmodel", "structures"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                assert path.relative_to(ROOT).as_posix() in in_sdist
    for name in ("tests/test_packaging.py", "docs/studies.md", "constraints.txt", "pyproject.toml"):
        assert name in in_sdist


def test_constraints_have_hashes_and_no_addresses():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert "://" not in text
    blocks = text.replace("\\\n", " ").splitlines()
    assert len(blocks) > 50
    for line in blocks:
        assert "--hash=sha256:" in line, line


def test_constraints_hold_all_extras_but_mlip():
    """As docs/studies.md says, and in versions that the floors of pyproject.toml allow."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"alzmodel": project["dependencies"], **project["optional-dependencies"]}
    del wanted["mlip"]
    held: dict[str, list[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([^ ]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE
    ):
        held.setdefault(canonicalize_name(name), []).append(version)
    for words in itertools.chain.from_iterable(wanted.values()):
        one = Requirement(words)
        versions = held.get(canonicalize_name(one.name), [])
        assert any(one.specifier.contains(version) for version in versions), words
    made_by = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert set(re.findall(r"--extra (\w+)", made_by)) == {*wanted} - {"alzmodel"}
