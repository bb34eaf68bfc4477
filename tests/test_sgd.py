"""Our SGD computes what torch's computes, to the bit."""

import pytest
import torch
from torch import nn

from shiftscope.trainer.sgd import SGD


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_is_bit_equal_to_torchs(momentum: float) -> None:
    torch.manual_seed(0)
    ours = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Sigmoid(), nn.Linear(30, 3))
    theirs = nn.Sequential(nn.Linear(20, 30), nn.BatchNorm1d(30), nn.Sigmoid(), nn.Linear(30, 3))
    theirs.load_state_dict(ours.state_dict())
    mine = SGD(ours.parameters(), 0.3, momentum)
    torchs = torch.optim.SGD(theirs.parameters(), 0.3, momentum)
    for _ in range(20):
        inputs, labels = torch.randn(16, 20), torch.randint(3, (16,))
        loss = nn.functional.cross_entropy(ours(inputs), labels)
        mine.step(torch.autograd.grad(loss, mine.parameters))
        torchs.zero_grad()
        nn.functional.cross_entropy(theirs(inputs), labels).backward()
        torchs.step()
    for a, b in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert torch.equal(a, b)
