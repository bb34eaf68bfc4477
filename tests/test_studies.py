"""Studies find what their claims say: the analytic ones here, at their own length."""

import pytest
from studying import measured

from shiftscope.db import catalog
from shiftscope.db.study import Study
from shiftscope.trainer import studies

ANALYTIC = ("redundant-bias",)
ENTRIES = {entry.name: entry for entry in catalog.entries() if isinstance(entry.experiment, Study)}


@pytest.mark.parametrize("name", ANALYTIC)
def test_analytic_claims_hold(name: str) -> None:
    evidence = measured(name)
    assert {m.quantity for m in evidence.measurements} == {q.name for q in ENTRIES[name].quantities}
    for claim in ENTRIES[name].claims:
        outcome = claim.decide(evidence)
        assert outcome.result == claim.expected, outcome.reason


def test_every_study_is_in_the_catalog_and_the_other_way_round() -> None:
    asked = [entry.experiment for entry in ENTRIES.values()]
    assert {study.study for study in asked if isinstance(study, Study)} == set(studies.names())
