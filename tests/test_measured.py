"""One quantity as a chart needs it: nothing is lost in its buckets, and short series are whole."""

import math
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from shiftscope.db import read
from shiftscope.db.importing import store_import
from shiftscope.db.quantities import Measured, bucket_width, measured
from shiftscope.db.study import Measurement

LONG = 50_000
SPIKE = 31_415


def stored(engine: Engine, *found: Measurement) -> int:
    return store_import(engine, "log", {"seeds": [0]}, found)


def of(engine: Engine, run_id: int, quantity: str, **asked: Any) -> Measured:
    return measured(engine, read.run(engine, run_id), quantity, **asked)


def test_a_spike_of_one_place_in_a_long_series_is_in_its_bucket(engine: Engine) -> None:
    value = np.random.default_rng(0).normal(size=LONG)
    value[SPIKE] = 99.0
    run_id = stored(
        engine, *(Measurement(0, "loss", "a", float(x), float(value[x])) for x in range(LONG))
    )
    found = of(engine, run_id, "loss")
    assert (found.count, found.width, found.measurements) == (LONG, 128.0, None)
    (a,) = found.buckets
    begins = np.arange(0, LONG, 128)
    assert a.x.tolist() == begins.tolist() and not a.several
    assert a.last_x.tolist() == [*(begins[1:] - 1).tolist(), LONG - 1]
    assert a.low.tolist() == np.minimum.reduceat(value, begins).tolist()
    assert a.high.tolist() == np.maximum.reduceat(value, begins).tolist()
    assert a.high[SPIKE // 128] == 99.0
    sizes = np.append(begins[1:], LONG) - begins
    assert a.mean == pytest.approx(np.add.reduceat(value, begins) / sizes)

    zoomed = of(engine, run_id, "loss", first=SPIKE - 4_000, last=SPIKE + 4_000)
    assert (zoomed.width, zoomed.count) == (32.0, 8_003)
    assert zoomed.buckets[0].high.max() == 99.0
    near = of(engine, run_id, "loss", first=SPIKE - 0.5, last=SPIKE)
    assert near.measurements is not None and near.width is None
    assert [one.x for one in near.measurements] == [SPIKE - 1, SPIKE, SPIKE + 1]


def test_what_is_not_finite_is_counted_where_it_is(any_engine: Engine) -> None:
    odd = {3: math.nan, 5: math.inf, 6: -math.inf, **dict.fromkeys(range(8, 12), math.nan)}
    run_id = stored(
        any_engine,
        *(Measurement(0, "q", "a", float(x), odd.get(x, float(x))) for x in range(16)),
        Measurement(0, "q", "short", 7.0, -1.0),
        Measurement(0, "q", "short", math.inf, -1.0),
        Measurement(0, "other", "a", 1.0, 5.0),
    )
    found = of(any_engine, run_id, "q", points=8)
    assert (found.count, found.beside, found.width) == (17, 1, 4.0)
    a, short = found.buckets
    assert (a.series, short.series) == ("a", "short")
    assert (a.nan.tolist(), a.infinite.tolist()) == ([1, 0, 4, 0], [0, 2, 0, 0])
    assert a.low.tolist() == pytest.approx([0, 4, math.nan, 12], nan_ok=True)
    assert a.high.tolist() == pytest.approx([2, 7, math.nan, 15], nan_ok=True)
    assert a.mean.tolist() == pytest.approx([1, 5.5, math.nan, 13.5], nan_ok=True)
    assert (short.x.tolist(), short.last_x.tolist(), short.low.tolist()) == ([7], [7], [-1])
    assert of(any_engine, run_id, "absent") == Measured(0, 0, None, [], [])


def test_several_values_at_one_place_are_told(engine: Engine) -> None:
    pairs = [(seed, float(x)) for x in range(20) for seed in (0, 1)]
    run_id = stored(engine, *(Measurement(seed, "q", "a", x, x + seed) for seed, x in pairs))
    whole = of(engine, run_id, "q", points=40).measurements
    assert whole == [Measurement(seed, "q", "a", x, x + seed) for seed, x in pairs]
    (a,) = of(engine, run_id, "q", points=39).buckets
    assert a.several
    assert (a.low[0], a.high[0], a.mean[0]) == (0, 2, 1) and a.last_x[0] == 1
    at_one = stored(engine, *(Measurement(0, "q", "a", 2.5, float(at)) for at in range(9)))
    (a,) = of(engine, at_one, "q", points=8).buckets
    assert (a.x.tolist(), a.last_x.tolist(), a.high.tolist()) == ([2.5], [2.5], [8])


@pytest.mark.parametrize(
    ("low", "high", "buckets", "width"),
    [
        (0, 7, 8, 1.0),
        (0, 8, 8, 2.0),
        (-1, 1, 2, 2.0),
        (0.1, 0.2, 100, 2.0**-9),
        (3, 3, 2, 1.0),
        (-1.7e308, 1.7e308, 2, math.inf),
        (0, 1e-320, 2, 2.0**-1000),
    ],
)
def test_buckets_are_as_narrow_as_may_be(
    low: float, high: float, buckets: int, width: float
) -> None:
    assert bucket_width(low, high, buckets) == width


def test_a_quantity_is_asked_over_http(engine: Engine, connect: Any) -> None:
    run_id = stored(
        engine, *(Measurement(0, "train/loss", "a", float(x), math.nan) for x in range(9))
    )
    web, address = connect(engine), f"/api/runs/{run_id}/measured"
    asked = {"quantity": "train/loss", "first": 2, "last": 3}
    found = web.get(address, params=asked).json()
    assert (found["run"], found["count"], found["buckets"]) == (run_id, 4, [])
    assert found["measurements"][0] == {
        **{"seed": 0, "quantity": "train/loss", "series": "a"},
        **{"x": 1.0, "value": "NaN"},
    }
    found = web.get(address, params={"quantity": "train/loss", "points": 4}).json()
    assert (found["width"], found["measurements"]) == (8.0, None)
    assert found["buckets"] == [
        {
            **{"series": "a", "several": False, "x": [0, 8], "last_x": [7, 8]},
            **{name: ["NaN", "NaN"] for name in ("low", "high", "mean")},
            **{"nan": [8, 1], "infinite": [0, 0]},
        }
    ]
    for wrong in ({"points": 3}, {"first": "NaN"}, {"last": "inf"}, {"quantity": "\0"}):
        assert web.get(address, params=asked | wrong).status_code == 422
    assert web.get(address).status_code == 422
    assert web.get("/api/runs/77/measured", params=asked).status_code == 404
