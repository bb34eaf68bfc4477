"""Short trainings: twins, the steps they yield at, what trains; norms and noise of studies."""

import copy
import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from shiftscope.db.arm import Arm
from shiftscope.db.network import Network
from shiftscope.trainer import datasets
from shiftscope.trainer.accuracy import share_right
from shiftscope.trainer.norms.population import take_averages
from shiftscope.trainer.short_training import Data, Twins, accuracy, binary, train
from shiftscope.trainer.studies.blow_up import MovingNorm
from shiftscope.trainer.studies.other_images import faded, rotated

NETWORK = Network(hidden=[12, 8], initialization="xavier")
BATCH_NORM = Arm(name="BatchNorm", norm="batch")
load = partial(datasets.load, data=Path("absent"), progress=lambda _: None)


@pytest.fixture(scope="module")
def data() -> Data:
    return binary(load("digits"))


def test_binary_images_are_zeros_and_ones(data: Data) -> None:
    assert data.pixels.shape == (1437, 784) and data.pixels.unique().tolist() == [0, 1]
    assert data.test_inputs.unique().tolist() == [0, 1] and data.test_inputs.dtype == torch.float32


def test_twins_share_first_weights_and_batches(data: Data) -> None:
    twins = Twins(data, NETWORK, seed=1)
    none, batch = (dict(twins.build(arm).named_parameters()) for arm in (Arm(name="a"), BATCH_NORM))
    assert all(torch.equal(none[f"{name}.weight"], batch[f"{name}.weight"])
               for name in ("hidden1", "hidden2", "output"))  # fmt: skip
    first, again = next(twins.batches(20)), next(twins.batches(20))
    assert first[0].equal(again[0]) and first[1].equal(again[1])


def test_training_is_a_plain_loop_of_sgd(data: Data) -> None:
    twins = Twins(data, NETWORK, seed=0)
    network, plain = twins.build(BATCH_NORM), twins.build(BATCH_NORM)
    optimizer = torch.optim.SGD(plain.parameters(), 0.5)
    drawn = twins.batches(20)
    for step in train(network, twins.batches(20), lr=0.5, steps=7, every=3):
        for _ in range(min(step, 3) if step < 7 else 1):
            inputs, labels = next(drawn)
            optimizer.zero_grad()
            nn.functional.cross_entropy(plain(inputs), labels).backward()
            optimizer.step()
        for own, its in zip(
            network.state_dict().values(), plain.state_dict().values(), strict=True
        ):
            assert torch.equal(own, its)
        data.test_accuracy(network)  # leaves it in inference mode, which training must not mind


def test_it_yields_at_the_start_at_every_so_many_steps_and_at_the_end(data: Data) -> None:
    twins = Twins(data, NETWORK, seed=0)
    yields = train(twins.build(BATCH_NORM), twins.batches(20), lr=0.1, steps=7, every=3)
    assert list(yields) == [0, 3, 6, 7]


def test_only_what_is_named_trains(data: Data) -> None:
    twins = Twins(data, NETWORK, seed=0)
    network = twins.build(BATCH_NORM)
    before = copy.deepcopy(dict(network.named_parameters()))
    only = ["hidden1_norm.weight", "output.bias"]
    list(train(network, twins.batches(20), lr=0.5, steps=2, every=2, only=only))
    changed = [n for n, p in network.named_parameters() if not torch.equal(p, before[n])]
    assert changed == only


def test_a_batch_of_one_is_refused(data: Data) -> None:
    """E14: its variance is 0, and every output would be β."""
    twins = Twins(data, NETWORK, seed=0)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        list(train(twins.build(BATCH_NORM), twins.batches(1), lr=0.1, steps=1, every=1))


def test_accuracy_counts_an_example_without_numbers_as_wrong() -> None:
    logits = torch.tensor([[0.0, 1.0], [float("nan"), 1.0], [1.0, 0.0], [float("nan"), 0.0]])
    assert accuracy(nn.Identity(), logits, torch.tensor([1, 1, 1, 0])) == 0.25


def test_accuracy_among_the_most_probable() -> None:
    scores = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.1, 0.1, 0.1], [0.0, 0.0, math.nan]])
    labels = torch.tensor([1, 0, 0, 2])
    assert [share_right(scores, labels, among) for among in (1, 2, 3)] == [0.25, 0.5, 0.75]


def test_moving_averages_are_constants_to_the_gradient() -> None:
    norm = MovingNorm(3, momentum=0.5)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    output = norm(x)
    mean, variance = 0.5 * x.mean(0), 0.5 + 0.5 * x.var(0)
    expected = (x - mean) / (variance + norm.eps).sqrt()
    assert torch.allclose(output, expected, atol=1e-6)
    (gradient,) = torch.autograd.grad(output.sum(), x)
    assert torch.allclose(gradient, (variance + norm.eps).rsqrt().expand(5, 3), atol=1e-6)


def test_images_are_turned_and_faded(data: Data) -> None:
    images = data.test_inputs[:3]
    square = images.view(-1, 28, 28)
    assert torch.equal(rotated(images, 0), images)
    quarter = rotated(images, 90).view(-1, 28, 28)
    assert any(torch.equal(quarter, square.rot90(turns, (1, 2))) for turns in (1, 3))
    assert torch.equal(faded(images, -1.0), 1 - images)
    assert faded(images, 0.5).unique().tolist() == [0.25, 0.75]


@pytest.mark.parametrize(("contrast", "sign"), [(0.1, 1), (-1.0, -1)])
def test_new_statistics_take_out_contrast_but_for_its_sign(
    data: Data, contrast: float, sign: int
) -> None:
    """E32b, E32c: BN(aWx + c) = ± BN(Wx)."""
    network = Twins(data, NETWORK, seed=0).build(Arm(name="a", norm="batch", bn_epsilon=1e-12))
    inputs = data.pixels[:200].float()
    first: Any = network[:2]  # pyright: ignore[reportIndexIssue]
    found: list[torch.Tensor] = []
    for images in (inputs, faded(inputs, contrast)):
        take_averages(network, [images])
        found.append(first.eval()(images).detach())
    varies = first[1].running_var > 1e-6
    assert varies.sum() >= 10
    assert torch.allclose(found[1][:, varies], sign * found[0][:, varies], atol=1e-3)
