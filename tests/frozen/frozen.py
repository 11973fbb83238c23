"""Reading and writing of frozen data: plain JSON where people look at its changes, packed where it is large."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def load(name: str) -> Any:
    """Read ``NAME.json`` or ``NAME.json.xz``; nothing if it is not there yet."""
    path = HERE / name
    if not path.exists():
        return {}
    raw = path.read_bytes()
    return json.loads(lzma.decompress(raw) if path.suffix == ".xz" else raw)


def store(name: str, value: Any) -> None:
    """Write what :func:`load` reads."""
    if name.endswith(".xz"):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        (HERE / name).write_bytes(lzma.compress(text.encode(), preset=9))
    else:
        (HERE / name).write_text(_lines(value) + "\n", encoding="utf-8")


def _lines(value: Any, depth: int = 0) -> str:
    """JSON with a line for each entry of the outer levels, so that a change is a line of a diff."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= 120 or not isinstance(value, dict | list):
        return flat
    indent = " " * (depth + 1)
    if isinstance(value, dict):
        rows = [
            f"{indent}{json.dumps(key, ensure_ascii=False)}: {_lines(inner, depth + 1)}"
            for key, inner in value.items()
        ]
    else:
        rows = [f"{indent}{_lines(inner, depth + 1)}" for inner in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n" + ",\n".join(rows) + f"\n{' ' * depth}{last}"
