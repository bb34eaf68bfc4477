"""The ensemble of §4.2.3: its members, its study on digits, and its criterion (E6)."""

import math

import pytest
import torch
from studying import measured
from torch import nn

from shiftscope.db import catalog
from shiftscope.db.claims import Evidence, judge
from shiftscope.db.study import Measurement
from shiftscope.trainer.studies import ensemble
from shiftscope.trainer.studies.ensemble import Member, PerActivation

ENTRY = catalog.entry("mnist-ensemble")
(E6,) = ENTRY.claims
SINGLES = [0.984, 0.979, 0.985, 0.981, 0.983, 0.980]


def evidence(singles: list[float], together: float) -> Evidence:
    found = [
        Measurement(0, "top_1", "single network", k, value)
        for k, value in enumerate(singles, start=1)
    ]
    # the first ones together were better: only all six count
    for k, value in ((1, 0.999), (len(singles), together)):
        found.append(Measurement(0, "top_1", "first k together", k, value))
    return Evidence((), (), step=len(found), ended=True, measurements=found)


@pytest.mark.parametrize(
    ("together", "result"),
    [(0.989, "reproduced"), (0.985, "reproduced"), (0.984, "not reproduced")],
)
def test_the_ensemble_must_not_be_below_its_best_member(together: float, result: str) -> None:
    outcome = E6.decide(evidence(SINGLES, together))
    assert outcome.result == result, outcome.reason
    assert "alone 97.9 % to 98.5 %" in outcome.reason


def test_a_member_that_diverged_makes_no_ensemble() -> None:
    assert E6.decide(evidence([*SINGLES[:5], math.nan], math.nan)).result == "not reproduced"
    assert E6.decide(evidence([*SINGLES[:5], math.nan], 0.999)).result == "not reproduced"


@pytest.mark.parametrize("singles", [[], SINGLES[:5]])
def test_fewer_than_six_members_decide_nothing(singles: list[float]) -> None:
    outcome = judge(E6, evidence(singles, 0.999), ENTRY.experiment, ENTRY.experiment)
    assert outcome.result == "inconclusive", outcome.reason
    only_one = [m for m in evidence(SINGLES, 0.999).measurements if m.x != 6 or "k" not in m.series]
    outcome = judge(
        E6, Evidence((), (), 7, True, measurements=only_one), ENTRY.experiment, ENTRY.experiment
    )
    assert outcome.result == "inconclusive", outcome.reason


def test_each_activation_is_normalized_over_the_batch_alone() -> None:
    x = torch.randn(9, 4, 3, 2)
    y = PerActivation(x.shape[1:])(x)
    assert y.shape == x.shape
    expected = (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(y, nn.BatchNorm2d(4)(x), atol=0.1)


def test_the_study_measures_what_its_entry_says(monkeypatch: pytest.MonkeyPatch) -> None:
    members = (Member(scale=2.0, dropout=0.1), Member(per_activation=True))
    monkeypatch.setattr(ensemble, "MEMBERS", members)
    monkeypatch.setattr(ensemble, "STEPS", {"quick": 30})
    found = measured("mnist-ensemble", dataset="digits", length="quick").measurements
    assert {m.quantity for m in found} == {quantity.name for quantity in ENTRY.quantities}
    value = {(m.quantity, m.series, m.x): m.value for m in found}
    assert len(value) == len(found) == 8
    assert value["top_1", "single network", 1] == value["top_1", "first k together", 1]
    for series in ("single network", "first k together"):
        for k in (1, 2):
            assert 0.15 < value["top_1", series, k] < value["top_2", series, k] <= 1
