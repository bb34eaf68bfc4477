"""The optimizer that an experiment asks for, and its learning rate's schedule."""

import math
from collections.abc import Callable, Iterable, Sequence

from torch import Tensor

from ..db.optimizer import Optimizer
from .adam import Adam
from .descent import Descent, constant
from .sgd import SGD


def descent(
    optimizer: Optimizer, parameters: Iterable[Tensor], decayed: Sequence[int], steps: int
) -> Descent:
    """The optimizer of a run of so many steps.

    Args:
        optimizer: What is asked, an arm's own settings included.
        parameters: What it updates.
        decayed: Which of them are weight matrices or kernels, by place: they alone decay.
        steps: Of the whole run, which the cosine schedule ends with.
    """
    lr, weight_decay = optimizer.lr, optimizer.weight_decay
    factor = schedule(optimizer, steps)
    if optimizer.algorithm == "adam":
        return Adam(
            parameters, lr, (optimizer.beta1, optimizer.beta2), optimizer.adam_epsilon,
            weight_decay=weight_decay, decayed=decayed, schedule=factor,
        )  # fmt: skip
    return SGD(
        parameters, lr, optimizer.momentum,
        weight_decay=weight_decay, decayed=decayed, schedule=factor,
    )  # fmt: skip


def schedule(optimizer: Optimizer, steps: int) -> Callable[[int], float]:
    """By steps done so far, t of T, the factor of the learning rate.

    exponential is the paper's decay (§4.2.1), in every step a little; step is the same by stairs;
    cosine (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts) ends at 0.
    """
    decay, every = optimizer.decay, optimizer.decay_every
    match optimizer.schedule:
        case "constant":
            return constant
        case "exponential":
            return lambda step: decay ** (step / every)
        case "step":
            return lambda step: decay ** (step // every)
        case "cosine":
            return lambda step: (1 + math.cos(math.pi * min(step, steps) / steps)) / 2
