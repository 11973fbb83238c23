"""Tables of ``alzmodel fem``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.cli.fem_observed import print_observed
from alzmodel.cli.output import print_table
from alzmodel.formats.notes import tell

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["print_fem", "print_peaks", "print_readings", "tell_note"]


def tell_note(result: Mapping[str, Any]) -> None:
    """Say why peaks were not fitted, if they were not."""
    if result.get("peaks_note"):
        tell(result["peaks_note"])


def print_fem(result: Mapping[str, Any]) -> None:
    """Print the peaks, and what else was asked for."""
    print_peaks(result)
    if "observed" in result:
        print_observed(result["observed"])
    if "readings" in result:
        print_readings(result["readings"])


def print_readings(readings: Mapping[str, Any]) -> None:
    """Print what bonds and what reflections would show beside the model."""
    rows: list[tuple[Any, ...]] = []
    for row in readings["rivals"]:
        unit = f" ({row['unit']})" if row["unit"] else ""
        rows.append(
            (
                row["quantity"] + unit,
                row["value"],
                *(
                    f"{claim}: {_ANSWER[met]}" if claim else None
                    for claim, met in zip(row["claims"], row["met"], strict=True)
                ),
            )
        )
    if readings["peaks"][0]["shares_regions"] is not None:
        tell("clusters were put in: what follows from them is assumed and supports neither reading")
    first, second = readings["rivals"][0]["ids"]
    print_table(
        "bond or reflection",
        ("", "value", f"bonds ({first})", f"pyrochlore reflections ({second})"),
        rows,
    )
    for number, claimed in enumerate(("bonds", "reflections")):
        asked = [row["met"][number] for row in readings["rivals"] if row["claims"][number]]
        tell(f"{sum(met is True for met in asked)} of {len(asked)} expectations of {claimed} are met")


_ANSWER = {True: "yes", False: "no", None: "no number"}


def print_peaks(result: Mapping[str, Any]) -> None:
    """Print the peaks of V that stand out."""
    if "peaks_note" in result:
        curve = list(zip(result["k"], result["variance"]["omega"], strict=True))
        print_table("normalised variance", ("k (1/nm)", "V"), curve)
        return
    if not result["peaks"]:
        tell("no peak of V stands above what a structure without order shows")
        return
    names = ("peak", "k (1/nm)", "95 %", "d (Å)", "fwhm (1/nm)", "height")
    rows = [
        (peak["label"], peak["k"], _interval(peak, "k"), peak["d"], peak["fwhm"], peak["height"])
        for peak in result["peaks"]
    ]
    print_table("peaks of the normalised variance", names, rows)


def _interval(peak: Mapping[str, Any], key: str) -> str:
    low, high = peak[f"{key}_ci95"]
    return f"{low:.3f} to {high:.3f}"
