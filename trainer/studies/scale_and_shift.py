"""γ and β as they are learned, and the variance that they give to what enters a nonlinearity (E31).

y = γx̂ + β with Var[x̂] = σ²/(σ² + ε) over a batch: Var[y] = γ² but for ε (Ioffe & Szegedy 2015, §3).
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

STEPS = {"quick": 2_000, "full": 10_000}
LOOKS = 10
BATCH = 60
LEARNING_RATE = 0.1


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Of each hidden layer of the §4.1 network: γ, how far γ and β went, and Var[y] ÷ γ²."""
    data = binary(load(study.dataset or "mnist"))
    twins = Twins(data, Network(), seed)
    network = twins.build(Arm(name="BatchNorm", norm="batch"))
    inputs, _ = next(twins.batches(BATCH))
    steps = STEPS[study.length]
    drawn = twins.batches(BATCH)
    for done in train(network, drawn, lr=LEARNING_RATE, steps=steps, every=steps // LOOKS):
        for name, norm, outputs in _norms(network, inputs):
            gamma, beta = norm.weight.detach().double(), norm.bias.detach().double()
            variance = outputs.double().var(0, correction=0)
            yield Measurement(seed, "gamma", name, done, gamma.mean().item())
            yield Measurement(seed, "gamma_change", name, done, _size(gamma - 1))
            yield Measurement(seed, "beta_change", name, done, _size(beta))
            error = (variance / gamma.square() - 1).abs().max().item()
            yield Measurement(seed, "variance_error", name, done, error)


def _size(values: Tensor) -> float:
    return values.square().mean().sqrt().item()


@torch.no_grad()
def _norms(network: nn.Module, inputs: Tensor) -> list[tuple[str, nn.BatchNorm1d, Tensor]]:
    """By layer its BatchNorm and what that puts out for a batch; the network stays as it was."""
    found: list[tuple[str, nn.BatchNorm1d, Tensor]] = []
    x = inputs
    for name, module in copy.deepcopy(network).train().named_children():
        x = module(x)
        if isinstance(module, nn.BatchNorm1d):
            found.append((name.removesuffix("_norm"), module, x))
    return found
