"""Measured χ(k): files of Athena, Artemis and Larch read, laid beside a computed one, and written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from alzmodel.errors import InputError, reason_of
from alzmodel.io import write_text
from alzmodel.results import Result, holds
from alzmodel.scattering.exafs.feff import K_GRID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alzmodel.scattering.exafs.sites import Exafs, ExafsSettings

    FloatArray = NDArray[np.float64]

__all__ = ["ENDINGS", "ChiAgreement", "MeasuredChi", "lay_beside", "read_chi", "write_chi"]

ENDINGS: Final = (".chi", ".chik", ".dat", ".txt", ".xdi", ".csv")
_COMMENT: Final = re.compile(r"^\s*[#*;!]")
_SPLIT: Final = re.compile(r"[,;\s]+")
_WEIGHTED: Final = {
    "chi": 0,
    "chi(k)": 0,
    "chik": 1,
    "k*chi": 1,
    "chik2": 2,
    "k^2*chi": 2,
    "chik3": 3,
    "k^3*chi": 3,
}
"""Names of columns, and the power of k that χ is multiplied with there."""
_UNWEIGHTED: Final = ("chi", "chi(k)")
_LARGEST_K: Final = 30.0
_LARGEST_CHI: Final = 10.0
_LEAST: Final = 10


@dataclass(frozen=True, slots=True, repr=False)
class MeasuredChi(Result):
    """A measured χ(k): rising `k` in Å⁻¹ and `chi`, each shape (n,)."""

    k: FloatArray = field(metadata=holds("Å⁻¹", role="axis"))
    chi: FloatArray
    source: str

    def transformed(self, settings: ExafsSettings) -> dict[str, FloatArray]:
        """K and χ as measured, and R and the magnitude of the transform."""
        even = np.interp(K_GRID, self.k, self.chi, left=0.0, right=0.0)
        r, transform = settings.transform(even)
        return {"k": self.k, "chi": self.chi, "r": r, "ft": np.abs(transform)}


@dataclass(frozen=True, slots=True, repr=False)
class ChiAgreement(Result):
    """A computed χ(k) beside a measured one, inside the k range of the transform.

    Attributes
    ----------
    k
        Å⁻¹, shape (n,).
    observed, calculated
        k^w χ, shape (n,); `calculated` is scaled.
    scale
        Factor of the computed one by least squares, the S₀² of the measurement if all else is right.
    r_factor
        Sum of squared differences over that of the observed.
    correlation
        Pearson's r.
    """

    k: FloatArray = field(metadata=holds("Å⁻¹", role="axis"))
    observed: FloatArray
    calculated: FloatArray
    scale: float
    r_factor: float
    correlation: float


def read_chi(path: str | Path) -> MeasuredChi:
    """Read χ(k) from columns of numbers.

    Parameters
    ----------
    path
        As Athena, Artemis and Larch write it: comments, the last of them with the names of the columns, then numbers.
        Column ``k`` and ``chi`` are taken; without names the first two. A column that holds only k^w χ by its name
        (``chik2``) is divided by that power.

    Returns
    -------
    MeasuredChi

    Raises
    ------
    InputError
        In one line: no such file, another ending, no numbers, NaN, k that does not rise, columns of energy or R, or
        values that no χ(k) has.
    """
    name, file = str(path), Path(path)
    if not file.is_file():
        raise InputError(f"{name}: no such file; allowed: a measured χ(k) ({', '.join(ENDINGS)})")
    if file.suffix.lower() not in ENDINGS:
        raise InputError(f"{name}: ending {file.suffix or 'none'}; allowed: {', '.join(ENDINGS)}")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: {reason_of(error)}; allowed: numbers as plain text") from error
    except OSError as error:
        raise InputError(f"{name}: {reason_of(error)}; allowed: a readable file") from error
    titles, table = _table(text, name)
    k, column, power = _pick(titles, table.shape[1], name)
    at, values = table[:, k], table[:, column]
    if not (np.isfinite(at).all() and np.isfinite(values).all()):
        raise InputError(f"{name}: NaN or infinity among the numbers; allowed: finite k and χ")
    if (np.diff(at) <= 0).any() or at[0] < 0 or at[-1] > _LARGEST_K:
        raise InputError(
            f"{name}: k goes from {at[0]:g} to {at[-1]:g}; allowed: rising, from 0 or above, up to {_LARGEST_K:g} Å⁻¹"
        )
    chi = np.divide(values, at**power, out=np.zeros_like(values), where=at > 0) if power else values
    inner = np.abs(chi[at > 2])
    if inner.size < _LEAST or inner.max() > _LARGEST_CHI or not inner.any():
        raise InputError(
            f"{name}: no χ(k) above 2 Å⁻¹ between 0 and {_LARGEST_CHI:g}; allowed: at least {_LEAST} points there"
        )
    return MeasuredChi(at, chi, name)


def _table(text: str, name: str) -> tuple[list[str], FloatArray]:
    """Names of the columns, where there are some, and the numbers."""
    titles: list[str] = []
    rows: list[list[float]] = []
    for line in text.splitlines():
        words = [word for word in _SPLIT.split(line.strip()) if word]
        if not words:
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            if rows and not _COMMENT.match(line):
                raise InputError(
                    f"{name}: {line.strip()[:40]!r} among the numbers; allowed: columns"
                ) from None
            if not rows:
                titles = [word for word in words if word.strip("#*;!-")]
            continue
        if len(rows[-1]) != len(rows[0]):
            raise InputError(
                f"{name}: {len(rows[-1])} numbers in row {len(rows)}, {len(rows[0])} above; allowed: as many in each"
            )
    if len(rows) < _LEAST or len(rows[0]) < 2:
        raise InputError(f"{name}: {len(rows)} rows of numbers; allowed: at least {_LEAST} rows of k and χ")
    return [title.lstrip("#*;!").lower() for title in titles], np.array(rows)


def _pick(titles: list[str], width: int, name: str) -> tuple[int, int, int]:
    """Columns of k and χ, and the power of k that χ is multiplied with."""
    if len(titles) != width:
        return 0, 1, 0
    if "k" not in titles:
        known = {"energy", "e", "ev", "r", "q"} & set(titles)
        if known:
            raise InputError(f"{name}: columns {', '.join(titles)}; allowed: k and chi")
        return 0, 1, 0
    plain = [titles.index(title) for title in _UNWEIGHTED if title in titles]
    weighted = [(titles.index(title), power) for title, power in _WEIGHTED.items() if title in titles]
    if plain:
        return titles.index("k"), plain[0], 0
    if weighted:
        return titles.index("k"), *weighted[0]
    other = next(number for number, title in enumerate(titles) if title != "k")
    return titles.index("k"), other, 0


def lay_beside(found: Exafs, measured: MeasuredChi) -> ChiAgreement:
    """Scale a computed χ(k) onto a measured one, weighted with k^w, inside the range of the transform.

    Raises
    ------
    InputError
        If fewer than ten measured points lie there.
    """
    low, high = found.k_range
    inside = (measured.k >= low) & (measured.k <= high)
    at = measured.k[inside]
    if at.size < _LEAST:
        raise InputError(
            f"{measured.source}: {at.size} points between {low:g} and {high:g} Å⁻¹; allowed: at least {_LEAST}"
        )
    weight = at**found.k_weight
    observed = weight * measured.chi[inside]
    computed = weight * np.interp(at, found.k, found.chi)
    scale = float(observed @ computed / (computed @ computed))
    calculated = scale * computed
    return ChiAgreement(
        k=at,
        observed=observed,
        calculated=calculated,
        scale=scale,
        r_factor=float(np.sum((observed - calculated) ** 2) / np.sum(observed**2)),
        correlation=float(np.corrcoef(observed, computed)[0, 1]),
    )


def write_chi(path: str | Path, found: Exafs) -> None:
    """Write k, χ and its standard error as columns that Athena, Artemis and Larch read, whole or not at all."""
    head = [f"# {found.edge} edge, mean of {found.n_sites} sites, S02 = 1", "#-----", "#  k  chi  sem"]
    rows = [f"{k:.4f} {chi:.8e} {sem:.8e}" for k, chi, sem in zip(found.k, found.chi, found.sem, strict=True)]
    write_text(Path(path), "\n".join([*head, *rows, ""]))
