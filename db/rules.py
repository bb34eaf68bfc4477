"""Which rules look for faults in a run, by name, and what an experiment sets of them.

Each is a module of `trainer/rules/`, which has its threshold and its words. Here are only the
names: the server, which shows and validates documents, never loads the trainer.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from .document import Document

RuleName = Literal[
    "nonfinite_values",
    "diverged",
    "exploding_gradient",
    "vanishing_gradient",
    "dead_units",
    "saturated_units",
    "large_updates",
    "small_updates",
    "loss_not_decreasing",
    "overfitting",
    "poor_initialization",
    "shift_above_floor",
    "lagging_statistics",
    "inference_gap",
    "small_batch",
    "gamma_collapse",
    "channel_collapse",
    "low_rank",
    "stalled",
]
RULE_NAMES: tuple[RuleName, ...] = get_args(RuleName)
"""In the order in which findings are told: what makes others pointless first."""
TITLES: Mapping[str, str] = {
    "nonfinite_values": "NaN or infinity",
    "diverged": "Diverged",
    "exploding_gradient": "Exploding gradient",
    "vanishing_gradient": "Vanishing gradient",
    "dead_units": "Dead units",
    "saturated_units": "Saturated units",
    "large_updates": "Updates too large",
    "small_updates": "Updates too small",
    "loss_not_decreasing": "Loss does not decrease",
    "overfitting": "Overfitting",
    "poor_initialization": "Poor initialization",
    "shift_above_floor": "Shift far above its floor",
    "lagging_statistics": "Running statistics lag",
    "inference_gap": "Gap between training and inference",
    "small_batch": "Batch too small for BatchNorm",
    "gamma_collapse": "γ collapses",
    "channel_collapse": "Channels collapse",
    "low_rank": "Rank collapse",
    "stalled": "Stalled",
}
"""What each finds, in a few words."""


def title_of(name: str) -> str:
    """A rule's title; of one that there is no more, its name."""
    return TITLES.get(name, name.replace("_", " "))


def _set(text: str) -> str:
    """A threshold as it is typed, `dead_units=0.5`, in one way of writing it."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if name not in RULE_NAMES:
        raise ValueError(
            f"diagnosis.thresholds: there is no rule {name!r}; expected one of "
            f"{', '.join(RULE_NAMES)}."
        )
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not equals or not 0 < number < float("inf"):
        raise ValueError(
            f"diagnosis.thresholds: expected {name}=NUMBER, a number above 0, got {text!r}."
        )
    return f"{name}={number:g}"


class Diagnosis(Document):
    """What the rules do that look for faults while a run trains."""

    silenced: list[RuleName] = Field(
        default=[],
        max_length=len(RULE_NAMES),
        title="Silenced rules",
        description=f"Rules that do not look at this run. There are {', '.join(RULE_NAMES)}.",
        json_schema_extra={"group": "Diagnosis", "empty": "none"},
    )
    thresholds: list[Annotated[str, Field(max_length=80), AfterValidator(_set)]] = Field(
        default=[],
        max_length=len(RULE_NAMES),
        title="Thresholds",
        description="Where a rule begins to see a fault, in place of its own threshold, such as "
        "dead_units=0.5; docs/findings.md has the unit of each.",
        json_schema_extra={"group": "Diagnosis", "empty": "the rules’ own"},
    )

    def set_thresholds(self) -> Mapping[str, float]:
        """The thresholds that are not the rules' own, by rule."""
        pairs: list[Any] = [text.partition("=") for text in self.thresholds]
        return {name: float(value) for name, _, value in pairs}
