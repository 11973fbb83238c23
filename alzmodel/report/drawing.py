"""The one style of all figures, and how they are written.

The same numbers give the same bytes, with the same versions and on the same type of CPU.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import itertools
import math
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.errors import InputError
from alzmodel.io import atomic_path, write_text
from alzmodel.statistics import score_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = [
    "COLOURS",
    "FORMATS",
    "GREY",
    "PALE",
    "STYLE_FILE",
    "Columns",
    "Look",
    "above_zero",
    "array",
    "bars_above_zero",
    "draw",
    "files_of",
    "grid",
    "legend_below",
    "legend_of",
    "looks_of",
    "mark",
    "name_once",
    "noted",
    "pair_name",
    "require",
    "width_bars",
]

STYLE_FILE: Final = Path(__file__).with_name("alzmodel.mplstyle")
FORMATS: Final = (".png", ".svg", ".pdf", ".csv")
# Lightness differs from curve to curve as the hue does: 20, 45, 65, 35, 75 of 100.
COLOURS: Final = ("#0b2f6b", "#b8481c", "#4fa7c4", "#5c4a9c", "#c9a227")
_LINES: Final = ("-", (0, (5, 1.6)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS: Final = ("o", "s", "^", "D", "v")
GREY: Final = "#777777"
PALE: Final = "#bdbdbd"
"""Of fits and sums, drawn broad below the curves."""
# Dates and versions would make equal figures differ.
_METADATA: Final[dict[str, dict[str, None]]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_LETTER: Final = 0.6
"""Width of a letter over its height, of most labels; so much wider are those of other letters at most."""
_BETWEEN: Final = 2.8
"""Room between a line and its words, and between two columns of a legend, in letters' heights."""
_NOTE: ContextVar[str] = ContextVar("note", default="")
Columns = dict[str, "Sequence[Any] | NDArray[Any]"]
"""What a figure shows, column by column: the CSV beside it."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one curve is drawn."""

    color: str
    linestyle: Any
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Keywords for a line."""
        return {"color": self.color, "linestyle": self.linestyle}


def looks_of(labels: Iterable[str]) -> dict[str, Look]:
    """Give every label its own colour, line style and marker."""
    looks = {}
    for number, label in enumerate(labels):
        # Once the colours are used up, line styles and markers go on shifted, so that no two labels look the same.
        shifted = number + number // len(COLOURS)
        looks[label] = Look(
            COLOURS[number % len(COLOURS)], _LINES[shifted % len(_LINES)], _MARKERS[shifted % len(_MARKERS)]
        )
    return looks


def require(mapping: Mapping[str, Any] | Sequence[Any], what: str) -> None:
    """Refuse to draw nothing.

    Raises
    ------
    InputError
        If `mapping` is empty.
    """
    if not mapping:
        raise InputError(f"{what}: nothing to draw; allowed: at least one entry")


def array(values: Any) -> NDArray[Any]:
    """Numbers as floats; None, as JSON has it, is NaN."""
    return np.asarray([math.nan if value is None else value for value in values], dtype=float)


def above_zero(values: Any, spread: Any, most: float = math.inf) -> NDArray[np.float64]:
    """Give the ends of bars or bands of a quantity that ends at zero, shape (2, n): never below zero, longer upwards.

    Parameters
    ----------
    values, spread
        Shape (n,), and what :func:`alzmodel.statistics.score_interval` takes for them; no spread is none.
    most
        Upper end of the quantity: 1 for fractions.
    """
    return np.array(score_interval(array(values), np.nan_to_num(array(spread)), most=most))


def bars_above_zero(values: Any, spread: Any, most: float = math.inf) -> NDArray[np.float64]:
    """Give the lengths of the bars of :func:`above_zero` down and up, shape (2, n)."""
    low, high = above_zero(values, spread, most)
    return np.maximum(np.array([array(values) - low, high - array(values)]), 0.0)


@contextlib.contextmanager
def noted(words: str) -> Iterator[None]:
    """Put `words` over every figure drawn inside the block."""
    token = _NOTE.set(words)
    try:
        yield
    finally:
        _NOTE.reset(token)


def files_of(path: str | Path) -> tuple[Path, ...]:
    """Files that :func:`draw` writes for a name.

    Raises
    ------
    InputError
        If the ending is none of the formats.
    """
    target = Path(path)
    if target.suffix in FORMATS:
        return (target,)
    if target.suffix and not target.suffix[1:].isdigit():
        raise InputError(
            f"{target}: ending {target.suffix!r}; allowed: {', '.join(FORMATS)}, or none for PNG, SVG, CSV"
        )
    return tuple(target.with_name(f"{target.name}{ending}") for ending in (".png", ".svg", ".csv"))


@functools.cache
def _style() -> dict[str, Any]:
    import matplotlib as mpl

    return mpl.rc_params_from_file(STYLE_FILE, use_default_template=False)


def draw(build: Callable[[Figure], None], path: str | Path, columns: Columns) -> tuple[Path, ...]:
    """Draw in the package's style and write the files.

    Parameters
    ----------
    build
        Takes an empty figure and draws into it.
    path
        A file ending in one of `FORMATS`, or a name without ending for PNG, SVG and CSV.
    columns
        The numbers shown.

    Raises
    ------
    InputError
        If the ending is none of the formats.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    targets = files_of(path)
    pictures = [file for file in targets if file.suffix in _METADATA]
    if pictures:
        with mpl.rc_context(_style()):
            layout = ConstrainedLayoutEngine()
            figure = Figure(layout=layout)
            build(figure)
            _plain_powers(figure)
            if _NOTE.get():
                figure.suptitle(_NOTE.get(), x=0.02, ha="left", fontsize=6.5)
            # Once for all formats, or each would lay it out anew.
            layout.execute(figure)
            figure.set_layout_engine("none")
            for file in pictures:
                with atomic_path(file) as temporary:
                    figure.savefig(temporary, format=file.suffix[1:], metadata=_METADATA[file.suffix])
    for file in targets:
        if file.suffix == ".csv":
            write_text(file, _csv(columns))
    return targets


def _plain_powers(figure: Figure) -> None:
    """Write the numbers of logarithmic axes without mathtext, which text of users must not reach."""
    from matplotlib.ticker import FuncFormatter, LogFormatter

    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            # Ticks that a figure names itself keep their names.
            if axis.get_scale() == "log" and isinstance(axis.get_major_formatter(), LogFormatter):
                axis.set_major_formatter(FuncFormatter(lambda value, _: _power(value)))
                axis.set_minor_formatter(LogFormatter())


def _power(value: float) -> str:
    """Power of ten in print, as at the ticks of a logarithmic axis."""
    if value <= 0:
        return ""
    exponent = round(math.log10(value))
    if not math.isclose(value, 10.0**exponent, rel_tol=1e-6):
        return f"{value:g}"
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _csv(columns: Columns) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in itertools.zip_longest(*columns.values(), fillvalue=""):
        writer.writerow([_cell(value) for value in row])
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    number = float(value)
    return f"{number:.8g}" if math.isfinite(number) else ""


def pair_name(name: str) -> str:
    """Turn the key of a pair into print."""
    return name.replace("-", "–")


def grid(figure: Figure, n: int, *, most: int = 3, height: float = 1.75, width: float = 2.35) -> list[Axes]:
    """`n` panels in rows of at most `most`, and the figure sized for them."""
    across = min(n, most)
    down = math.ceil(n / across)
    figure.set_size_inches(max(3.4, across * width), down * height + 0.45)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for spare in panels[n:]:
        spare.remove()
    return list(panels[:n])


def name_once(panels: Sequence[Axes]) -> None:
    """Of panels as :func:`grid` gave them, name equal x axes below the lowest alone, equal y axes left of the first."""
    spec = panels[0].get_subplotspec()
    across = spec.get_gridspec().ncols if spec is not None else len(panels)
    for panel, lower in zip(panels, panels[across:], strict=False):
        if panel.get_xlabel() == lower.get_xlabel() and panel.get_xlim() == lower.get_xlim():
            panel.set_xlabel("")
            panel.tick_params(labelbottom=False)
    for number, panel in enumerate(panels):
        if number % across and panel.get_ylabel() == panels[number - number % across].get_ylabel():
            panel.set_ylabel("")


def legend_below(figure: Figure, panel: Axes, n: int, **more: Any) -> None:
    """One legend for all panels, from what `panel` shows, in at most `n` columns."""
    legend_of(figure, *panel.get_legend_handles_labels(), n, **more)


def legend_of(figure: Figure, handles: Sequence[Any], labels: Sequence[str], n: int = 4, **more: Any) -> None:
    """Set a legend below all panels: at most `n` columns and four, and no more than there is room for."""
    import matplotlib as mpl

    size = mpl.rcParams["legend.fontsize"]
    letters = max(map(len, labels), default=1) * _LETTER + mpl.rcParams["legend.handlelength"] + _BETWEEN
    room = int(72 * figure.get_figwidth() / (letters * size))
    figure.legend(handles, labels, loc="outside lower center", ncols=max(1, min(n, 4, room)), **more)


def mark(panel: Axes, lines: Sequence[tuple[float, str]], *, upright: bool = True) -> None:
    """Draw vertical lines where something was measured, with words above the panel."""
    for position, words in lines:
        panel.axvline(position, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        panel.annotate(
            words,
            (position, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            rotation=0 if upright else 90,
            ha="center",
            va="bottom",
            fontsize=6.5,
            color="#444444",
        )


def width_bars(panel: Axes, peaks: Sequence[tuple[str, float, float]], base: float, step: float) -> None:
    """Draw measured peaks as bars as long as they are wide, one above the other, with a few words behind each.

    Parameters
    ----------
    panel
        Where.
    peaks
        Words, position and full width at half maximum in the unit of the abscissa.
    base, step
        Lower edge of the first bar's strip and height of a strip, in the unit of the ordinate.
    """
    for number, (words, centre, width) in enumerate(peaks):
        height = base + step * (number + 0.5)
        panel.errorbar(
            centre,
            height,
            xerr=0.5 * width,
            fmt="s",
            color="#444444",
            markersize=3,
            capsize=2,
            elinewidth=0.8,
        )
        panel.annotate(
            words,
            (centre + 0.5 * width, height),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )
