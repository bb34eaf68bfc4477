"""Documents and `--over` settings into sweeps, with every problem said by its setting."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from .document import plain_types
from .errors import FieldProblem, InvalidExperiment, shown
from .experiment import Experiment
from .parsing import parse, setting_path, value_at, value_of
from .sweep import Sweep, Swept

NOT_SWEPT = {"name": "each run is named after its values", "arms": "sweep a setting of one of them"}


def parse_sweep(document: Mapping[str, Any]) -> Sweep:
    """Validate a sweep's document; its settings may be named by their last word.

    Raises:
        InvalidExperiment: With one problem per offending setting, by its dotted path.
    """
    experiment = parse(document.get("experiment"))
    given: Any = document.get("over")
    if not isinstance(given, list) or not given:
        sentence = "expected a list of settings with their values, of at least 1."
        raise InvalidExperiment([FieldProblem("over", sentence)])
    over = [_swept(one, experiment) for one in given]  # pyright: ignore[reportUnknownVariableType]
    named = [one.setting for one in over]
    for setting in named:
        if named.count(setting) > 1:
            raise InvalidExperiment([FieldProblem(setting, "is swept twice; expected once.")])
    rest = {"name": experiment.name} | dict(document) | {"experiment": experiment, "over": over}
    try:
        sweep = Sweep.model_validate(rest)
    except ValidationError as error:
        raise InvalidExperiment(_problems(error)) from None
    for one in sweep.over:
        if sweep.draws is None and one.spread is not None and one.count is None:
            sentence = "a range needs a count: how many values are taken from it."
            raise InvalidExperiment([FieldProblem(one.setting, sentence)])
    return sweep


def parse_over(text: str) -> dict[str, Any]:
    """A setting and its values as the command line gives them, as a document.

    `lr=0.01,0.1`, `lr=log:0.01:10:7`, or `hidden=100,100;50` where each value is a list.

    Raises:
        InvalidExperiment: It is not understood.
    """
    key, equals, values = text.partition("=")
    setting = setting_path(key.strip())
    spread, colon, ends = values.strip().partition(":")
    if colon and spread in ("lin", "log", "uniform", "loguniform"):
        numbers = [value_of(part, is_list=False) for part in ends.split(":")]
        is_range = all(isinstance(number, int | float) for number in numbers)
        if not is_range or len(numbers) not in (2, 3):
            sentence = f"expected {spread}:LOW:HIGH:COUNT, got {values.strip()!r}."
            raise InvalidExperiment([FieldProblem(setting, sentence)])
        named = zip(("low", "high", "count"), numbers, strict=False)
        return {"setting": setting, "spread": spread, **dict(named)}
    if not equals or not values.strip():
        raise InvalidExperiment([FieldProblem(setting, f"expected {setting}=VALUES, got {text!r}")])
    is_list = list in plain_types(Swept(setting=setting, values=[0]).annotation)
    parts = values.split(";" if is_list else ",")
    return {"setting": setting, "values": [value_of(part, is_list=is_list) for part in parts]}


def _swept(given: Any, experiment: Experiment) -> Swept:
    try:
        one = Swept.model_validate(given)
    except ValidationError as error:
        setting = given.get("setting") if isinstance(given, Mapping) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        raise InvalidExperiment(_problems(error, str(setting or "over"))) from None  # pyright: ignore[reportUnknownArgumentType]
    setting = setting_path(one.setting)
    value_at(experiment.model_dump(mode="json"), setting)  # that there is such an arm
    if setting in NOT_SWEPT or setting.endswith(".name"):
        why = NOT_SWEPT.get(setting, "charts call the arm by it")
        raise InvalidExperiment([FieldProblem(setting, f"can't be swept: {why}.")])
    return one.model_copy(update={"setting": setting})


def _problems(error: ValidationError, setting: str = "") -> list[FieldProblem]:
    """What is wrong with a sweep, under the setting where it is one's."""
    found: list[FieldProblem] = []
    for detail in error.errors():
        field, message = ".".join(str(part) for part in detail["loc"]), str(detail["msg"])
        if detail["type"] == "value_error":
            field, _, sentence = message.removeprefix("Value error, ").partition(": ")
            message = sentence
        else:
            message = f"{message}, got {shown(detail['input'])}."
        found.append(
            FieldProblem(setting, f"{field}: {message}" if field else message)
            if setting
            else FieldProblem(field, message)
        )
    return found
