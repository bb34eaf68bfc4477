"""Santurkar et al. (2018): whether BatchNorm helps because it reduces the shift."""

from ..arm import Arm
from ..claims import Claim
from ..criteria import decided_at
from ..experiment import Experiment
from ..optimizer import Optimizer
from .entry import CatalogEntry

COMPARED_AT = 3_000
ALIKE = 0.01


def as_accurate(batch: float, noisy: float) -> bool:
    """E22: accuracies differ by a point at most; rounded, for 0.95 − 0.94 is more than 0.01."""
    return round(abs(noisy - batch), 6) <= ALIKE


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
                    "At learning rate 0.1: test accuracies at step 3,000 at most 1 point apart; "
                    "how much more the noise shifts the layers is not decided."
                ),
                expected="reproduced",
                decide=decided_at(COMPARED_AT, as_accurate),
            ),
        ),
    ),
)
