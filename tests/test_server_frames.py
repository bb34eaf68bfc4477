"""How wide a bucket is: each table by the records that are due, as the trainer makes them."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from shiftscope.db.experiment import Experiment
from shiftscope.db.tables import RECORD_TABLES, Run
from shiftscope.server.frames import records_due, widths_for
from shiftscope.trainer.evaluation import is_due, is_probed
from shiftscope.trainer.step_measures import is_measured


def run_of(steps: int, looked: int | None = None, **recording: int) -> Run:
    experiment: dict[str, Any] = {"steps": steps, "recording": recording}
    document = Experiment.model_validate(experiment).model_dump()
    return Run(steps=steps, looked=looked, experiment=document)


@given(
    data=st.data(), steps=st.integers(1, 3_000), every=st.integers(1, 1_500), early=st.booleans()
)
def test_what_is_due_is_what_the_trainer_records(
    data: Any, steps: int, every: int, early: bool
) -> None:
    run = run_of(
        steps,
        record_every=every,
        evaluate_every=every,
        evaluate_early=early,
        probe_every=every,
        gradient_shift_every=every,
    )
    first = data.draw(st.integers(0, steps))
    last = data.draw(st.integers(first, steps))
    span = range(first, last + 1)
    evaluated = sum(is_due(step, every, steps, early=early) for step in span)
    assert records_due(run, "evaluations", first, last) == evaluated
    assert records_due(run, "ensemble_records", first, last) == evaluated
    probed = sum(is_probed(step, every, steps) for step in span)
    assert records_due(run, "probe_records", first, last) == probed
    recorded = sum(step > 0 and (step - 1) % every == 0 for step in span)
    assert records_due(run, "layer_records", first, last) == recorded
    measured = sum(step > 0 and is_measured(step, every) for step in span)
    assert records_due(run, "gradient_shift_records", first, last) == measured


def test_the_evaluations_of_a_long_run_are_exact_beside_buckets_of_layers() -> None:
    run = run_of(50_000)
    widths = widths_for(run, 0, 50_000, points=500)
    assert widths == {
        "layer_records": 256,
        "network_records": 256,
        "evaluations": 1,
        "probe_records": 1,
        "ensemble_records": 1,
        "gradient_shift_records": 1,
        "landscape_records": 1,
    }
    assert widths.keys() == RECORD_TABLES.keys()
    often = widths_for(run_of(50_000, evaluate_every=10), 0, 50_000, points=500)
    assert often["evaluations"] == 256


@given(points=st.integers(2, 1_000), cadence=st.integers(1, 200))
def test_no_width_shrinks_while_a_cap_makes_the_cadence_sparser(points: int, cadence: int) -> None:
    widths = [
        widths_for(run_of(5_000, looked=step // cadence), 0, step, points)["layer_records"]
        for step in range(0, 5_001, 37)
    ]
    assert widths == sorted(widths)


def test_no_range_is_due_more_records_than_were_looked_at() -> None:
    run = Run(steps=None, looked=40)
    assert records_due(run, "layer_records", 0, 10_000) == 40
    assert records_due(run, "network_records", 100, 110) == 11


@given(points=st.integers(2, 1_000), every=st.integers(1, 200))
def test_no_width_shrinks_while_a_run_grows(points: int, every: int) -> None:
    run = run_of(5_000, record_every=every, evaluate_every=every)
    found = [widths_for(run, 0, step, points) for step in range(0, 5_001, 37)]
    for table in RECORD_TABLES:
        widths = [by_table[table] for by_table in found]
        assert widths == sorted(widths)
