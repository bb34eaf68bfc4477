"""Putting BatchNorm into a model: behind hidden layers, before their nonlinearity (paper §3.2)."""

import copy
import warnings
from collections import OrderedDict
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..db.errors import CannotTwin
from .dataflow import Dataflow
from .feature_norm import LAYERS, NORM_OF, exact, units_of


def put_in(model: nn.Module, flow: Dataflow, batch: Any) -> dict[nn.Module | None, nn.Module]:
    """A BatchNorm for every hidden layer that has none; what is to stand in the place of what."""
    paths = {m: path for path, m in model.named_modules() if isinstance(m, LAYERS)}
    unknown = [path for m, path in paths.items() if m not in flow.calls or m in flow.reads]
    hidden = [m for m in paths if m not in flow.reads and flow.is_hidden(m)]
    unread = "; ".join(f"{path or 'the model'}: {why}" for path, why in flow.unread.items())
    left = f"how forward uses {', '.join(unknown)} is not known" + (
        f" ({unread})" if unread else ""
    )
    if not hidden:
        raise CannotTwin(
            "",
            "no Linear or Conv layer without a norm feeds a nonlinearity and then another layer"
            + (f"; {left}" if unknown else ""),
            "Call layers as modules, in a forward of your own without branches on tensors.",
        )
    if unknown:
        warnings.warn(f"twin left layers without BatchNorm: {left}.", stacklevel=3)
    moments = {} if batch is None else _moments(model, [paths[layer] for layer in hidden], batch)
    swaps: dict[nn.Module | None, nn.Module] = {}
    for layer in hidden:
        place = flow.follower(layer)
        norm = _norm_after(layer, moments.get(paths[layer]))
        if type(place) is nn.Identity:
            swaps[place] = norm
        else:
            block = nn.Sequential(OrderedDict(layer=layer, norm=norm))
            block.training = layer.training
            swaps[layer] = block
    return swaps


@torch.no_grad()
def _norm_after(layer: nn.Module, moments: tuple[Tensor, Tensor] | None) -> _BatchNorm:
    """The BatchNorm of a layer, which loses its bias to it.

    With the mean and variance of the layer's output, (units,), the two together start as the layer.
    """
    kind = next(NORM_OF[base] for base in type(layer).__mro__ if base in NORM_OF)
    weight, bias = cast(Tensor, layer.weight), cast(Tensor | None, layer.bias)
    norm = kind(units_of(layer), device=weight.device, dtype=weight.dtype).train(layer.training)
    norm.weight.requires_grad_(weight.requires_grad)
    norm.bias.requires_grad_(weight.requires_grad if bias is None else bias.requires_grad)
    # a class of the user's own, or a parametrized bias, may need it: then it stays, without effect
    dropped = bias if type(layer) in NORM_OF else None
    if dropped is not None:
        layer.register_parameter("bias", None)
        norm.bias.copy_(dropped)
    if moments is not None:
        assert norm.running_mean is not None and norm.running_var is not None
        mean, variance = moments  # of the output with its bias
        norm.running_mean.copy_(mean if dropped is None else mean - exact(dropped))
        norm.running_var.copy_(variance)
        norm.weight.copy_((exact(norm.running_var) + norm.eps).sqrt())
        norm.bias.copy_(mean)
    return norm


def _moments(model: nn.Module, paths: list[str], batch: Any) -> dict[str, tuple[Tensor, Tensor]]:
    """The mean and (biased) variance of layers' outputs over a batch, per unit, in inference mode.

    Over all calls together of a layer that is called several times.
    """
    calls: dict[str, list[tuple[int, Tensor, Tensor]]] = {}
    measured = copy.deepcopy(model).eval()  # a forward may store what it is given

    def observe(path: str, layer: nn.Module) -> None:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            axis = output.dim() - 1 if isinstance(layer, nn.Linear) else 1
            if axis == 1 and output.dim() != cast(Tensor, layer.weight).dim():
                raise ValueError(f"{path} is given a single example, not a batch of them")
            values = exact(output).movedim(axis, 0).flatten(1)
            if not values.numel() or not values.isfinite().all():
                raise ValueError(f"{path} puts out nothing, or what is not finite")
            variance, mean = torch.var_mean(values, 1, correction=0)
            calls.setdefault(path, []).append((values.shape[1], mean, variance))

        layer.register_forward_hook(hook)

    for path in paths:
        observe(path, measured.get_submodule(path))
    try:
        with torch.no_grad():
            measured(*(batch if isinstance(batch, tuple) else (batch,)))
    except Exception as error:
        raise CannotTwin(
            "",
            f"it fails on the batch ({type(error).__name__}: {error})",
            "Pass one input as the model takes it, or a tuple of its positional arguments.",
        ) from error
    pooled: dict[str, tuple[Tensor, Tensor]] = {}
    for path, parts in calls.items():
        sizes, means, variances = zip(*parts, strict=True)
        means, variances = torch.stack(means), torch.stack(variances)
        shares = torch.tensor(sizes, dtype=torch.float64)[:, None] / sum(sizes)
        mean = (shares * means).sum(0)
        pooled[path] = mean, (shares * (variances + (means - mean) ** 2)).sum(0)
    return pooled
