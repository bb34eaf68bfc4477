"""BatchNorm's backward pass, which §3 of Ioffe & Szegedy (2015) gives as a chain of six rules."""

from ..claims import Claim, Evidence, Outcome
from ..measurements import greatest, largest, values
from ..study import Quantity, Study
from .entry import CatalogEntry

FORMS = ("simplified", "as printed")
TOLERANCE = 1e-7


def forms_are_one(evidence: Evidence) -> Outcome:
    """E20: gradcheck passes for ours, and both forms are within 1e-7 of autograd's gradients."""
    checks = values(evidence, "gradcheck", "simplified, float64")
    simplified, printed = (largest(evidence, "difference", f"{form}, float64") for form in FORMS)
    passed = sum(checks.values())
    holds = passed == len(checks) and greatest((simplified, printed)) < TOLERANCE
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"gradcheck passed {passed:g} of {len(checks)} times. Of autograd’s gradients the "
        f"simplified form misses {simplified:.1e} at most, the printed one {printed:.1e}.",
    )


ENTRIES = (
    CatalogEntry(
        name="backward-pass",
        title="BatchNorm’s backward pass, three ways (paper §3)",
        claim=(
            "The chain rule as printed, its simplified form and autograd’s are the same gradient."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3",
        stated=("the gradients of x, γ and β by way of those of x̂, σ² and μ",),
        left_open=(
            "the simplified form, dx = γr/m · (m dy − Σ dy − x̂ Σ dy x̂), which our "
            "batch_explicit computes",
            "the sizes: 2 to 256 examples of 10 units, normal, ε = 1e-5 here",
        ),
        experiment=Study(name="BatchNorm’s backward pass", study="backward_forms"),
        quantities=(
            Quantity(
                name="difference",
                title="Beside autograd’s gradients",
                unit="max |difference| ÷ max |gradient|",
                x="examples in the batch",
                shows="Rounding, the largest of dx, dγ and dβ. With m = 2 it is larger: all of dx "
                "but a remainder of ε cancels.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="finite_difference",
                title="Beside finite differences",
                unit="share of the slope",
                x="distance h",
                shows="The error of a central difference falls with h² until rounding, which grows "
                "with 1/h, takes over: had the formula a mistake, it would stop falling far above.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="gradcheck",
                title="torch.autograd.gradcheck",
                unit="1 passes, 0 fails",
                x="examples in the batch",
                shows="Every element of our backward pass against finite differences.",
                log_x=True,
            ),
        ),
        claims=(
            Claim(
                number="E20",
                statement="The simplified backward pass is the paper’s, and autograd’s.",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3",
                criterion=(
                    "In float64: torch.autograd.gradcheck (atol 1e-7, rtol 1e-3) passes for "
                    "batches of 2, 4, 8 and 16 examples, and both forms are within 1e-7 of "
                    "autograd’s gradients for these and for 32, 60, 128 and 256."
                ),
                expected="reproduced",
                decide=forms_are_one,
            ),
        ),
    ),
)
