"""With BatchNorm a batch is more than the sum of its examples."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import by_seed, largest
from ..study import Quantity, Study
from ..verdict_words import percent
from .entry import CatalogEntry

SAME, DIFFERENT = 1e-5, 0.01
LAYERS = (1, 2, 3, 4)
MOMENTS = ("at the start", "trained")
SOURCE = "After Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3, Algorithm 1"


def whole_batch_is_needed(evidence: Evidence) -> Outcome:
    """E30: without BatchNorm quarters give the gradient of the whole; with it no layer's."""
    none = largest(evidence, "gradient_difference", *(f"none, {moment}" for moment in MOMENTS))
    batch = [
        mean(by_seed(evidence, "gradient_difference", f"BatchNorm, {moment}", layer)).value
        for moment in MOMENTS
        for layer in LAYERS
    ]
    holds = none < SAME and all(difference > DIFFERENT for difference in batch)
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"Without BatchNorm the gradients differ by {none:.1e} at most; with it by "
        f"{percent(min(batch))} to {percent(max(batch))}, by layer.",
    )


ENTRIES = (
    CatalogEntry(
        name="splitting-a-batch",
        title="The gradient of 240 examples is not the mean of four times 60",
        claim=(
            "Without BatchNorm a batch can be split and the gradients averaged. With it they are "
            "others: statistics need the whole mini-batch, layer by layer."
        ),
        source=SOURCE,
        stated=("μ and σ² are of the mini-batch, and the gradient goes through them",),
        left_open=(
            "the sizes: 240 examples and quarters of 60 here",
            "the network: three hidden layers of 100 sigmoid units on MNIST, Xavier, at the start "
            "and after 3,000 steps (300 at quick length) at learning rate 0.1 here",
        ),
        experiment=Study(name="A batch and its quarters", study="split_batch", dataset="mnist"),
        quantities=(
            Quantity(
                name="gradient_difference",
                title="Mean gradient of four quarters beside that of the whole",
                unit="‖difference‖ / ‖gradient of the whole‖",
                x="layer",
                shows="Rounding without BatchNorm, some percent with it; the output layer is 4.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E30",
                statement="BatchNorm’s gradient needs the whole mini-batch.",
                source=SOURCE,
                criterion=(
                    "In every layer, at the start and trained: relative difference below 1e-5 "
                    "without BatchNorm with each seed, and above 0.01 with it, mean over the seeds."
                ),
                expected="reproduced",
                decide=whole_batch_is_needed,
            ),
        ),
    ),
)
