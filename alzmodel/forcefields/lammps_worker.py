"""The child process that runs LAMMPS: ``python -m alzmodel.forcefields.lammps_worker FOLDER``.

FOLDER holds ``job.json`` with a list of segments, each a list of LAMMPS commands and the file that stands when
the segment is done. Finished segments are skipped, so that the same call resumes. The process, and under
``mpirun`` every rank with it, ends when its standard input closes: the kernel closes it when the parent dies,
however it dies.

Of two such modules this is one that loads LAMMPS (GPL); the other is the worker of :mod:`alzmodel.learning`.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.metadata
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

__all__ = ["end_with_parent", "main", "mpi_library"]

EXIT_PARENT_DIED = 75
EXIT_LAMMPS_FAILED = 1


def mpi_library() -> Path | None:
    """Return the libmpi of the ``mpich`` wheel, which LAMMPS needs and does not find by itself.

    None where the wheel is not installed: the system's own library is used then.
    """
    try:
        files = importlib.metadata.files("mpich") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    names = [Path(str(file.locate())) for file in files if file.name.startswith("libmpi.")]
    # Unpacked wheels turn symbolic links into text files of a few bytes.
    real = [name for name in names if name.is_file() and name.stat().st_size > 10_000]
    return min(real, key=lambda name: (len(name.name), name.name), default=None)


def end_with_parent() -> None:
    """End this process when its standard input closes."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os._exit(EXIT_PARENT_DIED)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str] | None = None) -> int:
    """Run the segments of a job folder; returns the exit status."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    # The parent gets Ctrl-C too, and decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    rank = int(os.environ.get("PMI_RANK", "0"))
    if rank == 0:
        end_with_parent()
    os.chdir(folder)
    job = json.loads(Path("job.json").read_text(encoding="utf-8"))
    library = mpi_library()
    if library is not None:
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    import lammps

    engine = lammps.lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    if engine.extract_setting("world_size") != job["ranks"]:
        print(
            f"{engine.extract_setting('world_size')} MPI ranks started, not {job['ranks']}", file=sys.stderr
        )
        return EXIT_LAMMPS_FAILED
    try:
        for segment in job["segments"]:
            _run_segment(engine, segment, rank)
    except Exception as error:  # noqa: BLE001  LAMMPS raises the base class, whatever went wrong
        print(str(error).strip(), file=sys.stderr)
        return EXIT_LAMMPS_FAILED
    engine.close()
    engine.finalize()
    return 0


def _run_segment(engine: Any, segment: dict[str, Any], rank: int) -> None:
    done = Path(segment["output"])
    # Every rank must take the same branch, and rank 0 renames: the commands before give the barrier.
    if done.exists():
        return
    engine.commands_list(["clear", f"log {segment['name']}.log", *segment["commands"], "log none"])
    if rank == 0:
        partial = Path(f"{done}.part")
        with partial.open("rb") as handle:
            os.fsync(handle.fileno())
        partial.replace(done)


if __name__ == "__main__":
    sys.exit(main())
