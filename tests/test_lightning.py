"""The callback in Lightning's own Trainer: what it records, and that it changes nothing."""

import signal
from collections.abc import Iterator
from typing import Any

import lightning.pytorch as lightning
import pytest
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from queries import column, rows
from sqlalchemy import Engine
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from shiftscope.trainer import LightningCallback, watch

pytestmark = [
    # Lightning's advice about workers of a data loader, which eighty examples do not need
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"),
    # Lightning's own use of torch
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec:FutureWarning"),
]

X = torch.randn(80, 6, generator=torch.Generator().manual_seed(1))
Y = (X.sum(1) > 0).long()
BATCHES = [(x, y) for x, y in zip(X.split(16), Y.split(16), strict=True)]


def network(dropout: float = 0.1) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Linear(8, 2),
    )  # fmt: skip


class Classifier(lightning.LightningModule):
    """Remembers the loss of every batch; raises what it is told to, when it is told to."""

    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.net = network()
        self.losses: list[float] = []
        self.error = error

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        if self.error is not None and len(self.losses) == 3:
            raise self.error
        logits = self.net(batch[0])
        loss = functional.cross_entropy(logits, batch[1])
        self.losses.append(loss.item())
        return {"loss": loss, "accuracy": (logits.argmax(1) == batch[1]).float().mean()}

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", functional.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Manual(Classifier):
    """Two optimizers, stepped by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        loss = functional.cross_entropy(self.net(batch[0]), batch[1])
        self.losses.append(loss.item())
        self.manual_backward(loss)
        for optimizer in self.optimizers():  # pyright: ignore[reportGeneralTypeIssues]
            optimizer.step()
            optimizer.zero_grad()
        return loss

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return [
            torch.optim.SGD(self.net[:2].parameters(), lr=0.1),
            torch.optim.Adam(self.net[4].parameters(), lr=0.01),
        ]


def fit(module: Classifier, callback: LightningCallback | None, **options: Any) -> Classifier:
    torch.manual_seed(1)
    settings: dict[str, Any] = {"max_epochs": 2, "accelerator": "cpu", "logger": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = lightning.Trainer(
        callbacks=[callback] if callback else [], enable_checkpointing=False,
        **{**settings, **quiet, **options},
    )  # fmt: skip
    trainer.fit(module, DataLoader(TensorDataset(X, Y), 16), DataLoader(TensorDataset(X, Y), 80))
    return module


@pytest.fixture
def callback(engine: Engine) -> LightningCallback:
    return LightningCallback(database=str(engine.url), quiet=True)


def test_it_records_every_step_and_changes_nothing(
    engine: Engine, callback: LightningCallback
) -> None:
    plain, watched = fit(Classifier(), None), fit(Classifier(), callback)
    for (name, before), after in zip(
        plain.state_dict().items(), watched.state_dict().values(), strict=True
    ):
        assert torch.equal(before, after), name
    assert plain.losses == watched.losses
    assert callback.run is not None and callback.run.not_recorded == []
    assert callback.run.attached == {"model": ["net.0", "net.4"]}
    assert rows(engine, "SELECT status, step, steps FROM runs") == [("finished", 10, 10)]
    found = rows(engine, "SELECT step, loss, lr FROM network_records ORDER BY step")
    expected = [pytest.approx((at, loss, 0.1)) for at, loss in enumerate(watched.losses, 1)]
    assert [tuple(row) for row in found] == expected
    assert all(0 <= share <= 1 for share in column(engine, "SELECT accuracy FROM network_records"))
    assert column(engine, "SELECT count(p50) FROM layer_records GROUP BY layer_id") == [10, 10]
    evaluations = rows(engine, "SELECT step, test_accuracy FROM evaluations WHERE test_loss > 0")
    assert evaluations == [(5, None), (10, None)]


def test_its_records_are_those_of_watch_in_a_loop_of_ones_own(
    engine: Engine, callback: LightningCallback
) -> None:
    module, model = Classifier(), network(dropout=0)  # data loaders draw random numbers as well
    module.net = network(dropout=0)
    fit(module, callback, max_epochs=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, database=str(engine.url), quiet=True) as run:
        for x, y in BATCHES:
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            run.log(loss)
    statistics = (
        "p50, shift_w1, activation_grad_norm, weight_grad_norm, weight_norm, update_ratio, "
        "mean_drift, gamma_mean, beta_std"
    )
    question = f"""SELECT {statistics} FROM layer_records JOIN layers ON layers.id = layer_id
        JOIN networks ON networks.id = layers.network_id
        WHERE run_id = %d ORDER BY layers.position, step"""
    assert rows(engine, question % 1) == rows(engine, question % 2)
    assert len(rows(engine, question % 1)) == 10


def test_with_accumulated_gradients_the_loss_of_a_step_is_the_mean_of_its_batches(
    engine: Engine, callback: LightningCallback
) -> None:
    module = fit(Classifier(), callback, max_epochs=1, accumulate_grad_batches=2)
    one, two, three, four, last = module.losses
    losses = column(engine, "SELECT loss FROM network_records ORDER BY step")
    assert losses == pytest.approx([(one + two) / 2, (three + four) / 2, last])


def test_several_optimizers_make_a_step_together(
    engine: Engine, callback: LightningCallback
) -> None:
    module = fit(Manual(), callback, max_epochs=1)
    losses = column(engine, "SELECT loss FROM network_records ORDER BY step")
    assert losses == pytest.approx(module.losses) and len(losses) == 5
    assert column(engine, "SELECT count(update_ratio) FROM layer_records GROUP BY layer_id") == [
        5, 5,
    ]  # fmt: skip


def test_gradients_are_recorded_without_the_scale_of_mixed_precision(
    engine: Engine, callback: LightningCallback
) -> None:
    for scale in (1.0, 1024.0):
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        plugin = MixedPrecision("16-mixed", "cpu", scaler=scaler)
        fit(Classifier(), callback, max_epochs=1, plugins=[plugin])
    norms = [
        rows(engine, f"""SELECT activation_grad_norm, weight_grad_norm FROM layer_records
            JOIN layers ON layers.id = layer_id JOIN networks ON networks.id = layers.network_id
            WHERE run_id = {run} ORDER BY layers.position, step""")
        for run in (1, 2)
    ]  # fmt: skip
    for one, other in zip(*norms, strict=True):
        assert tuple(one) == pytest.approx(tuple(other), rel=0.05)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Lightning turns Ctrl-C off for good once it was pressed."""
    handler = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    ("error", "raised", "status", "words"),
    [
        (ValueError("no such luck"), ValueError, "failed", "ValueError: no such luck"),
        (KeyboardInterrupt(), SystemExit, "stopped", None),
    ],
)
def test_an_error_ends_the_run(
    engine: Engine, callback: LightningCallback, error: BaseException,
    raised: type[BaseException], status: str, words: str | None,
) -> None:  # fmt: skip
    with pytest.raises(raised):
        fit(Classifier(error), callback)
    [(found, sentence, step)] = rows(engine, "SELECT status, error, step FROM runs")
    assert (found, step) == (status, 3)
    assert sentence is None if words is None else words in sentence
    fit(Classifier(), callback)  # the next fit is a run of its own
    assert column(engine, "SELECT status FROM runs ORDER BY id") == [status, "finished"]


def test_a_wrong_option_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="overheat"):
        LightningCallback(overheat="2%")
