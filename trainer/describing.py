"""What a watched run says of itself: to the database and on the terminal."""

import math
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..db.errors import SetupProblem, shown
from ..db.rules import Diagnosis
from .plan import Plan
from .ring import stretch_bytes
from .updates import is_sharded

LARGE_RING = 512 << 20
"""Bytes of shared memory from which on the terminal says how many they are."""
SHOWN = 10
"""Skipped modules that the terminal lists."""


def document(
    models: Mapping[str, tuple[nn.Module, list[torch.optim.Optimizer]]],
    settings: Mapping[str, Any] | None,
    cap: float | None,
    diagnosis: Diagnosis,
) -> dict[str, Any]:
    """What the database keeps of a watched run, as docs/protocol.md describes it.

    Raises:
        SetupProblem: The settings are no mapping.
    """
    if settings is not None and not isinstance(settings, Mapping):
        raise SetupProblem(
            f'settings is a mapping such as {{"batch_size": 60}}, got {shown(settings)}.'
        )
    return {
        "program": Path(sys.argv[0]).name or "python",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "arms": list(models),
        "models": {arm: type(model).__name__ for arm, (model, _) in models.items()},
        "optimizers": {
            arm: [_described(optimizer) for optimizer in optimizers]
            for arm, (_, optimizers) in models.items()
        },
        "attached": {},
        "skipped": [],
        "settings": {str(key): _plain(value) for key, value in (settings or {}).items()},
        "diagnosis": diagnosis.model_dump(mode="json"),
        "not_recorded": [],
        "overhead_cap": cap,
    }


def _described(optimizer: torch.optim.Optimizer) -> str:
    group = optimizer.param_groups[0] if optimizer.param_groups else {}
    options = [f"{key}={group[key]!r}" for key in ("lr", "momentum", "betas", "weight_decay")
               if group.get(key)]  # fmt: skip
    return f"{type(optimizer).__name__}({', '.join(options)})"


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def sentences_on(models: Sequence[nn.Module]) -> list[tuple[str, str]]:
    """What its wrappings, the outermost first, keep from being seen of the last one, a model."""
    found: list[tuple[str, str]] = []
    for model in models:
        if isinstance(model, nn.parallel.DistributedDataParallel):
            found.append(
                ("DistributedDataParallel", "Activations are those of this process's batches; "
                 "gradients of weights are the mean of all processes.")
            )  # fmt: skip
        elif isinstance(model, nn.DataParallel) and len(model.device_ids) > 1:
            found.append(
                ("DataParallel", "It calls copies of the model, one on each device: their calls "
                 "count as calls of one step.")
            )  # fmt: skip
    if any(is_sharded(parameter) for parameter in models[-1].parameters()):
        found.append(
            ("FSDP", "Parameters are sharded: norms of weights, gradients and updates are of this "
             "process's shards; activations are those of its batches.")
        )  # fmt: skip
    return found


def ending(error: BaseException | None) -> dict[str, str | None]:
    """How a run ends with which its loop ended."""
    if error is None:
        return {"status": "finished", "error": None}
    if isinstance(error, (KeyboardInterrupt, GeneratorExit)):  # the latter ends a loop that yields
        return {"status": "stopped", "error": None}
    words = (str(error) or "no message").splitlines()[0]
    return {"status": "failed", "error": f"The loop raised {type(error).__name__}: {words}"}


def announcement(
    attached: Mapping[str, list[str]], skipped: Mapping[str, list[tuple[str, str]]], plan: Plan
) -> str:
    """What is watched and what is not, for the terminal."""
    lines: list[str] = []
    for arm, names in attached.items():
        lines.append(f"{arm}: attached to {len(names)} layers: {few(names)}.")
        lines += [f"{arm}: {name}: {why}" for name, why in skipped[arm][:SHOWN]]
        more = len(skipped[arm]) - SHOWN
        if more > 0:
            lines.append(f"{arm}: and {more} more, all in run.skipped.")
    size = stretch_bytes(plan) * plan.stretches
    if size > LARGE_RING:
        lines.append(
            f"The records wait for the database in {size / 2**30:.1f} GiB of memory; include or "
            "exclude layers for less."
        )
    return "\n".join(lines)


def few(names: Sequence[str]) -> str:
    """Names in a sentence, the middle of many left out."""
    if not names:
        return "none"
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:3])} … {names[-1]}"
