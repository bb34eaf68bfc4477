"""Taking BatchNorm out of a model, while it computes what it computed.

BatchNorm in inference mode is one scale and one shift per channel (Ioffe & Szegedy 2015, Algorithm
2, step 11): y = γ/√(Var+ε)·x + (β − γ·E/√(Var+ε)). Behind a layer both go into its weight and bias.
"""

from collections import Counter
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..db.errors import CannotTwin
from .dataflow import Dataflow
from .feature_norm import LAYERS, NORM_OF, Affine, FeatureBatchNorm, exact, units_of

KNOWN = {*NORM_OF.values(), nn.SyncBatchNorm}


def take_out(model: nn.Module, flow: Dataflow) -> dict[nn.Module | None, nn.Module]:
    """Fold every BatchNorm that can be; what is to stand in the place of each."""
    batch_norms = {m: path for path, m in model.named_modules() if isinstance(m, _BatchNorm)}
    for batch_norm, path in batch_norms.items():
        if type(batch_norm) not in KNOWN:
            raise CannotTwin(
                path,
                f"{type(batch_norm).__name__} is a BatchNorm of an unknown kind, so what it "
                "computes cannot be folded",
                "Use torch's own BatchNorm1d, 2d, 3d or SyncBatchNorm there.",
            )
        if not batch_norm.track_running_stats or batch_norm.running_mean is None:
            raise CannotTwin(
                path,
                "it keeps no running statistics, so there is no function to fold",
                "Build it with track_running_stats=True.",
            )
    if "batch_norm" in flow.functions:
        raise CannotTwin(
            "", "its forward calls F.batch_norm", "Use the module nn.BatchNorm1d, 2d or 3d instead."
        )
    if not batch_norms:
        raise CannotTwin(
            "",
            "there is no BatchNorm in it, so nothing would differ (LayerNorm and other norms of "
            "single examples stay)",
            'twin(model, "batch") puts BatchNorm in.',
        )
    owners = Counter(id(p) for m in model.modules() for p in m._parameters.values())
    layer_before = {flow.follower(layer): layer for layer in flow.calls if type(layer) in LAYERS}
    swaps: dict[nn.Module | None, nn.Module] = {}
    for batch_norm in batch_norms:
        scale, shift = _inference(batch_norm)
        layer = layer_before.get(batch_norm)
        if layer is not None and _foldable(layer, batch_norm, owners) and layer not in flow.reads:
            _fold(layer, batch_norm, scale, shift)
            swaps[batch_norm] = nn.Identity().train(batch_norm.training)
        else:
            axis = -1 if isinstance(batch_norm, FeatureBatchNorm) else 1
            like = cast(Tensor, batch_norm.running_mean)
            weight = _parameter(scale, like, batch_norm.affine and batch_norm.weight.requires_grad)
            bias = _parameter(shift, like, batch_norm.affine and batch_norm.bias.requires_grad)
            swaps[batch_norm] = Affine(weight, bias, axis).train(batch_norm.training)
    return swaps


def _inference(batch_norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """The scale and shift, (channels,) in float64, of a BatchNorm in inference mode."""
    assert batch_norm.running_mean is not None and batch_norm.running_var is not None
    scale = 1 / (exact(batch_norm.running_var) + batch_norm.eps).sqrt()
    if batch_norm.affine:
        scale = scale * exact(batch_norm.weight)
    shift = -exact(batch_norm.running_mean) * scale
    return scale, shift + exact(batch_norm.bias) if batch_norm.affine else shift


def _foldable(layer: nn.Module, batch_norm: _BatchNorm, owners: Counter[int]) -> bool:
    """Whether a layer's weights are its own, plain, and along the BatchNorm's channels."""
    tied = any(p is not None and owners[id(p)] > 1 for p in layer._parameters.values())
    if tied or layer._forward_hooks or layer._forward_pre_hooks:
        return False
    on_features = isinstance(batch_norm, (FeatureBatchNorm, nn.BatchNorm1d, nn.SyncBatchNorm))
    on_channels = not isinstance(batch_norm, FeatureBatchNorm)
    fits = on_features if isinstance(layer, nn.Linear) else on_channels
    return fits and units_of(layer) == batch_norm.num_features


@torch.no_grad()
def _fold(layer: nn.Module, batch_norm: _BatchNorm, scale: Tensor, shift: Tensor) -> None:
    """weight ← scale·weight and bias ← scale·bias + shift, per output channel."""
    weight, bias = cast(Tensor, layer.weight), cast(Tensor | None, layer.bias)
    # a transposed convolution has (inputs, outputs of a group, …), inputs ordered by group
    if getattr(layer, "transposed", False):
        groups = cast(int, layer.groups)
        grouped = exact(weight).unflatten(0, (groups, -1))
        factors = scale.view(groups, 1, -1, *[1] * (weight.dim() - 2))
        weight.copy_((grouped * factors).flatten(0, 1))
    else:
        weight.copy_(exact(weight) * scale.view(-1, *[1] * (weight.dim() - 1)))
    if bias is not None:
        bias.copy_(exact(bias) * scale + shift)
    else:
        trains = batch_norm.bias.requires_grad if batch_norm.affine else weight.requires_grad
        layer.bias = _parameter(shift, weight, trains)


def _parameter(values: Tensor, like: Tensor, trains: bool) -> nn.Parameter:
    return nn.Parameter(values.to(like), requires_grad=trains)
