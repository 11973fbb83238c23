"""Melt-quench protocols as data: temperatures, rates, times, ensembles, pressure and time step."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from alzmodel.errors import InputError, reason_of
from alzmodel.reading import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alzmodel.forcefields.potentials import Potential

__all__ = ["PROTOCOLS", "Protocol", "Stage", "for_potential", "protocol_of"]

Ensemble = Literal["nvt", "npt"]

MAX_TIMESTEP = 0.002
MAX_TEMPERATURE = 10_000.0
LEARNED_TIMESTEP = 0.001
"""ps. With it ``learned-2`` held 600 atoms at 3300 K for 5 ps; with 0.002 ps it lost atoms within 1 to 5 ps."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One leg of a protocol: a temperature ramp or hold.

    Attributes
    ----------
    name
        ``"melt"``, ``"quench_to_anneal"``, ``"anneal"``, ``"quench"``, ``"final"``; ``"hot_…"`` for the part of a
        quench at constant volume.
    start, stop
        Temperatures in K.
    steps
        Time steps.
    ensemble
        ``"nvt"`` or ``"npt"``.
    """

    name: str
    start: float
    stop: float
    steps: int
    ensemble: Ensemble


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a glass is melted, quenched and annealed.

    Attributes
    ----------
    name
        ``quick``, ``standard``, …, or ``custom``.
    timestep
        ps, at most 0.002.
    melt_temperature, melt_time, melt_ensemble
        K, ps; ``"nvt"`` holds the volume at `melt_density`, ``"npt"`` the pressure.
    melt_density
        In units of :func:`alzmodel.models.packing.estimated_density`; melts are less dense than glasses.
    quench_rate
        K/ps.
    hot_rate
        K/ps while the volume is held: above :attr:`hold_volume_above` a melt forgets its past within a picosecond, so
        that the rate there leaves no trace in the glass.
    hold_volume_above
        K; after a melt at constant volume the volume stays held above this and is free below: at zero pressure
        these melts boil near 4000 K.
    anneal_temperature, anneal_time
        K, ps; the quench stops there on its way, and goes on at the same rate. No stop if the time is 0.
    final_temperature, final_time
        K, ps; the last stage, with the Coulomb sum by PPPM.
    frames
        Kept from the last four fifths of the final stage, at least 5.
    pressure
        GPa, wherever the volume is free.
    cutoff
        Å; of the pair forces.
    damping
        α of the damped shifted force in Å⁻¹, used in every stage but the last.
    thermostat_time, barostat_time
        ps; of the Nosé–Hoover chains.
    restart_time
        ps; the run is cut there and read back from its restart file, disturbed or not.
    """

    name: str = "custom"
    timestep: float = 0.002
    melt_temperature: float = 4200.0
    melt_time: float = 8.0
    melt_ensemble: Ensemble = "nvt"
    melt_density: float = 0.92
    quench_rate: float = 100.0
    hot_rate: float = 100.0
    hold_volume_above: float = 3000.0
    anneal_temperature: float = 900.0
    anneal_time: float = 0.0
    final_temperature: float = 300.0
    final_time: float = 5.0
    frames: int = 10
    pressure: float = 0.0
    cutoff: float = 9.0
    damping: float = 0.20
    thermostat_time: float = 0.1
    barostat_time: float = 1.0
    restart_time: float = 5.0

    def __post_init__(self) -> None:
        _check(self)

    def steps(self, time: float) -> int:
        """Whole time steps in `time` ps, rounded up."""
        return math.ceil(time / self.timestep - 1e-9)

    @property
    def frame_interval(self) -> int:
        """Time steps between kept frames."""
        return max(1, self.steps(0.8 * self.final_time) // self.frames)

    def stages(self) -> tuple[Stage, ...]:
        """Legs in order; all but the last use the damped shifted force, the last one PPPM."""
        melt, final = self.melt_temperature, self.final_temperature
        found = [Stage("melt", melt, melt, self.steps(self.melt_time), self.melt_ensemble)]
        if self.anneal_time > 0:
            anneal = self.anneal_temperature
            found += self._ramp("quench_to_anneal", melt, anneal)
            found.append(
                Stage("anneal", anneal, anneal, self.steps(self.anneal_time), self._ensemble(anneal))
            )
            found += self._ramp("quench", anneal, final)
        else:
            found += self._ramp("quench", melt, final)
        interval = self.frame_interval
        steps = math.ceil(self.steps(self.final_time) / interval) * interval
        found.append(Stage("final", final, final, steps, "npt"))
        return tuple(found)

    def _ensemble(self, temperature: float) -> Ensemble:
        hot = temperature > self.hold_volume_above
        return "nvt" if hot and self.melt_ensemble == "nvt" else "npt"

    def _ramp(self, name: str, start: float, stop: float) -> list[Stage]:
        free = self.hold_volume_above
        if self._ensemble(start) == "nvt" and stop < free:
            return [self._leg(f"hot_{name}", start, free), *self._ramp(name, free, stop)]
        return [self._leg(name, start, stop)] if start != stop else []

    def _leg(self, name: str, start: float, stop: float) -> Stage:
        ensemble = self._ensemble(start)
        rate = self.hot_rate if ensemble == "nvt" else self.quench_rate
        return Stage(name, start, stop, max(1, self.steps((start - stop) / rate)), ensemble)

    @property
    def total_steps(self) -> int:
        """Time steps of all stages."""
        return sum(stage.steps for stage in self.stages())

    def to_dict(self) -> dict[str, Any]:
        """Return every field by name."""
        return dataclasses.asdict(self)


_RANGES: Mapping[str, tuple[float, float, str]] = MappingProxyType(
    {
        "timestep": (1e-5, MAX_TIMESTEP, "ps"),
        "melt_temperature": (1000.0, MAX_TEMPERATURE, "K"),
        "melt_time": (0.1, 1e5, "ps"),
        "melt_density": (0.5, 1.2, "of the estimated density"),
        "quench_rate": (1e-3, 1e5, "K/ps"),
        "hot_rate": (1e-3, 1e5, "K/ps"),
        "hold_volume_above": (0.0, MAX_TEMPERATURE, "K"),
        "anneal_temperature": (1.0, MAX_TEMPERATURE, "K"),
        "anneal_time": (0.0, 1e6, "ps"),
        "final_temperature": (1.0, 2000.0, "K"),
        "final_time": (5.0, 1e5, "ps"),
        "frames": (5, 1000, ""),
        "pressure": (-5.0, 100.0, "GPa"),
        "cutoff": (6.0, 15.0, "Å"),
        "damping": (0.05, 0.5, "1/Å"),
        "thermostat_time": (0.01, 10.0, "ps"),
        "barostat_time": (0.1, 100.0, "ps"),
        "restart_time": (0.1, 1e5, "ps"),
    }
)


def _check(protocol: Protocol) -> None:
    for name, (low, high, unit) in _RANGES.items():
        value = getattr(protocol, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and low <= value <= high):
            raise InputError(
                f"protocol {name}: {value}; allowed: a number from {low:g} to {high:g} {unit}".rstrip()
            )
    if not isinstance(protocol.name, str) or not protocol.name:
        raise InputError(f"protocol name: {protocol.name!r}; allowed: a word")
    if not isinstance(protocol.frames, int):
        raise InputError(f"protocol frames: {protocol.frames}; allowed: a whole number")
    if protocol.melt_ensemble not in {"nvt", "npt"}:
        raise InputError(f"protocol melt_ensemble: {protocol.melt_ensemble!r}; allowed: nvt, npt")
    low, high = protocol.final_temperature, protocol.melt_temperature
    if protocol.anneal_time > 0 and not low <= protocol.anneal_temperature <= high:
        raise InputError(
            f"protocol anneal_temperature: {protocol.anneal_temperature:g}; allowed: {low:g} to {high:g} K, "
            "between the final and the melt temperature"
        )
    if not low < high:
        raise InputError(
            f"protocol final_temperature: {low:g}; allowed: below the melt temperature {high:g} K"
        )
    if protocol.frames > protocol.steps(0.8 * protocol.final_time):
        raise InputError(
            f"protocol frames: {protocol.frames}; allowed: no more than the final stage has time steps"
        )


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        "quick": Protocol(name="quick", hot_rate=400.0, anneal_time=2.0),
        "standard": Protocol(
            name="standard",
            melt_time=20.0,
            quench_rate=10.0,
            anneal_time=20.0,
            final_time=10.0,
            frames=20,
        ),
        "as-deposited-high-Tf": Protocol(
            name="as-deposited-high-Tf", hot_rate=400.0, quench_rate=300.0, frames=5
        ),
        "annealed-low-Tf": Protocol(
            name="annealed-low-Tf", hot_rate=400.0, anneal_temperature=1300.0, anneal_time=30.0, frames=5
        ),
        "glass-ceramic": Protocol(
            name="glass-ceramic",
            hot_rate=400.0,
            quench_rate=300.0,
            anneal_temperature=1300.0,
            anneal_time=5.0,
        ),
    }
)
"""Protocols by name.

``quick`` (100 K/ps) is for the first look, ``standard`` (10 K/ps) for results. ``as-deposited-high-Tf`` (300 K/ps) and
``annealed-low-Tf`` (100 K/ps, 30 ps at 1300 K) make the two states of one film that molecular dynamics can tell
apart: it cannot nucleate crystals in its time, so that what differs between them is the fictive temperature Tf, at
which the frozen structure was last in equilibrium. ``glass-ceramic`` is the first of them with 5 ps at 1300 K, in which
a nucleus that was held until then is free (:mod:`alzmodel.models.glass_ceramic`). All melt at 4200 K and constant
volume, hot enough for the stiffer of the two potentials.
"""


def protocol_of(value: str | Protocol | Mapping[str, Any]) -> Protocol:
    """Return a protocol by name, or one with some of its fields changed.

    Parameters
    ----------
    value
        A name; the name of a TOML file of such a mapping, ending in ``.toml``; a protocol; or a mapping of field
        names to values, on top of the protocol named by its key ``base`` (default ``"quick"``), which is no file. Its
        own ``name`` is ``"custom"``, or that of the file, unless given.

    Raises
    ------
    InputError
        If a name or a field is unknown, a value is out of its range, or a file cannot be read.
    """
    if isinstance(value, Protocol):
        return value
    if isinstance(value, str):
        if value.endswith(".toml"):
            return _read(Path(value))
        if value not in PROTOCOLS:
            raise InputError(
                f"protocol: {value!r} is unknown; allowed: {', '.join(PROTOCOLS)}, or a file such as mine.toml"
            )
        return PROTOCOLS[value]
    changes = dict(value)
    base = str(changes.pop("base", "quick"))
    if base not in PROTOCOLS:
        raise InputError(f"protocol base: {base!r} is unknown; allowed: {', '.join(PROTOCOLS)}")
    known = [field.name for field in dataclasses.fields(Protocol)]
    for key in changes:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InputError(f"protocol key: {key!r} is unknown{hint}; allowed: {', '.join(known)}")
    changes.setdefault("name", "custom")
    return dataclasses.replace(PROTOCOLS[base], **changes)


def for_potential(protocol: Protocol, potential: Potential) -> Protocol:
    """Return the protocol as a potential is moved by it: a learned one in steps of at most :data:`LEARNED_TIMESTEP`.

    Parameters
    ----------
    protocol
        Any.
    potential
        Any; a pair potential takes the protocol as it is.
    """
    if potential.many_body is None or protocol.timestep <= LEARNED_TIMESTEP:
        return protocol
    return dataclasses.replace(protocol, timestep=LEARNED_TIMESTEP)


def _read(path: Path) -> Protocol:
    try:
        changes = tomllib.loads(plain_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"protocol: {path} cannot be read ({reason_of(error)}); allowed: TOML with lines such as "
            "quench_rate = 50.0"
        ) from None
    return protocol_of({"name": path.stem, **changes})
