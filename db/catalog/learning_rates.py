"""Larger learning rates, which BatchNorm enables: §3.3 of Ioffe & Szegedy (2015)."""

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome
from ..criteria import not_compared
from ..experiment import Experiment
from ..intervals import geometric_mean, mean
from ..looking import Recording
from ..network import Initialization, Network
from ..verdict import Usable, usable
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
COMPARED_AT = 1_500
TRAINS = 0.85
LARGER, WIDER = 3.0, 1.0
ARMS = [
    Arm(name=f"{name}, lr {lr:g}", norm="batch" if name == "BatchNorm" else "none", lr=lr)
    for name in ("none", "BatchNorm")
    for lr in RATES
]
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.3"


def wider_with_it(evidence: Evidence) -> Outcome:
    """E3: the largest usable rate 3 times as large, and the range a decade wider."""
    alive = [c for c in evidence.curves if c.diverged_step is None or c.diverged_step > COMPARED_AT]
    if evidence.step < COMPARED_AT or any(c.at(COMPARED_AT) is None for c in alive):
        return not_compared(evidence, COMPARED_AT)
    found = [_ranges(evidence, seed) for seed in sorted({c.seed for c in evidence.curves})]
    words = f"At step {COMPARED_AT:,} " + "; ".join(
        f"none trains {_words(none)}, BatchNorm {_words(batch)}" for none, batch in found
    )
    if any(none is None or batch is None for none, batch in found):
        only = all(none is None and batch and batch.decades >= WIDER for none, batch in found)
        return Outcome("reproduced" if only else "not reproduced", f"{words}.")
    both = [(none, batch) for none, batch in found if none and batch]
    larger = geometric_mean([batch.highest / none.highest for none, batch in both])
    wider = mean([batch.decades - none.decades for none, batch in both])
    holds = round(larger.value, 6) >= LARGER and round(wider.value, 6) >= WIDER
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"{words}: the largest is {estimated(larger, factor, ' ×', LARGER)} as large, the "
        f"range {estimated(wider, '{:.2f}'.format, threshold=WIDER)} decades wider.",
    )


def _ranges(evidence: Evidence, seed: int) -> tuple[Usable | None, Usable | None]:
    """Of one seed, without and with BatchNorm."""
    of_arm = {curve.arm: curve for curve in evidence.curves if curve.seed == seed}
    curves = [of_arm[arm] for arm in evidence.arms]
    none, batch = (
        dict(zip(RATES, part, strict=True)) for part in (curves[: len(RATES)], curves[len(RATES) :])
    )
    return usable(none, COMPARED_AT, TRAINS), usable(batch, COMPARED_AT, TRAINS)


def _words(found: Usable | None) -> str:
    return f"from {found.lowest:g} to {found.highest:g}" if found else "with no learning rate"


def _entry(
    number: str, activation: str, initialization: Initialization, network: Network
) -> CatalogEntry:
    called = {"relu": "ReLU", "sigmoid": "sigmoid"}[activation]
    return CatalogEntry(
        name=f"learning-rates-{activation}",
        title=f"MNIST, {called}, learning rates from 0.01 to 100 (paper §3.3)",
        claim="With BatchNorm a network trains at larger learning rates, and over a wider range.",
        source=SOURCE,
        stated=(
            "BatchNorm enables higher learning rates without the risk of divergence",
            "in §4.2.2 Inception with BatchNorm trains at 5 and 30 times its learning rate",
        ),
        left_open=(
            "the dataset and the network: those of §4.1 here, with "
            f"{called} and {initialization.capitalize()}’s first weights",
            "which rates are tried: nine here, two in a decade",
            "when a network trains: after 1,500 steps its loss is finite, and more than 85 % of "
            "the test set are right here",
        ),
        experiment=Experiment(
            name=f"MNIST {called}: learning rates from 0.01 to 100",
            network=network,
            steps=COMPARED_AT,
            recording=Recording(record_every=10, evaluate_every=COMPARED_AT),
            arms=ARMS,
        ),
        claims=(
            Claim(
                number=number,
                statement=f"BatchNorm lets a {called} network train at larger learning rates.",
                source=SOURCE,
                criterion=(
                    "The largest learning rate that trains (finite, and more than 85 % of the test "
                    "set right at step 1,500) is at least 3 times as large with BatchNorm, and the "
                    "range of those that do at least one power of ten wider. Means over the seeds. "
                    "The range is from the lowest that trains to the highest; gaps between them do "
                    "not count. Where none trains at no rate, with every seed, BatchNorm’s own "
                    "range must be a power of ten wide."
                ),
                expected="reproduced",
                decide=wider_with_it,
            ),
        ),
    )


ENTRIES = (
    _entry("E3", "relu", "he", Network(activation="relu", initialization="he")),
    _entry("E3b", "sigmoid", "xavier", Network(initialization="xavier")),
)
