"""Studies find what their claims say: the analytic ones here, at their own length."""

from pathlib import Path

import pytest
from sqlalchemy import Engine
from studying import measured

from shiftscope.db import catalog, queue
from shiftscope.db.errors import SetupProblem
from shiftscope.db.study import Study
from shiftscope.trainer import studies
from shiftscope.trainer.measuring import run_study

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


def test_a_run_of_a_study_that_is_not_there_says_so(engine: Engine) -> None:
    asked = Study(name="A study", study="nothing")
    run_id = queue.enqueue(engine, asked)
    with pytest.raises(SetupProblem, match="no study 'nothing'; expected one of .*added_bias"):
        run_study(engine, Path("absent"), run_id, asked)
