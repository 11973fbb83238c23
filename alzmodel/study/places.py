"""Places where tasks run, by the name that people give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alzmodel.errors import InputError
from alzmodel.study.executors import LocalExecutor

if TYPE_CHECKING:
    from pathlib import Path

    from alzmodel.study.executors import Executor
    from alzmodel.study.settings import RunSettings
    from alzmodel.study.store import Store

__all__ = ["check_executor", "check_executor_name", "make_executor"]


def check_executor_name(name: str) -> None:
    """Refuse a place to run that there is not anywhere.

    Raises
    ------
    InputError
        With what is allowed.
    """
    if name not in {"local", "dask", "slurm"} and "://" not in name:
        raise InputError(
            f"--executor: {name!r} is unknown; allowed: local, dask, slurm, or the address of a Dask scheduler "
            "(tcp://host:8786)"
        )


def check_executor(name: str, folder: Path | None = None) -> None:
    """Refuse a place to run that is unknown or not installed, before any work.

    Parameters
    ----------
    name
        As for :func:`make_executor`.
    folder
        Of the study.

    Raises
    ------
    InputError
        With what is allowed, or what has to be installed.
    """
    check_executor_name(name)
    if name == "local":
        return
    from alzmodel.study import dask_executor

    dask_executor.check_dask()
    if name not in {"dask", "slurm"}:
        dask_executor.check_address(name)
        return
    if name == "slurm":
        dask_executor.check_slurm()
        if folder is not None:
            dask_executor.check_slurm_folder(folder)
    dask_executor.check_keys(name)


def make_executor(name: str, store: Store, slots: int, settings: RunSettings) -> Executor:
    """Start what tasks run on.

    Parameters
    ----------
    name
        ``"local"``; ``"dask"`` for a scheduler of our own on this machine; ``"slurm"``; or the address of a scheduler.
    store
        Where results go.
    slots
        Tasks at a time.
    settings
        Resources of Slurm jobs.

    Raises
    ------
    InputError
        As :func:`check_executor`, or if no scheduler answers at the address.
    """
    check_executor(name, store.folder)
    if name == "local":
        return LocalExecutor(store, slots)
    from alzmodel.study import dask_executor

    if name == "dask":
        return dask_executor.DaskExecutor(store, slots, dask_executor.local_cluster(slots))
    if name == "slurm":
        cluster = dask_executor.slurm_cluster(settings.slurm, slots, store)
        return dask_executor.DaskExecutor(store, slots, cluster)
    return dask_executor.DaskExecutor(store, slots, name)
