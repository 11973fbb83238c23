"""Tables of bond polarizabilities, as users write them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from alzmodel.errors import InputError
from alzmodel.ions import pair_label
from alzmodel.reading import plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXAMPLE", "PARAMETERS", "BondTable", "Parameter", "example_path", "load_bond_table"]

PARAMETERS: Final = ("longitudinal", "transverse", "anisotropy")
EXAMPLE: Final = "example"
"""Name of the table that comes with the package."""
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6, strict=True)]


class Parameter(BaseModel):
    """One number of a bond, Å², and the range that it may lie in."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: Finite
    low: Finite | None = None
    high: Finite | None = None
    assumed: bool = False

    @model_validator(mode="before")
    @classmethod
    def _from_number(cls, given: object) -> object:
        return {"value": given} if isinstance(given, int | float) else given

    @model_validator(mode="after")
    def _ordered(self) -> Parameter:
        low, high = self.limits
        if not low <= self.value <= high:
            raise ValueError("low ≤ value ≤ high")
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the range; the value itself where none is given."""
        return (
            self.value if self.low is None else self.low,
            self.value if self.high is None else self.high,
        )


class _Bond(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    longitudinal: Parameter
    transverse: Parameter
    anisotropy: Parameter


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str = ""
    source: str = ""
    bonds: dict[str, _Bond] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class BondTable:
    """Polarizabilities of bonds.

    Attributes
    ----------
    title
        Of the table.
    path
        The file.
    bonds
        By pair label, such as ``"Zr-O"``, and name in :data:`PARAMETERS`.
    """

    title: str
    path: str
    bonds: Mapping[str, Mapping[str, Parameter]]

    @property
    def assumed(self) -> tuple[str, ...]:
        """Numbers that the table calls assumed, such as ``"Zr-O longitudinal"``."""
        return tuple(
            f"{pair} {name}"
            for pair, bond in self.bonds.items()
            for name, parameter in bond.items()
            if parameter.assumed
        )


def example_path() -> Path:
    """Return the path of the example that comes with the package."""
    return Path(str(resources.files("alzmodel.data") / "raman_bonds.toml"))


def load_bond_table(path: str | Path) -> BondTable:
    """Read a table of bond polarizabilities.

    Parameters
    ----------
    path
        A TOML file laid out as ``alzmodel/data/raman_bonds.toml``, or ``"example"`` for that one.

    Raises
    ------
    InputError
        If it cannot be read, holds unknown or missing keys, numbers outside of their range, or a pair twice.
    """
    import tomllib

    file = example_path() if str(path) == EXAMPLE else Path(path)
    try:
        data = tomllib.loads(plain_text(file))
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror}); allowed: a TOML file, or {EXAMPLE!r}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: not TOML ({error}); allowed: a TOML file in UTF-8") from error
    try:
        content = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"]) or "table"
        if first["type"] == "model_type":
            first["msg"] = "a number, or a table with value, low, high and assumed"
        raise InputError(
            f"{file}: {place}: {first['msg'][:1].lower()}{first['msg'][1:]}; allowed: as in {example_path().name}"
        ) from error
    bonds: dict[str, dict[str, Parameter]] = {}
    for name, bond in content.bonds.items():
        first_element, dash, second = name.partition("-")
        label = pair_label(first_element, second) if dash and first_element and second else ""
        if not label or "O" not in {first_element, second} or label in bonds:
            raise InputError(
                f"{file}: bonds.{name}: twice, or no cation with oxygen; allowed: such as Zr-O, each once"
            )
        bonds[label] = {parameter: getattr(bond, parameter) for parameter in PARAMETERS}
    return BondTable(content.title, str(file), bonds)
