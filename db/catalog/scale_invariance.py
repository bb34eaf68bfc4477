"""BatchNorm and the scale of weights, §3.3 of Ioffe & Szegedy (2015)."""

from itertools import pairwise

from ..claims import Claim, Evidence, Outcome
from ..measurements import largest, values
from ..study import Quantity, Study
from .entry import CatalogEntry

PARTS = ("y", "∂L/∂u", "a · ∂L/∂(aW)")
RATES = ("lr 0.1", "lr 1", "lr 10")
EXACT = 1e-12


def scale_is_not_seen(evidence: Evidence) -> Outcome:
    """E19: without ε, y, ∂L/∂u and a·∂L/∂(aW) are the same for every a."""
    error = largest(evidence, "invariance_error", *(f"{part}, ε = 0" for part in PARTS))
    with_epsilon = largest(evidence, "invariance_error", *(f"{part}, ε = 1e-05" for part in PARTS))
    return Outcome(
        "reproduced" if error < EXACT else "not reproduced",
        f"Without ε nothing moves by more than {error:.1e} of itself; with ε = 1e-5 by "
        f"{with_epsilon:.2f}, where the weights are smallest.",
    )


def weights_only_grow(evidence: Evidence) -> Outcome:
    """E19b: gradients are orthogonal to the weights, whose norm never falls."""
    aligned = largest(evidence, "alignment", *RATES)
    never_falls = True
    for rate in RATES:
        norms = values(evidence, "weight_norm", rate)
        for ((seed, _), here), ((other, _), there) in pairwise(norms.items()):
            never_falls = never_falls and (seed != other or there >= here * (1 - EXACT))
    ends = [max(values(evidence, "weight_norm", rate).values()) for rate in RATES]
    return Outcome(
        "reproduced" if aligned < EXACT and never_falls else "not reproduced",
        f"The cosine of weights and gradient is {aligned:.1e} at most; the norm "
        f"{'never fell' if never_falls else 'fell'}, and came to "
        + ", ".join(f"{end:.2f} × at {rate}" for rate, end in zip(RATES, ends, strict=True))
        + " at most.",
    )


ENTRIES = (
    CatalogEntry(
        name="scale-invariance",
        title="BatchNorm does not see the scale of the weights (paper §3.3)",
        claim=(
            "Weights a times as large give the same outputs and gradients 1/a as large, so that "
            "they only ever grow, and the larger they are the slower they turn."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.3",
        stated=(
            "BN(Wu) = BN((aW)u) and ∂BN((aW)u)/∂u = ∂BN(Wu)/∂u",
            "∂BN((aW)u)/∂(aW) = 1/a · ∂BN(Wu)/∂W: larger weights lead to smaller gradients",
        ),
        left_open=(
            "ε, with which it holds only for weights that are not small: 0 decides here, 1e-5 is "
            "shown",
            "the layer: 60 examples, 40 inputs, 20 units, mean squared error of tanh(y) to a "
            "random target; plain gradient descent without weight decay",
        ),
        experiment=Study(name="The scale of weights before BatchNorm", study="scaled_weights"),
        quantities=(
            Quantity(
                name="invariance_error",
                title="What the scale of the weights changes",
                unit="share of what it was",
                x="a",
                shows="Rounding of float64 without ε; with ε it holds while the variance of Wu is "
                "far above ε.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="gradient_size",
                title="The gradient of scaled weights",
                unit="‖∂L/∂(aW)‖ ÷ ‖∂L/∂W‖",
                x="a",
                shows="Larger weights, smaller gradients: 1/a.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="weight_norm",
                title="Norm of the weights",
                unit="× the first",
                x="step",
                shows="A step is orthogonal to the weights and can only make them longer, more so "
                "at a larger learning rate.",
                log_y=True,
            ),
            Quantity(
                name="effective_rate",
                title="Effective learning rate",
                unit="lr ÷ ‖W‖², where ‖W‖ was 1 at first",
                x="step",
                shows="How fast the direction of the weights turns: a learning rate that is too "
                "large makes itself smaller.",
                log_y=True,
            ),
            Quantity(
                name="alignment",
                title="Cosine of weights and gradient",
                unit="|cos|",
                x="step",
                shows="0 but for the rounding of float64.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E19",
                statement="BatchNorm does not see the scale of the weights before it.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.3",
                criterion=(
                    "In float64 with ε = 0, for a from 0.001 to 1,000: y, ∂L/∂u and a · ∂L/∂(aW) "
                    "move by less than 1e-12 of themselves."
                ),
                expected="reproduced",
                decide=scale_is_not_seen,
            ),
            Claim(
                number="E19b",
                statement="Gradient descent only makes weights before BatchNorm larger.",
                source="Follows from §3.3; van Laarhoven (2017), arXiv:1706.05350",
                criterion=(
                    "In float64 with ε = 0, at learning rates 0.1, 1 and 10: the cosine of weights "
                    "and gradient is below 1e-12, and the norm of the weights never falls."
                ),
                expected="reproduced",
                decide=weights_only_grow,
            ),
        ),
    ),
)
