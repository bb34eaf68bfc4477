"""Mini-batch statistics against running ones as a network trains: §3.1 of Ioffe & Szegedy (2015).

Where the examples of a layer's input are drawn independently, batch means waver by σ/√m, and their
moving average follows with a weight α (the momentum). How far the two are apart has a floor then,
which no training can take away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim, Evidence, Outcome
from ..criteria import diverged, undecided
from ..experiment import Experiment
from ..intervals import mean
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from ..verdict_words import estimated
from .entry import CatalogEntry

BATCH_SIZE, MOMENTUM = 60, 0.1
SETTLED, UNTIL = 200, 2_000
NEAR = 0.3
LOSSES_FROM = 100
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.1 and Algorithm 2"


def drift_floor(batch_size: int, momentum: float) -> float:
    """The stationary `mean_drift` of independent examples: √(2 / ((2 − α) m)), in σ.

    A batch mean has the variance σ²/m. The moving average of those before it, with the weights
    α (1 − α)ⁱ, has α² Σ (1 − α)²ⁱ = α / (2 − α) of that, and is independent of it. So the square
    of their distance is (1 + α / (2 − α)) σ²/m = 2 / (2 − α) · σ²/m in expectation, and
    `mean_drift` the root of its mean over channels. The mean of absolute values would be
    √(2/π) of it, as of any normal variable.

    Args:
        batch_size: m.
        momentum: α in running ← (1 − α) · running + α · batch.
    """
    return math.sqrt(2 / ((2 - momentum) * batch_size))


@dataclass(frozen=True)
class _Layer:
    """One layer with BatchNorm: its first record, and its mean once it has settled, by seed."""

    first: Sequence[float]
    settled: Sequence[float]


def first_layer_at_its_floor(evidence: Evidence) -> Outcome:
    """E25: the first layer's drift is near the floor, that of the layers behind it below."""
    arm = evidence.arms[1]
    ended_early = diverged(evidence, UNTIL, [arm])
    if ended_early:
        return ended_early
    if evidence.step < UNTIL:
        return undecided(evidence, f"drift is averaged up to step {UNTIL:,}")
    layers = _layers(evidence, arm)
    if not layers:
        return Outcome("inconclusive", f"Nothing was recorded of {arm}’s running statistics.")
    expected = drift_floor(BATCH_SIZE, MOMENTUM)
    found = {name: mean(layer.settled) for name, layer in layers.items()}
    first, *behind = (of_seeds.value for of_seeds in found.values())
    holds = round(abs(first / expected - 1), 6) <= NEAR and all(each < expected for each in behind)
    drifts = ", ".join(f"{name} {estimated(each, '{:.3f}'.format)}" for name, each in found.items())
    began = ", ".join(f"{mean(layer.first).value:.2f}" for layer in layers.values())
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"From step {SETTLED:,} to {UNTIL:,}, in σ, against a floor of {expected:.3f}: {drifts}; "
        f"at the first step {began}. {_gap(evidence, arm)}",
    )


def _layers(evidence: Evidence, arm: str) -> dict[str, _Layer]:
    """Those that have drift, in the order of the network."""
    first: dict[str, list[float]] = {}
    settled: dict[str, list[float]] = {}
    for record in evidence.records("layer_records", "mean_drift"):
        points = [
            (step, value)
            for step, value in zip(record.steps, record.values, strict=True)
            if value is not None
        ]
        late = [value for step, value in points if SETTLED <= step <= UNTIL]
        if record.arm == arm and record.layer and late:
            first.setdefault(record.layer, []).append(points[0][1])
            settled.setdefault(record.layer, []).append(sum(late) / len(late))
    return {name: _Layer(first[name], settled[name]) for name in first}


def _gap(evidence: Evidence, arm: str) -> str:
    """How far the losses of training and inference are apart at most, with any seed."""
    inference, batch = (
        {(r.seed, s): v for r in evidence.records("evaluations", name) if r.arm == arm
         for s, v in zip(r.steps, r.values, strict=True)}
        for name in ("test_loss", "test_loss_batch_statistics")
    )  # fmt: skip
    gaps = [
        abs(own - its)
        for at, own in inference.items()
        if LOSSES_FROM <= at[1] <= UNTIL and own is not None and (its := batch.get(at)) is not None
    ]
    if not gaps:
        return f"No evaluation from step {LOSSES_FROM} on says how far losses are apart."
    worst = math.nan if any(map(math.isnan, gaps)) else max(gaps)
    return (
        f"From step {LOSSES_FROM} on the test losses with the batch’s and with running statistics "
        f"are at most {worst:.3f} nats apart."
    )


ENTRIES = (
    CatalogEntry(
        name="running-statistics",
        title="MNIST, sigmoid, learning rate 0.5: mini-batch against running statistics",
        claim=(
            "The running statistics of inference follow those of the mini-batches as closely as "
            "the noise of a batch allows, after a few steps already, and closer behind the first "
            "norm."
        ),
        source=SOURCE,
        stated=(
            "a batch’s statistics are estimates of the population’s, which inference uses",
            "moving averages track the accuracy of a model as it trains",
        ),
        left_open=(
            "how close is close: the source states no number; a floor is derived here for "
            "independent examples, √(2 / ((2 − α) m)) σ, which is "
            f"{drift_floor(BATCH_SIZE, MOMENTUM):.3f} σ for batches of {BATCH_SIZE} and a momentum "
            f"of {MOMENTUM}",
            "the training: the network of §4.1, Xavier, learning rate 0.5, 2,000 steps here",
            "the losses that are compared: of the whole test set, as one batch or in inference "
            "mode; 0.05 nats apart at most was measured independently and is no part of the "
            "criterion",
        ),
        experiment=Experiment(
            name="MNIST sigmoid: mini-batch against running statistics",
            batch_size=BATCH_SIZE,
            network=Network(initialization="xavier", bn_momentum=MOMENTUM),
            optimizer=Optimizer(lr=0.5),
            steps=UNTIL,
            recording=Recording(evaluate_every=100, probe_every=None),
        ),
        claims=(
            Claim(
                number="E25",
                statement=(
                    "Running statistics are as near to a mini-batch’s as its noise allows in the "
                    "first layer, and nearer behind it."
                ),
                source=f"{SOURCE}; the floor is derived here",
                criterion=(
                    "With BatchNorm, mean_drift from step 200 to step 2,000, mean over steps and "
                    "seeds: in the first layer within 30 % of √(2 / ((2 − α) m)), in each one "
                    "behind it below that. How far losses in training and inference are apart is "
                    "shown."
                ),
                expected="reproduced",
                decide=first_layer_at_its_floor,
            ),
        ),
    ),
)
