"""Levels say what the records say, whoever made them, and are what long ranges are read from."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, text, update

from shiftscope.db import leveller, write
from shiftscope.db.backfill import backfill
from shiftscope.db.buckets import of_records
from shiftscope.db.engine import writing
from shiftscope.db.leveller import Leveller
from shiftscope.db.levels import Key
from shiftscope.db.series import Selection, Series, series
from shiftscope.db.tables import Level, Run

STATISTICS = ("mean", "p50", "max", "dead", "nonfinite")
WIDTHS = (16, 32, 128, 1024, 4096, 65_536)
ODD = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -1.7976931348623157e308, None]


def stored_levels(engine: Engine) -> list[tuple[Any, ...]]:
    """Every row of every chunk."""
    with engine.connect() as connection:
        keys = [column for column in Level.__table__.columns if column.primary_key]
        return [tuple(row) for row in connection.execute(select(Level.__table__).order_by(*keys))]


def forget_levels(engine: Engine) -> None:
    """As a run of an earlier version has it: records alone."""
    with writing(engine) as connection:
        connection.execute(delete(Level))
        connection.execute(update(Run).values(status="finished"))


def same(left: Series, right: Series) -> bool:
    """Bit for bit."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.dtype, value.tobytes()
        return {k: plain(v) for k, v in value.items()} if isinstance(value, dict) else value

    names = [field.name for field in dataclasses.fields(Series)]
    return all(plain(getattr(left, name)) == plain(getattr(right, name)) for name in names)


@st.composite
def recordings(draw: st.DrawFn) -> tuple[np.ndarray, int, int, float]:
    """Steps of records, in stretches of one cadence each; rows a commit; a seed; how many odd."""
    stretches = st.tuples(st.integers(1, 6_000), st.sampled_from([1, 1, 1, 2, 7, 20, 500, 40_000]))
    steps = [draw(st.integers(0, 3_000))]
    for count, every in draw(st.lists(stretches, min_size=1, max_size=4)):
        steps += range(
            steps[-1] + every, steps[-1] + every * min(count, 100_000 // every) + 1, every
        )
    odd = draw(st.sampled_from([0.0, 0.001, 0.3, 1.0]))
    return np.array(steps), draw(st.integers(1, 4_000)), draw(st.integers(0, 2**32 - 1)), odd


@settings(max_examples=8)
@given(recording=recordings(), between=st.tuples(*[st.floats(0, 1)] * 2))
@example(recording=(np.arange(1, 36_000), 3_000, 0, 0.001), between=(0.1, 0.95))
def test_levels_are_to_the_bit_what_the_records_come_to(
    engine: Engine,
    make_run: Any,
    recording: tuple[np.ndarray, int, int, float],
    between: tuple[float, float],
) -> None:
    steps, at_once, seed, odd = recording
    generator = np.random.default_rng(seed)
    run = make_run(engine, arms=("none",))
    network_id, (layer_id, _) = run.networks[0]
    at = 0
    while at < len(steps):
        part = steps[at : at + generator.integers(1, at_once + 1)]
        columns: dict[str, Any] = {"step": part, "nonfinite": generator.integers(0, 9, len(part))}
        for name in ("mean", "p50", "max"):
            values = generator.normal(size=len(part)).tolist()
            for place in np.flatnonzero(generator.random(len(part)) < odd):
                values[place] = ODD[generator.integers(len(ODD))]
            columns[name] = values if odd else np.array(values)
        run.writer.add("layer_records", {"network_id": network_id, "layer_id": layer_id}, columns)
        run.writer.commit(int(part[-1]))
        at += len(part)
    latest = int(steps[-1])
    selection = Selection("layer_records", network_id, layer_id, STATISTICS)
    low, high = sorted(round(share * latest) for share in between)
    ranges = [(0, latest), (low, high), (high, latest + 5_000)]
    asked = [(first, last, width) for first, last in ranges for width in WIDTHS]
    with_levels = [series(engine, selection, *one) for one in asked]
    written = stored_levels(engine)
    forget_levels(engine)
    from_records = [series(engine, selection, *one) for one in asked]
    assert [one for one, left, right in zip(asked, with_levels, from_records, strict=True)
            if not same(left, right)] == []  # fmt: skip
    backfill(engine, run.run_id)
    backfill(engine, run.run_id)
    assert stored_levels(engine) == written or latest < 2_048
    forget_levels(engine)


def test_a_long_range_is_read_from_levels_and_the_rest_from_records(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine, arms=("none",))
    values = np.zeros(36_000)
    values[[5, 33_000, 35_999]] = 1.0, math.nan, -1.0
    for part in np.split(values, 6):
        run.append(len(part), mean=part)
    network_id, (layer_id, _) = run.networks[0]
    selection = Selection("layer_records", network_id, layer_id, ("mean", "std"))
    asked = [(0, 36_000, width) for width in (32, 64, 1024, 4096)]
    before = [series(any_engine, selection, *one) for one in asked]
    loss = Selection("network_records", network_id, None, ("loss",))
    loss_before = series(any_engine, loss, 0, 36_000, 2048)
    with writing(any_engine) as connection:  # what chunks stand for is not looked at again
        for table in ("layer_records", "network_records"):
            connection.execute(text(f"DELETE FROM {table} WHERE step < 35 * 1024"))
    after = [series(any_engine, selection, *one) for one in asked]
    assert all(map(same, before, after))
    assert same(series(any_engine, loss, 0, 36_000, 2048), loss_before)
    for found in after:
        assert found.high["mean"].max() == 1.0 and found.low["mean"].min() == -1.0
        (bucket,) = found.nan["mean"]
        assert found.step[bucket] <= 33_001 <= found.last_step[bucket]
        assert "std" not in found.low and found.null == {}


def test_the_levels_of_a_deleted_run_are_gone(any_engine: Engine, make_run: Any) -> None:
    kept, deleted = make_run(any_engine), make_run(any_engine)
    kept.append(3_000)
    of_kept = stored_levels(any_engine)
    deleted.append(3_000)
    assert len(stored_levels(any_engine)) == 2 * len(of_kept) > 0
    with writing(any_engine) as connection:
        connection.execute(delete(Run).where(Run.id == deleted.run_id))
    assert stored_levels(any_engine) == of_kept


def test_a_failed_commit_leaves_no_level_and_the_next_one_writes_it(
    engine: Engine, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    real = leveller.insert_levels

    def fail(*arguments: Any) -> None:
        real(*arguments)
        raise OSError("The disk is full.")

    monkeypatch.setattr(leveller, "insert_levels", fail)
    with pytest.raises(OSError, match="full"):
        run.append(2_000)
    assert stored_levels(engine) == []
    monkeypatch.undo()
    run.writer.commit(2_000)
    assert len(stored_levels(engine)) > 0


def test_what_another_process_goes_on_with_is_read_right_and_then_filled_in(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine, arms=("none",))
    run.append(3_000)
    first = stored_levels(any_engine)
    run.writer = write.RecordWriter(any_engine, run.run_id)
    run.append(6_000)
    assert stored_levels(any_engine) == first  # it does not know where they began
    network_id, (layer_id, _) = run.networks[0]
    selection = Selection("layer_records", network_id, layer_id, ("mean",))
    before = series(any_engine, selection, 0, 9_000, 128)
    backfill(any_engine, run.run_id)
    filled = stored_levels(any_engine)
    assert set(first) < set(filled)
    assert same(series(any_engine, selection, 0, 9_000, 128), before)
    forget_levels(any_engine)
    backfill(any_engine, run.run_id)
    assert stored_levels(any_engine) == filled


def test_records_out_of_order_are_refused() -> None:
    levels = Leveller(Key("network_records", 1, None), ("loss",))
    empty = np.zeros((1, 1))
    for step in (5, 5):
        levels.add(of_records(np.array([step]), empty, empty > 0))
    with pytest.raises(ValueError, match="order of their steps"):
        levels.add(of_records(np.array([4]), empty, empty > 0))


def test_an_older_run_that_is_looked_at_gets_its_levels(
    engine: Engine, make_run: Any, connect: Callable[..., httpx.Client]
) -> None:
    run = make_run(engine)
    run.append(5_000)
    written = stored_levels(engine)
    forget_levels(engine)
    web = connect(engine)
    network_id = run.networks[0][0]
    asked = {"table": "network_records", "network_id": network_id, "statistics": ["loss"]}
    answer = web.post(f"/api/runs/{run.run_id}/series", json={"series": [asked], "points": 100})
    assert answer.status_code == 200
    deadline = time.monotonic() + 60
    while stored_levels(engine) != written:
        assert time.monotonic() < deadline, "no levels were made"
        time.sleep(0.05)
