"""§4.2.3 of Ioffe & Szegedy (2015): an ensemble of six networks with BatchNorm."""

import math
from collections.abc import Sequence
from statistics import fmean

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import undecided
from ..errors import MissingEvidence
from ..experiment import Experiment
from ..intervals import mean
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from ..verdict import Curve
from ..verdict_words import percent, points
from .entry import CatalogEntry

STEPS, QUICK_STEPS = 600, 150
LR, DECAY = 0.15, 0.1
"""The learning rate of BN-x30, which falls to a tenth over the whole training."""


def better_together(evidence: Evidence) -> Outcome:
    """E6: at the last step, with every seed, the ensemble of its networks is not below the best of
    them, and half of their spread above their mean. One with a member that diverged is neither."""
    if any(_diverged_at(curve) is not None for curve in evidence.curves):
        return Outcome("not reproduced", _without_the_diverged(evidence.curves))
    if not evidence.ended or evidence.step < QUICK_STEPS:
        return undecided(evidence, f"decided at the last step, {QUICK_STEPS:,} or later")
    step = evidence.step
    ensembles = {
        of_seed.seed: dict(zip(of_seed.steps, of_seed.values, strict=True)).get(step)
        for of_seed in evidence.records("ensemble_records", "test_accuracy")
    }
    above: list[float] = []
    words: list[str] = []
    holds = True
    for seed, curves in _by_seed(evidence.curves).items():
        together = ensembles.get(seed)
        if together is None:
            raise MissingEvidence(
                f"The ensemble of seed {seed} was not evaluated at step {step:,}."
            )
        alone = [_accuracy(curve, step) for curve in curves]
        low, high, middle = min(alone), max(alone), fmean(alone)
        needed = max(high, middle + (high - low) / 2)
        holds = holds and round(together, 6) >= round(needed, 6)
        above.append(together - needed)
        words.append(
            f"with seed {seed} at {percent(together)}, needed {percent(needed)}, alone "
            f"{percent(low)} to {percent(high)}, {percent(middle)} in the mean"
        )
    if not above:
        raise MissingEvidence("No network was evaluated.")
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At step {step:,} the {len(evidence.arms)} together are {points(mean(above), 0.0)} than "
        f"is needed: {'; '.join(words)}.",
    )


def _by_seed(curves: Sequence[Curve]) -> dict[int, list[Curve]]:
    """The networks of each ensemble."""
    found: dict[int, list[Curve]] = {}
    for curve in curves:
        found.setdefault(curve.seed, []).append(curve)
    return found


def _accuracy(curve: Curve, step: int) -> float:
    value = curve.at(step)
    if value is None:
        raise MissingEvidence(
            f"{curve.arm}, seed {curve.seed}, was not evaluated at step {step:,}."
        )
    return value


def _diverged_at(curve: Curve) -> int | None:
    """The step of a network's divergence, or of the first evaluation that was no number."""
    if curve.diverged_step is not None or math.isfinite(curve.last):
        return curve.diverged_step
    found = zip(curve.steps, curve.accuracies, strict=True)
    return next((step for step, accuracy in found if math.isnan(accuracy)), None)


def _without_the_diverged(curves: Sequence[Curve]) -> str:
    """Which members diverged and when, and what the others come to."""
    words = [
        f"{curve.arm} diverged at step {step:,} with seed {curve.seed}"
        for curve in curves
        if (step := _diverged_at(curve)) is not None
    ]
    rest = [curve.last for curve in curves if math.isfinite(curve.last)]
    if rest:
        low, high = percent(min(rest)), percent(max(rest))
        words.append(f"the others are at {low} to {high} alone")
    return f"{'; '.join(words)}."


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
        claim="Six networks with BatchNorm together are at least as good as the best of them.",
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
            "these arms are no twins, and with several seeds the six of each are an ensemble of "
            "their own",
            "the networks: micro Inceptions on MNIST here, learning rate 0.15 falling to a tenth "
            "over 600 steps of 32 examples",
            "when they are compared: early in training members may still be so far apart that half "
            "of their spread above their mean is out of reach",
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
        claims=(
            Claim(
                number="E6",
                statement=(
                    "An ensemble of six variants of BN-x30 is at least as good as the best of them."
                ),
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §4.2.3 and Figure 4",
                criterion=(
                    "Top-1 accuracy of the six together at the last step, 150 or later, with every "
                    "seed: not below that of the best, and at least half of their spread above "
                    "their mean. With a member that diverged it is neither."
                ),
                expected="reproduced",
                decide=better_together,
            ),
        ),
    ),
)
