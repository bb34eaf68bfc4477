"""Gradient signal-to-noise: worked by hand, of known means and covariances, of a watched run."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftscope.trainer import watch
from shiftscope.trainer.earlier_gradients import EVERY, EarlierGradients
from shiftscope.trainer.euclidean import products, products_of_each
from shiftscope.trainer.gradient_signal import DECAY, LEAST, GradientSignal
from shiftscope.trainer.ring import NOT_GIVEN


def ratios(gradients: np.ndarray) -> list[float]:
    """Of pairs (n, 2, d) of records of one layer, at the second of each."""
    layer, found = GradientSignal(), []
    for pair in gradients:
        found.append(add(layer, pair))
    return found


def add(layer: GradientSignal, pair: np.ndarray) -> float:
    """The ratio after one more pair (2, d), behind a record that is in none."""
    norms = np.linalg.norm(pair, axis=1).tolist()
    assert layer.add(7.0, NOT_GIVEN) == layer.add(norms[0], NOT_GIVEN) == NOT_GIVEN
    return layer.add(norms[1], float(pair[0] @ pair[1]))


def independent(pairs: np.ndarray) -> float:
    """The ratio at the last of some pairs (n, 2, d) from its definition, weights and all."""
    before, now = pairs[:, 0], pairs[:, 1]
    weights = DECAY ** np.arange(len(now))[::-1]
    signal = (weights * (now * before).sum(1)).sum()
    return signal / (weights * ((now - before) ** 2).sum(1) / 2).sum()


def test_a_case_worked_by_hand() -> None:
    """(1, 1) and (1, −1) in turn: each product is 0. (3, 1) and (3, −1): 8, and half of 2² is 2."""
    turns = np.array([[(1.0, 1.0), (1.0, -1.0)]] * (LEAST + 1))
    assert ratios(turns) == [NOT_GIVEN] * (LEAST - 1) + [0.0, 0.0]
    assert ratios(turns + np.array([2, 0]))[-1] == pytest.approx(8 / 2)
    back_and_forth = ratios(turns * np.array([0, 1]))[-1]
    assert back_and_forth == pytest.approx(-1 / 2)  # −1, and half of 2²


def test_equal_gradients_are_all_signal_and_none_have_no_ratio() -> None:
    assert ratios(np.ones((LEAST, 2, 4)))[-1] == math.inf
    assert ratios(np.zeros((LEAST + 5, 2, 4))) == [NOT_GIVEN] * (LEAST + 5)


@pytest.mark.parametrize("signal", [0.0, 0.05, 3.0])
def test_means_over_many_runs_are_those_of_the_known_mean_and_covariance(signal: float) -> None:
    """Signal and noise are unbiased, whatever Σ; 400 runs of 60 pairs."""
    draw = np.random.default_rng(0)
    spread = np.diag([3.0, 1.0, 0.3, 0.1]) @ np.linalg.qr(draw.normal(size=(4, 4)))[0]
    trace = (spread**2).sum()
    mean = np.full(4, math.sqrt(signal * trace / 4))
    found = []
    for _ in range(400):
        layer = GradientSignal()
        for pair in mean + draw.normal(size=(60, 2, 4)) @ spread.T:
            add(layer, pair)
        state = layer.state_dict()
        weight = 1 - DECAY**60
        found.append((state["signal"] / weight, state["noise"] / weight))
    average, error = np.mean(found, 0), np.std(found, 0) / math.sqrt(400)
    assert np.all(np.abs(average - (signal * trace, trace)) < 4 * error)
    assert np.all(error < 0.05 * trace * (1 + signal))


def test_what_is_not_finite_is_nan_and_leaves_no_trace() -> None:
    clean = np.random.default_rng(1).normal(1, 1, (30, 2, 5))
    layer = GradientSignal()
    for pair in clean[:20]:
        add(layer, pair)
    assert layer.add(math.nan, NOT_GIVEN) == NOT_GIVEN
    assert math.isnan(layer.add(math.inf, math.nan))
    assert math.isnan(layer.add(1.0, math.nan))
    assert math.isnan(layer.add(math.inf, math.inf))
    last = [add(layer, pair) for pair in clean[20:]][-1]
    assert last == pytest.approx(independent(clean))


def test_a_record_without_gradient_has_no_ratio_nor_has_the_next() -> None:
    layer = GradientSignal()
    for _ in range(LEAST + 1):
        layer.add(2.0, 1.0)
    assert layer.add(NOT_GIVEN, NOT_GIVEN) == layer.add(2.0, 1.0) == NOT_GIVEN
    assert layer.add(2.0, 1.0) == pytest.approx(1 / 3)


def test_both_states_go_on_where_they_were() -> None:
    pairs = np.random.default_rng(2).normal(1, 1, (40, 2, 5))
    first, second = GradientSignal(), GradientSignal()
    for pair in pairs[:20]:
        add(first, pair)
    first.add(2.0, NOT_GIVEN)
    second.load_state_dict(first.state_dict())
    assert first.add(3.0, 1.0) == second.add(3.0, 1.0) > 0  # the norm before is state, too
    assert [add(second, pair) for pair in pairs[20:]] == [add(first, pair) for pair in pairs[20:]]

    for records in range(EVERY + 2):
        earlier, resumed = EarlierGradients(copies=False), EarlierGradients(copies=True)
        for record in range(records):
            multiplied(earlier, {"w": torch.full((2, 2), float(record))})
        resumed.load_state_dict(earlier.state_dict())
        after = [{"w": torch.full((2, 2), 3.0 + record)} for record in range(EVERY + 2)]
        found = [multiplied(resumed, record) for record in after]
        assert found == [multiplied(earlier, record) for record in after]
        assert sum(map(len, found)) == (2 if records % EVERY in {0, 1} else 1)


@pytest.mark.parametrize("copies", [False, True])
def test_gradients_are_multiplied_with_those_before(copies: bool) -> None:
    earlier = EarlierGradients(copies=copies)
    one, other = {"a": torch.tensor([1.0, 2.0])}, {"b": torch.ones(3), "c": torch.ones(2)}
    for gradients in (one, other):  # of two optimizers
        assert earlier.multiply(gradients) == ([], None)
    earlier.advance()
    names, found = earlier.multiply({"a": torch.tensor([3.0, 4.0]), "d": torch.ones(3)})
    assert names == ["a"] and found is not None and found.tolist() == [11.0]
    names, found = earlier.multiply({"b": torch.tensor([1.0, 2.0, 3.0]), "c": torch.ones(5)})
    assert names == ["b"] and found is not None and found.tolist() == [6.0]
    earlier.advance()
    assert earlier.state_dict() == {"records": 2, "kept": {}}


def test_one_pair_of_records_in_ten_is_multiplied() -> None:
    earlier = EarlierGradients(copies=True)
    found = [multiplied(earlier, {"a": torch.tensor([float(n)])}) for n in range(3 * EVERY)]
    products = {at: one["a"] for at, one in enumerate(found) if one}
    assert products == {1: 0.0, EVERY + 1: EVERY * (EVERY + 1), 2 * EVERY + 1: 20.0 * 21.0}


def multiplied(earlier: EarlierGradients, gradients: dict[str, Tensor]) -> dict[str, float]:
    """The products at one whole record, by name."""
    names, found = earlier.multiply(gradients)
    earlier.advance()
    return dict(zip(names, [] if found is None else found.tolist(), strict=True))


def test_copies_outlive_what_the_next_step_writes_over() -> None:
    earlier, gradient = EarlierGradients(copies=True), torch.tensor([1.0, 2.0])
    multiplied(earlier, {"a": gradient})
    gradient.copy_(torch.tensor([5.0, 6.0]))
    assert multiplied(earlier, {"a": gradient}) == {"a": 17.0}


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
    records = EVERY * LEAST + 2
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(records):
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
        pairs = np.array([of_layer[at : at + 2] for at in range(0, records, EVERY)])
        truth: list[Any] = [None] * records
        for count in (LEAST, LEAST + 1):
            truth[(count - 1) * EVERY + 1] = pytest.approx(independent(pairs[:count]), rel=1e-5)
        assert found == truth
