"""BatchNorm needs batches: accuracy by batch size."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import by_seed, gap
from ..study import Quantity, Study
from ..verdict_words import estimated, percent, points
from .entry import CatalogEntry

COLLAPSE, WORKS = 0.2, 0.9


def small_batches_hurt(evidence: Evidence) -> Outcome:
    """E14: with 2 examples BatchNorm is 20 points below LayerNorm; with 4 it reaches 90 %."""
    batch, layer = (by_seed(evidence, "accuracy", f"{norm}Norm", 2) for norm in ("Batch", "Layer"))
    below = gap(batch, layer)
    with_four = mean(by_seed(evidence, "accuracy", "BatchNorm", 4))
    holds = round(below.value, 6) <= -COLLAPSE and round(with_four.value, 6) >= WORKS
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"With 2 examples in a batch BatchNorm is {points(below, -COLLAPSE)} than LayerNorm; with "
        f"4 it is at {estimated(with_four, percent, threshold=WORKS)}.",
    )


ENTRIES = (
    CatalogEntry(
        name="small-batches",
        title="BatchNorm with small batches",
        claim=(
            "With 2 examples in a batch BatchNorm collapses, with 4 it works; LayerNorm, which "
            "needs no batch, does not mind."
        ),
        source="Wu & He (2018), Group Normalization, arXiv:1803.08494, Figure 1",
        stated=(
            "the error with BatchNorm grows quickly as the batch becomes smaller",
            "norms over one example's units do not depend on the batch",
        ),
        left_open=(
            "the data and the network: ResNet-50 on ImageNet in the source; MNIST, three hidden "
            "layers of 100 sigmoid units, Xavier, learning rate 0.1 here",
            "what is kept equal: the number of examples, 120,000, and with it not that of steps; "
            "at quick length 100,000, batches of 2, 4 and 60, and no arm without a norm",
        ),
        experiment=Study(name="Small batches", study="small_batches", dataset="mnist"),
        quantities=(
            Quantity(
                name="accuracy",
                title="Test accuracy by batch size",
                unit="share of the test set",
                x="examples in a batch",
                shows="After the same number of examples, so with more steps where batches are "
                "small. BatchNorm falls at 2: there x̂ is ±1 whatever the input is, and no gradient "
                "passes below a norm. With 1 it refuses to train.",
                log_x=True,
            ),
        ),
        claims=(
            Claim(
                number="E14",
                statement="BatchNorm breaks down with very small batches, LayerNorm does not.",
                source="Wu & He (2018), arXiv:1803.08494, Figure 1: ResNet-50 there",
                criterion=(
                    "After the same examples: with batches of 2 the test accuracy with BatchNorm "
                    "is at least 20 points below that with LayerNorm; with batches of 4 it is at "
                    "least 90 %. Means over the seeds. A batch of 1 is refused; a test shows it."
                ),
                expected="reproduced",
                decide=small_batches_hurt,
            ),
        ),
    ),
)
