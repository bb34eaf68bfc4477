"""BatchNorm of feature maps, §3.2 of Ioffe & Szegedy (2015)."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import largest
from ..study import Quantity, Study
from .entry import CatalogEntry

PARTS = ("output", "gradient of the input", "gradient of γ", "running mean", "running variance")
SAME = 1e-6


def positions_are_rows(evidence: Evidence) -> Outcome:
    """E12a: outputs, gradients and running statistics differ by less than 1e-6."""
    error = largest(evidence, "difference", *PARTS)
    return Outcome(
        "reproduced" if error < SAME else "not reproduced",
        f"Outputs, gradients and running statistics differ by {error:.1e} at most.",
    )


ENTRIES = (
    CatalogEntry(
        name="convolutional-statistics",
        title="BatchNorm of feature maps is BatchNorm of their positions (paper §3.2)",
        claim="A feature map is normalized as one unit with m·p·q examples.",
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.2",
        stated=("statistics over all examples and locations: an effective batch of m·p·q",),
        left_open=(
            "the sizes: 16 examples of 8 maps, 2×2 to 28×28 positions here",
            "how good the statistics of so many positions are, which are not independent",
        ),
        experiment=Study(name="BatchNorm of feature maps", study="rows_of_positions"),
        quantities=(
            Quantity(
                name="difference",
                title="BatchNorm of maps beside BatchNorm of rows",
                unit="max |difference|",
                x="positions of a map",
                shows="BatchNorm2d on (N, C, H, W) minus BatchNorm1d on (N·H·W, C): rounding.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="std_of_mean",
                title="How well a batch knows the mean",
                unit="std of a batch’s mean, in stds of the map",
                x="positions of a map",
                shows="m·p·q independent examples would give 1/√(m·p·q). Neighbours in a smooth "
                "map are alike, and count for less.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E12a",
                statement="BatchNorm of feature maps is BatchNorm over the rows of all positions.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.2",
                criterion=(
                    "In float64: outputs, gradients of the input and of γ, and running statistics "
                    "differ by less than 1e-6."
                ),
                expected="reproduced",
                decide=positions_are_rows,
            ),
        ),
    ),
)
