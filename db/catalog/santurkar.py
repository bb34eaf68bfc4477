"""Santurkar et al. (2018): whether BatchNorm helps because it reduces the shift."""

import numpy as np

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome, Recorded
from ..criteria import decided_at, diverged, undecided
from ..errors import MissingEvidence
from ..experiment import Experiment
from ..intervals import geometric_mean
from ..optimizer import Optimizer
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

COMPARED_AT = 3_000
ALIKE = 0.01
AS_FAR = 10
OUTPUT = "output"


def as_accurate(batch: float, noisy: float) -> bool:
    """E22: accuracies differ by a point at most; rounded, for 0.95 − 0.94 is more than 0.01."""
    return round(abs(noisy - batch), 6) <= ALIKE


def shifts_at_every_step(evidence: Evidence) -> Outcome:
    """E22b: the noise moves the mean of each hidden layer's preactivation 10 times as far.

    From one record to the next, in stds of the layer: the median over the run, and of the hidden
    layers the one in which the two arms are nearest to each other.
    """
    ended_early = diverged(evidence, evidence.step)
    if ended_early:
        return ended_early
    if evidence.step < COMPARED_AT:
        return undecided(evidence, f"records are compared up to step {COMPARED_AT:,}")
    stds = {_key(record): record for record in evidence.records("layer_records", "std")}
    moved = {
        _key(mean): _moved(mean, stds[_key(mean)])
        for mean in evidence.records("layer_records", "mean")
        if mean.layer != OUTPUT
    }
    if not moved:
        raise MissingEvidence("No layer was recorded.")
    batch, noisy = evidence.arms[:2]
    with np.errstate(all="ignore"):
        times = {key: moved[(noisy, *key[1:])] / moved[key] for key in moved if key[0] == batch}
    seeds = dict.fromkeys(seed for _, seed, _ in times)
    least = geometric_mean(
        [float(np.min([t for (_, of, _), t in times.items() if of == seed])) for seed in seeds]
    )
    farthest = float(np.max([distance for key, distance in moved.items() if key[0] == noisy]))
    return Outcome(
        "reproduced" if least.value >= AS_FAR else "not reproduced",
        f"From one record to the next the means of hidden layers move by up to {farthest:.2g} "
        f"stds in {noisy}: {estimated(least, factor, ' ×')} as far as in {batch}, where they are "
        "nearest.",
    )


def _key(record: Recorded) -> tuple[str, int, str | None]:
    return record.arm, record.seed, record.layer


def _moved(mean: Recorded, std: Recorded) -> np.float64:
    """The median of |mean − mean before| ÷ std, over the records.

    Raises:
        MissingEvidence: There are fewer than two of them.
    """
    if len(mean.steps) < 2:
        raise MissingEvidence(f"{mean.layer} of {mean.arm} was recorded once or never.")
    means, stds = (np.array(record.values, float) for record in (mean, std))
    with np.errstate(all="ignore"):
        return np.median(np.abs(np.diff(means)) / stds[1:])


ENTRIES = (
    CatalogEntry(
        name="mnist-noisy-batchnorm",
        title="MNIST, BatchNorm with and without noise behind it (Santurkar et al.)",
        claim=(
            "Noise behind BatchNorm makes the inputs of the layers shift at every step, and yet "
            "the network trains as well as with BatchNorm alone."
        ),
        source=(
            "Santurkar, Tsipras, Ilyas & Mądry, How does Batch Normalization help optimization?, "
            "arXiv:1805.11604v3, §2.1 and Algorithm 1"
        ),
        stated=(
            "for each step and unit a mean from U(−0.5, 0.5) and a scale from U(1, 1.25); around "
            "them, for each example, noise of width 0.1",
            "learning rate 0.1",
        ),
        left_open=(
            "dataset and network: those of the BatchNorm paper's §4.1 here; a VGG on CIFAR-10 in "
            "the source, with batches of 128 for 15,000 steps",
            "the width of the noise of the scale, a std or a variance: a std here",
            "how much is “as well”: 1 point of test accuracy here, after 3,000 steps",
        ),
        experiment=Experiment(
            name="MNIST sigmoid: BatchNorm with and without noise",
            optimizer=Optimizer(lr=0.1),
            steps=COMPARED_AT,
            arms=[
                Arm(name="BatchNorm", norm="batch"),
                Arm(name="noisy BatchNorm", norm="batch_noisy"),
            ],
        ),
        claims=(
            Claim(
                number="E22",
                statement="With noise behind BatchNorm a network trains as well as without.",
                source="Santurkar et al., arXiv:1805.11604v3, §2.1 and Algorithm 1",
                criterion=(
                    "At learning rate 0.1: test accuracies at step 3,000 at most 1 point apart."
                ),
                expected="reproduced",
                decide=decided_at(COMPARED_AT, as_accurate),
            ),
            Claim(
                number="E22b",
                statement="That noise shifts the inputs of the layers at every step.",
                source="Santurkar et al., arXiv:1805.11604v3, §2.1 and Algorithm 1",
                criterion=(
                    "From one record to the next the mean of a hidden layer’s preactivation moves, "
                    "in stds of the layer, at least 10 times as far as with BatchNorm alone: "
                    "medians over the run, in every hidden layer, mean over the seeds. The noise "
                    "of single units is larger; a layer’s mean averages it."
                ),
                expected="reproduced",
                decide=shifts_at_every_step,
            ),
        ),
    ),
)
