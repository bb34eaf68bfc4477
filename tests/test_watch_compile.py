"""watch() and torch.compile: what cannot be seen is said, and nothing is slowed or changed."""

import shutil
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from shiftscope.trainer import watch


@pytest.fixture(autouse=True)
def fresh() -> Any:
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x)).relu())


def network() -> Network:
    torch.manual_seed(0)
    return Network()


def loop(
    url: str | None, how: str, backend: str, steps: int = 5
) -> tuple[list[float], nn.Module, Any]:
    """Losses, the model and the run; watched where there is a database."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    trained: Any = model
    if how == "in place, before":
        model.compile(backend=backend)
    elif how == "before":
        trained = torch.compile(model, backend=backend)
    run: Any = None
    if url:
        run = watch(trained, optimizer, database=url, quiet=True)
    if how == "after":
        trained = torch.compile(model, backend=backend)
    elif how == "in place, after":
        model.compile(backend=backend)
    losses: list[float] = []
    for _ in range(steps):
        loss = trained(torch.randn(16, 6)).square().mean()
        if run is not None:
            run.log(loss=loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if run is not None:
        run.close()
    return losses, model, run


@pytest.mark.parametrize(
    ("how", "backend"),
    [
        ("before", "eager"),
        ("before", "inductor"),
        ("after", "eager"),
        ("in place, before", "eager"),
        ("in place, after", "eager"),
    ],
)
def test_compiled_code_is_left_alone_and_the_rest_recorded(
    how: str, backend: str, stored: Any
) -> None:
    if backend == "inductor" and not shutil.which("g++"):
        pytest.skip("inductor needs a C++ compiler")
    plain, model, _ = loop(None, how, backend)
    values = list(model.state_dict().values())
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    losses, model, run = loop(stored.url, how, backend)
    assert losses == plain and all(map(torch.equal, model.state_dict().values(), values))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert not torch._dynamo.utils.counters["graph_break"]
    assert run.not_recorded == [] and run.step == 5
    reasons = dict(run.skipped["model"])
    assert all("torch.compile" in reasons[path] for path in ("first", "norm", "last"))
    for record in stored.records("first"):
        assert record["weight_grad_norm"] > 0 and record["update_ratio"] > 0
        assert record["mean"] is None
    assert len(stored.rows("SELECT loss FROM network_records")) == 5


def test_a_model_compiled_in_part_is_seen_in_part(stored: Any) -> None:
    model = network()
    model.first = torch.compile(model.first, backend="eager")  # pyright: ignore
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            loss = model(torch.randn(16, 6)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert run.not_recorded == [] and "last" in run.attached["model"]
    assert [record["mean"] is not None for record in stored.records("last")] == [True] * 3


def test_a_compiled_optimizer_steps_unseen_and_that_is_said(stored: Any) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    step = torch.compile(optimizer.step, backend="eager", fullgraph=False)
    with watch(model, optimizer, database=stored.url, quiet=True) as run:
        for _ in range(3):
            model(torch.randn(16, 6)).square().mean().backward()
            step()
            optimizer.zero_grad()
    assert run.step == 3 or "torch.compile" in run.not_recorded[0]
