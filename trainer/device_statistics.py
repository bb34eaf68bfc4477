"""Statistics of full stretches, computed on the GPU that filled them.

The recorder reads them off. It computes them itself, from the raw samples, where a value is not
finite and where a stretch goes over before it is full. Nothing here waits for the device.
"""

import logging
from collections.abc import Callable

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
)

from . import statistics
from .graphs import captured
from .plan import LayerPlan, Plan
from .ring import Stretch
from .shift import distances, in_stds

logger = logging.getLogger(__name__)


class Finisher:
    """Finishes the full stretches of a run, in their order; all but its last one are full."""

    def __init__(self, plan: Plan, device: torch.device) -> None:
        self._layers = [
            (
                torch.zeros(
                    (2 + plan.slots, len(stack.networks), layer.sampling.size), device=device
                ),
                layer,
            )
            for stack in plan.stacks
            for layer in stack.layers
        ]
        """Records and plan of each layer: the run's first record, the latest before the stretch,
        and those of the stretch. They lie apart from the ring, so that one graph does for all of
        its stretches, and so that these may be filled again."""
        self._compute = _repeated(self._finish_layers, device)
        self._has_begun = False

    def finish(self, stretch: Stretch) -> None:
        """Compute what the plan calls finished of a stretch, all of whose slots are filled."""
        slots = [layer for stack in stretch.stacks for layer in stack.layers]
        records = [records for records, _ in self._layers]
        _foreach_copy_([r[2:] for r in records], [layer.sample for layer in slots])
        if not self._has_begun:
            _foreach_copy_([r[at] for r in records for at in (0, 1)],
                           [r[2] for r in records for _ in (0, 1)])  # fmt: skip
            self._has_begun = True
        targets = [layer.finished for layer in slots if layer.finished is not None]
        _foreach_copy_(targets, self._compute())
        _foreach_copy_([r[1] for r in records], [r[-1] for r in records])

    def state_dict(self, open: Stretch | None, filled: int) -> list[Tensor]:
        """By layer the run's first raw record and the latest, (2, networks, size).

        Args:
            open: The stretch that is being filled, if one is.
            filled: How many of its slots are.
        """
        found = [records[:2].clone() for records, _ in self._layers] if self._has_begun else []
        if open is None or not filled:
            return found
        samples = [layer.sample for stack in open.stacks for layer in stack.layers]
        if not found:
            found = [sample[[0, 0]] for sample in samples]
        for records, sample in zip(found, samples, strict=True):
            records[1] = sample[filled - 1]
        return found

    def load_state_dict(self, state: list[Tensor]) -> None:
        """Go on from there, with a stretch that begins behind the latest of them."""
        self._has_begun = bool(state)
        for (records, _), known in zip(self._layers, state, strict=self._has_begun):
            records[:2] = known.to(records.device)

    def _finish_layers(self) -> list[Tensor]:
        return [finish_layer(records, plan) for records, plan in self._layers]


def finish_layer(records: Tensor, plan: LayerPlan) -> Tensor:
    """The finished columns of one layer.

    Args:
        records: Samples, (2 + n, networks, size): the run's first record, the one before the n
            that are to be finished, and these.
        plan: Of the layer.

    Returns:
        float64, (n, networks, columns). A record is not finished where it or one of the two that
        it is compared with has a value that is not finite; its columns are then arbitrary.
    """
    by_record = records.shape[:2]
    of_all, finite, ordered = statistics.of_finite(
        records.flatten(0, 1), plan.activation, plan.sampling
    )
    std, ordered = of_all["std"].view(by_record), ordered.view(records.shape)
    step = distances(ordered[2:], ordered[1:-1], std.dtype)
    start = distances(ordered[2:], ordered[:1], std.dtype)
    is_finished = finite.view(by_record)[2:] & step.isfinite() & start.isfinite()
    columns = {name: column.view(by_record)[2:] for name, column in of_all.items()} | {
        "shift_w1": in_stds(step, std[2:], std[1:-1]),
        "shift_from_start": in_stds(start, std[2:], std[:1]),
        "is_finished": is_finished.to(std.dtype),
    }
    return torch.stack([columns[name] for name in plan.finished], dim=-1)


def _repeated(work: Callable[[], list[Tensor]], device: torch.device) -> Callable[[], list[Tensor]]:
    """The work as a CUDA graph, since its kernels are many and small; as it is where that fails."""
    if device.type != "cuda":
        return work
    try:
        graph, found = captured(work, device)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        logger.warning("Statistics are computed without a CUDA graph, slower: %s", reason)
        return work

    def replay() -> list[Tensor]:
        graph.replay()
        return found

    return replay
