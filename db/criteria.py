"""What the criteria of several claims share: accuracies at a step, and what leaves them open."""

from collections.abc import Callable, Sequence

from .claims import Evidence, Outcome
from .verdict import accuracy, difference, twins
from .verdict_words import percent, points


def decided_at(step: int, holds: Callable[[float, float], bool]) -> Callable[[Evidence], Outcome]:
    """Decide by the test accuracies of the first two arms at a step, each the mean over the seeds.

    Args:
        step: When they are compared.
        holds: Of the reference's accuracy and the other's; false of a NaN, where one is none.
    """

    def decide(evidence: Evidence) -> Outcome:
        first, second = evidence.arms[:2]
        ended_early = diverged(evidence, step)
        if ended_early:
            return ended_early
        reference = accuracy(evidence.curves, first, step)
        arm = accuracy(evidence.curves, second, step)
        gap = difference(twins(evidence.curves, first, second), step)
        if reference is None or arm is None or gap is None:
            return not_compared(evidence, step)
        return Outcome(
            "reproduced" if holds(round(reference, 6), round(arm, 6)) else "not reproduced",
            f"At step {step:,} {first} is at {percent(reference)}, {second} at {percent(arm)}: "
            f"{points(gap)}.",
        )

    return decide


def diverged(evidence: Evidence, step: int, arms: Sequence[str] | None = None) -> Outcome | None:
    """A claim about networks at a step is not reproduced where one diverged by then.

    `arms`: those that it is about; None: the first two.
    """
    arms = evidence.arms[:2] if arms is None else arms
    found = [
        (curve.diverged_step, curve)
        for curve in evidence.curves
        if curve.arm in arms and curve.diverged_step is not None
    ]
    for at, curve in sorted(found, key=lambda each: each[0]):
        if at <= step:
            words = f"{curve.arm} diverged at step {at:,} with seed {curve.seed}."
            return Outcome("not reproduced", words)
    return None


def not_compared(evidence: Evidence, step: int) -> Outcome:
    """Why accuracies at a step can't be compared: it has not come, or nobody evaluated at it."""
    if evidence.step < step:
        return undecided(evidence, f"accuracies are compared at step {step:,}")
    return Outcome("inconclusive", f"No evaluation of every network at step {step:,}.")


def undecided(evidence: Evidence, what: str) -> Outcome:
    """Inconclusive for want of steps; `what` is a clause that says what is known or needed."""
    why = f"too short: it ended after {evidence.step:,} steps" if evidence.ended else "not finished"
    return Outcome("inconclusive", f"{what[0].upper()}{what[1:]}; the run is {why}.")
