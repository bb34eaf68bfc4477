"""Sweeps: which runs they are, what those came to, over HTTP and from the terminal."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sweeping import finish
from typer.testing import CliRunner

from shiftscope.db import catalog, listing, queue, read, sweeps
from shiftscope.db.errors import InvalidExperiment
from shiftscope.db.experiment import Experiment
from shiftscope.db.intervals import geometric_mean, mean
from shiftscope.db.parsing import parse, value_at
from shiftscope.db.sweep import MOST_RUNS, Sweep, expand, shown_value
from shiftscope.db.sweep_parsing import parse_over, parse_sweep
from shiftscope.server.cli import app

BASE = Experiment(name="Base", dataset="digits", steps=40).model_dump(mode="json")


def asked(*over: str, **further: Any) -> Sweep:
    """A sweep of BASE as the command line names it."""
    return parse_sweep({"experiment": BASE, "over": [parse_over(one) for one in over], **further})


def values(*over: str, **further: Any) -> list[tuple[Any, ...]]:
    return [member.values for member in expand(asked(*over, **further))]


def test_values_are_a_list_or_fill_a_range() -> None:
    assert values("lr=0.01,0.1,1") == [(0.01,), (0.1,), (1.0,)]
    assert values("lr=log:0.01:10:7") == [
        (0.01,), (0.0316228,), (0.1,), (0.316228,), (1.0,), (3.16228,), (10.0,)]  # fmt: skip
    assert values("lr=lin:0.1:0.5:5") == [(0.1,), (0.2,), (0.3,), (0.4,), (0.5,)]
    assert values("batch_size=log:2:12:12")[:4] == [(2,), (3,), (4,), (5,)], "each once"
    assert values("hidden=100,100;50") == [([100, 100],), ([50],)]
    assert values("arms.1.norm=batch,layer") == [("batch",), ("layer",)]
    assert values("train_examples=null,500") == [(None,), (500,)]
    drawn = values("momentum=uniform:0:0.9:6")
    assert drawn == sorted(drawn) and len(set(drawn)) == 6


def test_values_are_shown_as_names_and_tables_have_them() -> None:
    values: list[Any] = [None, True, 0.01, 1e-05, 60, "relu", [100, 50], ["a-b", "c"], {"k": [1]}]
    shown = ["empty", "yes", "0.01", "1e-05", "60", "relu", "100-50", "a-b, c", '{"k": [1]}']
    assert [shown_value(value) for value in values] == shown


def test_a_grid_has_every_combination_the_last_changing_fastest() -> None:
    members = expand(asked("lr=0.1,1", "gray=true,false", name="Mine"))
    assert [member.values for member in members] == [
        (0.1, True), (0.1, False), (1.0, True), (1.0, False)]  # fmt: skip
    assert members[1].experiment.name == "lr 0.1, gray no · Mine"
    assert members[1].experiment == Experiment.model_validate(
        BASE | {"name": "lr 0.1, gray no · Mine", "optimizer": {"lr": 0.1}}
    )


def test_draws_are_spread_as_they_say_and_follow_the_seed() -> None:
    over = ("lr=loguniform:0.01:1", "batch_size=20,60")
    drawn = values(*over, draws=200)
    assert drawn == values(*over, draws=200) != values(*over, draws=200, seed=1)
    below = sum(lr < 0.1 for lr, _ in drawn)
    assert 70 < below < 130, "half of the logarithms are below the middle one"
    assert 70 < sum(size == 20 for _, size in drawn) < 130
    assert len(values("batch_size=20,60", draws=200)) == 2, "what is drawn twice is one run"


REFUSED = {
    ("lr=1", "optimizer.lr=2"): ("optimizer.lr", "swept twice"),
    ("lr=0.1,0.10",): ("optimizer.lr", "every value once"),
    ("lr=-1,1",): ("optimizer.lr", "With lr -1: Input should be greater than 0"),
    ("lr=lin:1:1:3",): ("optimizer.lr", "from a lower to a higher number"),
    ("lr=log:0:1:3",): ("optimizer.lr", "begins above 0"),
    ("lr=log:1:10",): ("optimizer.lr", "needs a count"),
    ("activation=lin:0:1:3",): ("network.activation", "holds no number"),
    ("hidden=lin:10:100:3",): ("network.hidden", "holds no number"),
    ("name=a,b",): ("name", "can't be swept"),
    ("arms.0.name=a,b",): ("arms.0.name", "can't be swept"),
    ("arms.2.lr=1,2",): ("arms.2.lr", "no such arm"),
    ("batch_size=1,2",): ("batch_size", "With batch_size 1: BatchNorm needs at least 2"),
    ("lr=log:0.01:1:20", "batch_size=lin:10:30:11"): ("over", "at most 200 runs, got 220"),
    ("batch_size=lin:-1e308:1e308:3",): ("batch_size", "greater than or equal to 1"),
}


@pytest.mark.parametrize("over", REFUSED)
def test_what_is_not_allowed_is_said_under_its_setting(over: Sequence[str]) -> None:
    with pytest.raises(InvalidExperiment) as refused:
        expand(asked(*over))
    field, words = REFUSED[tuple(over)]
    assert refused.value.problems[0].field == field
    assert words in refused.value.problems[0].message


def test_networks_are_limited_too() -> None:
    document = BASE | {"seeds": list(range(16))}
    over = [parse_over("lr=log:0.001:1:100")]
    with pytest.raises(InvalidExperiment, match="at most 2,000 networks, got 3,200 in 100 runs"):
        expand(parse_sweep({"experiment": document, "over": over}))


numbers = st.floats(1e-4, 900, allow_nan=False)
ranges = st.tuples(
    st.sampled_from(["optimizer.lr", "batch_size", "arms.1.lr", "network.initial_std", "steps"]),
    st.sampled_from(["lin", "log", "uniform", "loguniform"]),
    numbers,
    numbers,
    st.integers(1, 12),
).map(lambda r: {"setting": r[0], "spread": r[1], "low": r[2], "high": r[3], "count": r[4]})
lists = st.sampled_from(
    [
        {"setting": "network.activation", "values": ["relu", "sigmoid"]},
        {"setting": "network.hidden", "values": [[5], [8, 8]]},
        {"setting": "gray", "values": [True, False]},
        {"setting": "arms.1.norm", "values": ["batch", "layer", "whitening"]},
        {"setting": "train_examples", "values": [None, 1000]},
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ranges | lists, min_size=1, max_size=3),
    st.none() | st.integers(1, 30),
    st.integers(0, 2**31 - 1),
)
def test_an_expansion_is_the_same_again_within_limits_and_every_run_is_valid(
    over: list[dict[str, Any]], draws: int | None, seed: int
) -> None:
    document = {"experiment": BASE, "over": over, "draws": draws, "seed": seed}
    try:
        sweep = parse_sweep(document)
        members = expand(sweep)
    except InvalidExperiment as error:
        assert error.problems and all(problem.message for problem in error.problems)
        return
    assert members == expand(parse_sweep(json.loads(json.dumps(document))))
    assert parse_sweep(sweep.model_dump(mode="json")) == sweep
    assert 1 <= len(members) <= (MOST_RUNS if draws is None else draws)
    assert len({json.dumps(member.values) for member in members}) == len(members)
    for member in members:
        stored = member.experiment.model_dump(mode="json")
        assert parse(stored) == member.experiment and len(member.experiment.name) <= 80
        for one, value in zip(over, member.values, strict=True):
            assert value_at(stored, one["setting"]) == value
            if "low" in one:
                assert math.floor(one["low"]) <= value <= math.ceil(one["high"])


CURVES = {
    ("none", 0): [0.1, 0.5, 0.8, 0.85],
    ("none", 1): [0.1, 0.5, 0.8, 0.95],
    ("BatchNorm", 0): [0.1, 0.9, 0.9, 0.96],
    ("BatchNorm", 1): [0.1, 0.5, 0.9, 0.98],
}


def test_a_sweep_is_stored_whole_and_its_finished_runs_are_summarized(any_engine: Engine) -> None:
    document = {"experiment": BASE | {"seeds": [0, 1]}, "over": [parse_over("lr=0.1,1,10")]}
    number = sweeps.start(any_engine, parse_sweep(document), "mnist-sigmoid")
    other = queue.enqueue(any_engine, Experiment())
    first, second, third = sweeps.runs(any_engine, number)
    assert [run.id for run in listing.page(any_engine, f"sweep:{number}", sort="run").runs] == [
        first.id, second.id, third.id]  # fmt: skip
    finish(any_engine, first.id, CURVES)
    row = sweeps.one(any_engine, number)
    done, *rest = sweeps.members(any_engine, row)
    assert done.values == (0.1,) and [member.arms for member in rest] == [(), ()]
    none, norm = done.arms
    assert (none.arm, none.seeds, none.reached, none.steps_to_target) == ("none", 2, 1, None)
    assert none.last_accuracy == mean([0.85, 0.95])
    assert norm.steps_to_target == geometric_mean([10, 20]) and norm.reached == 2
    strict = sweeps.members(any_engine, row, 0.97)[0].arms[1]
    assert (strict.reached, strict.steps_to_target) == (1, None)
    sweeps.stop(any_engine, number)
    (listed,) = sweeps.page(any_engine)
    assert listed.statuses == {"finished": 1, "stopped": 2}
    assert read.run(any_engine, other).status == "queued"


def test_a_sweep_that_is_not_allowed_leaves_nothing_behind(engine: Engine) -> None:
    with pytest.raises(InvalidExperiment, match="With batch_size 1"):
        sweeps.start(engine, asked("batch_size=20,1"))
    assert sweeps.page(engine) == [] and listing.page(engine).total == 0


def test_a_sweep_over_http(web: httpx.Client, engine: Engine) -> None:
    over = [{"setting": "lr", "spread": "log", "low": 0.01, "high": 1, "count": 3}]
    body = {"catalog_entry": "mnist-sigmoid", "over": over}
    checked = web.post("/api/sweeps/validate", json=body).json()
    assert checked["settings"] == ["optimizer.lr"] and checked["values"] == [[0.01], [0.1], [1.0]]
    assert (checked["runs"], checked["networks"]) == (3, 6)
    alone = web.post(
        "/api/experiments/validate",
        json={"experiment": catalog.experiment("mnist-sigmoid").model_dump(mode="json")},
    ).json()
    assert checked["estimate"]["seconds"] == pytest.approx(3 * alone["estimate"]["seconds"])
    assert web.get("/api/sweeps").json() == {"sweeps": []}

    made = web.post("/api/sweeps", json=body)
    assert made.status_code == 201
    number = made.json()["sweep"]["id"]
    assert [member["values"] for member in made.json()["members"]] == [[0.01], [0.1], [1.0]]
    run = made.json()["members"][0]["run"]
    assert (run["sweep_id"], run["lr"], run["status"]) == (number, 0.01, "queued")
    assert run["name"].startswith("lr 0.01 · MNIST")
    finish(engine, run["id"], {("none", 0): [0.1, 0.95], ("BatchNorm", 0): [0.1, math.nan]})
    found = web.get(f"/api/sweeps/{number}?target=0.95").json()
    assert found["target"] == 0.95 and found["sweep"]["statuses"] == {"finished": 1, "queued": 2}
    none, norm = found["members"][0]["arms"]
    once = none["steps_to_target"]
    assert once == {"value": pytest.approx(10), "low": None, "high": None, "seeds": 1}
    assert norm["last_accuracy"]["value"] == "NaN" and norm["steps_to_target"] is None
    text = web.get(f"/api/sweeps/{number}/outcomes.csv?target=0.95").text
    first, second = csv.DictReader(io.StringIO(text))
    assert first["optimizer.lr"] == "0.01" and float(first["steps_to_target"]) == pytest.approx(10)
    assert (first["target"], first["reached"], first["last_accuracy_low"]) == ("0.95", "1", "")
    assert (second["last_accuracy"], second["steps_to_target"]) == ("NaN", "")

    stopped = web.post(f"/api/sweeps/{number}/stop")
    assert stopped.status_code == 202
    assert stopped.json()["sweep"]["statuses"] == {"finished": 1, "stopped": 2}
    assert web.get("/api/sweeps").json()["sweeps"][0] == stopped.json()["sweep"]
    assert web.get("/api/sweeps/0").json()["detail"] == "There is no sweep 0."
    assert web.get("/api/runs/0").json()["detail"] == "There is no run 0."
    assert web.get("/api/runs/x").json()["detail"] == "There is nothing at /api/runs/x."
    for response, status, field in (
        (web.get("/api/sweeps/99"), 404, None),
        (web.post("/api/sweeps", json=body | {"over": [{"setting": "lr"}]}), 422, "lr"),
        (web.post("/api/sweeps", json=body | {"over": []}), 422, "over"),
        (web.post("/api/sweeps", json=body | {"draws": 0}), 422, "draws"),
        (web.post("/api/sweeps", json={"over": over}), 422, "experiment"),
        (web.post("/api/sweeps", json=body | {"catalog_entry": "x"}), 422, "catalog_entry"),
    ):
        assert response.status_code == status, response.text
        assert [e["field"] for e in response.json().get("errors", [])] == ([field] if field else [])


def test_the_terminal_says_the_cost_first_and_can_leave_it_at_that(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SHIFTSCOPE_DATABASE", str(engine.url))
    monkeypatch.setenv("SHIFTSCOPE_DATA", str(tmp_path))
    call: Callable[..., Any] = CliRunner().invoke
    command = ["sweep", "mnist-sigmoid", "--over", "lr=0.1,1", "--set", "seeds=0,1"]
    dry = call(app, [*command, "--dry-run"])
    assert dry.exit_code == 0 and dry.stderr.startswith("2 runs, 8 networks, about ")
    assert [line.partition(" · ")[0] for line in dry.stdout.splitlines()] == ["lr 0.1", "lr 1"]
    assert sweeps.page(engine) == []
    queued = call(app, [*command, "--queue", "--name", "Mine"])
    assert (queued.exit_code, queued.stdout) == (0, "1\n")
    assert [run.name for run in sweeps.runs(engine, 1)] == ["lr 0.1 · Mine", "lr 1 · Mine"]
