"""Our optimizers compute what torch's compute, and a schedule is what its formula says."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.optimizer import Optimizer
from shiftscope.trainer.adam import Adam
from shiftscope.trainer.descent import Descent
from shiftscope.trainer.optimizing import descent, schedule
from shiftscope.trainer.sgd import SGD

DECAY = 0.01


def network() -> nn.Module:
    torch.manual_seed(0)
    # without a bias before BatchNorm, whose gradient is rounding alone, which Adam would blow up
    first = nn.Linear(20, 30, bias=False)
    return nn.Sequential(first, nn.BatchNorm1d(30), nn.Sigmoid(), nn.Linear(30, 3))


def groups(model: nn.Module, decay: float) -> list[dict[str, Any]]:
    """As torch's optimizers take them: matrices decay, the rest does not."""
    return [
        {"params": [parameter], "weight_decay": decay if parameter.ndim > 1 else 0.0}
        for parameter in model.parameters()
    ]


def trained(
    ours: Callable[[Iterable[Tensor]], Descent],
    torchs: Callable[[Any], torch.optim.Optimizer],
    decay: float = 0.0,
    lr: Callable[[int], float] | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """What both have made of a network after 20 steps."""
    model, twin = network(), network()
    mine = ours(model.parameters())
    optimizer = torchs(groups(twin, decay))
    for step in range(20):
        inputs, labels = torch.randn(16, 20), torch.randint(3, (16,))
        loss = nn.functional.cross_entropy(model(inputs), labels)
        mine.step(torch.autograd.grad(loss, mine.parameters))
        optimizer.zero_grad()
        nn.functional.cross_entropy(twin(inputs), labels).backward()
        for group in optimizer.param_groups if lr else ():
            group["lr"] = lr(step) if lr else 0
        optimizer.step()
    return list(zip(model.state_dict().values(), twin.state_dict().values(), strict=True))


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_bit_equal_to_torchs(momentum: float, decay: float) -> None:
    for ours, theirs in trained(
        lambda parameters: SGD(parameters, 0.3, momentum, weight_decay=decay),
        lambda parameters: torch.optim.SGD(parameters, 0.3, momentum),
        decay,
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("decay", [0.0, DECAY])
def test_adam_is_torchs_but_for_rounding(decay: float) -> None:
    asked = Optimizer(
        algorithm="adam", lr=0.01, beta1=0.8, beta2=0.99, adam_epsilon=1e-6, weight_decay=decay
    )
    for ours, theirs in trained(
        lambda parameters: descent(asked, parameters, [0, 3], steps=20),
        lambda parameters: torch.optim.Adam(parameters, 0.01, (0.8, 0.99), 1e-6),
        decay,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_sgd_with_a_schedule_is_torchs_with_those_learning_rates() -> None:
    asked = Optimizer(lr=0.5, momentum=0.9, schedule="exponential", decay=0.5, decay_every=10)
    for ours, theirs in trained(
        lambda parameters: descent(asked, parameters, [], steps=20),
        lambda parameters: torch.optim.SGD(parameters, 0.5, 0.9),
        lr=lambda step: 0.5 * 0.5 ** (step / 10),
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("make", [
    lambda parameters: SGD(parameters, 0.1),
    lambda parameters: SGD(parameters, 0.1, 0.9),
    lambda parameters: SGD(parameters, 0.1, weight_decay=DECAY),
    lambda parameters: Adam(parameters, 0.1),
    lambda parameters: Adam(
        parameters, 0.1, weight_decay=DECAY, schedule=lambda step: 1 / (step + 1)
    ),
])  # fmt: skip
def test_directions_times_the_learning_rate_are_the_update(make: Any) -> None:
    """Whoever takes the gradients for the directions is told when they are not."""
    parameters = [torch.randn(4, 5), torch.randn(5)]
    optimizer: Descent = make(parameters)
    for _ in range(3):
        before, lr = [parameter.clone() for parameter in parameters], optimizer.lr
        gradients = [torch.randn_like(parameter) for parameter in parameters]
        optimizer.step(gradients)
        for old, new, d in zip(before, parameters, optimizer.directions, strict=True):
            torch.testing.assert_close(old - lr * d, new)
        if optimizer.follows_gradients:
            assert all(map(torch.equal, optimizer.directions, gradients))


def test_only_what_is_named_decays() -> None:
    matrix, gamma = torch.ones(2, 2), torch.ones(2)
    SGD([matrix, gamma], 0.5, weight_decay=0.5).step([torch.zeros(2, 2), torch.zeros(2)])
    assert torch.equal(matrix, torch.full((2, 2), 0.75)) and torch.equal(gamma, torch.ones(2))


@pytest.mark.parametrize(
    ("name", "factors"),
    [
        ("constant", {0: 1, 999: 1}),
        ("exponential", {0: 1, 50: math.sqrt(0.8), 100: 0.8, 250: 0.8**2.5}),
        ("step", {0: 1, 99: 1, 100: 0.8, 250: 0.64}),
        ("cosine", {0: 1, 250: (1 + math.sqrt(0.5)) / 2, 500: 0.5, 1000: 0}),
    ],
)
def test_a_schedule_has_the_values_of_its_formula(name: Any, factors: dict[int, float]) -> None:
    factor = schedule(Optimizer(schedule=name, decay=0.8, decay_every=100), steps=1000)
    assert {step: factor(step) for step in factors} == pytest.approx(factors)
