"""Normalization outside of the gradient step, which §2 of Ioffe & Szegedy (2015) warns of."""

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..intervals import mean
from ..measurements import by_seed, greatest, largest, least, quotients, values
from ..study import Quantity, Study
from ..verdict_words import estimated
from .entry import CatalogEntry

OUTSIDE = ("centred, outside the gradient", "centred and scaled, outside the gradient")
INSIDE = ("centred, inside the gradient", "centred and scaled, inside the gradient")
PREDICTED = "2 · lr · E[t] a step"
CLOSE, STILL, NO_GRADIENT = 0.01, 1e-9, 1e-12


def bias_grows_and_loss_stays(evidence: Evidence) -> Outcome:
    """E8: b moves by 2·lr·E[t] a step, the loss by nothing; in the graph b gets no gradient."""
    line = values(evidence, "bias", PREDICTED)
    last = max(step for _, step in line)
    bias = by_seed(evidence, "bias", OUTSIDE[0], last)
    predicted = by_seed(evidence, "bias", PREDICTED, last)
    slopes = quotients(bias, predicted)
    moved = _moved(evidence, OUTSIDE[0], last)
    wandered = values(evidence, "weight", OUTSIDE[1]).values()
    gradient = largest(evidence, "bias_gradient", *INSIDE)
    grew = all(abs(slope - 1) <= CLOSE for slope in slopes)
    holds = grew and moved < STILL and gradient < NO_GRADIENT
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"After {last:,.0f} steps b is {estimated(mean(bias), '{:.1f}'.format)}, "
        f"{mean(slopes).value:.4f} of what 2 · lr · E[t] a step gives; the loss moved by "
        f"{moved:.1e} in the second half. Inside the gradient b gets {gradient:.1e} at most. "
        f"Scaled too, outside, w was between {least(wandered):.1f} and {greatest(wandered):.1f}, "
        f"and the loss moved by {_moved(evidence, OUTSIDE[1], last):.1g} in the second half.",
    )


def _moved(evidence: Evidence, series: str, last: float) -> float:
    """How far the loss is from its last value in the second half of the steps, at most.

    Raises:
        MissingEvidence: A seed has no loss at the last step.
    """
    loss = values(evidence, "loss", series)
    if any((seed, last) not in loss for seed, _ in loss):
        raise MissingEvidence(f"The loss of {series} was not measured at step {last:,g}.")
    return greatest(
        abs(value - loss[seed, last]) for (seed, step), value in loss.items() if step >= last / 2
    )


ENTRIES = (
    CatalogEntry(
        name="outside-the-gradient",
        title="Statistics left out of the gradient: the bias grows without end (paper §2)",
        claim=(
            "If the step takes the mean for a constant, the bias grows at every step while the "
            "output and the loss stay as they are."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §2",
        stated=(
            "x = u + b is centred, x̂ = x − E[x], and the step ignores that E[x] depends on b",
            "b grows indefinitely while the loss remains fixed; worse if x is scaled too",
        ),
        left_open=(
            "everything else: u ~ N(0, 1), 1,000 examples, x = wu + b, target 0.7u + 0.5, mean "
            "squared error, full-batch gradient descent at learning rate 0.05 here",
        ),
        experiment=Study(name="Statistics outside of the gradient", study="outside_gradient"),
        quantities=(
            Quantity(
                name="bias",
                title="The bias b",
                unit="",
                x="step",
                shows="Outside of the gradient b moves at every step; inside it stays at 0.",
            ),
            Quantity(
                name="loss",
                title="The loss",
                unit="mean squared error",
                x="step",
                shows="It never sees b: centred, it is the same in and outside of the gradient. "
                "Scaled, it leaps where a step outside throws w to the other sign.",
            ),
            Quantity(
                name="weight",
                title="The weight w",
                unit="",
                x="step",
                shows="Centred, w settles. Scaled, the output does not depend on its size, and "
                "outside of the gradient it falls towards 0, is thrown far, and falls again.",
            ),
            Quantity(
                name="bias_gradient",
                title="What the step takes for the gradient of b",
                unit="|∂L/∂b|",
                x="step",
                shows="2E[t] for ever outside of the gradient; rounding inside.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E8",
                statement="Statistics outside of the gradient: b grows, the loss stays.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §2",
                criterion=(
                    "In float64: b is within 1 % of 2 · lr · E[t] a step where x is centred; the "
                    "loss there moves by less than 1e-9 in the second half of the steps (the last "
                    "1,000 at full length); inside the gradient |∂L/∂b| < 1e-12 throughout. What "
                    "happens where x is scaled too is shown."
                ),
                expected="reproduced",
                decide=bias_grows_and_loss_stays,
            ),
        ),
    ),
)
