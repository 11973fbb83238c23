"""A real Slurm of one node: jobs that are cancelled, a driver that is killed, the same results."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

pytest.importorskip("dask_jobqueue")

from alzmodel.cli import main
from alzmodel.study.dask_executor import DaskExecutor, slurm_cluster
from alzmodel.study.scheduler import execute
from alzmodel.study.settings import SlurmSettings
from alzmodel.study.store import Store

from .fault_driver import WORKER, naps
from .processes import MARK, marked, wait_for
from .test_dask_keys import others_are_refused
from .test_faults import results, run_naps

SCRIPT = Path(__file__).with_name("one_node_slurm.sh")
DRIVER = Path(__file__).with_name("fault_driver.py")
MISSING = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if shutil.which(name) is None]
MISSING += ["root"] if os.geteuid() else []


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory):
    """Environment in which commands see the Slurm."""
    if MISSING:
        words = f"no Slurm here, needs {', '.join(MISSING)}: apt-get install slurm-wlm munge"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    # Short, since the socket of munge is in it.
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([SCRIPT, "start", folder], check=True, stdout=subprocess.PIPE, text=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", started.stdout.strip())
        yield
        subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "study")
    store.prepare()
    return store


def resources_shown() -> str:
    """Table of resources in docs/slurm.md, with the one partition that there is here."""
    text = (SCRIPT.parents[2] / "docs" / "slurm.md").read_text(encoding="utf-8")
    return re.search(r"\[run\.slurm\]\n.*?(?=```)", text, re.DOTALL)[0].replace('"compute"', '"test"')


def jobs(state: str = "") -> list[str]:
    words = ["squeue", "--noheader", "--format", "%i", *(["--states", state] if state else [])]
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def start_driver(store: Store, number: int, steps: int, mark: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(store.folder), str(number), str(steps), "slurm"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=DRIVER.parents[2],
        env={**os.environ, MARK: mark},
    )


def at_work(driver: subprocess.Popen[str], store: Store, number: int) -> None:
    def working() -> bool:
        assert driver.poll() is None, driver.stderr.read()
        return len(list(store.work.glob("*/scratch/3"))) == number

    wait_for(working, 90)


@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_a_cancelled_job_costs_only_its_task_and_changes_no_byte(store: Store, tmp_path: Path) -> None:
    mark = uuid.uuid4().hex
    driver = start_driver(store, 4, 100, mark)
    at_work(driver, store, 2)
    running = jobs("RUNNING")
    assert len(running) == 2
    subprocess.run(["scancel", "--signal=KILL", "--full", running[0]], check=True)
    words, errors = driver.communicate(timeout=300)
    lines = words.splitlines()
    assert lines[-1] == "end 4 0 0", errors
    assert any(line.startswith("retried") for line in lines)
    assert sum(line.startswith("done") for line in lines) == 4
    wait_for(lambda: not jobs() and not marked(mark), 60)
    calm = Store(tmp_path / "calm")
    calm.prepare()
    run_naps(calm, 4, 100, store.folder / "started")
    assert results(calm) == results(store)


@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_a_killed_driver_leaves_no_job(store: Store) -> None:
    mark = uuid.uuid4().hex
    driver = start_driver(store, 4, 300, mark)
    at_work(driver, store, 2)
    driver.kill()
    driver.communicate()
    wait_for(lambda: not jobs() and not marked(mark), 120)
    assert not list(store.runs.iterdir())
    run_naps(store, 4, 300, store.folder / "started")
    assert len(list(store.runs.iterdir())) == 4
    lines = [line.split() for line in (store.folder / "started").read_text(encoding="utf-8").splitlines()]
    assert sorted(int(line[-1]) > 0 for line in lines).count(True) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_jobs_have_keys_that_nobody_else_has_and_that_go(store: Store) -> None:
    cluster = slurm_cluster(SlurmSettings(memory="400MB", walltime="0:10:00"), 1, store)
    executor = DaskExecutor(store, 1, cluster, WORKER)
    try:
        (keys,) = store.work.glob("tls-*")
        assert [stat.S_IMODE(path.stat().st_mode) for path in (keys, *keys.iterdir())] == [
            0o700,
            0o600,
            0o600,
        ]
        assert others_are_refused(cluster.scheduler_address)
        # Its workers have them: they do the task.
        outcome = execute(naps(1, 1), store, executor, retries=0)
        assert len(outcome.done) == 1
        assert str(keys) in cluster.job_script()
    finally:
        executor.close()
    assert not list(store.work.glob("tls-*"))
    assert not list(store.runs.rglob("*.pem"))
    wait_for(lambda: not jobs(), 60)


@pytest.mark.slow
@pytest.mark.usefixtures("slurm")
def test_a_light_study_runs_whole_under_slurm(capsys, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        "fem = false\nxrd = false\nlocal_order = false\n[glass]\nla = [3.0]\nseeds = [1]\natoms = 180\n"
        "protocol_changes = { cutoff = 6.0, melt_time = 0.1, quench_rate = 1e4, hot_rate = 1e4, anneal_time = 0.0, "
        "melt_temperature = 1000.0, final_temperature = 900.0 }\n"
        "[reference]\nphases = ['MgO']\nrelax = []\n" + resources_shown(),
        encoding="utf-8",
    )
    # The glass cannot melt in 0.1 ps and must fail with its reason; the crystal is done: exit code 3.
    assert main(["run", str(study), "--out", str(tmp_path / "out"), "--executor", "slurm"]) == 3
    words = capsys.readouterr().err
    assert "failed: glass x=3 seed 1" in words
    assert "log:" in words
    assert len(list((tmp_path / "out" / "runs").glob("crystal-*"))) == 1
    wait_for(lambda: not jobs(), 60)


def test_no_sbatch_is_told(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["run", "--out", str(tmp_path / "out"), "--executor", "slurm"]) == 2
    message = capsys.readouterr().err
    assert "sbatch" in message
    assert message.count("\n") == 1


def test_a_slurm_that_does_not_answer_is_told(capsys, monkeypatch, tmp_path: Path) -> None:
    for name in ("sbatch", "sinfo"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho first >&2\necho 'sinfo: fatal: nobody is there' >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert main(["run", "--out", str(tmp_path / "out"), "--executor", "slurm"]) == 2
    message = capsys.readouterr().err
    assert "does not answer (sinfo: fatal: nobody is there)" in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()
