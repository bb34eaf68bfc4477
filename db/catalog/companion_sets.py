"""What the rest of a batch does to one example's logits, by batch size."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import exponents, largest
from ..study import Quantity, Study
from ..verdict_words import estimated
from .entry import CatalogEntry

STEEPEST, FLATTEST = -1.0, -0.4


def noise_shrinks(evidence: Evidence) -> Outcome:
    """E15: log std against log m has a slope from −1 to −0.4; in inference the std is 0."""
    slope = mean(exponents(evidence, "logit_std", "training"))
    alone = largest(evidence, "logit_std", "inference")
    holds = STEEPEST <= slope.value <= FLATTEST and alone == 0
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"The std of an example's logits goes with m to the power of "
        f"{estimated(slope, lambda value: f'{value:.2f}')}; in inference it is {alone:g}.",
    )


ENTRIES = (
    CatalogEntry(
        name="companions-of-an-example",
        title="One example among 200 sets of companions (after paper §3.4)",
        claim=(
            "While it trains, a network with BatchNorm gives an example other logits in every "
            "batch; that noise shrinks about as 1/√m, and in inference there is none."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.1 and §3.4",
        stated=(
            "a training example is seen with the others of its mini-batch, and its values are not "
            "deterministic",
            "in inference the output depends on the input alone, deterministically",
        ),
        left_open=(
            "how large it is: about 1/√m for one network, by the law of large numbers",
            "the networks: three hidden layers of 100 sigmoid units on MNIST, Xavier, learning "
            "rate 0.1, each trained on 120,000 examples (60,000 at quick length) in batches of the "
            "size that it is measured with; beside them the one of 60 with every size",
            "what is averaged: the std over 200 sets of each logit of 5 test images here",
        ),
        experiment=Study(
            name="One example and its companions", study="companions", dataset="mnist"
        ),
        quantities=(
            Quantity(
                name="logit_std",
                title="Noise of one example's logits",
                unit="std over 200 sets of companions",
                x="examples in the batch",
                shows="One network: half the noise in batches four times as large, 1/√m. Networks "
                "trained with their size fall more steeply: with larger batches they took fewer "
                "steps. In inference it is 0, which has no place on a logarithmic axis.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E15",
                statement="The noise of an example's batch shrinks about as 1/√m.",
                source="After Ioffe & Szegedy, arXiv:1502.03167v3, §3.4",
                criterion=(
                    "The slope of log std of the logits against log m, from 16 to 256 examples, is "
                    "from −1 to −0.4, mean over the seeds; in inference the std is exactly 0."
                ),
                expected="reproduced",
                decide=noise_shrinks,
            ),
        ),
    ),
)
