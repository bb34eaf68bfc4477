"""BatchNorm as a regularizer, as §3.4 of Ioffe & Szegedy (2015) and many after them have it."""

from statistics import fmean

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..measurements import gap, values
from ..study import Quantity, Study
from ..verdict_words import points
from .entry import CatalogEntry

ACTIVATIONS = ("relu", "sigmoid")
MARGIN, SEEDS = 0.01, 3
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.4"


def late(evidence: Evidence, activation: str, treatment: str) -> list[float]:
    """The test accuracy with each seed: the mean over the last third of the steps.

    With batches of 10 a single one goes up and down by a point.

    Raises:
        MissingEvidence: A seed has none.
    """
    found = values(evidence, "test_accuracy", f"{activation}: {treatment}")
    last = max(step for _, step in found)
    of_seeds = {seed: list[float]() for seed, _ in found}
    for (seed, step), value in found.items():
        if step > last * 2 / 3:
            of_seeds[seed].append(value)
    if not all(of_seeds.values()):
        raise MissingEvidence(f"Not every seed of {treatment} was evaluated to its end.")
    return [fmean(late) for late in of_seeds.values()]


def noise_helps(evidence: Evidence) -> Outcome:
    """E13: statistics of mini-batches generalize a point better than those of all examples."""
    seeds = len({m.seed for m in evidence.measurements})
    if seeds < SEEDS:
        raise MissingEvidence(f"{seeds} of the {SEEDS} seeds of the criterion.")
    holds, words = True, list[str]()
    for activation in ACTIVATIONS:
        whole = late(evidence, activation, "BatchNorm, full batch")
        for size in (10, 50):
            more = gap(late(evidence, activation, f"BatchNorm, m = {size}"), whole)
            holds = holds and round(more.value, 6) >= MARGIN
            words.append(f"{activation}, m = {size}: {points(more, MARGIN)}")
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"Test accuracy with BatchNorm beside that with a full batch. {'; '.join(words)}.",
    )


def beats_none(evidence: Evidence) -> Outcome:
    """E13c: at one batch size BatchNorm is higher than the same network without it."""
    holds, words = True, list[str]()
    for activation in ACTIVATIONS:
        none, batch = (
            late(evidence, activation, treatment) for treatment in ("none", "BatchNorm, m = 50")
        )
        more = gap(batch, none)
        holds = holds and more.value > 0
        words.append(f"{activation} {points(more, 0)}")
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
            "the data and the network: 1,000 images of MNIST at equal distances, three hidden "
            "layers of 100 units, Xavier, ReLU at learning rate 0.1 and sigmoid at 0.5, 3,000 "
            "steps here; 1,500 steps and fewer arms at quick length",
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
        quick=("seeds=0,1,2",),
        quantities=(
            Quantity(
                name="test_accuracy",
                title="Test accuracy",
                unit="share of the test set",
                x="steps",
                shows="All fit the training set. Among the lines with BatchNorm small batches are "
                "higher; with the same batches none is higher still.",
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
                    "is at least 1 point of test accuracy above BatchNorm with the full batch, for "
                    "ReLU and sigmoid: means over the last third of the steps and over at least 3 "
                    "seeds."
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
                    "BatchNorm is above that without, for ReLU and sigmoid: means over the last "
                    "third of the steps and over the seeds. It is not: with sigmoid it is lower."
                ),
                expected="not reproduced",
                decide=beats_none,
            ),
        ),
    ),
)
