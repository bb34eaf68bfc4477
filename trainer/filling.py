"""The end of a step of somebody else's model: what was seen of it goes into a slot of the ring."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
)

from .ring import NOT_GIVEN, Irregular, StackSlots
from .sights import Sight
from .updates import Updates


class SlotFiller:
    """Fills slots with the steps of one model."""

    def __init__(self, position: int, updates: Updates) -> None:
        """Args:
        position: The model's place in the run.
        updates: Has the norms of weights, gradients and updates of each step.
        """
        self._position, self._updates = position, updates
        self._indices: dict[tuple[int, ...], Tensor] = {}

    @torch.no_grad()
    def fill(
        self,
        room: StackSlots,
        slot: int,
        sights: Sequence[Sight],
        before: int,
        given: Sequence[Any],
    ) -> list[Irregular]:
        """Put a step into a slot; returns what differs from the plan.

        Args:
            room: The model's slots; `slot` the one to fill.
            sights: Of the planned layers, in the plan's order.
            before: The order at which the step was over.
            given: What the ring calls given: loss, accuracy and learning rate, None where unknown.
        """
        irregular: list[Irregular] = []
        row = room.norms[slot, 0]
        row.fill_(NOT_GIVEN)
        room.given[slot, 0].fill_(NOT_GIVEN)
        targets: list[Tensor] = []
        sources: list[Tensor] = []
        graded: list[int] = []
        gradients: list[Tensor] = []
        for at, (sight, slots) in enumerate(zip(sights, room.layers, strict=True)):
            assert sight.plan is not None
            sampling, pieces = sight.sample(before, slots.sample.shape[-1])
            if sampling != sight.sampling:
                how = (sampling.shape, sampling.unit_axis, sampling.stride)
                irregular.append((self._position, at, slot, *how))
            begin = 0
            for piece in pieces:
                targets.append(slots.sample[slot, 0, begin : begin + len(piece)])
                begin += len(piece)
            sources += pieces
            if slots.running is not None and sight.knows_batch:
                targets += slots.running[slot, 0].unbind()
                sources += sight.running
            elif slots.running is not None:
                slots.running[slot, 0].fill_(NOT_GIVEN)
            targets += [array[slot, 0] for array in (slots.gamma, slots.beta) if array is not None]
            sources += [sight.affine[name] for name in sight.affine_names]
            found = sight.gradients(before)
            if found:
                graded.append(self._updates.count + at)
                gradients.append(found[0] if len(found) == 1 else torch.stack(found).norm())
        if targets:
            _foreach_copy_(targets, sources)
        if graded:
            self._put(row, tuple(graded), torch.stack(gradients))
        for places, values in self._updates.found:
            self._put(row, places, values)
        for place, value in enumerate(given):
            if value is not None:
                room.given[slot, 0, place] = value
        return irregular

    def _put(self, row: Tensor, places: tuple[int, ...], values: Tensor) -> None:
        if places not in self._indices:
            self._indices[places] = torch.tensor(places, device=row.device)
        row.index_copy_(0, self._indices[places], values.to(row))
