"""The HTTP interface does what docs/protocol.md says."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, make_url, update
from sqlalchemy.exc import OperationalError

from shiftscope.db import catalog, queue, write
from shiftscope.db.engine import writing
from shiftscope.db.experiment import Experiment
from shiftscope.db.optimizer import Optimizer
from shiftscope.db.tables import Worker
from shiftscope.server import system_routes
from shiftscope.server.settings import load_settings


@pytest.fixture
def engine(any_engine: Engine) -> Engine:
    """Everything here is asked of both databases."""
    return any_engine


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem that a response must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"] and body["detail"].endswith((".", "…"))
    return body


def test_the_health_is_ok_and_a_database_that_is_gone_is_a_503(
    web: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert web.get("/api/health").json() == {"status": "ok"}

    def fail(_engine: Engine) -> None:
        raise OperationalError("SELECT 1", {}, Exception("disk I/O error"))

    monkeypatch.setattr(system_routes, "ping", fail)
    assert "database does not answer" in problem(web.get("/api/health"), 503)["detail"]


def test_the_system_names_living_workers_and_any_dataset_that_one_of_them_has(
    web: httpx.Client, engine: Engine
) -> None:
    system = web.get("/api/system").json()
    assert datetime.fromisoformat(system.pop("started_at")) <= datetime.now(UTC)
    assert system.pop("formats")[:2] == ["csv", "json"]
    assert system == {
        "version": "0.1.0",
        "database": str(engine.url),
        "workers": [],
        "datasets": None,
    }
    silent, poor, rich = (queue.register(engine) for _ in "123")
    for worker_id, has in ((silent, True), (rich, True), (poor, False)):
        offers = {"mnist": {"available": has, "note": f"{has}."}}
        queue.heartbeat(engine, worker_id, {"devices": ["cpu"], "datasets": offers})
    with writing(engine) as connection:
        then = datetime.now(UTC) - timedelta(minutes=5)
        connection.execute(update(Worker).where(Worker.id == silent).values(heartbeat_at=then))
    system = web.get("/api/system").json()
    assert [worker["id"] for worker in system["workers"]] == [poor, rich]
    assert system["datasets"] == {"mnist": {"available": True, "note": "True."}}


def test_a_password_of_the_database_is_never_shown(engine: Engine, connect: Any) -> None:
    engine.url = make_url("postgresql://me:secret@host/name")
    assert connect(engine).get("/api/system").json()["database"] == "postgresql://me:***@host/name"


def test_the_catalog_gives_every_entry_with_an_experiment_that_validates(web: httpx.Client) -> None:
    entries = web.get("/api/catalog").json()["entries"]
    assert [entry["name"] for entry in entries] == [entry.name for entry in catalog.entries()]
    for entry in entries:
        asked = {kind: entry[kind] for kind in ("experiment", "study")}
        answer = web.post("/api/experiments/validate", json=asked).json()
        assert {kind: answer[kind] for kind in asked} == asked
        assert (entry["experiment"] is None) != (entry["study"] is None)
        assert set(answer["estimate"]) == {"seconds", "steps_per_second", "bytes", "basis"}


def test_the_schema_names_every_setting_with_its_default(web: httpx.Client) -> None:
    schema = web.get("/api/experiments/schema").json()
    assert set(schema["properties"]) == set(Experiment.model_fields)
    assert schema["properties"]["steps"]["default"] == 50_000


def test_a_bad_setting_is_named_by_its_path_in_the_servers_words(web: httpx.Client) -> None:
    arms = [{"name": "a"}, {"name": "b", "lr": 0}]
    for path in ("/api/experiments/validate", "/api/runs"):
        body = problem(web.post(path, json={"experiment": {"steps": 0, "arms": arms}}), 422)
        assert [error["field"] for error in body["errors"]] == ["steps", "arms.1.lr"]
        assert body["detail"].startswith("steps: Input should be greater than or equal to 1")
    assert web.get("/api/runs").json()["runs"] == []


def test_a_run_is_created_listed_looked_at_and_stopped(any_engine: Engine, connect: Any) -> None:
    web = connect(any_engine)
    body = {"experiment": {"name": "Mine", "seeds": [3, 4]}, "catalog_entry": "mnist-sigmoid"}
    created = web.post("/api/runs", json=body)
    assert created.status_code == 201
    run = created.json()
    assert (run["name"], run["status"], run["networks"]) == ("Mine", "queued", [])
    assert (run["seeds"], run["arms"], run["dataset"]) == ([3, 4], ["none", "BatchNorm"], "mnist")
    assert run["experiment"]["optimizer"] == Optimizer().model_dump()
    assert datetime.fromisoformat(run["created_at"]).utcoffset() == timedelta(0)
    assert web.get(f"/api/runs/{run['id']}").json() == run
    stopped = web.post(f"/api/runs/{run['id']}/stop")
    assert (stopped.status_code, stopped.json()["status"]) == (202, "stopped")
    assert "stopped" in problem(web.post(f"/api/runs/{run['id']}/stop"), 409)["detail"]
    listed = web.get("/api/runs").json()
    assert listed == {"runs": [stopped.json()], "total": 1, "next": None}


def test_a_run_that_was_stopped_or_failed_is_resumed_and_no_other(
    any_engine: Engine, connect: Any, make_watched: Any
) -> None:
    web = connect(any_engine)
    run_id, other = (queue.enqueue(any_engine, Experiment()) for _ in "12")
    path = f"/api/runs/{run_id}/resume"
    assert "queued: it goes on anyway" in problem(web.post(path), 409)["detail"]
    worker = queue.register(any_engine)
    endings: list[tuple[queue.Ended, str | None]] = [("stopped", None), ("failed", "No disk.")]
    for ending, error in endings:
        assert queue.claim(any_engine, worker, run_id) == run_id
        begun = web.get(f"/api/runs/{run_id}").json()["started_at"]
        queue.end(any_engine, run_id, ending, error)
        resumed = web.post(path)
        assert resumed.status_code == 202
        run = resumed.json()
        assert (run["status"], run["error"], run["ended_at"], run["started_at"]) == (
            "queued",
            None,
            None,
            begun,
        )
    assert queue.claim(any_engine, worker, run_id) == run_id
    queue.end(any_engine, run_id, "finished")
    assert "nothing of it is left" in problem(web.post(path), 409)["detail"]
    problem(web.post("/api/runs/99/resume"), 404)
    watched = make_watched(any_engine).run_id
    assert "Resume it there" in problem(web.post(f"/api/runs/{watched}/resume"), 409)["detail"]
    queue.ask_to_stop(any_engine, other)
    asked = {"action": "resume", "runs": [run_id, other]}
    done = web.post("/api/runs/bulk", json=asked).json()
    assert (done["runs"], [one["run"] for one in done["refused"]]) == ([other], [run_id])
    queue.ask_to_stop(any_engine, other)
    web.delete(f"/api/runs/{other}")
    assert "deleted" in problem(web.post(f"/api/runs/{other}/resume"), 409)["detail"]


def test_runs_come_in_pages_newest_first(web: httpx.Client, engine: Engine) -> None:
    ids = [queue.enqueue(engine, Experiment()) for _ in range(5)]
    seen, page = [], {"next": 0}
    for _ in range(3):
        page = web.get(f"/api/runs?limit=2&offset={page['next']}").json()
        seen += [run["id"] for run in page["runs"]]
    assert seen == ids[::-1] and page["next"] is None


def test_an_unknown_catalog_entry_is_refused(web: httpx.Client) -> None:
    body = {"experiment": {}, "catalog_entry": "nope"}
    errors = problem(web.post("/api/runs", json=body), 422)["errors"]
    assert errors[0]["field"] == "catalog_entry" and "mnist-sigmoid" in errors[0]["message"]


def test_a_run_with_networks_shows_them_with_their_layers(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    networks = web.get(f"/api/runs/{run.run_id}").json()["networks"]
    assert [network["id"] for network in networks] == [n for n, _ in run.networks]
    assert networks[1]["layers"][0] == {
        "id": run.networks[1][1][0],
        "name": "hidden1",
        "kind": "Linear",
        "norm": "none",
        "activation": "sigmoid",
        "units": 100,
        "elements": None,
        "sampled": None,
    }


@pytest.mark.parametrize(
    ("settings", "examples"),
    [
        ({}, (60, 60_000)),
        ({"batch_size": 10, "train_examples": 500}, (10, 500)),
        ({"dataset": "folder", "folder": "x", "binary": False}, (60, None)),
    ],
)
def test_a_run_says_how_many_examples_a_step_and_an_epoch_have(
    web: httpx.Client, engine: Engine, settings: dict[str, Any], examples: tuple[int, int | None]
) -> None:
    run_id = queue.enqueue(engine, Experiment.model_validate(settings))
    run = web.get(f"/api/runs/{run_id}").json()
    assert (run["batch_size"], run["training_examples"]) == examples


def test_a_watched_run_is_shown_beside_the_others_and_is_its_own_programs_alone(
    any_engine: Engine, connect: Any, make_watched: Any
) -> None:
    web = connect(any_engine)
    watched = make_watched(any_engine, {"a": ["conv1"], "b": ["conv1", "fc"]}, steps=None)
    queue.enqueue(any_engine, Experiment())
    run = web.get(f"/api/runs/{watched.run_id}").json()
    assert (run["source"], run["status"], run["experiment"]) == ("watch", "running", None)
    assert (run["arms"], run["seeds"], run["dataset"]) == (["a", "b"], [0], None)
    assert run["steps"] is None and run["watched"]["program"] == "train.py"
    assert (run["batch_size"], run["training_examples"]) == (128, None)
    layer = run["networks"][1]["layers"][1]
    assert (layer["name"], layer["elements"], layer["sampled"]) == ("fc", 802_816, 16_384)
    listed = web.get("/api/runs").json()["runs"]
    assert [one["source"] for one in listed] == ["experiment", "watch"]
    assert listed[0].keys() == listed[1].keys()
    stop = problem(web.post(f"/api/runs/{watched.run_id}/stop"), 409)
    assert "belongs to your own program" in stop["detail"]
    for path in ("/api/runs", "/api/experiments/validate"):
        again = problem(web.post(path, json={"experiment": run["experiment"]}), 422)
        assert "watched run has none" in again["detail"]
    assert web.get("/api/system").json()["workers"] == []


def test_a_watched_document_of_another_version_does_no_harm(
    web: httpx.Client, engine: Engine
) -> None:
    recorder = queue.register(engine, "watch")
    run_id = queue.begin_watched(engine, recorder, "Odd", {"loss": math.nan})
    run = web.get(f"/api/runs/{run_id}").json()
    assert run["arms"] == [] and run["watched"] == {"loss": "NaN"}


def test_the_series_of_a_watched_run_of_unknown_length_are_read_like_any(
    web: httpx.Client, engine: Engine, make_watched: Any, read_frame: Any
) -> None:
    run = make_watched(engine)
    run.append(5_000)
    network_id, layer_ids = run.networks[0]
    series = [
        {"table": "layer_records", "network_id": network_id, "layer_id": layer_ids[0],
         "statistics": ["mean"]},
        {"table": "evaluations", "network_id": network_id, "statistics": ["test_loss"]},
    ]  # fmt: skip
    answer = web.post(f"/api/runs/{run.run_id}/series", json={"series": series, "points": 500})
    header, (layer, evaluated) = read_frame(answer.content)
    assert header["series"][0]["width"] == 32 and layer["last_step"].max() == 5_000
    assert evaluated["step"].size == 0


def test_records_of_a_sparse_cadence_are_exact_while_they_are_few(
    web: httpx.Client, engine: Engine, make_watched: Any, read_frame: Any
) -> None:
    run = make_watched(engine, overhead_cap=0.02)
    network_id, _ = run.networks[0]
    looked = np.arange(1, 50_000, 97)
    loss = {"step": looked, "loss": 1 / looked}
    run.writer.add("network_records", {"network_id": network_id}, loss)
    run.writer.commit(50_000, looked=len(looked))
    series = [{"table": "network_records", "network_id": network_id, "statistics": ["loss"]}]
    answer = web.post(f"/api/runs/{run.run_id}/series", json={"series": series, "points": 1_000})
    header, (rows,) = read_frame(answer.content)
    assert header["series"][0]["width"] == 1
    assert rows["step"].tolist() == looked.tolist(), "the steps that were looked at, and no others"


def test_what_is_not_finite_in_a_summary_is_a_string_in_json(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    summary = {"none": {"loss": math.nan, "best": -math.inf}}
    write.describe_run(engine, run.run_id, summary=summary, steps_per_second=math.inf)
    shown = web.get(f"/api/runs/{run.run_id}").json()
    assert shown["summary"] == {"none": {"loss": "NaN", "best": "-Infinity"}}
    assert shown["steps_per_second"] == "Infinity"
    assert web.get("/api/runs").json()["runs"][0]["summary"] == shown["summary"]


def test_a_run_says_what_made_it(web: httpx.Client, engine: Engine, make_run: Any) -> None:
    run = make_run(engine)
    assert web.get(f"/api/runs/{run.run_id}").json()["versions"] is None
    versions = {"shiftscope": "0.1.0", "torch": "2.13.0+cpu", "python": "3.11.7"}
    write.describe_run(engine, run.run_id, versions=versions)
    assert web.get("/api/runs").json()["runs"][0]["versions"] == versions


@pytest.fixture
def spiked(web: httpx.Client, engine: Engine, make_run: Any) -> Iterator[Any]:
    """A run of 5,000 steps with one spike."""
    run = make_run(engine)
    values = np.zeros(5_000)
    values[3_210] = 7.0
    run.begin()
    run.append(5_000, mean=values)
    yield run


def test_series_are_exact_or_buckets_that_keep_the_spike(
    web: httpx.Client, spiked: Any, read_frame: Any
) -> None:
    network_id, layer_ids = spiked.networks[1]
    selection = {
        "table": "layer_records",
        "network_id": network_id,
        "layer_id": layer_ids[1],
        "statistics": ["mean", "dead"],
    }
    evaluations = {"table": "evaluations", "network_id": network_id, "statistics": ["test_loss"]}
    path = f"/api/runs/{spiked.run_id}/series"
    body = {"series": [selection, evaluations], "points": 500}
    header, (layer, evaluated) = read_frame(web.post(path, json=body).content)
    assert {name: header[name] for name in header if name != "series"} == {
        "type": "records",
        "run": spiked.run_id,
        "latest": 5_000,
    }
    assert header["series"][0] == {
        "table": "layer_records",
        "network_id": network_id,
        "layer_id": layer_ids[1],
        "seed": None,
        "first": 0,
        "width": 32,
        "rows": 157,
        "columns": ["step", "last_step", "mean.min", "mean.max"],
        "null": {},
        "nan": {},
    }
    assert layer["mean.max"].max() == 7.0 and layer["mean.min"].max() == 0.0
    assert header["series"][1]["width"] == 1, "evaluations are few"
    assert evaluated["step"].tolist() == [0] and evaluated["test_loss"].tolist() == [2.3]
    zoomed = body | {"first": 3_200, "last": 3_220}
    header, (layer, evaluated) = read_frame(web.post(path, json=zoomed).content)
    described = [(series["first"], series["width"]) for series in header["series"]]
    assert (described, header["latest"]) == ([(3_200, 1)] * 2, 3_220)
    assert layer["step"].tolist() == list(range(3_200, 3_221))
    assert layer["mean"].tolist() == [7.0 if step == 3_211 else 0.0 for step in layer["step"]]
    assert evaluated["step"].size == 0 and "dead" not in layer


def test_series_never_reach_beyond_the_cursor(
    web: httpx.Client, spiked: Any, read_frame: Any
) -> None:
    spiked.writer.commit(4_000)
    network_id = spiked.networks[0][0]
    series = [{"table": "network_records", "network_id": network_id, "statistics": ["loss"]}]
    answer = web.post(
        f"/api/runs/{spiked.run_id}/series",
        json={"series": series, "last": 4_900, "points": 100_000},
    )
    header, (rows,) = read_frame(answer.content)
    assert header["latest"] == rows["step"].max() == 4_000


def test_series_of_another_runs_network_are_not_there(
    web: httpx.Client, spiked: Any, engine: Engine, make_run: Any
) -> None:
    other = make_run(engine)
    series = [
        {"table": "evaluations", "network_id": other.networks[0][0], "statistics": ["test_loss"]}
    ]
    answer = web.post(f"/api/runs/{spiked.run_id}/series", json={"series": series})
    assert "no network" in problem(answer, 404)["detail"]


def test_more_numbers_than_fit_into_memory_are_refused(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    network_id, layer_ids = run.networks[0]
    statistics = ["mean", "std", "min", "max", "p01", "p05", "p15", "p25", "p50", "p75"]
    one = {"table": "layer_records", "network_id": network_id, "layer_id": layer_ids[0]}
    body = {"series": [one | {"statistics": statistics}] * 2_000, "points": 100_000}
    run.append(1)
    run.writer.commit(1_000_000)  # as if there were so many
    errors = problem(web.post(f"/api/runs/{run.run_id}/series", json=body), 422)["errors"]
    assert errors[0]["field"] == "points"


def test_settings_come_from_flags_then_the_environment_then_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setenv("SHIFTSCOPE_PORT", "9000")
    monkeypatch.setenv("SHIFTSCOPE_DATA", str(tmp_path))
    monkeypatch.delenv("SHIFTSCOPE_DATABASE", raising=False)
    settings = load_settings(port=None)
    assert (settings.port, settings.host) == (9000, "127.0.0.1")
    assert settings.database_url == f"sqlite:///{tmp_path}/shiftscope.db"
    assert load_settings(port=9001, database="sqlite:///x").database_url == "sqlite:///x"
