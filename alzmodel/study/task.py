"""One piece of work, and the hash that names its result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alzmodel.io import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Task", "digest", "new_task"]

HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work whose result is one folder.

    Attributes
    ----------
    stage
        Kind of work, a key of :data:`alzmodel.study.stages.STAGES`.
    label
        Words for people.
    inputs
        Everything that the result depends on, besides the results in `needs`; plain JSON values.
    needs
        Keys of the tasks whose results it reads, by the role they play.
    hash
        Digest of stage, version, inputs and needs.
    seconds
        Rough time on one core, for the order of work and the time left; no part of the hash.
    room
        Rough bytes on disk; no part of the hash.
    """

    stage: str
    label: str
    inputs: Mapping[str, Any] = field(hash=False)
    needs: Mapping[str, str] = field(hash=False)
    hash: str
    seconds: float
    room: float = 0.0

    @property
    def key(self) -> str:
        """Name of the result's folder: stage and hash."""
        return f"{self.stage}-{self.hash}"


def digest(value: Any) -> str:
    """Hash of a JSON-like value: SHA-256 of its canonical text, 16 hexadecimal digits."""
    canonical = json.dumps(json.loads(json_text(value)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def new_task(
    stage: str,
    version: int,
    label: str,
    inputs: Mapping[str, Any],
    needs: Mapping[str, str],
    *,
    seconds: float = 1.0,
    room: float = 0.0,
) -> Task:
    """Make a task, its hash included.

    Parameters
    ----------
    stage, label, inputs, needs, seconds, room
        As in :class:`Task`: through the keys in `needs` a change anywhere above changes this task.
    version
        Of the stage.
    """
    plain = json.loads(json_text(dict(inputs)))
    named = digest({"stage": stage, "version": version, "inputs": plain, "needs": dict(needs)})
    return Task(stage, label, plain, needs, named, seconds, room)
