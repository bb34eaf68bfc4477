"""The callback in Hugging Face's own Trainer: what it records, and that it changes nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from queries import column, rows
from sqlalchemy import Engine
from torch import Tensor

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported

import transformers

from shiftscope.trainer import TransformersCallback

CONFIG = transformers.BertConfig(
    vocab_size=30, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
    intermediate_size=48, max_position_embeddings=16,
)  # fmt: skip
DRAWN = torch.Generator().manual_seed(1)
TOKENS = torch.randint(0, 30, (48, 8), generator=DRAWN)
DATA = [{"input_ids": row, "labels": (row > 14).sum() % 2} for row in TOKENS]


def trained(
    folder: Path, *callbacks: transformers.TrainerCallback, kind: type = transformers.Trainer,
    trainer: dict[str, Any] | None = None, **arguments: Any,
) -> transformers.Trainer:  # fmt: skip
    """A Trainer after its training: six steps of eight unless told otherwise."""
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(CONFIG)
    settings: dict[str, Any] = {
        "num_train_epochs": 1, "per_device_train_batch_size": 8, "logging_steps": 1,
        "report_to": "none", "save_strategy": "no", "use_cpu": True, "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }  # fmt: skip
    one = kind(
        model, transformers.TrainingArguments(str(folder / "out"), **{**settings, **arguments}),
        train_dataset=DATA, eval_dataset=DATA[:16], callbacks=list(callbacks), **(trainer or {}),
    )  # fmt: skip
    one.train()
    return one


def weights(trainer: transformers.Trainer) -> list[tuple[str, Tensor]]:
    assert trainer.model is not None
    return list(trainer.model.state_dict().items())


def reported(trainer: transformers.Trainer) -> list[float]:
    """The loss of each step, as the Trainer reports it."""
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.fixture
def callback(engine: Engine) -> TransformersCallback:
    return TransformersCallback(database=str(engine.url), quiet=True)


LOSSES = "SELECT loss FROM network_records ORDER BY step"


def test_it_records_every_step_and_changes_nothing(
    engine: Engine, callback: TransformersCallback, tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "eval_strategy": "steps", "eval_steps": 3,
        "trainer": {"compute_metrics": lambda _: {"accuracy": 0.75}},
    }  # fmt: skip
    plain, watched = trained(tmp_path, **options), trained(tmp_path, callback, **options)
    for (name, before), after in zip(weights(plain), weights(watched), strict=True):
        assert torch.equal(before, after[1]), name
    assert callback.run is not None and callback.run.not_recorded == []
    assert rows(engine, "SELECT status, step, steps FROM runs") == [("finished", 6, 6)]
    assert column(engine, LOSSES) == pytest.approx(reported(watched), abs=1e-4)
    norms = [e["grad_norm"] for e in watched.state.log_history if "grad_norm" in e]
    found = column(engine, "SELECT grad_norm FROM network_records ORDER BY step")
    # the Trainer's are those before clipping, the recorded ones after it
    assert found == pytest.approx([min(1.0, norm) for norm in norms], rel=1e-3)
    seen = column(engine, "SELECT count(p50) FROM layer_records GROUP BY layer_id")
    assert len(seen) > 12 and set(seen) == {6}
    evaluations = [e["eval_loss"] for e in watched.state.log_history if "eval_loss" in e]
    question = "SELECT step, test_accuracy FROM evaluations WHERE test_loss IS NOT NULL"
    assert len(evaluations) == 2 and rows(engine, question) == [(3, 0.75), (6, 0.75)]


@pytest.mark.parametrize("precision", [{}, {"bf16": True}])
def test_with_accumulated_gradients_the_loss_is_that_of_all_batches(
    engine: Engine, callback: TransformersCallback, tmp_path: Path, precision: dict[str, Any]
) -> None:
    watched = trained(
        tmp_path, callback, gradient_accumulation_steps=4, num_train_epochs=2, **precision
    )
    assert column(engine, LOSSES) == pytest.approx(reported(watched), abs=1e-3)
    assert watched.state.global_step == 4  # six batches an epoch: four and two


class Scaling(transformers.Trainer):
    """Scales as it would in float16 on a GPU."""

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        self.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)


def test_losses_and_gradients_are_recorded_without_the_scale_of_mixed_precision(
    engine: Engine, callback: TransformersCallback, tmp_path: Path
) -> None:
    question = """SELECT loss, grad_norm FROM network_records JOIN networks
        ON networks.id = network_id WHERE run_id = %d ORDER BY step"""
    for kind in (transformers.Trainer, Scaling):
        trained(tmp_path, callback, kind=kind, max_grad_norm=0.0)
    plain, scaled = rows(engine, question % 1), rows(engine, question % 2)
    assert len(plain) == 6
    for one, other in zip(plain, scaled, strict=True):
        assert tuple(other) == pytest.approx(tuple(one), rel=1e-4)


class OwnLoss(transformers.Trainer):
    """With a loss of its own, in its own `compute_loss`."""

    seen: TransformersCallback | None = None

    def compute_loss(self, model: Any, inputs: Any, *rest: Any, **more: Any) -> Any:
        logits = model(input_ids=inputs["input_ids"]).logits
        loss: Tensor = torch.nn.functional.multi_margin_loss(logits, inputs["labels"])
        if self.seen is not None:
            self.seen.see(loss)
        return loss


def test_a_loss_of_ones_own_is_seen_when_it_is_shown(
    engine: Engine, callback: TransformersCallback, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    trained(tmp_path, callback, kind=OwnLoss)
    assert column(engine, LOSSES) == [None] * 6
    [record] = [r for r in caplog.records if r.name.startswith("shiftscope")]
    assert "see(loss)" in record.getMessage()
    kind = type("Shown", (OwnLoss,), {"seen": callback})
    watched = trained(tmp_path, callback, kind=kind)
    question = """SELECT loss FROM network_records JOIN networks ON networks.id = network_id
        WHERE run_id = 2 ORDER BY step"""
    assert column(engine, question) == pytest.approx(reported(watched), abs=1e-4)


class Failing(transformers.Trainer):
    """Raises in the third step."""

    def training_step(self, *arguments: Any, **more: Any) -> Any:
        if self.state.global_step == 2:
            raise ValueError("no such luck")
        return super().training_step(*arguments, **more)


def test_an_error_ends_the_run_of_a_context_at_once(
    engine: Engine, callback: TransformersCallback, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="luck"), callback:
        trained(tmp_path, callback, kind=Failing)
    [(status, error, step)] = rows(engine, "SELECT status, error, step FROM runs")
    assert (status, step) == ("failed", 2) and "ValueError: no such luck" in error


def test_an_error_without_a_context_is_known_when_the_next_training_begins(
    engine: Engine, callback: TransformersCallback, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="luck"):
        trained(tmp_path, callback, kind=Failing)
    trained(tmp_path, callback)
    runs = rows(engine, "SELECT status, error, step FROM runs ORDER BY id")
    assert [(status, step) for status, _, step in runs] == [("failed", 2), ("finished", 6)]
    assert "did not come to its end" in runs[0][1]


PROGRAM = """
import pathlib, sys
sys.path.insert(0, {tests!r})
import test_transformers as t
t.trained(pathlib.Path({folder!r}), t.TransformersCallback(database={url!r}), kind=t.Failing)
"""


def test_an_error_that_ends_the_program_is_named(engine: Engine, tmp_path: Path) -> None:
    program = PROGRAM.format(
        tests=str(Path(__file__).parent), folder=str(tmp_path), url=str(engine.url)
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    [(status, error, step)] = rows(engine, "SELECT status, error, step FROM runs")
    assert (status, step) == ("failed", 2) and "ValueError: no such luck" in error


def test_a_wrong_option_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="overheat"):
        TransformersCallback(overheat="2%")


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("LightningCallback", "lightning", "shiftscope[lightning]"),
        ("TransformersCallback", "transformers", "shiftscope[transformers]"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(name: str, library: str, extra: str) -> None:
    program = f"import sys; sys.modules[{library!r}] = None\nfrom shiftscope.trainer import {name}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: ")
    assert f"pip install '{extra}'" in done.stderr.splitlines()[-1]
