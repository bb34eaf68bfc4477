"""How often a run looks: at every step or fewer, at the test set, the probe, around steps."""

from pydantic import Field

from .document import Document

PROBE_EXAMPLES = 2_000
"""Most of the fixed test examples that a look at the probe takes."""
LANDSCAPE_STEPS = 8
"""Step sizes along the gradient at which the landscape is measured."""


class Recording(Document):
    """How often the observer looks."""

    record_every: int = Field(
        default=1,
        ge=1,
        le=1_000_000,
        title="Record every",
        description="Steps from one record of every layer to the next; 1 misses nothing.",
        json_schema_extra={"unit": "steps", "group": "Recording"},
    )
    evaluate_every: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        title="Evaluate every",
        description="Steps between evaluations on the test set; earlier ones follow at "
        "1, 2, 5, 10, 20, 50 … steps.",
        json_schema_extra={"unit": "steps", "group": "Recording"},
    )
    evaluate_early: bool = Field(
        default=True,
        title="Evaluate early",
        description="Whether evaluations follow at 1, 2, 5, 10, 20, 50 … steps, too; without them "
        "a short run of a large network takes less time.",
        json_schema_extra={"group": "Recording"},
    )
    test_examples: int | None = Field(
        default=None,
        ge=2,
        le=10_000_000,
        title="Test examples",
        description="How many examples of the test set an evaluation takes, evenly spread over it "
        "and always the same; empty takes all.",
        json_schema_extra={"unit": "examples", "group": "Recording", "empty": "all"},
    )
    probe_every: int | None = Field(
        default=500,
        ge=1,
        le=1_000_000,
        title="Probe every",
        description="Steps from one look at the probe to the next: up to 2,000 fixed test examples "
        "by which the shift of every unit is measured; empty looks at none.",
        json_schema_extra={"unit": "steps", "group": "Recording", "empty": "no probe"},
    )
    gradient_shift_every: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        title="Gradient shift every",
        description="Steps from one measurement to the next, from step 1 on, of what updating the "
        "layers before does to each layer's gradient on the same batch (Santurkar et al. 2018, "
        "Definition 2.1). Each takes a forward and backward pass for every layer; empty measures "
        "none.",
        json_schema_extra={"unit": "steps", "group": "Recording", "empty": "not measured"},
    )
    landscape_every: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        title="Landscape every",
        description="Steps from one measurement to the next, from step 1 on, of the loss and its "
        "gradient along the gradient, at 8 step sizes from ½ to 4 learning rates (Santurkar et "
        "al. 2018, Figure 4). Each takes 9 forward and backward passes; empty measures none.",
        json_schema_extra={"unit": "steps", "group": "Recording", "empty": "not measured"},
    )
    overhead: float | None = Field(
        default=None,
        gt=0,
        le=100,
        allow_inf_nan=False,
        title="Overhead cap",
        description="With a cap the observer looks less often, so that watching costs at most "
        "this share of the training time; empty looks at every step that is due. Gradient shift "
        "and landscape are measured all the same, and not counted.",
        json_schema_extra={"unit": "%", "group": "Recording", "empty": "no cap"},
    )
