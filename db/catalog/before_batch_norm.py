"""What BatchNorm is compared with where it is recommended: older ways to a trainable network."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import at_end, by_seed, gap
from ..study import Quantity, Study
from ..verdict_words import estimated, percent, points
from .entry import CatalogEntry

SAID = "Often said where BatchNorm is introduced; not in the paper"


def narrow_beats_wide(evidence: Evidence) -> Outcome:
    """E26: 30 units with BatchNorm are above 100 without."""
    narrow = by_seed(evidence, "accuracy_by_width", "BatchNorm", 30)
    wide = by_seed(evidence, "accuracy_by_width", "none", 100)
    more = gap(narrow, wide)
    return Outcome(
        "reproduced" if more.value > 0 else "not reproduced",
        f"30 units with BatchNorm reach {estimated(mean(narrow), percent)}, {points(more, 0)} "
        "than 100 without.",
    )


def beats_larger_rates(evidence: Evidence) -> Outcome:
    """E26b: BatchNorm at learning rate 0.1 is above none at ten times the rate."""
    none, batch = (
        at_end(evidence, "accuracy_by_lr", "none"),
        by_seed(evidence, "accuracy_by_lr", "BatchNorm", 0.1),
    )
    more = gap(batch, none)
    return Outcome(
        "reproduced" if more.value > 0 else "not reproduced",
        f"At learning rate 0.1 BatchNorm reaches {estimated(mean(batch), percent)}, "
        f"{points(more, 0)} than none at 1.",
    )


ENTRIES = (
    CatalogEntry(
        name="older-remedies",
        title="Larger learning rates and narrower networks instead of BatchNorm",
        claim=(
            "A narrow network with BatchNorm learns faster than a wide one without. A network "
            "without it catches up when its learning rate is ten times as large."
        ),
        source=SAID,
        stated=("one used to tune the learning rate, or to do with fewer parameters",),
        left_open=(
            "all settings: three hidden layers of sigmoid units on MNIST, Xavier, batches of 60, "
            "3,000 steps, widths 100, 30 and 10 at learning rate 0.1, and width 100 at 0.1, 0.2, "
            "0.5 and 1 here; at quick length at 0.1 and 1",
        ),
        experiment=Study(name="Older remedies", study="older_remedies", dataset="mnist"),
        quantities=(
            Quantity(
                name="accuracy_by_width",
                title="Test accuracy by width",
                unit="share of the test set",
                x="units of each hidden layer",
                shows="At learning rate 0.1. 100 units are 99,710 parameters without BatchNorm, 30 "
                "are 25,720.",
                log_x=True,
            ),
            Quantity(
                name="accuracy_by_lr",
                title="Test accuracy by learning rate",
                unit="share of the test set",
                x="learning rate",
                shows="At width 100. BatchNorm is above at each rate; none gains more from a "
                "larger one.",
                log_x=True,
            ),
        ),
        claims=(
            Claim(
                number="E26",
                statement="A narrow network with BatchNorm beats a wide one without.",
                source=SAID,
                criterion=(
                    "At learning rate 0.1, after 3,000 steps: the test accuracy of 30 units with "
                    "BatchNorm is above that of 100 units without, mean over the seeds."
                ),
                expected="reproduced",
                decide=narrow_beats_wide,
            ),
            Claim(
                number="E26b",
                statement="No larger learning rate makes up for BatchNorm.",
                source=SAID,
                criterion=(
                    "After 3,000 steps at width 100: the test accuracy with BatchNorm at learning "
                    "rate 0.1 is above that without at 1, mean over the seeds. It is not; at "
                    "equal rates BatchNorm is ahead."
                ),
                expected="not reproduced",
                decide=beats_larger_rates,
            ),
        ),
    ),
)
