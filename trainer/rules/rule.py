"""What a rule is, and what it sees of one network's records."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

Array = np.ndarray
Severity = Literal["warning", "critical"]
READ: Mapping[str, tuple[str, ...]] = {
    "layer_records": (
        *("std", "saturated", "dead", "activation_grad_norm", "weight_grad_norm", "weight_norm"),
        *("update_ratio", "mean_drift", "gamma_min", "gamma_max", "nonfinite"),
    ),
    "network_records": ("loss", "lr", "seconds"),
    "evaluations": (
        *("test_loss", "test_accuracy"),
        *("test_loss_batch_statistics", "test_accuracy_batch_statistics"),
    ),
    "probe_records": ("w1_from_previous_median", "w1_floor", "effective_rank"),
    "unit_records": ("std",),
}
"""The statistics that rules look at, by table."""
LOOKS: Mapping[str, tuple[str, ...]] = {
    "evaluations": READ["evaluations"],
    "probe_records": READ["probe_records"],
    "unit_records": ("collapsed",),
}
"""What a look of each table shows: `collapsed` is the share of a layer's units whose std on the
probe is at most a tenth of that at the first look."""
LAYER_STATISTICS = frozenset(
    (*READ["layer_records"], *LOOKS["probe_records"], *LOOKS["unit_records"])
)
NETWORK_STATISTICS = frozenset((*READ["network_records"], *READ["evaluations"], "train_loss"))


@dataclass(frozen=True)
class LayerFacts:
    """What is known of a layer before its records, as in the table `layers`."""

    layer_id: int
    name: str
    norm: str
    activation: str
    units: int
    elements: int | None = None


@dataclass(frozen=True)
class NetworkFacts:
    """What is known of a network before its records.

    Attributes:
        layers: In the order in which data goes through them.
        batch_size: Examples in a batch; None where nobody said.
        classes: How many there are to choose from; None where the loss may be another one.
    """

    network_id: int
    layers: tuple[LayerFacts, ...]
    batch_size: int | None = None
    classes: int | None = None

    def mask(self, holds: Callable[[LayerFacts], bool]) -> Array:
        """For which layers something holds, (layers, 1): NaN elsewhere, so that it multiplies."""
        return np.array([[1.0 if holds(layer) else np.nan] for layer in self.layers])

    @property
    def hidden(self) -> Array:
        """1 for every layer but the last, (layers, 1), for which it is NaN."""
        last = self.layers[-1] if self.layers else None
        return self.mask(lambda layer: layer is not last)

    @property
    def examples(self) -> Array:
        """How many examples a layer's batch statistics rest on, (layers, 1); NaN: not known.

        Positions of one image are no examples: they say much the same.
        """
        per_unit = [
            np.nan if layer.elements is None else layer.elements / max(1, layer.units)
            for layer in self.layers
        ]
        known = np.nan if self.batch_size is None else self.batch_size
        return np.fmin(np.array(per_unit, float), known).reshape(-1, 1)


@dataclass(frozen=True)
class Seen:
    """Records of one network in **observations**: windows of training steps, or single looks.

    Not applicable is NaN. What was recorded as NaN is infinite here: neither is a number.

    Attributes:
        facts: What is known of the network.
        steps: (observations, records).
        layers: By statistic, (layers, observations, records).
        network: By statistic, (observations, records).
        first_layers: By statistic, what each layer's first record of the run was, (layers,).
        first_network: By statistic, what the network's first record was.
        before: By statistic, the network's record before these.
        is_start: Whether the first observation is the run's first.
    """

    facts: NetworkFacts
    steps: Array
    layers: Mapping[str, Array] = field(default_factory=dict)
    network: Mapping[str, Array] = field(default_factory=dict)
    first_layers: Mapping[str, Array] = field(default_factory=dict)
    first_network: Mapping[str, float] = field(default_factory=dict)
    before: Mapping[str, float] = field(default_factory=dict)
    is_start: bool = True

    def layer(self, statistic: str) -> Array:
        """A statistic of all layers, (layers, observations, records); NaN where there is none.

        Raises:
            KeyError: It is none that rules read.
        """
        if statistic not in LAYER_STATISTICS:
            raise KeyError(statistic)
        shape = (len(self.facts.layers), *self.steps.shape)
        return self.layers.get(statistic, np.full(shape, np.nan))

    def of_network(self, statistic: str) -> Array:
        """A statistic of the network, (observations, records); NaN where there is none.

        `train_loss`, beside evaluations, is the median training loss of the window before.

        Raises:
            KeyError: It is none that rules read.
        """
        if statistic not in NETWORK_STATISTICS:
            raise KeyError(statistic)
        return self.network.get(statistic, np.full(self.steps.shape, np.nan))

    def first_of_layers(self, statistic: str) -> Array:
        """A statistic at the run's first record, (layers, 1)."""
        nothing = np.full(len(self.facts.layers), np.nan)
        return self.first_layers.get(statistic, nothing).reshape(-1, 1)

    def middle(self, statistic: str) -> Array:
        """The median of a layer statistic over each observation, (layers, observations)."""
        return np.median(self.layer(statistic), axis=-1)

    @property
    def loss(self) -> Array:
        """The median training loss of each observation, (observations,)."""
        return np.median(self.of_network("loss"), axis=-1)

    @property
    def loss_left(self) -> Array:
        """The training loss as a share of what it was at the start, (observations,).

        The start counts no more than guessing evenly among the classes, so that a network that was
        drawn badly has not learned when it is merely back there. NaN where that is no positive
        number.
        """
        start = self.first_network.get("loss", np.nan)
        if self.facts.classes is not None:
            start = np.fmin(start, np.log(self.facts.classes))
        if not (np.isfinite(start) and start > 0):
            return np.full(len(self.steps), np.nan)
        return self.loss / start

    @property
    def still_learning(self) -> Array:
        """1 where at least a tenth of the loss is left, else NaN, (observations,)."""
        return np.where(self.loss_left < 0.1, np.nan, 1.0)


@dataclass(frozen=True)
class Offender:
    """Where a rule that looks at every record saw something first.

    Attributes:
        layer: The index of the layer; None for the network.
        step: When.
        table: Where that is recorded.
        statistic: Which one showed it.
        value: What it was.
        what: In a word or two.
    """

    layer: int | None
    step: int
    table: str
    statistic: str
    value: float
    what: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When something is a fault, and what to say of it.

    A rule is either `measure`, whose numbers have to be beyond the threshold for some time, or
    `first`, which says where something happened that must never happen.

    Attributes:
        table: Where its numbers come from.
        statistic: Which column they come from, the one to look at.
        measures: What its number is.
        threshold: From there on it is a fault; for `first`, 0.
        below: Whether smaller is worse.
        release: The part of the threshold at which the fault has passed: hysteresis.
        patience: Observations in a row that it takes to raise a finding, and to end it.
        severity: `critical` where the network can't be used.
        of_run: Whether it is about the run, not about one network.
        measure: Its number for each layer, (layers, observations), or for the network,
            (observations,); NaN where it does not apply. Evaluations and looks at the probe come
            all that there are so far, windows of training steps once each.
        begins: For each observation the step at which the fault begins; without it, its first.
        first: The first offender among new records.
        sentence: What is the case, with {layer}, {value}, {percent}, {threshold}, {count} of
            {units} or {what}.
        of_infinity: The same where the value is infinite, if that can be.
        why: Why it matters.
        advice: One thing to try.
        basis: Where the threshold comes from.
    """

    table: str
    statistic: str
    measures: str
    threshold: float = 0.0
    below: bool = False
    release: float = 0.8
    patience: int = 4
    severity: Severity = "warning"
    of_run: bool = False
    measure: Callable[[Seen], Array] | None = None
    begins: Callable[[Seen], Array] | None = None
    first: Callable[[Seen], Offender | None] | None = None
    sentence: str
    of_infinity: str = ""
    why: str
    advice: str
    basis: str

    def is_beyond(self, values: Array, threshold: float, *, release: bool = False) -> Array:
        """Where values are a fault or, with `release`, one that has begun has not passed."""
        with np.errstate(invalid="ignore"):
            if self.below:
                return values <= threshold / (self.release if release else 1)
            return values >= threshold * (self.release if release else 1)

    def say(self, value: float, threshold: float, **words: str) -> str:
        """The sentence of a finding."""
        form = self.of_infinity if self.of_infinity and np.isinf(value) else self.sentence
        return form.format(
            value=number(value),
            percent=f"{number(100 * value)} %",
            threshold=f"{threshold:g}",
            **words,
        )


def number(value: float) -> str:
    """A number for a sentence: two digits and a power of ten where it is small or large."""
    if not np.isfinite(value):
        return "∞"
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    front, power = f"{value:.1e}".split("e")
    return f"{front}e{int(power)}".replace("-", "−")
