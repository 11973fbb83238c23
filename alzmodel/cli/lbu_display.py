"""Tables of ``alzmodel lbu``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["print_units"]

_MODES = ("corner", "edge", "face", "none")
_ARGUED = "Zr-La"
"""The pair whose distance the paper argues from."""
_LEAST = 0.005


def print_units(result: Mapping[str, Any]) -> None:
    """Print what `alzmodel lbu --json` would, as far as it fits on a screen."""
    columns = (
        "unit",
        "coordination",
        "distance (Å)",
        "std",
        "skew",
        "bond valence",
        "cut-off (Å)",
        "numbers",
    )
    valence = _bond_valence(result["bond_valence"])
    rows = [
        (
            f"{centre}-O",
            unit["mean_coordination"],
            unit["mean_distance"],
            unit["std_distance"],
            unit["skew_distance"],
            valence.get(centre),
            unit["cutoff"],
            _shares(unit["histogram"]),
        )
        for centre, unit in result["units"].items()
    ]
    print_table("building units", columns, rows)
    shapes = [
        (f"{centre}-O", *_nearest(part["shapes"]), *_body(part["polyhedra"]))
        for centre, part in result["symmetry"].items()
    ]
    print_table("shapes", ("unit", "nearest ideal unit", "volume (Å³)", "bond-length distortion"), shapes)
    shared = [
        (pair, *(f"{shares[mode]:.1%}" for mode in _MODES), shares["n_pairs"], shares["mean_distance"])
        for pair, shares in result["sharing"].items()
        if shares["n_pairs"]
    ]
    print_table("sharing of neighbouring units", ("centres", *_MODES, "pairs", "distance (Å)"), shared)
    if _ARGUED in result["sharing"]:
        names = ("model", *(f"{mode} (Å)" for mode in _MODES))
        print_table(f"{_ARGUED} distance by what is shared", names, list(_split(result)))
    if "roles" in result:
        names = ("ion", "z/d² (Dietzel)", "kJ/mol a bond (Sun)", "to bridging O", "paper", "contradictions")
        table = [
            (
                row["ion"],
                f"{row['dietzel']:.2f} {row['dietzel_class']}",
                f"{row['sun']:.0f} {row['sun_class']}",
                f"{row['bridging_share']:.0%}",
                row["paper"],
                row["contradictions"] or "none",
            )
            for row in result["roles"]["ions"].values()
        ]
        print_table("former or modifier", names, table)
    print_table("order and space", ("quantity", "value"), list(_scalars(result)))


def _bond_valence(table: Mapping[str, Any]) -> dict[str, float]:
    """Mean sum per element, of its first ion."""
    found: dict[str, float] = {}
    for label, row in table["ions"].items():
        found.setdefault(label.rstrip("+-0123456789"), row["mean"])
    return found


def _shares(histogram: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{number}: {share:.0%}"
        for number, share in histogram.items()
        if not number.endswith("_std") and share >= _LEAST
    )


def _nearest(shapes: Mapping[str, Any]) -> tuple[str]:
    ranked = sorted(shapes.items(), key=lambda item: -item[1]["nearest"])[:3]
    return (
        ", ".join(
            f"{name} {row['nearest']:.0%} (S {row['mean']:.1f})"
            for name, row in ranked
            if row["nearest"] >= _LEAST
        ),
    )


def _body(polyhedra: Mapping[str, Any]) -> tuple[float, float]:
    return polyhedra["volume"]["mean"], polyhedra["bond_length_distortion"]["mean"]


def _split(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Distance and share of each mode: this model, dealt out at random, and crystals."""
    mine = result["sharing"][_ARGUED]
    yield ("this model", *(_cell(mine[mode], mine["distances"][mode]) for mode in _MODES))
    yield ("ions dealt out at random", *(_cell(mine["random_mixture"][mode], None) for mode in _MODES))
    for phase, pairs in result.get("references", {}).items():
        row = pairs[_ARGUED]
        yield (phase, *(_cell(row[mode], row["distances"][mode]) for mode in _MODES))


def _cell(share: float, distance: float | None) -> str:
    if distance is None or distance != distance:  # noqa: PLR0124  NaN is the one value unlike itself
        return f"{share:.1%}"
    return f"{distance:.3f} ({share:.1%})"


def _scalars(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "packing fraction, six-fold radii", result["packing_fraction"]
    yield "packing fraction, radii by coordination", result["packing"]["by_coordination"]
    yield "global instability index", result["bond_valence"]["global_instability_index"]
    if "network" in result:
        yield "mean Qn of Zr", result["network"]["mean_qn"]
        yield "non-bridging oxygen", result["network"]["non_bridging_fraction"]
    if "order" in result:
        yield "cations in fluorite-like surroundings", result["order"]["fluorite_fraction"]
        yield "cations in pyrochlore-like surroundings", result["order"]["pyrochlore_fraction"]
        yield "largest cluster of these", result["order"]["largest_cluster"]
    if "free_volume" in result:
        space = result["free_volume"]
        yield "volume outside all ions", space["fraction"]
        yield (
            f"centre of a probe of {space['probe_radius']:g} Å fits without Li",
            space["accessible_fraction"],
        )
        yield "widest probe that runs through (Å)", space["bottleneck"]
