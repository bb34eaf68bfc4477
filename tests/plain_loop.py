"""A small model and a loop as people write them, for the tests of watch."""

import torch
from torch import Tensor, nn


def mlp(norm: bool = True) -> nn.Sequential:
    """Two linear layers; takes 6 numbers."""
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(8)] if norm else []
    return nn.Sequential(nn.Linear(6, 8), *middle, nn.ReLU(), nn.Linear(8, 3))


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    """Its optimizer."""
    return torch.optim.SGD(model.parameters(), lr=0.1)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, rows: int = 16) -> Tensor:
    """One step on random numbers; its loss."""
    loss = model(torch.randn(rows, 6)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss
