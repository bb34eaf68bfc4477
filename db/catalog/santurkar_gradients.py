"""Santurkar et al. (2018): covariate shift of gradients, and how smooth the loss is on a step."""

import math
from collections.abc import Callable, Iterable
from statistics import median

from ..claims import Claim, Evidence, Outcome
from ..errors import MissingEvidence
from ..intervals import OverSeeds, geometric_mean
from ..measurements import largest, values
from ..study import Quantity, Study
from ..verdict_words import estimated, factor
from .entry import CatalogEntry

PAPER = (
    "Santurkar, Tsipras, Ilyas & Mądry, How does Batch Normalization help optimization?, "
    "arXiv:1805.11604v3"
)
_ARMS = ("none", "BatchNorm")
SHIFTED = ("hidden2", "hidden3", "output")
SETTINGS = [f"{f}, {arm}" for f in ("sigmoid", "relu") for arm in _ARMS]
SMOOTHER, EVERY, ENOUGH = 2.0, 50, 3
FIRST_STEPS, STEPS = 500, 1_500


def shift_is_measured(evidence: Evidence) -> Outcome:
    """E21: numbers everywhere, and none where nothing moved."""
    series = [f"{setting}, {layer}" for setting in SETTINGS for layer in SHIFTED]
    found = [largest(evidence, f"shift_{what}", *series) for what in ("l2", "relative", "cosine")]
    at_rest = largest(evidence, "shift_at_rest", *SETTINGS)
    holds = all(map(math.isfinite, found)) and at_rest == 0
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"‖G − G′‖ is {found[0]:.3g} at most and {found[1]:.3g} of ‖G‖; where nothing was updated "
        f"it is {at_rest:.1g}.",
    )


def shift_is_smaller(evidence: Evidence) -> Outcome:
    """E21b: in each layer of the sigmoid network, by the median over the steps."""
    ratios = {
        layer: _ratio(evidence, "shift_l2", [f"sigmoid, {arm}, {layer}" for arm in _ARMS])
        for layer in SHIFTED
    }
    holds = all(ratio.value < 1 for ratio in ratios.values())
    words = "; ".join(
        f"in {layer} {estimated(ratio, factor, ' ×')}" for layer, ratio in ratios.items()
    )
    return Outcome(
        "reproduced" if holds else "not reproduced",
        f"‖G − G′‖ with BatchNorm is, of that without: {words}.",
    )


def relu_is_smoother(until: int) -> Callable[[Evidence], Outcome]:
    """E23, E23c: up to a step the loss ranges half as far and the gradient changes half as much."""

    def decide(evidence: Evidence) -> Outcome:
        if max(m.x for m in evidence.measurements) < until:
            return Outcome("inconclusive", f"It was not looked at up to step {until:,}.")
        series = [f"relu, {arm}" for arm in reversed(_ARMS)]
        loss_range, change = (
            _ratio(evidence, quantity, series, until)
            for quantity in ("loss_range", "gradient_change")
        )
        holds = loss_range.value >= SMOOTHER and change.value >= SMOOTHER
        return Outcome(
            "reproduced" if holds else "not reproduced",
            f"Without BatchNorm, up to step {until:,}, the loss along the gradient ranges "
            f"{estimated(loss_range, factor, ' ×')} as far and the gradient changes "
            f"{estimated(change, factor, ' ×')} as much.",
        )

    return decide


def sigmoid_is_smoother(evidence: Evidence) -> Outcome:
    """E23b: the same of the sigmoid network, of looks at losses that both networks pass."""
    losses = [values(evidence, "loss", f"sigmoid, {arm}") for arm in _ARMS]
    seeds = sorted({seed for seed, _ in losses[0]})
    ratios: dict[str, list[float]] = {"loss_range": [], "gradient_change": []}
    for seed in seeds:
        of_seed = [{at: loss for at, loss in of_arm.items() if at[0] == seed} for of_arm in losses]
        low = max(min(of_arm.values()) for of_arm in of_seed)
        high = min(max(of_arm.values()) for of_arm in of_seed)
        common = [[at for at, loss in arm.items() if low <= loss <= high] for arm in of_seed]
        if min(map(len, common)) < ENOUGH:
            return Outcome("inconclusive", "The networks were hardly looked at at equal losses.")
        for quantity, found in ratios.items():
            none, batch = (
                _median(values(evidence, quantity, f"sigmoid, {arm}").get(at) for at in ats)
                for arm, ats in zip(_ARMS, common, strict=True)
            )
            found.append(none / batch if none > 0 < batch else math.nan)
    loss_range, change = (geometric_mean(found) for found in ratios.values())
    holds = loss_range.value >= SMOOTHER and change.value >= SMOOTHER
    return Outcome(
        "reproduced" if holds else "not reproduced",
        "At losses that both pass, without BatchNorm the loss along the gradient ranges "
        f"{estimated(loss_range, factor, ' ×')} as far and the gradient changes "
        f"{estimated(change, factor, ' ×')} as much.",
    )


def _ratio(
    evidence: Evidence, quantity: str, series: list[str], until: float = math.inf
) -> OverSeeds:
    """Second ÷ first, of medians over steps that are multiples of 50 or all there are, by seed."""
    found = [values(evidence, quantity, name) for name in series]
    ratios: list[float] = []
    for seed in sorted({seed for seed, _ in found[0]}):
        first, second = (
            _median(
                value
                for (of, x), value in of_series.items()
                if of == seed and x <= until and (quantity.startswith("shift") or x % EVERY == 0)
            )
            for of_series in found
        )
        ratios.append(second / first if first > 0 < second else math.nan)
    return geometric_mean(ratios)


def _median(found: Iterable[float | None]) -> float:
    numbers = [number for number in found if number is not None]
    if not numbers:
        raise MissingEvidence("It was not looked at where it is compared.")
    return math.nan if any(map(math.isnan, numbers)) else median(numbers)


_LEFT_OPEN = (
    "dataset and network: those of the BatchNorm paper's §4.1 here, with sigmoid and with ReLU, "
    "Xavier's first weights and batches of 60; a VGG on CIFAR-10 and a deep linear network there",
    "learning rate: 0.1 here, plain SGD",
)


ENTRIES = (
    CatalogEntry(
        name="gradient-shift",
        title="Covariate shift as the gradients see it (Santurkar et al.)",
        claim=(
            "What the update of the layers before does to a layer's gradient on the same batch is "
            "not smaller with BatchNorm: in the sigmoid network it is larger."
        ),
        source=f"{PAPER}, Definition 2.1 and Figure 2",
        stated=(
            "G is the gradient of a layer's weights; G′ the same after the layers before it have "
            "been updated, on the same batch",
            "‖G − G′‖₂ and the cosine between the two",
        ),
        left_open=(*_LEFT_OPEN, "how often: at every 20th of 2,000 steps here"),
        experiment=Study(
            name="Covariate shift of gradients", study="gradient_shift", dataset="mnist"
        ),
        quantities=(
            Quantity(
                name="shift_l2",
                title="Gradient shift",
                unit="‖G − G′‖₂",
                x="step",
                shows="Definition 2.1: 0 where earlier layers' updates do not matter.",
                log_y=True,
            ),
            Quantity(
                name="shift_relative",
                title="Gradient shift, of the gradient",
                unit="‖G − G′‖₂ ÷ ‖G‖₂",
                x="step",
                shows="At 1 the update has moved the gradient by as much as the gradient itself.",
                log_y=True,
            ),
            Quantity(
                name="shift_cosine",
                title="Direction of the gradient",
                unit="cosine of G and G′",
                x="step",
                shows="1: the gradient points where it pointed before the update.",
            ),
            Quantity(
                name="shift_at_rest",
                title="With learning rate 0",
                unit="largest ‖G − G′‖₂",
                x="learning rate of the training",
                shows="Nothing was updated, so nothing may shift: a check of the measurement.",
            ),
        ),
        claims=(
            Claim(
                number="E21",
                statement="The gradient shift of Definition 2.1 is measured while a pair trains.",
                source=f"{PAPER}, Definition 2.1",
                criterion="All numbers are finite, and with learning rate 0 G′ = G exactly.",
                expected="reproduced",
                decide=shift_is_measured,
            ),
            Claim(
                number="E21b",
                statement="BatchNorm reduces the gradient shift.",
                source="a popular reading of Ioffe & Szegedy (2015); Santurkar et al. deny it",
                criterion=(
                    "In each layer of the sigmoid network but the first, the median of ‖G − G′‖₂ "
                    "over the steps is smaller with BatchNorm; geometric mean over the seeds."
                ),
                expected="not reproduced",
                decide=shift_is_smaller,
            ),
        ),
    ),
    CatalogEntry(
        name="loss-landscape",
        title="A smoother loss along the gradient (Santurkar et al.)",
        claim=(
            "With BatchNorm the loss ranges less far along the gradient, and the gradient changes "
            "less, so that larger steps are safe."
        ),
        source=f"{PAPER}, §3.2 and Figure 4",
        stated=(
            "along the gradient, steps of ½ to 4 times the learning rate",
            "range of the loss, largest change of the gradient, and that over the distance moved",
        ),
        left_open=(
            *_LEFT_OPEN,
            "how often and at how many points: 8 points at every 50th of 1,500 steps here",
            "which part of the training: the source states no length. The first 500 steps of E23 "
            "were chosen after a look at seed 0, with which alone the whole run fails: the loss "
            "ranges 1.76 times as far. E23c asks the same of the whole run; seeds differ more "
            "there, so the quick run has three",
            "at which losses sigmoid networks are compared (E23b): at all that both pass. "
            "BatchNorm’s falls so soon that up to step 60 every 2nd step is looked at; this "
            "cadence was made finer until losses could be matched",
            "how much smoother is smoother: a factor of 2 in all three is this product’s, not the "
            "source’s",
        ),
        experiment=Study(
            name="The loss along the gradient", study="loss_landscape", dataset="mnist"
        ),
        quantities=(
            Quantity(
                name="loss_range",
                title="Range of the loss",
                unit="nats, highest minus lowest",
                x="step",
                shows="How far the loss ranges along the gradient: small is predictable.",
                log_y=True,
            ),
            Quantity(
                name="gradient_change",
                title="Gradient predictiveness",
                unit="largest ‖∇L − ∇L₀‖₂",
                x="step",
                shows="How far the gradient turns away from what it was: small is predictive.",
                log_y=True,
            ),
            Quantity(
                name="smoothness",
                title="Effective β-smoothness",
                unit="largest ‖∇L − ∇L₀‖₂ ÷ distance",
                x="step",
                shows="How fast the gradient changes: small is smooth.",
                log_y=True,
            ),
            Quantity(
                name="loss",
                title="Loss",
                unit="nats",
                x="step",
                shows="Where each network is: equal steps are not equal losses.",
                log_y=True,
            ),
        ),
        claims=(
            Claim(
                number="E23",
                statement=(
                    "With BatchNorm a ReLU network’s loss is smoother along the gradient over the "
                    "first 500 steps."
                ),
                source=f"{PAPER}, §3.2 and Figure 4",
                criterion=(
                    "Over the first 500 steps, medians of the loss’s range and of the gradient’s "
                    "largest change are at least twice as large without BatchNorm; geometric mean "
                    "over the seeds."
                ),
                expected="reproduced",
                decide=relu_is_smoother(FIRST_STEPS),
            ),
            Claim(
                number="E23b",
                statement="So is that of the sigmoid network, at equal loss.",
                source=f"{PAPER}, §3.2 and Figure 4",
                criterion=(
                    "The same, of looks at losses that both networks pass, whenever that is: the "
                    "one without BatchNorm is still on its plateau when the other has learnt."
                ),
                expected="not reproduced",
                decide=sigmoid_is_smoother,
            ),
            Claim(
                number="E23c",
                statement=(
                    "With BatchNorm a ReLU network’s loss is smoother along the gradient over the "
                    "whole run."
                ),
                source=f"{PAPER}, §3.2 and Figure 4",
                criterion=(
                    "The same as E23 over all 1,500 steps, late ones with small losses included."
                ),
                expected="reproduced",
                decide=relu_is_smoother(STEPS),
            ),
        ),
        quick=("seeds=0,1,2",),
    ),
)
