"""What is recorded comes back: NaN, infinities and NULL, ranges, buckets, exports."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shiftscope.db import read, write
from shiftscope.db.errors import NotFound
from shiftscope.db.series import Selection, bucket_width, series

ODD = [1.5, math.nan, None, math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
"""SQLite keeps whole numbers as integers, so that -0.0 comes back as 0.0 and is not among them."""
ODD_NAMES = ("mean", "p50", "max")


def same(left: Any, right: Any) -> bool:
    """Bit for bit, and None only with None."""
    if left is None or right is None:
        return left is right
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return np.float64(left).tobytes() == np.float64(right).tobytes()


def first_layer(run: Any, *statistics: str) -> Selection:
    network_id, layer_ids = run.networks[0]
    return Selection("layer_records", network_id, layer_ids[0], statistics)


def test_nan_infinities_and_null_read_back_as_they_were(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine)
    run.append(len(ODD), **{name: ODD for name in ODD_NAMES})
    found = series(any_engine, first_layer(run, *ODD_NAMES, "dead"), 1, len(ODD), 1)
    for name in ODD_NAMES:
        assert found.null[name] == [ODD.index(None)]
        back = [None if row in found.null[name] else x for row, x in enumerate(found.low[name])]
        assert all(map(same, back, ODD))
    assert "dead" not in found.low and found.nan == {}


def test_an_export_holds_every_value_as_it_was_in_order(any_engine: Engine, make_run: Any) -> None:
    arms = ('comma, "quote"', "línea; 'nueva'")
    run = make_run(any_engine, arms=arms)
    run.begin()
    run.append(len(ODD), **{name: ODD for name in ODD_NAMES})
    columns = read.export_columns("layer_records")
    rows = list(read.export_rows(any_engine, run.run_id, "layer_records"))
    keys = [row[: columns.index("step") + 1] for row in rows]
    assert keys == [
        (run.run_id, network_id, arm, 0, layer_id, layer, step)
        for arm, (network_id, layer_ids) in zip(arms, run.networks, strict=True)
        for layer_id, layer in zip(layer_ids, ("hidden1", "hidden2"), strict=True)
        for step in range(1, len(ODD) + 1)
    ]
    for name in ODD_NAMES:
        assert all(map(same, [row[columns.index(name)] for row in rows], ODD * 4))
    assert all(row[columns.index("dead")] is None for row in rows)


def test_an_export_ends_at_the_step_where_it_began(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine)
    run.append(5)
    rows = read.export_rows(any_engine, run.run_id, "network_records")
    next(rows)
    run.append(5)
    assert sum(1 for _ in rows) == 2 * 5 - 1


def test_nothing_of_a_commit_is_seen_when_it_fails(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine)
    run.append(3)
    network_id = run.networks[0][0]
    for steps in ([4], [4]):
        run.writer.add("network_records", {"network_id": network_id}, {"step": steps, "loss": [1]})
    with pytest.raises(Exception, match=r"(?i)unique"):
        run.writer.commit(4)
    selection = Selection("network_records", network_id, None, ("loss",))
    assert series(any_engine, selection, 0, 10, 1).step.tolist() == [1, 2, 3]
    assert read.run(any_engine, run.run_id).step == 3


def test_a_spike_of_one_step_is_in_sight_at_every_width(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine)
    values = np.zeros(10_000)
    values[6_666], values[1_234] = 100.0, -100.0
    run.append(10_000, mean=values)
    for points in (2, 10, 500, 2_000, 20_000):
        width = bucket_width(10_000, points, records=10_000)
        found = series(any_engine, first_layer(run, "mean"), 1, 10_000, width)
        assert found.high["mean"].max() == 100.0 and found.low["mean"].min() == -100.0
        assert len(found.step) <= (points if width == 1 else points // 2 + 1)


def test_buckets_are_aligned_and_stay_the_same_while_the_run_grows(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    values = np.random.default_rng(0).normal(size=1_000)
    seen: dict[int, tuple[float, ...]] = {}
    for begin in range(0, 1_000, 90):
        run.append(min(90, 1_000 - begin), mean=values[begin : begin + 90])
        found = series(any_engine, first_layer(run, "mean"), 0, run.step, 32)
        rows = zip(found.step, found.last_step, found.low["mean"], found.high["mean"], strict=True)
        for first, last, low, high in rows:
            assert first // 32 == last // 32
            if last % 32 == 31:  # complete: it may never change again
                assert seen.setdefault(first, (last, low, high)) == (last, low, high)
    whole = series(any_engine, first_layer(run, "mean"), 0, 1_000, 32)
    part = series(any_engine, first_layer(run, "mean"), 500, 700, 32)
    assert part.first == 480
    at = whole.step.tolist().index(480)
    assert part.high["mean"][:-1].tolist() == whole.high["mean"][at : at + 6].tolist()


def test_a_bucket_with_nan_says_so_and_keeps_the_numbers_extremes(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    columns = {
        "mean": [1.0, 2.0, math.nan, 7.0, 3.0, 4.0, math.nan, math.nan],
        "std": [math.inf, math.nan, 1.0, 2.0, -math.inf, 0.0, 0.0, 0.0],
        "p50": [None, None, None, None, 5.0, None, math.nan, None],
    }
    run.append(1, **{name: [9.0] for name in columns})  # so that the next eight are 2 to 9
    run.append(8, **columns)
    found = series(any_engine, first_layer(run, *columns), 2, 9, 2)
    assert found.step.tolist() == [2, 4, 6, 8]
    expected = {  # by bucket of two: minimum, maximum
        "mean": ([1, 7, 3, math.nan], [2, 7, 4, math.nan]),
        "std": ([math.inf, 1, -math.inf, 0], [math.inf, 2, 0, 0]),
        "p50": ([math.nan, math.nan, 5, math.nan], [math.nan, math.nan, 5, math.nan]),
    }
    for name, (low, high) in expected.items():
        np.testing.assert_array_equal(found.low[name], low)
        np.testing.assert_array_equal(found.high[name], high)
    assert found.nan == {"mean": [1, 3], "std": [0], "p50": [3]}
    assert found.null == {"p50": [0, 1]}


@settings(max_examples=25)
@given(
    values=st.lists(st.none() | st.floats(width=64), min_size=1, max_size=60),
    width=st.sampled_from([2, 4, 16]),
)
def test_buckets_equal_a_slow_independent_count(
    engine: Engine, make_run: Any, values: list[float | None], width: int
) -> None:
    run = make_run(engine)
    run.append(len(values), mean=values)
    found = series(engine, first_layer(run, "mean"), 0, len(values), width)
    buckets: dict[int, list[float | None]] = {}
    for step, value in enumerate(values, start=1):
        buckets.setdefault(step // width, []).append(value)
    assert [step // width for step in found.step.tolist()] == list(buckets)
    if all(value is None for value in values):
        assert found.low == {}
        return
    for row, bucket in enumerate(buckets.values()):
        present = [value for value in bucket if value is not None]
        numbers = [value for value in present if not math.isnan(value)]
        assert (row in found.null.get("mean", [])) == (not present)
        assert (row in found.nan.get("mean", [])) == (len(numbers) < len(present))
        low, high = found.low["mean"][row], found.high["mean"][row]
        if numbers:
            assert (low, high) == (min(numbers), max(numbers))
        else:
            assert math.isnan(low) and math.isnan(high)


@given(
    steps=st.integers(1, 10_000_000),
    points=st.integers(2, 100_000),
    every=st.integers(1, 1_000),
)
def test_a_width_is_the_narrowest_power_of_two_that_fits(
    steps: int, points: int, every: int
) -> None:
    records = -(-steps // every)
    width = bucket_width(steps, points, records)
    assert width & (width - 1) == 0
    if records <= points:
        assert width == 1
    else:
        assert -(-steps // width) <= points // 2
        assert width == 1 or -(-steps // (width // 2)) > points // 2


@pytest.mark.parametrize(
    ("table", "statistic"),
    [("runs", "id"), ("layer_records", "step"), ("layer_records", "mean; DROP TABLE runs")],
)
def test_only_statistics_of_record_tables_can_be_selected(table: str, statistic: str) -> None:
    with pytest.raises(NotFound, match="expected one of"):
        Selection(table, 1, 1, (statistic,))


def test_a_frozen_network_is_marked_with_the_commit_that_says_so(
    engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    writer: write.RecordWriter = run.writer
    writer.freeze(run.networks[1][0], diverged_step=7, frozen_step=9)
    assert read.networks(engine, run.run_id)[1].frozen_step is None
    writer.commit(9)
    other, frozen = read.networks(engine, run.run_id)
    assert (frozen.diverged_step, frozen.frozen_step) == (7, 9)
    assert other.frozen_step is None
