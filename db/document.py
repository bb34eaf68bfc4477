"""What the parts of an experiment have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Without control characters: PostgreSQL can't store a zero byte, nor can a legend show a tab.
Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Document(BaseModel):
    """A part of an experiment: unknown keys are refused, nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)
