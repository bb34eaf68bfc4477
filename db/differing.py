"""The settings of runs, those of each arm, and in which of them runs differ. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .arm import Arm
from .document import Document
from .experiment import Experiment
from .network import Network
from .optimizer import Optimizer
from .parsing import parse, parse_study, setting_paths
from .tables import Run

OVERRIDING = frozenset({*Network.model_fields, *Optimizer.model_fields}) & set(Arm.model_fields)
"""What an arm may say in place of the experiment's setting of the same name."""
OF_ARMS = tuple(name for name in Arm.model_fields if name != "name" and name not in OVERRIDING)
"""What only arms have; their paths begin with `arms.`."""
UNSAID = frozenset({"name", "arms"})
"""No settings of a run beside others: its name is at its head, its arms are listed by theirs."""


@dataclass(frozen=True)
class Setting:
    """A setting in which runs differ.

    Attributes:
        path: Its dotted path, as in Settings; of an arm the last word.
        arm: Of which arm it is; None: of the run.
        values: For each run its value.
        lacking: The places of runs that have no such setting, whose value is None.
    """

    path: str
    arm: str | None
    values: tuple[Any, ...]
    lacking: tuple[int, ...]


@dataclass(frozen=True)
class Differing:
    """In what runs differ, and how many settings all that have them have with the same value."""

    settings: tuple[Setting, ...]
    equal: int


def differing(runs: Sequence[Run]) -> Differing:
    """The settings in which runs differ, in the order of the form, then those of their arms.

    A setting is compared between the runs that have it; runs of one source that have it and have
    it not differ in it. Arms are the same where their names are.

    Raises:
        InvalidExperiment: A stored document breaks the rules of this version.
    """
    settings = [settings_of(run) for run in runs]
    paths = _in_order(settings)
    found: list[Setting] = []
    equal = 0
    for path in paths:
        having = [one for one in settings if path in one]
        sources = {run.source for run, one in zip(runs, settings, strict=True) if path in one}
        alike = [one for run, one in zip(runs, settings, strict=True) if run.source in sources]
        if not _agree(having, path) or not _agree(alike, path):
            found.append(_setting(settings, path))
        elif len(having) > 1:
            equal += 1
    arms = [arms_of(run) for run in runs]
    names = [{"arms": list(one)} if one else {} for one in arms]
    if not _agree([one for one in names if one] or names, "arms"):
        found.append(_setting(names, "arms"))
    for name in _in_order(arms):
        of_arm = [one.get(name, {}) for one in arms]
        have = [one for one in of_arm if one]
        found += [
            _setting(of_arm, path, name) for path in _in_order(have) if not _agree(have, path)
        ]
    return Differing(tuple(found), equal)


def settings_of(run: Run) -> dict[str, Any]:
    """The settings of a run by dotted path, those of its arms apart.

    Of a watched run they are what its program said of itself.

    Raises:
        InvalidExperiment: The stored document breaks the rules of this version.
    """
    if run.experiment is not None:
        return _of_experiment(parse(run.experiment))
    if run.study is not None:
        document = parse_study(run.study).model_dump(mode="json")
        return {name: value for name, value in document.items() if name not in UNSAID}
    said = (run.watched or {}).get("settings")
    return dict(cast("Mapping[str, Any]", said)) if isinstance(said, Mapping) else {}


def arms_of(run: Run) -> dict[str, dict[str, Any]]:
    """What each arm of a run says of itself, by its name; of a watched run nothing is known."""
    if run.experiment is None:
        names: Iterable[str] = (run.watched or {}).get("arms", [])
        return {name: {} for name in names}
    return {arm.name: _dumped(arm, but={"name"}) for arm in parse(run.experiment).arms}


def trained_with(run: Run) -> dict[str, dict[str, Any]]:
    """For each arm of a run the settings that it trains with, by dotted path.

    What an arm overrides stands in the experiment's place; what only arms have is `arms.NAME`.

    Raises:
        InvalidExperiment: The stored document breaks the rules of this version.
    """
    if run.experiment is None:
        settings = settings_of(run)
        return dict.fromkeys(arms_of(run), settings)
    experiment = parse(run.experiment)
    usual = _of_experiment(experiment)
    return {
        arm.name: usual
        | _dumped(experiment.network_of(arm), "network.")
        | _dumped(experiment.optimizer_of(arm), "optimizer.")
        | {f"arms.{name}": value for name, value in _dumped(arm).items() if name in OF_ARMS}
        for arm in experiment.arms
    }


def varying(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The paths whose values are not the same in all of these."""
    return [path for path in _in_order(settings) if not _agree(settings, path)]


def key_of(value: Any) -> str:
    """A value as text, the same for equal ones."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _of_experiment(experiment: Experiment) -> dict[str, Any]:
    document = experiment.model_dump(mode="json")
    return {path: _at(document, path) for path in setting_paths() if path not in UNSAID}


def _dumped(
    part: Document, prefix: str = "", but: Iterable[str] = frozenset[str]()
) -> dict[str, Any]:
    document = part.model_dump(mode="json")
    return {prefix + name: value for name, value in document.items() if name not in but}


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def _in_order(settings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(path for one in settings for path in one))


def _agree(settings: Sequence[Mapping[str, Any]], path: str) -> bool:
    first = settings[0]
    return all(
        (path in one) == (path in first) and one.get(path) == first.get(path) for one in settings
    )


def _setting(settings: Sequence[Mapping[str, Any]], path: str, arm: str | None = None) -> Setting:
    lacking = tuple(at for at, one in enumerate(settings) if path not in one)
    return Setting(path, arm, tuple(one.get(path) for one in settings), lacking)
