"""A study as tasks: what each one computes from what, and the hash that names its result."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from alzmodel.errors import InputError
from alzmodel.io import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from alzmodel.composition import Composition
    from alzmodel.models.library import LibraryModel
    from alzmodel.models.protocols import Protocol
    from alzmodel.study.settings import GlassSettings, StudySettings

__all__ = [
    "STAGE_VERSIONS",
    "Task",
    "bytes_on_disk",
    "digest",
    "library_models",
    "make_task",
    "plan",
    "protocol_of_study",
]

STAGE_VERSIONS: Mapping[str, int] = {
    "glass": 1,
    "local_order": 4,
    "xrd": 1,
    "fem": 4,
    "crystal": 3,
    "crystallite": 1,
}
"""Raised whenever a stage's results change for the same inputs: what it made before is then made again."""

HASH_LENGTH = 16

BYTES: Mapping[str, float] = {
    "glass": 6e4,
    "local_order": 4.2e5,
    "xrd": 8e4,
    "fem": 1e6,
    "crystal": 2.6e5,
    "crystallite": 8e4,
}
"""On disk, for curves and record; of FEM also the nucleus that is kept to be looked at."""

BYTES_PER_POSITION = 125
"""On disk, for each atom of a model and of its frames at 300 K."""

BYTES_OF_LIBRARY_GLASS, BYTES_OF_PAGE = 2.2e6, 1e7

LIBRARY_FRAMES = 5
"""Frames at 300 K of a finished model, for the time that its analyses take."""


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work whose result is one folder.

    Attributes
    ----------
    stage
        Kind of work, a key of :data:`STAGE_VERSIONS`.
    label
        Words for people.
    inputs
        Everything that the result depends on, besides the results in `needs`; plain JSON values.
    needs
        Keys of the tasks whose results it reads, by the role they play.
    hash
        Digest of stage, version, inputs and needs.
    seconds
        Rough time on one core, for the order of work and the time left; no part of the hash.
    """

    stage: str
    label: str
    inputs: Mapping[str, Any] = field(hash=False)
    needs: Mapping[str, str] = field(hash=False)
    hash: str
    seconds: float

    @property
    def key(self) -> str:
        """Name of the result's folder: stage and hash."""
        return f"{self.stage}-{self.hash}"


def digest(value: Any) -> str:
    """Hash of a JSON-like value: SHA-256 of its canonical text, 16 hexadecimal digits."""
    return _digest_plain(json.loads(json_text(value)))


def _digest_plain(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_LENGTH]


def make_task(
    stage: str,
    label: str,
    inputs: Mapping[str, Any],
    *,
    needs: Mapping[str, Task] | None = None,
    seconds: float = 1.0,
    version: int | None = None,
) -> Task:
    """Make a task, its hash included.

    Parameters
    ----------
    stage, label, inputs, seconds
        As in :class:`Task`.
    needs
        Tasks it depends on, by role: through their hashes a change anywhere above changes this one.
    version
        Version of the stage; by default the one in :data:`STAGE_VERSIONS`.
    """
    roles = {role: task.key for role, task in (needs or {}).items()}
    plain = json.loads(json_text(dict(inputs)))
    number = STAGE_VERSIONS[stage] if version is None else version
    name = _digest_plain({"stage": stage, "version": number, "inputs": plain, "needs": roles})
    return Task(stage, label, plain, roles, name, seconds)


def bytes_on_disk(tasks: Sequence[Task]) -> float:
    """Rough room that tasks take with the page and the figures of their study; none if there are no tasks."""
    size = BYTES_OF_PAGE if tasks else 0.0
    for task in tasks:
        size += BYTES[task.stage]
        if "library" in task.inputs:
            size += BYTES_OF_LIBRARY_GLASS
        elif task.stage == "glass":
            size += BYTES_PER_POSITION * task.inputs["atoms"] * (1 + task.inputs["protocol"]["frames"])
    return size


def plan(study: StudySettings) -> tuple[Task, ...]:
    """List the tasks of a study; a task stands after those it needs.

    Every composition, protocol, phase and wavelength is checked here, before any time is spent.

    Raises
    ------
    InputError
        If one of them is not possible.
    """
    if study.xrd and isinstance(study.xrd.wavelength, str):
        from alzmodel.scattering.form_factors import wavelength_of

        wavelength_of(study.xrd.wavelength)
    tasks: dict[str, Task] = {}
    for task in (*_glass_tasks(study), *_reference_tasks(study)):
        tasks.setdefault(task.key, task)
    return tuple(tasks.values())


def _glass_tasks(study: StudySettings) -> Iterable[Task]:
    tasks = _library_tasks if study.glass.models == "library" else _build_tasks
    for built, n_atoms in tasks(study):
        who = built.inputs["model"]
        yield built
        yield from _analyses(study, built, who, _words(who), n_atoms)


def _build_tasks(study: StudySettings) -> Iterable[tuple[Task, int]]:
    from alzmodel.composition import ion_counts
    from alzmodel.forcefields.exchange import exchanged
    from alzmodel.forcefields.potentials import potential
    from alzmodel.models.melt_quench import BUILD_VERSION, check_request, estimate_seconds
    from alzmodel.models.protocol_run import minimisation_identity

    glass = study.glass
    # Those that no glass uses are checked too.
    known = {name: protocol_of_study(study, name) for name in (*glass.protocol_names, *study.protocols)}
    protocols = [known[name] for name in glass.protocol_names]
    compositions = list(_compositions(glass))
    for number, (_, model, _) in enumerate(compositions):
        if any(model == other for _, other, _ in compositions[:number]):
            raise InputError(
                f"glass.dopants: {_composition_words(model)} stands there twice; allowed: each once"
            )
    with exchanged(glass.exchange):
        field_ = potential(glass.potential)
        for composition, _, _ in compositions:
            for steps in protocols:
                check_request(composition, glass.atoms, steps, glass.potential, glass.ranks)
    for (composition, model, seeds), steps in itertools.product(compositions, protocols):
        marked = {**model, "protocol": steps.name} if len(protocols) > 1 else dict(model)
        if set(glass.exchange) & set(composition.amounts):
            # Read by every stage that works on the glass.
            marked["exchange"] = " ".join(sorted(glass.exchange))
        ions = {label: asdict(field_.ion(label)) for label in composition.amounts}
        seconds = estimate_seconds(glass.atoms, steps)
        for seed in seeds:
            who = {**marked, "seed": seed}
            built = make_task(
                "glass",
                f"glass {_words(who)}",
                {
                    "model": who,
                    "build_version": BUILD_VERSION,
                    "amounts": dict(composition.amounts),
                    "atoms": glass.atoms,
                    "protocol": steps.to_dict(),
                    "potential": {
                        "name": glass.potential,
                        "short_range_cutoff": field_.short_range_cutoff,
                        "ions": ions,
                    },
                    "ranks": glass.ranks,
                    **minimisation_identity(sum(ion_counts(composition, glass.atoms).values())),
                },
                seconds=seconds,
            )
            yield built, glass.atoms


def protocol_of_study(study: StudySettings, name: str) -> Protocol:
    """Return a protocol by its name in a study, with the changes that the study makes to all of them.

    Raises
    ------
    InputError
        If neither the study nor the package has it, or a value in it is refused.
    """
    from alzmodel.models.protocols import PROTOCOLS, protocol_of

    known = study.protocols
    if name not in known and name not in PROTOCOLS and not name.endswith(".toml"):
        raise InputError(
            f"glass.protocol: {name!r} is unknown; allowed: {', '.join([*PROTOCOLS, *known])}, "
            "or a table [protocols.NAME] of this study"
        )
    if name in known and name in PROTOCOLS:
        raise InputError(
            f'protocols.{name}: stands in the package already; allowed: another name, with base = "{name}"'
        )
    chosen = protocol_of({"name": name, **known[name]} if name in known else name)
    changes = study.glass.protocol_changes
    if not changes:
        return chosen
    own = {"name": name} if len(study.glass.protocol_names) > 1 else {}
    return protocol_of({**chosen.to_dict(), "name": "custom", **own, **changes})


def _library_tasks(study: StudySettings) -> Iterable[tuple[Task, int]]:
    chosen = library_models(study.glass)
    protocols = {entry.protocol for entry, _ in chosen}
    for entry, model in chosen:
        marked = {**model, "protocol": entry.protocol} if len(protocols) > 1 else model
        who = {**marked, "seed": entry.seed}
        inputs = {"model": who, "library": {"name": entry.name, "sha256": list(entry.sha256)}}
        yield make_task("glass", f"library glass {_words(who)}", inputs, seconds=0.4), entry.n_atoms


def library_models(glass: GlassSettings) -> list[tuple[LibraryModel, dict[str, Any]]]:
    """Finished models of the package for the compositions of a study, with the words that tell each apart.

    Those of the study's protocols where the library has them, else of all its protocols; of all its seeds.

    Raises
    ------
    InputError
        If it has none for one of the compositions, or the study changes protocols.
    """
    from alzmodel.models.library import library

    for name in ("protocol_changes", "exchange"):
        if given := getattr(glass, name):
            raise InputError(
                f"glass.{name}: {', '.join(given)} with models from the library, which are made already; "
                f'allowed: no {name}, or models = "build"'
            )
    every = [entry for entry in library() if entry.kind == "glass"]
    glasses = [entry for entry in every if entry.potential == glass.potential]
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
            raise InputError(
                f"models: the library has no glass {_composition_words(model)} with potential {glass.potential}; "
                f"allowed: {', '.join(there) or 'nothing: this installation has no library'}, Li7, undoped, "
                'potential du-teter; or models = "build"'
            )
        found += [(entry, model) for entry in here]
    return found


def _compositions(glass: GlassSettings) -> Iterable[tuple[Composition, dict[str, Any], list[int]]]:
    """Every composition of the grid with the words that tell it apart in tables, and its seeds."""
    from alzmodel.composition import dopant_ions, glass_composition, parse_la

    contents = [parse_la(value) for value in glass.la]
    if len(set(contents)) != len(contents):
        raise InputError(f"glass.la: {glass.la} names a content twice; allowed: each once")
    for la in contents:
        undoped = glass_composition(la, li=glass.li, oxygen=glass.oxygen)
        yield undoped, {"la": la, "li": undoped.li}, glass.seeds
        for entry in glass.dopants:
            for ion in dopant_ions(entry.ion):
                for fraction in entry.fraction:
                    composition = glass_composition(
                        la,
                        li=glass.li,
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
                        },
                        glass.seeds if entry.seeds is None else entry.seeds,
                    )


def _words(model: Mapping[str, Any]) -> str:
    made = f" {model['protocol']}" if "protocol" in model else ""
    return f"{_composition_words(model)}{made} seed {model['seed']}"


def _composition_words(model: Mapping[str, Any]) -> str:
    doped = f" {model['dopant']} {model['fraction']:g}" if "dopant" in model else ""
    if model.get("compensate") == "oxygen":
        doped += " by oxygen"
    return f"x={model['la']:g}{doped}"


def _analyses(
    study: StudySettings, built: Task, who: Mapping[str, Any], words: str, atoms: int
) -> Iterable[Task]:
    needs = {"glass": built}
    positions = atoms * built.inputs.get("protocol", {}).get("frames", LIBRARY_FRAMES)
    if study.local_order:
        inputs = {"model": who, **study.local_order.model_dump()}
        # Building units take most of it; pairs within r_max grow with its cube.
        seconds = 0.4 + positions * (2.4e-4 + 7e-6 * (study.local_order.r_max / 20) ** 3)
        yield make_task("local_order", f"local order {words}", inputs, needs=needs, seconds=seconds)
    if study.xrd:
        inputs = {"model": who, "wavelength": study.xrd.wavelength, "two_theta": list(study.xrd.two_theta)}
        yield make_task("xrd", f"XRD {words}", inputs, needs=needs, seconds=0.3 + 2e-5 * positions)
    if study.fem:
        inputs = {"model": who, **study.fem.task_inputs()}
        volume = study.fem.columns * study.fem.width**2 * study.fem.thickness
        yield make_task("fem", f"FEM {words}", inputs, needs=needs, seconds=3 * volume / (130**2 * 50))


def _reference_tasks(study: StudySettings) -> Iterable[Task]:
    from alzmodel.crystals import phase_of
    from alzmodel.forcefields.potentials import potential

    if study.reference:
        names = [phase_of(name).name for name in study.reference.phases]
        relaxed = {phase_of(name).name for name in study.reference.relax}
        if relaxed - set(names):
            missing = ", ".join(sorted(relaxed - set(names)))
            raise InputError(
                f"reference.relax: {missing}; allowed: phases of reference.phases, {', '.join(names)}"
            )
        for name in names:
            inputs: dict[str, Any] = {"phase": name, "relax": None, "local_order": None, "xrd": None}
            if name in relaxed:
                inputs["relax"] = {
                    "potential": study.glass.potential,
                    "ions": {
                        label: asdict(parameters)
                        for label, parameters in potential(study.glass.potential).ions.items()
                    },
                }
            if study.local_order:
                inputs["local_order"] = study.local_order.model_dump()
            if study.xrd:
                inputs["xrd"] = {"wavelength": study.xrd.wavelength, "two_theta": list(study.xrd.two_theta)}
            yield make_task("crystal", f"crystal {name}", inputs, seconds=10 if name in relaxed else 0.8)
    if study.xrd:
        inputs = {
            "phase": "La2Zr2O7",
            "diameter": study.xrd.crystallite_diameter,
            "lattice_parameter": study.xrd.lattice_parameter,
            "wavelength": study.xrd.wavelength,
            "two_theta": list(study.xrd.two_theta),
        }
        seconds = 0.5 * (study.xrd.crystallite_diameter / 80) ** 3
        yield make_task("crystallite", "XRD of a La2Zr2O7 crystallite", inputs, seconds=min(seconds, 60))
