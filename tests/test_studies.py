"""Studies find what their claims say: the analytic ones here, each at its quick length."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import inf, isnan, nan
from pathlib import Path

import pytest
from sqlalchemy import Engine
from studying import measured

from shiftscope.db import catalog, queue
from shiftscope.db.claims import Claim, Evidence, judge
from shiftscope.db.errors import SetupProblem
from shiftscope.db.study import Study
from shiftscope.trainer import studies
from shiftscope.trainer.measuring import run_study

ANALYTIC = (
    "amplification",
    "backward-pass",
    "convolutional-statistics",
    "coupling-of-examples",
    "gradients-by-depth",
    "outside-the-gradient",
    "rank-collapse",
    "redundant-bias",
    "restoring-identity",
    "scale-invariance",
    "uneven-features",
    "whitening-of-batches",
)
TIMED = ("E7b",)
"""Claims about times, which a busy machine can upset; their criteria are tested by hand."""
SPOILED: tuple[tuple[str, str, str, Callable[[float], float]], ...] = (
    ("E7", "rank", "measured", lambda rank: rank + 1),
    ("E7", "finite_gradient", "ZCA, ε = 0", lambda share: 1.0),
    ("E7", "finite_gradient", "IterNorm, T = 5", lambda share: 0.99),
    ("E7", "whiteness_error", "BatchNorm, diagonal", lambda error: 2e-6),
    ("E7b", "time_ratio", "ZCA", lambda ratio: 7.0),
    ("E8", "bias", "centred, outside the gradient", lambda bias: 1.02 * bias),
    ("E8", "loss", "centred, outside the gradient", lambda loss: 1e6 * loss),
    ("E8", "loss", "centred, outside the gradient", lambda loss: nan if loss < 0.3 else loss),
    ("E8", "bias_gradient", "centred and scaled, inside the gradient", lambda gradient: 2e-12),
    ("E9", "output_difference", "float32", lambda difference: nan),
    ("E9", "bias_gradient", "float64", lambda gradient: 2e-6),
    ("E10", "identity_error", "our BatchNorm, γ = √(σ² + ε)", lambda error: 2e-5),
    ("E12a", "difference", "running variance", lambda difference: 2e-6),
    ("E15a", "jacobian_error", "training", lambda error: 2e-12),
    ("E15a", "jacobian_entry", "another’s", lambda entry: 0.0),
    ("E15a", "jacobian_entry", "another’s, inference", lambda entry: 1e-300),
    ("E16", "factor_tanh", "small, BatchNorm", lambda factor: 1.03 * factor),
    ("E16", "factor_sigmoid", "He, none", lambda factor: 0.36),
    ("E16", "factor_sigmoid", "He, none", lambda factor: nan),
    ("E16", "factor_tanh", "small, BatchNorm", lambda factor: nan),
    ("E16", "factor_relu", "N(0, 1), BatchNorm", lambda factor: nan),
    ("E18", "iterations", "raw", lambda steps: 1.4 * steps),
    ("E18", "iterations", "normalized", lambda steps: 4.0),
    ("E19", "invariance_error", "∂L/∂u, ε = 0", lambda error: 2e-12),
    ("E19b", "alignment", "lr 1", lambda cosine: 2e-12),
    ("E19b", "weight_norm", "lr 10", lambda norm: 1 / norm),
    ("E20", "gradcheck", "simplified, float64", lambda passed: 0.0),
    ("E20", "difference", "as printed, float64", lambda difference: inf),
    ("E20", "difference", "as printed, float64", lambda difference: nan),
    ("E20", "difference", "simplified, float64", lambda difference: nan),
    ("E24", "effective_rank", "linear, BatchNorm", lambda rank: rank / 2),
    ("E24", "effective_rank", "ReLU, BatchNorm, 2|W|", lambda rank: 1.1),
    ("E24", "effective_rank", "linear, BatchNorm, 2|W|", lambda rank: nan),
    ("E24", "effective_rank", "ReLU, BatchNorm, 2|W|", lambda rank: nan),
    ("E24", "effective_rank", "ReLU, BatchNorm", lambda rank: nan),
    ("E29", "absolute_change", "ReLU, BatchNorm", lambda change: 4 * change),
)
"""A claim that is reproduced, and a change of one series with which it is not."""
MENDED: tuple[tuple[str, str, Callable[[str], bool], Callable[[float], float]], ...] = (
    ("E16c", "factor_", lambda series: series == "Xavier, BatchNorm", lambda factor: 1.04),
    ("E29b", "relative_change", lambda series: series == "ReLU, BatchNorm", lambda _: 1e-3),
)
"""A claim that is not reproduced, and a change with which it is."""
ENTRIES = {entry.name: entry for entry in catalog.entries() if isinstance(entry.experiment, Study)}


CLAIMS = {claim.number: (name, claim) for name in ANALYTIC for claim in ENTRIES[name].claims}


@cache
def found(name: str) -> Evidence:
    return measured(name, length="quick")


def changed(number: str, concerns: Callable[[str, str], bool],
            change: Callable[[float], float]) -> tuple[Claim, Evidence]:  # fmt: skip
    """A claim, and what its study measured with some of it changed."""
    name, claim = CLAIMS[number]
    evidence = found(name)
    measurements = [
        replace(m, value=change(m.value)) if concerns(m.quantity, m.series) else m
        for m in evidence.measurements
    ]
    assert measurements != evidence.measurements, "nothing was changed"
    return claim, replace(evidence, measurements=measurements)


@pytest.mark.parametrize("name", ANALYTIC)
def test_analytic_claims_hold(name: str) -> None:
    evidence = found(name)
    assert {m.quantity for m in evidence.measurements} == {q.name for q in ENTRIES[name].quantities}
    for claim in (c for c in ENTRIES[name].claims if c.number not in TIMED):
        outcome = claim.decide(evidence)
        assert outcome.result == claim.expected, outcome.reason


@pytest.mark.parametrize(("number", "quantity", "series", "change"), SPOILED)
def test_claims_do_not_hold_of_other_measurements(
    number: str, quantity: str, series: str, change: Callable[[float], float]
) -> None:
    claim, evidence = changed(number, lambda *of: of == (quantity, series), change)
    assert claim.expected == "reproduced"
    assert claim.decide(evidence).result == "not reproduced"


@pytest.mark.parametrize(("number", "quantity", "concerns", "change"), MENDED)
def test_claims_that_fail_would_hold_of_other_measurements(
    number: str, quantity: str, concerns: Callable[[str], bool], change: Callable[[float], float]
) -> None:
    claim, evidence = changed(number, lambda q, s: q.startswith(quantity) and concerns(s), change)
    assert claim.expected == "not reproduced"
    assert claim.decide(evidence).result == "reproduced"


def test_whitening_costs_more_with_units_where_the_ratio_grows() -> None:
    ratios = iter([7.0, 70.0] * 3)
    concerns = ("time_ratio", "ZCA")
    claim, evidence = changed("E7b", lambda *of: of == concerns, lambda _: next(ratios))
    outcome = claim.decide(evidence)
    assert outcome.result == "reproduced"
    assert outcome.reason == (
        "ZCA ÷ BatchNorm, in time, goes with d to the power of 1.00 (1.00 to 1.00, 3 seeds): "
        "7.0 × (7.0 to 7.0, 3 seeds) at d = 10, "
        "70.0 × (70.0 to 70.0, 3 seeds) at d = 100."
    )


@pytest.mark.parametrize("number", CLAIMS)
def test_a_series_that_is_missing_leaves_a_claim_open(number: str) -> None:
    name, claim = CLAIMS[number]
    evidence, asked = found(name), ENTRIES[name].experiment
    series = dict.fromkeys((m.quantity, m.series) for m in evidence.measurements)
    left_open = 0
    for missing in series:
        rest = [m for m in evidence.measurements if (m.quantity, m.series) != missing]
        outcome = judge(claim, replace(evidence, measurements=rest), asked, asked)
        left_open += outcome.result == "inconclusive"
        assert outcome.result in {"inconclusive", claim.expected} or claim.number in TIMED
    assert left_open > 0


@pytest.mark.parametrize("value", [nan, inf, -inf, 0.0, -1.0])
@pytest.mark.parametrize("number", CLAIMS)
def test_no_number_upsets_a_criterion(number: str, value: float) -> None:
    claim, evidence = changed(number, lambda *_: True, lambda _: value)
    assert claim.decide(evidence).result in {"reproduced", "not reproduced"}
    if isnan(value):
        assert claim.decide(evidence).result == "not reproduced"


def test_one_number_of_units_does_not_say_how_a_cost_grows() -> None:
    name, claim = CLAIMS["E7b"]
    asked, evidence = ENTRIES[name].experiment, found(name)
    narrow = [m for m in evidence.measurements if m.quantity != "time_ratio" or m.x == 10]
    outcome = judge(claim, replace(evidence, measurements=narrow), asked, asked)
    assert outcome.result == "inconclusive" and "measured at 1 x alone" in outcome.reason


def test_every_study_is_in_the_catalog_and_the_other_way_round() -> None:
    asked = [entry.experiment for entry in ENTRIES.values()]
    assert {study.study for study in asked if isinstance(study, Study)} == set(studies.names())


def test_a_run_of_a_study_that_is_not_there_says_so(engine: Engine) -> None:
    asked = Study(name="A study", study="nothing")
    run_id = queue.enqueue(engine, asked)
    with pytest.raises(SetupProblem, match=r"no study 'nothing'; expected one of .*added_bias"):
        run_study(engine, Path("absent"), run_id, asked)
