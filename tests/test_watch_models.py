"""watch() sees every kind of model and loop, and changes none of their results."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from shiftscope.trainer import watch

STEPS = 4


@dataclass
class Loop:
    """A model, and what its loop does in a step; returns the step's loss."""

    model: nn.Module
    step: Callable[[int, Any], Tensor]
    optimizers: list[torch.optim.Optimizer]
    layers: list[str]
    """Those to be seen, each at every step."""
    elements: dict[str, int] = field(default_factory=dict)
    """Of some layers the numbers in one step's preactivation."""
    scaler: Any = None


def sgd(model: nn.Module, lr: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def plain(
    model: nn.Module,
    batch: Callable[[int], Tensor],
    layers: list[str],
    elements: dict[str, int] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
) -> Loop:
    """One forward pass, one backward pass and one update a step."""
    optimizer = optimizer or sgd(model)

    def step(number: int, _run: Any) -> Tensor:
        output = model(batch(number))
        loss = output.float().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return Loop(model, step, [optimizer], layers, elements or {})


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.dropout(torch.tanh(self.first(x)), 0.3, self.training))


class Residual(nn.Module):
    """A block of a ResNet, all of whose nonlinearities work in place."""

    def __init__(self, before: bool) -> None:
        super().__init__()
        self.before = before
        self.conv1 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.before:
            y = self.conv1(self.relu(self.bn1(x)))
            return x + self.conv2(self.relu(self.bn2(y)))
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x
        return self.relu(y)


def resnet(before: bool) -> nn.Module:
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    stem = nn.Conv2d(3, 4, 3, padding=1)
    return nn.Sequential(stem, Residual(before), Residual(before), head)


class Attention(nn.Module):
    """Written by hand, with a LayerNorm ahead and a skip connection."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        return x + self.out(F.scaled_dot_product_attention(q, k, v))


class Unrolled(nn.Module):
    """A cell that is called once for each position of the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(3, 5), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = x.new_zeros(len(x), 5)
        for position in range(x.shape[1]):
            hidden = self.cell(x[:, position], hidden)
        return self.head(hidden)


class Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.rnn, self.head = kind(3, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.shared, self.head = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.shared(self.shared(x).relu()).relu())


class Words(nn.Module):
    def __init__(self, sparse: bool) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(20, 6, sparse=sparse), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.table(x))


@dataclass
class Answer:
    logits: Tensor
    text: str = "an answer"


class Structured(nn.Module):
    """Every module of it returns something other than a tensor."""

    class Inner(nn.Linear):
        def forward(self, input: Tensor) -> Any:
            return {"hidden": super().forward(input), "other": None}

    class Last(nn.Linear):
        def forward(self, input: Tensor) -> Any:
            return Answer(super().forward(input))

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = self.Inner(6, 8), self.Last(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.inner(x)["hidden"].relu()).logits


class Checkpointed(nn.Module):
    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant
        self.stem = nn.Linear(6, 8)
        self.block = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden: Any = checkpoint(self.block, self.stem(x), use_reentrant=self.reentrant)
        return self.head(hidden)


def rows(*shape: int) -> Callable[[int], Tensor]:
    return lambda _: torch.randn(*shape)


def words(_: int) -> Tensor:
    return torch.randint(0, 20, (4, 7))


def norms() -> nn.Module:
    """Norms whose γ is not one number for each unit, and reparametrized layers."""
    return nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
        nn.LayerNorm([4, 4, 4]),
        nn.ReLU(),
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)),
        nn.GroupNorm(2, 6),
        nn.InstanceNorm2d(6, affine=True, track_running_stats=True),
        nn.Flatten(),
        nn.Linear(24, 2),
    )


def encoder() -> Loop:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    seen = [f"layers.{i}.{name}" for i in (0, 1) for name in ("linear1", "norm1", "norm2")]
    return plain(model, lambda i: torch.randn(4, 3 + i, 8), seen)


def sparse() -> Loop:
    model = Words(True)
    tables = torch.optim.SparseAdam(model.table.parameters(), 0.01)
    others = torch.optim.AdamW(model.head.parameters(), 0.01)

    def step(_number: int, _run: Any) -> Tensor:
        loss = model(words(0)).square().mean()
        for optimizer in (tables, others):
            optimizer.zero_grad()
        loss.backward()
        tables.step()
        others.step()
        return loss

    return Loop(model, step, [tables, others], ["table", "head"])


def varying(i: int) -> Tensor:
    return torch.randn([8, 3, 20, 8, 1][i], 6)


CASES: dict[str, Callable[[], Loop]] = {
    "mlp": lambda: plain(
        nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)),
        rows(5, 6), ["0", "3"], {"0": 40},
    ),
    "functional": lambda: plain(Functional(), rows(5, 6), ["first", "second"]),
    "resnet": lambda: plain(
        resnet(False), rows(2, 3, 6, 6), ["0", "1.conv1", "1.conv2", "2.conv2", "3.2"]
    ),
    "pre-activation": lambda: plain(
        resnet(True), rows(2, 3, 6, 6), ["0", "1.conv1", "2.bn1", "2.conv2", "3.2"]
    ),
    "channels last": lambda: plain(
        resnet(False).to(memory_format=torch.channels_last),  # pyright: ignore
        lambda _: torch.randn(2, 3, 6, 6).to(memory_format=torch.channels_last),
        ["0", "1.conv1"],
    ),
    "attention": lambda: plain(
        nn.Sequential(nn.Linear(4, 8), Attention(), nn.LayerNorm(8)),
        lambda i: torch.randn(2, 5 + i, 4), ["0", "1.qkv", "1.out", "2"],
    ),
    "encoder": encoder,
    "lstm": lambda: plain(Recurrent(nn.LSTM), rows(4, 6, 3), ["rnn", "head"], {"rnn": 120}),
    "gru": lambda: plain(Recurrent(nn.GRU), lambda i: torch.randn(4, 9 - i, 3), ["rnn", "head"]),
    "cell": lambda: plain(
        Unrolled(), lambda i: torch.randn(4, [3, 5, 2, 6][i], 3), ["cell", "head"], {"cell": 60}
    ),
    "twice": lambda: plain(Twice(), rows(5, 6), ["shared", "head"], {"shared": 60}),
    "words": lambda: plain(Words(False), words, ["table", "head"], {"table": 168}),
    "sparse": sparse,
    "varying": lambda: plain(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)),
                             varying, ["0", "2"]),
    "structured": lambda: plain(Structured(), rows(5, 6), ["inner", "last"]),
    "checkpoint": lambda: plain(Checkpointed(False), rows(5, 6), ["stem", "block.0", "head"],
                                {"block.0": 40}),
    "reentrant": lambda: plain(Checkpointed(True), rows(5, 6), ["stem", "block.0", "head"],
                               {"block.0": 40}),
    "norms": lambda: plain(norms(), rows(2, 3, 6, 6), ["0", "3", "7"]),
    "half": lambda: plain(
        nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 3)).bfloat16(),
        lambda _: torch.randn(5, 6).bfloat16(), ["0", "3"],
    ),
    "complex": lambda: plain(
        nn.Sequential(nn.Linear(6, 8, dtype=torch.complex64), Real(), nn.Linear(8, 3)),
        lambda _: torch.randn(5, 6, dtype=torch.complex64), ["2"],
    ),
    "coded": lambda: plain(coded(), rows(5, 6), ["0", "2"]),
    "transformed": lambda: transformed(),
    "ragged": lambda: plain(Ragged(), rows(5, 6), ["head"]),
}  # fmt: skip


def coded() -> nn.Module:
    """Parameters that no optimizer moves and no norm is of: places, and a weight of eight bits."""
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    codes = torch.randn(4, 4).to(torch.float8_e4m3fn)
    for name, values in (("places", torch.arange(5)), ("codes", codes)):
        model[0].register_parameter(name, nn.Parameter(values, requires_grad=False))
    return model


def transformed() -> Loop:
    """Gradients of each example by torch.func, then an ordinary step."""
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    inner = plain(model, rows(5, 6), ["0", "2"])

    def loss_of(parameters: Any, x: Tensor) -> Tensor:
        return torch.func.functional_call(model, parameters, (x,)).square().mean()

    def step(number: int, run: Any) -> Tensor:
        values = {name: p.detach() for name, p in model.named_parameters()}
        torch.func.vmap(torch.func.grad(loss_of), (None, 0))(values, torch.randn(5, 6))
        with FakeTensorMode(allow_non_fake_inputs=True):
            model(torch.randn(5, 6))
        return inner.step(number, run)

    return Loop(model, step, inner.optimizers, inner.layers)


class Ragged(nn.Module):
    """A part of it is on examples of different lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.ragged, self.head = nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        nested = torch.nested.nested_tensor([x[:2], x[2:]], layout=torch.jagged)
        return self.head(self.ragged(nested).values())


class Real(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.real


def run(loop: Loop, stored: Any | None) -> tuple[list[float], list[Tensor], Tensor, Any]:
    """Losses, final parameters and buffers, the random state, and the run where one is."""
    torch.manual_seed(1)
    losses: list[float] = []
    watched: Any = None
    if stored is not None:
        watched = watch(
            loop.model, loop.optimizers, database=stored.url, scaler=loop.scaler, quiet=True
        )
    for number in range(STEPS):
        loss = loop.step(number, watched)
        losses.append(loss.item())
        if watched is not None:
            watched.log(loss=loss)
    if watched is not None:
        watched.close()
    return losses, list(loop.model.state_dict().values()), torch.get_rng_state(), watched


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_seen_at_every_step_and_the_results_are_the_same(
    name: str, stored: Any
) -> None:
    torch.manual_seed(0)
    losses, values, state, _ = run(CASES[name](), None)
    torch.manual_seed(0)
    loop = CASES[name]()
    watched_losses, watched_values, watched_state, watched = run(loop, stored)
    assert watched_losses == losses
    assert all(map(torch.equal, watched_values, values)) and torch.equal(watched_state, state)
    assert watched.not_recorded == [] and watched.step == STEPS
    for layer in loop.layers:
        records = stored.records(layer)
        assert [record["step"] for record in records] == list(range(1, STEPS + 1)), layer
        for record in records:
            assert None not in {record[key] for key in ("mean", "p50", "activation_grad_norm")}
    for layer, count in loop.elements.items():
        (row,) = stored.rows(f"SELECT elements FROM layers WHERE name = '{layer}'")
        assert row["elements"] == count
    kept = stored.rows("SELECT loss, grad_norm FROM network_records ORDER BY step")
    assert [row["loss"] for row in kept] == losses
    assert all(row["grad_norm"] > 0 for row in kept)
