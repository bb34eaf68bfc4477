"""A study over HTTP and in the terminal: asked, run, read, judged, exported."""

import csv
import io
import math
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from shiftscope.db import catalog, queue
from shiftscope.db.study import Measurement, Study
from shiftscope.db.write import append_measurements
from shiftscope.server.cli import app

ENTRY = catalog.entry("redundant-bias")
FOUND = [
    Measurement(0, "output_difference", "float32", 0.1, 2e-5),
    Measurement(0, "bias_gradient", "float64", 0.1, 0.1 + 0.2 - 0.3),
    Measurement(1, "bias_gradient", "float64", math.inf, math.nan),
]


@pytest.fixture
def run(engine: Engine) -> int:
    """A study that is running, with three measurements."""
    assert isinstance(ENTRY.experiment, Study)
    run_id = queue.enqueue(engine, ENTRY.experiment, ENTRY.name)
    queue.claim(engine, queue.register(engine))
    append_measurements(engine, run_id, 0, FOUND)
    return run_id


def test_a_study_is_started_with_its_settings_and_shown(web: httpx.Client) -> None:
    entries = web.get("/api/catalog").json()["entries"]
    (entry,) = (entry for entry in entries if entry["name"] == ENTRY.name)
    assert entry["experiment"] is None
    assert [one["name"] for one in entry["quantities"]] == ["output_difference", "bias_gradient"]
    asked = entry["study"] | {"seeds": [4], "length": "quick"}
    created = web.post("/api/runs", json={"study": asked, "catalog_entry": ENTRY.name})
    assert created.status_code == 201
    run = web.get(f"/api/runs/{created.json()['id']}").json()
    assert (run["source"], run["status"], run["study"], run["experiment"]) == (
        *("study", "queued", asked, None),
    )
    assert (run["arms"], run["seeds"], run["dataset"], run["steps"]) == ([], [4], None, None)
    assert set(web.get("/api/studies/schema").json()["properties"]) == set(asked)


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"study": "nothing"}, "study", "There is no study 'nothing'; expected one of "),
        ({"study": "Not.Plain"}, "study", "expected a study's name, got 'Not.Plain'."),
        ({"seeds": []}, "seeds", "at least 1 item"),
        ({"dataset": "folder"}, "dataset", "'mnist', 'fashion_mnist', 'cifar10', 'digits'"),
        ({"steps": 5}, "steps", "is not a setting; expected one of name, study, dataset"),
    ],
)
def test_what_is_wrong_with_a_study_is_named(
    web: httpx.Client, change: dict[str, object], field: str, says: str
) -> None:
    document = ENTRY.experiment.model_dump(mode="json") | change
    for path in ("/api/runs", "/api/experiments/validate"):
        refused = web.post(path, json={"study": document})
        assert refused.status_code == 422
        (problem,) = refused.json()["errors"]
        assert problem["field"] == field and says in problem["message"]


def test_an_experiment_or_a_study_is_asked_and_not_both(web: httpx.Client) -> None:
    for body, words in (
        ({"study": {}, "experiment": {}}, "study: expected an experiment or a study, got both."),
        ({}, "experiment: expected an experiment, got null."),
    ):
        refused = web.post("/api/runs", json=body)
        assert refused.status_code == 422 and refused.json()["detail"].startswith(words)


def test_how_long_a_study_takes_is_what_the_last_one_of_its_kind_took(
    web: httpx.Client, engine: Engine, run: int
) -> None:
    document = ENTRY.experiment.model_dump(mode="json")
    ask = {"study": document | {"seeds": [0, 1, 2, 3, 4, 5]}}
    unknown = web.post("/api/experiments/validate", json=ask).json()
    assert unknown["study"] == ask["study"] and unknown["experiment"] is None
    assert (
        unknown["estimate"]["seconds"] is None and "nobody can say" in unknown["estimate"]["basis"]
    )
    queue.end(engine, run, "finished")
    ended = web.get(f"/api/runs/{run}").json()
    known = web.post("/api/experiments/validate", json=ask).json()["estimate"]
    assert known["seconds"] > 0 and known["bytes"] is None
    assert known["basis"].startswith(f"Run {run} of the same length took ")
    assert ended["seeds"] == [0, 1, 2], "twice as many were asked for"
    once = web.post("/api/experiments/validate", json={"study": document}).json()["estimate"]
    assert known["seconds"] == pytest.approx(2 * once["seconds"])
    quick = {"study": document | {"length": "quick"}}
    estimate = web.post("/api/experiments/validate", json=quick).json()["estimate"]
    assert estimate["seconds"] is None


def test_measurements_are_read_from_a_place_on(web: httpx.Client, run: int) -> None:
    address = f"/api/runs/{run}/measurements"
    whole = web.get(address).json()
    assert (whole["run"], whole["step"], whole["after"]) == (run, 3, 0)
    assert whole["measurements"][2] == {
        **{"seed": 1, "quantity": "bias_gradient", "series": "float64"},
        **{"x": "Infinity", "value": "NaN"},
    }
    rest = web.get(address, params={"after": 1}).json()
    assert (rest["after"], rest["measurements"]) == (1, whole["measurements"][1:])
    (one,) = web.get(address, params={"after": 1, "limit": 1}).json()["measurements"]
    assert one["value"] == FOUND[1].value
    assert web.get(address, params={"after": 3}).json()["measurements"] == []
    assert web.get(address, params={"after": -1}).status_code == 422
    assert web.get("/api/runs/77/measurements").status_code == 404


def test_measurements_are_a_file_too_the_same_in_the_terminal(
    web: httpx.Client, engine: Engine, run: int
) -> None:
    answer = web.get(f"/api/runs/{run}/measurements.csv")
    assert f"shiftscope-run-{run}-measurements.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == ["run_id", "seed", "quantity", "series", "x", "value"]
    assert [row["value"] for row in rows] == [repr(FOUND[0].value), repr(FOUND[1].value), "NaN"]
    assert rows[2]["x"] == "Infinity"
    command = ["export", str(run), "--database", str(engine.url)]
    assert CliRunner().invoke(app, command).stdout == answer.text
    assert web.get(f"/api/runs/{run}/export/measurements.csv").text == answer.text
    one = web.get(f"/api/runs/{run}/measurements.csv", params={"quantity": "bias_gradient"})
    assert "run-1-bias_gradient.csv" in one.headers["content-disposition"]
    assert one.text.splitlines()[1:] == answer.text.splitlines()[2:]
    odd = web.get(f"/api/runs/{run}/measurements.csv", params={"quantity": 'é"\r\nx'})
    assert odd.status_code == 200 and "run-1-measurements.csv" in odd.headers["content-disposition"]


def test_the_claims_of_a_study_are_its_verdict(web: httpx.Client, engine: Engine, run: int) -> None:
    verdict = web.get(f"/api/runs/{run}/verdict").json()
    assert verdict["sentence"] == "E9 inconclusive: The study has not come to its end."
    assert (verdict["ended"], verdict["criterion"], verdict["comparisons"]) == (False, None, [])
    queue.end(engine, run, "finished")
    verdict = web.get(f"/api/runs/{run}/verdict").json()
    (outcome,) = verdict["outcomes"]
    words = f"E9 {outcome['result']}: {outcome['reason']}"
    assert verdict["ended"] and verdict["sentence"] == words
    terminal = ["--database", str(engine.url)]
    assert CliRunner().invoke(app, ["verdict", str(run), *terminal]).stdout == f"{words}\n"
    assert "3 measurements" in CliRunner().invoke(app, ["runs", *terminal]).stdout


def test_a_study_runs_without_a_page(engine: Engine, tmp_path: Path) -> None:
    main = "from shiftscope.server.cli import main; main()"
    settings = ["--set", "seeds=0,1", "--set", "length=quick"]
    places = ["--database", str(engine.url), "--data", str(tmp_path)]
    command = [sys.executable, "-c", main, "run", ENTRY.name, *settings, *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.startswith("E9 reproduced: Biases up to 100 moved an output by ")
    refused = CliRunner().invoke(app, ["run", ENTRY.name, "--set", "study=nothing", *places])
    assert refused.exit_code == 1 and "There is no study 'nothing'" in str(refused.exception)
