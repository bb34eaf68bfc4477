"""`watch` for Lightning: `Trainer(callbacks=[LightningCallback(name="my run")])`."""

import inspect
import logging
import math
from collections.abc import Mapping
from typing import Any

import torch

from .watched import Watch
from .watching import watch

logger = logging.getLogger(__name__)

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as error:
    raise ImportError(
        "LightningCallback needs Lightning: pip install 'shiftscope[lightning]'."
    ) from error


class LightningCallback(Callback):
    """Watches what a Lightning Trainer fits: each `fit` is a run.

    The loss of a step is what `training_step` returned, the mean over the batches of the step where
    gradients are accumulated; so is the accuracy, where it returns one beside it:
    `return {"loss": loss, "accuracy": accuracy}`.

    Attributes:
        run: The run of the latest `fit`; None before the first.
    """

    def __init__(
        self, *, evaluation: tuple[str, str] = ("val_loss", "val_acc"), **options: Any
    ) -> None:
        """Args:
        evaluation: The names under which validation logs its loss and its accuracy; what is not
            logged is not recorded.
        **options: Those of `watch`: name, database, overhead, … The Trainer knows `scaler` and
            `steps` itself.
        """
        super().__init__()
        inspect.signature(watch).bind(None, None, **options)  # a wrong name is told at once
        self.run: Watch | None = None
        self._evaluation = evaluation
        self._options = options
        self._is_open = False
        self._seen: dict[str, list[Any]] = {"loss": [], "accuracy": []}
        """Of the batches of the current step."""
        self._step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.optimizers:
            logger.warning("Not recorded: the run; configure_optimizers returned no optimizer.")
            return
        steps = trainer.estimated_stepping_batches
        known = {
            "scaler": getattr(trainer.precision_plugin, "scaler", None),
            "steps": int(steps) if math.isfinite(steps) and steps > 0 else None,
        }
        self.run = watch(pl_module, trainer.optimizers, **{**known, **self._options})
        self._is_open = True
        self._step = trainer.global_step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.run is None or not self._is_open:
            return
        returned = outputs if isinstance(outputs, Mapping) else {"loss": outputs}
        # Lightning divides the loss that it accumulates gradients of
        parts = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
        for name, factor in (("loss", parts), ("accuracy", 1)):
            if returned.get(name) is not None:
                self._seen[name].append(returned[name] * factor)
        if trainer.global_step != self._step:
            self._step = trainer.global_step
            self.run.log(**{name: _mean(values) for name, values in self._seen.items()})
            for values in self._seen.values():
                values.clear()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.run is None or not self._is_open:
            return
        loss, accuracy = (trainer.callback_metrics.get(name) for name in self._evaluation)
        if loss is not None or accuracy is not None:
            self.run.log_evaluation(loss, accuracy)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._close()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        self._close(exception)

    def _close(self, error: BaseException | None = None) -> None:
        if self.run is not None and self._is_open:
            self._is_open = False
            self.run.close(error)


def _mean(values: list[Any]) -> Any:
    if len(values) < 2:
        return values[0] if values else None
    if isinstance(values[0], torch.Tensor):
        return torch.stack([value.detach() for value in values]).mean()
    return sum(values) / len(values)
