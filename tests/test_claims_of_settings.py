"""Claims about settings of training, decided by evidence that is made by hand."""

import math
from collections.abc import Mapping, Sequence

import pytest
from studying import measured

from shiftscope.db import catalog
from shiftscope.db.catalog.learning_rates import RATES
from shiftscope.db.claims import Claim, Evidence, Outcome, Recorded, judge
from shiftscope.db.experiment import Experiment
from shiftscope.db.study import Measurement
from shiftscope.db.verdict import Curve
from shiftscope.trainer.studies import scale_and_shift

YES, NO, OPEN = "reproduced", "not reproduced", "inconclusive"


def claim_of(name: str) -> Claim:
    (claim,) = catalog.entry(name).claims
    return claim


def arms_of(name: str) -> list[str]:
    asked = catalog.entry(name).experiment
    assert isinstance(asked, Experiment)
    return [arm.name for arm in asked.arms]


def of_rates(none: Sequence[float], batch: Sequence[float], step: int = 1_500) -> Evidence:
    """Accuracies by learning rate at a step; NaN is of a network that diverged by step 99."""
    arms = arms_of("learning-rates-relu")
    curves = [
        Curve(arm, 0, (1,), (0.1,), 99) if math.isnan(value) else Curve(arm, 0, (step,), (value,))
        for arm, value in zip(arms, (*none, *batch), strict=True)
    ]
    return Evidence(curves, arms, step, ended=True)


GONE = math.nan
NONE = (0.88, 0.9, 0.94, 0.96, 0.33, GONE, GONE, GONE, GONE)
BATCH = (0.9, 0.93, 0.95, 0.96, 0.97, 0.965, 0.3, 0.2, 0.1)
SLOWER = (0.84, *BATCH[1:])


@pytest.mark.parametrize(
    ("evidence", "result", "says"),
    [
        (of_rates(NONE, BATCH), YES, "10.0 × (one seed: no interval) as large, the range 1.00"),
        (of_rates(NONE, (*BATCH[:5], *[0.3] * 4)), NO, "3.3 × (one seed: no interval) as large"),
        (of_rates(NONE, SLOWER), NO, "BatchNorm from 0.03 to 3"),
        (of_rates(NONE, NONE), NO, "1.00 ×"),
        (of_rates([0.85] * 9, BATCH), YES, "none trains with no learning rate, BatchNorm from"),
        (of_rates(NONE, [GONE] * 9), NO, "BatchNorm with no learning rate."),
        (of_rates(NONE, BATCH, step=1_000), OPEN, "compared at step 1,500"),
    ],
)
@pytest.mark.parametrize("name", ["learning-rates-relu", "learning-rates-sigmoid"])
def test_learning_rates(name: str, evidence: Evidence, result: str, says: str) -> None:
    assert arms_of(name) == arms_of("learning-rates-relu") and len(arms_of(name)) == 2 * len(RATES)
    outcome = claim_of(name).decide(evidence)
    assert outcome.result == result and says in outcome.reason, outcome.reason


def of_dropout(*reached: int | None, every: int = 25, step: int = 3_000) -> Evidence:
    """The step at which each arm's evaluations are 0.9 for the first time."""
    arms = arms_of("speed-of-dropout")
    steps = tuple(range(0, step + 1, every))
    curves = [
        Curve(arm, 0, steps, tuple(0.9 if at and s >= at else 0.5 for s in steps))
        for arm, at in zip(arms, reached, strict=True)
    ]
    return Evidence(curves, arms, step, ended=True)


@pytest.mark.parametrize(
    ("evidence", "result", "says"),
    [
        (of_dropout(400, 500, 1_000, 100), YES, "none after 400 (one seed: no interval) steps"),
        (of_dropout(400, 500, None, 100), YES, "dropout 0.5 not in 3,000 steps"),
        (of_dropout(400, 350, 1_000, 100), NO, "dropout 0.2 after 350"),
        (of_dropout(400, 500, 1_000, 450), NO, "BatchNorm after 450"),
        (of_dropout(None, 500, 1_000, 450), NO, "none not in 3,000 steps"),
        (of_dropout(400, 400, 1_000, 100), OPEN, "too few evaluations"),
        (of_dropout(400, 500, None, 100, step=1_000), OPEN, "every network has reached 90 %"),
    ],
)
def test_dropout(evidence: Evidence, result: str, says: str) -> None:
    outcome = claim_of("speed-of-dropout").decide(evidence)
    assert outcome.result == result and says in outcome.reason, outcome.reason


def recorded(
    arms: Sequence[str], statistic: tuple[str, str],
    values: Mapping[tuple[str, str], Sequence[float | None]], steps: Sequence[int],
    step: int = 2_000,
) -> Evidence:  # fmt: skip
    """A statistic (table, name) by arm and layer."""
    found = [
        Recorded(arm, 0, layer, tuple(steps), tuple(of_steps))
        for (arm, layer), of_steps in values.items()
    ]
    return Evidence((), arms, step, True, lambda *asked: found if asked == statistic else ())


def of_saturation(large: float, normalized: float, steps: Sequence[int] = (1, 11)) -> Evidence:
    """As it is recorded: an output layer has no sigmoid, and 0 of it is saturated."""
    arms = arms_of("saturation")
    layers = {"hidden1": 1.2, "hidden2": 0.8, "output": 0.0}
    return recorded(arms, ("layer_records", "saturated"), {
        (arm, layer): (
            part * (
                normalized if arm.startswith("BatchNorm") else large if arm == "none, 1" else 0.0
            ),
            0.9,
        )
        for arm in arms for layer, part in layers.items()
    }, steps)  # fmt: skip


@pytest.mark.parametrize(
    ("large", "normalized", "result"),
    [
        (0.5, 0.0005, YES), (0.4, 0.0, YES), (0.39, 0, NO), (0.5, 0.001, NO),
        (math.nan, 0.0, NO), (0.5, math.nan, NO),
    ],
)  # fmt: skip
def test_saturation(large: float, normalized: float, result: str) -> None:
    outcome = claim_of("saturation").decide(of_saturation(large, normalized))
    assert outcome.result == result
    assert f"{100 * large:.2f} % (one seed: no interval) of the hidden" in outcome.reason


def of_noise(batch: float, noisy: float, step: int = 3_000, records: int = 5) -> Evidence:
    """Means of three layers that go to and fro by so much, and one outlier; stds of 2."""
    moves = {"BatchNorm": batch, "noisy BatchNorm": noisy}
    layers = {"hidden1": 1.0, "hidden2": 0.5, "output": 0.0}
    steps = tuple(range(1, records + 1))

    def records_of(table: str, statistic: str) -> list[Recorded]:
        assert table == "layer_records"
        return [
            Recorded(arm, seed, layer, steps, tuple(
                2.0 if statistic == "std" else 50.0 if s == 1 else part * move * (s % 2)
                for s in steps
            ))
            for arm, move in moves.items() for seed in (0, 1) for layer, part in layers.items()
        ]  # fmt: skip

    return Evidence((), list(moves), step, True, records_of)


@pytest.mark.parametrize(
    ("evidence", "result", "says"),
    [
        (of_noise(0.001, 0.25), YES, "by up to 0.12 stds in noisy BatchNorm: 250 × (250 to 250"),
        (of_noise(0.0, 0.25), YES, "∞"),
        (of_noise(0.02, 0.2), YES, "10.0 × (10.0 to 10.0, 2 seeds) as far as in BatchNorm"),
        (of_noise(0.02, 0.19), NO, "9.5 ×"),
        (of_noise(0.02, math.nan), NO, "nan"),
        (of_noise(0.02, 0.2, step=2_999), OPEN, "up to step 3,000; the run is too short"),
    ],
)
def test_noise_shifts_layers(evidence: Evidence, result: str, says: str) -> None:
    (claim,) = [c for c in catalog.entry("mnist-noisy-batchnorm").claims if c.number == "E22b"]
    outcome = claim.decide(evidence)
    assert outcome.result == result and says in outcome.reason, outcome.reason


def test_noise_is_not_judged_by_one_record() -> None:
    entry = catalog.entry("mnist-noisy-batchnorm")
    given = of_noise(0.02, 0.2, records=1)
    outcome = judge(entry.claims[1], given, entry.experiment, entry.experiment)
    assert outcome == Outcome("inconclusive", "hidden1 of BatchNorm was recorded once or never.")


def test_saturation_is_looked_at_with_the_first_weights() -> None:
    entry = catalog.entry("saturation")
    given = of_saturation(0.5, 0.0, steps=(3, 13))
    outcome = judge(claim_of("saturation"), given, entry.experiment, entry.experiment)
    assert outcome == Outcome("inconclusive", "Step 1 of none, 0.01 was not recorded.")


def of_inputs(
    hidden: tuple[float, float], steps: Sequence[int] = (0, 2_000), step: int = 2_000
) -> Evidence:
    return recorded(("none", "BatchNorm"), ("unit_records", "std"), {
        ("none", "hidden1"): (1.0, 1.1), ("none", "hidden2"): hidden,
        ("none", "output"): (1.0, 9.0), ("BatchNorm", "hidden1"): (1.0, 5.0),
    }, steps, step)  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "result", "says"),
    [
        (of_inputs((0.5, 1.5)), YES, "hidden1 1.10 × (one seed: no interval), hidden2 3.0 ×"),
        (of_inputs((1.5, 0.5)), YES, "hidden2 0.33 ×"),
        (of_inputs((0.5, 1.49)), NO, "hidden2 3.0 ×"),
        (of_inputs((0.5, math.nan)), NO, "0.5, then nan"),
        (of_inputs((0.5, math.inf)), NO, "0.5, then inf"),
        (of_inputs((0.5, 1.5), step=1_999), OPEN, "compared at step 2,000"),
        (of_inputs((0.5, 1.5), (0, 1_999)), OPEN, "not looked at at step 0 and at step 2,000"),
        (Evidence((), ("none", "BatchNorm"), 2_000, True), OPEN, "Nothing was recorded of the"),
    ],
)
def test_standardized_inputs(evidence: Evidence, result: str, says: str) -> None:
    outcome = claim_of("normalized-inputs").decide(evidence)
    assert outcome.result == result and says in outcome.reason, outcome.reason


def of_scale(gamma_change: float, beta_change: float, error: float) -> Evidence:
    values = {"gamma": 1.5, "gamma_change": gamma_change, "beta_change": beta_change}
    found = [
        Measurement(0, quantity, layer, x, value)
        for layer in ("hidden1", "hidden2", "hidden3")
        for quantity, value in (values | {"variance_error": error}).items()
        for x in (0, 100)
    ]
    return Evidence((), (), len(found), True, measurements=found)


@pytest.mark.parametrize(
    ("evidence", "result"),
    [
        (of_scale(0.01, 0.02, 0.019), YES),
        (of_scale(0.009, 0.02, 0.019), NO),
        (of_scale(0.01, 0.009, 0.019), NO),
        (of_scale(0.01, 0.02, 0.02), NO),
        (of_scale(0.01, 0.02, math.nan), NO),
    ],
)
def test_learned_scale(evidence: Evidence, result: str) -> None:
    outcome = claim_of("learned-scale").decide(evidence)
    assert outcome.result == result and "1.50 (one seed: no interval)" in outcome.reason


def test_the_study_of_the_learned_scale_measures_its_quantities(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scale_and_shift, "STEPS", {"quick": 60})
    found = measured("learned-scale", dataset="digits", length="quick", seeds=[0])
    entry = catalog.entry("learned-scale")
    assert {m.quantity for m in found.measurements} == {q.name for q in entry.quantities}
    start = {(m.quantity, m.series): m.value for m in found.measurements if m.x == 0}
    assert start["gamma", "hidden1"] == 1 and start["beta_change", "hidden3"] == 0
    assert claim_of("learned-scale").decide(found).result in (YES, NO)
