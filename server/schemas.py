"""What all shapes of the HTTP interface rest on; docs/protocol.md describes them.

The shapes themselves are in the modules `*_schemas.py`, by what they are about.
"""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from ..db.plain_json import json_safe


def _whole(value: Any) -> Any:
    """A number as JSON may write it: 2.0 is 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
Whole = Annotated[int, WHOLE]
Number = Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE]
"""The number of a run, network or layer."""
Step = Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE]
Points = Annotated[int, Field(ge=2, le=100_000), WHOLE]
Real = Annotated[float, PlainSerializer(json_safe, return_type=float | str)]
"""A float; in JSON, which has no NaN, a string where it is not finite."""
Document = Annotated[dict[str, Any], PlainSerializer(json_safe, return_type=dict[str, Any])]


class Public(BaseModel):
    """Something the server sends; built from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """Something a client sends; unknown keys are refused, and so is `true` for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class OverSeedsPublic(Public):
    """A number over seeds, with its interval at 95 %."""

    value: Real
    low: Real | None
    high: Real | None
    seeds: int


class FieldProblemPublic(Public):
    """What is wrong with one setting."""

    field: str
    message: str


class ProblemPublic(Public):
    """Every error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblemPublic] | None = None
    position: int | None = None
