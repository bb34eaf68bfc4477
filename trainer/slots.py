"""The ring as tensors: on the CPU the shared memory itself, elsewhere a copy on the device.

A device fills stretches of its own, laid out like the shared ones, and a full one crosses in one
copy on a side stream, into pinned memory; nobody waits for it. Where the plan says so, that stream
finishes its statistics first.
"""

import weakref
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .device_statistics import Finisher
from .plan import Plan
from .ring import Cursor, SharedMemory, Stretch, lay_out, stretch_bytes


class Crossing(Protocol):
    """A copy to the shared memory that may still be under way."""

    def query(self) -> bool:
        """Whether it is done."""
        ...

    def synchronize(self) -> None:
        """Wait for it."""
        ...


class Done:
    """A copy that nobody has to wait for."""

    def query(self) -> bool:
        """Always."""
        return True

    def synchronize(self) -> None:
        """At once."""


class Slots:
    """The stretches of the ring as tensors on the training device.

    Attributes:
        stretches: By index; arrays are tensors.
        goes_on_within: Whether a run that is resumed goes on in the middle of a stretch; a device
            that finishes statistics needs whole ones.
    """

    goes_on_within = True

    def __init__(self, plan: Plan, memory: SharedMemory, shared: list[Stretch]) -> None:
        self.stretches = [
            lay_out(plan, stretch.index, Cursor(_over(memory.block(plan, stretch.index))))
            for stretch in shared
        ]

    def send(self, _index: int, *, full: bool) -> Crossing:
        """Make what was filled visible in the shared memory; `full`: that is all of a stretch."""
        return Done()

    def state_dict(self, _open: Stretch | None, _filled: int) -> Any:
        """What the next stretch needs to know of those before; here nothing.

        Args:
            _open: The stretch that is being filled, if one is.
            _filled: How many of its slots are.
        """
        return None

    def load_state_dict(self, state: Any) -> None:
        """Go on from there, with an empty stretch."""


class DeviceSlots(Slots):
    """Stretches on a device; `send` copies one to the shared memory as a single block."""

    goes_on_within = False

    def __init__(
        self, plan: Plan, memory: SharedMemory, shared: list[Stretch], device: torch.device
    ) -> None:
        self._blocks = [
            torch.empty(stretch_bytes(plan), dtype=torch.uint8, device=device) for _ in shared
        ]
        self._host = [torch.from_numpy(memory.block(plan, s.index)) for s in shared]
        self.stretches = [
            lay_out(plan, stretch.index, Cursor(_of_block(block)))
            for stretch, block in zip(shared, self._blocks, strict=True)
        ]
        self._finisher = Finisher(plan, device) if plan.finishes else None
        self._device = device
        self._stream = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)
            for block in self._host:
                _pin(block)

    def send(self, index: int, *, full: bool) -> Crossing:
        """Copy a stretch on the side stream, after everything that was queued so far."""
        if self._stream is None:
            self._cross(index, full)
            return Done()
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            self._cross(index, full)
            event = torch.cuda.Event()
            event.record()
        return event

    def state_dict(self, open: Stretch | None, filled: int) -> Any:
        """The raw records that those of the next stretch are compared with."""
        return None if self._finisher is None else self._finisher.state_dict(open, filled)

    def load_state_dict(self, state: Any) -> None:
        """Compare the next stretch with these."""
        if self._finisher is not None and state is not None:
            self._finisher.load_state_dict(state)

    def _cross(self, index: int, full: bool) -> None:
        if full and self._finisher is not None:
            self._finisher.finish(self.stretches[index])
        on_stream = self._stream is not None
        self._host[index].copy_(self._blocks[index], non_blocking=on_stream)


def slots_on(
    device: torch.device, plan: Plan, memory: SharedMemory, shared: list[Stretch]
) -> Slots:
    """The ring's stretches for a device."""
    if device.type == "cpu":
        return Slots(plan, memory, shared)
    return DeviceSlots(plan, memory, shared, device)


def _over(block: np.ndarray) -> Callable[..., Any]:
    return _of_block(torch.from_numpy(block))


def _of_block(block: Tensor) -> Callable[..., Any]:
    def take(begin: int, size: int, shape: tuple[int, ...], dtype: str) -> Tensor:
        if size == 0:
            return torch.empty(shape, dtype=getattr(torch, dtype), device=block.device)
        return block[begin : begin + size].view(getattr(torch, dtype)).view(shape)

    return take


def _pin(block: Tensor) -> None:
    """Page-lock shared memory for CUDA; where that is refused the copies are only slower."""
    cudart: Any = torch.cuda.cudart()
    refused = int(cudart.cudaHostRegister(block.data_ptr(), block.numel(), 0))
    if refused:
        cudart.cudaGetLastError()  # which forgets it: no kernel shall stumble over it
        return
    # page-locked until the memory is given back, which must not be before that
    weakref.finalize(block, cudart.cudaHostUnregister, block.data_ptr())
