"""From what a first step showed of a model to the plan of what is recorded of it."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from .discovery import Discovery
from .layers import Layer, Skipped, normalization_name, weights_of
from .plan import LayerPlan, NormPlaces
from .sampling import EXACT_UP_TO, KEPT_AT_LEAST
from .sights import Sight
from .updates import Updates, is_sharded

UNSEEN = 1_000_000
"""Elements that there is room for, of all layers together that the first step did not call."""


def plan_layers(
    discovery: Discovery, sights: Sequence[Sight], updates: Updates, before: int
) -> tuple[list[Sight], list[Skipped]]:
    """The sights of the layers found, their plans settled, and what is not observed.

    Args:
        discovery: Finished.
        sights: Of all selected modules, with the calls of the first step.
        updates: Knows where norms are.
        before: The order at which the first step was over.
    """
    by_path = {sight.path: sight for sight in sights}
    calls = {s.path: sum(call.order < before for call in s.calls) for s in sights}
    seen = [layer for layer in discovery.layers if calls[layer.output]]
    inside = {layer.name for layer in seen} | {layer.output for layer in seen}
    unseen = [s for s in sights if s.path not in inside and weights_of(s.module)]
    layers = [*seen, *(_unseen(sight) for sight in unseen)]
    room = 0 if compiles() else min(KEPT_AT_LEAST, UNSEEN // max(1, len(unseen)))
    kept: list[Sight] = []
    for at, layer in enumerate(layers):
        sight = by_path[layer.output]
        plan = _plan(layer, sight, updates, updates.count + at)
        sight.settle(_with_room(plan, calls[sight.path], room))
        kept.append(sight)
    why = {sight.path: _reason(sight) for sight in unseen}
    skipped = [s for s in discovery.skipped if s.name not in by_path]
    return kept, [*skipped, *(Skipped(path, reason) for path, reason in why.items())]


def _plan(layer: Layer, sight: Sight, updates: Updates, place: int) -> LayerPlan:
    plan = layer.plan()
    names = updates.names(layer.weights)
    return replace(
        plan,
        places=NormPlaces(activation_grad=[place], **updates.places(names)),
        gamma=plan.gamma and _is_by_unit(sight.module.weight, plan),
        beta=plan.beta and _is_by_unit(sight.module.bias, plan),
        running=plan.running and _is_by_unit(sight.module.running_mean, plan),
    )


def _with_room(plan: LayerPlan, calls: int, unseen: int) -> LayerPlan:
    """Room for larger batches and longer sequences than the first, as far as all is kept anyway."""
    if calls == 0:
        return replace(plan, capacity=unseen)
    planned = replace(plan, calls=calls)
    size = planned.sampling.size
    larger = min(2 * size, KEPT_AT_LEAST) if size < EXACT_UP_TO else size
    return replace(planned, capacity=max(size, larger))


def _is_by_unit(values: object, plan: LayerPlan) -> bool:
    """Whether there is one value for each unit, here in this process."""
    shape = getattr(values, "shape", None)
    return shape == (plan.shape[plan.unit_axis],) and not is_sharded(values)


def _unseen(sight: Sight) -> Layer:
    """A layer whose forward pass the first step did not show: its norms remain."""
    weights = weights_of(sight.module)
    shape = (0, weights[0].shape[0] if weights[0].ndim else 1)
    normalization = normalization_name(sight.module)
    return Layer(
        sight.path, type(sight.module).__name__, normalization, "unknown", sight.path, shape, 1,
        weights=weights, normalization=None if normalization == "none" else sight.module,
    )  # fmt: skip


def _reason(sight: Sight) -> str:
    norms = "The norms of its weights, gradients and updates are recorded"
    if compiles():
        return (
            f"{norms}, its activations are not: torch.compile made one piece of code of the "
            "modules, and hooks would break that up."
        )
    if isinstance(sight.module, nn.modules.linear.NonDynamicallyQuantizableLinear):
        return f"{norms}, its activations are not: attention uses its weights in a function."
    return (
        f"{norms}; the first step did not call it as a module, or no gradient came back to it. "
        "Its activations are recorded once they are there."
    )


def compiles() -> bool:
    """Whether torch.compile has compiled something in this process."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return dynamo is not None and bool(dynamo.counters["frames"])
