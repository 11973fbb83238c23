"""What a study is made of: a TOML file, checked key by key before any work."""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from alzmodel.errors import InputError, reason_of
from alzmodel.io import check_writable, write_text
from alzmodel.limits import check_memory
from alzmodel.moved import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alzmodel.scattering.fem.settings import FEMSettings

__all__ = [
    "PRESETS",
    "CompareSettings",
    "Dopant",
    "FEMInstrument",
    "FEMStudySettings",
    "GlassSettings",
    "LocalOrderSettings",
    "ReferenceSettings",
    "RunSettings",
    "SlurmSettings",
    "StudySettings",
    "XRDSettings",
    "allowed_words",
    "commented_template",
    "load_study",
    "parse_study",
    "preset",
    "write_template",
]

__getattr__ = names_of("alzmodel.study.settings", "alzmodel.study.study_file")

PRESETS = ("quick", "paper", "production")
"""Names of the studies that come with the package."""

REFERENCE_PHASES = (
    "La2Zr2O7",
    "La2O3",
    "LLZO-cubic",
    "LLZO-tetragonal",
    "Li2O",
    "Li2CO3",
    "Li2ZrO3",
    "ZrO2",
    "MgO",
)

LONGEST_SHOWN = 60
"""Characters of a refused value that a message repeats."""

MOST_WORKERS = 4096
MOST_STEPS = 100_000
"""Points of a pattern."""
BYTES_OF_COLUMN_ATOM = 2000.0
"""Memory that an atom of a column takes while its waves are computed."""
ATOMS_A_VOLUME = 0.09
"""Atoms in an Å³ of oxide."""

# Strict: `true` is no number, and "600" is text.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Workers = Annotated[int, Field(ge=1, le=MOST_WORKERS, strict=True)]
"""Of tasks side by side, or of ranks: beyond any machine the number is a slip."""
Value = Annotated[float, Field(allow_inf_nan=False, strict=True)] | Annotated[int, Field(strict=True)] | str
"""Of a protocol; `true` is none."""
Seeds = Annotated[list[Annotated[int, Field(ge=0, strict=True)]], Field(min_length=1)]


class _Strict(BaseModel):
    """A table of the study file; keys that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Dopant(_Strict):
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


class GlassSettings(_Strict):
    """The grid of glasses: every La content (and dopant) times every seed."""

    la: Annotated[list[Annotated[float, Field(strict=True)] | str], Field(min_length=1)]
    """La per formula unit Li7LaxZr2O(12-d), or text such as ``"50mol%"``."""
    seeds: Seeds
    atoms: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 600
    li: Positive | None = None
    oxygen: Literal["balance", "12"] = "balance"
    protocol: str | Annotated[list[str], Field(min_length=1)] = "quick"
    """One, or several that are told apart in every result."""
    protocol_changes: dict[str, Value] = {}
    potential: str = "du-teter"
    ranks: Workers = 1
    dopants: list[Dopant] = []
    exchange: list[str] = []
    """Control of a screen: two ions of one charge that take each other's radii and pair parameters."""
    models: Literal["build", "library"] = "build"
    """``library`` takes the finished models of the package, their seeds and their size."""

    @property
    def protocol_names(self) -> tuple[str, ...]:
        """Names of the protocols, at least one."""
        return (self.protocol,) if isinstance(self.protocol, str) else tuple(self.protocol)

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

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds):
            raise ValueError("each seed once")
        return seeds


class LocalOrderSettings(_Strict):
    """Pair distribution functions and building units."""

    r_max: Annotated[float, Field(gt=0, le=200, allow_inf_nan=False, strict=True)] = 20.0
    """Å."""
    dr: Annotated[float, Field(ge=1e-4, le=10, allow_inf_nan=False, strict=True)] = 0.02
    """Å."""


class XRDSettings(_Strict):
    """Powder patterns of the glasses, the reference crystals and one La2Zr2O7 crystallite."""

    wavelength: Annotated[float, Field(ge=0.05, le=5, allow_inf_nan=False, strict=True)] | str = 1.5406
    """Å, or the name of an X-ray line such as ``CuKa``."""
    two_theta: tuple[Positive, Positive, Positive] = (10.0, 80.0, 0.02)
    """First, last and step, degrees."""
    crystallite_diameter: Annotated[float, Field(ge=5, le=300, allow_inf_nan=False, strict=True)] = 80.0
    """Å; assumed, so what follows from it is marked so."""
    lattice_parameter: Annotated[float, Field(ge=5, le=20, allow_inf_nan=False, strict=True)] = 10.805
    """Å; the measured one of La2Zr2O7, assumed for the crystallite."""

    @field_validator("two_theta")
    @classmethod
    def _rising(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        first, last, step = value
        if not (first < last < 180 and (last - first) / MOST_STEPS <= step < last - first):
            raise ValueError(
                f"first < last < 180 and a step that fits between at most {MOST_STEPS} times, degrees"
            )
        return value


class FEMInstrument(_Strict):
    """The microscope: keys of :class:`alzmodel.scattering.fem.settings.FEMSettings`."""

    energy_kev: Positive = 200.0
    """Electron energy, keV."""
    semi_angle_mrad: Positive = 0.51
    """Convergence semi-angle of the probe, mrad."""
    probe_fwhm: Positive | None = None
    """Width of the probe in focus, Å, in place of the semi-angle."""
    defocus: Annotated[float, Field(allow_inf_nan=False, strict=True)] = 0.0
    """Å."""
    source_fwhm: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)] = 0.0
    """FWHM of the effective source (coherence), Å."""
    ring_width: Positive = 0.1
    """nm⁻¹; V depends on it."""

    def settings(self) -> FEMSettings:
        """Return the instrument that FEM computes with.

        Raises
        ------
        InputError
            If a value is out of range.
        """
        from alzmodel.scattering.fem.settings import FEMSettings, semi_angle_of

        given = self.model_dump(exclude={"probe_fwhm"})
        if self.probe_fwhm is not None:
            given["semi_angle_mrad"] = semi_angle_of(self.probe_fwhm, self.energy_kev)
        return FEMSettings(**given)


class FEMStudySettings(_Strict):
    """Columns for fluctuation microscopy: of glass, of gas, and of glass with pyrochlore clusters."""

    columns: Annotated[int, Field(ge=1, le=1000, strict=True)] = 3
    """Columns of glass, and of glass with clusters, for every model."""
    width: Annotated[float, Field(ge=120, le=1000, allow_inf_nan=False, strict=True)] = 130.0
    """Å; at least 120, since a 2.2 nm probe has tails."""
    thickness: Annotated[float, Field(ge=5, le=1000, allow_inf_nan=False, strict=True)] = 50.0
    """Å along the beam."""
    cluster_diameter: Annotated[float, Field(ge=6, le=1000, allow_inf_nan=False, strict=True)] = 40.0
    """Å; assumed."""
    cluster_fraction: Annotated[float, Field(gt=0, lt=1, strict=True)] = 0.2
    """Volume fraction; assumed."""
    lattice_parameter: Annotated[float, Field(ge=5, le=20, allow_inf_nan=False, strict=True)] = 10.805
    """Å; the measured one of La2Zr2O7, assumed for the clusters."""
    instrument: FEMInstrument = FEMInstrument()
    """The microscope; that of Zhu et al. (2024) if nothing is said."""

    def task_inputs(self) -> dict[str, Any]:
        """Return what the results hang on; of the instrument only what differs from the usual one.

        Raises
        ------
        InputError
            If the instrument is not possible, or its probe wider than the columns hold.
        """
        instrument = self.instrument.settings()
        if self.width < instrument.min_width:
            raise InputError(
                f"fem.width: {self.width:g} Å for a probe of {instrument.probe_fwhm:.1f} Å; allowed: at least "
                f"{math.ceil(instrument.min_width)} Å"
            )
        changed = self.instrument.model_dump(exclude_defaults=True)
        return self.model_dump(exclude={"instrument"}) | ({"instrument": changed} if changed else {})

    @model_validator(mode="after")
    def _there_is_memory(self) -> FEMStudySettings:
        atoms = ATOMS_A_VOLUME * self.width**2 * self.thickness
        what = f"columns of {self.width:g} × {self.width:g} × {self.thickness:g} Å"
        check_memory(what, BYTES_OF_COLUMN_ATOM * atoms)
        return self


class ReferenceSettings(_Strict):
    """Reference crystals."""

    phases: list[str] = [*REFERENCE_PHASES]
    relax: list[str] = ["La2Zr2O7"]
    """Phases whose cell is relaxed with the potential, to be held against the measured cell."""


class CompareSettings(_Strict):
    """Measured values to compare with, and hypotheses to judge."""

    measured: str | None = None
    """A TOML file; without it the values of Zhu et al. (2024) that come with the package."""
    hypotheses: str | None = None
    """A TOML file; without it the conclusions of the same paper."""


def _matches(pattern: str, allowed: str) -> AfterValidator:
    """Refuse text of a job script that does not match a pattern as a whole; `allowed` says it in words."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value, re.ASCII):
            raise ValueError(allowed)
        return value

    return AfterValidator(check)


SlurmName = Annotated[str, _matches(r"[\w.,+@=-]+", "letters, digits and . , _ - + @ =")]
Walltime = Annotated[
    str,
    _matches(r"\d+(-\d+)?(:\d+){0,2}|UNLIMITED|INFINITE", "a time of Slurm, such as 08:00:00 or 2-12:00:00"),
]
Memory = Annotated[str, _matches(r"\d+(\.\d+)? ?([kKMGT]i?)?B?", "bytes with a unit, such as 4GB")]
Directive = Annotated[
    str,
    _matches(
        # Only constraints need the signs of "and" and "or".
        r"--?[A-Za-z][\w-]*([= ][\w.,+@=:/%-]*)?|(--constraint=|-C |--prefer=)[\w.,+@=:/%|&*()\[\]-]+",
        "an option of sbatch, such as --nice=100, without shell characters or line breaks",
    ),
]
NodePath = Annotated[str, _matches(r"[\w./+@:,=-]+", "a path of letters, digits and . _ - + @ : , = /")]


class SlurmSettings(_Strict):
    """Resources of the jobs that ``--executor slurm`` submits.

    They stand in a job script. ``prologue`` is shell; nothing else takes shell characters or line breaks.
    """

    partition: SlurmName | None = None
    account: SlurmName | None = None
    walltime: Walltime = "24:00:00"
    memory: Memory = "4GB"
    """Of a whole job."""
    tasks_per_job: Count = 1
    cores_per_task: Count = 1
    """As many as ``ranks`` of a glass."""
    directives: list[Directive] = []
    """Further ``#SBATCH`` lines, such as ``"--constraint=haswell"``."""
    prologue: list[str] = []
    """Lines of shell before the worker starts, such as ``"module load python"``."""
    interface: SlurmName | None = None
    """Network interface that nodes and this machine share."""
    local_directory: NodePath | None = None
    """Scratch of the Dask workers on the nodes."""


class RunSettings(_Strict):
    """How the tasks are run; changes no result."""

    workers: Workers = 2
    retries: Annotated[int, Field(ge=0, le=20, strict=True)] = 2
    """How often a task is started again after its process died."""
    slurm: SlurmSettings = SlurmSettings()


class StudySettings(_Strict):
    """A whole study.

    Every table but ``glass`` may be left out. Analyses that are given as ``false`` are not done.
    """

    name: str = "study"
    glass: GlassSettings
    protocols: dict[str, dict[str, Value]] = {}
    """Protocols of this study: temperatures, rates, times, pressure, ensemble, time step, on top of ``base``."""
    local_order: LocalOrderSettings | Literal[False] = LocalOrderSettings()
    xrd: XRDSettings | Literal[False] = XRDSettings()
    fem: FEMStudySettings | Literal[False] = FEMStudySettings()
    reference: ReferenceSettings | Literal[False] = ReferenceSettings()
    compare: CompareSettings = CompareSettings()
    run: RunSettings = RunSettings()


def preset(name: str) -> StudySettings:
    """Read one of the studies that come with the package.

    Raises
    ------
    InputError
        If there is no such preset.
    """
    return parse_study(_preset_text(name), f"preset {name}")


def _preset_text(name: str) -> str:
    if name not in PRESETS:
        raise InputError(f"--preset: {name!r} is unknown; allowed: {', '.join(PRESETS)}")
    return (resources.files("alzmodel.study") / "presets" / f"{name}.toml").read_text(encoding="utf-8")


def load_study(path: str | Path) -> StudySettings:
    """Read and check a study file.

    Raises
    ------
    InputError
        If the file is missing, is no TOML, lacks a key, has an unknown one (the nearest known one is suggested)
        or a value out of range.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({reason_of(error)}); allowed: a study file in TOML"
        ) from error
    return parse_study(text, str(path))


def parse_study(text: str, name: str) -> StudySettings:
    """Check the text of a study file; `name` stands in the messages.

    Raises
    ------
    InputError
        As :func:`load_study`.
    """
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{name}: no valid TOML ({error}); allowed: a study file as 'alzmodel study init' writes"
        ) from error
    try:
        return StudySettings.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{name}: {_one_line(error)}") from error


def _one_line(error: ValidationError) -> str:
    """Say the first fault of a study file, and what is allowed in its place."""
    # A table that may also be `false` reports its faults twice, once for each reading: the deepest one is meant.
    # A misspelt key is told before the one that is then missing.
    fault = max(error.errors(), key=lambda item: (item["type"] == "extra_forbidden", len(item["loc"])))
    steps = [
        str(step)
        for step in fault["loc"]
        if str(step) not in _UNION_BRANCHES and not str(step).startswith("function-")
    ]
    where = ".".join(steps)
    if fault["type"] == "extra_forbidden":
        known = _known_keys(steps[:-1])
        near = difflib.get_close_matches(steps[-1], known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"{where}: unknown key; {hint}allowed: {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{where}: is missing; allowed: a value for it"
    return f"{where}: {_shown(fault['input'])} is refused; allowed: {allowed_words(fault)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < LONGEST_SHOWN else f"{type(value).__name__} of {len(value)}"


def allowed_words(fault: Mapping[str, Any]) -> str:
    """Say what is allowed in place of a fault that pydantic found."""
    match fault["type"]:
        case "list_type":
            return (
                "tables [[glass.dopants]]" if fault["loc"][-1] == "dopants" else "a list, such as [1.5, 3.0]"
            )
        case "model_type" | "model_attributes_type":
            return "a table of keys" + (", or false" if str(fault["loc"][-1]) in _UNION_BRANCHES else "")
        case "too_short":
            return "at least one entry"
    return str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")


_UNION_BRANCHES = {
    "LocalOrderSettings",
    "XRDSettings",
    "FEMStudySettings",
    "ReferenceSettings",
    "float",
    "str",
    "int",
    "literal[False]",
    "constrained-float",
    "constrained-str",
    "constrained-int",
    "list[str]",
}

_TABLES: dict[str, type[BaseModel]] = {
    "glass": GlassSettings,
    "dopants": Dopant,
    "local_order": LocalOrderSettings,
    "xrd": XRDSettings,
    "fem": FEMStudySettings,
    "instrument": FEMInstrument,
    "reference": ReferenceSettings,
    "compare": CompareSettings,
    "run": RunSettings,
    "slurm": SlurmSettings,
}


def _known_keys(steps: list[str]) -> list[str]:
    names = [step for step in steps if not step.isdigit()]
    return list((_TABLES[names[-1]] if names else StudySettings).model_fields)


def commented_template() -> str:
    """Text of a study file in which every key stands with a word on what it does."""
    return (resources.files("alzmodel.study") / "presets" / "template.toml").read_text(encoding="utf-8")


def write_template(path: str | Path) -> Path:
    """Write :func:`commented_template` to a new file.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    target = Path(path)
    check_writable(target)
    if target.exists():
        raise InputError(f"{target}: exists already; allowed: a new file name")
    write_text(target, commented_template())
    return target
