"""Documents and `key=value` settings → what is asked, with every problem said by its setting."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from .arm import Arm
from .document import Document
from .errors import FieldProblem, InvalidExperiment, shown
from .experiment import Experiment
from .rules import Diagnosis
from .study import Study

Asked = TypeVar("Asked", bound=Experiment | Study | Diagnosis)


def parse(document: Mapping[str, Any] | None) -> Experiment:
    """Validate a document. A watched run has none: it can't be run again here.

    Raises:
        InvalidExperiment: With one problem per offending setting, by its dotted path.
    """
    if document is None:
        sentence = (
            "expected an experiment, got null. A watched run has none: its loop belongs to your "
            "own program; run it again there."
        )
        raise InvalidExperiment([FieldProblem("experiment", sentence)])
    return _validated(Experiment, document)


def parse_study(document: Mapping[str, Any]) -> Study:
    """Validate a study's document.

    Raises:
        InvalidExperiment: With one problem per offending setting.
    """
    return _validated(Study, document)


def parse_diagnosis(document: Mapping[str, Any]) -> Diagnosis:
    """Validate what is set of the rules of a watched run, as an experiment does in `diagnosis`.

    Raises:
        InvalidExperiment: With one problem per offending setting.
    """
    return _validated(Diagnosis, document)


def _validated(kind: type[Asked], document: Mapping[str, Any]) -> Asked:
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        paths = list(_paths(kind.model_fields))
        raise InvalidExperiment([_problem(detail, paths) for detail in error.errors()]) from None


def with_settings(experiment: Asked, settings: Sequence[str]) -> Asked:
    """Apply `key=value` settings to an experiment or a study, as the command line gives them.

    A key is a dotted path (`optimizer.lr`) or its last word where that is unique (`lr`); of one
    arm, counted from 0, `arms.1.lr`. A value is JSON, a comma-separated list, or plain text.

    Raises:
        InvalidExperiment: A key is not a setting, or a value is not allowed.
    """
    document = experiment.model_dump(mode="json")
    paths = list(_paths(type(experiment).model_fields))
    for setting in settings:
        key, equals, text = setting.partition("=")
        path = _resolve(key.strip(), paths)
        if not equals:
            raise InvalidExperiment([FieldProblem(path, f"expected {path}=VALUE, got {setting!r}")])
        part, last = _place(document, path)
        # A setting that is text takes any text: a name may be 7.
        is_text = isinstance(part[last], str)
        is_list = isinstance(part[last], list) or (path.startswith("arms.") and last == "hidden")
        part[last] = text.strip() if is_text else value_of(text, is_list=is_list)
    return _validated(type(experiment), document)


def setting_path(key: str) -> str:
    """The dotted path of an experiment's setting, by that or by its last word where it is unique.

    Raises:
        InvalidExperiment: There is no such setting.
    """
    return _resolve(key, setting_paths())


def value_at(document: Mapping[str, Any], path: str) -> Any:
    """The value of a setting in an experiment's document.

    Raises:
        InvalidExperiment: It is of an arm that the experiment does not have.
    """
    part, last = _place(document, path)
    return part[last]


def put(document: Mapping[str, Any], path: str, value: Any) -> None:
    """Give a setting another value, in the document itself; nothing is validated.

    Raises:
        InvalidExperiment: It is of an arm that the experiment does not have.
    """
    part, last = _place(document, path)
    part[last] = value


def _place(document: Mapping[str, Any], path: str) -> tuple[Any, str]:
    """The part of a document that holds a setting, and the setting's name in it."""
    *parents, last = path.split(".")
    part: Any = document
    for parent in parents:
        part = _inside(part, parent, path)
    return part, last


def setting_paths() -> list[str]:
    """Every setting's dotted path, in the order of the form."""
    return list(_paths(Experiment.model_fields))


def _paths(fields: Mapping[str, FieldInfo], prefix: str = "") -> Iterator[str]:
    for name, field in fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Document):
            yield from _paths(kind.model_fields, f"{prefix}{name}.")
        else:
            yield prefix + name


def _inside(part: Any, name: str, path: str) -> Any:
    if not isinstance(part, list):
        return part[name]
    arms = cast("list[Any]", part)
    if int(name) >= len(arms):
        sentence = f"there is no such arm; they are 0 to {len(arms) - 1}."
        raise InvalidExperiment([FieldProblem(path, sentence)])
    return arms[int(name)]


def _resolve(key: str, paths: Sequence[str]) -> str:
    of_arm = re.fullmatch(r"arms\.\d{1,2}\.(\w+)", key)
    if key in paths or ("arms" in paths and of_arm and of_arm[1] in Arm.model_fields):
        return key
    matches = [path for path in paths if path.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0]
    raise InvalidExperiment(
        [FieldProblem(key, f"is not a setting; expected one of {', '.join(paths)}.")]
    )


def value_of(text: str, *, is_list: bool) -> Any:
    """A value as the command line gives it: JSON, a comma-separated list, or plain text."""
    try:
        value: Any = json.loads(text)
    except ValueError:  # no JSON, or a number too long to be one
        value = text.strip()
    if not is_list or isinstance(value, list):
        return cast("Any", value)
    return [value_of(part, is_list=False) for part in text.split(",")]


def _problem(detail: Any, paths: Sequence[str]) -> FieldProblem:
    path = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"])
    if detail["type"] == "value_error":  # ours: "setting: sentence"
        field, _, sentence = message.removeprefix("Value error, ").partition(": ")
        return FieldProblem(path or field, sentence)
    if detail["type"] == "extra_forbidden":
        return FieldProblem(path, f"is not a setting; expected one of {', '.join(paths)}.")
    if detail["type"] == "string_pattern_mismatch" and path == "device":
        return FieldProblem(path, f"expected auto, cpu, mps, cuda or cuda:N, got {detail['input']}")
    if detail["type"] == "string_pattern_mismatch" and path == "study":
        return FieldProblem(path, f"expected a study's name, got {shown(detail['input'])}.")
    if detail["type"] == "string_pattern_mismatch":
        return FieldProblem(path, f"expected no control characters, got {shown(detail['input'])}.")
    if detail["type"] == "missing":
        return FieldProblem(path, "is required.")
    return FieldProblem(path, f"{message}, got {shown(detail['input'])}.")
