"""The fixed probe: the same test examples put through a network again and again.

What moves on it was moved by the weights, not by the draw of a batch. Statistics of the batch are
the probe's own; running statistics, weights and random state stay as they are.
"""

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..db.looking import PROBE_EXAMPLES
from .batch_statistics import with_batch_statistics
from .distances import DISTANCES, UnitSample, null_floor, unit_distances, unit_sample
from .evenly import evenly_spaced
from .layers import Layer
from .nonlinearities import NONLINEARITIES
from .ring import ProbedLayer

MOST_INPUTS = 8_000_000
"""Numbers in the probe, which is one batch: of 3 × 224 × 224 images it holds 53."""
RANKED_UNITS = 512
"""An effective rank costs units³; of a wider layer it is that of so many units, evenly spread."""
Memory = tuple[UnitSample, UnitSample]
"""A layer at the start and at the probe before."""


class Probe:
    """A fixed batch, and how each network was on it at the start and the last time."""

    def __init__(self, test_inputs: Tensor) -> None:
        """Takes up to 2,000 of the test examples, evenly spread; of large images, fewer."""
        fitting = max(2, MOST_INPUTS // test_inputs[0].numel())
        count = min(PROBE_EXAMPLES, fitting)
        self.inputs = test_inputs[evenly_spaced(count, len(test_inputs))]
        self._memories: dict[int, list[Memory]] = {}

    def state_dict(self) -> dict[int, list[Any]]:
        """By network, each layer as it was at the start and at the probe before."""
        return {
            position: [tuple(dict(vars(sample)) for sample in memory) for memory in memories]
            for position, memories in self._memories.items()
        }

    def load_state_dict(self, state: dict[int, list[Any]]) -> None:
        """Compare with these."""
        self._memories = {
            position: [(UnitSample(**start), UnitSample(**before)) for start, before in memories]
            for position, memories in state.items()
        }

    def measure(
        self, position: int, network: nn.Module, layers: Sequence[Layer]
    ) -> list[ProbedLayer]:
        """What each layer is on the probe, and how far it moved.

        Args:
            position: Whose start and previous probe it is compared with.
            network: Left in training mode.
            layers: Those of the network, or of its twin of the same shape.
        """
        values = preactivations(network, layers, self.inputs)
        samples = [unit_sample(np.ascontiguousarray(of_layer.numpy().T)) for of_layer in values]
        memories = self._memories.get(position)
        self._memories[position] = [
            (memories[at][0] if memories else sample, sample) for at, sample in enumerate(samples)
        ]
        return [
            (
                _statistics(sample, memories[at] if memories else None)
                | {"effective_rank": _rank_of(values[at], layers[at].activation)},
                _arrays(sample, network.get_submodule(layers[at].output)),
            )
            for at, sample in enumerate(samples)
        ]


@torch.no_grad()
def preactivations(network: nn.Module, layers: Sequence[Layer], inputs: Tensor) -> list[Tensor]:
    """What enters each layer's nonlinearity with the batch's own statistics: (examples, units).

    Of a layer with positions, such as a convolution, one of each example: they follow each other
    through the image, so that all are visited in turn.
    """
    seen: dict[int, Tensor] = {}

    def keep(at: int, unit_axis: int) -> Any:
        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            seen.setdefault(at, _one_position(output, unit_axis).to("cpu", torch.float32))

        return hook

    hooks = [
        network.get_submodule(layer.output).register_forward_hook(keep(at, layer.unit_axis))
        for at, layer in enumerate(layers)
    ]
    try:
        with with_batch_statistics(network):
            network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [seen[at] for at in range(len(layers))]


def effective_rank(activations: Tensor) -> float:
    """exp(−Σ p ln p), p the singular values of (examples, units) divided by their sum.

    NaN where a value is not finite; 0 where all are 0.
    """
    wide = activations.double()
    if not wide.isfinite().all():
        return float("nan")
    scale = wide.abs().max()
    if scale == 0:
        return 0.0
    wide /= scale
    products = wide.T @ wide if wide.shape[1] <= wide.shape[0] else wide @ wide.T
    singular = torch.linalg.eigvalsh(products).clamp(min=0).sqrt()
    shares = singular[singular > 0] / singular.sum()
    return torch.exp(-(shares * shares.log()).sum()).item()


def _one_position(output: Tensor, unit_axis: int) -> Tensor:
    """(examples, …) → (examples, units): a copy, since what follows may work in place."""
    positions = output.movedim(unit_axis, -1).reshape(len(output), -1, output.shape[unit_axis])
    examples = torch.arange(len(output), device=output.device)
    return positions[examples, examples % positions.shape[1]]


@np.errstate(all="ignore")
def _statistics(sample: UnitSample, memory: Memory | None) -> dict[str, float | int | None]:
    """A row of `probe_records`, but for the effective rank."""
    found: dict[str, float | int | None] = {}
    for at, since in enumerate(("start", "previous")):
        moved = unit_distances(sample, memory[at]) if memory else {}
        for name, of_units in moved.items():
            for word, summary in (("median", np.median), ("mean", np.mean), ("max", np.max)):
                found[f"{name}_from_{since}_{word}"] = _over_units(summary, of_units)
    floor = null_floor(sample.ordered.shape[1])
    found |= {f"{name}_floor": floor[name] for name in DISTANCES}
    spread = _over_units(np.mean, sample.spread)
    return found | {"spread_mean": spread, "nonfinite": sample.nonfinite}


def _over_units(summary: Callable[[np.ndarray], Any], of_units: np.ndarray) -> float:
    """Of the units that have a number; NaN where none has."""
    left = of_units[~np.isnan(of_units)]
    return float(summary(left)) if len(left) else float("nan")


def _rank_of(preactivation: Tensor, activation: str) -> float | None:
    """The effective rank of what the nonlinearity makes of (examples, units)."""
    if activation not in NONLINEARITIES:
        return None
    chosen = preactivation[:, evenly_spaced(RANKED_UNITS, preactivation.shape[1])]
    return effective_rank(
        chosen if activation == "none" else getattr(functional, activation)(chosen)
    )


def _arrays(sample: UnitSample, module: nn.Module) -> dict[str, str | None]:
    """A row of `unit_records`, each array as base64 of little-endian float32."""
    p15, p50, p85 = sample.percentiles
    arrays: dict[str, Any] = {
        "mean": sample.mean,
        "std": sample.std,
        "p15": p15,
        "p50": p50,
        "p85": p85,
        "running_mean": getattr(module, "running_mean", None),
        "running_var": getattr(module, "running_var", None),
    }
    return {name: None if array is None else _encoded(array) for name, array in arrays.items()}


def _encoded(array: np.ndarray | Tensor) -> str:
    plain = array.cpu().numpy() if isinstance(array, Tensor) else array
    return base64.b64encode(plain.astype("<f4").tobytes()).decode()
