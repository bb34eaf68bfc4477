"""What the page reads of one step, and of all units over the looks at the probe."""

import json
import math
import struct
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine

from shiftscope.db.errors import NotFound
from shiftscope.db.moment import records_at
from shiftscope.db.series import Selection
from shiftscope.db.units import unit_matrices

LOOKS = [0, 10, 20, 30, 40]
UNITS = 3


def with_units(run: Any) -> Any:
    """Five looks at both layers: unit u of look s has mean s + u; the second arm ended after 20."""
    for at, (network_id, layer_ids) in enumerate(run.networks):
        for step in LOOKS[: 3 if at else 5]:
            mean = (step + np.arange(UNITS)).astype("<f4")
            mean[0] = np.nan if step == 10 else mean[0]
            keys = {"network_id": network_id, "layer_id": layer_ids[0]}
            run.writer.add("unit_records", keys, {"step": [step], "mean": [mean.tobytes()]})
    run.append(40)
    return run


def test_the_record_of_a_step_is_its_own_or_the_last_before_it(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    (network_id, (layer_id, other_id)), _ = run.networks
    columns = {"step": [5, 10, 15], "mean": [0.5, math.nan, math.inf], "std": [1.0, None, 2.0]}
    run.writer.add("layer_records", {"network_id": network_id, "layer_id": layer_id}, columns)
    run.writer.commit(15)
    asked = [
        Selection("layer_records", network_id, layer, ("mean", "std"))
        for layer in (layer_id, other_id)
    ]

    def at(step: int) -> tuple[int | None, dict[str, float | None]]:
        found, nothing = records_at(any_engine, asked, step)
        assert (nothing.step, nothing.values) == (None, {}), "the other layer has no records"
        return found.step, found.values

    assert at(4) == (None, {})
    assert at(5) == at(9) == (5, {"mean": 0.5, "std": 1.0})
    step, values = at(12)
    assert step == 10 and values["std"] is None, "what does not apply is no NaN"
    assert values["mean"] is not None and math.isnan(values["mean"])
    assert at(99) == (15, {"mean": math.inf, "std": 2.0})


def test_a_moment_over_http(web: httpx.Client, engine: Engine, make_run: Any) -> None:
    run = make_run(engine)
    run.append(3, mean=[1.0, math.nan, -math.inf])
    series = [
        {"table": "layer_records", "network_id": network, "layer_id": layers[0],
         "statistics": ["mean", "p50"]}
        for network, layers in run.networks
    ]  # fmt: skip
    path = f"/api/runs/{run.run_id}/moment"
    asked = web.post(path, json={"series": series, "step": 2}).json()
    assert (asked["run"], asked["step"]) == (run.run_id, 2)
    assert [one["network_id"] for one in asked["records"]] == [n for n, _ in run.networks]
    assert asked["records"][0]["values"] == {"mean": "NaN", "p50": None}
    latest = web.post(path, json={"series": series}).json()
    assert latest["step"] == 3 and latest["records"][1]["values"]["mean"] == "-Infinity"
    assert web.post(path, json={"series": series, "step": 99}).json() == latest
    elsewhere = [series[0] | {"network_id": 99}]
    assert web.post(path, json={"series": elsewhere}).status_code == 404
    assert web.post(path, json={"series": series, "step": -1}).status_code == 422


def test_all_units_are_told_at_every_look_or_at_every_so_many(
    any_engine: Engine, make_run: Any
) -> None:
    run = with_units(make_run(any_engine))

    def read(**how: Any) -> Any:
        return unit_matrices(any_engine, run.run_id, "hidden1", "mean", **how)

    found = read()
    assert (found.looks, found.every) == (5, 1)
    first, second = found.matrices
    assert first.steps == LOOKS and second.steps == LOOKS[:3]
    assert first.values[:, 2].tolist() == [2, 12, 22, 32, 42] and second.values.shape == (3, UNITS)
    assert np.isnan(first.values[1, 0])
    some = read(columns=2)
    assert (some.looks, some.every) == (5, 3)
    assert [one.steps for one in some.matrices] == [[0, 30], [0]], "all arms tell the same looks"
    within = read(first=10, last=25).matrices[0]
    assert within.steps == [10, 20] and within.values[1].tolist() == [20, 21, 22]
    none = unit_matrices(any_engine, run.run_id, "hidden1", "running_mean").matrices[0]
    assert none.values is None and none.steps == LOOKS
    with pytest.raises(NotFound, match="'max'; expected one of mean"):
        unit_matrices(any_engine, run.run_id, "hidden1", "max")


def test_a_frame_of_units_over_http(web: httpx.Client, engine: Engine, make_run: Any) -> None:
    run = with_units(make_run(engine))
    path = f"/api/runs/{run.run_id}/units/matrix"
    answer = web.get(path, params={"layer": "hidden1", "array": "mean", "columns": 3})
    assert answer.headers["content-type"] == "application/octet-stream"
    (length,) = struct.unpack_from("<I", answer.content)
    header = json.loads(answer.content[4 : 4 + length])
    assert (4 + length) % 8 == 0 and header["type"] == "units"
    assert (header["layer"], header["array"], header["looks"], header["every"]) == (
        *("hidden1", "mean"),
        *(5, 2),
    )
    assert [one["step"] for one in header["networks"]] == [[0, 20, 40], [0, 20]]
    values = np.frombuffer(answer.content, "<f4", offset=4 + length)
    assert values.tolist() == [0, 1, 2, 20, 21, 22, 40, 41, 42, 0, 1, 2, 20, 21, 22]
    empty = web.get(path, params={"layer": "hidden2", "array": "mean"})
    (length,) = struct.unpack_from("<I", empty.content)
    header = json.loads(empty.content[4 : 4 + length])
    assert header["looks"] == 0 and not any(one["applies"] for one in header["networks"])
    assert len(empty.content) == 4 + length
    for wrong, status in (({"layer": "none"}, 404), ({"array": "max"}, 404), ({"columns": 0}, 422)):
        asked = {"layer": "hidden1", "array": "mean"} | wrong
        assert web.get(path, params=asked).status_code == status
