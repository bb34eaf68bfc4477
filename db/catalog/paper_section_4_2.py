"""§4.2 of Ioffe & Szegedy (2015): Inception and its accelerated variants, made small for MNIST."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import diverged, not_compared, undecided
from ..errors import MissingEvidence
from ..experiment import Experiment
from ..looking import Recording
from ..network import Network
from ..optimizer import Optimizer
from ..verdict import Curve, accuracy, crossing
from ..verdict_words import percent
from .entry import CatalogEntry

STEPS = 600
LR = 0.005
DECAY, DECAY_EVERY = 0.96, 100
TIMES_SOONER = 2.0
FAILED = 0.7
TRAINED, CHANCE = 0.3, 0.15
EARLY, SEEDS = 100, 3
RECORD_EVERY = 5
SOURCE = "Ioffe & Szegedy, arXiv:1502.03167v3, §4.2"


def _arm(name: str, times: int, **settings: object) -> Arm:
    """Inception's own settings, at so many times its learning rate."""
    return Arm.model_validate(
        {"name": name, "lr": times * LR, "lrn": True, "dropout": 0.4, **settings}
    )


def _accelerated(name: str, times: int, **settings: object) -> Arm:
    """BatchNorm with all that §4.2.1 changes: see `stated`."""
    return Arm.model_validate(
        {
            "name": name,
            "norm": "batch",
            "lr": times * LR,
            "lrn": False,
            "dropout": 0.0,
            "weight_decay": 2e-5,
            "decay": DECAY**6,
            **settings,
        }
    )


X5, X30 = _accelerated("BN-x5", 5), _accelerated("BN-x30", 30)
ARMS = [
    _arm("Inception", 1),
    _arm("BN-Baseline", 1, norm="batch"),
    X5,
    X30,
    _accelerated("BN-x5-Sigmoid", 5, activation="sigmoid"),
    _arm("Inception x5", 5),
    _arm("Inception x30", 30),
    _arm("Inception-Sigmoid", 1, activation="sigmoid"),
    _arm("Inception-Sigmoid x5", 5, activation="sigmoid"),
]
INCEPTION, BN_X5, BN_X5_SIGMOID, INCEPTION_X30 = 0, 2, 4, 6
INCEPTION_SIGMOID = (7, 8)


def sooner(evidence: Evidence) -> Outcome:
    """E4a: BN-x5 reaches Inception's best accuracy in half of its steps, with every seed."""
    if evidence.step < STEPS:
        return undecided(evidence, f"Inception's best accuracy is known at step {STEPS:,}")
    first, second = (evidence.arms[index] for index in (INCEPTION, BN_X5))
    found: list[tuple[int, float | None, float]] = []
    twins = {curve.seed: curve for curve in _of_arm(evidence, second)}
    for curve in _of_arm(evidence, first):
        if curve.seed not in twins:
            raise MissingEvidence(f"{second} has no seed {curve.seed}.")
        twin = twins[curve.seed]
        target, reached = crossing(curve, curve.best), crossing(twin, curve.best)
        if target is None or target.by is None or reached is None:
            why = f"by step {STEPS:,} with seed {curve.seed}"
            return Outcome("inconclusive", f"{first} and {second} were not both evaluated {why}.")
        found.append((target.by, reached.step, curve.best))
    holds = all(step is not None and step * TIMES_SOONER <= of for of, step, _ in found)
    words = "; ".join(
        f"{first}’s best, {percent(best)} at step {of:,}, {second} "
        + ("never reached" if step is None else f"reached at step {step:,.0f}")
        for of, step, best in found
    )
    return Outcome("reproduced" if holds else "not reproduced", f"{words}.")


def breaks(evidence: Evidence) -> Outcome:
    """E4b: at 30 times its learning rate Inception diverges or stays below 70 %, by every seed."""
    if evidence.step < STEPS:
        return undecided(evidence, f"what it comes to is seen at step {STEPS:,}")
    arm = evidence.arms[INCEPTION_X30]
    found: list[tuple[bool, str]] = []
    for curve in _of_arm(evidence, arm):
        last = curve.at(STEPS)
        if curve.diverged_step is not None and curve.diverged_step <= STEPS:
            found.append((True, f"diverged at step {curve.diverged_step:,}"))
        elif last is None:
            return not_compared(evidence, STEPS)
        else:
            found.append((not last >= FAILED, f"is at {percent(last)} at step {STEPS:,}"))
    result = "reproduced" if all(failed for failed, _ in found) else "not reproduced"
    return Outcome(result, f"{arm} {', '.join(words for _, words in found)}.")


def overtakes(evidence: Evidence) -> Outcome:
    """E4c: BN-x30 is below BN-x5 at first and not below it at the end, over three seeds."""
    x5, x30 = evidence.arms[:2]
    found = _accuracies(evidence, [x5, x30], EARLY, STEPS)
    if isinstance(found, Outcome):
        return found
    (early5, early30), (late5, late30) = found
    seeds = len({curve.seed for curve in evidence.curves})
    words = (
        f"At step {EARLY:,} {x30} is at {percent(early30)} and {x5} at {percent(early5)}, at step "
        f"{STEPS:,} at {percent(late30)} and {percent(late5)}"
    )
    if seeds < SEEDS:
        return Outcome("inconclusive", f"{words}; at least {SEEDS} seeds are needed.")
    holds = early30 < early5 and late30 >= late5
    return Outcome("reproduced" if holds else "not reproduced", f"{words}, over {seeds} seeds.")


def sigmoids_need_it(evidence: Evidence) -> Outcome:
    """E5: with sigmoids Inception stays at chance at both rates; with BatchNorm it learns."""
    if evidence.step < STEPS:
        return not_compared(evidence, STEPS)
    names = [evidence.arms[index] for index in (BN_X5_SIGMOID, *INCEPTION_SIGMOID)]
    found = _accuracies(evidence, names, STEPS)
    if isinstance(found, Outcome):
        return found
    ((batch, *none),) = found
    words = ", ".join(
        f"{name} is at {percent(value)}" for name, value in zip(names, found[0], strict=True)
    )
    holds = batch >= TRAINED and max(none) <= CHANCE
    return Outcome("reproduced" if holds else "not reproduced", f"At step {STEPS:,} {words}.")


def _accuracies(
    evidence: Evidence, arms: Sequence[str], *steps: int
) -> list[list[float]] | Outcome:
    """By step the accuracy of each arm, the mean over the seeds; or why that is not known."""
    ended_early = diverged(evidence, steps[-1], arms)
    if ended_early:
        return ended_early
    found: list[list[float]] = []
    for step in steps:
        values = [accuracy(evidence.curves, arm, step) for arm in arms]
        known = [round(value, 6) for value in values if value is not None]
        if len(known) < len(values):
            return not_compared(evidence, step)
        found.append(known)
    return found


def _of_arm(evidence: Evidence, arm: str) -> list[Curve]:
    """Its curves up to step 600, of every seed, also where a network was not evaluated.

    Raises:
        MissingEvidence: There are none.
    """
    found = [_until_the_end(curve) for curve in evidence.curves if curve.arm == arm]
    if not found:
        raise MissingEvidence(f"{arm} did not train.")
    return found


def _until_the_end(curve: Curve) -> Curve:
    count = bisect_right(curve.steps, STEPS)
    return replace(curve, steps=curve.steps[:count], accuracies=curve.accuracies[:count])


NETWORK = Network(kind="micro_inception", activation="relu", initialization="he")
OPTIMIZER = Optimizer(
    lr=LR,
    momentum=0.9,
    weight_decay=1e-4,
    schedule="exponential",
    decay=DECAY,
    decay_every=DECAY_EVERY,
)
QUICK = ("recording.record_every=50", "recording.evaluate_early=false")
RECORDING = Recording(record_every=RECORD_EVERY, evaluate_every=100, test_examples=2_000)
OPEN = (
    "the network: a micro Inception of 72 thousand parameters here, on gray MNIST; 13.6 million "
    "on ImageNet in the source",
    "the base learning rate, 0.005 here and 0.0015 there; 600 steps of 32 examples here, 31 "
    "million there",
    "the first weights: He’s normal distribution here, the same for all arms, those with sigmoids "
    "too",
    "the decay of the learning rate: by 0.96 every 100 steps here, six times as fast for the "
    "accelerated ones",
    "momentum and L2: 0.9, and 1e-4 on all weights here",
    "where LRN is: behind both convolutions of the stem here, as in GoogLeNet",
    "accuracies are those on 2,000 of the 10,000 test images, evenly spread",
)

ENTRIES = (
    CatalogEntry(
        name="mnist-inception",
        title="MNIST, micro Inception: BN-Baseline, x5, x30, sigmoid (paper §4.2)",
        claim=(
            "With BatchNorm Inception trains at learning rates at which it would not without, in "
            "a fraction of the steps, and even with sigmoids."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.2.1 and §4.2.2",
        stated=(
            "BN-Baseline is Inception with BatchNorm before every nonlinearity, nothing else",
            "BN-x5 and BN-x30: 5 and 30 times the learning rate, and no dropout instead of 40 %, "
            "L2 a fifth, the learning rate decaying 6 times as fast, no LRN",
            "BN-x5-Sigmoid is BN-x5 with sigmoids in place of ReLUs",
            "32 examples in a batch, SGD with momentum",
            "Inception at 5 times its learning rate “reached machine infinity”, and with sigmoids "
            "stayed at chance",
        ),
        left_open=OPEN,
        experiment=Experiment(
            name="MNIST, micro Inception: nine arms of §4.2",
            binary=False,
            batch_size=32,
            network=NETWORK,
            optimizer=OPTIMIZER,
            steps=STEPS,
            recording=RECORDING,
            arms=ARMS,
        ),
        quick=QUICK,
        claims=(
            Claim(
                number="E4a",
                statement="BN-x5 reaches Inception’s best accuracy in half of its steps.",
                source=f"{SOURCE}.2, Figure 3: 14 times fewer there",
                criterion=(
                    "Steps to the best test accuracy that Inception has by step 600: BN-x5 takes "
                    "at most half of Inception’s, with every seed."
                ),
                expected="reproduced",
                decide=sooner,
            ),
            Claim(
                number="E4b",
                statement="Inception without BatchNorm does not train at a high learning rate.",
                source=f"{SOURCE}.2: at 5 times the learning rate there, at 30 times here",
                criterion=(
                    "At 30 times its learning rate Inception’s loss becomes non-finite by step "
                    "600, or its test accuracy at step 600 is below 70 %, with every seed."
                ),
                expected="reproduced",
                decide=breaks,
            ),
            Claim(
                number="E5",
                statement="With sigmoids Inception trains with BatchNorm only.",
                source=f"{SOURCE}.2: 69.8 % against at most 0.1 %",
                criterion=(
                    "Test accuracy at step 600: BN-x5-Sigmoid at least 30 %, Inception-Sigmoid at "
                    "most 15 % at the base learning rate and at 5 times that."
                ),
                expected="reproduced",
                decide=sigmoids_need_it,
            ),
        ),
    ),
    CatalogEntry(
        name="mnist-inception-rates",
        title="MNIST, micro Inception: BN-x5 against BN-x30 (paper §4.2.2)",
        claim="With the larger learning rate training is slower at first, and better in the end.",
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.2.2, Figure 3",
        stated=(
            "BN-x30 trains “somewhat slower initially, but allows to reach a higher final "
            "accuracy”: 74.8 % against 73.0 %",
        ),
        left_open=OPEN,
        experiment=Experiment(
            name="MNIST, micro Inception: BN-x5 and BN-x30",
            binary=False,
            batch_size=32,
            network=NETWORK,
            optimizer=OPTIMIZER,
            steps=STEPS,
            seeds=[0, 1, 2],
            recording=RECORDING,
            arms=[X5, X30],
        ),
        quick=("seeds=0,1,2", *QUICK),
        claims=(
            Claim(
                number="E4c",
                statement="BN-x30 is slower than BN-x5 at first, and higher in the end.",
                source=f"{SOURCE}.2, Figure 3",
                criterion=(
                    "Means over at least 3 seeds: BN-x30’s test accuracy is below BN-x5’s at step "
                    "100, and not below it at step 600."
                ),
                expected="reproduced",
                decide=overtakes,
            ),
        ),
    ),
)
