from __future__ import annotations

import resource

import pytest

from alzmodel import limits
from alzmodel.errors import InputError


def test_memory_is_no_more_than_the_own_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    there = limits.memory_there()
    assert 1e8 < there < 1e14
    resource.setrlimit(resource.RLIMIT_DATA, (int(there / 2), hard))
    try:
        assert limits.memory_there() == int(there / 2)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def test_what_needs_more_memory_than_is_there_is_refused():
    limits.check_memory("model", 1e6)
    with pytest.raises(InputError, match="model: needs about 100 TB of memory; allowed here: up to"):
        limits.check_memory("model", 1e14)
    with pytest.raises(InputError, match="more than 1000 PB"):
        limits.check_memory("model", float("inf"))
    with pytest.raises(InputError):
        limits.check_memory("model", float("nan"))


@pytest.mark.parametrize(
    ("seconds", "need", "said"),
    [
        (59.0, 1e9, None),
        (75.0, 1e9, "m: about 75 s and 1 GB of memory"),
        (600.0, 1e9, "m: about 10.0 minutes and 1 GB of memory"),
        (1.0, 5e9, "m: about 1 s and 5 GB of memory"),
        (2e5, 5e8, "m: about 2.3 days and 500 MB of memory"),
    ],
)
def test_long_work_is_told_before_it_begins(seconds, need, said):
    assert limits.forecast("m", seconds, need) == said
