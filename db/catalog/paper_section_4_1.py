"""§4.1 of Ioffe & Szegedy (2015): activations over time, on MNIST."""

from ..claims import Claim, Evidence, Outcome
from ..criteria import diverged, not_compared, undecided
from ..experiment import Experiment
from ..looking import Recording
from ..stability import more_stable
from ..verdict import difference, ratio, twins
from ..verdict_words import factor, percent, points, times
from .entry import CatalogEntry

TARGET = 0.9
COMPARED_AT = 1_000
HIGHER = 0.1
SOONER = 3.0


def faster_and_higher(evidence: Evidence) -> Outcome:
    """E1: higher at step 1,000 by 0.10, and 90 % in a third of the steps.

    Decided as soon as no further evaluation can change it: a crossing counts with the evaluations
    around it, so that a coarse cadence leaves it open rather than guessing.
    """
    ended_early = diverged(evidence, COMPARED_AT)
    if ended_early:
        return ended_early
    pairs = twins(evidence.curves, *evidence.arms[:2])
    higher = difference(pairs, COMPARED_AT)
    if higher is None:
        return not_compared(evidence, COMPARED_AT)
    first = f"At step {COMPARED_AT:,} {evidence.arms[1]} is {points(higher, HIGHER)}"
    if not round(higher.value, 6) >= HIGHER:
        return Outcome("not reproduced", f"{first}, less than {100 * HIGHER:.0f} points.")
    found = ratio(pairs, TARGET)
    if found is None:
        early = Outcome("inconclusive", f"{first}; {percent(TARGET)} was reached before training.")
        return diverged(evidence, evidence.step) or early
    target = percent(TARGET)
    if found.at_least >= SOONER:
        sooner = times(found.estimate) if found.estimate else _within("at least", found.at_least)
        return Outcome("reproduced", f"{first}, and it reached {target} {sooner}.")
    if found.at_most < SOONER:
        sooner = times(found.estimate) if found.estimate else _within("at most", found.at_most)
        return Outcome("not reproduced", f"{first}, but it reached {target} {sooner}.")
    known = f"{first}; {target} came between {factor(found.at_least)} and {factor(found.at_most)}"
    if found.estimate:
        return Outcome("inconclusive", f"{known} × sooner: too few evaluations to say.")
    return undecided(evidence, f"{known} × sooner")


def _within(bound: str, ratio: float) -> str:
    return f"{bound} {factor(ratio)} × sooner"


ENTRIES = (
    CatalogEntry(
        name="mnist-sigmoid",
        title="MNIST, sigmoid, with and without BatchNorm (paper §4.1)",
        claim=(
            "With BatchNorm the network reaches a higher test accuracy in far fewer steps, and "
            "the distribution of the inputs to its sigmoids stays much more stable (Figure 1)."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §4.1 and Figure 1",
        stated=(
            "28×28 binary images",
            "three hidden layers of 100 sigmoid units, then 10 outputs with cross-entropy",
            "BatchNorm on every hidden layer, before the sigmoid",
            "first weights: small random Gaussian values, the same for both networks here",
            "50,000 steps of 60 examples",
        ),
        left_open=(
            "the std of the first weights: 0.1 here; biases start at 0",
            "the learning rate: 0.1 here; larger ones narrow the gap",
            "the optimizer: plain SGD here",
            "the threshold of the binary image: half intensity here",
            "BatchNorm's ε and the momentum of its running statistics: 1e-5 and 0.1 here",
            "which sigmoid is a typical one, and over what its percentiles are taken: that whose "
            "median moves as far as the median unit's, and 2,000 test images here",
        ),
        experiment=Experiment(
            name="MNIST sigmoid: with and without BatchNorm",
            recording=Recording(probe_every=250),
        ),
        quick=("steps=10000",),
        claims=(
            Claim(
                number="E1",
                statement=(
                    "With BatchNorm the sigmoid network trains faster and reaches a higher test "
                    "accuracy."
                ),
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §4.1 and Figure 1 a",
                criterion=(
                    "At learning rate 0.1: test accuracy at step 1,000 at least 10 points above "
                    "none’s, and 90 % reached in a third of its steps or fewer."
                ),
                expected="reproduced",
                decide=faster_and_higher,
            ),
            Claim(
                number="E2",
                statement=(
                    "With BatchNorm the inputs to the sigmoids of the last hidden layer are much "
                    "more stable in mean and spread."
                ),
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §4.1 and Figure 1 b, c",
                criterion=(
                    "Up to step 10,000, over all units of the last hidden layer, the median moves "
                    "from one look at the probe to the next, 250 steps later, a third as many "
                    "half-spreads as in none or fewer, and with BatchNorm the mean spread "
                    "(p85 − p15) is 2.00 to 2.15 at step 0. That it stays so is not asked: γ grows."
                ),
                expected="reproduced",
                decide=more_stable,
            ),
        ),
    ),
)
