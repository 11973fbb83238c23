"""Measured numbers and the models' over the La content: Figs. 5d, 6e, 6f and S4 of Zhu et al., Adv. Mater. 2024."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Final

from alzmodel.compare.measured import standard_error
from alzmodel.report.drawing import COLOURS, bars_above_zero, draw, grid, legend_of, name_once, require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from alzmodel.compare.comparison import Comparison
    from alzmodel.report.drawing import Columns

__all__ = ["COMPARISON_PANELS", "plot_comparison"]

COMPARISON_PANELS: Final = (
    "fem_peak1_d",
    "fem_peak2_d",
    "d222",
    "scherrer_size",
    "fem_peak1_fwhm",
    "fem_peak2_fwhm",
)
"""Series of measured values that :func:`plot_comparison` draws: Figs. 5d, 6e, 6f and S4 of the same."""


def plot_comparison(
    rows: Sequence[Comparison | Mapping[str, Any]],
    path: str | Path,
    *,
    panels: Sequence[str] = COMPARISON_PANELS,
    beside: Mapping[str, Mapping[str, Sequence[tuple[float, float, float | None]]]] | None = None,
) -> tuple[Path, ...]:
    """Draw measured values and the models' over the La content.

    Parameters
    ----------
    rows
        From :func:`alzmodel.compare.comparison.compare_models`, or their dictionaries.
    path
        As for :func:`plot_pdf`.
    panels
        Series of measured values, one a panel; those without a number are left out.
    beside
        More to be drawn, by panel and label: x, mean over models and standard deviation, such as the bond that a
        measured distance was taken for.

    Raises
    ------
    InputError
        If no row belongs to the panels.

    Notes
    -----
    All bars are one standard deviation: of the measurement (stated 95 % errors over 1.96, rounding over √3), and over
    models. No bar goes below zero, where these quantities end. Every point stands at its own x.
    """
    plain = [row if isinstance(row, dict) else row.to_dict() for row in rows]  # type: ignore[union-attr]
    by_series = {name: [row for row in plain if re.split(r"[/@\[]", row["id"])[0] == name] for name in panels}
    by_series = {
        name: members
        for name, members in by_series.items()
        if any(isinstance(row["measured"], int | float) for row in members)
    }
    require(by_series, "rows of the comparison")
    fields: tuple[str, ...] = (
        "id",
        "x",
        "unit",
        "measured",
        "error",
        "systematic",
        "source",
        "protocol",
        "kind",
        "model",
        "model_std",
        "n_models",
    )
    several = any(row.get("potential") for members in by_series.values() for row in members)
    fields += ("potential",) if several else ()
    columns: Columns = {
        field: [_flat(row[field]) for members in by_series.values() for row in members] for field in fields
    }
    for name in by_series:
        for label, points in (beside or {}).get(name, {}).items():
            for column, value in zip(
                (f"x {label}", label, f"{label} std"), zip(*points, strict=True), strict=True
            ):
                columns[column] = value

    def build(figure: Figure) -> None:
        many = len(by_series) > 2
        drawn = grid(figure, len(by_series), height=2.0 if many else 2.5, width=2.6 if many else 3.4)
        labels = list(dict.fromkeys(label for name in by_series for label in (beside or {}).get(name, {})))
        legend: dict[str, Any] = {}
        for panel, (name, members) in zip(drawn, by_series.items(), strict=True):
            _measured_points(panel, members, legend)
            _model_points(panel, members, legend)
            for label, points in (beside or {}).get(name, {}).items():
                _line_beside(panel, label, points, labels.index(label), legend)
            unit = members[0]["unit"]
            panel.set(
                xlabel="La per formula unit, x",
                ylabel=unit and f"{_short(name)} ({unit})",
                title="\n".join([members[0]["label"], *_missing(members)]),
            )
            panel.title.set_fontsize(6.5)
            panel.set_xticks(sorted({row["x"] for row in members if row["x"] is not None}))
            panel.margins(x=0.12, y=0.12)
        name_once(drawn)
        legend_of(
            figure,
            list(legend.values()),
            list(legend),
            len(by_series) + 1,
            title="bars: one standard deviation,"
            f"{' ' if len(by_series) > 1 else chr(10)}of the measurement and over models",
            title_fontsize=7,
        )

    return draw(build, path, columns)


def _flat(value: Any) -> Any:
    return " to ".join(f"{part:g}" for part in value) if isinstance(value, list | tuple) else value


def _short(series: str) -> str:
    return {"scherrer_size": "size", "d222": "d222"}.get(series, series.rsplit("_", 1)[-1]).replace(
        "fwhm", "FWHM"
    )


def _missing(members: Sequence[dict[str, Any]]) -> list[str]:
    """Name the models of a panel that have no value, and say why."""
    shown = {row["source"] for row in members if row["model"] is not None}
    reasons = {row["source"]: row["reason"] for row in members if row["model"] is None and row["reason"]}
    return [
        f"{f'{source}: ' if source else ''}{reason}"
        for source, reason in reasons.items()
        if source not in shown
    ]


def _measured_points(panel: Axes, members: Sequence[dict[str, Any]], legend: dict[str, Any]) -> None:
    points = {row["x"]: row for row in members if row["x"] is not None}
    single = [row for row in points.values() if isinstance(row["measured"], int | float)]
    ranges = [row for row in points.values() if isinstance(row["measured"], list | tuple)]
    x = [row["x"] for row in single]
    values = [row["measured"] for row in single]
    systematic = [row["systematic"] or 0.0 for row in single]
    if any(systematic):
        bars = panel.errorbar(
            x, values, yerr=systematic, fmt="none", ecolor="#cccccc", elinewidth=9, zorder=1
        )
        legend["systematic error"] = bars
    errors = [standard_error(row["error"], row["coverage"]) or 0.0 for row in single]
    points_drawn = panel.errorbar(
        x,
        values,
        yerr=bars_above_zero(values, errors),
        fmt="o",
        color="black",
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        capsize=2,
        elinewidth=0.9,
        zorder=5,
    )
    panel.plot(x, values, color="black", linewidth=0.6, zorder=2)
    legend["measured"] = points_drawn
    for row in ranges:
        low, high = row["measured"]
        legend["measured, a range"] = panel.vlines(row["x"], low, high, color="black", linewidth=2.5)


def _model_points(panel: Axes, members: Sequence[dict[str, Any]], legend: dict[str, Any]) -> None:
    """Larger than the measured points and below them, so that both stay visible at the same place."""
    styles = {
        ("glass", "predicted"): ("s^p<>*", COLOURS[1], COLOURS[1]),
        ("glass-ceramic", "predicted"): ("DvhXP8", COLOURS[0], COLOURS[0]),
        ("glass-ceramic", "assumed"): ("DvhXP8", "white", COLOURS[0]),
        ("glass", "assumed"): ("s^p<>*", "white", COLOURS[1]),
    }
    protocols = sorted({_made(row) for row in members if row["model"] is not None})
    for ((source, kind), (markers, face, edge)), protocol in itertools.product(styles.items(), protocols):
        rows = [
            row
            for row in members
            if row["source"] == source
            and row["kind"] == kind
            and _made(row) == protocol
            and row["model"] is not None
        ]
        if not rows:
            continue
        name = f"model, {source}, {kind}" + (f", {protocol}" if len(protocols) > 1 else "")
        means = [row["model"] for row in rows]
        spread = [row["model_std"] if row["model_std"] is not None else 0.0 for row in rows]
        number = protocols.index(protocol)
        drawn = panel.errorbar(
            [row["x"] for row in rows],
            means,
            yerr=bars_above_zero(means, spread) if any(spread) else None,
            fmt=markers[number % len(markers)],
            color=edge,
            markersize=8 + 2 * number,
            markerfacecolor=face,
            markeredgecolor=edge,
            ecolor=edge,
            capsize=4 + number,
            elinewidth=1.6,
            zorder=4 - 0.1 * number,
        )
        # The entry with error bars, if there is one in any panel.
        if any(spread) or name not in legend:
            legend[name] = drawn


def _made(row: Mapping[str, Any]) -> str:
    """Protocol and potential of the models of a row, where there are several."""
    return ", ".join(row[key] for key in ("protocol", "potential") if row.get(key))


def _line_beside(
    panel: Axes,
    label: str,
    points: Sequence[tuple[float, float, float | None]],
    number: int,
    legend: dict[str, Any],
) -> None:
    """Draw what is no rival of the measured points but stands beside them: small open symbols on a thin line."""
    legend[label] = panel.errorbar(
        [x for x, _, _ in points],
        [mean for _, mean, _ in points],
        yerr=bars_above_zero([mean for _, mean, _ in points], [spread or 0.0 for _, _, spread in points]),
        fmt=("^", "v", "<", ">")[number % 4],
        linestyle=(0, (1, 1.5)),
        linewidth=0.8,
        color=COLOURS[3],
        markerfacecolor="white",
        markersize=4,
        capsize=2,
        zorder=2,
    )
