"""Small changes of weights in deep networks, which §3.3 of Ioffe & Szegedy (2015) speaks of."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import geometric_mean
from ..measurements import by_seed, quotients
from ..study import Quantity, Study
from ..verdict_words import estimated, factor, percent
from .entry import CatalogEntry

DEEP = 20
TAMED = 10


def changes_are_tamed(evidence: Evidence) -> Outcome:
    """E29: behind ReLU Δz at layer 20 is 10 times as long without BatchNorm, or more."""
    none, batch = _at_depth(evidence, "absolute_change", "ReLU")
    ratio = geometric_mean(quotients(none, batch))
    return Outcome(
        "reproduced" if ratio.value >= TAMED else "not reproduced",
        f"‖Δz‖ at layer {DEEP} behind ReLU, without BatchNorm ÷ with: "
        f"{estimated(ratio, factor, ' ×', TAMED)}.",
    )


def shares_are_tamed(evidence: Evidence) -> Outcome:
    """E29b: behind ReLU and tanh ‖Δz‖/‖z‖ at layer 20 is larger without BatchNorm."""
    tamed, words = True, list[str]()
    for name in ("ReLU", "tanh"):
        found = _at_depth(evidence, "relative_change", name)
        none, batch = (geometric_mean(shares) for shares in found)
        tamed = tamed and none.value > batch.value
        shown = (estimated(share, percent) for share in (none, batch))
        words.append(f"{name} {' without, '.join(shown)} with")
    return Outcome(
        "reproduced" if tamed else "not reproduced",
        f"‖Δz‖/‖z‖ at layer {DEEP}: {'; '.join(words)} BatchNorm.",
    )


def _at_depth(evidence: Evidence, quantity: str, activation: str) -> list[list[float]]:
    """The change at the last layer with each seed, without and with BatchNorm."""
    return [
        by_seed(evidence, quantity, f"{activation}, {treatment}", DEEP)
        for treatment in ("none", "BatchNorm")
    ]


ENTRIES = (
    CatalogEntry(
        name="amplification",
        title="What a small change of weights becomes with depth (paper §3.3)",
        claim=(
            "BatchNorm keeps a small change of the first weights from growing with the "
            "activations; behind ReLU, as a share of them, it grows all the more."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.3",
        stated=("small changes to the parameters do not amplify into larger ones",),
        left_open=(
            "the networks: 20 layers of 100 units, W ~ N(0, 4/d), inputs from N(0, 1), a change "
            "of W₁ by 1 % of its std here",
            "whether the change is meant by itself or as a share of the activations: both here",
        ),
        experiment=Study(name="Small changes of weights, by depth", study="perturbed_weights"),
        quantities=(
            Quantity(
                name="absolute_change",
                title="The change by layer",
                unit="‖Δz‖ of an example, mean",
                x="layer",
                shows="Without BatchNorm behind ReLU it grows as the activations do.",
                log_y=True,
            ),
            Quantity(
                name="relative_change",
                title="The change as a share of the activations",
                unit="‖Δz‖ ÷ ‖z‖",
                x="layer",
                shows="ReLU passes a share on as it is; BatchNorm takes the mean away from it, "
                "and what is left of 1 % grows at every layer. Behind tanh it is the reverse.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E29",
                statement="BatchNorm keeps small changes of weights from amplifying.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.3",
                criterion=(
                    "Behind ReLU ‖Δz‖ at layer 20 is at least 10 times as large without BatchNorm, "
                    "geometric mean over the seeds."
                ),
                expected="reproduced",
                decide=changes_are_tamed,
            ),
            Claim(
                number="E29b",
                statement="It does so also in proportion to the activations.",
                source=(
                    "Another reading of Ioffe & Szegedy, arXiv:1502.03167v3, §3.3. It does not "
                    "hold behind ReLU"
                ),
                criterion=(
                    "Behind ReLU and behind tanh ‖Δz‖/‖z‖ at layer 20 is larger without BatchNorm, "
                    "geometric mean over the seeds."
                ),
                expected="not reproduced",
                decide=shares_are_tamed,
            ),
        ),
    ),
)
