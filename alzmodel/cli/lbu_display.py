"""Tables of ``alzmodel lbu``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from alzmodel.cli.output import print_table
from alzmodel.local_order.parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["print_units"]

_MODES = ("corner", "edge", "face", "none")
_ARGUED = "Zr-La"
"""The pair whose distance the paper argues from."""
_LEAST = 0.005
_AROUND = 0.35
"""Å to either side of a cut-off in use, whose coordination is shown."""
_NOTHING = "–"
_MOST_OXYGENS = 8
_OTHERS = {
    "first_minimum": "first minimum",
    "solid_angle": "solid angle",
    "relative_gap": "relative gap",
    "cutoffs_shorter": "cut-offs − 0.1 Å",
    "cutoffs_longer": "cut-offs + 0.1 Å",
}


def print_units(
    result: Mapping[str, Any], parts: Sequence[str], *, headline: bool = True, brief: bool = False
) -> None:
    """Print what `alzmodel lbu --json` would, as far as it fits on a screen.

    Of several models numbers are their mean, with the spread over models after ±; columns named "spread" are over
    atoms, bonds or pairs of a model.

    Parameters
    ----------
    result
        What is known.
    parts
        Names of what is to be printed; what does not apply to the model is passed over.
    headline
        Whether to say first what model it is, and the main numbers in words.
    brief
        Whether that is all.
    """
    if headline:
        print(_headline(result))
        for line in _summary(result):
            print(line)
    if brief:
        return
    for name in parts:
        if PARTS[name].field in result:
            _PRINTERS[name](result)


def _print_first(result: Mapping[str, Any]) -> None:
    print_table("building units (bond lengths in Å; spread over bonds or cations)", *_units(result))
    if result["paper_units"]:
        shares = (f"{name} {_percent(result['paper_units'], name)}" for name in _plain(result["paper_units"]))
        print(f"the paper's units, share of each cation: {', '.join(shares)}")


def _print_cutoff_dependence(result: Mapping[str, Any]) -> None:
    columns = ("cation", "cut-off in use (Å)", "oxygens within a cut-off (Å: number)")
    rows = [(cation, *_over_cutoff(curve)) for cation, curve in result["cutoff_dependence"].items()]
    print_table("oxygens over the cut-off", columns, rows)


def _over_cutoff(curve: Mapping[str, Any]) -> tuple[str, str]:
    """Cut-off in use, and the coordination for each 0.1 Å around it."""
    used, grid = curve["used"], list(curve["cutoffs"])
    places = (grid.index(cutoff) for cutoff in grid if abs(round(10 * cutoff) / 10 - cutoff) < 1e-9)
    near = [place for place in places if abs(grid[place] - used) <= _AROUND]
    return (
        _number(curve, "used", 2),
        ", ".join(f"{grid[place]:.1f}: {curve['coordination'][place]:.2f}" for place in near),
    )


def _print_bond_valence(result: Mapping[str, Any]) -> None:
    table = result["bond_valence"]
    print(f"global instability index: {_number(table, 'global_instability_index')} valence units")


def _print_packing(result: Mapping[str, Any]) -> None:
    table = result["packing"]
    print(
        f"packing fraction: {_number(table, 'cn6')} with six-fold radii, {_number(table, 'by_coordination')} by "
        "coordination"
    )


def _print_sharing(result: Mapping[str, Any]) -> None:
    print_table("sharing of neighbouring units", *_sharing(result))
    if _ARGUED in result["sharing"] and _finite(result["sharing"][_ARGUED]["corner"]):
        columns = ("model", *(f"{mode} (Å)" for mode in _MODES))
        print_table(
            f"{_ARGUED} distance by what is shared, and share of the pairs", columns, list(_split(result))
        )


def _print_network(result: Mapping[str, Any]) -> None:
    print_table(f"network, {_formers(result)} as the former", ("quantity", "value"), list(_network(result)))
    columns = ("units", "pieces", "in the largest", "runs through", "linked units", "spread")
    print_table("units joined over oxygen to others of the same cation", columns, list(_sub_networks(result)))
    elements = list(result["network"]["sub_networks"])
    around = ("around", *(f"{element}, {kind}" for kind in ("pairs", "bridges") for element in elements))
    print_table(
        "Warren–Cowley short-range order of cations: 0 at random, below 0 where they seek each other",
        around,
        list(_short_range(result, elements)),
    )


def _print_rings(result: Mapping[str, Any]) -> None:
    print_table("rings", ("quantity", "value"), list(_rings(result["rings"])))


def _print_order(result: Mapping[str, Any]) -> None:
    print_table("order among cations other than Li, between its two ends", *_order(result))


def _print_roles(result: Mapping[str, Any]) -> None:
    print_table("former or modifier (spread over bonds or cations)", *_roles(result["roles"]))
    for line in _contradictions(result["roles"]):
        print(line)


def _print_symmetry(result: Mapping[str, Any]) -> None:
    print_table("shapes (S: continuous shape measure, 0 is ideal)", *_shapes(result))


def _print_free_volume(result: Mapping[str, Any]) -> None:
    print_table("space", ("quantity", "value"), list(_space(result["free_volume"])))


def _print_sensitivity(result: Mapping[str, Any]) -> None:
    columns = ("quantity", *_OTHERS.values())
    print_table("what depends on the end of the first shell", columns, list(_sensitivity(result)))


_PRINTERS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "first": _print_first,
    "cutoff_dependence": _print_cutoff_dependence,
    "bond_valence": _print_bond_valence,
    "packing": _print_packing,
    "sharing": _print_sharing,
    "network": _print_network,
    "rings": _print_rings,
    "order": _print_order,
    "roles": _print_roles,
    "symmetry": _print_symmetry,
    "free_volume": _print_free_volume,
    "sensitivity": _print_sensitivity,
}


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _number(
    table: Mapping[str, Any], key: str, digits: int = 3, *, percent: bool = False, alone: bool = False
) -> str:
    """Write a number, and its spread over models if there are several that differ and it is not to stand alone."""
    value, spread = table.get(key), None if alone else table.get(f"{key}_std")
    if value is None or not _finite(value):
        return _NOTHING
    scale, unit = (100, "%") if percent else (1, "")
    # Rounding noise is no minus zero.
    text = f"{scale * value:.{digits}f}"
    text = text.lstrip("-") if float(text) == 0 else text
    if spread is not None and _finite(spread) and spread > 1e-12:
        text += f"±{scale * spread:.{digits}f}"
    return text + unit


def _percent(table: Mapping[str, Any], key: str) -> str:
    return _number(table, key, 1, percent=True)


def _words(value: Any) -> list[str]:
    """List the words of one model, or of several that do not agree."""
    if isinstance(value, str):
        return [value]
    flat: list[str] = []
    for item in value or ():
        flat.extend(_words(item))
    return list(dict.fromkeys(flat))


def _formers(result: Mapping[str, Any]) -> str:
    """Name the former, or the formers of models that do not agree."""
    return " or ".join(_words(result["former"]))


def _headline(result: Mapping[str, Any]) -> str:
    n_models = result["n_models"]
    models = "1 model" if n_models == 1 else f"{n_models} models, mean ± spread over models"
    frames = f"{_number(result, 'n_frames', 0)} frame{'s' * (result['n_frames'] != 1)}"
    size = f"{frames} of {_number(result, 'n_atoms', 0)} atoms"
    criterion = ", ".join(_words(result["criterion"]))
    return f"{', '.join(_words(result['formula']))}: {models}, {size}; first shells by {criterion}"


def _summary(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the main numbers in words, as far as they are known."""
    for centre, unit in result.get("units", {}).items():
        ligands = ",".join(unit.get("by_ligand") or ("O",))
        count = _number(unit, "mean_coordination", 2)
        yield f"{centre} has {count} {ligands} at {_number(unit, 'mean_distance')} Å"
    for pair, shares in result.get("sharing", {}).items():
        modes = ", ".join(f"{mode} {_percent(shares, mode)}" for mode in _MODES[:3])
        yield f"neighbouring {pair} units share: {modes}"
    if "packing" in result:
        yield f"packing fraction {_number(result['packing'], 'cn6')} with six-fold radii"


def _units(result: Mapping[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    columns = (
        "unit",
        "coordination",
        "spread",
        "ECoN",
        "distance",
        "spread",
        "skew",
        "angle (°)",
        "spread",
        "bond valence",
        "cut-off",
    )
    valence = _bond_valence(result.get("bond_valence"))
    rows = [
        (
            _unit_name(centre, result),
            _number(unit, "mean_coordination", 2),
            _number(unit, "std_coordination", 2, alone=True),
            _number(unit, "effective_coordination", 2),
            _number(unit, "mean_distance"),
            _number(unit, "std_distance", alone=True),
            _number(unit, "skew_distance", 2, alone=True),
            _number(unit, "mean_angle", 1),
            _number(unit, "std_angle", 1, alone=True),
            _number(valence.get(centre, {}), "mean", 2),
            _number(unit, "cutoff", 2, alone=True),
        )
        for centre, unit in result["units"].items()
    ]
    return columns, rows


def _unit_name(centre: str, result: Mapping[str, Any]) -> str:
    """Name a unit by its ligands, where they are known: ``Zr-O``, ``P-O,N``."""
    if "units" not in result:
        return centre
    unit = result["units"][centre]
    return f"{centre}-{','.join(unit.get('by_ligand') or ('O',))}"


def _bond_valence(table: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Give the sums per element, of its first ion."""
    found: dict[str, Mapping[str, Any]] = {}
    for label, row in (table or {"ions": {}})["ions"].items():
        found.setdefault(label.rstrip("+-0123456789"), row)
    return found


def _shapes(result: Mapping[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    columns = ("unit", "units by coordination", "nearest ideal unit", "volume (Å³)", "length distortion")
    rows = []
    for centre, part in result["symmetry"].items():
        bodies = part["polyhedra"]
        rows.append(
            (
                _unit_name(centre, result),
                _histogram(centre, result["units"][centre]["histogram"]) if "units" in result else _NOTHING,
                _nearest(part["shapes"]),
                _number(bodies["volume"], "mean", 2),
                _number(bodies["bond_length_distortion"], "mean"),
            )
        )
    return columns, rows


def _histogram(centre: str, histogram: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{centre}O{number} {share:.1%}"
        for number, share in histogram.items()
        if not number.endswith("_std") and share >= _LEAST
    )


def _nearest(shapes: Mapping[str, Any]) -> str:
    ranked = sorted(shapes.items(), key=lambda item: -item[1]["nearest"])[:3]
    return ", ".join(
        f"{name} {row['nearest']:.0%} (S {row['mean']:.1f})"
        for name, row in ranked
        if row["nearest"] >= _LEAST
    )


def _sharing(result: Mapping[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    columns = ("centres", *_MODES, "pairs", "distance (Å)", "spread", "at O (°)", "spread")
    rows = [
        (
            pair,
            *(_percent(shares, mode) for mode in _MODES),
            _number(shares, "n_pairs", 1, alone=True),
            _number(shares, "mean_distance"),
            _number(shares, "std_distance", alone=True),
            _number(shares, "mean_angle", 1),
            _number(shares, "std_angle", 1, alone=True),
        )
        for pair, shares in result["sharing"].items()
    ]
    return columns, rows


def _split(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Distance and share of each mode: this model, dealt out at random, and crystals."""
    mine = result["sharing"][_ARGUED]
    yield ("this model" if result["n_models"] == 1 else "these models", *_cells(mine, mine["distances"]))
    yield ("ions dealt out at random", *_cells(mine["random_mixture"], mine["random_distances"]))
    for phase, pairs in result.get("references", {}).items():
        row = pairs[_ARGUED]
        yield (phase, *_cells(row, row["distances"]))


def _cells(shares: Mapping[str, Any], distances: Mapping[str, Any]) -> Iterator[str]:
    for mode in _MODES:
        distance = _number(distances, mode)
        yield _percent(shares, mode) if distance == _NOTHING else f"{distance} ({_percent(shares, mode)})"


def _network(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    net, former = result["network"], _formers(result)
    yield (
        f"oxygens with 0, 1, 2 … {former}",
        ", ".join(_percent(net["former_neighbours"], n) for n in _plain(net["former_neighbours"])),
    )
    yield "non-bridging oxygen (one former)", _percent(net, "non_bridging_fraction")
    yield "free oxygen (no former)", _percent(net, "free_fraction")
    yield f"mean n of Qn of {former}", _number(net, "mean_qn", 2)
    yield "Q0, Q1, Q2 …", ", ".join(_percent(net["qn"], n) for n in _plain(net["qn"]))
    most = sorted(_plain(net["oxygen"]), key=lambda name: -net["oxygen"][name])[:_MOST_OXYGENS]
    yield "most frequent oxygens", ", ".join(f"{name} {_percent(net['oxygen'], name)}" for name in most)


def _rings(ring: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind, centres = " ".join(_words(ring["criterion"])), "–".join(_words(ring["centres"]))
    for n in _plain(ring["per_centre"]):
        words = " (shared edges)" if n == "4" else ""
        yield f"{kind} {centres} rings of {n} atoms a centre{words}", _number(ring["per_centre"], n)


def _plain(table: Mapping[str, Any]) -> list[str]:
    """Keys that are no spread over models."""
    return [key for key in table if not key.endswith("_std")]


def _sub_networks(result: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    for element, part in result["network"]["sub_networks"].items():
        yield (
            f"{element}On",
            _number(part, "n_clusters", 1),
            _percent(part, "largest_fraction"),
            f"in {_number(part, 'dimensions', 1)} directions",
            _number(part, "links_per_unit", 2),
            _number(part, "std_links_per_unit", 2, alone=True),
        )


def _short_range(result: Mapping[str, Any], elements: Sequence[str]) -> Iterator[tuple[str, ...]]:
    tables = [result["network"][name] for name in ("short_range_order", "bridge_order")]
    for centre in elements:
        yield (
            centre,
            *(_number(table, f"{centre}-{other}", 2) for table in tables for other in elements),
        )


def _roles(table: Mapping[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    ions = table["ions"]
    limits = table["thresholds"]

    def row(name: str, cell: Any) -> tuple[Any, ...]:
        return (name, *(cell(role) for role in ions.values()))

    def graded(role: Mapping[str, Any], key: str, digits: int, grade: str) -> str:
        spread = _number(role, f"std_{key}", digits, alone=True)
        return f"{_number(role, key, digits)} ({spread}) {' / '.join(_words(role[grade]))}"

    sun, dietzel = limits["sun"], limits["dietzel"]
    ranges = ", ".join(
        f"{name} {low:g}–{high:g}" for name, (low, high) in dietzel.items() if name in _plain(dietzel)
    )
    rows = [
        row(
            "valence of a bond",
            lambda role: (
                f"{_number(role, 'valence_per_bond')} ({_number(role, 'std_valence_per_bond', alone=True)})"
            ),
        ),
        row(
            "bonds to bridging oxygen",
            lambda role: (
                f"{_percent(role, 'bridging_share')} "
                f"({_number(role, 'std_bridging_share', 1, percent=True, alone=True)})"
            ),
        ),
        row("z/r (e/Å), the paper's scale", lambda role: _number(role, "field_strength", 2)),
        row(f"z/d² (e/Å²), Dietzel: {ranges}", lambda role: graded(role, "dietzel", 2, "dietzel_class")),
        row(
            f"kJ/mol a bond, Sun: former > {sun['former_above']:.0f}, modifier < {sun['modifier_below']:.0f}",
            lambda role: graded(role, "sun", 0, "sun_class"),
        ),
        row("Encyclopedia of Glass, Table A.1", lambda role: " / ".join(_words(role["table_class"]))),
        row("the paper", lambda role: " / ".join(_words(role["paper"]))),
        *(
            row(
                f"{words} without it (all: {shown(table['all_cations'], key)})",
                lambda role, key=key, shown=shown: shown(role["without"], key),
            )
            for words, key, shown in (
                ("links a cation", "links_per_cation", lambda part, key: _number(part, key, 1)),
                ("oxygens that bridge", "bridging_fraction", _percent),
                ("cations in one piece", "largest_fraction", _percent),
            )
        ),
    ]
    return ("", *ions), rows


def _contradictions(table: Mapping[str, Any]) -> Iterator[str]:
    for label, role in table["ions"].items():
        for text in _words(role["contradictions"]):
            if text:
                yield f"{label} contradicts the paper: {text}"
    sources = table["sources"]
    for name in ("sun", "dietzel", "table"):
        yield f"source: {sources[name]}"


def _order(result: Mapping[str, Any]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    mine = result["order"]
    elements = _words(mine["elements"])
    ends = {title: row["order"] for title, row in result.get("order_ends", {}).items()}
    everyone = [mine, *ends.values()]
    rows: list[tuple[Any, ...]] = [
        (f"{name} of {element}", *(_moments(table[name].get(element)) for table in everyone))
        for name in ("q4", "q6")
        for element in elements
    ]
    rows += [
        (f"neighbours {name}", *(_percent(table["signatures"], name) for table in everyone))
        for name in ("421", "422", "555")
    ]
    rows.append(
        ("neighbours in the same order, of 12", *(_number(t, "coherent_neighbours", 2) for t in everyone))
    )
    for words, key in (("fluorite-like", "fluorite_fraction"), ("pyrochlore-like", "pyrochlore_fraction")):
        rows.append((f"cations in {words} surroundings", *(_percent(table, key) for table in everyone)))
    for words, key in (
        ("clusters of fluorite-like cations", "n_clusters"),
        ("cations in the largest cluster", "largest_cluster"),
    ):
        rows.append((words, *(_number(table, key, 1) for table in everyone)))
    return ("", "this model" if result["n_models"] == 1 else "these models", *ends), rows


def _moments(row: Mapping[str, Any] | None) -> str:
    """Mean with the spread over atoms in brackets."""
    return f"{_number(row, 'mean')} ({_number(row, 'std', alone=True)})" if row else _NOTHING


def _space(space: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for element, row in space["voronoi"].items():
        yield f"Voronoi cell of {element} (Å³; spread over atoms)", f"{_moments(row)}"
    yield "volume outside all ions", _percent(space, "fraction")
    yield "largest sphere between ions, radius (Å)", _number(space, "largest_void", 2)
    yield (
        f"room for the centre of a probe of {space['probe_radius']:g} Å, Li taken out",
        _percent(space, "accessible_fraction"),
    )
    yield "of that, running through the model", _percent(space, "percolating_fraction")
    yield "widest probe that runs through (Å)", _number(space, "bottleneck", 2)


def _sensitivity(result: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    table = [result["sensitivity"][name] for name in _OTHERS]
    former, bridged = _formers(result), {f"{name}-{name}" for name in _words(result["former"])}
    for element in _plain(table[0]["units"]):
        parts = [row["units"][element] for row in table]
        yield (f"coordination of {element}", *(_number(part, "mean_coordination", 2) for part in parts))
        yield (f"bond length of {element} (Å)", *(_number(part, "mean_distance") for part in parts))
        yield (f"bond valence of {element}", *(_number(part, "bond_valence", 2) for part in parts))
    for pair in _plain(table[0]["sharing"]):
        if pair in {_ARGUED, "La-La", *bridged} and _finite(table[0]["sharing"][pair]["corner"]):
            yield (
                f"{pair} corner / edge / face",
                *(
                    " / ".join(
                        f"{100 * row['sharing'][pair][mode]:.0f}" for mode in ("corner", "edge", "face")
                    )
                    + "%"
                    for row in table
                ),
            )
    yield (f"mean n of Qn of {former}", *(_number(row, "mean_qn", 2) for row in table))
    yield ("non-bridging oxygen", *(_percent(row, "non_bridging_fraction") for row in table))
    for n in ("4", "6", "8"):
        yield (f"rings of {n} atoms a {former}", *(_number(row["rings"], n, 2) for row in table))
    if "packing_fraction" in table[0]:
        yield (
            "packing fraction, radii by coordination",
            *(_number(row, "packing_fraction") for row in table),
        )
    if "fluorite_fraction" in table[0]:
        yield (
            "cations in fluorite-like surroundings",
            *(_percent(row, "fluorite_fraction") for row in table),
        )
