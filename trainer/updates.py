"""Norms of a model's weights, gradients and updates, taken around its optimizers' steps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import (  # torch's own names for its fused calls, missing from its type stubs
    Tensor,
    _foreach_copy_,  # pyright: ignore[reportPrivateImportUsage]
    _foreach_sub_,  # pyright: ignore[reportPrivateImportUsage]
    nn,
)

from .earlier_gradients import EarlierGradients
from .euclidean import norms

Optimizer = torch.optim.Optimizer
Found = tuple[tuple[int, ...], Tensor]
"""Places among a network's norms, and the norms."""


@dataclass(frozen=True)
class _Share:
    """What one optimizer steps: names and parameters of ours, and which of them are weights."""

    count: int
    parameters: list[tuple[str, nn.Parameter]]
    weights: list[tuple[str, nn.Parameter]]


class Updates:
    """The norms that one step's updates give: gradients, then weights, then what changed in them.

    Behind them the products of the weights' gradients and those of the record before, at one record
    in ten.

    Attributes:
        found: Of the current step.
        gradients: First and end place of the gradients' norms.
        count: How many norms there are, products included; others may be placed behind them.
        earlier: The weights' gradients of the record before, where the two are a pair.
        lr: Of the optimizer that stepped last.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], weights: Sequence[str]) -> None:
        """Args:
        parameters: The model's, by name.
        weights: Names of those whose own norm and update are wanted.
        """
        self.found: list[Found] = []
        self.gradients = (0, len(parameters))
        self.count = len(parameters) + 3 * len(weights)
        self.earlier = EarlierGradients(copies=True)
        self.lr: Any = None
        self._names = {id(parameter): name for name, parameter in parameters.items()}
        self._gradient = {name: at for at, name in enumerate(parameters)}
        self._weight = {name: len(parameters) + at for at, name in enumerate(weights)}
        self._update = {name: at + len(weights) for name, at in self._weight.items()}
        self._product = {name: at + len(weights) for name, at in self._update.items()}
        self._saved: dict[str, Tensor] = {}
        self._shares: dict[int, _Share] = {}

    def places(self, names: Sequence[str]) -> dict[str, list[int]]:
        """Where the norms of some weights are, by their names in NormPlaces."""
        return {
            "weight": [self._weight[name] for name in names],
            "weight_grad": [self._gradient[name] for name in names],
            "update": [self._update[name] for name in names],
            "product": [self._product[name] for name in names],
        }

    def names(self, parameters: Sequence[nn.Parameter]) -> list[str]:
        """Names of those parameters that are the model's."""
        return [self._names[id(p)] for p in parameters if id(p) in self._names]

    def steps(self, optimizer: Optimizer) -> list[str]:
        """Names of the parameters that an optimizer steps."""
        return [name for name, _ in self._share(optimizer).parameters]

    def clear(self) -> None:
        """Forget the step; if it was looked at, it was a record."""
        if self.found:
            self.earlier.advance()
        self.found, self.lr = [], None

    def before(self, optimizer: Optimizer, *, graded: bool) -> None:
        """Ahead of an update: keep the weights, and take the norms of what is there.

        Args:
            optimizer: About to step.
            graded: Whether the gradients are there, and not for a closure to compute.
        """
        weights = self._share(optimizer).weights
        lr = optimizer.param_groups[0].get("lr") if optimizer.param_groups else None
        self.lr = lr.clone() if isinstance(lr, Tensor) else lr
        if weights:
            values = [local(weight) for _, weight in weights]
            for (name, _), value in zip(weights, values, strict=True):
                saved = self._saved.get(name)
                if saved is None or not _alike(saved, value):
                    self._saved[name] = torch.empty_like(value)
            _foreach_copy_([self._saved[name] for name, _ in weights], values)
            self.found.append((tuple(self._weight[name] for name, _ in weights), norms(values)))
        if graded:
            self._take_gradients(optimizer)

    def after(self, optimizer: Optimizer, *, graded: bool) -> None:
        """Behind an update: what it changed; `graded` as `before` was told."""
        if not graded:
            self._take_gradients(optimizer)
        weights = [(n, w) for n, w in self._share(optimizer).weights if n in self._saved]
        if weights:
            saved = [self._saved[name] for name, _ in weights]
            _foreach_sub_(saved, [local(weight) for _, weight in weights])
            self.found.append((tuple(self._update[name] for name, _ in weights), norms(saved)))

    def _take_gradients(self, optimizer: Optimizer) -> None:
        graded = [(n, p.grad) for n, p in self._share(optimizer).parameters if p.grad is not None]
        if not graded:
            return
        found = norms([local(gradient) for _, gradient in graded])
        scale = getattr(optimizer, "grad_scale", None)
        if scale is not None:  # a fused optimizer unscales by itself
            found = found / scale
        self.found.append((tuple(self._gradient[name] for name, _ in graded), found))
        if self.earlier.takes_part:
            self._multiply(graded, scale)

    def _multiply(self, graded: Sequence[tuple[str, Tensor]], scale: Any) -> None:
        """A sparse gradient has no product: its values may be those of other elements each time."""
        dense = {n: local(g) for n, g in graded if n in self._weight and not g.is_sparse}
        if scale is not None:
            dense = {name: gradient / scale for name, gradient in dense.items()}
        names, found = self.earlier.multiply(dense)
        if found is not None:
            self.found.append((tuple(self._product[name] for name in names), found))

    def _share(self, optimizer: Optimizer) -> _Share:
        count = sum(len(group["params"]) for group in optimizer.param_groups)
        known = self._shares.get(id(optimizer))
        if known is None or known.count != count:  # groups may be added at any time
            mine = dict(_mine(optimizer, self._names))
            weights = [(name, p) for name, p in mine.items() if name in self._weight]
            known = self._shares[id(optimizer)] = _Share(count, list(mine.items()), weights)
        return known


def local(tensor: Any) -> Tensor:
    """A tensor's values here, real: this rank's shard of a sharded one, a sparse one's values."""
    tensor = tensor.detach()
    if is_sharded(tensor):
        tensor = tensor.to_local()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def is_sharded(tensor: Any) -> bool:
    """Whether each process holds only a part of a tensor, as under FSDP."""
    return hasattr(tensor, "to_local")


def _mine(
    optimizer: Optimizer, names: Mapping[int, str]
) -> Iterator[tuple[str, nn.Parameter]]:  # fmt: skip
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if id(parameter) in names:
                yield names[id(parameter)], parameter


def _alike(one: Tensor, other: Tensor) -> bool:
    return (one.shape, one.dtype, one.device) == (other.shape, other.dtype, other.device)
