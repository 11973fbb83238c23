"""What every table of a study file is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MOST_WORKERS", "Count", "Positive", "Seeds", "Table", "Value", "Workers"]

MOST_WORKERS = 4096

# Strict: `true` is no number, and "600" is text.
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False, strict=True)]
Count = Annotated[int, Field(ge=1, strict=True)]
Workers = Annotated[int, Field(ge=1, le=MOST_WORKERS, strict=True)]
"""Of tasks side by side, or of ranks: beyond any machine the number is a slip."""
Value = Annotated[float, Field(allow_inf_nan=False, strict=True)] | Annotated[int, Field(strict=True)] | str
"""Of a protocol; `true` is none."""
Seeds = Annotated[list[Annotated[int, Field(ge=0, strict=True)]], Field(min_length=1)]


class Table(BaseModel):
    """A table of the study file; keys that it does not know are refused.

    The words under a key say what it does, there and in the template of a study file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
