"""Whitening a batch, which §2 and §3 of Ioffe & Szegedy (2015) give up for BatchNorm."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import geometric_mean, mean
from ..measurements import by_seed, exponents, largest, values
from ..study import Quantity, Study
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

UNITS = 100
EXACT = 1e-6


def needs_more_examples_than_units(evidence: Evidence) -> Outcome:
    """E7: rank min(m − 1, d), NaN exactly where m ≤ d and ε = 0, and BatchNorm's diagonal is 1."""
    ranks = values(evidence, "rank", "measured")
    singular = all(rank == min(m - 1, UNITS) for (_, m), rank in ranks.items())
    finite = values(evidence, "finite_gradient", "ZCA, ε = 0")
    where = all((share == 0) if m <= UNITS else (share == 1) for (_, m), share in finite.items())
    others = ("ZCA, ε = 1e-5", "IterNorm, T = 5", "BatchNorm")
    always = all(
        share == 1 for s in others for share in values(evidence, "finite_gradient", s).values()
    )
    diagonal = largest(evidence, "whiteness_error", "BatchNorm, diagonal")
    broken = sorted({m for (_, m), share in finite.items() if share < 1})
    least = sorted({m for (_, m), share in finite.items() if share == 1})
    return Outcome(
        "reproduced" if singular and where and always and diagonal < EXACT else "not reproduced",
        f"With {UNITS} units the rank is {'' if singular else 'not '}min(m − 1, d). ZCA without ε "
        f"is not finite up to m = {max(broken, default=0):g} and finite from "
        f"m = {min(least, default=0):g} on. BatchNorm’s variances are 1 up to {diagonal:.1e}.",
    )


def costs_more_with_units(evidence: Evidence) -> Outcome:
    """E7b: log (time of ZCA ÷ that of BatchNorm) rises with log d, with every seed."""
    slopes = exponents(evidence, "time_ratio", "ZCA")
    widths = sorted({width for _, width in values(evidence, "time_ratio", "ZCA")})
    ratios = [geometric_mean(by_seed(evidence, "time_ratio", "ZCA", width)) for width in widths]
    listed = ", ".join(
        f"{estimated(ratio, factor, ' ×')} at d = {width:g}"
        for width, ratio in zip(widths, ratios, strict=True)
    )
    return Outcome(
        "reproduced" if all(slope > 0 for slope in slopes) else "not reproduced",
        f"ZCA ÷ BatchNorm, in time, goes with d to the power of "
        f"{estimated(mean(slopes), lambda value: f'{value:.2f}')}: {listed}.",
    )


ENTRIES = (
    CatalogEntry(
        name="whitening-of-batches",
        title="Full whitening of a batch, beside BatchNorm (paper §2, §3)",
        claim=(
            "Whitening needs more examples than units, and costs ever more with them; BatchNorm "
            "needs neither, and leaves correlations as they are."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §2 and §3",
        stated=(
            "whitening is Cov[x]^(−1/2) (x − E[x]), costly and not everywhere differentiable",
            "a mini-batch smaller than the number of activations has a singular covariance",
        ),
        left_open=(
            "the data: normal, 100 units, eigenvalues of the covariance from 0.01 to 10 here",
            "how whitening is computed: ZCA by eigendecomposition here, and IterNorm, T = 5",
        ),
        experiment=Study(name="Whitening of a batch", study="whitening_rank"),
        quantities=(
            Quantity(
                name="rank",
                title="Rank of the batch’s covariance",
                unit="directions",
                x="examples in the batch",
                shows="Of 100 directions a batch of m examples knows m − 1.",
                log_x=True,
            ),
            Quantity(
                name="eigenvalues",
                title="Eigenvalues of the batch’s covariance",
                unit="variance",
                x="examples in the batch",
                shows="The smallest is 0 up to m = 100 and too small for long; 0.01 is the truth.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="whiteness_error",
                title="What is left of the covariance",
                unit="max |Cov(x̂) − I|",
                x="examples in the batch",
                shows="0 is white. BatchNorm’s variances are 1, its correlations stay; ZCA with "
                "ε = 0 has no value up to m = 100.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="finite_gradient",
                title="Finite part of the gradient",
                unit="share",
                x="examples in the batch",
                shows="Which elements of the input’s gradient are finite: none, where ε = 0 and "
                "m ≤ 100.",
                log_x=True,
            ),
            Quantity(
                name="time",
                title="Time of a forward and backward pass",
                unit="ms",
                x="units",
                shows="On one thread, 1,000 examples: BatchNorm grows with d, whitening with d³.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="time_ratio",
                title="Time beside BatchNorm’s",
                unit="×",
                x="units",
                shows="How many times longer whitening takes.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E7",
                statement="A batch can be whitened only if it has more examples than units.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §2 and §3",
                criterion=(
                    "In float64 with 100 units: the covariance has rank min(m − 1, d); the "
                    "gradient of ZCA with ε = 0 is not finite exactly where m ≤ d, those of the "
                    "others are finite; BatchNorm’s variances are within 1e-6 of 1."
                ),
                expected="reproduced",
                decide=needs_more_examples_than_units,
            ),
            Claim(
                number="E7b",
                statement="Whitening costs more than BatchNorm, the more so the more units.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §2",
                criterion=(
                    "The time of ZCA ÷ that of BatchNorm grows with the number of units d: with "
                    "every seed the slope of its log against log d is above 0. It need not grow "
                    "from each d to the next: below 100 units both cost little but their calls."
                ),
                expected="reproduced",
                decide=costs_more_with_units,
            ),
        ),
    ),
)
