"""Examples of a batch depend on each other, as §3.1 and §3.4 of Ioffe & Szegedy (2015) say."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import largest, values
from ..study import Quantity, Study
from .entry import CatalogEntry

EXACT = 1e-12


def examples_are_coupled(evidence: Evidence) -> Outcome:
    """E15a: the Jacobian is the formula's; off its diagonal it is not 0, but in inference it is."""
    error = largest(evidence, "jacobian_error", "training")
    coupled = values(evidence, "jacobian_entry", "another’s")
    alone = largest(evidence, "jacobian_entry", "another’s, inference")
    some = all(value > 0 for value in coupled.values())
    least, most = min(coupled.values()), max(coupled.values())
    return Outcome(
        "reproduced" if error < EXACT and some and alone == 0 else "not reproduced",
        f"Autograd’s Jacobian is {error:.1e} from the formula at most. Another example moves the "
        f"output by {least:.1e} to {most:.2f} γr; in inference by {alone:g}.",
    )


ENTRIES = (
    CatalogEntry(
        name="coupling-of-examples",
        title="How an example’s output depends on its batch (after paper §3.1)",
        claim=(
            "In training every output depends on every example of the batch, by 1/m; in inference "
            "on its own alone."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3.1 and §3.4",
        stated=(
            "a training example is seen with the others of its mini-batch",
            "in inference the output depends on the input alone, deterministically",
        ),
        left_open=(
            "the size of it: derived here from Algorithm 1, "
            "∂yⱼ/∂xᵢ = γr (δᵢⱼ − 1/m − x̂ᵢx̂ⱼ/m), r = 1/√(σ² + ε)",
            "the data: one unit, normal, γ = 1.5, ε = 1e-5, 2 to 128 examples here",
        ),
        experiment=Study(name="The Jacobian of BatchNorm", study="batch_jacobian"),
        quantities=(
            Quantity(
                name="jacobian_entry",
                title="What an output depends on",
                unit="RMS of ∂yⱼ/∂xᵢ, in γr",
                x="examples in the batch",
                shows="Another example counts for about √2/m of one’s own. With m = 2 nothing "
                "counts: x̂ is ±1 whatever x is, and no gradient comes through.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="jacobian_error",
                title="Autograd’s Jacobian beside the formula",
                unit="max |difference|",
                x="examples in the batch",
                shows="Rounding of float64.",
                log_x=True,
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E15a",
                statement="Outputs depend on the whole batch in training, and not in inference.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3.1 and §3.4",
                criterion=(
                    "In float64: autograd’s Jacobian is within 1e-12 of the formula, its entries "
                    "off the diagonal are not 0, and those of inference are exactly 0."
                ),
                expected="reproduced",
                decide=examples_are_coupled,
            ),
        ),
    ),
)
