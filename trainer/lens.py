"""Hooks on somebody else's model: what one step of it gives, whatever its loop looks like.

Tensor hooks, not module backward hooks, so that in-place operations do no harm; what a hook sees is
copied at once, so that later changes do not matter and no graph is kept alive. Nothing here draws a
random number or changes a value.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_sub_,  # pyright: ignore[reportPrivateImportUsage]
    nn,
)

from .layers import Discovery, Layer, Skipped, candidates, first_tensor, nodes_of, norm_name
from .norms import norms
from .plan import LayerPlan, NormPlaces, StackPlan
from .ring import ACCURACY, LOSS, LR, NOT_GIVEN, Irregular, StackSlots
from .sampling import EXACT_UP_TO, Sampling
from .twins import weights_hash

Watched = Callable[[str, nn.Module], bool]
HASHED_UP_TO = 10_000_000
"""Parameters of a model whose first weights are hashed, which takes a moment."""


@dataclass
class Sight:
    """What the hooks of one module saw in the current step.

    Attributes:
        path: The module's.
        plan: Of its layer, once that is known.
        chunks: What is kept of its outputs, call by call, float32.
        shapes: Of the outputs.
        gradients: Norms of their gradients.
        running: Its running mean and variance before the latest call, then after it.
    """

    path: str
    module: nn.Module
    plan: LayerPlan | None = None
    chunks: list[Tensor] = field(default_factory=list)
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)
    running: list[Tensor] = field(default_factory=list)
    is_fresh: bool = False
    """Whether `running` is of this step."""

    def clear(self) -> None:
        """Forget the step."""
        self.chunks.clear()
        self.shapes.clear()
        self.gradients.clear()
        self.is_fresh = False


class Lens:
    """Looks into one model while its own loop trains it.

    Attributes:
        layers: Its layers, after the first step.
        skipped: What is not observed, and why.
        trained: Whether every optimizer has stepped since `begin`.
        cost: Seconds that the hooks of this step took.
    """

    def __init__(
        self,
        arm: str,
        position: int,
        model: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        watched: Watched,
        scaler: Any,
        guard: Callable[[Callable[..., Any]], Callable[..., Any]],
        turn: Callable[[], None],
    ) -> None:
        """Args:
        arm: Its name in the run; `position` its place.
        model: The model, not wrapped.
        optimizers: Whose steps make a step together.
        watched: Decides by path and module what is looked at.
        scaler: torch.amp.GradScaler or None.
        guard: Wraps every hook: no error leaves it.
        turn: Called when the model goes on after its step: the step is over.
        """
        self.arm, self.position, self.model = arm, position, model
        self.layers: list[LayerPlan] = []
        self.skipped: list[Skipped] = []
        self.trained = False
        self.cost = 0.0
        self.looking = True
        self._optimizers = list(optimizers)
        self._stepped: set[int] = set()
        self._scaler = scaler
        self._guard, self._turn = guard, turn
        self._discovery: Discovery | None = Discovery(model, watched)
        self._ends: list[Any] = []
        self._parameters = dict(model.named_parameters())
        self._count = sum(p.numel() for p in model.parameters())
        is_small = self._count <= HASHED_UP_TO and not any(map(_is_sharded, model.parameters()))
        self._hash = weights_hash(model) if is_small else ""
        self._weights: list[str] = []
        self._saved: dict[str, Tensor] = {}
        self._affine: dict[str, list[Tensor]] = {}
        self._found: list[tuple[tuple[int, ...], Tensor]] = []
        self._indices: dict[tuple[int, ...], Tensor] = {}
        self._given: list[Any] = [None, None, None]
        self._sights = [Sight(path, m) for path, m in candidates(model) if watched(path, m)]
        self._hooks: list[Any] = []
        self._hooks_of: dict[str, list[Any]] = {}
        self._attach()

    def _attach(self) -> None:
        for sight in self._sights:
            hooks = [sight.module.register_forward_hook(partial(self._guard(self._see), sight))]
            if getattr(sight.module, "running_mean", None) is not None:
                hook = partial(self._guard(self._see_running), sight)
                hooks.append(sight.module.register_forward_pre_hook(hook))
            self._hooks_of[sight.path] = hooks
        self._hooks.append(self.model.register_forward_pre_hook(self._guard(self._enter)))
        self._hooks.append(self.model.register_forward_hook(self._guard(self._leave)))
        for optimizer in self._optimizers:
            self._hooks.append(optimizer.register_step_pre_hook(self._before_step))
            self._hooks.append(
                optimizer.register_step_post_hook(self._guard(self._after_update))
            )  # fmt: skip

    def detach(self) -> None:
        """Remove every hook."""
        for hook in [*self._hooks, *(h for hooks in self._hooks_of.values() for h in hooks)]:
            hook.remove()
        self._hooks.clear()
        self._hooks_of.clear()
        self._forget_discovery()

    def begin(self, *, looking: bool) -> None:
        """A new step begins; `looking` says whether it is looked at."""
        self.looking, self.trained, self.cost = looking, False, 0.0
        self._stepped.clear()
        self._found.clear()
        self._given = [None, None, None]
        for sight in self._sights:
            sight.clear()

    def give(self, loss: Any, accuracy: Any) -> None:
        """What the loop says of the current step."""
        for place, value in ((LOSS, loss), (ACCURACY, accuracy)):
            if value is not None:
                self._given[place] = value.detach() if isinstance(value, Tensor) else float(value)

    # hooks, in the order in which a step calls them

    def _enter(self, _module: nn.Module, _inputs: Any) -> None:
        if self.trained and _is_seen():
            self._turn()

    def _see_running(self, sight: Sight, module: Any, _inputs: Any) -> None:
        if self.trained and _is_seen():
            self._turn()
        if not self.looking or not _is_seen() or not module.training:
            return
        began = time.perf_counter()
        sight.is_fresh = True
        if not sight.running:
            sight.running = [torch.empty_like(module.running_mean) for _ in range(4)]
        _foreach_copy_(sight.running[:2], [module.running_mean, module.running_var])
        self.cost += time.perf_counter() - began

    def _see(self, sight: Sight, module: Any, _inputs: Any, output: object) -> None:
        if not _is_seen():
            return
        if self.trained:
            self._turn()
        tensor = first_tensor(output)
        if not self.looking or tensor is None or not tensor.is_floating_point() or not tensor.ndim:
            return
        if _in_backward() and sight.chunks:
            return  # a checkpointed layer, computed again
        began = time.perf_counter()
        shape = tuple(tensor.shape)
        stride, start = _stride(sight, shape)
        flat = tensor.detach().reshape(-1)[start::stride]
        sight.chunks.append(flat.to(torch.float32, copy=True))
        sight.shapes.append(shape)
        if sight.is_fresh:
            _foreach_copy_(sight.running[2:], [module.running_mean, module.running_var])
        if tensor.requires_grad:
            tensor.register_hook(partial(self._guard(self._see_gradient), sight))
        self.cost += time.perf_counter() - began

    def _leave(self, _module: nn.Module, _inputs: Any, output: object) -> None:
        if self._discovery is not None and _is_seen():
            self._ends += nodes_of(output)

    @torch.no_grad()
    def _see_gradient(self, sight: Sight, gradient: Tensor) -> None:
        if self.looking:
            began = time.perf_counter()
            sight.gradients.append(norms([gradient])[0])
            self.cost += time.perf_counter() - began

    def _before_step(
        self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Look ahead of an update; of a step with a closure (LBFGS, Lightning), whose forward and
        backward passes are inside the step, after the closure's first call."""
        look = self._guard(self._before_update)
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if not callable(closure):
            look(optimizer)
            return None
        looked = False

        def watched() -> Any:
            nonlocal looked
            result = closure()
            if not looked:
                looked = True
                look(optimizer)
            return result

        if len(args) > 1:
            return (args[0], watched, *args[2:]), kwargs
        return args, {**kwargs, "closure": watched}

    @torch.no_grad()
    def _before_update(self, optimizer: Any) -> None:
        if self._discovery is not None:
            self._discover()
        if id(optimizer) in self._stepped:
            self._turn()  # it steps again: another optimizer was left out
        if not self.looking:
            return
        began = time.perf_counter()
        if not self._stepped:
            self._keep_affine()
        names = self._names_of(optimizer)
        self._given[LR] = optimizer.param_groups[0]["lr"]
        weights = [name for name in self._weights if name in names]
        if weights:
            self._save(weights)
            local = [_local(self._parameters[name]) for name in weights]
            self._found.append((self._places(weights, self._first_weight), norms(local)))
        graded = [name for name in names if self._parameters[name].grad is not None]
        if graded:
            gradients = [_local(self._parameters[name].grad) for name in graded]
            found = norms(gradients)
            scale = getattr(optimizer, "grad_scale", None)
            if scale is not None:  # a fused optimizer unscales by itself
                found = found / scale
            at = [self._first_gradient + self._index[name] for name in graded]
            self._found.append((tuple(at), found))
        self.cost += time.perf_counter() - began

    @torch.no_grad()
    def _after_update(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        self._stepped.add(id(optimizer))
        if self.looking:
            began = time.perf_counter()
            names = self._names_of(optimizer)
            weights = [name for name in self._weights if name in names]
            if weights:
                saved = [self._saved[name] for name in weights]
                _foreach_sub_(saved, [_local(self._parameters[name]) for name in weights])
                self._found.append((self._places(weights, self._first_update), norms(saved)))
            self.cost += time.perf_counter() - began
        self.trained = len(self._stepped) == len(self._optimizers)

    # the plan, after the first backward pass

    def _discover(self) -> None:
        assert self._discovery is not None
        self._discovery.finish(self._ends)
        found, self.skipped = self._discovery.layers, self._discovery.skipped
        self._forget_discovery()
        sights = {sight.path: sight for sight in self._sights}
        seen = [layer for layer in found if sights[layer.output].chunks]
        inside = {layer.name for layer in seen} | {layer.output for layer in seen}
        unseen = [s for s in self._sights if s.path not in inside and _weights_of(s.module)]
        layers = [*seen, *(_unseen(sight) for sight in unseen)]
        names = {id(p): name for name, p in self._parameters.items()}
        self._weights = [names[id(w)] for layer in layers for w in layer.weights]
        self._index = {name: at for at, name in enumerate(self._parameters)}
        self._first_weight = len(layers)
        self._first_gradient = self._first_weight + len(self._weights)
        self._first_update = self._first_gradient + len(self._parameters)
        kept: list[Sight] = []
        for at, layer in enumerate(layers):
            sight = sights[layer.output]
            sight.plan = self._plan_layer(at, layer, sight, names)
            kept.append(sight)
        for sight in self._sights:
            if sight not in kept:
                for hook in self._hooks_of.pop(sight.path):
                    hook.remove()
        self._sights = kept
        self.layers = [sight.plan for sight in kept if sight.plan is not None]

    def _forget_discovery(self) -> None:
        if self._discovery is not None:
            self._discovery.forget()
        self._discovery, self._ends = None, []

    def _plan_layer(
        self, index: int, layer: Layer, sight: Sight, names: dict[int, str]
    ) -> LayerPlan:
        weights = [names[id(weight)] for weight in layer.weights]
        at = [self._weights.index(name) for name in weights]
        plan = replace(
            layer.plan(),
            calls=max(1, len(sight.chunks)),
            places=NormPlaces(
                activation_grad=[index],
                weight=[self._first_weight + place for place in at],
                weight_grad=[self._first_gradient + self._index[name] for name in weights],
                update=[self._first_update + place for place in at],
            ),
        )
        # room for larger batches and longer sequences than the first
        return replace(
            plan, capacity=max(plan.sampling.size, min(EXACT_UP_TO, 2 * plan.sampling.size))
        )

    def plan(self) -> StackPlan:
        """What is recorded of the model; after the first step."""
        row = {"arm": self.arm, "seed": 0, "parameters": self._count, "weights_hash": self._hash}
        return StackPlan(
            networks=[row],
            positions=[self.position],
            layers=self.layers,
            norms=self._first_update + len(self._weights),
            gradients=(self._first_gradient, self._first_update),
        )

    # the end of a step

    @torch.no_grad()
    def fill(self, room: StackSlots, slot: int) -> list[Irregular]:
        """Put what was seen into a slot; returns what differs from the plan."""
        irregular: list[Irregular] = []
        row = room.norms[slot, 0]
        row.fill_(NOT_GIVEN)
        room.given[slot, 0].fill_(NOT_GIVEN)
        targets: list[Tensor] = []
        sources: list[Tensor] = []
        for at, (sight, slots) in enumerate(zip(self._sights, room.layers, strict=True)):
            assert sight.plan is not None
            sampling = _sampling(sight, sight.plan)
            if sampling is None or sampling.size > slots.sample.shape[-1]:
                sampling = Sampling((0, sight.plan.sampling.units), 1)
            if sampling != sight.plan.sampling:
                irregular.append((self.position, at, slot, sampling.shape, sampling.unit_axis))
            begin = 0
            for chunk in sight.chunks if sampling.size else ():
                targets.append(slots.sample[slot, 0, begin : begin + len(chunk)])
                sources.append(chunk)
                begin += len(chunk)
            if slots.running is not None and sight.is_fresh:
                targets += slots.running[slot, 0].unbind()
                sources += sight.running
            elif slots.running is not None:
                slots.running[slot, 0].fill_(NOT_GIVEN)
            of_norm = [array[slot, 0] for array in (slots.gamma, slots.beta) if array is not None]
            targets += of_norm
            sources += self._affine.get(sight.path, of_norm)
        graded = [at for at, sight in enumerate(self._sights) if sight.gradients]
        if graded:
            of_layers = [self._unscaled(self._sights[at].gradients) for at in graded]
            self._found.append((tuple(graded), torch.stack(of_layers)))
        if targets:
            _foreach_copy_(targets, sources)
        for places, values in self._found:
            if places not in self._indices:
                self._indices[places] = torch.tensor(places, device=row.device)
            row.index_copy_(0, self._indices[places], values.to(row))
        for place, value in enumerate(self._given):
            if value is not None:
                room.given[slot, 0, place] = value
        return irregular

    def _unscaled(self, gradients: list[Tensor]) -> Tensor:
        norm = gradients[0] if len(gradients) == 1 else torch.stack(gradients).norm()
        if self._scaler is None:
            return norm
        scale = getattr(self._scaler, "_scale", None)  # a tensor, that nobody has to wait for
        return norm / (self._scaler.get_scale() if scale is None else scale)

    def _names_of(self, optimizer: Any) -> list[str]:
        mine = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return [name for name, p in self._parameters.items() if id(p) in mine]

    def _places(self, names: Iterable[str], first: int) -> tuple[int, ...]:
        return tuple(first + self._weights.index(name) for name in names)

    def _keep_affine(self) -> None:
        """γ and β as they are before the update."""
        for sight in self._sights:
            assert sight.plan is not None
            norm: Any = sight.module
            wanted = [norm.weight] if sight.plan.gamma else []
            wanted += [norm.bias] if sight.plan.beta else []
            if wanted:
                now = [_local(parameter) for parameter in wanted]
                kept = self._affine.setdefault(sight.path, [torch.empty_like(p) for p in now])
                _foreach_copy_(kept, now)

    def _save(self, names: Sequence[str]) -> None:
        local = {name: _local(self._parameters[name]) for name in names}
        for name, weight in local.items():
            if name not in self._saved or self._saved[name].shape != weight.shape:
                self._saved[name] = torch.empty_like(weight)
        _foreach_copy_([self._saved[name] for name in names], list(local.values()))


def _is_seen() -> bool:
    """Whether a forward pass is one to look at: with gradients, and not while being compiled."""
    return not torch.compiler.is_compiling() and torch.is_grad_enabled()


def _in_backward() -> bool:
    return torch._C._current_graph_task_id() != -1


def _stride(sight: Sight, shape: tuple[int, ...]) -> tuple[int, int]:
    """The stride of a call's sample, and where it begins."""
    if sight.plan is None or sight.plan.calls == 1:
        return Sampling(shape, _axis(sight, shape)).stride, 0
    stride = sight.plan.sampling.stride
    return stride, -sum(torch.Size(s).numel() for s in sight.shapes) % stride


def _axis(sight: Sight, shape: tuple[int, ...]) -> int:
    if sight.plan is None or sight.plan.unit_axis >= len(shape):
        return len(shape) - 1
    return sight.plan.unit_axis


def _sampling(sight: Sight, plan: LayerPlan) -> Sampling | None:
    """What the chunks of this step are a sample of; None where they are none of one array."""
    if not sight.chunks:
        return None
    shape, calls = sight.shapes[0], len(sight.shapes)
    axis = _axis(sight, shape)
    if calls == 1 and plan.calls == 1:
        return Sampling(shape, axis)
    if any(other != shape for other in sight.shapes):
        return None
    sampling = Sampling((calls, *shape), axis + 1)
    return sampling if sampling.size == sum(len(chunk) for chunk in sight.chunks) else None


def _weights_of(module: nn.Module) -> list[nn.Parameter]:
    return [p for name, p in module.named_parameters(recurse=False) if "bias" not in name]


def _unseen(sight: Sight) -> Layer:
    """A layer whose forward pass nobody sees, such as one in compiled code: its norms remain."""
    weights = _weights_of(sight.module)
    shape = (0, weights[0].shape[0] if weights[0].ndim else 1)
    norm = norm_name(sight.module)
    return Layer(
        sight.path, type(sight.module).__name__, norm, "unknown", sight.path, shape, 1,
        weights=weights, normalization=None if norm == "none" else sight.module,
    )  # fmt: skip


def _is_sharded(tensor: Any) -> bool:
    return hasattr(tensor, "to_local")


def _local(tensor: Any) -> Tensor:
    """A tensor's values here: of a sharded one this rank's shard, of a sparse one its values."""
    tensor = tensor.detach()
    if _is_sharded(tensor):
        tensor = tensor.to_local()
    return tensor.coalesce().values() if tensor.is_sparse else tensor
