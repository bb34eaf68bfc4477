"""Every number of a watched run is that of an independent computation in float64."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from shiftscope.trainer import watch

STEPS = 6
SHARES = {"p01": 1, "p05": 5, "p15": 15, "p25": 25, "p50": 50, "p75": 75, "p85": 85, "p95": 95,
          "p99": 99}  # fmt: skip


@dataclass
class Copies:
    """What the test itself keeps of one layer at one step, in float64."""

    z: np.ndarray
    gradient: np.ndarray
    weight: np.ndarray
    weight_gradient: np.ndarray
    batch: np.ndarray | None = None
    """What entered its BatchNorm: (elements, channels)."""
    running: list[np.ndarray] = field(default_factory=list)
    """Running mean and variance before the step, γ, β before the update."""
    update: np.ndarray | None = None


def double(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy().copy()


def expected(one: Copies, before: Copies | None, first: Copies, relu: bool) -> dict[str, Any]:
    z = one.z.ravel()
    found: dict[str, Any] = {name: np.percentile(z, share) for name, share in SHARES.items()}
    found |= {"mean": z.mean(), "std": z.std(), "min": z.min(), "max": z.max(), "nonfinite": 0}
    assert one.update is not None
    found |= {
        "activation_grad_norm": np.linalg.norm(one.gradient),
        "weight_grad_norm": np.linalg.norm(one.weight_gradient),
        "weight_norm": np.linalg.norm(one.weight),
        "update_ratio": np.linalg.norm(one.update) / np.linalg.norm(one.weight),
        "shift_w1": None if before is None else moved(one, before),
        "shift_from_start": moved(one, first),
        "saturated": 0.0,  # of a layer that enters no nonlinearity
        "dead": 0.0,
    }
    if relu:
        of_unit = one.z.swapaxes(0, 1).reshape(one.z.shape[1], -1)
        found |= {"saturated": (z <= 0).mean(), "dead": (of_unit <= 0).all(axis=1).mean()}
    if one.batch is not None:
        mean, variance, gamma, beta = one.running
        batch_mean, batch_variance = one.batch.mean(axis=0), one.batch.var(axis=0, ddof=1)
        drift = (mean - batch_mean) / np.sqrt(variance + 1e-5)
        spread = np.log((variance + 1e-5) / (batch_variance + 1e-5))
        found |= {
            "mean_drift": np.sqrt((drift**2).mean()), "var_drift": np.sqrt((spread**2).mean()),
            "gamma_mean": gamma.mean(), "gamma_min": gamma.min(), "gamma_max": gamma.max(),
            "beta_mean": beta.mean(), "beta_std": beta.std(),
        }  # fmt: skip
    return found


def moved(one: Copies, other: Copies) -> float:
    """The 1-Wasserstein distance of two samples of equal size in units of their pooled std."""
    a, b = np.sort(one.z.ravel()), np.sort(other.z.ravel())
    pooled = np.sqrt((a.var() + b.var()) / 2)
    return float(np.abs(a - b).mean() / pooled)


class Kept:
    """Plain hooks of the test's own on one layer: its weight module, and where its output is."""

    def __init__(self, weights: Any, norm: Any, relu: bool) -> None:
        self.weights, self.norm, self.relu = weights, norm, relu
        self.steps: list[Copies] = []
        self._z: Tensor | None = None
        if norm is not None:
            norm.register_forward_pre_hook(self._enter)
        (norm or weights).register_forward_hook(self._leave)

    def _enter(self, norm: Any, inputs: tuple[Tensor, ...]) -> None:
        self._batch = double(inputs[0].movedim(1, -1).flatten(0, -2))
        self._running = [double(t) for t in (norm.running_mean, norm.running_var)]

    def _leave(self, _module: nn.Module, _inputs: Any, output: Tensor) -> None:
        self._value = double(output)  # a copy: what follows may work in place
        output.register_hook(self._back)

    def _back(self, gradient: Tensor) -> None:
        self._gradient = double(gradient)

    def before(self) -> None:
        """Before the update."""
        assert self.weights.weight.grad is not None
        one = Copies(self._value, self._gradient, double(self.weights.weight),
                     double(self.weights.weight.grad))  # fmt: skip
        if self.norm is not None:
            one.batch = self._batch
            affine = [double(self.norm.weight), double(self.norm.bias)]
            one.running = [*self._running, *affine]
        self.steps.append(one)

    def after(self) -> None:
        """After it."""
        self.steps[-1].update = double(self.weights.weight) - self.steps[-1].weight


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu_()))
        y += x
        return y.relu_()


def mlp() -> tuple[nn.Module, dict[str, Kept], Callable[[], Tensor]]:
    model = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)
    )
    kept = {
        "0": Kept(model[0], model[1], True),
        "3": Kept(model[3], None, True),
        "5": Kept(model[5], None, False),
    }
    return model, kept, lambda: torch.randn(16, 6)


def resnet() -> tuple[nn.Module, dict[str, Kept], Callable[[], Tensor]]:
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    block = Block()
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(inplace=True), block, *head)
    kept = {
        "0": Kept(model[0], None, True),
        "2.conv1": Kept(block.conv1, block.bn1, True),
        "2.conv2": Kept(block.conv2, block.bn2, False),
        "5": Kept(model[5], None, False),
    }
    return model, kept, lambda: torch.randn(6, 3, 8, 8)


def optimizers() -> Iterator[tuple[str, Callable[[Any], torch.optim.Optimizer]]]:
    yield (
        "sgd",
        lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3),
    )
    yield "adam", lambda parameters: torch.optim.Adam(parameters, lr=0.01)


@pytest.mark.parametrize("build", [mlp, resnet])
@pytest.mark.parametrize("optimizing", [o for _, o in optimizers()], ids=["sgd", "adam"])
def test_every_statistic_is_that_of_an_independent_twin(
    build: Any, optimizing: Any, stored: Any
) -> None:
    torch.manual_seed(0)
    model, kept, batch = build()
    optimizer = optimizing(model.parameters())
    norms: list[tuple[float, float]] = []
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for number in range(STEPS):
            optimizer.param_groups[0]["lr"] *= 0.9
            loss = model(batch()).square().mean()
            optimizer.zero_grad()
            loss.backward()
            for layer in kept.values():
                layer.before()
            gradients = [double(p.grad) for p in model.parameters() if p.grad is not None]
            whole = np.sqrt(sum((g**2).sum() for g in gradients))
            optimizer.step()
            for layer in kept.values():
                layer.after()
            norms.append((float(whole), optimizer.param_groups[0]["lr"]))
            run.log(loss=loss, accuracy=number / 10)
    assert run.attached == {"model": list(kept)} and run.not_recorded == []
    for name, layer in kept.items():
        records = stored.records(name)
        assert len(records) == STEPS
        for number, record in enumerate(records):
            before = layer.steps[number - 1] if number else None
            truth = expected(layer.steps[number], before, layer.steps[0], layer.relu)
            for key, value in truth.items():
                assert record[key] == (
                    None if value is None else pytest.approx(value, rel=2e-4, abs=2e-6)
                ), (name, number, key)
    kept_rows = stored.rows("SELECT grad_norm, lr FROM network_records ORDER BY step")
    for row, (norm, lr) in zip(kept_rows, norms, strict=True):
        assert row["grad_norm"] == pytest.approx(norm, rel=1e-5) and row["lr"] == lr
