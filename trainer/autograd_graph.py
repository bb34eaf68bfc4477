"""What the autograd graph says of a pass: what made a tensor, and which nonlinearity it enters."""

from collections.abc import Sequence
from typing import Any

ACTIVATIONS = {
    "SigmoidBackward": "sigmoid",
    "TanhBackward": "tanh",
    "ReluBackward": "relu",
    "LeakyReluBackward": "leaky_relu",
    "GeluBackward": "gelu",
    "SiluBackward": "silu",
    "EluBackward": "elu",
    "SoftplusBackward": "softplus",
    "HardtanhBackward": "hardtanh",
    "HardswishBackward": "unknown",
    "HardsigmoidBackward": "unknown",
    "CeluBackward": "unknown",
    "RreluWithNoiseBackward": "unknown",
    "MishBackward": "unknown",
    "PreluKernelBackward": "unknown",
    "LogSigmoidBackward": "unknown",
    "ThresholdBackward": "unknown",
}
"""What a node of the autograd graph says of the nonlinearity, its number left out: in place it has
another. unknown: one without a definition of being saturated here."""
PARAMETERS = {
    "LeakyReluBackward": {"negative_slope": 0.01},
    "EluBackward": {"alpha": 1, "scale": 1, "input_scale": 1},
    "SoftplusBackward": {"beta": 1},
    "GeluBackward": {"approximate": "none"},
    "HardtanhBackward": {"min_val": -1, "max_val": 1},
}
"""With which parameters these are the nonlinearities whose saturation is defined here."""
RELU6 = {"min_val": 0, "max_val": 6}
RESHAPING = {
    "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "TransposeBackward0",
    "PermuteBackward0", "UnsqueezeBackward0", "SqueezeBackward0", "SqueezeBackward1", "TBackward0",
    "ToCopyBackward0", "CloneBackward0", "ExpandBackward0", "AliasBackward0", "MovedimBackward0",
}  # fmt: skip


def source_of(node: Any) -> Any:
    """The node that made a tensor, reshaping left out."""
    while node is not None and node.name() in RESHAPING:
        node = node.next_functions[0][0]
    return node


def consumers_of(ends: Sequence[Any]) -> dict[Any, list[Any]]:
    """By node of the autograd graph those that its tensor enters, reshaping left out."""
    found: dict[Any, list[Any]] = {}
    waiting = [node for node in ends if node is not None]
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        for before, _ in node.next_functions:
            if before is None:
                continue
            if node.name() not in RESHAPING:
                found.setdefault(source_of(before), []).append(node)
            if before not in seen:
                seen.add(before)
                waiting.append(before)
    return found


def activation_after(node: Any, consumers: dict[Any, list[Any]]) -> str:
    """The nonlinearity that a tensor enters: none where it enters none, or unknown.

    Args:
        node: That made the tensor.
        consumers: `consumers_of` the pass.
    """
    source = source_of(node)
    if source is None:
        return "unknown"
    entered = consumers.get(source, [])
    known = [consumer for consumer in entered if _kind(consumer) in ACTIVATIONS]
    if not known:
        return "none"
    name = _kind(known[0])
    given = {key: getattr(known[0], f"_saved_{key}") for key in PARAMETERS.get(name, ())}
    if len(entered) > 1:
        return "unknown"
    if given == PARAMETERS.get(name, {}):
        return ACTIVATIONS[name]
    return "relu6" if given == RELU6 else "unknown"


def _kind(node: Any) -> str:
    return node.name().rstrip("0123456789")
