"""Statistics where they do not fit: single examples, and images that are not the trained ones."""

import math

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import by_seed, gap
from ..study import Quantity, Study
from ..verdict_words import estimated, percent, points
from .entry import CatalogEntry

KEPT, ANEW, OWN = "kept", "estimated anew", "the batch’s own"
TRAINED, RESTORED, LOST = 0.8, 0.01, 0.2
INVERTED, TURNED, PALE = -1.0, 30, 0.25
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3"


def one_needs_kept(evidence: Evidence) -> Outcome:
    """E32: a single example's own statistics are refused, the kept ones serve as ever."""
    own, kept, many = (
        by_seed(evidence, "own_statistics", series, size)
        for series, size in ((OWN, 1), (KEPT, 1), (KEPT, 60))
    )
    refused = all(math.isnan(value) for value in own)
    apart = gap(kept, many)
    holds = refused and mean(kept).value > TRAINED and abs(apart.value) < RESTORED
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"A single example’s own statistics are {'refused' if refused else 'accepted'}; one at a "
        f"time with those that are kept {estimated(mean(kept), percent, threshold=TRAINED)} are "
        "right.",
    )


def new_ones_recover(evidence: Evidence) -> Outcome:
    """E32b: new statistics are better on inverted images and on rotated ones."""
    inverted, rotated = (
        gap(*(by_seed(evidence, quantity, series, x) for series in (ANEW, KEPT)))
        for quantity, x in (("faded", INVERTED), ("rotated", TURNED))
    )
    return Outcome(
        "reproduced" if inverted.value > 0 and rotated.value > 0 else "not reproduced",
        f"Estimated anew, the test accuracy is {points(inverted, 0)} on inverted images and "
        f"{points(rotated, 0)} on images turned by {TURNED}°.",
    )


def contrast_is_restored(evidence: Evidence) -> Outcome:
    """E32c: pale images, 20 points worse with kept statistics, are no problem with new ones."""
    usual, kept, anew = (
        by_seed(evidence, "faded", series, x)
        for series, x in ((KEPT, 1), (KEPT, PALE), (ANEW, PALE))
    )
    lost, left = gap(kept, usual), gap(anew, usual)
    holds = lost.value <= -LOST and abs(left.value) <= RESTORED
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At a quarter of the contrast the test accuracy is {points(lost, -LOST)} than at full "
        f"contrast with kept statistics, and {points(left)} with new ones.",
    )


ENTRIES = (
    CatalogEntry(
        name="statistics-on-changed-images",
        title="One example at a time, and other images (after paper §5)",
        claim=(
            "A single example has no statistics of its own. Where images change, new statistics "
            "restore what brightness and contrast do, and hardly what anything else does."
        ),
        source=f"{SOURCE}, §3.1 and §5",
        stated=(
            "in inference the output depends on the input alone, by statistics that are kept",
            "recomputing the population means and variances may be all that generalization to new "
            "distributions needs: an expectation, with domain adaptation in mind",
        ),
        left_open=(
            "which new distributions: MNIST with other contrast, inverted, and rotated here",
            "how statistics are estimated: over 100 batches of 60 unlabelled training images, "
            "changed likewise",
            "the training: three hidden layers of 100 sigmoid units, Xavier, learning rate 0.1, "
            "3,000 steps (1,000 at quick length) here",
        ),
        experiment=Study(name="Other images", study="other_images", dataset="mnist"),
        quantities=(
            Quantity(
                name="own_statistics",
                title="Test accuracy with a batch’s own statistics",
                unit="share of the test set",
                x="examples in a batch",
                shows="With those that are kept the size does not matter. Alone an example is "
                "refused: NaN.",
                log_x=True,
            ),
            Quantity(
                name="faded",
                title="Test accuracy by contrast",
                unit="share of the test set",
                x="contrast a: x becomes ax + (1 − a)/2, −1 inverts",
                shows="New statistics take out a and the gray, exactly, but not the sign of a: "
                "every unit of the first layer is normalized to −x̂.",
            ),
            Quantity(
                name="rotated",
                title="Test accuracy on rotated images",
                unit="share of the test set",
                x="degrees",
                shows="New statistics change little.",
            ),
        ),
        claims=(
            Claim(
                number="E32",
                statement="In inference a single example needs statistics that are kept.",
                source=f"{SOURCE}, §3.1",
                criterion=(
                    "A batch of one example is refused with its own statistics; one at a time with "
                    "kept ones more than 80 % of the test set are right, within a point of batches "
                    "of 60."
                ),
                expected="reproduced",
                decide=one_needs_kept,
            ),
            Claim(
                number="E32b",
                statement="New statistics recover accuracy on inverted and on rotated images.",
                source=f"{SOURCE}, §5, taken broadly",
                criterion=(
                    "The test accuracy with new statistics is above that with kept ones on "
                    "inverted images and on images turned by 30°, mean over the seeds. On inverted "
                    "ones it is not, and cannot be: they become −x̂."
                ),
                expected="not reproduced",
                decide=new_ones_recover,
            ),
            Claim(
                number="E32c",
                statement="New statistics undo a change of brightness and contrast.",
                source=f"{SOURCE}, §5; that BatchNorm cancels scale and shift, §3",
                criterion=(
                    "At a quarter of the contrast: the test accuracy with kept statistics is at "
                    "least 20 points below that of the original images, with new ones within one "
                    "point. Means over the seeds."
                ),
                expected="reproduced",
                decide=contrast_is_restored,
            ),
        ),
    ),
)
