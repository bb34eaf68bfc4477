"""What lines of networks come to: steps to a target and accuracies, with intervals. Pure.

The table of the paper's Figure 3: for each model the steps it took to an accuracy, and its best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .comparison import Compared, Line, Member
from .intervals import OverSeeds, geometric_mean, mean
from .tables import ACTIVE
from .verdict import DEFAULT_TARGET, Curve, crossing, default_target
from .verdict_words import percent, steps


@dataclass(frozen=True)
class CurvesOutcome:
    """What some networks come to, over their seeds.

    Attributes:
        networks: How many of them were evaluated.
        reached: How many of them reached the target.
        steps_to_target: The geometric mean of their steps; None unless all of them reached it.
        best_accuracy: The best evaluation of each, their mean; None before the first.
        last_accuracy: The last evaluation of each.
        last_step: The step of the last evaluation of any; None before the first.
        diverged: How many networks diverged.
        first_nonfinite_step: The earliest step from which on the loss of one was not finite.
    """

    networks: int
    reached: int
    steps_to_target: OverSeeds | None
    best_accuracy: OverSeeds | None
    last_accuracy: OverSeeds | None
    last_step: int | None
    diverged: int
    first_nonfinite_step: int | None


@dataclass(frozen=True)
class LineOutcome(CurvesOutcome):
    """One line of the table.

    Attributes:
        words: The steps to the target in words, also where there is no number.
    """

    words: str


@dataclass(frozen=True)
class NetworkOutcome:
    """What one network came to; None where it does not apply, NaN where it was no number.

    Attributes:
        last_accuracy: At its last evaluation.
        best_accuracy: The highest.
        steps_to_target: When it first reached the target; None when it has not.
        first_nonfinite_step: From which step on its loss was not finite.
    """

    last_accuracy: float | None
    best_accuracy: float | None
    steps_to_target: float | None
    first_nonfinite_step: int | None


def target_of(found: Compared, asked: float | None = None) -> tuple[float, bool]:
    """The accuracy to reach, and whether it is the first line's last accuracy.

    By default 90 %; after the end, where no network reached it, what the first line ended at.
    """
    if asked is not None:
        return asked, False
    curves = [
        replace(member.curve, arm=line.label) for line in found.lines for member in line.members
    ]
    reference = found.lines[0].label if found.lines else ""
    return default_target(curves, reference, ended=found.ended)


def line_outcome(line: Line, target: float) -> LineOutcome:
    """What the networks of a line come to."""
    curves = [member.curve for member in line.members]
    found = curves_outcome(curves, target)
    return LineOutcome(**vars(found), words=_words(line, _steps(curves, target), found))


def curves_outcome(curves: Sequence[Curve], target: float) -> CurvesOutcome:
    """What networks come to, by their curves."""
    evaluated = [curve for curve in curves if curve.steps]
    reached = _steps(curves, target)
    diverged = [curve.diverged_step for curve in curves if curve.diverged_step is not None]
    all_reached = bool(evaluated) and len(reached) == len(evaluated)
    return CurvesOutcome(
        networks=len(evaluated),
        reached=len(reached),
        steps_to_target=geometric_mean(reached) if all_reached else None,
        best_accuracy=mean([curve.best for curve in evaluated]) if evaluated else None,
        last_accuracy=mean([curve.last for curve in evaluated]) if evaluated else None,
        last_step=max((curve.steps[-1] for curve in evaluated), default=None),
        diverged=len(diverged),
        first_nonfinite_step=min(diverged, default=None),
    )


def network_outcome(member: Member, target: float) -> NetworkOutcome:
    """What one network came to."""
    curve = member.curve
    found = crossing(curve, target)
    return NetworkOutcome(
        curve.last if curve.steps else None,
        curve.best if curve.steps else None,
        found.step if found else None,
        curve.diverged_step,
    )


def criterion(found: Compared, target: float, fallback: bool) -> str:
    """What the numbers of the table mean."""
    words = f"Target: {percent(target)} of the test set"
    if fallback:
        words += (
            f", what {found.lines[0].label} ended at, for no network reached "
            f"{percent(DEFAULT_TARGET)}"
        )
    return (
        f"{words}. Steps until it is first reached are interpolated between evaluations. Means are "
        "over the networks of a line, those of steps geometric; intervals are at 95 %."
    )


def with_interval(found: OverSeeds, shown: Callable[[float], str]) -> str:
    """A number with its interval, where it has one: 480 (410 to 560)."""
    if found.low is None or found.high is None:
        return shown(found.value)
    words = f"{shown(found.value)} ({shown(found.low)} to {shown(found.high)})"
    return words.replace("-", "−")


def _steps(curves: Sequence[Curve], target: float) -> list[float]:
    """The steps to the target of those that reached it."""
    crossings = [crossing(curve, target) for curve in curves if curve.steps]
    return [found.step for found in crossings if found and found.step is not None]


def _words(line: Line, reached: Sequence[float], found: CurvesOutcome) -> str:
    if found.last_step is None:
        return "not evaluated"
    if found.steps_to_target is not None:
        if 0 in reached:
            return "from the start" if not any(reached) else "some from the start"
        shown = with_interval(found.steps_to_target, lambda value: f"{value:,.0f}")
        return f"{steps(found.steps_to_target.value)} {shown.partition(' ')[2]}".rstrip()
    if reached:
        return f"with {len(reached)} of {found.networks} networks"
    growing = any(member.run.status in ACTIVE for member in line.members)
    words = f"{'not yet' if growing else 'never'} in {steps(found.last_step)}"
    if found.first_nonfinite_step is None:
        return words
    return f"{words}, diverged at step {found.first_nonfinite_step:,}"
