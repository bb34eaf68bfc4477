"""What `watch` and `Pair` take, read and checked; see selection.py for models and layers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from ..db.errors import InvalidExperiment, SetupProblem, shown
from ..db.location import PREFIX, Location
from ..db.parsing import parse_diagnosis
from ..db.rules import Diagnosis

MOST_STEPS = 2**31 - 1
"""The largest number in a column of PostgreSQL's integers."""
Optimizers = torch.optim.Optimizer | Sequence[torch.optim.Optimizer]


def parse_share(overhead: str | float | None) -> float | None:
    """ "2%" or 0.02 → 0.02.

    Raises:
        SetupProblem: It is no share of more than 0 and at most 1.
    """
    if overhead is None:
        return None
    try:
        text = str(overhead).strip()
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise SetupProblem(
            f'overhead is a share of the training time such as "2%" or 0.02, got {overhead!r}.'
        )
    return share


def count_of(name: str, value: Any) -> int:
    """A whole number of at least 1 that the database can hold.

    Raises:
        SetupProblem: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_STEPS:
        raise SetupProblem(
            f"{name} is a whole number of at least 1, and at most {MOST_STEPS:,}, got "
            f"{shown(value)}."
        )
    return value


def asked_of_rules(diagnosis: Mapping[str, Any] | None) -> Diagnosis:
    """What is set of the rules that look for faults, as in an experiment's `diagnosis`.

    Raises:
        SetupProblem: There is no such rule or setting, or a threshold is not allowed.
    """
    if diagnosis is not None and not isinstance(diagnosis, Mapping):
        raise SetupProblem(
            f'diagnosis is a mapping such as {{"silenced": ["stalled"]}}, got {shown(diagnosis)}.'
        )
    try:
        return parse_diagnosis(diagnosis or {})
    except InvalidExperiment as error:
        raise SetupProblem(f"diagnosis: {error}") from None


def located(**given: Any) -> Location:
    """Where things are, by what was given and else by the environment; None is not given.

    Raises:
        SetupProblem: A value is not allowed.
    """
    try:
        return Location(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        detail = error.errors()[0]
        name = str(detail["loc"][0])
        message = detail["msg"].removeprefix("Value error, ")
        raise SetupProblem(
            f"{name} (or {PREFIX}{name.upper()}): {message}, got {shown(detail['input'])}."
        ) from None


def listed(optimizers: Any) -> list[torch.optim.Optimizer]:
    """The optimizers one by one, out of what Lightning and accelerate wrap them in.

    Raises:
        SetupProblem: It is none.
    """
    found = list(optimizers) if isinstance(optimizers, (list, tuple)) else [optimizers]
    # what has no hooks only looks like an optimizer, as accelerate's wrapper does
    found = [
        one if hasattr(one, "_optimizer_step_pre_hooks")
        else getattr(one, "optimizer", one)
        for one in found
    ]  # fmt: skip
    if not found or not all(isinstance(one, torch.optim.Optimizer) for one in found):
        raise SetupProblem(
            "watch needs the optimizer whose steps make a step, or a list of them, got "
            f"{shown(optimizers)}."
        )
    return found
