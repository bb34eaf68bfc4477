"""What the arms of a run come to: steps to a target, ratios, differences. Pure.

docs/verdicts.md defines every number. Accuracies are shares of the test set; an arm is compared
with the reference, the first arm, seed by seed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .intervals import OverSeeds, geometric_mean, mean

DEFAULT_TARGET = 0.9


@dataclass(frozen=True)
class Curve:
    """The test accuracy of one network.

    Attributes:
        arm: Its arm.
        seed: Its seed.
        steps: Steps of its evaluations, ascending.
        accuracies: Its accuracy at each; NaN where it was none. A missing one is not listed.
        diverged_step: The first step of the non-finite loss that froze it.
    """

    arm: str
    seed: int
    steps: tuple[int, ...]
    accuracies: tuple[float, ...]
    diverged_step: int | None = None

    @property
    def last(self) -> float:
        """Accuracy of the last evaluation; NaN where there is none, and of a diverged network."""
        has_one = self.accuracies and self.diverged_step is None
        return self.accuracies[-1] if has_one else math.nan

    @property
    def best(self) -> float:
        """The highest accuracy that is a number; NaN where there is none."""
        return max((a for a in self.accuracies if math.isfinite(a)), default=math.nan)

    def at(self, step: int) -> float | None:
        """The accuracy of the evaluation at a step; None when there was none."""
        return dict(zip(self.steps, self.accuracies, strict=True)).get(step)


@dataclass(frozen=True)
class Crossing:
    """When a curve first reached a target.

    Attributes:
        step: Interpolated between the evaluations around it; None when it was never reached.
        after: The last evaluation before; all that is certain is that it was reached later.
        by: The evaluation that had reached it; None when none had (the curve is censored).
    """

    step: float | None
    after: int
    by: int | None


@dataclass(frozen=True)
class Ratio:
    """Steps of the reference ÷ steps of an arm to the same target: above 1 the arm was sooner.

    Attributes:
        estimate: Of the interpolated steps; None unless every twin reached the target after step 0.
        at_least: What the evaluations leave no doubt of: the smallest it can be; may be 0.
        at_most: The largest it can be; may be infinite.
    """

    estimate: OverSeeds | None
    at_least: float
    at_most: float


@dataclass(frozen=True)
class Usable:
    """The learning rates with which a network trains: the lowest and the highest of those tried."""

    lowest: float
    highest: float

    @property
    def decades(self) -> float:
        """How many powers of ten lie between them."""
        return math.log10(self.highest / self.lowest)


@dataclass(frozen=True)
class Comparison:
    """One arm in numbers, over its seeds, and beside the reference.

    Attributes:
        arm: Its name.
        seeds: Networks that have been evaluated.
        reached: How many of them reached the target.
        steps_to_target: Steps, the geometric mean over the seeds; None unless all reached it.
        ratio: Against the reference; None for the reference itself.
        last_step: Step of the last evaluation; None before the first.
        last_accuracy: At it, the mean over the seeds.
        best_accuracy: The best evaluation of each seed, their mean.
        difference: Last accuracy − the reference's; None for the reference.
        diverged: How many networks diverged.
        first_nonfinite_step: The earliest step from which on the loss of one was not finite.
    """

    arm: str
    seeds: int
    reached: int
    steps_to_target: float | None
    ratio: Ratio | None
    last_step: int | None
    last_accuracy: float | None
    best_accuracy: float | None
    difference: OverSeeds | None
    diverged: int
    first_nonfinite_step: int | None


@dataclass(frozen=True)
class Verdict:
    """What a run's arms come to.

    Attributes:
        target: The accuracy to reach.
        fallback: The target is the reference's last accuracy, for nobody reached 90 %.
        ended: No evaluation can come any more.
        comparisons: One for each arm; the first is the reference.
    """

    target: float
    fallback: bool
    ended: bool
    comparisons: tuple[Comparison, ...]


def crossing(curve: Curve, target: float) -> Crossing | None:
    """When a curve first reached a target accuracy; None before its first evaluation.

    From a NaN nothing can be interpolated: then the step of the evaluation itself counts.
    """
    before: tuple[int, float] | None = None
    for step, accuracy in zip(curve.steps, curve.accuracies, strict=True):
        if accuracy >= target:
            if before is None:
                return Crossing(step, 0, step)
            after, low = before
            share = (target - low) / (accuracy - low) if math.isfinite(low) else 1.0
            return Crossing(after + share * (step - after), after, step)
        before = step, accuracy
    return Crossing(None, before[0], None) if before else None


def twins(curves: Sequence[Curve], reference: str, arm: str) -> list[tuple[Curve, Curve]]:
    """The evaluated curves of two arms, seed by seed."""
    of_seed = {curve.seed: curve for curve in curves if curve.arm == reference and curve.steps}
    return [
        (of_seed[curve.seed], curve)
        for curve in curves
        if curve.arm == arm and curve.steps and curve.seed in of_seed
    ]


def ratio(pairs: Sequence[tuple[Curve, Curve]], target: float) -> Ratio | None:
    """Steps of the reference ÷ steps of the arm.

    None without pairs, when one was there at step 0, or diverged before it got there.
    """
    both = [(crossing(first, target), crossing(second, target)) for first, second in pairs]
    crossings = [(first, second) for first, second in both if first and second]
    if not crossings or any(0 in (first.by, second.by) for first, second in crossings):
        return None
    if any(
        curve.diverged_step is not None and reached is not None and reached.step is None
        for pair, found in zip(pairs, both, strict=True)
        for curve, reached in zip(pair, found, strict=True)
    ):
        return None
    least = [0.0 if arm.by is None else first.after / arm.by for first, arm in crossings]
    most = [
        math.inf if first.by is None or arm.after == 0 else first.by / arm.after
        for first, arm in crossings
    ]
    exact = [first.step / arm.step for first, arm in crossings if first.step and arm.step]
    estimate = geometric_mean(exact) if len(exact) == len(crossings) else None
    return Ratio(estimate, _bound(least), _bound(most))


def usable(curves: Mapping[float, Curve], step: int, above: float) -> Usable | None:
    """Between which learning rates a network trains; None where it does with none of them.

    Args:
        curves: By learning rate, of one seed.
        step: When accuracies are looked at. A network that diverged by then did not train.
        above: What an accuracy must be above.
    """
    rates = [
        rate
        for rate, curve in curves.items()
        if (curve.diverged_step is None or curve.diverged_step > step)
        and (curve.at(step) or 0.0) > above
    ]
    return Usable(min(rates), max(rates)) if rates else None


def accuracy(curves: Sequence[Curve], arm: str, step: int) -> float | None:
    """Accuracy of an arm at a step, the mean over the seeds.

    None without networks, or when one was not evaluated at the step.
    """
    found = [curve.at(step) for curve in curves if curve.arm == arm]
    values = [value for value in found if value is not None]
    return mean(values).value if values and len(values) == len(found) else None


def difference(pairs: Sequence[tuple[Curve, Curve]], step: int | None = None) -> OverSeeds | None:
    """Accuracy of the arm − the reference's, at a step or at the last evaluation of each.

    None without pairs, or when a network was not evaluated at the step.
    """
    found = [
        (first.last, arm.last) if step is None else (first.at(step), arm.at(step))
        for first, arm in pairs
    ]
    values = [arm - first for first, arm in found if first is not None and arm is not None]
    return mean(values) if values and len(values) == len(found) else None


def verdict(
    curves: Sequence[Curve], arms: Sequence[str], *, ended: bool, target: float | None = None
) -> Verdict:
    """Compare every arm with the first.

    Args:
        curves: Of all networks of a run.
        arms: Their order; the first is the reference.
        ended: No evaluation can come any more.
        target: Accuracy to reach; None chooses `default_target`.
    """
    reference, fallback = arms[0], False
    if target is None:
        target, fallback = default_target(curves, reference, ended=ended)
    return Verdict(
        target, fallback, ended, tuple(_compare(curves, reference, arm, target) for arm in arms)
    )


def default_target(curves: Sequence[Curve], reference: str, *, ended: bool) -> tuple[float, bool]:
    """90 %; after the end, where no network reached it, the reference's last accuracy (True).

    Of several seeds the lowest, so that the reference reached it with each.
    """
    last = [curve.last for curve in curves if curve.arm == reference and curve.steps]
    finite = [accuracy for accuracy in last if math.isfinite(accuracy)]
    if not ended or not finite or any(curve.best >= DEFAULT_TARGET for curve in curves):
        return DEFAULT_TARGET, False
    return min(finite), True


def _compare(curves: Sequence[Curve], reference: str, arm: str, target: float) -> Comparison:
    own = [curve for curve in curves if curve.arm == arm]
    evaluated = [curve for curve in own if curve.steps]
    crossings = [crossing(curve, target) for curve in evaluated]
    steps = [found.step for found in crossings if found and found.step is not None]
    diverged = [curve.diverged_step for curve in own if curve.diverged_step is not None]
    pairs = [] if arm == reference else twins(curves, reference, arm)
    return Comparison(
        arm=arm,
        seeds=len(evaluated),
        reached=len(steps),
        steps_to_target=_middle(steps) if evaluated and len(steps) == len(evaluated) else None,
        ratio=ratio(pairs, target),
        last_step=max((curve.steps[-1] for curve in evaluated), default=None),
        last_accuracy=mean([c.last for c in evaluated]).value if evaluated else None,
        best_accuracy=mean([c.best for c in evaluated]).value if evaluated else None,
        difference=difference(pairs),
        diverged=len(diverged),
        first_nonfinite_step=min(diverged, default=None),
    )


def _middle(steps: Sequence[float]) -> float:
    return 0.0 if 0 in steps else geometric_mean(steps).value


def _bound(values: Sequence[float]) -> float:
    """The geometric mean, where a value may be 0 or infinite."""
    if 0 in values:
        return 0.0
    return math.inf if math.inf in values else geometric_mean(values).value
