"""What BatchNorm infers with: Algorithm 2 of Ioffe & Szegedy (2015), averages and factor."""

from ..claims import Claim, Evidence, Outcome
from ..intervals import mean
from ..measurements import by_seed, exponents, gap
from ..study import Quantity, Study
from ..verdict_words import estimated, points
from .entry import CatalogEntry

CLOSE = 0.005
STEEPEST, FLATTEST = -0.6, -0.4
SOURCE = "Ioffe & Szegedy, Batch Normalization, arXiv:1502.03167v3, Algorithm 2"
SIZES, LAYERS = (60, 8), (1, 2, 3)


def batches_suffice(evidence: Evidence) -> Outcome:
    """E11: 100 batches give the population's accuracy; the error of means goes with 1/√T."""
    averaged, population = (
        by_seed(evidence, "accuracy", f"m = 60: {kind}", 100) for kind in ("m/(m−1)", "population")
    )
    apart = gap(averaged, population)
    slope = mean(exponents(evidence, "mean_error", "m = 60, layer 1"))
    holds = abs(round(apart.value, 6)) <= CLOSE and STEEPEST <= slope.value <= FLATTEST
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"With batches of 60, 100 of them give a test accuracy {points(apart)} than the "
        f"population’s; the error of the first layer’s means goes with T to the power of "
        f"{estimated(slope, lambda value: f'{value:.2f}')}.",
    )


def factor_is_unbiased(evidence: Evidence) -> Outcome:
    """E11b: with m/(m−1) each layer's variance is nearer to the population's than without."""
    holds, words = True, list[str]()
    for size in SIZES:
        said: list[str] = []
        for layer in LAYERS:
            with_factor, without = (
                mean(by_seed(evidence, "variance_bias", f"m = {size}: {kind}", layer))
                for kind in ("m/(m−1)", "no factor")
            )
            holds = holds and abs(with_factor.value) < abs(without.value)
            said.append(f"{without.value:+.1f} → {with_factor.value:+.1f} %")
        words.append(f"m = {size}: {', '.join(said)}")
    return Outcome(
        "reproduced" if holds else "not reproduced",
        "Error of the variance of layers 1, 2 and 3 without and with the factor: "
        f"{'; '.join(words)}.",
    )


ENTRIES = (
    CatalogEntry(
        name="statistics-for-inference",
        title="Statistics for inference: moving averages, T batches, the population (Algorithm 2)",
        claim=(
            "A single batch is too noisy, ten are nearly enough, and a hundred are as good as all "
            "of the training set. The factor m/(m−1) is right in the first layer only."
        ),
        source=SOURCE,
        stated=(
            "E[x] = E_B[μ_B] and Var[x] = m/(m−1) · E_B[σ²_B] over training mini-batches",
            "moving averages can be used instead, to track the accuracy as a model trains",
        ),
        left_open=(
            "how many batches: 1, 10, 100 and 1,000 here, drawn independently",
            "their size: 60 as in §4.1, and 8 here; the network is trained with the same",
            "the training: 1,000 steps at learning rate 0.5, Xavier, three hidden layers of 100 "
            "sigmoid units here",
        ),
        experiment=Study(
            name="Statistics for inference", study="inference_statistics", dataset="mnist"
        ),
        quantities=(
            Quantity(
                name="accuracy",
                title="Test accuracy with averages over T batches",
                unit="share of the test set",
                x="T, batches averaged",
                shows="Level lines are moving averages and the population, one batch of the whole "
                "training set. Up to 10 draws of T batches, their mean.",
                log_x=True,
            ),
            Quantity(
                name="mean_error",
                title="Error of the means",
                unit="|E − E of the population| / σ, mean over units",
                x="T, batches averaged",
                shows="It falls as 1/√T in the first layer. In deeper ones a rest stays: their "
                "inputs were normalized by the batch, and the population’s were not.",
                log_x=True,
                log_y=True,
            ),
            Quantity(
                name="variance_bias",
                title="Error of the variances",
                unit="% of the population’s, mean over units",
                x="layer",
                shows="Without the factor the first layer’s is too small by 1/m, the others are "
                "right; with it the first is right and the others are too large.",
            ),
        ),
        claims=(
            Claim(
                number="E11",
                statement="Averages over mini-batches do for the population’s statistics.",
                source=SOURCE,
                criterion=(
                    "With batches of 60, averages over 100 of them are within half a point of the "
                    "population’s test accuracy, and log error of the first layer’s means against "
                    "log T has a slope from −0.6 to −0.4. Means over the seeds."
                ),
                expected="reproduced",
                decide=batches_suffice,
            ),
            Claim(
                number="E11b",
                statement="The factor m/(m−1) makes the variance unbiased in every layer.",
                source=SOURCE,
                criterion=(
                    "In each of the three layers, with batches of 60 and of 8, the variance with "
                    "the factor is nearer to the population’s than without, mean over the seeds. "
                    "It is so in the first layer only: behind a norm the batch’s biased variance "
                    "is 1 already."
                ),
                expected="not reproduced",
                decide=factor_is_unbiased,
            ),
        ),
    ),
)
