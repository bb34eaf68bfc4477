"""The optimizer of an experiment: its algorithm, its learning rate and how that changes."""

from typing import Annotated, Literal

from pydantic import Field

from .document import Document, Finite

Algorithm = Literal["sgd", "adam"]
Schedule = Literal["constant", "exponential", "step", "cosine"]
LearningRate = Annotated[Finite, Field(gt=0, le=1000)]
Momentum = Annotated[Finite, Field(ge=0, lt=1)]
WeightDecay = Annotated[Finite, Field(ge=0, le=1)]
Decay = Annotated[Finite, Field(gt=0, le=1)]


class Optimizer(Document):
    """How weights follow the gradient of the mean cross-entropy of the batch."""

    algorithm: Algorithm = Field(
        default="sgd",
        title="Optimizer",
        description="sgd: stochastic gradient descent, with momentum or without. adam: Kingma & Ba "
        "(2015).",
        json_schema_extra={"group": "Training"},
    )
    lr: LearningRate = Field(
        default=0.1,
        title="Learning rate",
        description="Step size of the optimizer, before its schedule; an arm may override it.",
        json_schema_extra={"group": "Training"},
    )
    momentum: Momentum = Field(
        default=0.0,
        title="Momentum",
        description="Momentum of SGD; 0 is plain gradient descent.",
        json_schema_extra={"group": "Training"},
    )
    beta1: Momentum = Field(
        default=0.9,
        title="Adam’s β₁",
        description="Weight of the past in adam's mean of the gradients.",
        json_schema_extra={"group": "Training"},
    )
    beta2: Momentum = Field(
        default=0.999,
        title="Adam’s β₂",
        description="Weight of the past in adam's mean of the squared gradients.",
        json_schema_extra={"group": "Training"},
    )
    adam_epsilon: Annotated[Finite, Field(gt=0, le=1)] = Field(
        default=1e-8,
        title="Adam’s ε",
        description="Added to the square root that adam divides by.",
        json_schema_extra={"group": "Training"},
    )
    weight_decay: WeightDecay = Field(
        default=0.0,
        title="Weight decay",
        description="L2: this times the weight is added to its gradient, before momentum and adam. "
        "Of weight matrices and kernels only, not of γ, β and biases.",
        json_schema_extra={"group": "Training"},
    )
    schedule: Schedule = Field(
        default="constant",
        title="Schedule",
        description="Of the learning rate at step t of T, t from 0: constant; exponential: "
        "lr · decay^(t/every); step: the same with t/every rounded down; cosine: "
        "lr · (1 + cos(πt/T))/2.",
        json_schema_extra={"group": "Training"},
    )
    decay: Decay = Field(
        default=0.9,
        title="Decay",
        description="Factor of the learning rate in the schedules exponential and step.",
        json_schema_extra={"group": "Training"},
    )
    decay_every: int = Field(
        default=1_000,
        ge=1,
        le=10_000_000,
        title="Decay every",
        description="Steps after which the learning rate has fallen by that factor.",
        json_schema_extra={"unit": "steps", "group": "Training"},
    )
