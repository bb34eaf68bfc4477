"""BatchNorm as a regularizer, as §3.4 of Ioffe & Szegedy (2015) and many after them have it."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import at_end, gap
from ..study import Quantity, Study
from ..verdict_words import points
from .entry import CatalogEntry

ACTIVATIONS = ("relu", "sigmoid")
MARGIN = 0.01
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.4"


def noise_helps(evidence: Evidence) -> Outcome:
    """E13: statistics of mini-batches generalize a point better than those of all examples."""
    holds, words = True, list[str]()
    for activation in ACTIVATIONS:
        whole = at_end(evidence, "test_accuracy", f"{activation}: BatchNorm, full batch")
        for size in (10, 50):
            own = at_end(evidence, "test_accuracy", f"{activation}: BatchNorm, m = {size}")
            more = gap(own, whole)
            holds = holds and round(more.value, 6) >= MARGIN
            words.append(f"{activation}, m = {size}: {points(more)}")
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"Test accuracy with BatchNorm beside that with a full batch. {'; '.join(words)}.",
    )


def beats_none(evidence: Evidence) -> Outcome:
    """E13c: at one batch size BatchNorm ends higher than the same network without it."""
    holds, words = True, list[str]()
    for activation in ACTIVATIONS:
        none, batch = (
            at_end(evidence, "test_accuracy", f"{activation}: {treatment}")
            for treatment in ("none", "BatchNorm, m = 50")
        )
        more = gap(batch, none)
        holds = holds and more.value > 0
        words.append(f"{activation} {points(more)}")
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"Test accuracy with BatchNorm beside none, both with m = 50: {'; '.join(words)}.",
    )


ENTRIES = (
    CatalogEntry(
        name="small-training-set",
        title="Is BatchNorm a regularizer? 1,000 images (after paper §3.4)",
        claim=(
            "The noise of a mini-batch's statistics helps generalization. That does not make "
            "BatchNorm better than none where data are few."
        ),
        source=SOURCE,
        stated=(
            "an example is seen with others, so that the network gives no fixed values for it",
            "this helps generalization; dropout can be removed or reduced",
        ),
        left_open=(
            "the data and the network: the first 1,000 images of MNIST, three hidden layers of 100 "
            "units, Xavier, ReLU at learning rate 0.1 and sigmoid at 0.5, 3,000 steps here; 1,000 "
            "steps at quick length",
            "what the noise is compared with: a batch of all 1,000 images, whose statistics have "
            "none, here",
            "dropout of hidden units, weights with noise of 0.3 times their layer's std, batches "
            "of 50 where nothing else is said here",
        ),
        experiment=Study(
            name="A small training set with and without noise",
            study="regularization",
            dataset="mnist",
        ),
        quantities=(
            Quantity(
                name="test_accuracy",
                title="Test accuracy",
                unit="share of the test set",
                x="steps",
                shows="All fit the training set. Among the lines with BatchNorm small batches are "
                "higher; none is not below them.",
            ),
            Quantity(
                name="train_accuracy",
                title="Training accuracy",
                unit="share of the 1,000 images",
                x="steps",
                shows="Near 1: what differs on the test set is generalization.",
            ),
        ),
        claims=(
            Claim(
                number="E13",
                statement="The noise of BatchNorm's mini-batches regularizes.",
                source=SOURCE,
                criterion=(
                    "On 1,000 training images BatchNorm with batches of 10 and with batches of 50 "
                    "ends at least 1 point of test accuracy above BatchNorm with the full batch, "
                    "for ReLU and sigmoid, mean over the seeds."
                ),
                expected="reproduced",
                decide=noise_helps,
            ),
            Claim(
                number="E13c",
                statement="BatchNorm regularizes: on a small training set it beats none.",
                source="Often said; not in the paper",
                criterion=(
                    "On 1,000 training images, with batches of 50, the test accuracy with "
                    "BatchNorm ends above that without, for ReLU and sigmoid, mean over the "
                    "seeds. It does not: it ends lower."
                ),
                expected="not reproduced",
                decide=beats_none,
            ),
        ),
    ),
)
