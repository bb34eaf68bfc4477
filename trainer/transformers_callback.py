"""`watch` for Hugging Face: `Trainer(…, callbacks=[TransformersCallback(name="my run")])`."""

import atexit
import inspect
import logging
import sys
from collections.abc import Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn

from .watched import Watch
from .watching import watch

logger = logging.getLogger(__name__)

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError as error:
    raise ImportError(
        "TransformersCallback needs transformers: pip install 'shiftscope[transformers]'."
    ) from error

_NO_LOSS = (
    "The loss: the model's output holds none that was trained on. Where you compute it yourself, "
    "call the callback's see(loss); in compiled code it cannot be seen."
)


class TransformersCallback(TrainerCallback):
    """Watches what a Hugging Face Trainer trains: each `train` is a run.

    The Trainer tells its callbacks of no error. A run whose `train` raised is marked as failed when
    the program ends or the callback's next `train` begins; at once, if the callback is a context:

        with TransformersCallback(name="my run") as watching:
            Trainer(…, callbacks=[watching]).train()

    Attributes:
        run: The run of the latest `train`; None before the first.
    """

    def __init__(
        self, *, evaluation: tuple[str, str] = ("eval_loss", "eval_accuracy"), **options: Any
    ) -> None:
        """Args:
        evaluation: The names of the loss and the accuracy among the metrics of an evaluation; what
            is not there is not recorded.
        **options: Those of `watch`: name, database, overhead, … The Trainer knows `scaler` and
            `steps` itself.
        """
        inspect.signature(watch).bind(None, None, **options)  # a wrong name is told at once
        self.run: Watch | None = None
        self._evaluation = evaluation
        self._options = options
        self._hook: Any = None
        """On the model, while a run is open."""
        self._scaler: Any = None
        self._losses: list[Tensor] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._close(_unfinished())
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        self._scaler = getattr(optimizer, "scaler", None)  # accelerate's wrapper knows it
        known = {"scaler": self._scaler, "steps": state.max_steps if state.max_steps > 0 else None}
        self.run = watch(model, optimizer, **{**known, **self._options})
        self._losses.clear()
        self._hook = model.register_forward_hook(self._see_output)
        atexit.register(self._close_at_exit)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.run is None or self._hook is None:
            return
        if self._losses:
            self.run.log(torch.stack(self._losses).sum())
            self._losses.clear()
        elif _NO_LOSS not in self.run.not_recorded:
            self.run.not_recorded.append(_NO_LOSS)
            logger.warning("Not recorded: %s", _NO_LOSS)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        metrics = kwargs.get("metrics") or {}
        loss, accuracy = (metrics.get(name) for name in self._evaluation)
        if self.run is not None and self._hook is not None and (loss, accuracy) != (None, None):
            self.run.log_evaluation(loss, accuracy)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._close(error)

    def see(self, loss: Tensor) -> None:
        """Record a loss that is not in the model's output; for your own `compute_loss`.

        The gradient that arrives at it is its part in what is minimized, whatever the Trainer did
        to it under gradient accumulation: divided it by the number of batches, or had the model
        divide by the tokens of all of them.
        """
        if torch.is_grad_enabled() and loss.requires_grad and loss.numel() == 1:
            value = loss.detach().clone()  # the Trainer may multiply it in place
            loss.register_hook(lambda part: self._add(value, part))

    def _see_output(self, _model: nn.Module, _inputs: Any, output: Any) -> None:
        if torch.compiler.is_compiling():
            return
        if isinstance(output, Mapping):
            loss = output.get("loss")
        else:
            loss = output[0] if isinstance(output, tuple) and output else None
        if isinstance(loss, Tensor):
            self.see(loss)

    def _add(self, loss: Tensor, part: Tensor) -> None:
        scale = getattr(self._scaler, "_scale", None)  # a tensor, that nobody has to wait for
        self._losses.append((loss * (part if scale is None else part / scale)).float().sum())

    def _close(self, error: BaseException | None = None) -> None:
        if self.run is not None and self._hook is not None:
            self._hook.remove()
            self._hook = None
            atexit.unregister(self._close_at_exit)
            self.run.close(error)

    def _close_at_exit(self) -> None:
        # what ended the program, if it was an error
        self._close(getattr(sys, "last_value", None) or _unfinished())


def _unfinished() -> RuntimeError:
    """What a run is closed with whose training ended in an error that nobody told us of."""
    return RuntimeError("Trainer.train() did not come to its end.")
