"""Who can reach the schedulers that we start: those with the study's keys, and nobody else."""

from __future__ import annotations

import contextlib
import os
import stat
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("distributed")

import dask
from distributed import Client, Security

from alzmodel.errors import InputError
from alzmodel.study import dask_executor
from alzmodel.study.dask_executor import DaskExecutor, _keys_in, _remove_keys, check_address, local_cluster
from alzmodel.study.places import check_executor
from alzmodel.study.scheduler import execute
from alzmodel.study.store import Store
from alzmodel.study.tasks import make_task

from .fault_driver import WORKER


def refused(address: str, security: Security | None = None) -> bool:
    """Whether a scheduler does not take a client."""
    try:
        client = Client(address, security=security, timeout=2, set_as_default=False)
    except (OSError, TypeError, ValueError, AssertionError):
        return True
    client.close()
    return False


def others_are_refused(address: str) -> bool:
    """Whether clients without a certificate, with another one, and without encryption, are all refused."""
    assert address.startswith("tls://")
    return all(
        (refused(address), refused(address, Security.temporary()), refused(address.replace("tls", "tcp", 1)))
    )


def answer(url: str) -> int:
    """Status of a page. The connection is closed, or a scheduler with pages would wait for it at its end."""
    try:
        with urllib.request.urlopen(url, timeout=5) as found:
            return int(found.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_cluster_of_ours_takes_its_own_client_alone() -> None:
    cluster = local_cluster(0)
    try:
        address = cluster.scheduler_address
        assert others_are_refused(address)
        with Client(cluster, set_as_default=False, timeout=5) as client:
            assert client.scheduler_info()["address"] == address
        # Its HTTP server, which has no keys, is of this machine alone and has no pages.
        (place,) = {found.getsockname() for found in cluster.scheduler.http_server._sockets.values()}
        assert place[0] == "127.0.0.1"
        pages = ("info/main/workers.html", "json/identity.json", "status", "metrics")
        assert [answer(f"http://127.0.0.1:{place[1]}/{page}") for page in pages] == [404] * len(pages)
    finally:
        cluster.close(timeout=10)


def test_keys_are_files_of_their_owner_and_go_again(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        security = _keys_in(tmp_path / "tls-0")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "tls-0").stat().st_mode) == 0o700
    files = sorted((tmp_path / "tls-0").iterdir())
    assert [path.name for path in files] == ["cert.pem", "key.pem"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    assert security.require_encryption
    assert security.get_connection_args("client")["ssl_context"] is not None
    _remove_keys(security)
    assert not list(tmp_path.iterdir())
    # Those of a user, or in memory, are left.
    (tmp_path / "mine.pem").touch()
    _remove_keys(Security(tls_worker_key=str(tmp_path / "mine.pem")))
    _remove_keys(Security.temporary())
    assert (tmp_path / "mine.pem").exists()


def test_two_schedulers_have_two_keys(tmp_path: Path) -> None:
    keys = [Path(_keys_in(tmp_path / f"tls-{number}").tls_client_key).read_bytes() for number in range(2)]
    assert keys[0] != keys[1]


@contextlib.contextmanager
def credentials(security: Security):
    """Credentials as a user puts them into Dask's configuration."""
    names = {
        "distributed.comm.tls.ca-file": security.tls_ca_file,
        "distributed.comm.tls.client.cert": security.tls_client_cert,
        "distributed.comm.tls.client.key": security.tls_client_key,
    }
    with dask.config.set(names):
        yield


def test_an_address_takes_the_credentials_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "tls://127.0.0.1:9"
    with pytest.raises(
        InputError, match=r"no credentials for it; allowed: .*distributed\.comm\.tls\.ca-file"
    ):
        check_address(address)
    mine, other = _keys_in(tmp_path / "mine"), _keys_in(tmp_path / "other")
    with credentials(mine):
        check_address(address)
        Path(mine.tls_ca_file).write_text("nothing")
        with pytest.raises(InputError, match="its credentials cannot be used"):
            check_address(address)
    mine = _keys_in(tmp_path / "again")
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=0, security=mine, dashboard_address="127.0.0.1:0", scheduler_kwargs={"dashboard": False}
    ) as cluster:
        with credentials(mine):
            executor = DaskExecutor(Store(tmp_path), 1, cluster.scheduler_address)
            executor.close()
        monkeypatch.setattr(dask_executor, "SECONDS_TO_CONNECT", 2)
        with credentials(other), pytest.raises(InputError, match="no scheduler answers there"):
            DaskExecutor(Store(tmp_path), 1, cluster.scheduler_address)


@pytest.mark.slow
def test_a_file_in_the_current_folder_does_not_reach_dask_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "study")
    store.prepare()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}/nowhere")
    for name in ("csv", "json", "random", "numpy", "socket"):
        Path(f"{name}.py").write_text(f"raise SystemExit('poison {name}')")
    task = make_task("nap", "nap", {"name": "a", "steps": 1}, version=1)
    outcome = execute([task], store, DaskExecutor(store, 1, local_cluster(1), WORKER), retries=0)
    assert outcome.done == (task.key,), outcome.failed


@pytest.mark.parametrize("name", ["a b", "a;b", "$(id)", "a\nb", "100%", "'a'"])
def test_folders_that_a_job_script_would_not_take_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(dask_executor, "check_slurm", lambda: None)
    check_executor("slurm", tmp_path / "Größe-1.0+x")
    with pytest.raises(
        InputError, match=r"--executor slurm: the folder .* in its name; allowed: letters"
    ) as caught:
        check_executor("slurm", tmp_path / name)
    assert "\n" not in str(caught.value)


def test_without_cryptography_no_cluster_of_ours_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(InputError, match=r"cryptography is not installed, .* pip install '\.\[dask\]'"):
        check_executor("dask")
