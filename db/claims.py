"""Claims of the literature about an experiment of the catalog, and how a run decides one."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .arm import Arm
from .datasets import TEST_SETS, DatasetName
from .errors import MissingEvidence
from .experiment import Experiment
from .parsing import setting_paths
from .study import Measurement, Study
from .verdict import Curve

Result = Literal["reproduced", "not reproduced", "inconclusive", "not this claim’s settings"]
FREE = ("name", "steps", "seeds", "device", "length", "ensemble")
"""Settings that no claim fixes: more steps or seeds, elsewhere, and what only measures more."""
LOOKING = frozenset(
    {
        *("record_every", "evaluate_every", "evaluate_early", "probe_every"),
        *("gradient_shift_every", "landscape_every", "overhead"),
    }
)
"""Settings of `recording` that no claim fixes either: how often is looked. By how many test
examples an accuracy is measured is no such setting."""


@dataclass(frozen=True)
class Outcome:
    """What a run says of a claim.

    Attributes:
        result: Inconclusive: too short, too few evaluations, or not finished.
        reason: A sentence, with the numbers.
    """

    result: Result
    reason: str


@dataclass(frozen=True)
class Recorded:
    """One statistic of one layer, network or seed, in full resolution.

    Attributes:
        arm: The network's arm, empty for a statistic of all networks of `seed` together.
        layer: The layer's name; None for a statistic of the network or of the seed.
        steps: Ascending.
        values: At each step; None where the statistic does not apply.
    """

    arm: str
    seed: int
    layer: str | None
    steps: tuple[int, ...]
    values: tuple[float | None, ...]


Records = Callable[[str, str], Sequence[Recorded]]
"""(table, statistic) → that statistic of every layer, or network, or seed, of the run.

Of `unit_records` the mean over the units of a layer."""


def no_records(table: str, statistic: str) -> Sequence[Recorded]:
    """What a run recorded that recorded nothing."""
    return ()


@dataclass(frozen=True)
class Evidence:
    """What a claim is decided by.

    Attributes:
        curves: Of all networks of a run.
        arms: Their order; the first is the reference.
        step: The latest step that is recorded.
        ended: No evaluation can come any more.
        records: What was recorded, read when a criterion asks for it.
        measurements: What a study found.
    """

    curves: Sequence[Curve]
    arms: Sequence[str]
    step: int
    ended: bool
    records: Records = no_records
    measurements: Sequence[Measurement] = ()


@dataclass(frozen=True)
class Claim:
    """Something that is said of an experiment, and when a run of it bears it out.

    Attributes:
        number: Such as E1.
        statement: What is said, in a sentence.
        source: Who says so, and where.
        criterion: When it counts as reproduced, in words.
        expected: What a run should find: some popular claims do not hold.
        decide: The criterion as a pure function; raises `MissingEvidence` where a run lacks what
            it reads.
    """

    number: str
    statement: str
    source: str
    criterion: str
    expected: Literal["reproduced", "not reproduced"]
    decide: Callable[[Evidence], Outcome]


def judge(
    claim: Claim, evidence: Evidence, experiment: Experiment | Study, claimed: Experiment | Study
) -> Outcome:
    """Decide a claim by a run of `experiment`, when its settings are the claim's own.

    It is inconclusive where the run lacks what the criterion reads.

    Args:
        claim: The claim.
        evidence: What the run recorded.
        experiment: What the run did.
        claimed: What the claim speaks of. A study decides nothing before it has ended.
    """
    differing = differences(experiment, claimed)
    if differing:
        return Outcome(
            "not this claim’s settings",
            "; ".join(
                f"{path} is {own or 'empty'}, the claim’s is {its or 'empty'}"
                for path, own, its in differing
            )
            + ".",
        )
    if isinstance(claimed, Study) and not evidence.ended:
        return Outcome("inconclusive", "The study has not come to its end.")
    if isinstance(claimed, Study) and not evidence.measurements:
        return Outcome("inconclusive", "Nothing was measured.")
    try:
        return claim.decide(evidence)
    except MissingEvidence as missing:
        return Outcome("inconclusive", str(missing))


def differences(
    experiment: Experiment | Study, claimed: Experiment | Study
) -> list[tuple[str, str, str]]:
    """The settings that matter to a claim and differ: path, value, and the claim's value.

    What an arm is called does not matter, nor whether it says a setting itself or keeps the
    experiment's: what it trains with is compared.
    """
    own, its = _settings(experiment), _settings(claimed)
    return [(path, own.get(path, "none"), its[path]) for path in its if own.get(path) != its[path]]


def _settings(experiment: Experiment | Study) -> dict[str, str]:
    document = experiment.model_dump(mode="json")
    if isinstance(experiment, Study):
        return {name: _shown(value) for name, value in document.items() if name not in FREE}
    arms = document.pop("arms")
    found: dict[str, Any] = {"arms": len(arms)}
    own = set(Arm.model_fields) - set(FREE)
    for path in setting_paths():
        name = path.rpartition(".")[2]
        if path in FREE or path == "arms" or (path.startswith("recording.") and name in LOOKING):
            continue
        found[path] = _at(document, path)
        if path == "recording.test_examples":
            found[path] = _taken(found[path], experiment.dataset)
        if name in own:
            own.remove(name)
            found[path] = _of_all([found[path] if a[name] is None else a[name] for a in arms])
    for name in sorted(own):
        found[f"arms.{name}"] = _of_all([arm[name] for arm in arms])
    return {path: _shown(value) for path, value in found.items()}


def _taken(test_examples: int | None, dataset: DatasetName) -> int | str:
    """How many test examples an accuracy rests on."""
    if test_examples is None or test_examples >= TEST_SETS.get(dataset, math.inf):
        return "all"
    return test_examples


def _of_all(values: list[Any]) -> Any:
    """What all arms have in common, or what each of them has."""
    return values[0] if all(value == values[0] for value in values) else values


def _at(document: Any, path: str) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
