"""Gradients by depth at the first weights, which §2 of Ioffe & Szegedy (2015) is about."""

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..intervals import mean
from ..measurements import by_seed, greatest, largest, least, quotients, values
from ..study import Quantity, Study
from ..verdict_words import estimated
from .entry import CatalogEntry

ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}
INITIALIZATIONS = ("Xavier", "He", "small", "N(0, 1)")
ALIKE = 0.02
VANISHES = 0.35
LEVEL = 0.05


def initialisation_does_not_matter(evidence: Evidence) -> Outcome:
    """E16: BatchNorm's factors are equal within 2 %; a sigmoid's without it are below 0.35."""
    apart = greatest(_apart(evidence, activation) for activation in ACTIVATIONS)
    sigmoid = largest(
        evidence, "factor_sigmoid", *(f"{name}, none" for name in INITIALIZATIONS[:3])
    )
    wide = [
        value
        for activation in ACTIVATIONS
        for name in INITIALIZATIONS
        for value in values(evidence, f"factor_{activation}", f"{name}, none").values()
    ]
    return Outcome(
        "reproduced" if apart <= ALIKE and sigmoid < VANISHES else "not reproduced",
        f"With BatchNorm the initialisations’ factors are within {100 * apart:.2f} % of each mean; "
        f"without, they go from {least(wide):.3f} to {greatest(wide):.1f}, and a sigmoid’s are "
        f"{sigmoid:.2f} at most with Xavier, He and small weights.",
    )


def gradients_stay_level(evidence: Evidence) -> Outcome:
    """E16c: at the greatest depth BatchNorm's factor per layer is within 5 % of 1."""
    words: list[str] = []
    level = True
    for activation, called in ACTIVATIONS.items():
        factors = values(evidence, f"factor_{activation}", "Xavier, BatchNorm")
        depth = max(depth for _, depth in factors)
        factor = mean(by_seed(evidence, f"factor_{activation}", "Xavier, BatchNorm", depth))
        level = level and abs(factor.value - 1) <= LEVEL
        grown = factor.value ** (depth - 1)
        near = 1 + LEVEL if factor.value > 1 else 1 - LEVEL
        shown = estimated(factor, "{:.3f}".format, threshold=near)
        words.append(f"{called} {shown}, × {grown:,.1f} over {depth:g} layers")
    return Outcome(
        "reproduced" if level else "not reproduced",
        f"Factor per layer with BatchNorm: {'; '.join(words)}.",
    )


def _apart(evidence: Evidence, activation: str) -> float:
    """How far an initialisation's factor with BatchNorm is from their mean, as a share, at most.

    Raises:
        MissingEvidence: One of them lacks a depth.
    """
    found = [
        values(evidence, f"factor_{activation}", f"{name}, BatchNorm") for name in INITIALIZATIONS
    ]
    if any(line.keys() != found[0].keys() for line in found):
        raise MissingEvidence("Not every initialisation was measured at every depth.")
    apart: list[float] = []
    for at in found[0]:
        factors = [line[at] for line in found]
        middle = sum(factors) / len(factors)
        shares = quotients(factors, [middle] * len(factors))
        apart += [abs(share - 1) for share in shares]
    return greatest(apart)


ENTRIES = (
    CatalogEntry(
        name="gradients-by-depth",
        title="Gradients by depth at the first weights (after paper §2)",
        claim=(
            "Without normalization gradients vanish or explode with depth, as the initialisation "
            "has it; with BatchNorm the initialisation does not matter."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §2 and §3.3",
        stated=(
            "saturation and vanishing gradients slow deep networks down; BatchNorm makes them "
            "resilient to the scale of the parameters",
            "a conjecture: singular values of the layers’ Jacobians near 1",
        ),
        left_open=(
            "the networks: 5 to 40 layers of 100 units, 128 examples from N(0, 1), at the first "
            "weights here; weights with stds 1/√d, √(2/d), 0.1/√d and 1",
            "for ReLU a factor is derived by Yang et al. (2019), arXiv:1902.08129: √(π/(π − 1))",
        ),
        experiment=Study(name="Gradients by depth", study="gradient_depth"),
        quantities=(
            *(
                Quantity(
                    name=f"gradient_{activation}",
                    title=f"Gradient by layer, {called}",
                    unit="‖∂L/∂z‖ ÷ that of the last layer",
                    x="layer",
                    shows="Without BatchNorm each initialisation goes its own way; with it all "
                    "lie on one line.",
                    log_y=True,
                )
                for activation, called in ACTIVATIONS.items()
            ),
            *(
                Quantity(
                    name=f"factor_{activation}",
                    title=f"Factor per layer, {called}",
                    unit="× per layer, towards the input",
                    x="layers",
                    shows="Below 1 gradients vanish, above 1 they explode.",
                    log_y=True,
                )
                for activation, called in ACTIVATIONS.items()
            ),
        ),
        claims=(
            Claim(
                number="E16",
                statement="BatchNorm frees gradients from the initialisation’s scale.",
                source="After Ioffe & Szegedy, arXiv:1502.03167v3, §2 and §3.3",
                criterion=(
                    "In float64, at every depth: with BatchNorm the factors per layer of the four "
                    "initialisations are within 2 % of their mean; without it a sigmoid’s are "
                    "below 0.35 with Xavier, He and small weights."
                ),
                expected="reproduced",
                decide=initialisation_does_not_matter,
            ),
            Claim(
                number="E16c",
                statement="With BatchNorm gradients neither vanish nor explode with depth.",
                source=(
                    "Often said of BatchNorm; a conjecture in Ioffe & Szegedy, arXiv:1502.03167v3, "
                    "§3.3. It does not hold: behind ReLU gradients grow by 1.21 a layer"
                ),
                criterion=(
                    "At the greatest depth the factor per layer with BatchNorm, the mean over the "
                    "seeds, is within 5 % of 1 for sigmoid, tanh and ReLU."
                ),
                expected="not reproduced",
                decide=gradients_stay_level,
            ),
        ),
    ),
)
