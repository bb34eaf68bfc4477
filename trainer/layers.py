"""Which layers a model has: found by watching one forward pass, whatever the model.

A layer is a weight module (linear, convolution, recurrent, …), the norm that follows it if one
does, and the nonlinearity that its output enters. Modules are seen by hooks; what lies between
them, functional calls and in-place operations included, by the autograd graph of the pass.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._pytree import tree_leaves

from .plan import LayerPlan

NORMS: dict[type[nn.Module], str] = {
    nn.SyncBatchNorm: "sync batch",
    nn.modules.batchnorm._BatchNorm: "batch",
    nn.modules.instancenorm._InstanceNorm: "instance",
    nn.LayerNorm: "layer",
    nn.GroupNorm: "group",
    nn.LocalResponseNorm: "local response",
    nn.RMSNorm: "rms",
}
CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.GroupNorm,
    nn.LocalResponseNorm,
)
"""Modules whose output counts its channels along axis 1; others along the last axis."""
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


@dataclass
class Layer:
    """One observed block of a model.

    Attributes:
        name: Module path of the weight module, or of a norm that stands alone.
        kind: Class name of that module.
        norm: Name of the norm, none where there is none.
        activation: Name of the nonlinearity that the preactivation enters, none where it enters
            none, unknown where that cannot be told or it is not one of ours.
        output: Path of the module whose output is the preactivation.
        shape: Of the preactivation at the first call.
        unit_axis: Which axis of the shape counts units or channels.
        calls: How often the forward pass called it.
        weights: The weight module's weight matrices, without biases.
        normalization: The norm module.
    """

    name: str
    kind: str
    norm: str
    activation: str
    output: str
    shape: tuple[int, ...]
    unit_axis: int
    calls: int = 1
    weights: list[nn.Parameter] = field(default_factory=list)
    normalization: nn.Module | None = None

    def plan(self) -> LayerPlan:
        """What is recorded of it, but for its norms' places."""
        norm: Any = self.normalization
        running = getattr(norm, "running_mean", None) is not None
        return LayerPlan(
            name=self.name,
            kind=self.kind[:40],
            norm=self.norm,
            activation=self.activation,
            shape=self.shape,
            unit_axis=self.unit_axis,
            calls=self.calls,
            running=running,
            gamma=getattr(norm, "weight", None) is not None,
            beta=getattr(norm, "bias", None) is not None,
            epsilon=getattr(norm, "eps", None) or 0.0,
            momentum=(norm.momentum or 0.0) if running else 0.0,
        )


@dataclass(frozen=True)
class Skipped:
    """A module that is not observed, and a sentence why."""

    name: str
    reason: str


@dataclass
class _Call:
    """What the first call of a module showed."""

    path: str
    module: nn.Module
    shape: tuple[int, ...]
    node: Any
    """The node of the autograd graph that made its output, before anything changed it in place."""
    entered: Any
    """The node that made its input."""
    calls: int = 1


def candidates(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules with parameters of their own and no modules inside; shared ones once."""
    for path, module in model.named_modules():
        if _has_modules(module) or isinstance(module, ParametrizationList):
            continue
        if norm_name(module) != "none" or weights_of(module) or module._parameters:
            yield path or type(module).__name__, module


def weights_of(module: nn.Module) -> list[nn.Parameter]:
    """A module's own weight matrices, those behind a reparametrized one too; no biases."""
    found: list[Any] = [p for n, p in module.named_parameters(recurse=False) if "bias" not in n]
    for name, inside in getattr(module, "parametrizations", {}).items():
        if "bias" not in name:
            found += inside.parameters(recurse=False)
    # neither indices nor codes, as of quantized weights
    return [p for p in found if p.itemsize > 1 and (p.is_floating_point() or p.is_complex())]


def _has_modules(module: nn.Module) -> bool:
    """Whether there are modules inside, but for those that reparametrize its weights."""
    return any(name != "parametrizations" for name, _ in module.named_children())


def norm_name(module: nn.Module) -> str:
    """The name of a norm; none for what is not one."""
    for kind, name in NORMS.items():
        if isinstance(module, kind):
            return name
    return "rms" if type(module).__name__.endswith("RMSNorm") else "none"


class Discovery:
    """Watches one forward pass; then `layers` and `skipped` tell what was found.

    Attributes:
        layers: In the order of their first call.
        skipped: What cannot be observed.
    """

    def __init__(
        self,
        model: nn.Module,
        watched: Callable[[str, nn.Module], bool],
        hook: Callable[[Callable[..., None]], Any] = lambda function: function,
    ) -> None:
        """Args:
        model: The model.
        watched: Decides by path and module what is looked at.
        hook: Makes a hook of a function.
        """
        self.layers: list[Layer] = []
        self.skipped: list[Skipped] = []
        self._calls: dict[int, _Call] = {}
        self._is_over = False
        self._modules = [(path, m) for path, m in candidates(model) if watched(path, m)]
        self._hooks = [
            module.register_forward_hook(hook(self._note(path))) for path, module in self._modules
        ]
        self._skip_containers(model, watched)

    def finish(self, nodes: Sequence[Any]) -> None:
        """End of the pass; `nodes_of` its output, as far as that is known."""
        consumers = _consumers([*nodes, *(call.node for call in self._calls.values())])
        made_by = {
            _source(call.node): call for call in self._calls.values() if call.node is not None
        }
        follows = {
            id(made_by[call.entered].module): call
            for call in self._calls.values()
            if norm_name(call.module) != "none"
            and call.entered in made_by
            and norm_name(made_by[call.entered].module) == "none"
            and made_by[call.entered].calls == call.calls
        }
        merged = {id(call.module) for call in follows.values()}
        for call in self._calls.values():
            if id(call.module) not in merged:
                self.layers.append(_layer(call, follows.get(id(call.module)), consumers))
        for path, module in self._modules:
            if id(module) not in self._calls:
                self.skipped.append(
                    Skipped(path, "The forward pass did not call it as a module, or it returned "
                                  "no tensor of floats.")
                )  # fmt: skip
        self._is_over = True
        self._calls.clear()

    def restart(self) -> None:
        """Forget the pass so far: another one is to be watched."""
        self._calls.clear()

    def forget(self) -> None:
        """Remove the hooks, and keep nothing of the autograd graph alive."""
        for hook in self._hooks:
            hook.remove()
        self._calls.clear()

    def _note(self, path: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: object) -> None:
            tensor = first_tensor(output)
            if self._is_over or tensor is None or not tensor.is_floating_point() or not tensor.ndim:
                return
            if torch.compiler.is_compiling() or not torch.is_grad_enabled():
                return
            if id(module) in self._calls:
                self._calls[id(module)].calls += 1
                return
            entered = inputs[0].grad_fn if inputs and isinstance(inputs[0], Tensor) else None
            shape = tuple(tensor.shape)
            self._calls[id(module)] = _Call(path, module, shape, tensor.grad_fn, _source(entered))

        return hook

    def _skip_containers(self, model: nn.Module, watched: Callable[[str, nn.Module], bool]) -> None:
        for path, module in model.named_modules():
            own = [name for name, _ in module.named_parameters(recurse=False)]
            if isinstance(module, ParametrizationList):
                continue
            if own and _has_modules(module) and watched(path, module):
                self.skipped.append(
                    Skipped(
                        f"{path}.{own[0]}" if path else own[0],
                        "A parameter beside other modules, used by a function: its gradient "
                        "counts in grad_norm, but no activation belongs to it.",
                    )
                )


def first_tensor(output: object) -> Tensor | None:
    """A module's output, or the first tensor in it."""
    if isinstance(output, Tensor):
        return output
    return next((leaf for leaf in _leaves(output) if isinstance(leaf, Tensor)), None)


def _leaves(output: object) -> list[Any]:
    """What is in a module's output, also in one of a class that pytree does not know."""
    leaves = tree_leaves(output)
    if len(leaves) == 1 and not isinstance(leaves[0], Tensor) and hasattr(leaves[0], "__dict__"):
        return tree_leaves(vars(leaves[0]))
    return leaves


def _layer(call: _Call, norm: _Call | None, consumers: dict[Any, list[Any]]) -> Layer:
    end = norm or call
    module = end.module
    alone = norm is None and norm_name(call.module) != "none"
    return Layer(
        name=call.path,
        kind=type(call.module).__name__,
        norm=norm_name(module),
        activation=_activation(end.node, consumers),
        output=end.path,
        shape=end.shape,
        unit_axis=_unit_axis(module, end.shape),
        calls=call.calls,
        weights=weights_of(call.module),
        normalization=module if norm is not None or alone else None,
    )


def _kind(node: Any) -> str:
    return node.name().rstrip("0123456789")


def _unit_axis(module: nn.Module, shape: tuple[int, ...]) -> int:
    """Which axis of a module's output counts units or channels."""
    last = len(shape) - 1
    if isinstance(module, CHANNELS_FIRST):
        return min(1, last)
    scale = getattr(module, "weight", None)
    if norm_name(module) != "none" and isinstance(scale, Tensor) and scale.ndim == 1:
        # a norm over channels that lets them first, as LayerNorm2d of several libraries does
        return 1 if last > 1 and shape[last] != len(scale) == shape[1] else last
    return last


def _source(node: Any) -> Any:
    """The node that made a tensor, reshaping left out."""
    while node is not None and node.name() in RESHAPING:
        node = node.next_functions[0][0]
    return node


def _consumers(ends: Sequence[Any]) -> dict[Any, list[Any]]:
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
                found.setdefault(_source(before), []).append(node)
            if before not in seen:
                seen.add(before)
                waiting.append(before)
    return found


def nodes_of(output: object) -> list[Any]:
    """The nodes of the autograd graph that made the tensors in a model's output."""
    return [leaf.grad_fn for leaf in _leaves(output) if isinstance(leaf, Tensor)]


def _activation(node: Any, consumers: dict[Any, list[Any]]) -> str:
    source = _source(node)
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


def find_layers(
    model: nn.Module, inputs: Tensor, watched: Callable[[str, nn.Module], bool] = lambda *_: True
) -> Discovery:
    """The layers of a model, by a forward pass of its own on a batch, which leaves no trace."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    discovery = Discovery(model, watched)
    devices = [inputs.device] if inputs.is_cuda else []
    with torch.enable_grad(), torch.random.fork_rng(devices):
        discovery.finish(nodes_of(model(inputs)))
    discovery.forget()
    for buffer, value in kept:
        buffer.copy_(value)
    return discovery
