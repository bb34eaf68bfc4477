"""What a run's arms come to: as JSON for the page, and as a CSV file."""

from collections.abc import Sequence

from fastapi import APIRouter, Response

from ..db.claims import Result
from ..db.judge import Judged, judged
from ..db.verdict import Comparison
from ..db.verdict_words import criterion
from .catalog_schemas import ClaimPublic
from .dependencies import EngineDep, RunId, Target
from .downloads import CSV, CSV_TYPE, csv_text, download
from .export import file_name
from .schemas import OverSeedsPublic, Public, Real

router = APIRouter(prefix="/api/runs", tags=["verdict"])

COLUMNS = (
    *("run_id", "target", "arm", "seeds", "reached", "steps_to_target"),
    *("ratio", "ratio_low", "ratio_high", "ratio_at_least", "ratio_at_most"),
    *("last_step", "last_accuracy", "best_accuracy"),
    *("difference", "difference_low", "difference_high", "diverged", "first_nonfinite_step"),
)


class RatioPublic(Public):
    """Steps of the reference ÷ steps of an arm."""

    estimate: OverSeedsPublic | None
    at_least: Real
    at_most: Real


class ComparisonPublic(Public):
    """One arm in numbers, and beside the reference."""

    arm: str
    seeds: int
    reached: int
    steps_to_target: Real | None
    ratio: RatioPublic | None
    last_step: int | None
    last_accuracy: Real | None
    best_accuracy: Real | None
    difference: OverSeedsPublic | None
    diverged: int
    first_nonfinite_step: int | None


class OutcomePublic(Public):
    """What a run says of a claim."""

    claim: ClaimPublic
    result: Result
    reason: str


class VerdictPublic(Public):
    """What a run's arms come to, in a sentence and in numbers."""

    run: int
    step: int
    ended: bool
    sentence: str
    criterion: str | None
    target: float | None
    fallback: bool
    comparisons: list[ComparisonPublic]
    outcomes: list[OutcomePublic]


@router.get("/{run_id}/verdict")
def get_verdict(engine: EngineDep, run_id: RunId, target: Target = None) -> VerdictPublic:
    """Each arm beside the reference, by the evaluations so far."""
    return verdict_public(judged(engine, run_id, target))


def verdict_public(found: Judged) -> VerdictPublic:
    """What a run comes to, as the interface shows it."""
    verdict = found.verdict
    return VerdictPublic.model_validate(
        {
            "run": found.run.id,
            "step": found.run.step,
            "ended": found.ended,
            "sentence": found.sentence,
            "criterion": criterion(verdict) if verdict else None,
            "target": verdict.target if verdict else None,
            "fallback": verdict is not None and verdict.fallback,
            "comparisons": verdict.comparisons if verdict else [],
            "outcomes": [
                {"claim": claim, "result": outcome.result, "reason": outcome.reason}
                for claim, outcome in found.outcomes
            ],
        }
    )


@router.get(
    "/{run_id}/verdict.csv",
    response_class=Response,
    responses=CSV,
)
def export_verdict(engine: EngineDep, run_id: RunId, target: Target = None) -> Response:
    """The numbers of each arm, one row for each."""
    verdict = judged(engine, run_id, target).verdict
    rows: list[Sequence[object]] = [COLUMNS]
    if verdict is not None:
        rows += ([run_id, verdict.target, *_row(one)] for one in verdict.comparisons)
    return download(csv_text(rows), CSV_TYPE, file_name(run_id, "verdict"))


def _row(arm: Comparison) -> list[object]:
    ratio, steps, difference = arm.ratio, arm.ratio and arm.ratio.estimate, arm.difference
    return [
        *(arm.arm, arm.seeds, arm.reached, arm.steps_to_target),
        *((steps.value, steps.low, steps.high) if steps else (None, None, None)),
        *((ratio.at_least, ratio.at_most) if ratio else (None, None)),
        *(arm.last_step, arm.last_accuracy, arm.best_accuracy),
        *((difference.value, difference.low, difference.high) if difference else (None,) * 3),
        *(arm.diverged, arm.first_nonfinite_step),
    ]
