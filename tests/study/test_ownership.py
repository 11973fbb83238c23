"""What is not ours is not touched: folders of users, links in studies that were received, files that users wrote."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from alzmodel.cli import main
from alzmodel.crystals import crystal
from alzmodel.errors import AlzmodelError, InputError
from alzmodel.io import write_structure
from alzmodel.models.work_folder import check_models_folder, work_folder
from alzmodel.scattering.reference_patterns import write_reference
from alzmodel.study import runner
from alzmodel.study.inverse import check_scan_folder
from alzmodel.study.settings import load_study, parse_study
from alzmodel.study.store import HEADER, Store
from tests.test_folders import snapshot

from .test_store import commit, task

LIGHT = parse_study(
    "fem = false\nxrd = false\nreference = false\n[glass]\nla = [3.0]\nseeds = [1]\n", "light"
)


@pytest.fixture
def nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "plan", lambda _: ())
    finished = SimpleNamespace(provisional=()), (), None
    monkeypatch.setattr(runner, "_finish", lambda *_: finished)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of a user, with names that a study uses too."""
    folder = tmp_path / "thesis"
    for name in ("work/glass-0123456789abcdef", "runs/MgO", "figures", "MgO", "points"):
        (folder / name).mkdir(parents=True)
    for name in ("work/chapter.tex", "work/glass-0123456789abcdef/a", "runs/MgO/record.json", "results.csv"):
        (folder / name).write_text("mine", encoding="utf-8")
    (folder / "study.toml").write_text("# mine\n[glass]\nla = [3.0]\nseeds = [1]\n", encoding="utf-8")
    for name in ("MgO/MgO-xrd.xy", "points/a.json", "inputs.txt"):
        (folder / name).write_text("mine", encoding="utf-8")
    return folder


def words_of(command: str, folder: str, glass: Path) -> list[str]:
    return {
        "run": ["run", "--out", folder],
        "screen": ["screen", "--dopants", "Ca", "-o", folder],
        "inverse": ["inverse", str(glass), "-o", folder],
        "reference": ["reference", "MgO", "-o", folder, "--only", "models"],
        "build glass": ["build", "glass", "--la", "3", "-o", str(glass.with_name("b")), "--workdir", folder],
        "build glass-ceramic": [
            *("build", "glass-ceramic", "--la", "3", "--nucleus", "La2Zr2O7", "--diameter", "15"),
            *("--box", "25", "-o", str(glass.with_name("b")), "--workdir", folder),
        ],
    }[command]


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize(
    "command", ["run", "screen", "inverse", "reference", "build glass", "build glass-ceramic"]
)
def test_a_folder_of_a_user_is_refused_before_anything_is_written(
    theirs: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    here: bool,
    dry_run: bool,
) -> None:
    glass = theirs.parent / "x3.extxyz"
    write_structure(crystal("La2Zr2O7"), glass)
    before = snapshot(theirs.parent)
    if dry_run and command == "reference":
        pytest.skip("has no --dry-run")
    if here:
        monkeypatch.chdir(theirs)
    folder = "." if here else str(theirs)
    assert main([*words_of(command, folder, glass), *(["--dry-run"] if dry_run else [])]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith(f"alzmodel: {folder if command not in {'run', 'screen'} else theirs}: holds '")
    assert "which alzmodel did not make; allowed: a new or empty folder, or" in told
    assert snapshot(theirs.parent) == before


def test_a_report_is_not_written_into_a_folder_of_a_user(theirs: Path) -> None:
    before = snapshot(theirs)
    with pytest.raises(InputError, match="nothing of the study is done"):
        runner.report(theirs)
    assert snapshot(theirs) == before


@pytest.mark.usefixtures("nothing_to_do")
def test_a_study_is_known_by_its_file_or_by_a_result(tmp_path: Path) -> None:
    out = tmp_path / "study"
    runner.run(LIGHT, out)
    assert (out / "study.toml").read_text(encoding="utf-8").startswith(HEADER)
    runner.run(LIGHT, out)
    # Without a header, as versions before wrote it: a finished result tells.
    (out / "study.toml").write_text("[glass]\nla = [3.0]\nseeds = [1]\n", encoding="utf-8")
    with pytest.raises(InputError, match="which alzmodel did not make"):
        runner.plan_study(LIGHT, out)
    commit(Store(out), task())
    runner.run(LIGHT, out)
    (out / "study.toml").unlink()
    runner.run(LIGHT, out)
    # A result that was changed is none.
    (out / "study.toml").unlink()
    record = out / "runs" / task().key / "record.json"
    record.write_text(record.read_text(encoding="utf-8").replace("nap", "map"), encoding="utf-8")
    with pytest.raises(InputError, match="which alzmodel did not make"):
        runner.run(LIGHT, out)


@pytest.mark.usefixtures("nothing_to_do")
def test_a_start_that_was_killed_at_once_can_be_repeated(tmp_path: Path) -> None:
    out = tmp_path / "study"
    out.mkdir()
    (out / ".lock").write_text("process 1 on a-machine\n", encoding="utf-8")
    (out / ".study.toml.x1y2.toml").touch()
    runner.run(LIGHT, out)
    assert load_study(out / "study.toml") == LIGHT


@pytest.mark.usefixtures("nothing_to_do")
def test_what_a_user_put_into_work_stays(tmp_path: Path) -> None:
    out = tmp_path / "study"
    runner.run(LIGHT, out)
    for name in ("chapter.tex", "notes/a", "glass-of-mine/a", "slurm/a.out"):
        path = out / "work" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", encoding="utf-8")
    kept = snapshot(out / "work")
    # These are ours, and nobody wants them.
    for name in ("glass-0123456789abcdef", "tls-0123"):
        (out / "work" / name).mkdir()
    (out / "work" / ".glass-0123456789abcdef.lock").touch()
    (out / "work" / "progress.json").touch()
    runner.run(LIGHT, out)
    assert snapshot(out / "work") == kept


@pytest.mark.usefixtures("nothing_to_do")
@pytest.mark.parametrize("name", ["runs", "work", "damaged"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, name: str) -> None:
    out = tmp_path / "study"
    runner.run(LIGHT, out)
    shutil.rmtree(out / name, ignore_errors=True)
    (out / name).write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: is a file; allowed: a folder"):
        runner.run(LIGHT, out)
    assert (out / name).read_text(encoding="utf-8") == "mine"


LINKS = [
    "work",
    "runs",
    "damaged",
    "figures",
    ".lock",
    "study.toml",
    "results.csv",
    "report.html",
    "work/progress.json",
    "work/.nap-0123456789abcdef.lock",
    f"work/{task('b').key}",
    f"work/{task('b').key}/log",
    f"work/{task('b').key}/scratch",
    f"runs/{task().key}",
    f"runs/{task().key}/record.json",
    f"runs/{task().key}/text",
]


@pytest.mark.usefixtures("nothing_to_do")
@pytest.mark.parametrize("name", LINKS)
def test_links_in_a_study_are_refused_by_name_and_nothing_outside_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    out, outside = tmp_path / "study", tmp_path / "outside"
    runner.run(LIGHT, out)
    commit(Store(out), task())
    (out / "work" / task("b").key / "scratch").mkdir(parents=True)
    # What stood there stands outside now, with something precious in it.
    place = out / name
    if place.exists():
        shutil.move(place, outside)
    elif name in {"damaged", "figures"}:
        outside.mkdir()
    else:
        outside.write_text("precious", encoding="utf-8")
    if outside.is_dir():
        (outside / "precious").write_text("precious", encoding="utf-8")
    place.symlink_to(outside)
    before = snapshot(tmp_path)
    study = tmp_path / "study.toml"
    study.write_text("[glass]\nla = [3.0]\nseeds = [1]\n", encoding="utf-8")
    before = snapshot(tmp_path)
    assert main(["run", str(study), "--out", str(out)]) == 2
    told = capsys.readouterr().err
    assert told == f"alzmodel: {place}: is a link; allowed: files and folders of the study itself\n"
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("nothing_to_do")
def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "study").symlink_to(tmp_path / "scratch")
    runner.run(LIGHT, tmp_path / "study")
    runner.run(LIGHT, tmp_path / "study")
    assert load_study(tmp_path / "scratch" / "study.toml") == LIGHT


def test_a_worker_does_not_follow_a_link_either(tmp_path: Path) -> None:
    store = Store(tmp_path / "study")
    store.prepare()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (store.work / task().key).symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        store.begin(task())
    (store.work / task().key).unlink()
    store.begin(task())
    (store.work / task().key / "scratch").symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        store.begin(task())
    assert (outside / "precious").exists()


def test_folders_of_restart_files_are_known_by_their_mark(tmp_path: Path) -> None:
    with work_folder(tmp_path / "a", "hash"):
        pass
    with work_folder(tmp_path / "a", "hash") as folder:
        (folder / "x.log").touch()
    (tmp_path / "a" / "link").symlink_to("/etc")
    with pytest.raises(InputError, match="is a link"), work_folder(tmp_path / "a", "hash"):
        pass
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").touch()
    with pytest.raises(InputError, match="holds 'mine'"), work_folder(tmp_path / "b", "hash"):
        pass
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["mine"]


def test_folders_of_scans_models_and_patterns_are_known(tmp_path: Path) -> None:
    scan = tmp_path / "scan"
    (scan / "points").mkdir(parents=True)
    check_scan_folder(scan)
    (scan / "scan.csv").touch()
    with pytest.raises(InputError, match="holds"):
        check_scan_folder(scan)
    (scan / "points" / "a.json").write_text('{"refused": null}', encoding="utf-8")
    check_scan_folder(scan)
    models = tmp_path / "models"
    models.mkdir()
    check_models_folder(models)
    (models / "mine.extxyz").write_text("1\nnone\nH 0 0 0\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds 'mine\.extxyz'"):
        check_models_folder(models)
    atoms = crystal("MgO")
    atoms.info["provenance"] = {"seed": 1}
    write_structure(atoms, models / "ours.extxyz")
    check_models_folder(models)
    write_reference(["MgO"], tmp_path / "reference", kinds=["models"])
    write_reference(["MgO"], tmp_path / "reference", kinds=["models"])


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    def full(*_: object) -> None:
        raise OSError(error, "No room")

    monkeypatch.setattr(runner, "write_study", full)
    with pytest.raises(AlzmodelError, match=f"{tmp_path / 'study'}: No room; finished results are kept"):
        runner.run(LIGHT, tmp_path / "study")


@pytest.mark.parametrize("name", ["a" * 300, "/".join(["d" * 100] * 39)])
@pytest.mark.parametrize("command", ["run", "screen", "inverse", "reference", "build glass"])
def test_a_path_that_is_too_long_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, name: str
) -> None:
    glass = tmp_path / "x3.extxyz"
    write_structure(crystal("La2Zr2O7"), glass)
    assert main(words_of(command, str(tmp_path / name), glass)) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "is too long; allowed: up to" in told
    assert [path.name for path in tmp_path.iterdir()] == ["x3.extxyz"]


def test_files_of_a_study_are_named_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that was started from one folder opens from another."""
    monkeypatch.chdir(tmp_path)
    Path("protocol.toml").write_text('base = "quick"\n', encoding="utf-8")
    Path("measured.toml").write_text(
        (Path(runner.__file__).parents[1] / "compare" / "measured.toml").read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    study = parse_study(
        "fem = false\nxrd = false\nreference = false\n[glass]\nla = [3.0]\nseeds = [1]\nprotocol = 'protocol.toml'\n"
        "[compare]\nmeasured = 'measured.toml'\n",
        "study",
    )
    planned = runner.plan
    monkeypatch.setattr(runner, "plan", lambda settings: planned(settings)[:0])
    monkeypatch.setattr(runner, "_finish", lambda *_: (SimpleNamespace(provisional=()), (), None))
    runner.run(study, "out")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(runner, "plan", planned)
    assert runner.status(tmp_path / "out").tasks["left"] == 2
    assert runner.measured_file(tmp_path / "out") == str(tmp_path / "measured.toml")
