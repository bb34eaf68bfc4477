"""The ring between the training loop and the recorder: bounded, preallocated, never dropping.

The loop copies each step's tensors into a slot of a stretch; the recorder takes stretches off and
turns them into rows. When all stretches are full the loop waits. Stretches live on the device, so
that filling one needs no synchronization. Loop and recorder use the device's default stream: the
recorder's copies to the host come after the loop's into the slots, and a stretch is released only
when they are done.
"""

import queue
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

Evaluated = tuple[int, int, dict[str, float | None]]
"""Network index, step, and the statistics of an evaluation."""

Frozen = tuple[int, int, int | None]
"""Network index, the step it diverged at, and the last step it was trained at if it is frozen."""

STRETCHES = 4
SLOTS = 64
STRETCH_STEPS = 1024
"""With sparse records a stretch has fewer slots, so that a network is frozen in time."""
STRETCH_BYTES = 64 << 20


@dataclass(frozen=True)
class LayerShape:
    """What a layer needs of a slot: its preactivation's shape, and whether it has BatchNorm."""

    shape: tuple[int, ...]
    normalized: bool

    @property
    def units(self) -> int:
        return self.shape[-1]


class NetworkSlots:
    """Room for what one network gives in each slot of a stretch; slots are the first axis."""

    def __init__(self, layers: Sequence[LayerShape], slots: int, device: torch.device) -> None:
        def room(*shape: int) -> Tensor:
            return torch.empty(slots, *shape, device=device)

        def each_slot(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
            return [[tensor[slot] for tensor in tensors] for slot in range(slots)]

        normalized = [layer for layer in layers if layer.normalized]
        self.preactivations = [room(*layer.shape) for layer in layers]
        self.norm_inputs = [room(*layer.shape) for layer in normalized]
        self.running_means = [room(layer.units) for layer in normalized]
        self.running_vars = [room(layer.units) for layer in normalized]
        self.gammas = [room(layer.units) for layer in normalized]
        self.betas = [room(layer.units) for layer in normalized]
        self.loss = room()
        self.running_of_slot = each_slot([*self.running_means, *self.running_vars])
        """For each slot the places that are filled before each BatchNorm runs."""
        self.after_backward = each_slot(
            [*self.preactivations, *self.norm_inputs, *self.gammas, *self.betas, self.loss]
        )
        """For each slot the places that are filled together once the gradients are there."""


@dataclass
class Stretch:
    """Some consecutive records of all networks.

    Attributes:
        networks: What each network gave; frozen ones keep their place and are not filled.
        labels: For each seed the labels of its batches, (slots, batch).
        norms: The norms of all networks, (slots, norms).
        seconds: For each slot the time since training began.
        steps: The steps recorded so far, one for each filled slot.
    """

    networks: list[NetworkSlots]
    labels: list[Tensor]
    norms: Tensor
    seconds: list[float]
    steps: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Slot:
    """Where the current step goes: a stretch, and the place in it."""

    stretch: Stretch
    index: int


@dataclass(frozen=True)
class Part:
    """What is handed over: slots `start` to `stop` of a stretch, and whether it is now done with.

    Attributes:
        active: For each network, whether it was trained in these slots.
        frozen: The networks that end with these slots.
        evaluations: The evaluations since the part before.
        step: The latest step that is complete with this part.
    """

    stretch: Stretch
    start: int
    stop: int
    releases: bool
    active: tuple[bool, ...]
    frozen: list[Frozen]
    evaluations: list[Evaluated]
    step: int


class Ring:
    """A fixed number of stretches going round between the loop and the recorder."""

    def __init__(
        self,
        networks: Sequence[Sequence[LayerShape]],
        norms: int,
        batch_sizes: Sequence[int],
        record_every: int,
        device: torch.device,
    ) -> None:
        """Args:
        networks: For each network its layers.
        norms: How many norms all networks give at a step.
        batch_sizes: For each seed the examples in a batch.
        record_every: Steps from one record to the next.
        device: Where the networks train.
        """
        numbers = sum(
            torch.Size(layer.shape).numel() * (2 if layer.normalized else 1)
            for layers in networks
            for layer in layers
        )
        self.slots = min(SLOTS, STRETCH_STEPS // record_every, STRETCH_BYTES // (4 * numbers))
        self.slots = max(2, self.slots)
        self._free: queue.Queue[Stretch] = queue.Queue()
        self._full: queue.Queue[Part] = queue.Queue()
        precise = torch.float32 if device.type == "mps" else torch.float64
        for _ in range(STRETCHES):
            rooms = [NetworkSlots(layers, self.slots, device) for layers in networks]
            labels = [
                torch.empty(self.slots, size, dtype=torch.int64, device=device)
                for size in batch_sizes
            ]
            measured = torch.empty(self.slots, norms, dtype=precise, device=device)
            self._free.put(Stretch(rooms, labels, measured, [0.0] * self.slots))

    def take_free(self, timeout: float) -> Stretch:
        """An empty stretch; waits for the recorder when there is none.

        Raises:
            queue.Empty: None came within `timeout` seconds.
        """
        stretch = self._free.get(timeout=timeout)
        stretch.steps.clear()
        return stretch

    def hand_over(self, part: Part) -> None:
        """Give filled slots to the recorder."""
        self._full.put(part)

    def take_full(self, timeout: float) -> Part | None:
        """The oldest part handed over, or None when none came within `timeout` seconds."""
        try:
            return self._full.get(timeout=timeout)
        except queue.Empty:
            return None

    def release(self, stretch: Stretch) -> None:
        """Give a stretch that was recorded whole back to the loop."""
        self._free.put(stretch)
