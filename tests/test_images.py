"""Convolutional networks in our own loop: they train channels last, and the records are true."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from queries import exported
from sqlalchemy import Engine
from torch import Tensor, nn
from torch.nn import functional

from shiftscope.db import catalog, queue
from shiftscope.db.experiment import Experiment
from shiftscope.db.norms import OVER_EXAMPLES, NormName
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.pixels import Scaling
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import assemble, prepare
from shiftscope.trainer.twins import ShuffledBatches, build, draw_weights

CPU, STEPS, BATCH = torch.device("cpu"), 20, 32
LAYERS = ["conv1", "conv2", "output"]


class Small(nn.Module):
    """Two convolutions over 28×28 digits, the second one large enough to be sampled."""

    def __init__(self, *, normalize: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, stride=4, padding=2, bias=not normalize)
        self.norm1 = nn.BatchNorm2d(6) if normalize else nn.Identity()
        self.conv2 = nn.Conv2d(6, 64, 3, padding=1)
        self.output = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x.view(-1, 1, 28, 28))))
        return self.output(functional.relu(self.conv2(x)).mean((2, 3)))

    def seen(self, x: Tensor) -> list[Tensor]:
        """The preactivations."""
        first = self.norm1(self.conv1(x.view(-1, 1, 28, 28)))
        second = self.conv2(functional.relu(first))
        return [first, second, self.output(functional.relu(second).mean((2, 3)))]


def networks() -> list[Small]:
    torch.manual_seed(0)
    return [Small(normalize=False), Small(normalize=True)]


def drawn(images: datasets.Images) -> Any:
    pixels = torch.from_numpy(images.train_images.reshape(-1, 784).copy())
    return ShuffledBatches(
        pixels, torch.from_numpy(images.train_labels), BATCH, seed=0, scale=Scaling(255)
    )


def plain_loop(network: Small, images: datasets.Images, lr: float) -> list[list[Tensor]]:
    """Eager training in torch's own memory format; by step the preactivations with gradients."""
    optimizer = torch.optim.SGD(network.parameters(), lr)
    found = []
    for (inputs, labels), _ in zip(drawn(images), range(STEPS), strict=False):
        seen = network.seen(inputs)
        for z in seen:
            z.retain_grad()
        optimizer.zero_grad()
        functional.cross_entropy(seen[-1], labels).backward()
        optimizer.step()
        found.append(seen)
    return found


def test_records_tell_what_a_plain_loop_shows(engine: Engine) -> None:
    images = datasets.load("digits", Path(), lambda _: None)
    base = catalog.experiment("mnist-sigmoid")
    settings = ["dataset=digits", f"steps={STEPS}", f"batch_size={BATCH}", "activation=relu"]
    wanted = with_settings(base, settings)
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    ours = networks()
    test = (Scaling(255)(torch.from_numpy(images.test_images.reshape(-1, 784).copy())),
            torch.from_numpy(images.test_labels))  # fmt: skip
    example = (test[0][:BATCH], test[1][:BATCH])
    prepared = assemble(wanted, [[n] for n in ours], [drawn(images)], test, example)
    recorder = RecorderProcess(str(engine.url), run_id)
    assert watch_and_train(wanted, prepared, recorder, CPU, threading.Event())
    rows = exported(engine, run_id)
    by_record = {(row["arm"], row["layer"], row["step"]): row for row in rows}
    assert len(by_record) == len(rows) == 2 * len(LAYERS) * STEPS

    for arm, network, mine in zip(wanted.arms, networks(), ours, strict=True):
        assert mine.conv2.weight.is_contiguous(memory_format=torch.channels_last)
        shown = plain_loop(network, images, wanted.optimizer_of(arm).lr)
        for name, value in network.state_dict().items():
            torch.testing.assert_close(mine.state_dict()[name], value, rtol=1e-3, atol=1e-5)
        for step, seen in enumerate(shown, start=1):
            for layer, z in zip(LAYERS, seen, strict=True):
                record = by_record[arm.name, layer, step]
                check(record, z.detach().double().numpy(), z.grad)


def check(record: dict[str, Any], z: np.ndarray, gradient: Tensor | None) -> None:
    """One record against its preactivation (examples, channels, …)."""
    assert gradient is not None
    assert record["activation_grad_norm"] == pytest.approx(gradient.norm().item(), rel=1e-3)
    if z.size > 65_536:
        assert record["mean"] == pytest.approx(z.mean(), abs=4 * z.std() / 128)
        assert record["std"] == pytest.approx(z.std(), rel=0.05)
        return
    assert record["mean"] == pytest.approx(z.mean(), rel=1e-3, abs=1e-5)
    assert record["p85"] == pytest.approx(np.quantile(z, 0.85), rel=1e-3, abs=1e-5)
    if record["layer"] != "output":
        assert record["saturated"] == pytest.approx((z <= 0).mean(), abs=1e-3)
        by_channel = np.moveaxis(z, 1, 0).reshape(z.shape[1], -1)
        assert record["dead"] == pytest.approx((by_channel <= 0).all(axis=1).mean())


def test_norms_of_images_are_recorded_with_what_applies_to_them(engine: Engine) -> None:
    """Drift of the first step against a plain forward pass: per channel over N·H·W."""
    images = datasets.load("digits", Path(), lambda _: None)
    norms: list[NormName] = ["batch", "batch_explicit", "whitening", "instance"]
    wanted = Experiment.model_validate(
        {
            "dataset": "digits", "binary": False, "steps": 2, "batch_size": BATCH,
            "network": {"kind": "convolutional", "channels": [4, 6], "activation": "relu"},
            "recording": {"test_examples": 50},
            "arms": [{"name": norm, "norm": norm} for norm in norms],
        }
    )  # fmt: skip
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    prepared = prepare(wanted, images, CPU)
    assert [len(tensor) for tensor in prepared.test] == [50, 50]
    (inputs, _) = next(prepare(wanted, images, CPU).batches[0])
    recorder = RecorderProcess(str(engine.url), run_id)
    assert watch_and_train(wanted, prepared, recorder, CPU, threading.Event())
    first = {
        (row["arm"], row["layer"]): row for row in exported(engine, run_id) if row["step"] == 1
    }
    for arm in wanted.arms:
        row = first[arm.name, "stage1_1.conv"]
        assert row["gamma_mean"] == 1 and row["beta_mean"] == 0 and row["nonfinite"] == 0
        if arm.norm not in OVER_EXAMPLES:
            assert row["mean_drift"] is row["var_drift"] is None
            continue
        weights = draw_weights(wanted.network, 1, images.classes, seed=0)
        network = build(wanted, arm, weights, inputs=1)
        z = network.get_submodule("stage1_1.conv")(inputs).detach().double()
        mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3))
        drift = (mean.square() / (1 + 1e-5)).mean().sqrt().item()
        assert row["mean_drift"] == pytest.approx(drift, rel=1e-3)
        ratio = ((1 + 1e-5) / (variance + 1e-5)).log().square().mean().sqrt().item()
        assert row["var_drift"] == pytest.approx(ratio, rel=1e-3)
