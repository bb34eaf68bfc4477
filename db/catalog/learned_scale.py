"""What γ and β are for: the scale and shift that BatchNorm learns (§3 of Ioffe & Szegedy, 2015)."""

import math

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import at_end, largest, least
from ..study import Quantity, Study
from ..verdict_words import estimated
from .entry import CatalogEntry

LAYERS = ("hidden1", "hidden2", "hidden3")
EXACT, CHANGED = 0.02, 0.01


def gamma_is_the_scale(evidence: Evidence) -> Outcome:
    """E31: γ and β change in every layer, and Var[y] is γ² within 2 %, unit by unit."""
    error = largest(evidence, "variance_error", *LAYERS)
    change = least(
        mean(at_end(evidence, quantity, layer)).value
        for quantity in ("gamma_change", "beta_change")
        for layer in LAYERS
    )
    gammas = ", ".join(
        estimated(mean(at_end(evidence, "gamma", layer)), "{:.2f}".format) for layer in LAYERS
    )
    holds = change >= CHANGED and math.isfinite(error) and error < EXACT
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"At the end the mean γ of the layers is {gammas}; γ and β moved by {change:.3f} at least, "
        f"and Var[y] ÷ γ² is 1 within {100 * error:.2g} %.",
    )


ENTRIES = (
    CatalogEntry(
        name="learned-scale",
        title="γ and β are learned, and γ is the scale (paper §3)",
        claim=(
            "γ and β of every unit leave 1 and 0. What enters a nonlinearity then has variance γ²: "
            "its distribution widens because γ grows."
        ),
        source="Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, §3 and Algorithm 1",
        stated=(
            "each activation has a γ and a β of its own, learned along with the other parameters",
            "they restore what the network can represent",
        ),
        left_open=(
            "how far they go: at least 0.01 as a root mean square over the units of each layer, to "
            "count as changed here",
            "the training: that of §4.1, N(0, 0.1²), learning rate 0.1, 10,000 steps (2,000 at "
            "quick length) here",
        ),
        experiment=Study(name="Learned scale and shift", study="scale_and_shift", dataset="mnist"),
        quantities=(
            Quantity(
                name="gamma",
                title="Mean γ",
                unit="",
                x="step",
                shows="γ begins at 1. Where it grows, the inputs of the nonlinearity spread.",
            ),
            Quantity(
                name="gamma_change",
                title="How far γ is from 1",
                unit="root mean square over units",
                x="step",
                shows="Also where some grow and others shrink, so that the mean stays.",
            ),
            Quantity(
                name="beta_change",
                title="How far β is from 0",
                unit="root mean square over units",
                x="step",
                shows="The shift that each unit learns.",
            ),
            Quantity(
                name="variance_error",
                title="Var[y] against γ²",
                unit="max |Var[y] ÷ γ² − 1|",
                x="step",
                shows="Over a batch, the worst unit: what ε and rounding leave.",
            ),
        ),
        claims=(
            Claim(
                number="E31",
                statement="Scale and shift are learned, and the variance of the output is γ².",
                source="Ioffe & Szegedy, arXiv:1502.03167v3, §3 and Algorithm 1",
                criterion=(
                    "At the end γ is 0.01 or more from 1 and β from 0, as a root mean square over "
                    "the units of each hidden layer, mean over the seeds; at every look Var[y] of "
                    "every unit over a batch is γ² within 2 %."
                ),
                expected="reproduced",
                decide=gamma_is_the_scale,
            ),
        ),
    ),
)
