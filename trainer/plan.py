"""What will be recorded: the layers of each network, and where their numbers lie in the ring.

The training process makes the plan and sends it to the recorder as JSON. Nothing here needs torch.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from . import statistics
from .sampling import Sampling


@dataclass(frozen=True)
class NormPlaces:
    """Where a layer's Euclidean norms are among its network's; several places are one vector.

    What is no norm lies among them, too: the products.

    Attributes:
        activation_grad: Of the gradients at the preactivation.
        weight: Of the weights.
        weight_grad: Of the weights' gradients.
        update: Of the weights' updates.
        product: Of the weights' gradients and those of the record before, the inner products.
    """

    activation_grad: list[int] = field(default_factory=list)
    weight: list[int] = field(default_factory=list)
    weight_grad: list[int] = field(default_factory=list)
    update: list[int] = field(default_factory=list)
    product: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class LayerPlan:
    """One layer as the recorder sees it.

    Attributes:
        name: Its module path.
        kind: The class of its weight module.
        norm: Name of its normalization, or none.
        activation: Name of its nonlinearity, none, or unknown.
        shape: Of one batch of its preactivation, with the axes in the order in which it is kept.
        unit_axis: Which axis of the shape counts units or channels.
        calls: How often a step calls it.
        capacity: Room in the ring, in elements; 0 is just as much as the shape needs.
        running: Whether its normalization has running statistics.
        gamma: Whether that scales; `beta`: whether it shifts.
        epsilon: The normalization's ε.
        momentum: BatchNorm's momentum.
        places: Where its norms are.
    """

    name: str
    kind: str
    norm: str
    activation: str
    shape: tuple[int, ...]
    unit_axis: int
    calls: int = 1
    capacity: int = 0
    running: bool = False
    gamma: bool = False
    beta: bool = False
    epsilon: float = 0.0
    momentum: float = 0.0
    places: NormPlaces = NormPlaces()

    @cached_property
    def sampling(self) -> Sampling:
        """Which elements of a preactivation are kept."""
        if self.calls == 1:
            return Sampling(self.shape, self.unit_axis)
        return Sampling((self.calls, *self.shape), self.unit_axis + 1)

    @property
    def finished(self) -> tuple[str, ...]:
        """What a GPU finishes of each record; the last column is 1 where it did, else 0."""
        columns = statistics.finite_columns(self.activation, self.sampling)
        return (*columns, "shift_w1", "shift_from_start", "is_finished")

    def row(self) -> dict[str, Any]:
        """The layer's row in the table `layers`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "norm": self.norm,
            "activation": self.activation,
            "units": self.sampling.units,
            "elements": self.sampling.elements,
            "sampled": self.sampling.size,
        }


@dataclass(frozen=True)
class StackPlan:
    """Networks of one shape that train together; mostly a single one.

    Attributes:
        networks: The row of each in the table `networks`.
        positions: The place of each in the run.
        layers: The layers, the same for all.
        norms: How many norms each network gives at a step.
        gradients: First and end place of the norms of its parameters' gradients.
        labels: Examples in a batch whose labels are kept, 0 for none.
        steps_by_lr: Whether the places `update` hold norms of directions, to be multiplied by the
            learning rate.
    """

    networks: list[dict[str, Any]]
    positions: list[int]
    layers: list[LayerPlan]
    norms: int
    gradients: tuple[int, int]
    labels: int = 0
    steps_by_lr: bool = False


@dataclass(frozen=True)
class Plan:
    """Everything that a run records.

    Attributes:
        stacks: The networks, by stack.
        slots: Records in a stretch of the ring.
        stretches: Stretches in the ring.
        precise: Type of norms and of what the loop gives: float64, or float32 on MPS.
        finishes: Whether a full stretch brings its layers' finished statistics along, from a GPU;
            every preactivation must then be of its planned shape.
    """

    stacks: list[StackPlan]
    slots: int
    stretches: int
    precise: str = "float64"
    finishes: bool = False


PLAN = TypeAdapter(Plan)
"""Writes a plan as JSON and reads it."""
