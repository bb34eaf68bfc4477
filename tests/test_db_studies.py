"""A study is stored, its measurements come back, and they decide its claims."""

import math
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from shiftscope.db import catalog, queue, read
from shiftscope.db.errors import InvalidExperiment
from shiftscope.db.judge import judged
from shiftscope.db.parsing import parse_study, with_settings
from shiftscope.db.study import Measurement, Study
from shiftscope.db.write import append_measurements

ODD = [1.5, math.nan, math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
ENTRY = catalog.entry("redundant-bias")
FOUND = [
    Measurement(0, "output_difference", "float32", 100.0, 2e-5),
    Measurement(0, "bias_gradient", "float64", 100.0, 1e-16),
    Measurement(0, "bias_gradient", "float32", 100.0, 1e-7),
]


def study() -> Study:
    asked = ENTRY.experiment
    assert isinstance(asked, Study)
    return asked


def enqueued(engine: Engine, asked: Study | None = None) -> int:
    return queue.enqueue(engine, asked or study(), ENTRY.name)


def shown(measurements: list[Measurement]) -> list[str]:
    """Equal for equal measurements, NaN among them."""
    return [repr(measurement) for measurement in measurements]


def test_a_study_is_queued_claimed_and_read_back(any_engine: Engine) -> None:
    run_id = enqueued(any_engine)
    run = read.run(any_engine, run_id)
    assert (run.source, run.experiment, run.watched, run.steps) == ("study", None, None, None)
    assert run.study is not None and parse_study(run.study) == study()
    assert queue.claim(any_engine, queue.register(any_engine)) == run_id
    assert queue.ask_to_stop(any_engine, run_id) == "stopping"


def test_measurements_come_back_in_order_and_step_counts_them(any_engine: Engine) -> None:
    run_id, other = enqueued(any_engine), enqueued(any_engine)
    found = [Measurement(at % 2, "q", f"s{at}", x, x) for at, x in enumerate(ODD)]
    assert append_measurements(any_engine, run_id, 0, found[:3]) == "queued"
    assert append_measurements(any_engine, run_id, 3, found[3:]) == "queued"
    append_measurements(any_engine, other, 0, [])
    run = read.run(any_engine, run_id)
    assert run.step == len(ODD) and read.run(any_engine, other).step == 0
    assert shown(read.measurements(any_engine, run)) == shown(found)
    assert shown(read.measurements(any_engine, run, after=5)) == shown(found[5:])
    assert shown(read.measurements(any_engine, run, after=1, limit=2)) == shown(found[1:3])
    run.step = 2  # what a reader saw of the run bounds what it reads
    assert len(read.measurements(any_engine, run)) == 2


@pytest.mark.parametrize("status", ["finished", "stopped", "failed"])
def test_only_a_study_that_came_to_its_end_decides_its_claims(engine: Engine, status: Any) -> None:
    run_id = enqueued(engine)
    append_measurements(engine, run_id, 0, FOUND)
    not_yet = "E9 inconclusive: The study has not come to its end."
    assert judged(engine, run_id).sentence == not_yet
    queue.end(engine, run_id, status)
    found = judged(engine, run_id)
    assert found.verdict is None and found.ended
    assert [claim.number for claim, _ in found.outcomes] == ["E9"]
    if status == "finished":
        assert found.sentence.startswith("E9 reproduced: Biases up to 100 moved an output by 2.0e-")
    else:
        assert found.sentence == not_yet


def test_more_seeds_and_another_length_are_the_claims_settings_and_another_study_is_not(
    engine: Engine,
) -> None:
    runs = [
        enqueued(engine, study().model_copy(update=change))
        for change in ({"seeds": [7]}, {"length": "quick"}, {"dataset": "digits"})
    ]
    for run_id in runs:
        append_measurements(engine, run_id, 0, FOUND)
        queue.end(engine, run_id, "finished")
    results = [judged(engine, run_id).outcomes[0][1].result for run_id in runs]
    assert results == ["reproduced", "reproduced", "not this claim’s settings"]


def test_a_study_whose_entry_is_gone_has_no_verdict(engine: Engine) -> None:
    run_id = queue.enqueue(engine, study(), "gone")
    queue.end(engine, run_id, "finished")
    assert "no verdict" in judged(engine, run_id).sentence


def test_the_settings_of_a_study_are_checked_by_their_names() -> None:
    changed = with_settings(study(), ["seeds=0,1", "length=quick", "name=7"])
    assert (changed.seeds, changed.length, changed.name) == ([0, 1], "quick", "7")
    for settings, field, says in (
        (["steps=9"], "steps", "expected one of name, study, dataset, length, seeds"),
        (["length=short"], "length", "'quick' or 'full'"),
        (["seeds=1,1"], "seeds", "may appear once"),
        (["study=../../etc"], "study", "expected a study's name"),
    ):
        with pytest.raises(InvalidExperiment) as caught:
            with_settings(study(), settings)
        (problem,) = caught.value.problems
        assert problem.field == field and says in problem.message


def test_a_study_that_is_not_there_is_refused() -> None:
    catalog.check_study(study())
    with pytest.raises(InvalidExperiment, match=r"study: There is no study 'nothing'.*added_bias"):
        catalog.check_study(study().model_copy(update={"study": "nothing"}))


def test_training_comes_first_in_the_catalog_then_studies_by_the_numbers_of_their_claims() -> None:
    entries = catalog.entries()
    assert [isinstance(entry.experiment, Study) for entry in entries] == sorted(
        isinstance(entry.experiment, Study) for entry in entries
    )
    assert entries[0].name == "mnist-sigmoid"
    claims = [replace(ENTRY.claims[0], number=number) for number in ("E8", "E8b", "E11", "R1")]
    numbered = [replace(ENTRY, claims=(claim,)) for claim in claims]
    assert sorted(reversed(numbered), key=catalog.order) == numbered
