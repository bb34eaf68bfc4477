"""Convolutional networks with every norm: as flat programs bit-equal to eager, and stacked."""

import copy
from typing import get_args

import pytest
import torch
from test_program import assert_equal_training, batches
from torch import nn

from shiftscope.db.arm import Arm
from shiftscope.db.network import Network, NetworkKind
from shiftscope.db.norms import NormName
from shiftscope.db.optimizer import Optimizer
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.networks import networks
from shiftscope.trainer.stack import Stack

NORMS: list[NormName] = list(get_args(NormName))
STACKED: list[NormName] = ["none", "batch", "batch_explicit", "whitening", "weight_standardization"]
SHAPE, CLASSES, STEPS = (1, 8, 8), 5, 4


def made(kind: NetworkKind, norm: NormName, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    network = Network(
        kind=kind, channels=[4, 6], width=0.25, activation="relu", dropout=0.3, norm_groups=1
    )
    arm = Arm(name="a", norm=norm, lrn=kind == "micro_inception")
    return networks()[kind](1, CLASSES, network, arm, seed)


def one_module(seed: int) -> nn.Module:
    """The stem of the micro Inception with LRN, a module with all branches, and the output."""
    whole = made("micro_inception", "batch", seed)
    parts = [whole.get_submodule(name) for name in ("stem1", "lrn1", "stem2", "a", "mean")]
    return nn.Sequential(*parts, nn.Linear(8, CLASSES))


@pytest.mark.parametrize("norm", NORMS)
def test_a_convolutional_network_trains_bit_equal_with_every_norm(norm: NormName) -> None:
    assert_equal_training(made("convolutional", norm), batches(STEPS, SHAPE))


@pytest.mark.parametrize("kind", ["residual", "micro_inception"])
def test_a_network_of_every_kind_trains_bit_equal(kind: NetworkKind) -> None:
    assert_equal_training(made(kind, "batch"), batches(STEPS, SHAPE), momentum=0.9)


@pytest.mark.parametrize("norm", STACKED)
def test_stacked_networks_learn_what_they_learn_apart(norm: NormName) -> None:
    assert_learn_the_same([made("convolutional", norm, seed) for seed in (0, 1)])


def test_stacked_modules_of_an_inception_learn_what_they_learn_apart() -> None:
    assert_learn_the_same([one_module(seed) for seed in (0, 1)])


def assert_learn_the_same(apart: list[nn.Module]) -> None:
    """Together as they would each by itself; a batched product sums in another order."""
    stacked = copy.deepcopy(apart)
    drawn = batches(STEPS, SHAPE)
    train(stacked, drawn)
    for network, twin in zip(apart, stacked, strict=True):
        before = copy.deepcopy(network.state_dict())
        train([network], drawn)
        for name, value in network.state_dict().items():
            ours = twin.state_dict()[name]
            torch.testing.assert_close(ours, value, rtol=1e-3, atol=1e-4, msg=name)
        weights = [name for name, p in network.named_parameters() if p.ndim > 1]
        assert all(not torch.equal(before[name], network.state_dict()[name]) for name in weights)


def train(of_stack: list[nn.Module], drawn: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """By our own program, all networks of the stack on the same batches."""
    layers = find_layers(of_stack[0], drawn[0][0]).layers
    arm, places = Arm(name="a"), range(len(of_stack))
    stack = Stack(
        arm, of_stack, places, places, layers, drawn[0],
        optimizer=Optimizer(lr=0.01), steps=len(drawn),
    )  # fmt: skip
    with torch.no_grad():
        for inputs, labels in drawn:
            seen = stack.look(*(stack.gather([t] * len(of_stack)) for t in (inputs, labels)))
            stack.update(seen)
