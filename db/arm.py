"""An arm of an experiment: a norm, and what it overrides."""

from typing import Literal

from pydantic import Field

from .document import Document, Name
from .network import (
    Activation,
    Dropout,
    Epsilon,
    Initialization,
    InitialStd,
    RunningMomentum,
    WeightNoise,
    WeightScale,
    Widths,
)
from .norms import NormName
from .optimizer import Decay, LearningRate, Momentum, WeightDecay

Place = Literal["before", "after"]


class Arm(Document):
    """One treatment: a name and what it overrides. The first arm is the reference.

    What may be empty has the name of the setting of the experiment that it overrides.
    """

    name: Name = Field(title="Name", description="How charts and exports call this arm.")
    norm: NormName = Field(
        default="none",
        title="Normalization",
        description="Of every hidden layer: none, batch (BatchNorm) or one of its relatives, which "
        "docs/normalizations.md describes.",
    )
    norm_place: Place = Field(
        default="before",
        title="Place",
        description="Whether the norm is before the nonlinearity (paper §3.2) or after it.",
    )
    affine: bool = Field(
        default=True,
        title="γ, β",
        description="Whether the norm's output is scaled by γ and shifted by β, which are trained.",
    )
    lrn: bool = Field(
        default=False,
        title="LRN",
        description="Local response normalization across 5 channels, behind the stem's poolings or "
        "convolutions as in GoogLeNet; for the two Inceptions only.",
    )
    per_activation: bool = Field(
        default=False,
        title="Per activation",
        description="BatchNorm of each activation by itself, over the batch alone, in place of "
        "each channel, in the last module of an Inception (paper §4.2.3).",
    )
    weight_scale: WeightScale = Field(
        default=1.0,
        title="Weight scale",
        description="Multiplies the first weights of every convolution; 1 leaves them as they are.",
        json_schema_extra={"unit": "×"},
    )
    bn_epsilon: Epsilon | None = Field(
        default=None,
        title="ε",
        description="Overrides the experiment's norm ε; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    bn_momentum: RunningMomentum | None = Field(
        default=None,
        title="Running momentum",
        description="Overrides the experiment's running momentum; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    lr: LearningRate | None = Field(
        default=None,
        title="Learning rate",
        description="Overrides the experiment's learning rate; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    decay: Decay | None = Field(
        default=None,
        title="Decay",
        description="Overrides the factor of the experiment's schedule; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    momentum: Momentum | None = Field(
        default=None,
        title="Momentum",
        description="Overrides the experiment's momentum of SGD; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    weight_decay: WeightDecay | None = Field(
        default=None,
        title="Weight decay",
        description="Overrides the experiment's weight decay; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    dropout: Dropout | None = Field(
        default=None,
        title="Dropout",
        description="Overrides the experiment's dropout; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    weight_noise: WeightNoise | None = Field(
        default=None,
        title="Weight noise",
        description="Overrides the experiment's weight noise; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    hidden: Widths | None = Field(
        default=None,
        title="Hidden layers",
        description="Overrides the experiment's hidden layers; empty keeps them. First weights "
        "are equal wherever the shapes are.",
        json_schema_extra={"empty": "as above"},
    )
    activation: Activation | None = Field(
        default=None,
        title="Activation",
        description="Overrides the experiment's activation; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    initialization: Initialization | None = Field(
        default=None,
        title="Initialization",
        description="Overrides the experiment's initialization; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
    initial_std: InitialStd | None = Field(
        default=None,
        title="Initial std",
        description="Overrides the experiment's initial std; empty keeps it.",
        json_schema_extra={"empty": "as above"},
    )
