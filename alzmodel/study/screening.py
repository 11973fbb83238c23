"""What dopants do: effects on every quantity against the undoped glass, a score, and trends with field strength.

A screen is a study with dopants: it is built, resumed and spread over workers as any other, and these tables are made
from its records.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.study.index import model_name
from alzmodel.study.stage import made_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from alzmodel.study.store import Record

    FloatArray = NDArray[np.float64]

__all__ = [
    "COLUMNS",
    "HOST",
    "MOBILITY",
    "SCORE",
    "Column",
    "Effect",
    "ScreenRow",
    "Trend",
    "screen_csv",
    "screen_rows",
    "table_rows",
    "trends",
]

HOST: Final = "La3+"


@dataclass(frozen=True, slots=True)
class Column:
    """One quantity of the table.

    Attributes
    ----------
    name, label, unit
        Key, words and unit.
    where
        Keys that lead to it in the results of the local order; empty for a quantity of the record.
    scored
        Whether it counts for the score.
    """

    name: str
    label: str
    unit: str = ""
    where: tuple[str, ...] = ()
    scored: bool = True


COLUMNS: Final = (
    # The dopant's own mass is in it, whatever the structure does.
    Column("density", "density", "g/cm³", scored=False),
    Column("packing_fraction", "packing fraction"),
    Column("zr_o_distance", "Zr–O distance", "Å"),
    Column("zr_o_coordination", "Zr–O coordination"),
    # Mean over La and the dopant, so that it counts by the share of the site that the dopant has.
    Column("site_o_distance", "La-site cation–O distance", "Å"),
    Column("site_o_coordination", "La-site cation–O coordination"),
    Column("la_o_distance", "La–O distance", "Å", scored=False),
    Column("la_o_coordination", "La–O coordination", scored=False),
    Column("corner_fraction_zr_la", "Zr–La sharing a corner"),
    Column("edge_fraction_zr_la", "Zr–La sharing an edge"),
    Column("face_fraction_zr_la", "Zr–La sharing a face"),
    Column("zr_links", "ZrOn linked to a ZrOn", where=("network", "sub_networks", "Zr", "links_per_unit")),
    Column("non_bridging_fraction", "O bonded to one Zr", where=("network", "non_bridging_fraction")),
)
"""Quantities that doped and undoped glasses share; those of the dopant itself stand beside them."""

MOBILITY: Final = Column("li_diffusivity", "D of Li", "10⁻⁶ cm²/s", scored=False)
JUMPS: Final = Column("li_jump_rate", "jumps of Li", "1/ns", scored=False)
"""Beside them where Li was moved; they are no structure, and do not count for the score. Jumps are counted where Li
does not diffuse, too."""

OWN: Final = ("distance", "coordination")
"""Of the dopant to oxygen; their effects are against La in the undoped glass."""

SCORE: Final = (
    "It says how much a dopant changes the structure, not whether for the better. It is the root mean square of the "
    "effects on "
    + ", ".join(column.label for column in COLUMNS if column.scored)
    + ". Each effect is divided by the spread of single models, and what chance alone gives is taken away. At 0 the "
    "glass cannot be told from the undoped one; at 1 quantities change as much as two models of one glass differ."
)
"""How dopants are ranked, in words for tables."""

_SAMPLES: Final = 2000
_FEWEST_MODELS: Final = 3
"""Of a glass, doped and undoped, for an interval of the score."""
_MOST_EXCHANGES: Final = 5000
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Effect:
    """A quantity of the doped glass, and its difference from the undoped one.

    Attributes
    ----------
    value, std
        Mean and sample standard deviation over the doped models.
    effect, ci95
        Difference of the means and its 95 % interval after Welch; NaN without two models of each.
    """

    value: float
    std: float
    effect: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class ScreenRow:
    """One dopant at one content.

    Attributes
    ----------
    dopant, valence, radius
        Ion label, charge in e, Shannon radius for six neighbours in Å.
    la, protocol, fraction, compensate
        La per formula unit before doping, how the glass was made (empty where a study has one protocol), fraction of
        La replaced, what balances the charge.
    li, formula
        Li per formula unit and the formula really built.
    field_strength, dietzel_field_strength
        z/r in e/Å and z/d² in e/Å².
    provisional
        Whether the potential of the dopant is provisional.
    n_models, n_undoped
        Models of the doped and of the undoped glass.
    effects
        By quantity.
    score, score_ci95, p
        See :data:`SCORE`; percentile interval of a bootstrap over models (too short below ten models); probability of
        so large a score if the dopant did nothing, by exchanging models between both glasses. NaN with a single model.
    rank
        1 has the largest score among the dopants of this La content, protocol and fraction; None without a score, and
        for dopants whose scores are equal.
    """

    dopant: str
    valence: int
    radius: float
    la: float
    protocol: str
    fraction: float
    compensate: str
    li: float
    formula: str
    field_strength: float
    dietzel_field_strength: float
    provisional: bool
    n_models: int
    n_undoped: int
    effects: Mapping[str, Effect]
    score: float
    score_ci95: tuple[float, float]
    p: float
    rank: int | None = None

    @property
    def place(self) -> tuple[float, str, float]:
        """La content, protocol and fraction: within these, dopants are compared."""
        return self.la, self.protocol, self.fraction

    @property
    def isovalent(self) -> bool:
        """Whether the dopant has the charge of La, so that nothing else changes with it."""
        return self.valence == 3

    def to_dict(self) -> dict[str, Any]:
        """Keys as above, the effects flat: ``X``, ``X_std``, ``X_effect``, ``X_effect_ci95``."""
        names = (name for name in self.__slots__ if name not in {"effects", "score_ci95"})
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        plain["isovalent"] = self.isovalent
        plain["score_ci95"] = list(self.score_ci95)
        for name, found in self.effects.items():
            plain[name] = found.value
            plain[f"{name}_std"] = found.std
            plain[f"{name}_effect"] = found.effect
            plain[f"{name}_effect_ci95"] = list(found.ci95)
        return plain


@dataclass(frozen=True, slots=True)
class Trend:
    """Correlation of an effect with the field strength of the dopants.

    Attributes
    ----------
    quantity
        A name in :data:`COLUMNS`, or that of :data:`MOBILITY`.
    la, protocol, fraction
        Where; ions that are balanced both ways are two points.
    group
        ``"isovalent"`` or ``"all"``.
    n_ions
        Points.
    r, ci95
        Pearson's correlation with z/r and its 95 % interval by Fisher's transformation; NaN for fewer than four ions.
    """

    quantity: str
    la: float
    protocol: str
    fraction: float
    group: str
    n_ions: int
    r: float
    ci95: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Every attribute by its name."""
        return {name: getattr(self, name) for name in self.__slots__}


_Key = tuple[float, str, str, float, str]
"""La content, protocol, dopant, fraction, balance."""


def screen_rows(records: Iterable[Record]) -> list[ScreenRow]:
    """Effects, scores and ranks of every dopant in a study.

    Parameters
    ----------
    records
        Of glasses and their local order; glasses without it, or without an undoped partner, are left out.

    Returns
    -------
    list of ScreenRow
        By La content and fraction, then by rank; empty without dopants.
    """
    groups, facts = _groups(records)
    undoped = {key[:2]: members for key, members in groups.items() if not key[2]}
    spreads = _spreads(groups.values())
    seen = {name for members in groups.values() for member in members for name in member}
    columns = (*COLUMNS, *(column for column in (MOBILITY, JUMPS) if column.name in seen))
    rows = [
        _row(facts[key], members, undoped[key[:2]], spreads, columns)
        for key, members in groups.items()
        if key[2] and key[:2] in undoped
    ]
    rows.sort(key=lambda row: (*row.place, not math.isfinite(row.score), -row.score, row.dopant))
    ranked: list[ScreenRow] = []
    for _, together in itertools.groupby(rows, key=lambda row: row.place):
        ranked += _ranked(list(together))
    return ranked


def _ranked(rows: Sequence[ScreenRow]) -> list[ScreenRow]:
    """Give a rank to every dopant, largest score first, whose score no other one has."""
    scores = [row.score for row in rows]
    return [
        replace(row, rank=number if scores.count(row.score) == 1 and math.isfinite(row.score) else None)
        for number, row in enumerate(rows, start=1)
    ]


def _groups(
    records: Iterable[Record],
) -> tuple[dict[_Key, list[dict[str, float]]], dict[_Key, Mapping[str, Any]]]:
    """Numbers of every model, and what the glass is, by what tells glasses apart."""
    numbers: dict[str, dict[str, float]] = {}
    known: dict[str, tuple[_Key, Mapping[str, Any]]] = {}
    measured: set[str] = set()
    for record in records:
        if record.stage not in {"glass", "local_order", "transport"}:
            continue
        model = dict(record.inputs["model"])
        name = model_name(model)
        own = numbers.setdefault(name, {})
        own |= {row["name"]: _number(row["value"]) for row in record.quantities}
        if record.stage == "glass":
            key = (
                model["la"],
                made_words(model),
                model.get("dopant", ""),
                model.get("fraction", 0.0),
                model.get("compensate", ""),
            )
            known[name] = key, {"model": model, "provenance": record.results["provenance"]}
        if record.stage != "local_order":
            continue
        measured.add(name)
        for column in COLUMNS:
            if column.where:
                own[column.name] = _number(_dig(record.results, column.where))
    for name, (_, fact) in known.items():
        numbers[name] |= _site(numbers[name], fact["model"])
    groups: dict[_Key, list[dict[str, float]]] = {}
    facts: dict[_Key, Mapping[str, Any]] = {}
    for name, (key, fact) in known.items():
        if name in measured:
            groups.setdefault(key, []).append(numbers[name])
            facts.setdefault(key, fact)
    return groups, facts


def _site(own: Mapping[str, float], model: Mapping[str, Any]) -> dict[str, float]:
    """Mean distance and coordination of the cations of the La site."""
    from alzmodel.ions import ion

    part = model.get("fraction", 0.0)
    element = ion(model["dopant"]).element.lower() if part else "la"
    found = {}
    for what in OWN:
        host, guest = (own.get(f"{name}_o_{what}", math.nan) for name in ("la", element))
        found[f"site_o_{what}"] = guest if part == 1 else (1 - part) * host + part * guest if part else host
    return found


def _dig(results: Mapping[str, Any], where: Sequence[str]) -> Any:
    found: Any = results
    for step in where:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _column(members: Sequence[Mapping[str, float]], name: str) -> FloatArray:
    return np.array([member.get(name, math.nan) for member in members], dtype=np.float64)


def _spreads(groups: Iterable[Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """Pool the standard deviation of single models of one glass over all glasses, by quantity.

    Times sqrt(ν/(ν − 2)) for ν degrees of freedom, so that what is divided by its square is right on average (the
    mean of an F distribution).
    """
    listed = list(groups)
    found = {}
    for column in COLUMNS:
        squares, freedom = 0.0, 0
        for members in listed:
            values = _column(members, column.name)
            values = values[np.isfinite(values)]
            if values.size > 1:
                squares += float(((values - values.mean()) ** 2).sum())
                freedom += values.size - 1
        unbiased = freedom / (freedom - 2) if freedom > 2 else 1.0
        found[column.name] = math.sqrt(unbiased * squares / freedom) if freedom else math.nan
    return found


def _row(
    fact: Mapping[str, Any],
    doped: Sequence[Mapping[str, float]],
    undoped: Sequence[Mapping[str, float]],
    spreads: Mapping[str, float],
    columns: Sequence[Column],
) -> ScreenRow:
    from alzmodel.forcefields.exchange import exchanged
    from alzmodel.ions import ion

    model, provenance = fact["model"], fact["provenance"]
    with exchanged(model.get("exchange", "").split()):
        guest = ion(model["dopant"])
    effects = {
        column.name: _effect(_column(doped, column.name), _column(undoped, column.name)) for column in columns
    }
    for what in OWN:
        own = _column(doped, f"{guest.element.lower()}_o_{what}")
        effects[f"dopant_o_{what}"] = _effect(own, _column(undoped, f"la_o_{what}"))
    score, interval, p = _score(doped, undoped, spreads)
    return ScreenRow(
        dopant=guest.label,
        valence=guest.valence,
        radius=guest.radius_cn6,
        la=model["la"],
        protocol=made_words(model),
        fraction=model["fraction"],
        compensate=model["compensate"] if guest.valence != 3 else "none",
        li=model["li"],
        formula=provenance["formula"],
        field_strength=guest.field_strength,
        dietzel_field_strength=guest.dietzel_field_strength,
        provisional=guest.label in provenance["potential"]["provisional"],
        n_models=len(doped),
        n_undoped=len(undoped),
        effects=effects,
        score=score,
        score_ci95=interval,
        p=p,
    )


def _effect(doped: FloatArray, undoped: FloatArray) -> Effect:
    from alzmodel.statistics import contrast

    a, b = doped[np.isfinite(doped)], undoped[np.isfinite(undoped)]
    nothing = (math.nan, math.nan)
    if not a.size:
        return Effect(math.nan, math.nan, math.nan, nothing)
    std = float(a.std(ddof=1)) if a.size > 1 else math.nan
    if not b.size:
        return Effect(float(a.mean()), std, math.nan, nothing)
    outcome = contrast([b, a], [-1.0, 1.0])
    return Effect(float(a.mean()), std, outcome.effect, outcome.ci95)


def _score(
    doped: Sequence[Mapping[str, float]], undoped: Sequence[Mapping[str, float]], spreads: Mapping[str, float]
) -> tuple[float, tuple[float, float], float]:
    """Score, its interval and its probability under no effect; see :data:`SCORE`."""
    nothing = math.nan, (math.nan, math.nan), math.nan
    names = [
        column.name
        for column in COLUMNS
        if column.scored
        and math.isfinite(spreads[column.name])
        and spreads[column.name] > 0
        and np.isfinite(_column([*doped, *undoped], column.name)).all()
    ]
    n, m = len(doped), len(undoped)
    if not names or min(n, m) < 2:
        return nothing
    both = np.stack([_column([*doped, *undoped], name) / spreads[name] for name in names], axis=1)
    chance = 1 / n + 1 / m
    given = np.arange(n + m)[None] < n
    observed = float(_mean_squares(both, given)[0])
    rng = np.random.default_rng(0)
    drawn = both[rng.integers(n, size=(_SAMPLES, n))].mean(axis=1)
    drawn -= both[n + rng.integers(m, size=(_SAMPLES, m))].mean(axis=1)
    # Drawing again adds the chance of the draw to that of the models.
    samples = np.mean(drawn**2, axis=1) - chance - (n - 1) / n**2 - (m - 1) / m**2
    low, high = np.sqrt(np.maximum(np.quantile(samples, [0.025, 0.975]), 0.0))
    if min(n, m) < _FEWEST_MODELS or high == 0:
        # Drawing again from two models gives three means in all, and from any that differ less than by chance only 0.
        low = high = math.nan
    # A spread that does not know which model is in which glass: else the given division is one of a kind.
    spread = both.std(axis=0)
    # A quantity that all these models share, up to rounding, speaks for no division.
    neutral = both[:, spread > _ROUNDING * np.abs(both).max(axis=0)]
    neutral = neutral / neutral.std(axis=0)
    squares = _mean_squares(neutral, np.concatenate([given, _exchanges(n, m, rng)]))
    p = float(np.mean(squares[1:] >= squares[0] - 1e-12))
    return math.sqrt(max(observed - chance, 0.0)), (float(low), float(high)), p


def _mean_squares(both: FloatArray, first: NDArray[np.bool_]) -> FloatArray:
    """Mean square over quantities of the difference between both groups, for each way (row) of dividing the models."""
    n = first[0].sum()
    difference = first @ both / n - ~first @ both / (len(both) - n)
    return np.asarray(np.sum(difference**2, axis=1) / max(both.shape[1], 1))


def _exchanges(n: int, m: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Divide n + m models into groups of n and m: every way, or the given one and a sample; rows of membership."""
    if math.comb(n + m, n) <= _MOST_EXCHANGES:
        chosen = np.array(list(itertools.combinations(range(n + m), n)))
    else:
        chosen = np.array([range(n), *(rng.permutation(n + m)[:n] for _ in range(_MOST_EXCHANGES))])
    first = np.zeros((len(chosen), n + m), dtype=np.bool_)
    np.put_along_axis(first, chosen, values=True, axis=1)
    return first


def trends(rows: Sequence[ScreenRow]) -> list[Trend]:
    """Correlation of each effect with the field strength z/r, isovalent ions apart.

    Ions of another charge than La bring or take Li (or oxygen) along, so that what they do is not the ion's alone.

    References
    ----------
    R. A. Fisher, Metron 1, 3 (1921), for the interval, as in scipy.stats.pearsonr.
    """
    found = []
    for place, column in itertools.product(sorted({row.place for row in rows}), _columns_of(rows)):
        members = [row for row in rows if row.place == place]
        for group in ("isovalent", "all"):
            points = [
                (row.field_strength, row.effects[column.name].effect)
                for row in members
                if (group == "all" or row.isovalent) and math.isfinite(row.effects[column.name].effect)
            ]
            r, interval = _correlation(points)
            found.append(Trend(column.name, *place, group, len(points), r, interval))
    return found


def _columns_of(rows: Sequence[ScreenRow]) -> tuple[Column, ...]:
    return (*COLUMNS, MOBILITY) if any(MOBILITY.name in row.effects for row in rows) else COLUMNS


def _correlation(points: Sequence[tuple[float, float]]) -> tuple[float, tuple[float, float]]:
    from scipy.stats import pearsonr

    nothing = math.nan, (math.nan, math.nan)
    if len(points) < 4:
        return nothing
    x, y = np.array(points).T
    if not (np.ptp(x) > 0 and np.ptp(y) > 0):
        return nothing
    outcome = pearsonr(x, y)
    low, high = outcome.confidence_interval(0.95)
    return float(outcome.statistic), (float(low), float(high))


def table_rows(rows: Sequence[ScreenRow]) -> list[dict[str, Any]]:
    """Rows for people: values with the half width of their 95 % interval."""
    shown = []
    for row in rows:
        line: dict[str, Any] = {
            "rank": row.rank,
            "dopant": row.dopant + (" (provisional)" if row.provisional else ""),
            "x": row.la,
            **({"protocol": row.protocol} if row.protocol else {}),
            "fraction": row.fraction,
            "balance": row.compensate,
            "Li": row.li,
            "z/r (e/Å)": row.field_strength,
            "z/d² (e/Å²)": row.dietzel_field_strength,
            "score": row.score,
            "score 95 %": _range(row.score_ci95, 2),
            "p": row.p,
            "models": row.n_models,
        }
        labels = {column.name: (column.label, column.unit) for column in _columns_of(rows)}
        labels |= {
            "dopant_o_distance": ("dopant–O distance", "Å"),
            "dopant_o_coordination": ("dopant–O CN", ""),
        }
        for name, (label, unit) in labels.items():
            found = row.effects[name]
            line[f"{label} ({unit})" if unit else label] = found.value
            line[f"Δ {label}"] = (
                f"{found.effect:+.3g} ({_range(found.ci95, 3)})" if _real(found.effect) else None
            )
        shown.append(line)
    return shown


def _real(value: float) -> bool:
    return math.isfinite(value)


def _range(interval: tuple[float, float], digits: int) -> str:
    return f"{interval[0]:.{digits}g} to {interval[1]:.{digits}g}" if _real(interval[0]) else "–"


def screen_csv(rows: Sequence[ScreenRow]) -> str:
    """Text of ``screen.csv``: a line a dopant and content; an interval is two columns, ``_low`` and ``_high``."""
    buffer = io.StringIO()
    flat = []
    for row in rows:
        line: dict[str, Any] = {}
        for name, value in row.to_dict().items():
            if isinstance(value, list):
                line[f"{name}_low"], line[f"{name}_high"] = value
            else:
                line[name] = value
        flat.append({name: "" if value is None or value != value else value for name, value in line.items()})  # noqa: PLR0124
    table = csv.DictWriter(buffer, list(flat[0]) if flat else [], lineterminator="\n")
    table.writeheader()
    table.writerows(flat)
    return buffer.getvalue()
