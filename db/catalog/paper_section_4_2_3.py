"""§4.2.3 of Ioffe & Szegedy (2015): an ensemble of six networks with BatchNorm."""

from statistics import fmean

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..measurements import greatest, least, values
from ..study import Quantity, Study
from ..verdict_words import percent
from .entry import CatalogEntry

MEMBERS = 6


def better_together(evidence: Evidence) -> Outcome:
    """E6: not below the best member, and above their mean by half their spread, by every seed."""
    words: list[str] = []
    holds = True
    alone = values(evidence, "top_1", "single network")
    together = values(evidence, "top_1", "first k together")
    for seed in dict.fromkeys(seed for seed, _ in (*alone, *together)):
        singles = [value for (of, _), value in alone.items() if of == seed]
        if len(singles) != MEMBERS or (seed, MEMBERS) not in together:
            raise MissingEvidence(
                f"Seed {seed} has {len(singles)} of {MEMBERS} networks alone, and the {MEMBERS} "
                f"together {'too' if (seed, MEMBERS) in together else 'not'}."
            )
        ensemble = together[seed, MEMBERS]
        low, high, middle = least(singles), greatest(singles), fmean(singles)
        needed = greatest((high, middle + (high - low) / 2))
        holds = holds and round(ensemble, 6) >= round(needed, 6)  # false of a NaN
        words.append(
            f"Together {percent(ensemble)}, alone {percent(low)} to {percent(high)}, "
            f"{percent(middle)} in the mean"
        )
    return Outcome("reproduced" if holds else "not reproduced", f"{'; '.join(words)}.")


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
            "activation here; first weights and batches are each one’s own",
            "the networks: micro Inceptions on MNIST here, learning rate 0.15 falling to a tenth "
            "over the training, 600 steps of 32 examples (150 when quick)",
            "top-2 in the place of top-5, for there are ten classes; all 10,000 test images",
        ),
        experiment=Study(
            name="MNIST: six variants of BN-x30 and their ensemble",
            study="ensemble",
            dataset="mnist",
            seeds=[0],
        ),
        quantities=(
            Quantity(
                name="top_1",
                title="Top-1 accuracy",
                unit="share of the test set",
                x="network k",
                shows="Each network alone, and the first k together: the last one is the ensemble.",
            ),
            Quantity(
                name="top_2",
                title="Top-2 accuracy",
                unit="share of the test set",
                x="network k",
                shows="How often the class is among the two most probable.",
            ),
        ),
        claims=(
            Claim(
                number="E6",
                statement="An ensemble of six variants of BN-x30 is better than the best of them.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §4.2.3 and Figure 4",
                criterion=(
                    "Top-1 accuracy of the six together: not below that of the best, and at least "
                    "half of their spread above their mean, with every seed."
                ),
                expected="reproduced",
                decide=better_together,
            ),
        ),
    ),
)
