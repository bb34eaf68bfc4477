"""A verdict in one sentence, for the page and the command line alike."""

import math
from collections.abc import Callable, Sequence

from .intervals import OverSeeds
from .verdict import DEFAULT_TARGET, Comparison, Verdict

SAID = 6
"""Of so many arms each is said beside the reference; of more only what they come to as a whole."""
THRESHOLD_WITHIN = ": the interval contains the threshold"


NO_TWINS = "The arms are no twins: chance differs too."


def sentence(verdict: Verdict, *, twins: bool = True, together: OverSeeds | None = None) -> str:
    """What a run's arms come to: each beside the reference, the first one.

    Args:
        verdict: The arms.
        twins: Whether only they differ; otherwise it is said that chance does, too.
        together: The accuracy of their ensembles, which is said first.
    """
    words = [_of_arms(verdict)]
    if together is not None:
        is_at = "ended" if verdict.ended else "are"
        words.insert(
            0, f"The {len(verdict.comparisons)} arms together {is_at} at {share(together)}."
        )
    if not twins and len(verdict.comparisons) > 1:
        words.append(NO_TWINS)
    return " ".join(words)


def _of_arms(verdict: Verdict) -> str:
    reference, *others = verdict.comparisons
    if not any(comparison.seeds for comparison in verdict.comparisons):
        return (
            "No network was evaluated, so there is no verdict."
            if verdict.ended
            else "No network has been evaluated yet."
        )
    if len(verdict.comparisons) > SAID:
        return _as_a_whole(verdict)
    parts = [_beside(verdict, arm, reference, at == 0) for at, arm in enumerate(others)]
    if not others:
        parts = [_alone(verdict, reference)]
    parts += [_diverged(comparison) for comparison in verdict.comparisons if comparison.diverged]
    return "; ".join(parts) + "."


def _as_a_whole(verdict: Verdict) -> str:
    """Of many arms how many reached the target, which first, which is best, how many diverged."""
    arms = verdict.comparisons
    reached = [arm for arm in arms if arm.seeds and arm.reached == arm.seeds]
    parts = [f"{len(reached) or 'none'} of {len(arms)} arms reached {_target(verdict)}"]
    sooner = [(arm.steps_to_target, arm.arm) for arm in reached if arm.steps_to_target is not None]
    if sooner:
        count, _ = min(sooner)
        parts[0] += f", {_those_at(count, sooner)} first: after {steps(count)}"
    last = [
        (arm.last_accuracy, arm.arm)
        for arm in arms
        if arm.last_accuracy is not None and math.isfinite(arm.last_accuracy)
    ]
    if last:
        accuracy, _ = max(last)
        name = _those_at(accuracy, last)
        several = sum(own == accuracy for own, _ in last) > 1
        is_at = "ended" if verdict.ended else "are" if several else "is"
        parts.append(f"{name} {is_at} highest: {percent(accuracy)}")
    diverged = sum(arm.diverged > 0 for arm in arms)
    if diverged:
        parts.append(f"{diverged} diverged")
    words = "; ".join(parts) + "."
    return words[0].upper() + words[1:]


def _those_at(value: float, arms: Sequence[tuple[float, str]]) -> str:
    """The arm that has a value; of several the first, and how many others."""
    first, *others = [name for own, name in arms if own == value]
    if not others:
        return first
    return f"{first} and {others[0] if len(others) == 1 else f'{len(others)} others'}"


def criterion(verdict: Verdict) -> str:
    """What the numbers of a verdict mean, with its target and why it is this one."""
    reference = verdict.comparisons[0].arm
    target = f"Target: {percent(verdict.target)} of the test set"
    if verdict.fallback:
        target += (
            f", the last accuracy of {reference}, for no network reached {percent(DEFAULT_TARGET)}"
        )
    seeds = max(comparison.seeds for comparison in verdict.comparisons)
    middle = ", and are geometric means over the seeds" if seeds > 1 else ""
    return (
        f"{target}. Steps until it is first reached are interpolated between evaluations{middle}. "
        f"Each arm is compared with {reference} seed by seed; intervals are at 95 % over the seeds."
    )


def percent(share: float) -> str:
    """A share as 90 % or 97.1 %."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def share(estimate: OverSeeds) -> str:
    """An accuracy over seeds: 97.0 % (96.8 to 97.1, 3 seeds)."""
    ends = [f"{100 * end:.1f}" for end in (estimate.low, estimate.high) if end is not None]
    return f"{100 * estimate.value:.1f} % ({_interval(*ends, seeds=estimate.seeds)})"


def points(estimate: OverSeeds, threshold: float | None = None) -> str:
    """A difference of accuracies in points of a percent: 43.4 points higher (41.0 to 45.8, …).

    Where a threshold is given and the interval contains it, it says so.
    """
    sign = 1 if estimate.value >= 0 else -1
    ends = sorted(100 * sign * end for end in (estimate.low, estimate.high) if end is not None)
    value = f"{100 * abs(estimate.value):.1f} points {'higher' if sign > 0 else 'lower'}"
    shown = (f"{end:.1f}".replace("-", "−") for end in ends)
    words = _interval(*shown, seeds=estimate.seeds)
    return f"{value} ({words}{_within(estimate, threshold)})"


def times(estimate: OverSeeds) -> str:
    """A ratio of steps: 10.5 × sooner (8.9 to 12.1, 5 seeds)."""
    later = estimate.value < 1
    ends = sorted(
        _inverse(end) if later else end for end in (estimate.low, estimate.high) if end is not None
    )
    value = factor(_inverse(estimate.value) if later else estimate.value)
    words = "as soon" if value == "1.00" else f"{value} × {'later' if later else 'sooner'}"
    return f"{words} ({_interval(*map(factor, ends), seeds=estimate.seeds)})"


def estimated(
    estimate: OverSeeds,
    shown: Callable[[float], str],
    unit: str = "",
    threshold: float | None = None,
) -> str:
    """A number with its interval: 36.9 × (24.3 to 50.1, 3 seeds), where " ×" is the unit.

    Where a threshold is given and the interval contains it, it says so.
    """
    return f"{shown(estimate.value)}{unit} ({over_seeds(estimate, shown, threshold)})"


def factor(value: float) -> str:
    """A ratio as 10.5, 1.25 or 120."""
    if value >= 100:
        return "∞" if value == float("inf") else f"{value:,.0f}"
    return f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def over_seeds(
    estimate: OverSeeds, words: Callable[[float], str], threshold: float | None = None
) -> str:
    """The interval of a number over seeds: 8.9 to 12.1, 5 seeds; and whether a threshold is in."""
    ends = [words(end) for end in (estimate.low, estimate.high) if end is not None]
    return _interval(*ends, seeds=estimate.seeds) + _within(estimate, threshold)


def steps(count: float) -> str:
    """A number of steps as 5,020 steps."""
    return "1 step" if round(count) == 1 else f"{count:,.0f} steps"


def _interval(*ends: str, seeds: int) -> str:
    if seeds == 1:
        return "one seed: no interval"
    return f"{' to '.join(ends)}, {seeds} seeds" if ends else f"{seeds} seeds: no interval"


def _within(estimate: OverSeeds, threshold: float | None) -> str:
    """Said of an interval that contains the threshold: other seeds may decide otherwise."""
    if threshold is None or estimate.low is None or estimate.high is None:
        return ""
    return THRESHOLD_WITHIN if estimate.low <= threshold <= estimate.high else ""


def _beside(verdict: Verdict, arm: Comparison, reference: Comparison, first: bool) -> str:
    ratio, gap = arm.ratio, arm.difference
    if gap and math.isnan(gap.value):
        gap = None
    if arm.reached == reference.reached == 0 and arm.seeds and reference.seeds:
        reached = "reached" if verdict.ended else "has yet reached"
        words = (
            f"neither {reference.arm} nor {arm.arm} {reached} {_target(verdict)} "
            f"in {steps(max(arm.last_step or 0, reference.last_step or 0))}"
        )
        if gap:
            words += f": {arm.arm} {'ended' if verdict.ended else 'is'} {points(gap)}"
        return words[0].upper() + words[1:] if first else words
    words = _alone(verdict, arm)
    if first:
        words += f", {_also(verdict, arm, reference)}"
    if ratio and ratio.estimate:
        words += f": {times(ratio.estimate)}"
    elif ratio and ratio.at_least > 1:
        words += f": at least {factor(ratio.at_least)} × sooner"
    elif ratio and 0 < ratio.at_most < 1:
        words += f": at least {factor(_inverse(ratio.at_most))} × later"
    if verdict.fallback and gap:  # so low a target says little of where they ended
        words += f", and ended {points(gap)}"
    return words


def _alone(verdict: Verdict, arm: Comparison) -> str:
    """Whether and when one arm reached the target."""
    target = _target(verdict)
    if arm.steps_to_target is not None:
        return f"{arm.arm} reached {target} {_after(arm.steps_to_target)}"
    if arm.seeds == 0:
        return f"{arm.arm} has not been evaluated"
    if arm.reached:
        return f"{arm.arm} reached {target} with {arm.reached} of {arm.seeds} seeds"
    went = steps(arm.last_step or 0)
    never = f"never reached {target} in" if verdict.ended else f"has not yet reached {target} in"
    return f"{arm.arm} {never} {went}"


def _also(verdict: Verdict, arm: Comparison, reference: Comparison) -> str:
    """The same of the reference, where the target has been named."""
    did = "" if arm.reached else "did "
    if reference.steps_to_target is not None:
        after = _after(reference.steps_to_target)
        return f"{reference.arm} {did}{after if did else after.removesuffix(' steps')}"
    if reference.seeds == 0:
        return f"{reference.arm} has not been evaluated"
    if reference.reached:
        return f"{reference.arm} {did}with {reference.reached} of {reference.seeds} seeds"
    never = "never did in" if verdict.ended else "has not yet in"
    return f"{reference.arm} {never} {steps(reference.last_step or 0)}"


def _after(count: float) -> str:
    return f"after {steps(count)}" if count > 0 else "from the start"


def _diverged(arm: Comparison) -> str:
    many = f" with {arm.diverged} of {arm.seeds} seeds" if arm.seeds > 1 else ""
    first = "at step" if arm.diverged == 1 else "from step"
    return f"{arm.arm} diverged{many} {first} {arm.first_nonfinite_step:,}"


def _target(verdict: Verdict) -> str:
    """The target, with its reason where it is not what a reader expects."""
    words = percent(verdict.target)
    return f"{words} ({verdict.comparisons[0].arm}’s last accuracy)" if verdict.fallback else words


def _inverse(value: float) -> float:
    return float("inf") if value == 0 else 1 / value
