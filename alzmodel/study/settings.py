"""What a study is made of: a TOML file, checked key by key before any work."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import tomlkit
from pydantic import AfterValidator, BaseModel, Field, ValidationError, create_model

from alzmodel.errors import InputError, reason_of
from alzmodel.io import check_writable, write_text
from alzmodel.moved import names_of
from alzmodel.reading import plain_text
from alzmodel.study.stages import STAGES, glass
from alzmodel.study.table import Count, Table, Value, Workers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic.fields import FieldInfo

    from alzmodel.study.stage import Stage

__all__ = [
    "PRESETS",
    "CompareSettings",
    "RunSettings",
    "SlurmSettings",
    "StudyBase",
    "StudySettings",
    "allowed_words",
    "commented_template",
    "load_study",
    "parse_study",
    "preset",
    "write_template",
]

PRESETS = ("quick", "paper", "production")
"""Names of the studies that come with the package."""

LONGEST_SHOWN = 60
"""Characters of a refused value that a message repeats."""


class CompareSettings(Table):
    """Measured values to compare with, and hypotheses to judge."""

    measured: str | None = None
    """A TOML file; without it the values of Zhu et al. (2024) that come with the package."""
    hypotheses: str | None = None
    """A TOML file; without it the conclusions of the same paper."""
    against: tuple[str, ...] | None = None
    """Measured curves to be drawn over those of the models, each as "KIND=FILE": fem (V(k)), xrd, pdf (G(r))."""
    verdicts: Literal["study", "library"] = "study"
    """Whose glasses the hypotheses are judged by: those of this study, or the finished ones of the package."""


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


class SlurmSettings(Table):
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
    directives: list[Directive] = Field(default=[])
    """Further ``#SBATCH`` lines, such as ``"--constraint=haswell"``."""
    prologue: list[str] = Field(default=[])
    """Lines of shell before the worker starts, such as ``"module load python"``."""
    interface: SlurmName | None = None
    """Network interface that nodes and this machine share."""
    local_directory: NodePath | None = None
    """Scratch of the Dask workers on the nodes."""


class RunSettings(Table):
    """How the tasks are run; changes no result."""

    workers: Workers = 2
    retries: Annotated[int, Field(ge=0, le=20, strict=True)] = 2
    """How often a task is started again after its process died."""
    slurm: SlurmSettings = SlurmSettings()


class StudyBase(Table):
    """What every study has, whatever is analysed."""

    name: str = "study"
    glass: glass.GlassSettings
    protocols: dict[str, dict[str, Value]] = Field(default={})
    """Protocols of this study: temperatures, rates, times, pressure, ensemble, time step, on top of ``base``."""


if TYPE_CHECKING:

    class StudySettings(StudyBase):
        """A whole study: what every study has, and a table for each analysis of :data:`STAGES`.

        Every table but ``glass`` may be left out. Analyses that are given as ``false`` are not done.
        """

        compare: CompareSettings
        run: RunSettings

        def __getattr__(self, table: str) -> Any: ...


_moved = names_of(
    __name__,
    {
        "Dopant": "alzmodel.study.stages.glass",
        "FEMStudySettings": "alzmodel.study.stages.fem",
        "GlassSettings": "alzmodel.study.stages.glass",
        "LocalOrderSettings": "alzmodel.study.stages.local_order",
        "ReferenceSettings": "alzmodel.study.stages.crystal",
        "XRDSettings": "alzmodel.study.stages.xrd",
        "study_toml": "alzmodel.study.study_file",
    },
)


def __getattr__(name: str) -> Any:
    """Make `StudySettings` of the stages there are; find what stood here before."""
    return _study_class(tuple(_analyses())) if name == "StudySettings" else _moved(name)


def _analyses() -> Iterator[Stage]:
    """Stages that have a table of their own besides that of the glasses."""
    return (stage for stage in STAGES.values() if stage.Settings is not None and stage.table != "glass")


@functools.cache
def _study_class(analyses: tuple[Stage, ...]) -> type[StudySettings]:
    """Make the class of a study with these analyses."""
    fields: dict[str, Any] = {}
    for stage in analyses:
        assert stage.Settings is not None
        fields[stage.table] = stage.Settings | Literal[False], False if stage.optional else stage.Settings()
    fields |= {"compare": (CompareSettings, CompareSettings()), "run": (RunSettings, RunSettings())}
    made: Any = create_model(
        "StudySettings", __base__=StudyBase, __doc__="A whole study.", __module__=__name__, **fields
    )
    return made


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
        text = plain_text(path)
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
        return _study_class(tuple(_analyses())).model_validate(data)
    except ValidationError as error:
        raise InputError(f"{name}: {_one_line(error)}") from error


def _one_line(error: ValidationError) -> str:
    """Say the first fault of a study file, and what is allowed in its place."""
    # A table that may also be `false` reports its faults twice, once for each reading: the deepest one is meant.
    # A misspelt key is told before the one that is then missing.
    fault = max(error.errors(), key=lambda item: (item["type"] == "extra_forbidden", len(item["loc"])))
    steps = [str(step) for step in fault["loc"] if not _is_branch(step)]
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
            return "a table of keys" + (", or false" if _is_branch(fault["loc"][-1]) else "")
        case "too_short":
            return "at least one entry"
    return str(fault["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")


_UNION_BRANCHES = {
    "float",
    "str",
    "int",
    "literal[False]",
    "constrained-float",
    "constrained-str",
    "constrained-int",
    "list[str]",
}


def _is_branch(step: Any) -> bool:
    """Whether a step on the way to a fault names a reading of a value, and no key."""
    tables = {stage.Settings.__name__ for stage in STAGES.values() if stage.Settings is not None}
    return str(step) in _UNION_BRANCHES | tables or str(step).startswith("function-")


def _known_keys(steps: list[str]) -> list[str]:
    """List the keys of the table at the end of a way through tables."""
    table: type[BaseModel] = _study_class(tuple(_analyses()))
    for step in steps:
        if not step.isdigit():
            table = next(_tables_in(table.model_fields[step].annotation))
    return list(table.model_fields)


def _tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _tables_in(part)


def commented_template() -> str:
    """Text of a study file in which every key stands with a word on what it does."""
    text = (resources.files("alzmodel.study") / "presets" / "template.toml").read_text(encoding="utf-8")
    head, compare, tail = text.partition("[compare]\n")
    return head + "".join(f"{_commented_table(stage)}\n" for stage in _analyses()) + compare + tail


def _commented_table(stage: Stage) -> str:
    """Write the table of an analysis with its defaults; commented out if nothing is done without it."""
    assert stage.Settings is not None
    off = "# " if stage.optional else ""
    return "".join(f"{off}{line}".rstrip() + "\n" for line in _table_lines(stage.table, stage.Settings()))


def _table_lines(name: str, table: BaseModel) -> Iterator[str]:
    """Lines of a table and of those in it, each key below the words of its description."""
    yield f"[{name}]"
    inner: list[str] = []
    for key, info in type(table).model_fields.items():
        words = [f"# {line}" for line in (info.description or "").splitlines()]
        value = getattr(table, key)
        if isinstance(value, BaseModel):
            inner += ["", *words, *_table_lines(f"{name}.{key}", value)]
            continue
        yield from words
        # TOML has no null: the key stands there with an example, and without effect.
        yield f"{key} = {_toml_value(value)}" if value is not None else f"# {key} = {_example(info)}"
    yield from inner


def _toml_value(value: Any) -> str:
    """Write one value of a template as TOML."""
    return tomlkit.item(list(value) if isinstance(value, tuple) else value).as_string()


def _example(info: FieldInfo) -> str:
    return _toml_value(info.examples[0]) if info.examples else "..."


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
