"""Dropout and weight noise: of the size that is asked, the same at every try, off in inference."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shiftscope.db.arm import Arm
from shiftscope.db.experiment import Experiment
from shiftscope.db.network import Network
from shiftscope.db.optimizer import Optimizer
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.networks.dropout import Dropout
from shiftscope.trainer.networks.weight_noise import add_weight_noise
from shiftscope.trainer.stack import Stack
from shiftscope.trainer.twins import arm_weights, build, draw_weights

BATCH, INPUTS, CLASSES = 20, 30, 5


def made(seed: int = 0, **settings: Any) -> nn.Module:
    arm = Arm.model_validate({"name": "a", **settings})
    experiment = Experiment(network=Network(hidden=[16, 12]), arms=[arm])
    return build(experiment, arm, arm_weights(experiment, arm, INPUTS, CLASSES, seed), seed)


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    dropout = Dropout(0.2, key=5)
    ones = torch.ones(200, 500)
    outputs = dropout(ones)
    assert set(outputs.unique().tolist()) == {0.0, 1.25}
    assert (outputs == 0).float().mean().item() == pytest.approx(0.2, abs=0.005)
    assert not torch.equal(dropout(ones), outputs), "another step, another mask"
    assert torch.equal(Dropout(0.2, key=5)(ones), outputs)
    assert not torch.equal(Dropout(0.2, key=6)(ones), outputs)
    dropout.eval()
    assert torch.equal(dropout(ones), ones)


def test_noise_has_its_share_of_the_std_of_each_weight_matrix() -> None:
    layers: list[Any] = [nn.Linear(300, 200), nn.Conv1d(200, 200, 1)]
    network = nn.Sequential(layers[0], nn.ReLU(), layers[1])
    weights = [layer.weight.detach() for layer in layers]
    add_weight_noise(network, 0.3, key=7)
    first, last = ([layer.weight.detach() for layer in layers] for _ in range(2))
    for weight, noisy, again in zip(weights, first, last, strict=True):
        noise = noisy - weight
        assert (noise.std() / weight.std()).item() == pytest.approx(0.3, rel=0.02)
        assert noise.mean().item() == pytest.approx(0, abs=0.01 * weight.std().item())
        assert not torch.equal(noisy, again)
    noises = [(noisy - w).flatten()[:40_000] for noisy, w in zip(first, weights, strict=True)]
    assert torch.corrcoef(torch.stack(noises))[0, 1].abs() < 0.02, "layers have their own"
    network.eval()
    assert torch.equal(layers[0].weight, weights[0])


def batch(seed: int, step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1000 * seed + step)
    inputs = torch.randn(BATCH, INPUTS, generator=generator)
    return inputs, torch.randint(CLASSES, (BATCH,), generator=generator)


def stack_of(networks: list[nn.Module]) -> Stack:
    example = torch.zeros(BATCH, INPUTS), torch.zeros(BATCH).long()
    numbers = range(len(networks))
    return Stack(
        Arm(name="a"), networks, numbers, numbers, find_layers(networks[0], example[0]).layers,
        example, optimizer=Optimizer(algorithm="adam", lr=0.01, weight_decay=1e-3), steps=30,
    )  # fmt: skip


def losses(networks: list[nn.Module], seeds: range) -> Tensor:
    """(steps, networks)."""
    stack, found = stack_of(networks), list[Tensor]()
    for step in range(30):
        drawn = [batch(seed, step) for seed in seeds]
        inputs, labels = stack.gather([x for x, _ in drawn]), stack.gather([y for _, y in drawn])
        with torch.no_grad():
            seen = stack.look(inputs, labels)
        stack.update(seen)
        found.append(seen.losses.clone().reshape(-1))
    return torch.stack(found)


@pytest.mark.parametrize(
    "settings",
    [
        {"dropout": 0.5, "norm": "batch"},
        {"weight_noise": 0.3, "norm": "weight_standardization"},
        {"dropout": 0.2, "weight_noise": 0.3, "norm": "batch_noisy", "norm_place": "after"},
    ],
)
def test_noise_is_the_same_again_and_in_a_stack(settings: dict[str, Any]) -> None:
    alone = losses([made(1, **settings)], range(1, 2))
    assert torch.equal(losses([made(1, **settings)], range(1, 2)), alone)
    stacked = losses([made(seed, **settings) for seed in range(3)], range(3))
    torch.testing.assert_close(stacked[:, 1:2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{"dropout": 0.5}, {"weight_noise": 0.3}])
def test_a_traced_step_draws_what_an_eager_one_draws(settings: dict[str, Any]) -> None:
    stack, twin = stack_of([made(**settings)]), made(**settings)
    for step in range(3):
        inputs, labels = batch(0, step)
        with torch.no_grad():
            seen = stack.look(inputs, labels)
        loss = nn.functional.cross_entropy(twin(inputs), labels)
        gradients = torch.autograd.grad(loss, list(twin.parameters()))
        assert torch.equal(seen.losses, loss)
        assert all(map(torch.equal, seen.gradients, gradients))


def test_layers_are_called_as_without_noise() -> None:
    plain = find_layers(made(norm="batch"), torch.zeros(BATCH, INPUTS)).layers
    noisy = find_layers(
        made(norm="batch", weight_noise=0.3, dropout=0.5), torch.zeros(BATCH, INPUTS)
    ).layers
    for ours, theirs in zip(noisy, plain, strict=True):
        assert (ours.name, ours.kind, ours.norm, ours.activation, ours.shape) == (
            theirs.name, theirs.kind, theirs.norm, theirs.activation, theirs.shape
        )  # fmt: skip
        assert all(map(torch.equal, ours.weights, theirs.weights))


def first_weights(**settings: Any) -> dict[str, Tensor]:
    return {name: p for name, p in made(**settings).named_parameters() if p.ndim > 1}


def test_twins_of_other_widths_start_with_equal_weights_wherever_shapes_agree() -> None:
    reference = first_weights()
    for hidden, alike in (
        ([16, 12], {"hidden1.weight", "hidden2.weight", "output.weight"}),
        ([16, 12, 12], {"hidden1.weight", "hidden2.weight", "output.weight"}),
        ([12], {"output.weight"}),
        ([16, 7], {"hidden1.weight"}),
        ([9, 12], {"output.weight"}),
    ):
        other = first_weights(hidden=hidden, norm="batch", dropout=0.5)
        assert [len(weight) for weight in other.values()] == [*hidden, CLASSES]
        same = {n for n, w in other.items() if n in reference and torch.equal(w, reference[n])}
        assert same == alike, hidden


def test_first_weights_have_the_distribution_that_an_arm_asks_for() -> None:
    stds = {
        name: draw_weights(Network(hidden=[400], initialization=name), 600, 10, seed=0)[0].std()
        for name in ("xavier", "he", "gaussian")
    }
    expected = {"xavier": (2 / 1000) ** 0.5, "he": (2 / 600) ** 0.5, "gaussian": 0.1}
    assert {n: s.item() for n, s in stds.items()} == pytest.approx(expected, rel=0.01)
    own = first_weights(initial_std=0.01)["hidden1.weight"].std().item()
    assert own == pytest.approx(0.01, rel=0.2)
