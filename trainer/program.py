"""A training step as a flat program: traced once, then replayed without autograd or modules.

Of an eager step on small networks two thirds are bookkeeping: module calls, building the graph,
walking it backwards. The program is what remains: the same kernels in the same order on the same
tensors, so that its numbers are bit-equal to the eager step's. Preactivations and their gradients,
which hooks would have to fish for, are simply among its results.

What a forward pass decides in Python is decided once, when it is traced: its course must not depend
on the values of tensors.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen
from torch.nn import functional

VIEWS = {
    torch.ops.aten.t.default,
    torch.ops.aten.transpose.int,
    torch.ops.aten.permute.default,
    torch.ops.aten.view.default,
    torch.ops.aten._unsafe_view.default,
    torch.ops.aten.unsqueeze.default,
    torch.ops.aten.squeeze.dim,
    torch.ops.aten.expand.default,
    torch.ops.aten.movedim.int,
}
BUILTIN = {
    # The same kernels behind a quicker door: torch's functions parse their arguments in C.
    torch.ops.aten.t.default: torch.t,
    torch.ops.aten.mm.default: torch.mm,
    torch.ops.aten.bmm.default: torch.bmm,
    torch.ops.aten.addmm.default: torch.addmm,
    torch.ops.aten.sigmoid.default: torch.sigmoid,
    torch.ops.aten.tanh.default: torch.tanh,
    torch.ops.aten.relu.default: torch.relu,
    torch.ops.aten.sum.dim_IntList: torch.sum,
    torch.ops.aten.view.default: torch.Tensor.view,
    torch.ops.aten.add_.Tensor: torch.Tensor.add_,
    torch.ops.aten.native_batch_norm.default: torch.native_batch_norm,
}


@dataclass(frozen=True)
class Seen:
    """What one step gave; with several stacked networks every tensor has them as first axis.

    Attributes:
        losses: Mean cross-entropy of the batch.
        preactivations: By layer.
        gradients: By parameter.
        preactivation_gradients: By layer.
    """

    losses: Tensor
    preactivations: list[Tensor]
    gradients: list[Tensor]
    preactivation_gradients: list[Tensor]


class Program:
    """One step of stacked networks: forward pass, mean cross-entropy, backward pass.

    Args:
        network: The module whose forward pass is traced, in training mode.
        outputs: By layer the path of the module whose output is the layer's preactivation.
        parameters: By name, each (networks, …); without `stacked` as the network has them.
        buffers: Likewise; the forward pass changes them in place.
        inputs: A batch like those to come, (networks, batch, …) or (batch, …).
        labels: Its labels.
        stacked: Whether several networks train together.

    The parameters and buffers are bound: the program reads them where they lie, at every step.
    """

    def __init__(
        self,
        network: nn.Module,
        outputs: Sequence[str],
        parameters: dict[str, Tensor],
        buffers: dict[str, Tensor],
        inputs: Tensor,
        labels: Tensor,
        *,
        stacked: bool,
    ) -> None:
        self._layers, self._parameters = len(outputs), len(parameters)
        run = _step(network, outputs, list(parameters), list(buffers), stacked=stacked)
        probes = _probes(network, outputs, parameters, buffers, inputs, stacked=stacked)
        bound = [*parameters.values(), *buffers.values()]
        example = [tensor.detach().clone() for tensor in bound]
        with _random_state_kept(inputs.device):
            module = make_fx(run)(*example, *probes, inputs, labels)
        self._call, self._bound = _simplify(module, bound, len(probes))

    def __call__(self, inputs: Tensor, labels: Tensor) -> Seen:
        """The step on one batch; call it without gradient mode."""
        found = self._call(*self._bound, inputs, labels)
        end = 1 + self._layers
        gradients = end + self._parameters
        return Seen(found[0], found[1:end], found[end:gradients], found[gradients:])


def _step(
    network: nn.Module,
    outputs: Sequence[str],
    parameter_names: Sequence[str],
    buffer_names: Sequence[str],
    *,
    stacked: bool,
) -> Callable[..., list[Tensor]]:
    """The step as a function of parameters, buffers, probes, inputs and labels.

    A probe is a zero that is added to a preactivation: its gradient is the preactivation's.
    """
    first_probe = len(parameter_names) + len(buffer_names)
    end = first_probe + len(outputs)

    def forward(*tensors: Tensor) -> tuple[Tensor, ...]:
        state = dict(zip([*parameter_names, *buffer_names], tensors[:first_probe], strict=True))
        seen: dict[str, Tensor] = {}

        def add_probe(path: str, probe: Tensor) -> Callable[..., Tensor]:
            def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
                seen[path] = output  # what the network does in place, it does to the sum
                return output + probe

            return hook

        hooks = [
            network.get_submodule(path).register_forward_hook(add_probe(path, probe))
            for path, probe in zip(outputs, tensors[first_probe:end], strict=True)
        ]
        try:
            logits = functional_call(network, state, (tensors[end],))
        finally:
            for hook in hooks:
                hook.remove()
        loss = functional.cross_entropy(logits, tensors[end + 1])
        return (loss, *(seen[path] for path in outputs))

    def run(*tensors: Tensor) -> list[Tensor]:
        parameters = [t.detach().requires_grad_() for t in tensors[: len(parameter_names)]]
        probes = [t.detach().requires_grad_() for t in tensors[first_probe:end]]
        of_all = vmap(forward, randomness="different") if stacked else forward
        buffers = tensors[len(parameter_names) : first_probe]
        losses, *preactivations = of_all(*parameters, *buffers, *probes, *tensors[end:])
        # networks share nothing, so the gradient of the sum is each one's own
        total = losses.sum() if stacked else losses
        gradients = torch.autograd.grad(total, [*parameters, *probes])
        return [losses, *preactivations, *gradients]

    return run


def _probes(
    network: nn.Module,
    outputs: Sequence[str],
    parameters: dict[str, Tensor],
    buffers: dict[str, Tensor],
    inputs: Tensor,
    *,
    stacked: bool,
) -> list[Tensor]:
    """Zeros of the shapes of the preactivations."""
    shapes: dict[str, torch.Size] = {}

    def note(path: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            shapes[path] = output.shape

        return hook

    state = {**parameters, **buffers}
    one = {name: (t[0] if stacked else t).detach().clone() for name, t in state.items()}
    hooks = [network.get_submodule(path).register_forward_hook(note(path)) for path in outputs]
    with torch.no_grad(), _random_state_kept(inputs.device):
        functional_call(network, one, (inputs[0] if stacked else inputs,))
    for hook in hooks:
        hook.remove()
    count = (len(inputs),) if stacked else ()
    return [torch.zeros(*count, *shapes[path], device=inputs.device) for path in outputs]


def _simplify(
    module: fx.GraphModule, bound: Sequence[Tensor], probes: int
) -> tuple[Callable[..., list[Tensor]], list[Tensor]]:
    """Drop what computes nothing; returns the function and the tensors it is called with first.

    Views of parameters stay true while the parameters change in place, so they are made once.
    """
    graph = module.graph
    graph.set_codegen(CodeGen())
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    begin = len(bound)
    constant = dict(zip(placeholders, bound, strict=False))
    of_probe = set(placeholders[begin : begin + probes])
    aten: Any = torch.ops.aten

    for node in list(graph.nodes):
        if node.op != "call_function":
            continue
        inputs = node.all_input_nodes
        source: Any = inputs[0] if inputs else None
        if node.target in (aten.detach.default, aten.alias.default):
            node.replace_all_uses_with(source)
        elif node.target in VIEWS and source in of_probe:
            of_probe.add(node)
        elif node.target is aten.add.Tensor and of_probe & set(inputs):
            output = next(one for one in inputs if one not in of_probe)
            node.replace_all_uses_with(_without_probe(node, output))
        elif node.target is aten.t.default and source.target is aten.t.default:
            node.replace_all_uses_with(source.all_input_nodes[0])
    graph.eliminate_dead_code()

    with graph.inserting_before(placeholders[begin]):
        for node in list(graph.nodes):
            if node.target in VIEWS and node.all_input_nodes[0] in constant:
                source = constant[node.all_input_nodes[0]]
                view = graph.placeholder(f"view_of_{node.name}")
                constant[view] = node.target(source, *node.args[1:], **node.kwargs)
                node.replace_all_uses_with(view)
    graph.eliminate_dead_code()
    for node in list(graph.nodes):
        if node.op == "placeholder" and not node.users and node not in placeholders[-2:]:
            constant.pop(node, None)
            graph.erase_node(node)
        elif node.target in BUILTIN:
            node.target = BUILTIN[node.target]
    graph.lint()
    module.recompile()
    return module.forward, list(constant.values())


def _without_probe(total: fx.Node, output: fx.Node) -> fx.Node:
    """What stands for a preactivation plus its probe, which the network goes on with.

    That is the preactivation, unless the network changes it in place: then a copy, or, where that
    change is its only use, the preactivation for the same operation out of place.
    """
    changed, users = _changed_in_place(total), list(total.users)
    if changed is None:
        return output
    if users == [changed]:
        packet, overload = str(changed.target).removeprefix("aten.").split(".")
        changed.target = getattr(getattr(torch.ops.aten, packet.removesuffix("_")), overload)
        return output
    with total.graph.inserting_before(total):
        return total.graph.call_function(torch.ops.aten.clone.default, (output,))


def _changed_in_place(node: fx.Node) -> fx.Node | None:
    """The first operation that writes into the tensor of a node, or into a view of it."""
    aliases = {node}
    for user in node.graph.nodes:
        schema = getattr(user.target, "_schema", None)
        if schema is None or not aliases & set(user.all_input_nodes):
            continue
        for argument, value in zip(schema.arguments, user.args, strict=False):
            if value in aliases and argument.alias_info and argument.alias_info.is_write:
                return user
        if any(returned.alias_info for returned in schema.returns):
            aliases.add(user)
    return None


def _random_state_kept(device: torch.device) -> AbstractContextManager[None]:
    return torch.random.fork_rng([device] if device.type == "cuda" else [])
