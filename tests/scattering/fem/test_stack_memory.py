"""Stacks larger than what may be held of them."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

SHAPE, CHUNK = (160, 150, 256, 256), 10
MEGABYTES = 300

WORK = r"""
import re, sys, threading, time
peak, ended = 0, threading.Event()
def anonymous():
    with open("/proc/self/status") as status:
        return int(re.search(r"RssAnon:\s+(\d+) kB", status.read()).group(1)) / 1000
def watch():
    global peak
    while not ended.wait(0.02):
        peak = max(peak, anonymous())
thread = threading.Thread(target=watch)
thread.start()
from alzmodel.cli.app import main
code = main(["fem", sys.argv[1], "--pixel-size", "0.05", "--fit", "free", "--gain", "1", "--json"])
ended.set()
thread.join()
print(f"peak {peak:.0f}", file=sys.stderr)
sys.exit(code)
"""


def write_large(path):
    """Write 3.1 GB of sparse counts, packed: the same ten patterns again and again, in files of chunks."""
    y, x = np.mgrid[:256, :256] - 127.5
    k = 0.05 * np.hypot(x, y)
    mean = 0.3 * np.exp(-(((k - 3.2) / 0.5) ** 2)) + 0.1 * np.exp(-k / 4) + 300 * np.exp(-((k / 0.2) ** 2))
    patterns = np.random.default_rng(1).poisson(mean, (CHUNK, 256, 256)).astype(np.uint16)
    options = {"chunks": (1, CHUNK, 256, 256), "compression": "gzip", "compression_opts": 1}
    with h5py.File(path, "w") as handle:
        data = handle.create_dataset("data", SHAPE, "u2", **options)
        data[0, :CHUNK] = patterns
        _, packed = data.id.read_direct_chunk((0, 0, 0, 0))
        for row in range(SHAPE[0]):
            for first in range(0, SHAPE[1], CHUNK):
                data.id.write_direct_chunk((row, first, 0, 0), packed)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_three_gigabytes_take_less_than_three_hundred_megabytes(tmp_path):
    path = tmp_path / "large.h5"
    write_large(path)
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(path)], capture_output=True, text=True, check=True, timeout=600
    )
    peak = float(done.stderr.rsplit("peak ", 1)[1])
    assert 50 < peak < MEGABYTES
    assert '"n_patterns": 24000' in done.stdout
