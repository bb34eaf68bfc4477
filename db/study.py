"""A study: an experiment of the catalog that measures something directly, without arms to watch.

Claims about a formula, about networks before they train, or about many short trainings have no pair
of curves. A study is a module of `trainer/studies/`, found by its name; what it finds are
measurements, which the page draws and which decide the claims.
"""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .datasets import KnownDataset
from .document import Document, Name

Length = Literal["quick", "full"]


class Study(Document):
    """What a study is asked: which one, on what data, how long and with which seeds."""

    name: Name = Field(title="Name", description="How the list of runs calls it.")
    study: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")] = Field(
        title="Study", description="The module of trainer/studies/ that measures."
    )
    dataset: KnownDataset | None = Field(
        default=None,
        title="Dataset",
        description="What it trains on; none draws its own numbers.",
        json_schema_extra={"empty": "none"},
    )
    length: Length = Field(
        default="full",
        title="Length",
        description="full is the source's own length where that is feasible; quick is shorter, and "
        "long enough to decide the claims.",
    )
    seeds: list[Annotated[int, Field(ge=0, le=2**31 - 1)]] = Field(
        default=[0, 1, 2],
        min_length=1,
        max_length=16,
        title="Seeds",
        description="The study is repeated with each of them.",
    )

    @model_validator(mode="after")
    def _seeds_differ(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: every seed may appear once, got {self.seeds}.")
        return self


@dataclass(frozen=True)
class Quantity:
    """Something that a study measures: a chart of the page.

    Attributes:
        name: What measurements call it, such as `condition_number`.
        title: What the chart is called.
        unit: Of the values; empty for a pure number.
        x: What the horizontal axis is, with its unit.
        shows: A line on what it shows and what to look for.
        log_x: Whether the horizontal axis is logarithmic, `log_y` the vertical one.
    """

    name: str
    title: str
    unit: str
    x: str
    shows: str
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Measurement:
    """One number that a study found.

    Attributes:
        seed: The seed it was found with.
        quantity: The name of a quantity of its catalog entry.
        series: The line it belongs to, such as an arm.
        x: Where on the horizontal axis.
        value: The number; NaN and infinities are results too.
    """

    seed: int
    quantity: str
    series: str
    x: float
    value: float
