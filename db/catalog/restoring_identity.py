"""γ and β can undo BatchNorm, as §3 of Ioffe & Szegedy (2015) says of them."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import largest
from ..study import Quantity, Study
from .entry import CatalogEntry

NORMS = ("torch’s BatchNorm", "our BatchNorm")
SAME = 1e-5


def identity_is_restored(evidence: Evidence) -> Outcome:
    """E10: with γ = √(σ² + ε) and β = μ no output is 1e-5 stds from its input."""
    error = largest(evidence, "identity_error", *(f"{norm}, γ = √(σ² + ε)" for norm in NORMS))
    without = largest(evidence, "identity_error", *(f"{norm}, γ = σ" for norm in NORMS))
    return Outcome(
        "reproduced" if error < SAME else "not reproduced",
        f"Outputs are {error:.1e} stds from their inputs at most; with γ = σ, which forgets ε, "
        f"{without:.1e}.",
    )


ENTRIES = (
    CatalogEntry(
        name="restoring-identity",
        title="γ and β can undo BatchNorm (paper §3)",
        claim="With γ = √(σ² + ε) and β = μ the layer is the identity: nothing is lost.",
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3",
        stated=("γ = √Var[x], β = E[x] recover the original activations",),
        left_open=(
            "ε, which the sentence leaves out: γ must be √(σ² + ε)",
            "the data: 60 examples of 100 units, normal, of stds from 0.01 to 100 here",
        ),
        experiment=Study(name="γ and β undo BatchNorm", study="identity_affine"),
        quantities=(
            Quantity(
                name="identity_error",
                title="How far BatchNorm is from the identity",
                unit="max |y − x|, in stds of x",
                x="std of x",
                shows="Rounding of float32 with γ = √(σ² + ε). With γ = σ what ε takes away is "
                "missing, which matters where σ² is not far above ε.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E10",
                statement="γ and β can make BatchNorm the identity.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3",
                criterion=(
                    "In float32, with γ = √(σ² + ε) and β = μ of the batch: |y − x| < 1e-5 stds "
                    "of x, for PyTorch’s BatchNorm and for ours."
                ),
                expected="reproduced",
                decide=identity_is_restored,
            ),
        ),
    ),
)
