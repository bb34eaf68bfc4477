"""Gradient shift and landscape measures: against autograd by hand, and the claims by hand."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

from shiftscope.db import catalog
from shiftscope.db.claims import Evidence, judge
from shiftscope.db.study import Measurement
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.landscape import BatchLoss, copied, gradient_shift, landscape, layers_of
from shiftscope.trainer.studies.gradient_shift import shift_at_rest


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("hidden1", nn.Linear(6, 5, bias=False))
    network.add_module("hidden1_norm", nn.BatchNorm1d(5))
    network.add_module("hidden1_activation", nn.Sigmoid())
    network.add_module("hidden2", nn.Linear(5, 4))
    network.add_module("output", nn.Linear(4, 3))
    return network.double()


INPUTS = torch.linspace(-1, 1, 48, dtype=torch.float64).sin().reshape(8, 6)
LABELS = torch.arange(8) % 3


def gradient(network: nn.Module, name: str) -> torch.Tensor:
    loss = functional.cross_entropy(network(INPUTS), LABELS)
    return torch.autograd.grad(loss, network.get_parameter(name))[0]


def test_definition_2_1_updates_the_layers_before_and_nothing_else(network: nn.Module) -> None:
    layers = layers_of(network, find_layers(network, INPUTS).layers)
    assert [layer.all for layer in layers] == [
        ["hidden1.weight", "hidden1_norm.weight", "hidden1_norm.bias"],
        ["hidden2.weight", "hidden2.bias"],
        ["output.weight", "output.bias"],
    ]
    before = copied(network.named_parameters())
    after = {name: tensor + 0.1 * (at + 1) for at, (name, tensor) in enumerate(before.items())}
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    first, *found = gradient_shift(BatchLoss(network, INPUTS, LABELS), layers, after)
    assert first is None
    assert all(torch.equal(state[name], t) for name, t in network.state_dict().items())
    old = gradient(network, "output.weight")
    for name in (
        "hidden1.weight",
        "hidden1_norm.weight",
        "hidden1_norm.bias",
        "hidden2.weight",
        "hidden2.bias",
    ):
        network.get_parameter(name).data.copy_(after[name])
    new = gradient(network, "output.weight")
    assert len(found) == 2 and found[1] is not None
    assert found[1].l2 == pytest.approx((old - new).norm().item())
    assert found[1].relative == pytest.approx(((old - new).norm() / old.norm()).item())
    cosine = (old * new).sum() / old.norm() / new.norm()
    assert found[1].cosine == pytest.approx(cosine.item())


def test_a_step_with_learning_rate_0_shifts_nothing(network: nn.Module) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert shift_at_rest(network, (INPUTS, LABELS)) == 0
    moved = {n for n, t in network.state_dict().items() if not torch.equal(t, before[n])}
    running = ("running_mean", "running_var", "num_batches_tracked")
    assert moved == {f"hidden1_norm.{name}" for name in running}, "it did train"


def test_the_landscape_of_a_parabola() -> None:
    """Logits w and 0: L = ln(1 + e^−w), L′ = −1/(1 + e^w), for inputs 1 of class 0."""
    network = nn.Linear(1, 2, bias=False).double()
    network.weight.data = torch.tensor([[0.0], [0.0]], dtype=torch.float64)
    inputs, labels = torch.ones(4, 1, dtype=torch.float64), torch.zeros(4, dtype=torch.int64)
    found = landscape(BatchLoss(network, inputs, labels), [0.5, 1.0])
    # the gradient is (−½, ½): after a step of η the logits are ±η/2
    losses = [math.log1p(math.exp(-size)) for size in (0.5, 1.0)]
    slopes = [1 / (1 + math.exp(size)) for size in (0.5, 1.0)]
    changes = [math.sqrt(2) * (0.5 - slope) for slope in slopes]
    assert found.loss == pytest.approx(math.log(2))
    assert found.loss_range == pytest.approx(losses[0] - losses[1])
    assert found.gradient_change == pytest.approx(max(changes))
    assert found.smoothness == pytest.approx(
        max(c / (size * math.sqrt(0.5)) for c, size in zip(changes, (0.5, 1.0), strict=True))
    )
    assert network.weight.tolist() == [[0.0], [0.0]]


def decided(
    number: str, value: Callable[[str, str, float], float], last: int = 1_500
) -> tuple[str, str]:
    """A claim's result and reason by measurements that a function of quantity, series, x gives."""
    claim, entry = next(
        (claim, entry)
        for entry in catalog.entries()
        for claim in entry.claims
        if claim.number == number
    )
    layers = ["hidden2", "hidden3", "output"] if entry.name == "gradient-shift" else []
    found = []
    for seed in range(3):
        for activation in ("relu", "sigmoid"):
            for arm in ("none", "BatchNorm"):
                for quantity in entry.quantities:
                    name = f"{activation}, {arm}"
                    is_of_layers = bool(layers) and quantity.name != "shift_at_rest"
                    for series in [f"{name}, {x}" for x in layers] if is_of_layers else [name]:
                        for x in range(0, last + 1, 50):
                            number_found = value(quantity.name, series, x)
                            found.append(Measurement(seed, quantity.name, series, x, number_found))
    outcome = claim.decide(Evidence((), (), 1, ended=True, measurements=found))
    return outcome.result, outcome.reason


def test_gradient_shift_is_numbers_and_nothing_at_rest() -> None:
    assert decided("E21", lambda q, s, x: 0.0 if q == "shift_at_rest" else 0.5)[0] == "reproduced"
    assert decided("E21", lambda q, s, x: 0.5)[0] == "not reproduced"
    broken = decided("E21", lambda q, s, x: math.nan if "hidden3" in s else 0.0)
    assert broken[0] == "not reproduced"


def test_gradient_shift_is_smaller_only_where_it_is_in_every_layer() -> None:
    smaller = decided("E21b", lambda q, s, x: 0.1 if "BatchNorm" in s else 0.2)
    assert smaller[0] == "reproduced" and "in output 0.50 × (0.50 to 0.50, 3 seeds)" in smaller[1]
    larger = decided("E21b", lambda q, s, x: 0.1 if "Norm, hidden" in s else 0.05)
    assert larger[0] == "not reproduced"


def test_a_smoother_loss_is_twice_as_smooth_in_both_measures() -> None:
    def value(quantity: str, series: str, x: float) -> float:
        if "BatchNorm" in series:
            return 1.0
        return 2.5 if x <= 500 else 1.0

    early = decided("E23", value)
    assert early[0] == "reproduced" and "up to step 500" in early[1]
    whole = decided("E23c", value)
    assert whole[0] == "not reproduced" and "up to step 1,500" in whole[1] and "1.00 ×" in whole[1]
    assert decided("E23c", lambda q, s, x: value(q, s, 0))[0] == "reproduced"
    for number in ("E23", "E23c"):
        for rough in ("loss_range", "gradient_change"):
            found = decided(number, lambda q, s, x, r=rough: 1.0 if q == r else value(q, s, 0))
            assert found[0] == "not reproduced"
    assert decided("E23", value, last=500)[0] == "reproduced"
    assert decided("E23c", value, last=1_000)[0] == "inconclusive"


def test_sigmoid_networks_are_compared_at_equal_loss() -> None:
    def value(quantity: str, series: str, x: float) -> float:
        is_batch = "BatchNorm" in series
        loss = 2.0 * math.exp(-x / (100 if is_batch else 400))
        # at equal loss a third; at equal step far less
        return loss if quantity == "loss" else loss * (1 if is_batch else 3)

    assert decided("E23b", value)[0] == "reproduced"
    never = decided("E23b", lambda q, s, x: 1.0 if "BatchNorm" in s else 2.0 + x)
    assert never[0] == "inconclusive"


ARMS = ("none", "BatchNorm")


@pytest.mark.parametrize("number", ["E21", "E21b", "E23", "E23b", "E23c"])
@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0, 1e308])
def test_no_number_upsets_a_criterion_of_gradients(number: str, value: float) -> None:
    entry = next(e for e in catalog.entries() if number in [c.number for c in e.claims])
    claim = next(c for c in entry.claims if c.number == number)
    study = entry.experiment
    found = [
        Measurement(0, quantity, series, x, value)
        for quantity in [q.name for q in entry.quantities]
        for series in [
            f"{f}, {arm}{layer}"
            for f in ("sigmoid", "relu")
            for arm in ARMS
            for layer in ("", ", hidden2", ", hidden3", ", output")
        ]
        for x in (0.0, 50.0, 500.0, 1_500.0, 2_000.0)
    ]
    outcome = judge(claim, Evidence((), (), len(found), True, measurements=found), study, study)
    assert outcome.result in {"reproduced", "not reproduced", "inconclusive"}
    assert not (math.isnan(value) and outcome.result == "reproduced")
    nothing = judge(claim, Evidence((), (), 1, True, measurements=found[:1]), study, study)
    assert nothing.result == "inconclusive"
