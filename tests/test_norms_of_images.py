"""Norms of images: per channel over N·H·W where that is the formula, as of rows (paper §3.2)."""

from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.arm import Arm
from shiftscope.db.network import Network
from shiftscope.db.norms import OVER_EXAMPLES, NormName
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.networks.convolutional import convolutional
from shiftscope.trainer.norms import NormSettings, norms
from shiftscope.trainer.norms.running import RunningNorm
from shiftscope.trainer.norms.weight_standardization import StandardizedConv2d

NAMES: list[NormName] = [name for name in get_args(NormName) if name != "none"]
CHANNELS, SHAPE = 4, (3, 4, 3, 2)


def drawn(*shape: int, seed: int = 0, grad: bool = False) -> Tensor:
    """Images (batch, channels, height, width), channels of unequal scales, in float64."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(*shape, generator=generator, dtype=torch.float64)
    scales = torch.linspace(0.5, 3, shape[1], dtype=torch.float64).view(1, -1, 1, 1)
    return (values * scales + scales).requires_grad_(grad)


def layer(name: NormName, *, of_images: bool = True, **settings: Any) -> nn.Module:
    """A norm in float64, its γ and β moved from 1 and 0."""
    made = norms()[name].make(CHANNELS, NormSettings(of_images=of_images, **settings))
    assert made is not None
    with torch.no_grad():
        for at, parameter in enumerate(made.parameters(), start=1):
            parameter.add_(torch.linspace(-0.3, 0.2, CHANNELS) * at)
    return made.double()


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(OVER_EXAMPLES))
def test_a_norm_of_images_is_that_of_the_rows_of_their_positions(name: NormName) -> None:
    """E12a: forward, backward, running statistics and inference; m' = m · height · width."""
    images, rows = layer(name), layer(name, of_images=False)
    for step in range(3):
        x = drawn(*SHAPE, seed=step, grad=True)
        y = images(x)
        flat = x.detach().movedim(1, -1).reshape(-1, CHANNELS).requires_grad_()
        expected = rows(flat)
        weights = drawn(*SHAPE, seed=9)
        (y * weights).sum().backward()
        (expected * weights.movedim(1, -1).reshape(-1, CHANNELS)).sum().backward()
        close(y.movedim(1, -1).reshape(-1, CHANNELS), expected)
        assert x.grad is not None and flat.grad is not None
        close(x.grad.movedim(1, -1).reshape(-1, CHANNELS), flat.grad)
    for ours, theirs in zip(images.buffers(), rows.buffers(), strict=True):
        close(ours, theirs)
    x = drawn(*SHAPE, seed=5)
    inferred = rows.eval()(x.movedim(1, -1).reshape(-1, CHANNELS))
    close(images.eval()(x).movedim(1, -1).reshape(-1, CHANNELS), inferred)


@pytest.mark.parametrize("name", ["layer", "group", "instance", "weight_standardization"])
def test_a_norm_of_each_example_has_its_mean_and_variance(name: NormName) -> None:
    """Over all channels, over those of a group, or of one channel, and over all positions."""
    x, module = drawn(*SHAPE), layer(name, groups=2, affine=False)
    size = {"layer": CHANNELS, "instance": 1}.get(name, CHANNELS // 2)
    split = x.view(SHAPE[0], CHANNELS // size, -1)
    mean, variance = split.mean(-1, keepdim=True), split.var(-1, correction=0, keepdim=True)
    close(module(x), ((split - mean) / (variance + 1e-5).sqrt()).view(SHAPE))
    affine: Any = layer(name, groups=2)
    scaled = module(x) * affine.weight.view(1, -1, 1, 1) + affine.bias.view(1, -1, 1, 1)
    close(affine(x), scaled)


def test_what_torch_has_is_equal_to_it() -> None:
    x = drawn(*SHAPE)
    close(layer("instance", affine=False)(x), nn.InstanceNorm2d(CHANNELS).double()(x))
    close(layer("batch_explicit", affine=False)(x), layer("batch", affine=False)(x))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "batch_detached"])
def test_gradients_are_those_of_finite_differences(name: NormName) -> None:
    module = layer(name, epsilon=1e-2 if name == "whitening" else 1e-5)
    if isinstance(module, RunningNorm):
        module.track_running_stats = False  # each call of many is the same step
    names = [name for name, _ in module.named_parameters()]
    values = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]

    def run(x: Tensor, *parameters: Tensor) -> Tensor:
        given = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(module, given, (x,))

    assert torch.autograd.gradcheck(run, (drawn(*SHAPE, grad=True), *values))


def test_gradients_of_standardized_kernels_are_those_of_finite_differences() -> None:
    convolution = StandardizedConv2d(2, 3, 2, padding=1).double()

    def run(weight: Tensor, x: Tensor) -> Tensor:
        return torch.func.functional_call(convolution, {"weight": weight}, (x,))

    weight = drawn(3, 2, 2, 2, seed=3, grad=True)
    assert torch.autograd.gradcheck(run, (weight, drawn(2, 2, 3, 3, grad=True)))


@pytest.mark.parametrize("name", NAMES)
def test_a_convolutions_norm_is_found_with_its_name_and_what_it_has(name: NormName) -> None:
    network = Network(kind="convolutional", channels=[4, 6], bn_momentum=0.3)
    built = convolutional(1, 3, network, Arm(name="a", norm=name))
    found = find_layers(built, torch.randn(5, 1, 8, 8)).layers
    assert [one.name for one in found] == ["stage1_1.conv", "stage2_1.conv", "output"]
    assert [one.norm for one in found] == [name, name, "none"]
    plan = found[0].plan()
    assert (plan.activation, plan.unit_axis, plan.shape) == ("sigmoid", 1, (5, 4, 8, 8))
    assert plan.running == (name in OVER_EXAMPLES) and plan.gamma and plan.beta
    bias = built.get_submodule("stage1_1.conv").bias
    assert (bias is None) == norms()[name].cancels_bias


@pytest.mark.parametrize("name", NAMES)
def test_behind_the_nonlinearity_it_is_a_layer_by_itself(name: NormName) -> None:
    network = Network(kind="convolutional", channels=[4], activation="tanh")
    built = convolutional(1, 3, network, Arm(name="a", norm=name, norm_place="after"))
    found = find_layers(built, torch.randn(5, 1, 8, 8)).layers
    assert [(one.name, one.norm, one.activation) for one in found] == [
        ("stage1_1.conv", "none", "tanh"), ("stage1_1.norm", name, "none"),
        ("output", "none", "none"),
    ]  # fmt: skip


def test_one_position_of_one_example_is_no_batch() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        layer("batch_explicit")(drawn(1, CHANNELS, 1, 1))
    assert layer("batch_explicit")(drawn(1, CHANNELS, 3, 3)).isfinite().all(), "positions are rows"
