"""Run tests under several arithmetic paths of one processor, and show first that they are different.

    python .ci/arithmetic.py [PYTEST ARGUMENTS]

Matrix kernels (OpenBLAS of NumPy and of SciPy), NumPy's vector loops and numba's code each round in their own way. The
first path is the machine's own, on which the default tests have run already. The second has the kernels of Haswell, the
third those of Nehalem, NumPy without its vector loops, and numba's code for any processor.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The README's test line has run all others on the machine's own path.
OWN = ("-m", "generated")

PROBE = """
import json, math
import numba, numpy, scipy.linalg, threadpoolctl
from numpy._core import _multiarray_umath as core
scipy.linalg.inv(numpy.eye(2))
pools = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
kernels = sorted({pool["architecture"] for pool in pools})
loops = [name for name in core.__cpu_dispatch__ if core.__cpu_features__.get(name)]
numba.njit(lambda x: 2 * x)(1.0)
print(json.dumps({"kernels": kernels, "loops": loops, "numba": numba.config.CPU_NAME or "of this machine"}))
"""


def environment(kernel: str | None, cache: str, loops: list[str], *, plain: bool) -> dict[str, str]:
    """Give the variables of one path; compiled code is not shared between paths."""
    ours = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CACHE_DIR")
    made = {name: value for name, value in os.environ.items() if name not in ours}
    made |= {"NUMBA_CACHE_DIR": cache, "OMP_NUM_THREADS": "1"}
    if kernel is not None:
        made["OPENBLAS_CORETYPE"] = kernel
    if plain:
        made["NUMBA_CPU_NAME"] = "generic"
        if loops:
            made["NPY_DISABLE_CPU_FEATURES"] = " ".join(loops)
    return made


def probe(variables: dict[str, str]) -> dict[str, object]:
    """Ask a new process what it computes with."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=variables, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


def main() -> int:
    """Run pytest once for each path; the exit status is 1 where one of them failed."""
    if platform.machine() not in {"x86_64", "AMD64"}:
        print(f"skipped: the kernels named here are those of x86-64, this is {platform.machine()}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        own = probe(environment(None, f"{folder}/own", [], plain=False))
        loops = [str(name) for name in own["loops"]]  # type: ignore[attr-defined]
        # Where the machine's own kernels are Haswell's, or Nehalem's, those of Sandybridge stand in.
        wanted = [kernel for kernel in ("Haswell", "Nehalem", "Sandybridge") if [kernel] != own["kernels"]][
            :2
        ]
        paths = {"own": environment(None, f"{folder}/own", [], plain=False)}
        paths |= {
            kernel: environment(kernel, f"{folder}/{kernel}", loops, plain=number == 1)
            for number, kernel in enumerate(wanted)
        }
        found = {name: probe(variables) for name, variables in paths.items()}
        for name, uses in found.items():
            print(f"{name}: {json.dumps(uses)}", flush=True)
        for kernel in wanted:
            assert found[kernel]["kernels"] == [kernel], f"{kernel} was asked for: {found[kernel]}"
        assert len({json.dumps(uses["kernels"]) for uses in found.values()}) == 3, "paths do not differ"
        last = found[wanted[1]]
        assert last["loops"] == [], "NumPy still has vector loops"
        assert last["numba"] == "generic"
        failed = []
        for name, variables in paths.items():
            started = time.monotonic()
            command = [sys.executable, "-m", "pytest", "-q", *sys.argv[1:], *(OWN if name == "own" else ())]
            if subprocess.run(command, env=variables, check=False, cwd=Path.cwd()).returncode != 0:
                failed.append(name)
            print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
