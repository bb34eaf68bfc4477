"""§4.2.3 of Ioffe & Szegedy (2015): an ensemble of six networks with BatchNorm."""

from statistics import fmean

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import undecided
from ..errors import MissingEvidence
from ..experiment import Experiment, Recording
from ..measurements import greatest, least
from ..network import Network
from ..optimizer import Optimizer
from ..verdict_words import percent
from .entry import CatalogEntry

STEPS, QUICK_STEPS = 600, 150
LR, DECAY = 0.15, 0.1
"""The learning rate of BN-x30, which falls to a tenth over the whole training."""


def better_together(evidence: Evidence) -> Outcome:
    """E6: at the last step not below the best member, and half their spread above their mean."""
    if not evidence.ended or evidence.step < QUICK_STEPS:
        return undecided(evidence, f"decided at the last step, {QUICK_STEPS:,} or later")
    step = evidence.step
    together = dict(
        point
        for of_run in evidence.records("ensemble_records", "test_accuracy")
        for point in zip(of_run.steps, of_run.values, strict=True)
    ).get(step)
    if together is None:
        raise MissingEvidence(f"The ensemble was not evaluated at step {step:,}.")
    alone: list[float] = []
    for curve in evidence.curves:
        gone = curve.diverged_step is not None
        value = float("nan") if gone else curve.at(step)
        if value is None:
            raise MissingEvidence(
                f"{curve.arm}, seed {curve.seed}, was not evaluated at step {step:,}."
            )
        alone.append(value)
    low, high, middle = least(alone), greatest(alone), fmean(alone)
    needed = greatest((high, middle + (high - low) / 2))
    holds = round(together, 6) >= round(needed, 6)  # false of a NaN
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At step {step:,} the {len(alone)} together {percent(together)}, alone {percent(low)} to "
        f"{percent(high)}, {percent(middle)} in the mean.",
    )


ARMS = [
    Arm(name="2W₀", norm="batch", weight_scale=2.0),
    Arm(name="dropout 5 %", norm="batch", dropout=0.05),
    Arm(name="dropout 10 %", norm="batch", dropout=0.1),
    Arm(name="each", norm="batch", per_activation=True),
    Arm(name="2W₀, 5 %", norm="batch", weight_scale=2.0, dropout=0.05),
    Arm(name="each, 10 %", norm="batch", per_activation=True, dropout=0.1),
]

ENTRIES = (
    CatalogEntry(
        name="mnist-ensemble",
        title="MNIST, an ensemble of six variants of BN-x30 (paper §4.2.3)",
        claim="Six networks with BatchNorm together are better than the best of them.",
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.2.3 and Figure 4",
        stated=(
            "six networks, each BN-x30 with some of: larger first weights of the convolutions, "
            "dropout of 5 or 10 %, BatchNorm of each activation in the last hidden layers",
            "the prediction is the arithmetic mean of the class probabilities",
        ),
        left_open=(
            "which network has which: ×2, 5 %, 10 %, per activation, ×2 and 5 %, 10 % and per "
            "activation here",
            "whether they share anything: first weights and batches are each one’s own here, so "
            "these arms are no twins, and with several seeds all their networks are one ensemble",
            "the networks: micro Inceptions on MNIST here, learning rate 0.15 falling to a tenth "
            "over 600 steps of 32 examples",
            "top-2 in the place of top-5, for there are ten classes",
            "accuracies are those on 2,000 of the 10,000 test images, evenly spread",
        ),
        experiment=Experiment(
            name="MNIST: six variants of BN-x30 and their ensemble",
            binary=False,
            batch_size=32,
            network=Network(kind="micro_inception", activation="relu", initialization="he"),
            optimizer=Optimizer(
                lr=LR,
                momentum=0.9,
                weight_decay=2e-5,
                schedule="exponential",
                decay=DECAY,
                decay_every=STEPS,
            ),
            steps=STEPS,
            twins=False,
            ensemble=True,
            recording=Recording(
                record_every=5, evaluate_every=100, test_examples=2_000, probe_every=None
            ),
            arms=ARMS,
        ),
        quick=(
            f"steps={QUICK_STEPS}",
            "recording.record_every=50",
            "recording.evaluate_every=75",
            "recording.evaluate_early=false",
        ),
        full=("seeds=0",),  # more would be one ensemble of more than six
        claims=(
            Claim(
                number="E6",
                statement="An ensemble of six variants of BN-x30 is better than the best of them.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §4.2.3 and Figure 4",
                criterion=(
                    "Top-1 accuracy of all networks together at the last step, 150 or later: not "
                    "below that of the best, and at least half of their spread above their mean."
                ),
                expected="reproduced",
                decide=better_together,
            ),
        ),
    ),
)
