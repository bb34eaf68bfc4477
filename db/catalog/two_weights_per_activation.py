"""What γ and β can do by themselves: a network whose other weights stay random."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import at_end, gap
from ..study import Quantity, Study
from ..verdict_words import estimated, percent, points
from .entry import CatalogEntry

MARGIN = 0.02


def they_help(evidence: Evidence) -> Outcome:
    """E27: γ, β and the output layer end 2 points above the output layer alone."""
    alone, output, both = (
        at_end(evidence, "accuracy", part)
        for part in ("γ, β", "output layer", "γ, β and output layer")
    )
    more = gap(both, output)
    return Outcome(
        "reproduced" if round(more.value, 6) > MARGIN else "not reproduced",
        f"γ, β and output layer end {points(more, MARGIN)} than the output layer alone; γ and β "
        f"alone reach {estimated(mean(alone), percent)}.",
    )


ENTRIES = (
    CatalogEntry(
        name="training-gamma-and-beta",
        title="Training γ and β alone",
        claim=(
            "Two weights per activation are enough to learn something, while all others stay "
            "random."
        ),
        source=(
            "Frankle, Schwab & Morcos (2020), Training BatchNorm and Only BatchNorm, "
            "arXiv:2003.00152"
        ),
        stated=("networks of which only γ and β train get well above chance",),
        left_open=(
            "the network: residual networks on CIFAR-10 in the source; three hidden layers of 100 "
            "sigmoid units on MNIST, Xavier, learning rate 0.5, 3,000 steps at any length here",
            "what it is compared with: the output layer alone, and both, here",
        ),
        experiment=Study(name="Training γ and β alone", study="trained_parts", dataset="mnist"),
        quantities=(
            Quantity(
                name="accuracy",
                title="Test accuracy by what trains",
                unit="share of the test set",
                x="steps",
                shows="γ and β alone are far above chance, 0.1, and add to the output layer.",
            ),
        ),
        claims=(
            Claim(
                number="E27",
                statement="γ and β alone can change what a network computes, to some use.",
                source="After Frankle, Schwab & Morcos (2020), arXiv:2003.00152",
                criterion=(
                    "Where γ, β and the output layer train, the test accuracy ends more than 2 "
                    "points above that where the output layer alone does, mean over the seeds."
                ),
                expected="reproduced",
                decide=they_help,
            ),
        ),
    ),
)
