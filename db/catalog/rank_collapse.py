"""Rank collapse in deep networks, and what BatchNorm does to it: Daneshmand et al. (2020)."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import geometric_mean
from ..measurements import by_seed, greatest, quotients
from ..study import Quantity, Study
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

DEEP, BROKEN_BY = 100, 10
ACTIVATIONS = ("linear", "ReLU")
TIMES, ONE = 4, 1.05


def rank_is_kept(evidence: Evidence) -> Outcome:
    """E24: an effective rank 4 times that without BatchNorm at layer 100; 2|W| leaves 1."""
    holds, words = True, list[str]()
    for activation in ACTIVATIONS:
        none, batch = (
            by_seed(evidence, "effective_rank", f"{activation}, {treatment}", DEEP)
            for treatment in ("none", "BatchNorm")
        )
        ratio = geometric_mean(quotients(batch, none))
        holds = holds and ratio.value >= TIMES
        words.append(f"{activation} {estimated(ratio, factor, ' ×', TIMES)}")
    broken = greatest(
        value
        for activation in ACTIVATIONS
        for value in by_seed(
            evidence, "effective_rank", f"{activation}, BatchNorm, 2|W|", BROKEN_BY
        )
    )
    return Outcome(
        "reproduced" if holds and broken < ONE else "not reproduced",
        f"Effective rank at layer {DEEP} with BatchNorm ÷ without: {'; '.join(words)}. With "
        f"weights of one sign it is {broken:.3f} at layer {BROKEN_BY}.",
    )


ENTRIES = (
    CatalogEntry(
        name="rank-collapse",
        title="BatchNorm keeps the rank of deep networks (Daneshmand et al.)",
        claim=(
            "With depth all examples become one direction; BatchNorm prevents it, unless all "
            "weights have one sign."
        ),
        source=(
            "Daneshmand, Kohler, Bach, Hofmann & Lucchi (2020), Batch Normalization Provably "
            "Avoids Rank Collapse, arXiv:2003.01652"
        ),
        stated=(
            "at first weights the rank stays of the order √d at any depth with BatchNorm",
            "it goes to 1 without",
        ),
        left_open=(
            "which rank: effective, participation and stable rank of H are shown here, the "
            "effective one decides",
            "the networks: 128 examples of 100 units, linear with W ~ N(0, 1/d) or ReLU with "
            "N(0, 2/d), 100 layers here",
        ),
        experiment=Study(name="Rank by depth", study="rank_by_depth"),
        quantities=tuple(
            Quantity(
                name=name,
                title=title,
                unit=unit,
                x="layer",
                shows=shows,
                log_x=True,
                log_y=True,
            )
            for name, title, unit, shows in (
                (
                    "effective_rank",
                    "Effective rank",
                    "exp(−Σ p ln p), p = σ/Σσ",
                    "How many directions the examples have; of 100 without BatchNorm few are left.",
                ),
                (
                    "participation",
                    "Participation ratio",
                    "(Σσ²)²/Σσ⁴",
                    "The rank that the proof bounds: about √d with BatchNorm, to 1 without.",
                ),
                (
                    "stable_rank",
                    "Stable rank",
                    "Σσ²/max σ²",
                    "How many times the strongest direction the whole is.",
                ),
            )
        ),
        claims=(
            Claim(
                number="E24",
                statement="BatchNorm prevents rank collapse with depth.",
                source="Daneshmand et al. (2020), arXiv:2003.01652",
                criterion=(
                    "At layer 100 the effective rank with BatchNorm is at least 4 times that "
                    "without, linear and ReLU, geometric mean over the seeds; with weights 2|W| "
                    "it is below 1.05 at layer 10."
                ),
                expected="reproduced",
                decide=rank_is_kept,
            ),
        ),
    ),
)
