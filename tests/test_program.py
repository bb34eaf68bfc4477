"""A training step as a flat program computes what the eager step computes, to the bit."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import register_parametrization

from shiftscope.db.arm import Arm
from shiftscope.db.network import Network
from shiftscope.db.norms import OVER_POSITIONS, NormName
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.networks.mlp import mlp
from shiftscope.trainer.program import Program, Seen
from shiftscope.trainer.sgd import SGD

Batch = tuple[Tensor, Tensor]
STEPS = 25


def program_of(network: nn.Module, batch: Batch) -> Program:
    layers = find_layers(network, batch[0]).layers
    return Program(
        network,
        [layer.output for layer in layers],
        {name: parameter.detach() for name, parameter in network.named_parameters()},
        dict(network.named_buffers()),
        *batch,
        stacked=False,
    )


def batches(count: int, shape: Sequence[int], classes: int = 5, size: int = 12) -> list[Batch]:
    generator = torch.Generator().manual_seed(0)
    return [
        (
            torch.randn(size, *shape, generator=generator),
            torch.randint(classes, (size,), generator=generator),
        )
        for _ in range(count)
    ]


def eager_step(
    network: nn.Module, paths: Sequence[str], batch: Batch
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Loss, preactivations as they were, and their gradients by retain_grad."""
    copies: list[Tensor] = []
    kept: list[Tensor] = []

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        copies.append(output.detach().clone())
        kept.append(output)
        output.retain_grad()
        return output.clone()  # an in-place operation would take the gradient of its own result

    hooks = [network.get_submodule(path).register_forward_hook(hook) for path in paths]
    network.zero_grad()
    loss = functional.cross_entropy(network(batch[0]), batch[1])
    loss.backward()
    for one in hooks:
        one.remove()
    return loss.detach(), copies, [tensor.grad for tensor in kept if tensor.grad is not None]


def assert_equal_training(
    network: nn.Module, drawn: list[Batch], lr: float = 0.1, momentum: float = 0.0
) -> list[Seen]:
    """Train a copy by torch alone and the network by its program, and compare every bit."""
    twin = copy.deepcopy(network)
    paths = [layer.output for layer in find_layers(network, drawn[0][0]).layers]
    optimizer = torch.optim.SGD(twin.parameters(), lr, momentum)
    program = program_of(network, drawn[0])
    sgd = SGD([parameter.detach() for parameter in network.parameters()], lr, momentum)
    seen: list[Seen] = []
    for number, batch in enumerate(drawn):
        torch.manual_seed(number)
        loss, preactivations, of_preactivations = eager_step(twin, paths, batch)
        torch.manual_seed(number)
        found = program(*batch)
        assert torch.equal(found.losses, loss)
        expected = [parameter.grad for parameter in twin.parameters()]
        for ours, theirs in (
            (found.preactivations, preactivations),
            (found.preactivation_gradients, of_preactivations),
            (found.gradients, expected),
        ):
            assert len(ours) == len(theirs) > 0
            for a, b in zip(ours, theirs, strict=True):
                assert b is not None and torch.equal(a, b), number
        sgd.step(found.gradients)
        optimizer.step()
        seen.append(found)
    for name, value in twin.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    return seen


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_an_mlp_trains_bit_equal(
    activation: Literal["sigmoid", "tanh", "relu"],
    norm: Literal["none", "batch"],
    momentum: float,
) -> None:
    torch.manual_seed(0)
    network = mlp(
        30, 5, Network(hidden=[16, 12], activation=activation), Arm(name="arm", norm=norm)
    )
    assert_equal_training(network, batches(STEPS, (30,)), momentum=momentum)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("norm", sorted({*get_args(NormName)} - OVER_POSITIONS))
def test_an_mlp_trains_bit_equal_with_every_norm(
    norm: NormName, place: Literal["before", "after"], affine: bool
) -> None:
    torch.manual_seed(0)
    arm = Arm(name="arm", norm=norm, norm_place=place, affine=affine)
    assert_equal_training(mlp(30, 5, Network(hidden=[16, 12]), arm), batches(STEPS, (30,)))


class Convolutional(nn.Module):
    """What convolutional networks are made of, in-place operations wherever they can be."""

    def __init__(self, dropout: float = 0.3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)  # shared
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.pool = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.average = nn.AvgPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        u = self.relu(self.norm1(self.stem(x)))
        v = self.norm2(self.conv2(u))
        v += u  # a skip connection that changes a preactivation
        u = self.pool(self.relu(v))
        u = self.average(functional.leaky_relu(self.conv3(u), 0.1, inplace=True))
        return self.output(self.dropout(u.flatten(1)))


def test_a_convolutional_network_trains_bit_equal() -> None:
    torch.manual_seed(0)
    seen = assert_equal_training(Convolutional(), batches(STEPS, (1, 8, 8)), momentum=0.9)
    for preactivation in seen[-1].preactivations[:3]:
        assert preactivation.min() < 0, "what came after an in-place ReLU"


def test_dropout_is_drawn_anew_at_every_step() -> None:
    torch.manual_seed(0)
    network = Convolutional(dropout=0.5)
    (batch,) = batches(1, (1, 8, 8))
    program = program_of(network, batch)
    assert len({program(*batch).losses.item() for _ in range(5)}) == 5


def test_making_a_program_leaves_no_trace() -> None:
    torch.manual_seed(0)
    network = Convolutional()
    before = copy.deepcopy(network.state_dict())
    random = torch.get_rng_state()
    program_of(network, batches(1, (1, 8, 8))[0])
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


class Standardized(nn.Linear):
    """Weight standardization: its weights enter by way of functions of weights alone."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight - self.weight.mean(1, keepdim=True)
        weight = weight / (weight.std(1, keepdim=True) + 1e-5)
        return functional.linear(input, weight.t().contiguous().t(), self.bias.view(-1).expand(16))


class Doubled(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight.tanh()


def test_functions_of_parameters_are_computed_at_every_step() -> None:
    torch.manual_seed(0)
    output = nn.Linear(16, 5)
    register_parametrization(output, "weight", Doubled())
    network = nn.Sequential(Standardized(30, 16), nn.ReLU(), output)
    assert_equal_training(network, batches(STEPS, (30,)), lr=0.5)


def test_tied_parameters_and_modules_called_twice_train_bit_equal() -> None:
    """The gradient at a layer that is called twice is that of its sum; weights get it right."""

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into = nn.Linear(8, 8)
            self.output = nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.output(self.into(self.into(x).sigmoid()).tanh())

    torch.manual_seed(0)
    network = Twice()
    twin = copy.deepcopy(network)
    (batch,) = batches(1, (8,))
    program = Program(
        network, ["output"], {name: p.detach() for name, p in network.named_parameters()}, {},
        *batch, stacked=False,
    )  # fmt: skip
    functional.cross_entropy(twin(batch[0]), batch[1]).backward()
    for ours, theirs in zip(program(*batch).gradients, twin.parameters(), strict=True):
        assert theirs.grad is not None and torch.equal(ours, theirs.grad)


def changed_through_a_view(u: Tensor) -> Tensor:
    u.view(-1)[::2].mul_(0.5)
    return u


def changed_after_it_was_used(u: Tensor) -> Tensor:
    before = 2 * u
    return torch.relu_(u.add_(1)) + before


@pytest.mark.parametrize("change", [changed_through_a_view, changed_after_it_was_used])
def test_a_preactivation_is_what_it_was_before_it_was_changed(
    change: Callable[[Tensor], Tensor],
) -> None:
    class Changing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.into = nn.Linear(8, 6)
            self.output = nn.Linear(6, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.output(change(self.into(x)))

    torch.manual_seed(0)
    assert_equal_training(Changing(), batches(5, (8,)))
