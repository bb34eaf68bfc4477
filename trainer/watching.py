"""Other people's loops as runs: `watch` and `Pair`.

    with watch(model, optimizer, name="my run") as run:
        for x, y in loader:
            …
            optimizer.step()
            run.log(loss=loss)

The loop stays as it is. Watching changes no result and never raises into training: what goes wrong
is said once, and training goes on unwatched.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ..db.errors import SetupProblem, shown
from .arguments import Optimizers
from .selection import Patterns
from .watched import Watch

__all__ = ["Pair", "Watch", "watch"]
LONGEST_NAME = 80
"""Characters of an arm's name that the database holds."""


def watch(
    model: nn.Module,
    optimizer: Optimizers,
    *,
    name: str | None = None,
    database: str | None = None,
    webhook: str | None = None,
    include: Patterns = None,
    exclude: Patterns = None,
    overhead: str | float | None = None,
    record_every: int = 1,
    scaler: Any = None,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    diagnosis: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Watch:
    """Watch a model while your own loop trains it: every layer, every step, as a run in the page.

    Args:
        model: Any module; attach before or after torch.compile, DDP or FSDP.
        optimizer: One, or several whose steps make a step together.
        name: How the list of runs calls it; by default the model's class.
        database: URL; by default the one of `shiftscope serve`.
        webhook: Address that findings and the run's end are posted to; by default
            SHIFTSCOPE_WEBHOOK.
        include: Patterns of module paths ("encoder.*") or module types; None is everything.
        exclude: Likewise what to leave out.
        overhead: The largest share of the training time that watching may take, such as "2%" or
            0.02; then fewer steps are looked at. None: every step.
        record_every: Steps from one look to the next.
        scaler: The torch.amp.GradScaler, so that gradients are recorded unscaled.
        steps: How many steps there will be, if that is known.
        settings: Anything worth knowing later, such as the batch size.
        diagnosis: What rules look for: `{"silenced": ["stalled"], "thresholds":
            ["dead_units=0.5"]}`, as docs/findings.md has them; None: every rule as it is.
        quiet: Write nothing to the terminal but warnings.

    Raises:
        SetupProblem: An argument is not what it should be. Later nothing is ever raised.
    """
    return Watch(
        {"model": (model, optimizer)},
        name=name, database=database, webhook=webhook, include=include, exclude=exclude,
        overhead=overhead, record_every=record_every, scaler=scaler, steps=steps,
        settings=settings, diagnosis=diagnosis, quiet=quiet,
    )  # fmt: skip


class Pair(Watch):
    """Two models, trained side by side by your own loop, as one run with two arms.

    The models take their steps in turn: a step of the run is one of each. `log` takes one value for
    each model.
    """

    def __init__(
        self,
        model_a: nn.Module,
        model_b: nn.Module,
        *,
        optimizers: tuple[Optimizers, Optimizers],
        names: tuple[str, str] = ("a", "b"),
        name: str | None = None,
        database: str | None = None,
        webhook: str | None = None,
        include: Patterns = None,
        exclude: Patterns = None,
        overhead: str | float | None = None,
        record_every: int = 1,
        scaler: Any = None,
        steps: int | None = None,
        settings: Mapping[str, Any] | None = None,
        diagnosis: Mapping[str, Any] | None = None,
        quiet: bool = False,
    ) -> None:
        """Args:
        model_a: The reference, the first arm; `model_b` the second.
        optimizers: Of each model.
        names: Of the arms, such as ("none", "BatchNorm").

        The others are those of `watch`.

        Raises:
            SetupProblem: An argument is not what it should be.
        """
        fits = all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in names)
        if not fits or not len(names) == len(set(names)) == 2:
            raise SetupProblem(
                f"A pair needs two different names of at most {LONGEST_NAME} characters, got "
                f"{shown(names)}."
            )
        if not isinstance(optimizers, Sequence) or len(optimizers) != 2:
            raise SetupProblem(
                f"A pair needs the optimizers of each of its two models, got {shown(optimizers)}."
            )
        super().__init__(
            dict(zip(names, zip((model_a, model_b), optimizers, strict=True), strict=True)),
            name=name, database=database, webhook=webhook, include=include, exclude=exclude,
            overhead=overhead, record_every=record_every, scaler=scaler, steps=steps,
            settings=settings, diagnosis=diagnosis, quiet=quiet,
        )  # fmt: skip
