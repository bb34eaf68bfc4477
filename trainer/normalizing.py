"""Twins of anyone's model: a copy with BatchNorm taken out or put in."""

import copy
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import is_lazy

from ..db.errors import CannotTwin
from .dataflow import Dataflow
from .folding import take_out
from .inserting import put_in

M = TypeVar("M", bound=nn.Module)

_WRAPPERS = {
    "OptimizedModule": "Twin the model before torch.compile, and compile both",
    "DataParallel": "Twin the model (its .module) before wrapping it, and wrap both",
    "DistributedDataParallel": "Twin the model (its .module) before wrapping it, and wrap both",
    "FullyShardedDataParallel": "Twin the model before wrapping it in FSDP, and wrap both",
    "FSDPModule": "Twin the model before fully_shard, and shard both",
    "ScriptModule": "Twin the Python model before torch.jit, and script both",
}
_QUANTIZED = ("torch.ao.nn", "torch.nn.quantized", "torch.nn.intrinsic", "torch.nn.qat")


def twin(model: M, norm: Literal["none", "batch"] = "none", batch: Any = None) -> M:
    """A copy of a model with BatchNorm taken out or put in; the model itself is not touched.

    In the copy, what was shared is shared; dtypes, devices, `requires_grad` and training mode are
    the model's. Random states stay as they are. Hooks are copied as `copy.deepcopy` does. Reading
    the forward (torch.fx, optional arguments at their defaults) disturbs models that other threads
    run meanwhile.

    "none": each nn.BatchNorm1d, 2d, 3d and SyncBatchNorm is taken out, and the twin computes what
    the model computes in inference mode. Where nothing but the BatchNorm takes a Linear, Conv or
    ConvTranspose's output, it is folded into that layer's weight and bias and leaves an
    nn.Identity; elsewhere (before a convolution, after a tied layer, in a forward that branches on
    tensors and so cannot be read) an `Affine` takes its place.
    LayerNorm, GroupNorm, InstanceNorm and RMSNorm stay: they normalize each example by itself, so
    no fixed weights compute the same, and the pair is to differ in BatchNorm alone. A BatchNorm1d
    right after a Linear is taken to be on (batch, features).

    "batch": a BatchNorm is put after each Linear, Conv and ConvTranspose whose output reaches a
    nonlinearity (directly, or through sums, pooling, dropout, reshaping) and then another layer:
    before the nonlinearity, and not on the logits (paper §3.2). It takes the place of an
    nn.Identity that is there already; otherwise the layer becomes an nn.Sequential of `layer` and
    `norm`. The layer's bias is dropped, since β takes its part (paper §3.2): β starts as the old
    bias and γ as 1, so the function is a different one from the start. With a `batch`, each layer's
    mean and variance over it become the running statistics, γ = √(Var+ε) and β = E + old bias:
    then the twin starts equal in inference mode, and in training mode on that batch too if nothing
    there is random (dropout) or called twice. The batch is run in inference mode; a layer that is
    not called then starts as without a batch.

    Args:
        model: Of standard layers; none of it compiled, wrapped, lazy or quantized.
        norm: What the twin is to have.
        batch: One input, or a tuple of the forward's positional arguments; "none" does not need it.

    Raises:
        CannotTwin: Nothing would differ, or a module cannot be handled; says which, and what to do.

    Warns:
        UserWarning: "batch" left layers alone because their place in the forward is unknown.
    """
    _check(model, norm)
    with _randomness_kept(model):
        try:
            copied = copy.deepcopy(model)
        except Exception as error:
            raise CannotTwin(
                "",
                f"it cannot be copied ({error})",
                "Twin it before hooks or weight_norm are on it.",
            ) from error
        flow = Dataflow.of(copied, set(model.modules()))
        swaps = take_out(copied, flow) if norm == "none" else put_in(copied, flow, batch)
        for parent in list(copied.modules()):
            _swapped(vars(parent), swaps)
        for path, why in Dataflow.of(copied).unread.items():
            if path not in flow.unread:
                raise CannotTwin(
                    path,
                    f"its forward fails without what twin takes out or in its new place ({why})",
                    "Let forward call its layers and norms, and read nothing else of them.",
                )
    return copied


def _swapped(held: Any, swaps: Mapping[nn.Module | None, nn.Module]) -> Any:
    """What holds modules, lists and tuples of them too, with others in the places of some."""
    if isinstance(held, nn.Module):
        return swaps.get(held, held)
    if type(held) is tuple:
        return tuple(_swapped(one, swaps) for one in held)
    if isinstance(held, (dict, list)):
        for key, one in list(held.items() if isinstance(held, dict) else enumerate(held)):
            if isinstance(one, (nn.Module, dict, list, tuple)):
                held[key] = _swapped(one, swaps)
    return held


def _check(model: nn.Module, norm: str) -> None:
    """Raise CannotTwin for what no twin can be made of."""
    if norm not in ("none", "batch"):
        raise CannotTwin("", f"norm is {norm!r}", 'Choose "none" or "batch".')
    if not isinstance(model, nn.Module):
        raise CannotTwin("", f"it is a {type(model).__name__}", "Pass an nn.Module.")
    if isinstance(model, _BatchNorm):
        raise CannotTwin("", "it is itself a BatchNorm", "Pass the network that it is part of.")
    for path, module in model.named_modules():
        for base in type(module).__mro__:
            if base.__name__ in _WRAPPERS and base.__module__.startswith("torch."):
                raise CannotTwin(path, f"it is a {base.__name__}", f"{_WRAPPERS[base.__name__]}.")
            if base.__module__.startswith(_QUANTIZED):
                raise CannotTwin(path, "it is quantized", "Twin the model before quantizing it.")
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and (is_lazy(tensor) or tensor.is_meta):
                raise CannotTwin(
                    path, "it has no values yet", "Initialize it first; a lazy module by one call."
                )


@contextmanager
def _randomness_kept(model: nn.Module) -> Iterator[None]:
    """Random states stay as they were, whatever a forward draws while it is read or measured."""
    cuda = {t.device for t in (*model.parameters(), *model.buffers()) if t.is_cuda}
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(list(cuda)):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
