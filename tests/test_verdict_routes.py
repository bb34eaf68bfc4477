"""A run's verdict over HTTP, in the terminal, and as a file."""

import csv
import io
import math
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from shiftscope.db import queue
from shiftscope.server.cli import app

NONE = {0: 0.1, 500: 0.2, 1000: 0.5}
BATCH = {0: 0.1, 200: 0.8, 400: 1.0, 1000: 0.95}
SENTENCE = (
    "BatchNorm reached 90 % after 300 steps, none never did in 1,000 steps: at least 2.5 × sooner."
)


@pytest.fixture
def engine(any_engine: Engine) -> Engine:
    """Everything here is asked of both databases."""
    return any_engine


@pytest.fixture
def run(engine: Engine, make_run: Any) -> Any:
    """A running run with evaluations of both arms, 1,000 steps in."""
    run = make_run(engine, steps=1_000)
    for (network_id, _), points in zip(run.networks, (NONE, BATCH), strict=True):
        columns = {"step": list(points), "test_accuracy": list(points.values())}
        run.writer.add("evaluations", {"network_id": network_id}, columns)
    run.append(1_000)
    return run


def test_what_a_network_of_nan_gets_right_is_no_accuracy(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine, steps=100)
    for network_id, _ in run.networks:
        columns = {"step": [0, 100], "test_loss": [2.3, math.nan], "test_accuracy": [0.1, 0.0]}
        run.writer.add("evaluations", {"network_id": network_id}, columns)
    run.append(100)
    for arm in web.get(f"/api/runs/{run.run_id}/verdict").json()["comparisons"]:
        assert (arm["last_accuracy"], arm["best_accuracy"]) == ("NaN", 0.1)


def test_a_verdict_is_live_and_final_when_the_run_has_ended(
    web: httpx.Client, engine: Engine, run: Any
) -> None:
    address = f"/api/runs/{run.run_id}/verdict"
    live = web.get(address).json()
    assert (live["run"], live["step"], live["ended"]) == (run.run_id, 1_000, False)
    assert live["sentence"] == SENTENCE.replace("never did", "has not yet")
    queue.end(engine, run.run_id, "finished")
    verdict = web.get(address).json()
    assert (verdict["sentence"], verdict["ended"]) == (SENTENCE, True)
    assert (verdict["target"], verdict["fallback"], verdict["outcomes"]) == (0.9, False, [])
    assert verdict["criterion"].startswith("Target: 90 % of the test set.")
    assert verdict["comparisons"][1] == {
        "arm": "BatchNorm",
        "seeds": 1,
        "reached": 1,
        "steps_to_target": pytest.approx(300),
        "ratio": {"estimate": None, "at_least": 2.5, "at_most": "Infinity"},
        "last_step": 1_000,
        "last_accuracy": 0.95,
        "best_accuracy": 1.0,
        "difference": {"value": pytest.approx(0.45), "low": None, "high": None, "seeds": 1},
        "diverged": 0,
        "first_nonfinite_step": None,
    }


def test_the_target_can_be_chosen_and_a_bad_one_is_refused(web: httpx.Client, run: Any) -> None:
    address = f"/api/runs/{run.run_id}/verdict"
    chosen = web.get(address, params={"target": 0.5}).json()
    assert chosen["target"] == 0.5 and chosen["sentence"].startswith("BatchNorm reached 50 % after")
    for target in ("0", "-1", "1.01", "nan", "inf", "ninety", ""):
        for path in (address, f"{address}.csv"):
            refused = web.get(path, params={"target": target})
            assert refused.status_code == 422, target
            assert refused.headers["content-type"] == "application/problem+json"
            assert [error["field"] for error in refused.json()["errors"]] == ["target"]


def test_a_run_that_is_not_there_has_no_verdict(web: httpx.Client) -> None:
    for path in ("/api/runs/7/verdict", "/api/runs/7/verdict.csv", "/api/runs/x/verdict"):
        assert web.get(path).status_code == 404


def test_a_run_that_has_not_begun_and_a_watched_one_say_so(
    web: httpx.Client, engine: Engine, make_run: Any, make_watched: Any
) -> None:
    new, watched = make_run(engine).run_id, make_watched(engine).run_id
    verdict = web.get(f"/api/runs/{new}/verdict").json()
    assert verdict["sentence"] == "No network has been evaluated yet."
    assert [arm["last_accuracy"] for arm in verdict["comparisons"]] == [None, None]
    verdict = web.get(f"/api/runs/{watched}/verdict").json()
    assert "no test set" in verdict["sentence"] and verdict["comparisons"] == []
    assert len(web.get(f"/api/runs/{watched}/verdict.csv").text.splitlines()) == 1


def test_the_numbers_are_a_file_too(web: httpx.Client, run: Any) -> None:
    answer = web.get(f"/api/runs/{run.run_id}/verdict.csv")
    assert f"shiftscope-run-{run.run_id}-verdict.csv" in answer.headers["content-disposition"]
    none, batch = csv.DictReader(io.StringIO(answer.text))
    assert (none["arm"], none["steps_to_target"], none["last_accuracy"]) == ("none", "", "0.5")
    assert (batch["ratio_at_least"], batch["ratio_at_most"]) == ("2.5", "Infinity")


def test_the_catalog_and_the_verdict_show_the_claims(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    entry = web.get("/api/catalog").json()["entries"][0]
    assert [claim["number"] for claim in entry["claims"]] == ["E1", "E2"]
    body = {"experiment": {"dataset": "digits"}, "catalog_entry": entry["name"]}
    run_id = web.post("/api/runs", json=body).json()["id"]
    outcome, _ = web.get(f"/api/runs/{run_id}/verdict").json()["outcomes"]
    assert outcome["claim"] == entry["claims"][0]
    assert outcome["result"] == "not this claim’s settings"
    assert outcome["reason"] == "dataset is digits, the claim’s is mnist."


def test_the_terminal_says_the_same_sentence(engine: Engine, run: Any) -> None:
    queue.end(engine, run.run_id, "stopped")
    command = ["verdict", str(run.run_id), "--database", str(engine.url)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0 and done.stdout.splitlines()[0] == SENTENCE
    assert "BatchNorm reached 50 %" in CliRunner().invoke(app, [*command, "--target", "0.5"]).stdout
    assert CliRunner().invoke(app, [*command, "--target", "2"]).exit_code == 2
