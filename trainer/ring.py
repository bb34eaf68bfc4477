"""The ring between the training loop and the recorder: bounded, preallocated, never dropping.

It is memory that the two processes share. The loop copies each step's tensors into a slot of a
stretch; the recorder takes stretches off and turns them into rows. When all stretches are full the
loop waits. Nothing here needs torch.
"""

import mmap
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from .plan import LayerPlan, Plan, StackPlan

LOSS, ACCURACY, LR = range(3)
"""What a loop gives of a network, in this order."""
NOT_GIVEN = float(np.finfo(np.float32).min)
"""What a slot holds where there was nothing: no norm or loss is that, while any may be NaN."""
ALIGNMENT = 64
"""Bytes; every array begins at a multiple, as vector instructions like it."""
STRETCHES = 4
SLOTS = 64
STRETCH_BYTES = 32 << 20
STRETCH_STEPS = 1024
"""With sparse records a stretch has fewer slots, so that a network is frozen in time."""

_POPULATED: dict[str, int] = (
    {"flags": mmap.MAP_SHARED | mmap.MAP_POPULATE} if sys.platform == "linux" else {}
)
"""Memory that is there from the start, not page by page while the loop waits."""

Evaluated = tuple[int, int, dict[str, float | None]]
"""A network's position, the step, and the statistics of an evaluation."""
ProbedLayer = tuple[dict[str, float | int | None], dict[str, str | None]]
"""A layer's statistics on the probe, and its units' arrays as base64 of little-endian float32."""
Together = tuple[int, int, dict[str, float | int]]
"""A seed, the step, and what the ensemble of its networks came to at its evaluation."""
Probed = tuple[int, int, list[ProbedLayer]]
"""A network's position, the step, and its layers on the probe."""
LayerShift = dict[str, float] | None
"""What `landscape.GradientShift` holds; None where it does not apply to a layer."""
Measured = tuple[int, int, list[LayerShift] | None, dict[str, float] | None]
"""A network's position, the step, the gradient shift of its layers, and what `landscape.Landscape`
holds; each None where it was not measured."""
Frozen = tuple[int, int, int | None]
"""A network's position, the step it diverged at, and the last one it was trained at if frozen."""
Irregular = tuple[int, int, int, tuple[int, ...], int | None, int]
"""A network's position, layer and slot; shape, unit axis and stride of the sampling where it
differs from the layer's plan."""

Allocate = Callable[[tuple[int, ...], str], Any]
"""Makes an array of a shape and a type out of the next bytes of a stretch."""


@dataclass(frozen=True)
class LayerSlots:
    """Room for one layer of a stack; arrays begin with (slots, networks).

    Attributes:
        sample: float32, (…, size): the kept elements of its preactivation.
        running: float32, (…, 4, units): running mean and variance before the batch, then after.
        gamma: float32, (…, units); `beta` likewise.
        finished: float64, (…, columns): those that the layer's plan calls finished, once the
            stretch is full; None where the plan finishes nothing.
    """

    sample: Any
    running: Any | None
    gamma: Any | None
    beta: Any | None
    finished: Any | None


@dataclass(frozen=True)
class StackSlots:
    """Room for what one stack gives at each step; arrays begin with (slots, networks).

    Attributes:
        layers: By layer.
        norms: (…, norms).
        given: (…, 3): loss, accuracy and learning rate, as far as the loop gives them.
        labels: int64, (…, batch).
    """

    layers: list[LayerSlots]
    norms: Any
    given: Any
    labels: Any


@dataclass(frozen=True)
class Stretch:
    """Some consecutive records of all networks.

    Attributes:
        index: Its place in the ring.
        stacks: What each stack gave; frozen networks keep their place and are not filled.
    """

    index: int
    stacks: list[StackSlots]


@dataclass(frozen=True)
class Cost:
    """What observing has cost so far.

    Attributes:
        looked: Steps that were looked at.
        observing: Seconds that the loop spent on looking.
        waited: Seconds that the loop waited for the recorder.
        elapsed: Seconds since training began.
        measured: Seconds that the loop stood still for the gradient shift and the landscape.
    """

    looked: int
    observing: float
    waited: float
    elapsed: float
    measured: float = 0.0

    @property
    def overhead(self) -> float:
        """Share of looking and waiting in the time without `measured`; a cap bounds it.

        Waiting is not looking, but it is the recorder's doing.
        """
        trained = self.elapsed - self.measured
        return (self.observing + self.waited) / trained if trained > 0 else 0.0


@dataclass(frozen=True)
class Part:
    """What is handed over: filled slots of a stretch, and whether the stretch is now done with.

    Attributes:
        stretch: Its index; None where no slot was filled.
        start: The first of the slots.
        steps: The step of each slot.
        seconds: For each slot the time since training began.
        releases: Whether no more slots of the stretch follow.
        active: By position, whether the network was trained in these slots.
        frozen: The networks that end with these slots.
        evaluations: The evaluations since the part before.
        irregular: Preactivations that differ from the plan.
        step: The latest step that is complete with this part, its evaluation included.
        reached: The latest step that was trained.
        cost: Of observing, so far.
        probes: The looks at the probe since the part before.
        ensembles: The evaluations of ensembles since the part before.
        measured: Gradient shifts and landscapes since the part before.
    """

    stretch: int | None
    start: int
    steps: list[int]
    seconds: list[float]
    releases: bool
    active: list[bool]
    frozen: list[Frozen]
    evaluations: list[Evaluated]
    irregular: list[Irregular]
    step: int
    reached: int
    cost: Cost
    probes: list[Probed] = field(default_factory=list[Probed])
    ensembles: list[Together] = field(default_factory=list[Together])
    measured: list[Measured] = field(default_factory=list[Measured])


PART = TypeAdapter(Part)
"""Reads a part that came as JSON."""


def slots_for(numbers: int, record_every: int) -> int:
    """How many slots a stretch has, when a record of all networks holds so many floats."""
    return max(2, min(SLOTS, STRETCH_STEPS // record_every, STRETCH_BYTES // (4 * max(1, numbers))))


def lay_out(plan: Plan, index: int, allocate: Allocate) -> Stretch:
    """One stretch; `allocate` is asked for its arrays always in the same order."""

    def room(stack: StackPlan, *shape: int, dtype: str = "float32") -> Any:
        return allocate((plan.slots, len(stack.networks), *shape), dtype)

    def of_layer(stack: StackPlan, layer: LayerPlan) -> LayerSlots:
        sampling = layer.sampling
        return LayerSlots(
            sample=room(stack, max(sampling.size, layer.capacity)),
            running=room(stack, 4, sampling.units) if layer.running else None,
            gamma=room(stack, sampling.units) if layer.gamma else None,
            beta=room(stack, sampling.units) if layer.beta else None,
            finished=room(stack, len(layer.finished), dtype="float64") if plan.finishes else None,
        )

    stacks = [
        StackSlots(
            layers=[of_layer(stack, layer) for layer in stack.layers],
            norms=room(stack, stack.norms, dtype=plan.precise),
            given=room(stack, 3, dtype=plan.precise),
            labels=room(stack, stack.labels, dtype="int64"),
        )
        for stack in plan.stacks
    ]
    return Stretch(index, stacks)


class Cursor:
    """Takes arrays out of a block of bytes, one after the other, each aligned."""

    def __init__(self, take: Callable[[int, int, tuple[int, ...], str], Any]) -> None:
        self._take = take
        self.position = 0

    def __call__(self, shape: tuple[int, ...], dtype: str) -> Any:
        begin = self.position
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.position = begin + -(-size // ALIGNMENT) * ALIGNMENT
        return self._take(begin, size, shape, dtype)


def stretch_bytes(plan: Plan) -> int:
    """Bytes of one stretch."""
    cursor = Cursor(lambda begin, size, shape, dtype: None)
    lay_out(plan, 0, cursor)
    return -(-cursor.position // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY


class SharedMemory:
    """The ring's memory, without a name: it is gone when both processes are, however they end.

    Attributes:
        file: Its descriptor, for the recorder's process to inherit.
    """

    def __init__(self, file: int | None = None) -> None:
        self.file = _anonymous_file() if file is None else file
        self._map: mmap.mmap | None = None

    def open(self, plan: Plan) -> list[Stretch]:
        """Make room for a plan, if there is not yet, and map it: the ring's stretches."""
        size = stretch_bytes(plan)
        if os.fstat(self.file).st_size < size * plan.stretches:
            os.ftruncate(self.file, size * plan.stretches)
        self._map = mmap.mmap(self.file, size * plan.stretches, **_POPULATED)
        return [lay_out(plan, i, Cursor(self._array(i * size))) for i in range(plan.stretches)]

    def block(self, plan: Plan, index: int) -> np.ndarray:
        """All bytes of one stretch, uint8."""
        if self._map is None:
            raise ValueError("The ring's memory is not open; call open(plan) first.")
        size = stretch_bytes(plan)
        return np.frombuffer(self._map, np.uint8, size, index * size)

    def close(self) -> None:
        """Give the descriptor back, once; arrays that still lie in the memory stay valid."""
        if self.file >= 0:
            os.close(self.file)
        self.file = -1

    def _array(self, offset: int) -> Callable[[int, int, tuple[int, ...], str], np.ndarray]:
        def take(begin: int, _size: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
            assert self._map is not None
            count = int(np.prod(shape))
            if count == 0:
                return np.empty(shape, dtype)
            return np.frombuffer(self._map, dtype, count, offset + begin).reshape(shape)

        return take


def _anonymous_file() -> int:
    if sys.platform == "linux":
        return os.memfd_create("shiftscope-ring")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def numbers(stacks: Sequence[StackPlan]) -> int:
    """How many floats one record of all networks holds, but for norms and finished statistics."""
    return sum(
        len(stack.networks) * (max(layer.sampling.size, layer.capacity) + 6 * layer.sampling.units)
        for stack in stacks
        for layer in stack.layers
    )
