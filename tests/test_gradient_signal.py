"""Gradient signal-to-noise: worked by hand, of known means and covariances, of a watched run."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftscope.trainer import watch
from shiftscope.trainer.earlier_gradients import EarlierGradients
from shiftscope.trainer.euclidean import products, products_of_each
from shiftscope.trainer.gradient_signal import DECAY, LEAST, GradientSignal
from shiftscope.trainer.ring import NOT_GIVEN


def ratios(gradients: np.ndarray) -> list[float]:
    """Of the records (n, d) of one layer."""
    layer, found, before = GradientSignal(), [], None
    for gradient in gradients:
        product = NOT_GIVEN if before is None else float(gradient @ before)
        found.append(layer.add(float(np.linalg.norm(gradient)), product))
        before = gradient
    return found


def independent(gradients: np.ndarray) -> float:
    """The last record's ratio from its definition, weights and all."""
    now, before = gradients[1:], gradients[:-1]
    weights = DECAY ** np.arange(len(now))[::-1]
    signal = (weights * (now * before).sum(1)).sum()
    return signal / (weights * ((now - before) ** 2).sum(1) / 2).sum()


def test_a_case_worked_by_hand() -> None:
    """(1, 1) and (1, −1) in turn: each product is 0. (3, 1) and (3, −1): 8, and half of 2² is 2."""
    turns = np.array([(1.0, 1.0), (1.0, -1.0)] * 6)
    assert ratios(turns)[:LEAST] == [NOT_GIVEN] * LEAST
    assert ratios(turns)[LEAST:] == [0.0, 0.0]
    assert ratios(turns + np.array([2, 0]))[-1] == pytest.approx(8 / 2)
    assert ratios(turns * np.array([0, 1]))[-1] == pytest.approx(
        -1 / 2
    )  # back and forth: −1, and 2


def test_equal_gradients_are_all_signal_and_none_have_no_ratio() -> None:
    assert ratios(np.ones((LEAST + 1, 4)))[-1] == math.inf
    assert ratios(np.zeros((LEAST + 5, 4))) == [NOT_GIVEN] * (LEAST + 5)


@pytest.mark.parametrize("signal", [0.0, 0.05, 3.0])
def test_means_over_many_runs_are_those_of_the_known_mean_and_covariance(signal: float) -> None:
    """Signal and noise are unbiased, whatever Σ; 400 runs of 60 records."""
    draw = np.random.default_rng(0)
    spread = np.diag([3.0, 1.0, 0.3, 0.1]) @ np.linalg.qr(draw.normal(size=(4, 4)))[0]
    trace = (spread**2).sum()
    mean = np.full(4, math.sqrt(signal * trace / 4))
    found = []
    for _ in range(400):
        layer, before = GradientSignal(), None
        for gradient in mean + draw.normal(size=(60, 4)) @ spread.T:
            product = NOT_GIVEN if before is None else float(gradient @ before)
            layer.add(float(np.linalg.norm(gradient)), product)
            before = gradient
        state = layer.state_dict()
        weight = 1 - DECAY**59
        found.append((state["signal"] / weight, state["noise"] / weight))
    average, error = np.mean(found, 0), np.std(found, 0) / math.sqrt(400)
    assert np.all(np.abs(average - (signal * trace, trace)) < 4 * error)
    assert np.all(error < 0.05 * trace * (1 + signal))


def test_what_is_not_finite_is_nan_and_leaves_no_trace() -> None:
    clean = np.random.default_rng(1).normal(1, 1, (30, 5))
    layer, before = GradientSignal(), None
    for at, gradient in enumerate(clean):
        if at == 20:
            assert math.isnan(layer.add(math.nan, math.nan))
            assert math.isnan(layer.add(math.inf, math.nan))
            assert math.isnan(layer.add(float(np.linalg.norm(clean[19])), math.nan))
        product = NOT_GIVEN if before is None else float(gradient @ before)
        last = layer.add(float(np.linalg.norm(gradient)), product)
        before = gradient
    assert last == pytest.approx(independent(clean))


def test_a_record_without_gradient_has_no_ratio_nor_has_the_next() -> None:
    layer = GradientSignal()
    for _ in range(LEAST + 1):
        layer.add(2.0, 1.0)
    assert layer.add(NOT_GIVEN, NOT_GIVEN) == layer.add(2.0, 1.0) == NOT_GIVEN
    assert layer.add(2.0, 1.0) == pytest.approx(1 / 3)


def test_both_states_go_on_where_they_were() -> None:
    gradients = np.random.default_rng(2).normal(1, 1, (40, 5))
    first, second = GradientSignal(), GradientSignal()
    pairs = [(float(np.linalg.norm(g)), float(g @ b))
             for g, b in zip(gradients[1:], gradients, strict=False)]  # fmt: skip
    for pair in pairs[:20]:
        first.add(*pair)
    second.load_state_dict(first.state_dict())
    assert [second.add(*pair) for pair in pairs[20:]] == [first.add(*pair) for pair in pairs[20:]]

    earlier, resumed = EarlierGradients(copies=False), EarlierGradients(copies=True)
    earlier.multiply({"w": torch.ones(2, 2)})
    resumed.load_state_dict(earlier.state_dict())
    for one in (earlier, resumed):
        names, found = one.multiply({"w": torch.full((2, 2), 3.0)})
        assert names == ["w"] and found is not None and found.tolist() == [12.0]


@pytest.mark.parametrize("copies", [False, True])
def test_gradients_are_multiplied_with_those_before(copies: bool) -> None:
    earlier = EarlierGradients(copies=copies)
    assert earlier.multiply({"a": torch.tensor([1.0, 2.0])}) == ([], None)
    names, found = earlier.multiply({"a": torch.tensor([3.0, 4.0]), "b": torch.ones(3)})
    assert names == ["a"] and found is not None and found.tolist() == [11.0]
    names, found = earlier.multiply({"a": torch.ones(5), "b": torch.tensor([1.0, 2.0, 3.0])})
    assert names == ["b"] and found is not None and found.tolist() == [6.0]


def test_copies_outlive_what_the_next_step_writes_over() -> None:
    earlier, gradient = EarlierGradients(copies=True), torch.tensor([1.0, 2.0])
    earlier.multiply({"a": gradient})
    gradient.copy_(torch.tensor([5.0, 6.0]))
    assert earlier.multiply({"a": gradient})[1] == pytest.approx(17.0)


def exact(ones: list[Tensor], others: list[Tensor]) -> list[float]:
    return [(a.double() * b.double()).sum().item() for a, b in zip(ones, others, strict=True)]


@pytest.mark.parametrize("scale", [1e-30, 1e-13, 1.0, 1e15, 1e30])
def test_products_of_any_scale_and_layout(scale: float) -> None:
    torch.manual_seed(0)

    def drawn() -> list[Tensor]:
        image = torch.randn(4, 3, 5, 5)
        last = image.to(memory_format=torch.channels_last)
        tensors = [torch.randn(7, 9), torch.randn(9, 7).t(), image, last, torch.randn(6, 8)[:, ::2]]
        return [tensor * scale for tensor in tensors]

    ones, others = drawn(), drawn()
    others[2] = others[2].to(memory_format=torch.channels_last)  # elements in another order
    assert products(ones, others).tolist() == pytest.approx(exact(ones, others), rel=1e-4)


def test_products_of_halves_and_of_stacked_networks() -> None:
    torch.manual_seed(0)
    ones, others = ([torch.randn(2, 5, 6), torch.randn(2, 7)] for _ in range(2))
    halves = [t.half() for t in ones], [t.half() for t in others]
    assert products(*halves).tolist() == pytest.approx(exact(*halves), rel=1e-5)
    of_each = products_of_each(ones, others)
    for network, found in enumerate(of_each.tolist()):
        alone = [t[network] for t in ones], [t[network] for t in others]
        assert found == pytest.approx(exact(*alone), rel=1e-5)


def test_a_watched_run_records_it(stored: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    gradients: dict[str, list[np.ndarray]] = {"0": [], "2": []}
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(LEAST + 5):
            loss = model(torch.randn(16, 6)).square().mean()
            optimizer.zero_grad(set_to_none=False)  # the next step writes into these tensors
            loss.backward()
            for name, of_layer in gradients.items():
                weight: Any = model.get_submodule(name).weight
                of_layer.append(weight.grad.double().numpy().ravel().copy())
            optimizer.step()
            run.log(loss=loss)
    for name, of_layer in gradients.items():
        found = [record["grad_snr"] for record in stored.records(name)]
        assert found[:LEAST] == [None] * LEAST
        truth = [independent(np.array(of_layer[: at + 1])) for at in range(LEAST, len(of_layer))]
        assert found[LEAST:] == pytest.approx(truth, rel=1e-5)
