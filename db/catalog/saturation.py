"""Saturated sigmoids: §1 and §3.3 of Ioffe & Szegedy (2015), for first weights of any size."""

import math
from collections.abc import Sequence

from ..arm import Arm
from ..claims import Claim, Evidence, Outcome, Recorded
from ..criteria import undecided
from ..errors import MissingEvidence
from ..experiment import Experiment
from ..intervals import OverSeeds, mean
from ..looking import Recording
from ..measurements import greatest
from ..network import Network
from ..optimizer import Optimizer
from ..verdict_words import estimated
from .entry import CatalogEntry

SATURATED, FREE = 0.4, 0.001
OUTPUT = "output"
FIRST_STEP = 1
FIRST: tuple[tuple[str, dict[str, object]], ...] = (
    ("0.01", {"initial_std": 0.01}),
    ("0.1", {"initial_std": 0.1}),
    ("Xavier", {"initialization": "xavier"}),
    ("1", {"initial_std": 1.0}),
)
ARMS = [
    Arm.model_validate({"name": f"{name}, {first}", "norm": norm, **settings})
    for name, norm in (("none", "none"), ("BatchNorm", "batch"))
    for first, settings in FIRST
]


def free_of_saturation(evidence: Evidence) -> Outcome:
    """E17: before the first update, without BatchNorm and N(0, 1) many are saturated, else none."""
    found = evidence.records("layer_records", "saturated")
    if not any(record.values for record in found):
        return undecided(evidence, "nothing is recorded yet")
    shares = [_at_start(found, arm) for arm in evidence.arms]
    large, normalized = shares[len(FIRST) - 1], shares[len(FIRST) :]
    holds = large.value >= SATURATED and all(share.value < FREE for share in normalized)
    most = greatest(share.value for share in normalized)
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At the first step {estimated(large, _percent, threshold=SATURATED)} of the hidden "
        f"layers’ sigmoids are saturated with none and N(0, 1), with BatchNorm {_percent(most)} "
        "at most.",
    )


def _at_start(found: Sequence[Recorded], arm: str) -> OverSeeds:
    """The share of an arm's sigmoids that is saturated at step 1, over the hidden layers.

    Raises:
        MissingEvidence: Step 1 of this arm was not recorded.
    """
    of_seed: dict[int, list[float]] = {}
    for record in found:
        if record.arm == arm and record.layer != OUTPUT and record.steps[:1] == (FIRST_STEP,):
            share = record.values[0]
            of_seed.setdefault(record.seed, []).append(math.nan if share is None else share)
    if not of_seed:
        raise MissingEvidence(f"Step {FIRST_STEP} of {arm} was not recorded.")
    return mean([mean(layers).value for layers in of_seed.values()])


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


ENTRIES = (
    CatalogEntry(
        name="saturation",
        title="MNIST, sigmoid: first weights from 0.01 to 1, and saturation (paper §1)",
        claim=(
            "Large first weights saturate sigmoids, so that hardly any gradient comes through; "
            "with BatchNorm their size does not matter."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §1 and §3.3",
        stated=(
            "where |x| is large the gradient of a sigmoid vanishes, and the model trains slowly",
            "normalized inputs are less likely to get stuck in the saturated regime",
            "BatchNorm is unaffected by the scale of the weights before it",
        ),
        left_open=(
            "what counts as saturated: |g′| below 5 % of its maximum here (|z| > 4.36), as in all "
            "records; a criterion in terms of g′ < 0.01 is 4 % of it (|z| > 4.60)",
            "which weights: N(0, 0.01²), N(0, 0.1²), Xavier’s and N(0, 1) here",
            "network and learning rate: those of §4.1, 0.5 for 2,000 steps here",
        ),
        experiment=Experiment(
            name="MNIST sigmoid: first weights and saturation",
            network=Network(initialization="gaussian"),
            optimizer=Optimizer(lr=0.5),
            steps=2_000,
            recording=Recording(record_every=10),
            arms=ARMS,
        ),
        quick=("steps=200",),
        claims=(
            Claim(
                number="E17",
                statement="BatchNorm keeps sigmoids out of saturation, however large the weights.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §1 and §3.3",
                criterion=(
                    "At step 1, that is with the first weights, the mean over hidden layers of the "
                    "saturated share: at least 40 % without BatchNorm and N(0, 1), less than 0.1 % "
                    "with BatchNorm and any of the first weights."
                ),
                expected="reproduced",
                decide=free_of_saturation,
            ),
        ),
    ),
)
