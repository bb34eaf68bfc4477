"""What all shapes of the HTTP interface rest on; docs/protocol.md describes them.

The shapes themselves are in the modules `*_schemas.py`, by what they are about.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from ..db.plain_json import json_safe

Number = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""The number of a run, network or layer."""
Step = Annotated[int, Field(ge=0, le=2**31 - 1)]
Points = Annotated[int, Field(ge=2, le=100_000)]
Real = Annotated[float, PlainSerializer(json_safe, return_type=float | str)]
"""A float; in JSON, which has no NaN, a string where it is not finite."""
Document = Annotated[dict[str, Any], PlainSerializer(json_safe, return_type=dict[str, Any])]


class Public(BaseModel):
    """Something the server sends; built from the attributes of a row."""

    model_config = ConfigDict(from_attributes=True)


class Asked(BaseModel):
    """Something a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
