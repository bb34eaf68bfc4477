"""Statistics for inference: moving averages, averages over T mini-batches, the population (E11).

Algorithm 2 of Ioffe & Szegedy (2015) takes E[x] = E_B[μ_B] and Var[x] = m/(m−1) · E_B[σ²_B] over
several mini-batches of the trained network. The factor is exact where examples are independent
given the network, so in the first layer: behind a norm that uses the batch they are not.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..norms.population import take_averages
from ..short_training import Twins, binary, train
from . import Load

STEPS, LEARNING_RATE = 1_000, 0.5
BATCH_SIZES = (60, 8)
DRAWS = {1: 10, 10: 10, 100: 10, 1_000: 2}
"""By T, how often T batches are drawn; what is said is the mean over the draws."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Test accuracy with each kind of statistics, and how far these are from the population's."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(initialization="xavier"), seed)
    for size in BATCH_SIZES:
        network = twins.build(Arm(name="BatchNorm", norm="batch"))
        drawn = twins.batches(size)
        for _ in train(network, drawn, lr=LEARNING_RATE, steps=STEPS, every=STEPS):
            pass
        population = copy.deepcopy(network)
        take_averages(population, [data.pixels.float()])
        for name, model in (("moving average", network), ("population", population)):
            reached = data.test_accuracy(model)
            for count in DRAWS:
                yield Measurement(seed, "accuracy", f"m = {size}: {name}", count, reached)

        generator = torch.Generator().manual_seed(seed)
        factor = size / (size - 1)
        ratios: list[float] = []
        for count, draws in DRAWS.items():
            rows: list[list[float]] = []
            for _ in range(draws):
                take_averages(network, _random_batches(data.pixels, size, count, generator))
                distances = _distances(network, population)
                with_factor = data.test_accuracy(network)
                for variance in _running(network, "running_var"):
                    variance.div_(factor)
                without = data.test_accuracy(network)
                rows.append([with_factor, without, *distances])
            with_factor, without, *distances = torch.tensor(rows).mean(0).tolist()
            yield Measurement(seed, "accuracy", f"m = {size}: m/(m−1)", count, with_factor)
            yield Measurement(seed, "accuracy", f"m = {size}: no factor", count, without)
            layers = len(distances) // 2
            for layer, error in enumerate(distances[:layers], start=1):
                yield Measurement(seed, "mean_error", f"m = {size}, layer {layer}", count, error)
            ratios = distances[layers:]
        for layer, ratio in enumerate(ratios, start=1):
            for name, share in (("m/(m−1)", ratio), ("no factor", ratio / factor)):
                bias = 100 * (share - 1)
                yield Measurement(seed, "variance_bias", f"m = {size}: {name}", layer, bias)


def _distances(network: nn.Module, population: nn.Module) -> list[float]:
    """By layer |E − E_p| / σ_p, and then by layer Var / Var_p; each the mean over the units."""
    means, true_means = (_running(each, "running_mean") for each in (network, population))
    variances, true_variances = (_running(each, "running_var") for each in (network, population))
    layers = zip(means, true_means, true_variances, strict=True)
    return [
        *(((mean - true).abs() / variance.sqrt()).mean().item() for mean, true, variance in layers),
        *((own / true).mean().item() for own, true in zip(variances, true_variances, strict=True)),
    ]


def _running(network: nn.Module, kind: str) -> list[Tensor]:
    """The running statistics of one kind by layer, where they lie."""
    return [buffer for name, buffer in network.named_buffers() if name.endswith(kind)]


def _random_batches(
    pixels: Tensor, size: int, count: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """Independent batches: examples may come again, so that their number can be any."""
    for _ in range(count):
        chosen = torch.randint(len(pixels), (size,), generator=generator)
        yield pixels[chosen].float()
