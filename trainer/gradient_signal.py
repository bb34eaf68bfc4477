"""Signal-to-noise ratio of a layer's gradient, from pairs of consecutive records, without torch.

The gradient of a batch is μ + ε: the mean over batches, and a noise of mean 0 and covariance Σ. Of
two batches ⟨g, g′⟩ is on average ‖μ‖², and ½ ‖g − g′‖² is tr Σ, whatever the noise is like. These
are the unbiased estimates of McCandlish et al. (2018, appendix A.1) for B and 2B examples.
"""

import math

from .ring import NOT_GIVEN

DECAY = 0.9
"""Weight of the past in the running means, from pair to pair: they reach about 10 pairs back."""
LEAST = 5
"""Pairs of records before there is a ratio."""


class GradientSignal:
    """Running means of signal and noise of one layer; their state is four numbers."""

    def __init__(self) -> None:
        self._norm = NOT_GIVEN
        self._signal = self._noise = 0.0
        self._pairs = 0

    def add(self, norm: float, product: float) -> float:
        """The ratio ‖μ‖² / tr Σ after one more record.

        Both means begin at 0 and weigh alike, so that what this takes from them cancels. What is
        not finite has no part in them.

        Args:
            norm: Of the gradient.
            product: Its inner product with that of the record before, where the two are a pair.
                Both are NOT_GIVEN where there is none.

        Returns:
            NaN if one of the two gradients is not finite; NOT_GIVEN before `LEAST` pairs, where
            something was not given, or if the gradient was always 0. Negative if the products are
            so on average: no signal, or one that turns back and forth.
        """
        earlier, self._norm = self._norm, norm
        if NOT_GIVEN in (earlier, norm, product):
            return NOT_GIVEN
        noise = (norm * norm + earlier * earlier) / 2 - product
        if not math.isfinite(noise):
            return math.nan
        noise = max(0.0, noise)  # of equal gradients rounding leaves less
        self._signal = DECAY * self._signal + (1 - DECAY) * product
        self._noise = DECAY * self._noise + (1 - DECAY) * noise
        self._pairs += 1
        if self._pairs < LEAST or self._noise == self._signal == 0:
            return NOT_GIVEN
        return self._signal / self._noise if self._noise else math.inf

    def state_dict(self) -> dict[str, float]:
        """Everything that the next ratio depends on."""
        return {
            "norm": self._norm,
            "signal": self._signal,
            "noise": self._noise,
            "pairs": self._pairs,
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Go on from what `state_dict` gave."""
        self._norm, self._signal, self._noise = state["norm"], state["signal"], state["noise"]
        self._pairs = int(state["pairs"])
