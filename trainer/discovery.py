"""Finding a model's layers by watching one forward pass, whatever the model.

Modules are seen by hooks; what lies between them, functional calls and in-place operations
included, by the autograd graph of the pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, type_before_parametrizations
from torch.utils._pytree import tree_leaves

from .autograd_graph import activation_after, consumers_of, source_of
from .layers import (
    Layer,
    Skipped,
    candidates,
    has_modules,
    normalization_name,
    unit_axis_of,
    weights_of,
)
from .selection import Selection


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


class Discovery:
    """Watches one forward pass; then `layers` and `skipped` tell what was found.

    Attributes:
        layers: In the order of their first call.
        skipped: What cannot be observed.
    """

    def __init__(
        self,
        model: nn.Module,
        selected: Selection,
        hook: Callable[[Callable[..., None]], Any] = lambda function: function,
    ) -> None:
        """Args:
        model: The model.
        selected: Decides by path and module what is looked at.
        hook: Makes a hook of a function.
        """
        self.layers: list[Layer] = []
        self.skipped: list[Skipped] = []
        self._calls: dict[int, _Call] = {}
        self._is_over = False
        self._modules = [(path, m) for path, m in candidates(model) if selected(path, m)]
        self._hooks = [
            module.register_forward_hook(hook(self._note(path))) for path, module in self._modules
        ]
        self._skip_containers(model, selected)

    def finish(self, nodes: Sequence[Any]) -> None:
        """End of the pass; `nodes_of` its output, as far as that is known."""
        consumers = consumers_of([*nodes, *(call.node for call in self._calls.values())])
        made_by = {
            source_of(call.node): call for call in self._calls.values() if call.node is not None
        }
        follows = {
            id(made_by[call.entered].module): call
            for call in self._calls.values()
            if normalization_name(call.module) != "none"
            and call.entered in made_by
            and normalization_name(made_by[call.entered].module) == "none"
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
            self._calls[id(module)] = _Call(path, module, shape, tensor.grad_fn, source_of(entered))

        return hook

    def _skip_containers(self, model: nn.Module, selected: Selection) -> None:
        for path, module in model.named_modules():
            own = [name for name, _ in module.named_parameters(recurse=False)]
            if isinstance(module, ParametrizationList):
                continue
            if own and has_modules(module) and selected(path, module):
                self.skipped.append(
                    Skipped(
                        f"{path}.{own[0]}" if path else own[0],
                        "A parameter beside other modules, used by a function: its gradient "
                        "counts in grad_norm, but no activation belongs to it.",
                    )
                )


def find_layers(
    model: nn.Module, inputs: Tensor, selected: Selection = lambda *_: True
) -> Discovery:
    """The layers of a model, by a forward pass of its own on a batch, which leaves no trace."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    discovery = Discovery(model, selected)
    devices = [inputs.device] if inputs.is_cuda else []
    with torch.enable_grad(), torch.random.fork_rng(devices):
        discovery.finish(nodes_of(model(inputs)))
    discovery.forget()
    for buffer, value in kept:
        buffer.copy_(value)
    return discovery


def _layer(call: _Call, normalization: _Call | None, consumers: dict[Any, list[Any]]) -> Layer:
    end = normalization or call
    module = end.module
    alone = normalization is None and normalization_name(call.module) != "none"
    return Layer(
        name=call.path,
        kind=type_before_parametrizations(call.module).__name__,
        norm=normalization_name(module),
        activation=activation_after(end.node, consumers),
        output=end.path,
        shape=end.shape,
        unit_axis=unit_axis_of(module, end.shape),
        calls=call.calls,
        weights=weights_of(call.module),
        normalization=module if normalization is not None or alone else None,
    )


def nodes_of(output: object) -> list[Any]:
    """The nodes of the autograd graph that made the tensors in a model's output."""
    return [leaf.grad_fn for leaf in _leaves(output) if isinstance(leaf, Tensor)]


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
