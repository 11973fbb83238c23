"""What a command printed or wrote, small enough to keep and exact enough to tell when it changes.

Long lists of numbers become their length, their mean, their root mean square and a few of them. Where the numbers
themselves hang on a processor, as after molecular dynamics, only keys and kinds are kept: see :func:`skeleton`.
"""

from __future__ import annotations

import csv
import json
import math
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.frozen.paths import read_frames

if TYPE_CHECKING:
    from pathlib import Path

RTOL = 1e-5
"""Of numbers, and of long lists on the scale of their root mean square: sums in another order, other FFTs, and what a
fit makes of them. What a change of a formula or a default does is larger."""
ATOL = 1e-9
LONG, MANY = 8, 120
SAMPLES = 9
DIGITS = 9
VERSIONS = {"versions", "alzmodel"}
"""Keys under which versions of packages stand: kept by name alone."""
HASHES = {"input_hash"}
"""Keys that name what a result was made from: kept whole, since a finished model is found again by it."""
NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


def tree(value: Any, folder: str = "") -> Any:
    """Shorten what JSON can hold; `folder`, where the test happens to run, is taken out of texts."""
    if isinstance(value, dict):
        return {
            str(key): _names(inner) if key in VERSIONS else tree(inner, folder)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        if len(value) > LONG and _is_numeric(value):
            return numbers(np.array(_filled(value), dtype=float))
        if len(value) > MANY:
            return {"entries": len(value), "ends": [tree(value[place], folder) for place in (0, 1, -1)]}
        return [tree(inner, folder) for inner in value]
    if isinstance(value, str):
        return value.replace(folder, "") if folder else value
    if isinstance(value, float):
        return rounded(value)
    return value


def _names(versions: Any) -> Any:
    return sorted(versions) if isinstance(versions, dict) else type(versions).__name__


def rounded(value: float) -> float | None:
    """Nine significant digits, None for NaN."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None


def numbers(values: np.ndarray) -> dict[str, Any]:
    """Shape, moments and samples of an array."""
    flat = np.asarray(values, dtype=float).ravel()
    finite = flat[np.isfinite(flat)]
    chosen = np.unique(np.linspace(0, len(flat) - 1, SAMPLES).astype(int)) if len(flat) else []
    return {
        "shape": list(np.shape(values)),
        "finite": len(finite),
        "mean": rounded(float(finite.mean())) if len(finite) else None,
        "rms": rounded(float(np.sqrt(np.mean(finite**2)))) if len(finite) else None,
        "samples": [rounded(float(flat[place])) for place in chosen],
    }


def _is_numeric(value: Any) -> bool:
    """Whether a list is an array of numbers or null."""
    if all(isinstance(inner, list | tuple) for inner in value):
        return len({len(inner) for inner in value}) == 1 and all(map(_is_numeric, value))
    return all(
        inner is None or (isinstance(inner, int | float) and not isinstance(inner, bool)) for inner in value
    )


def _filled(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_filled(inner) for inner in value]
    return math.nan if value is None else value


def skeleton(value: Any) -> Any:
    """Reduce a tree to keys and kinds; lists to the kinds in them, arrays to their number of axes."""
    if isinstance(value, dict):
        if set(value) == {"shape", "finite", "mean", "rms", "samples"}:
            return ["number"] if len(value["shape"]) == 1 else [["number"]]
        if value and all(NUMBER.fullmatch(key) for key in value):
            # A histogram: which of its numbers occur hangs on the model.
            return {"N": _merged([skeleton(inner) for inner in value.values()])}
        return {key: inner if key in HASHES else skeleton(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_merged([skeleton(inner) for inner in value])] if value else []
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return "number"
    return type(value).__name__


def _merged(found: list[Any]) -> Any:
    if all(isinstance(one, dict) for one in found):
        keys = dict.fromkeys(key for one in found for key in one)
        return {key: _merged([one[key] for one in found if key in one]) for key in keys}
    if all(isinstance(one, list) for one in found):
        inner = [item for one in found for item in one]
        return [_merged(inner)] if inner else []
    kinds = sorted({json.dumps(one) for one in found})
    return found[0] if len(kinds) == 1 else " or ".join(kinds)


def differences(before: Any, now: Any, rtol: float = RTOL, where: str = "") -> list[str]:
    """Say in lines what differs between two trees."""
    if isinstance(before, dict) and isinstance(now, dict):
        if "samples" in before and "samples" in now:
            return _array_differences(before, now, rtol, where)
        lines = [f"{where}/{key}: gone" for key in before if key not in now]
        lines += [f"{where}/{key}: new" for key in now if key not in before]
        for key in before:
            if key in now:
                lines += differences(before[key], now[key], rtol, f"{where}/{key}")
        return lines
    if isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return [f"{where}: {len(before)} entries, now {len(now)}"]
        return [
            line
            for place, (old, new) in enumerate(zip(before, now, strict=True))
            for line in differences(old, new, rtol, f"{where}[{place}]")
        ]
    if isinstance(before, str) and isinstance(now, str):
        return [] if _same_words(before, now, rtol) else [f"{where}: {before!r}, now {now!r}"]
    if isinstance(before, bool) or isinstance(now, bool) or before is None or now is None:
        return [] if before is now else [f"{where}: {before!r}, now {now!r}"]
    if isinstance(before, int | float) and isinstance(now, int | float):
        return [] if _close(before, now, rtol) else [f"{where}: {before!r}, now {now!r}"]
    return [f"{where}: {type(before).__name__}, now {type(now).__name__}"]


def _array_differences(before: dict[str, Any], now: dict[str, Any], rtol: float, where: str) -> list[str]:
    lines = [
        f"{where}: {key} {before.get(key)}, now {now.get(key)}"
        for key in ("shape", "finite", "dtype", "unit")
        if before.get(key) != now.get(key)
    ]
    scale = max(abs(before["rms"] or 0.0), ATOL)
    pairs = [("mean", before["mean"], now["mean"]), ("rms", before["rms"], now["rms"])]
    if not lines:
        pairs += [
            (f"sample {place}", old, new)
            for place, (old, new) in enumerate(zip(before["samples"], now["samples"], strict=True))
        ]
    for name, old, new in pairs:
        if (old is None) != (new is None) or (old is not None and abs(old - new) > rtol * scale):
            lines.append(f"{where}: {name} {old}, now {new}")
    return lines


def _close(old: float, new: float, rtol: float) -> bool:
    if isinstance(old, int) and isinstance(new, int):
        return old == new
    return math.isclose(old, new, rel_tol=rtol, abs_tol=ATOL)


def _same_words(before: str, now: str, rtol: float) -> bool:
    """Whether texts are the same but for the last digit shown of a number."""
    if before == now:
        return True
    if NUMBER.sub("#", before).split() != NUMBER.sub("#", now).split():
        return False
    for old, new in zip(NUMBER.findall(before), NUMBER.findall(now), strict=True):
        digit = 10.0 ** -len(old.partition(".")[2]) if "." in old else 0.0
        first, second = (float(word.replace("−", "-")) for word in (old, new))
        if abs(first - second) > 1.01 * digit + rtol * abs(first):
            return False
    return True


def file_tree(path: Path) -> Any:
    """Shorten a file by its kind: JSON, CSV, HDF5, structures, tables of numbers, pages; others by their name alone."""
    if not path.exists():
        return "missing"
    match path.suffix:
        case ".json":
            return tree(json.loads(path.read_text(encoding="utf-8")), str(path.parent))
        case ".csv":
            return _csv_tree(path)
        case ".h5" | ".hspy":
            return _hdf5_tree(path)
        case ".extxyz" | ".cif":
            return _structure_tree(path)
        case ".npy":
            return numbers(np.load(path))
        case ".gr" | ".sq" | ".fq" | ".xy" | ".dat":
            return _columns_tree(path)
        case ".db":
            return _database_tree(path)
        case ".html":
            return _page_tree(path)
    return "empty" if not path.stat().st_size else "there"


def _csv_tree(path: Path) -> dict[str, Any]:
    with path.open(encoding="utf-8", newline="") as handle:
        head, *rows = csv.reader(handle)
    columns = [
        [_number_or_text(row[place]) for row in rows if place < len(row)] for place in range(len(head))
    ]
    return {"head": head, "rows": len(rows), "columns": [tree(column) for column in columns]}


def _number_or_text(word: str) -> float | str | None:
    try:
        value = float(word)
    except ValueError:
        return word or None
    return value if math.isfinite(value) else None


def _hdf5_tree(path: Path) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}

    def take(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            entry = {"dtype": str(item.dtype), "unit": str(item.attrs.get("unit", ""))}
            numeric = np.issubdtype(item.dtype, np.number)
            found[name] = entry | numbers(item[()]) if numeric else entry
        elif item.attrs:
            found[name] = {"attributes": sorted(item.attrs)}

    with h5py.File(path, "r") as handle:
        handle.visititems(take)
    return found


def _structure_tree(path: Path) -> dict[str, Any]:
    frames = read_frames(path)
    last = frames[-1]
    arrays = {
        name: numbers(values) if np.issubdtype(values.dtype, np.number) else sorted(set(map(str, values)))
        for name, values in sorted(last.arrays.items())
    }
    info = json.loads(json.dumps(last.info, default=_plain))
    return {
        "frames": len(frames),
        "formula": last.get_chemical_formula(),
        "cell": tree(last.cell.cellpar().tolist()),
        "pbc": last.pbc.tolist(),
        "arrays": arrays,
        "info": tree(info),
    }


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _database_tree(path: Path) -> list[Any]:
    import ase.db

    with ase.db.connect(path) as database:
        return [
            {"formula": row.formula, "keys": tree(row.key_value_pairs), "data": tree(row.data)}
            for row in database.select()
        ]


def _columns_tree(path: Path) -> dict[str, Any]:
    lines = path.read_text(encoding="utf-8").splitlines()
    rows, words = [], []
    for line in lines:
        try:
            rows.append([float(word) for word in line.split()])
        except ValueError:
            words.append(line)
    return {"words": words, "columns": [numbers(np.array(column)) for column in zip(*rows, strict=True)]}


class _Page(HTMLParser):
    """Headings, anchors, heads of tables and captions of a page."""

    kept = ("title", "h1", "h2", "h3", "th", "figcaption", "summary", "button")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = dict(attrs).get("id")
        if name and tag not in {"g", "path", "use", "clipPath", "defs", "symbol"}:
            self.found.append(f"{tag}#{name}")
        if tag in self.kept:
            self.open = tag
            self.found.append(f"{tag}: ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.open:
            self.open = None

    def handle_data(self, data: str) -> None:
        if self.open:
            self.found[-1] += " ".join(data.split())


def _page_tree(path: Path) -> list[str]:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page.found
