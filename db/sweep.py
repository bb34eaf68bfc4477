"""A sweep: one experiment with several values of some of its settings, each choice a run. Pure.

docs/sweeps.md describes it. The same sweep always expands to the same experiments, in one order.
"""

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from .arm import Arm
from .document import Document, Finite, Name, plain_types
from .errors import FieldProblem, InvalidExperiment
from .experiment import Experiment
from .parsing import parse, put, value_at

MOST_SETTINGS = 4
MOST_RUNS = 200
MOST_NETWORKS = 2_000
DIGITS = 6
"""Significant digits of a number in a range; its ends stay as they are."""
LONGEST_NAME = 80
Spread = Literal["lin", "log", "uniform", "loguniform"]
"""How a range is filled: at equal distances or ratios, or drawn at random likewise."""


class Swept(Document):
    """A setting and its values: a list of them, or a range."""

    setting: str = Field(max_length=80)
    values: list[Any] | None = Field(default=None, min_length=1, max_length=MOST_RUNS)
    spread: Spread | None = None
    low: Finite | None = None
    high: Finite | None = None
    count: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = None
    """How many values; a sweep that draws its runs needs none."""

    @model_validator(mode="after")
    def _is_list_or_range(self) -> Self:
        if (self.values is None) == (self.spread is None):
            raise ValueError("values: expected a list of values, or a range with its spread.")
        if self.spread is None:
            if (self.low, self.high, self.count) != (None, None, None):
                raise ValueError("values: a list has neither low nor high nor count.")
        elif self.low is None or self.high is None or self.low >= self.high:
            raise ValueError(
                "low: a range goes from a lower to a higher number, got "
                f"{shown_value(self.low)} to {shown_value(self.high)}."
            )
        elif self.is_log and self.low <= 0:
            raise ValueError(
                f"low: a {self.spread} range begins above 0, got {shown_value(self.low)}. "
                "Take a lin or a uniform one."
            )
        elif self.count == 1 and self.spread in ("lin", "log"):
            raise ValueError("count: a range has at least its two ends, got 1.")
        return self

    @property
    def is_log(self) -> bool:
        """Whether ratios count, rather than distances."""
        return self.spread in ("log", "loguniform")

    @property
    def annotation(self) -> Any:
        """What the setting holds."""
        *parents, last = self.setting.split(".")
        fields = Arm.model_fields if parents[:1] == ["arms"] else Experiment.model_fields
        for name in () if parents[:1] == ["arms"] else parents:
            part: Any = fields[name].annotation
            fields = part.model_fields
        return fields[last].annotation


class Sweep(Document):
    """An experiment, and over what it is swept.

    Without `draws` it is a grid: a run for every combination, the last setting changing fastest.
    With `draws` it is that many runs, and each of them takes every setting at random.
    """

    name: Name
    experiment: Experiment
    over: list[Swept] = Field(min_length=1, max_length=MOST_SETTINGS)
    draws: Annotated[int, Field(ge=1, le=MOST_RUNS)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Of everything that is drawn at random."""


@dataclass(frozen=True)
class Member:
    """One run of a sweep: the values of the swept settings, in their order, and the experiment."""

    values: tuple[Any, ...]
    experiment: Experiment


def values_of(sweep: Sweep) -> list[list[Any]]:
    """The values that each setting takes in a grid, in order.

    Raises:
        InvalidExperiment: A value appears twice, or a range is of something that is no number.
    """
    return [_values(one, sweep.seed, place) for place, one in enumerate(sweep.over)]


def expand(sweep: Sweep) -> list[Member]:
    """Every run of a sweep. What is drawn twice is one run.

    Raises:
        InvalidExperiment: There would be too many, a value is listed twice, or the settings of a
            run do not agree.
    """
    if sweep.draws is None:
        values = values_of(sweep)
        runs = math.prod(len(one) for one in values)
        if runs > MOST_RUNS:
            sentence = f"expected at most {MOST_RUNS} runs, got {runs:,}. Take fewer values."
            raise InvalidExperiment([FieldProblem("over", sentence)])
        rows = list(itertools.product(*values))
    else:
        columns = [_drawn(one, sweep, place) for place, one in enumerate(sweep.over)]
        rows = list(zip(*columns, strict=True))
    members = [_member(sweep, row) for row in rows]
    networks = sum(count_networks(one.experiment) for one in members)
    if networks > MOST_NETWORKS:
        sentence = (
            f"expected at most {MOST_NETWORKS:,} networks, got {networks:,} in {len(members)} "
            "runs. Take fewer values, arms or seeds."
        )
        raise InvalidExperiment([FieldProblem("over", sentence)])
    return _distinct(sweep, members)


def count_networks(experiment: Experiment) -> int:
    """How many networks a run of it trains."""
    return len(experiment.arms) * len(experiment.seeds)


def words(settings: Sequence[str], values: Sequence[Any]) -> str:
    """Swept settings with their values: "lr 0.01, batch_size 60"."""
    return ", ".join(
        f"{_short(setting, settings)} {shown_value(value)}"
        for setting, value in zip(settings, values, strict=True)
    )


def _distinct(sweep: Sweep, members: Sequence[Member]) -> list[Member]:
    """The members, each once.

    Raises:
        InvalidExperiment: Two of a grid are the same, for a list has a value twice.
    """
    for place, one in enumerate(sweep.over if sweep.draws is None else ()):
        listed = one.values or []
        if len({json.dumps(member.values[place]) for member in members}) < len(listed):
            sentence = f"expected every value once, got {', '.join(map(shown_value, listed))}."
            raise InvalidExperiment([FieldProblem(one.setting, sentence)])
    return list({json.dumps(member.values): member for member in members}.values())


def _values(one: Swept, seed: int, place: int) -> list[Any]:
    if one.values is not None:
        return one.values
    assert one.low is not None and one.high is not None and one.count is not None
    if one.spread in ("lin", "log"):
        shares = np.linspace(0, 1, one.count)
    else:
        shares = np.sort(np.random.default_rng([seed, place]).random(one.count))
    return list(dict.fromkeys(_number(one, float(share)) for share in shares))


def _drawn(one: Swept, sweep: Sweep, place: int) -> list[Any]:
    """A value for each run, each drawn independently."""
    assert sweep.draws is not None
    shares = np.random.default_rng([sweep.seed, place]).random(sweep.draws)
    if one.values is not None:
        values = one.values
        return [values[int(share * len(values))] for share in shares]
    return [_number(one, float(share)) for share in shares]


def _number(one: Swept, share: float) -> float | int:
    """The number of a range that lies at a share of its way; whole where the setting is.

    Raises:
        InvalidExperiment: The setting holds no number.
    """
    assert one.low is not None and one.high is not None
    kinds = plain_types(one.annotation)
    if not kinds & {int, float}:
        sentence = "holds no number, so that it has no range; expected a list of values."
        raise InvalidExperiment([FieldProblem(one.setting, sentence)])
    if share in (0.0, 1.0):
        value = one.high if share else one.low
    elif one.is_log:
        value = _rounded(math.exp((1 - share) * math.log(one.low) + share * math.log(one.high)))
    else:
        value = _rounded((1 - share) * one.low + share * one.high)
    return min(max(value, one.low), one.high) if float in kinds else round(value)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _member(sweep: Sweep, row: tuple[Any, ...]) -> Member:
    settings = [one.setting for one in sweep.over]
    document = sweep.experiment.model_dump(mode="json")
    for setting, value in zip(settings, row, strict=True):
        put(document, setting, value)
    said = words(settings, row)
    document["name"] = _name(sweep.name, said)
    try:
        experiment = parse(document)
    except InvalidExperiment as error:
        raise InvalidExperiment(
            [FieldProblem(one.field, f"With {said}: {one.message}") for one in error.problems]
        ) from None
    asked = experiment.model_dump(mode="json")
    return Member(tuple(value_at(asked, setting) for setting in settings), experiment)


def _name(name: str, said: str) -> str:
    """The values, by which a run of the sweep is told from the others, then the sweep's name."""
    whole = f"{said} · {name}"
    return whole if len(whole) <= LONGEST_NAME else whole[: LONGEST_NAME - 1].rstrip() + "…"


def _short(setting: str, settings: Sequence[str]) -> str:
    """The last word of a path, where that is unique and not one of an arm."""
    last = setting.rpartition(".")[2]
    is_alone = sum(one.rpartition(".")[2] == last for one in settings) == 1
    return last if is_alone and not setting.startswith("arms.") else setting


def shown_value(value: Any) -> str:
    """A value as names and tables have it: "0.01", "100-100", "yes", "empty"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{DIGITS}g}"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        is_words = any(isinstance(item, str) for item in items)
        return (", " if is_words else "-").join(map(shown_value, items))
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return "empty" if value is None else str(value)
