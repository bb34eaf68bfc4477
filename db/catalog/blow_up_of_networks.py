"""Networks whose normalization is outside of the gradient: the blow-up of the paper's §2."""

import math

from ..claims import Claim, Evidence, Outcome
from ..intervals import geometric_mean, mean
from ..measurements import at_end, by_seed, quotients
from ..study import Quantity, Study
from ..verdict_words import estimated, factor, percent
from .entry import CatalogEntry

BATCH, MOVING = "BatchNorm, lr 2", "constant moving averages, lr 2"
LOOKED_AT, TIMES, LOST, TRAINED = 300, 10, 0.5, 0.93


def it_blows_up(evidence: Evidence) -> Outcome:
    """E8b: ten times the weights by step 300 and half the images wrong; not so with BatchNorm."""
    first, later = (by_seed(evidence, "weight_norm", MOVING, step) for step in (0, LOOKED_AT))
    # a norm that overflowed has blown up as well
    later = [norm if math.isfinite(norm) else math.inf for norm in later]
    grown = geometric_mean(quotients(later, first))
    lost = mean(by_seed(evidence, "accuracy", MOVING, LOOKED_AT))
    trained, end = (mean(at_end(evidence, "accuracy", series)) for series in (BATCH, MOVING))
    holds = grown.value >= TIMES and lost.value < LOST and trained.value > TRAINED
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At learning rate 2, with moving averages outside of the gradient, ‖W₂‖ at step "
        f"{LOOKED_AT} is {estimated(grown, factor, ' ×', TIMES)} its first value and the test "
        f"accuracy {estimated(lost, percent, threshold=LOST)}; it ends at {percent(end.value)}, "
        f"with BatchNorm at {estimated(trained, percent, threshold=TRAINED)}.",
    )


ENTRIES = (
    CatalogEntry(
        name="blow-up",
        title="Networks blow up when statistics are outside of the gradient (paper §2)",
        claim=(
            "When a step does not know that its statistics move with it, weights and biases grow "
            "without a use; with a large learning rate the network is lost."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §2",
        stated=(
            "the model blows up when the normalization parameters are computed outside of the "
            "gradient descent step",
        ),
        left_open=(
            "which network and learning rate: that of §4.1 with weights N(0, 0.1²) at 0.1, 0.5 and "
            "2 here, 3,000 steps; at quick length 2,000 steps at 0.5 and 2",
            "which statistics: those of the batch, or their moving averages with momentum 0.1, "
            "with the batch in them, as constants to the gradient here",
            "what a blow-up is: at step 300 ‖W₂‖ ten times its first value, and a test accuracy "
            "below 50 % here",
        ),
        experiment=Study(
            name="Statistics outside of the gradient", study="blow_up", dataset="mnist"
        ),
        quantities=(
            Quantity(
                name="accuracy",
                title="Test accuracy",
                unit="share of the test set",
                x="steps",
                shows="At learning rate 2 only BatchNorm trains; the others are at chance, and "
                "recover slowly once their weights are so large that a step hardly moves them.",
            ),
            Quantity(
                name="weight_norm",
                title="Weights of the second layer",
                unit="‖W₂‖",
                x="steps",
                shows="The output does not depend on their scale, so nothing holds them back.",
                log_y=True,
            ),
            Quantity(
                name="bias_norm",
                title="Biases of the second layer",
                unit="‖b₂‖",
                x="steps",
                shows="The norm takes b away and its gradient stays. BatchNorm has no b.",
            ),
            Quantity(
                name="running_mean",
                title="Largest running mean",
                unit="max |E[x]| over all units",
                x="steps",
                shows="It follows the weights and biases.",
            ),
        ),
        claims=(
            Claim(
                number="E8b",
                statement="A network blows up when its statistics are outside of the gradient.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §2",
                criterion=(
                    "With moving averages as constants to the gradient, at learning rate 2: ‖W₂‖ "
                    "at step 300 is at least 10 times its first value and the test accuracy below "
                    "50 %, while BatchNorm ends above 93 %. Means over the seeds."
                ),
                expected="reproduced",
                decide=it_blows_up,
            ),
        ),
    ),
)
