"""What the parts of an experiment have in common."""

from typing import Annotated, Any, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

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

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_boolean(cls, value: Any, info: ValidationInfo) -> Any:
        """Pydantic takes `true` for 1; the schema does not."""
        field = cls.model_fields[info.field_name or ""]
        several = value if type(value) in (list, tuple) else [value]
        if any(type(one) is bool for one in several) and not _holds_boolean(field.annotation):
            raise PydanticCustomError("no_boolean", "Input should be neither true nor false")
        return value


def _holds_boolean(annotation: Any) -> bool:
    """Whether true or false is possible somewhere in a setting of this annotation."""
    return annotation in (bool, Any) or any(_holds_boolean(part) for part in get_args(annotation))


def plain_types(annotation: Any) -> set[Any]:
    """What a setting holds, of an annotation such as `Annotated[float, …] | None`.

    bool, int, float and str, each where it may be one, and list where it may be several.
    """
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return {annotation} if annotation in (bool, int, float, str) else set()
    if hasattr(annotation, "__metadata__"):
        return plain_types(annotation.__origin__)  # pyright: ignore[reportUnknownMemberType]
    if get_origin(annotation) is list:
        return {list}
    parts = get_args(annotation)
    return {part for one in parts if not isinstance(one, str) for part in plain_types(one)}
