"""A sweep as CSV: a row for what each arm of each run came to."""

from collections.abc import Iterator, Sequence

from ..db.sweeps import SweepMember
from .comparison_files import Row, ends, setting_cell

OF_ARMS = (
    *("seeds", "diverged", "last_accuracy", "last_accuracy_low", "last_accuracy_high"),
    *("target", "reached", "steps_to_target", "steps_to_target_low", "steps_to_target_high"),
)


def arm_rows(
    settings: Sequence[str], members: Sequence[SweepMember], target: float
) -> Iterator[Row]:
    """The header, and what each arm of each run that finished came to."""
    yield ("run", *settings, "arm", *OF_ARMS)
    for member in members:
        values = [setting_cell(value) for value in member.values]
        for arm in member.arms:
            yield (
                *(member.run.id, *values, arm.arm),
                *(arm.seeds, arm.diverged, *ends(arm.last_accuracy)),
                *(target, arm.reached, *ends(arm.steps_to_target)),
            )
