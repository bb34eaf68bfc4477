"""Statistics of torch's tensors: the small ones' values, and that a GPU is hardly waited for."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from shiftscope.trainer import statistics
from shiftscope.trainer.device_statistics import finish_layer
from shiftscope.trainer.plan import LayerPlan
from shiftscope.trainer.sampling import Sampling
from shiftscope.trainer.shift import shift


class Waits(TorchDispatchMode):
    """Collects PyTorch's operations for which a GPU would have to be waited for."""

    NAMES = ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        by_mask = name.startswith("index") and isinstance(args[1], list | tuple) and any(
            i is not None and i.dtype == torch.bool for i in args[1]
        )  # fmt: skip
        if name in self.NAMES or by_mask:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


SHAPES = [(60, 10), (4, 6, 5, 7), (32, 16, 14, 14)]


@pytest.mark.parametrize("sampling", [Sampling(shape, 1) for shape in SHAPES])
def test_a_gpu_is_waited_for_once_a_call(sampling: Sampling) -> None:
    z = torch.randn(3, sampling.size)
    statistics.preactivation(z, "gelu", sampling)  # from here on a sampling's members are there
    with Waits() as waits:
        columns, ordered = statistics.preactivation(z, "gelu", sampling)
    assert waits.seen == ["_local_scalar_dense"]
    with Waits() as waits:
        shift(ordered, columns["std"], ordered, columns["std"])
    assert waits.seen == ["_local_scalar_dense"]


@pytest.mark.parametrize("activation", ["gelu", "sigmoid", "none", "unknown"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_gpu_finishes_a_layer_without_a_look(shape: tuple[int, ...], activation: str) -> None:
    plan = LayerPlan("layer", "Linear", "none", activation, shape, 1)
    records = torch.randn(5, 2, plan.sampling.size)
    records[3, 1, 7] = math.nan
    finish_layer(records, plan)  # from here on a sampling's members are there
    with Waits() as waits:
        found = finish_layer(records, plan)
    assert waits.seen == []
    assert found[..., -1].tolist() == [[1, 1], [1, 0], [1, 0]]
    # tensors without values, which nothing can look at
    assert finish_layer(records.to("meta"), plan).shape == found.shape == (3, 2, len(plan.finished))


def test_a_gpu_is_not_waited_for_in_the_rest() -> None:
    running = torch.rand(3, 6) + 1
    with Waits() as waits:
        statistics.drift(running, running, running * 2, running * 2, torch.full((3,), 0.1), 1e-5)
        statistics.drift(running, running, running * 2, running * 2, 0.1, 1e-5)
        statistics.scale(running)
        statistics.offset(running)
        statistics.accuracy(running[None], torch.zeros((1, 3), dtype=torch.int64))
    assert waits.seen == []


@pytest.mark.parametrize("kind", [np.asarray, torch.asarray])
def test_affine_describes_gamma_and_beta(kind: Any) -> None:
    gamma, beta = np.array([[1, 2, 6]], np.float32), np.array([[-1, 0, 1]], np.float32)
    columns = statistics.scale(kind(gamma)) | statistics.offset(kind(beta))
    assert {name: float(column[0]) for name, column in columns.items()} == pytest.approx(
        {"gamma_mean": 3, "gamma_min": 1, "gamma_max": 6, "beta_mean": 0,
         "beta_std": math.sqrt(2 / 3)}
    )  # fmt: skip
    assert all(type(column) is type(kind(gamma)) for column in columns.values())


@pytest.mark.parametrize("kind", [np.asarray, torch.asarray])
def test_accuracy_takes_an_example_with_nan_for_wrong(kind: Any) -> None:
    logits = np.array([[[0, 1.0], [1, 0], [np.nan, 1], [0, 1]]], np.float32)
    assert statistics.accuracy(kind(logits), kind(np.array([[1, 1, 1, 1]]))).tolist() == [0.5]


def test_numpy_alone_does_not_load_torch() -> None:
    code = """import sys, numpy
from shiftscope.trainer import shift, statistics
from shiftscope.trainer.sampling import Sampling
z = numpy.ones((2, 600), numpy.float32)
columns, ordered = statistics.preactivation(z, "gelu", Sampling((60, 10), 1))
shift.shift(ordered, columns["std"], ordered, columns["std"])
sys.exit("torch" in sys.modules)"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
