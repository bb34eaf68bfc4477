"""Hooks on somebody else's model: what one step of it gives, whatever its loop looks like.

Tensor hooks, not module backward hooks, so that in-place operations do no harm; what a hook sees is
copied at once, so that later changes do not matter and no graph is kept alive. Nothing here draws a
random number or changes a value.

A call of a layer belongs to the step in which a gradient comes back to it. Its copy waits in the
hook of its output, so that a forward pass that is only an evaluation leaves nothing behind.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
    nn,
)

from .discovery import Discovery, first_tensor, nodes_of
from .euclidean import norms
from .filling import SlotFiller
from .foreign_updates import ForeignUpdates
from .hooks import Hooks
from .layers import Skipped, candidates, weights_of
from .plan import LayerPlan, StackPlan
from .planning import compiles, plan_layers
from .ring import ACCURACY, LOSS, LR, Irregular, StackSlots
from .selection import Selection
from .sights import Call, Sight
from .twins import weights_hash
from .updates import Updates, is_sharded, local

_transforms: Any = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]
"""Those of torch.func, within which tensors stand for others."""
_FAKE = torch._C._TorchDispatchModeKey.FAKE
"""The mode in which tensors have shapes and no values."""
HASHED_UP_TO = 10_000_000
"""Parameters of a model whose first weights are hashed, which takes a moment."""


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
        models: Sequence[nn.Module],
        optimizers: Sequence[torch.optim.Optimizer],
        selected: Selection,
        scaler: Any,
        failed: Callable[[Exception], None],
        turn: Callable[[], None],
        miss: Callable[[str], None],
    ) -> None:
        """Args:
        arm: Its name in the run; `position` its place.
        models: The model, and before it what it is wrapped in, the outermost first.
        optimizers: Whose steps make a step together.
        selected: Decides by path and module what is looked at.
        scaler: torch.amp.GradScaler or None.
        failed: Called with the error of a hook that failed.
        turn: Called when the model goes on after its step: the step is over.
        miss: Called with a sentence on what is not recorded.
        """
        self.arm, self.position, self.model = arm, position, models[-1]
        self.layers: list[LayerPlan] = []
        self.skipped: list[Skipped] = []
        self.trained = False
        self.cost = 0.0
        self.looking = True
        self._optimizers = list(optimizers)
        self._stepped: set[int] = set()
        self._scaler = scaler
        self._turn = turn
        self._miss = miss
        self._selected = selected
        self._known = WeakSet(self.model.modules())
        parameters = dict(self.model.named_parameters())
        self._count = sum(parameter.numel() for parameter in parameters.values())
        is_small = self._count <= HASHED_UP_TO and not any(map(is_sharded, parameters.values()))
        self._hash = weights_hash(self.model) if is_small else ""
        self._sights = [Sight(p, m) for p, m in candidates(self.model) if selected(p, m)]
        of_all = {id(w) for sight in self._sights for w in weights_of(sight.module)}
        weights = [name for name, parameter in parameters.items() if id(parameter) in of_all]
        self._updates = Updates(parameters, weights)
        self._parameters = list(parameters.values())
        self._foreign = ForeignUpdates(self._parameters, miss)
        self._filler = SlotFiller(position, self._updates)
        self._given: list[Any] = [None, None, None]
        self._order = self._boundary = 0
        """Calls seen so far, and how many of them when the latest update was over."""
        self._backward = -1
        """The number of the latest backward pass."""
        self._ends: list[Any] = []
        self._hooks = Hooks(failed)
        self._discovery = Discovery(self.model, selected, self._hooks.hook)
        self._is_discovered = False
        self._attach(models)

    def _attach(self, models: Sequence[nn.Module]) -> None:
        hooks = self._hooks
        for sight in self._sights:
            hooks.after(sight.path, sight.module, self._see, sight)
            if getattr(sight.module, "running_mean", None) is not None:
                hooks.before(sight.path, sight.module, self._see_running, sight)
        for model in models:
            hooks.before("", model, self._enter)
        hooks.after("", self.model, self._leave)
        for optimizer in self._optimizers:
            hooks.around(optimizer, self._before_update, self._after_update)

    def detach(self, *, within: bool = False) -> None:
        """Remove every hook; `within` one, those of optimizers stay until this is called again."""
        self._hooks.end(within=within)
        self._discovery.forget()
        self._is_discovered, self._ends = True, []

    def begin(self, *, looking: bool) -> None:
        """A new step begins; `looking` says whether it is looked at."""
        self.looking, self.trained, self.cost = looking, False, 0.0
        self._stepped.clear()
        self._updates.clear()
        self._given = [None, None, None]
        for sight in self._sights:
            sight.forget(self._boundary)

    def give(self, loss: Any, accuracy: Any) -> None:
        """What the loop says of the current step: numbers, or tensors that hold one."""
        for place, value in ((LOSS, loss), (ACCURACY, accuracy)):
            if value is not None:
                is_tensor = isinstance(value, Tensor)
                self._given[place] = value.detach().clone() if is_tensor else float(value)

    def name_newcomers(self) -> None:
        """Say which layers came to the model since it is watched: they have no hooks."""
        for path, module in candidates(self.model):
            if module not in self._known and self._selected(path, module):
                self._known.add(module)
                self._miss(
                    f"{path}: it came to the model while that was watched. Layers are found in "
                    "the first step; watch the model anew to record it."
                )

    # hooks, in the order in which a step calls them

    def _enter(self, _module: nn.Module, _inputs: Any) -> None:
        if not _is_seen():
            return
        if self.trained:
            self._turn()
        if not self._is_discovered and self._backward < 0:
            self._discovery.restart()  # the pass before was not trained on
            self._ends = []

    def _see_running(self, sight: Sight, module: Any, _inputs: Any) -> None:
        if self.trained and _is_seen():
            self._turn()
        if not self.looking or sight.is_left or not _is_seen() or not module.training:
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
        if not self.looking or sight.is_left:
            return
        tensor = first_tensor(output)
        if tensor is None or not tensor.is_floating_point() or not tensor.ndim or tensor.is_nested:
            return
        began = time.perf_counter()
        call = sight.take(tensor, self._order)
        self._order += 1
        if sight.is_fresh:
            _foreach_copy_(sight.running[2:], [module.running_mean, module.running_var])
        if tensor.requires_grad:
            self._hooks.at_gradient(tensor, self._see_gradient, sight, call)
        else:
            sight.count(call)
        self.cost += time.perf_counter() - began

    def _leave(self, _module: nn.Module, _inputs: Any, output: object) -> None:
        if not self._is_discovered and _is_seen():
            self._ends += nodes_of(output)

    @torch.no_grad()
    def _see_gradient(self, sight: Sight, call: Call, gradient: Tensor) -> None:
        if not self.looking:
            return
        began = time.perf_counter()
        backward = torch._C._current_graph_task_id()
        if backward > self._backward:
            self._backward = backward
            self._forget_discarded()
        norm = norms([gradient])[0]
        if self._scaler is not None:
            scale = getattr(self._scaler, "_scale", None)  # a tensor, that nobody has to wait for
            norm = norm / (self._scaler.get_scale() if scale is None else scale)
        is_first, call.gradient = call.gradient is None, norm
        if is_first:
            sight.count(call)
        self.cost += time.perf_counter() - began

    @torch.no_grad()
    def _before_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if id(optimizer) in self._stepped:
            self.trained = True  # it steps again: another optimizer was left out
        if self.trained:
            self._turn()
        self._foreign.begin_ours()
        if not self.looking:
            return
        began = time.perf_counter()
        if not self._stepped:
            self._keep_affine()
        self._updates.before(optimizer, graded=not _has_closure(args, kwargs))
        self.cost += time.perf_counter() - began

    @torch.no_grad()
    def _after_update(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._stepped.add(id(optimizer))
        self._boundary = self._order
        began = time.perf_counter()
        self._foreign.end_ours(looking=self.looking)
        if self.looking:
            self._updates.after(optimizer, graded=not _has_closure(args, kwargs))
            self._given[LR] = self._updates.lr
            self.cost += time.perf_counter() - began
        self.trained = len(self._stepped) == len(self._optimizers)
        if self.trained:
            self._discover()  # at once, so that no graph is kept any longer

    def _forget_discarded(self) -> None:
        """A backward pass begins: if the gradients of those before are gone, they came to nothing.

        Or to a step that nobody saw, if the weights have changed meanwhile. So it is when a
        GradScaler skips a step, or a loop one whose loss is not finite; when a closure is evaluated
        several times; and with the first of the two passes by which a loss that depends on a
        gradient is differentiated.
        """
        is_moved = self._foreign.have_come(tell=self._is_discovered)
        has_gradients = any(parameter.grad is not None for parameter in self._parameters)
        if self._stepped or (has_gradients and not is_moved):
            return
        discarded = [c for s in self._sights for c in s.calls if c.gradient is not None]
        if discarded:
            for sight in self._sights:
                sight.drop(max(call.order for call in discarded) + 1)
            for call in discarded:
                call.gradient = None  # it counts again if this pass, too, comes to it

    def _keep_affine(self) -> None:
        """γ and β as they are before the update; of all there are, while the plan is not known."""
        now: list[Tensor] = []
        kept: list[Tensor] = []
        for sight in self._sights:
            for name in sight.affine_names:
                value = local(getattr(sight.module, name))
                if name not in sight.affine:
                    sight.affine[name] = torch.empty_like(value)
                now.append(value)
                kept.append(sight.affine[name])
        if now:
            _foreach_copy_(kept, now)

    # the plan, after the first step, and the slots, after each

    def _discover(self) -> None:
        if self._is_discovered:
            return
        self._discovery.finish(self._ends)
        kept, self.skipped = plan_layers(
            self._discovery, self._sights, self._updates, self._boundary
        )
        for sight in self._sights:
            sight.is_left = sight not in kept
            if sight.is_left:
                sight.calls.clear()
        if not compiles():  # it would compile again, did a module lose a hook
            self._discovery.forget()
            for sight in self._sights:
                if sight.is_left:
                    self._hooks.remove(sight.path)
        self._is_discovered, self._ends = True, []
        self._sights = kept
        self.layers = [sight.plan for sight in kept if sight.plan is not None]

    def plan(self) -> StackPlan:
        """What is recorded of the model; after the first step."""
        self._discover()
        row = {"arm": self.arm, "seed": 0, "parameters": self._count, "weights_hash": self._hash}
        return StackPlan(
            networks=[row],
            positions=[self.position],
            layers=self.layers,
            norms=self._updates.count + len(self.layers),
            gradients=self._updates.gradients,
        )

    def fill(self, room: StackSlots, slot: int) -> list[Irregular]:
        """Put what was seen into a slot; returns what differs from the plan."""
        return self._filler.fill(room, slot, self._sights, self._boundary, self._given)


def _is_seen() -> bool:
    """Whether a forward pass is one to look at: it may be trained on, and is of real values."""
    return (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not _transforms.peek_interpreter_stack()
        and torch._C._get_dispatch_mode(_FAKE) is None
    )


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Whether an optimizer's step computes the gradients itself, by a closure."""
    return (args[1] if len(args) > 1 else kwargs.get("closure")) is not None  # args[0] is itself
