"""Features of uneven scale, for which inputs have long been normalized (LeCun et al. 1998)."""

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..measurements import greatest, largest, least, quotients, values
from ..study import Quantity, Study
from .entry import CatalogEntry

CLOSE, FROM_CONDITION, AT_ONCE = 1.3, 8, 3


def scales_slow_descent(evidence: Evidence) -> Outcome:
    """E18: steps are those of the formula within × 1.3 where κ ≥ 8; normalized, 3 at most."""
    raw = values(evidence, "iterations", "raw")
    predicted = values(evidence, "iterations", "κ · ln(10⁶)/4")
    uneven = [at for at in raw if at[1] >= FROM_CONDITION and at in predicted]
    if not uneven:
        raise MissingEvidence(f"No problem of κ ≥ {FROM_CONDITION} was solved.")
    ratios = quotients([raw[at] for at in uneven], [predicted[at] for at in uneven])
    normalized = largest(evidence, "iterations", "normalized")
    holds = all(1 / CLOSE <= ratio <= CLOSE for ratio in ratios) and normalized <= AT_ONCE
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"Raw features took {least(raw.values()):,.0f} to {greatest(raw.values()):,.0f} steps, "
        f"{least(ratios):.2f} to {greatest(ratios):.2f} of κ · ln(10⁶)/4; normalized ones "
        f"{normalized:,.0f} at most.",
    )


ENTRIES = (
    CatalogEntry(
        name="uneven-features",
        title="Features of uneven scale slow gradient descent (LeCun et al.)",
        claim=(
            "The steps that gradient descent needs grow with the square of the ratio of the "
            "features’ scales; normalized features need two."
        ),
        source=(
            "LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, §4.3 and §5.3; Ioffe & "
            "Szegedy, arXiv:1502.03167v3, §2"
        ),
        stated=("inputs of mean 0, variance 1 and no correlation converge faster",),
        left_open=(
            "the problem: least squares of two independent normal features here, 1,000 examples, "
            "scales 1 and k, the best fixed learning rate 2/(λ₁ + λ₂)",
            "when it has converged: at 1e-6 of the first loss here",
        ),
        experiment=Study(name="Features of uneven scale", study="feature_scales"),
        quantities=(
            Quantity(
                name="iterations",
                title="Steps until the loss is a millionth",
                unit="steps",
                x="condition number κ of the raw features",
                shows="Raw features follow κ · ln(10⁶)/4; normalized ones do not care.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="condition_number",
                title="Condition number",
                unit="λ₁/λ₂",
                x="ratio k of the features’ scales",
                shows="It grows with the square of the ratio; normalized, only what correlation "
                "chance left is there.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="loss",
                title="The loss on the way, k = 10",
                unit="share of the first loss",
                x="step",
                shows="A straight line falls by the same factor at every step.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E18",
                statement="Uneven feature scales slow gradient descent; normalizing mends it.",
                source="LeCun, Bottou, Orr & Müller (1998), Efficient BackProp, §4.3 and §5.3",
                criterion=(
                    "Raw features need κ · ln(10⁶)/4 steps within a factor of 1.3 where κ ≥ 8; "
                    "normalized ones 3 steps at most."
                ),
                expected="reproduced",
                decide=scales_slow_descent,
            ),
        ),
    ),
)
