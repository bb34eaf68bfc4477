"""The bias before BatchNorm, which §3.2 of Ioffe & Szegedy (2015) leaves out."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import largest
from ..study import Quantity, Study
from .entry import CatalogEntry

SAME = 1e-4
NO_GRADIENT = 1e-6


def bias_is_redundant(evidence: Evidence) -> Outcome:
    """E9: no output moves by 1e-4, and the bias gets a millionth of β's gradient at most."""
    moved = largest(evidence, "output_difference", "float32")
    gradient = largest(evidence, "bias_gradient", "float64")
    rounded = largest(evidence, "bias_gradient", "float32")
    return Outcome(
        "reproduced" if moved < SAME and gradient < NO_GRADIENT else "not reproduced",
        f"Biases up to 100 moved an output by {moved:.1e} at most, and got {gradient:.1e} of β’s "
        f"gradient at most, in float32 {rounded:.1e}.",
    )


ENTRIES = (
    CatalogEntry(
        name="redundant-bias",
        title="A bias before BatchNorm does nothing (paper §3.2)",
        claim="BatchNorm subtracts whatever bias comes before it, so the bias gets no gradient.",
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.2",
        stated=("z = g(BN(Wu)): the bias b can be ignored, its role is subsumed by β",),
        left_open=("the sizes: 60 examples of 100 units, biases of size 0.1 to 100 here",),
        experiment=Study(name="A bias before BatchNorm", study="added_bias"),
        quantities=(
            Quantity(
                name="output_difference",
                title="What the bias changes",
                unit="max |Δy|, in stds of the output",
                x="size of the bias (std)",
                shows="Outputs with the bias minus outputs without: rounding only.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="bias_gradient",
                title="Gradient of the bias",
                unit="‖∂L/∂b‖ ÷ ‖∂L/∂β‖",
                x="size of the bias (std)",
                shows="The gradient of b beside that of β: rounding only.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E9",
                statement="A bias before BatchNorm is redundant.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.2",
                criterion=(
                    "Biases of up to 100 · N(0, 1) move no output by 1e-4 in float32, and their "
                    "gradient is less than 1e-6 of β’s in float64; what float32 rounds is shown."
                ),
                expected="reproduced",
                decide=bias_is_redundant,
            ),
        ),
    ),
)
