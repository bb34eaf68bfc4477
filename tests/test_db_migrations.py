"""A database of an earlier version is brought up to date, and keeps everything it held."""

import json
import math
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shiftscope.db import edit, listing, log, queue, read, write
from shiftscope.db.engine import MIGRATIONS, open_database, revision, writing
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import parse
from shiftscope.db.series import Selection, series
from shiftscope.db.study import Measurement, Study
from shiftscope.db.system import System, add_sample, samples_of

NOW = datetime(2026, 1, 2, 3, 4, 5)
HELD: dict[str, list[dict[str, Any]]] = {
    "workers": [{"id": 104, "host": "here", "pid": 7, "started_at": NOW, "heartbeat_at": NOW}],
    "runs": [
        {
            "id": number,
            "name": f"Run {number}",
            "experiment": json.dumps(Experiment(steps=9).model_dump(mode="json")),
            "status": "finished",
            "step": 2,
            "steps": 9,
            "summary": '{"none": {"last_accuracy": 0.5}}',
            "worker_id": 104,
            "created_at": NOW,
        }
        for number in (101, 103)
    ],
    "networks": [
        {
            "id": number,
            "run_id": number,
            "arm": "none",
            "seed": 2**40,
            "position": 0,
            "parameters": 10,
            "weights_hash": "ab",
        }
        for number in (101, 103)
    ],
    "layers": [
        {
            "id": 108,
            "network_id": 103,
            "name": "hidden1",
            "position": 0,
            "kind": "linear",
            "norm": "none",
            "activation": "relu",
            "units": 5,
        }
    ],
    "layer_records": [
        {"network_id": 103, "layer_id": 108, "step": 1, "mean": 0.25},
        {"network_id": 103, "layer_id": 108, "step": 2, "mean": math.inf},
    ],
    "network_records": [{"network_id": 103, "step": 1, "loss": 2.5}],
    "evaluations": [{"network_id": 103, "step": 0, "test_accuracy": 0.1}],
}


@pytest.fixture
def first_version(any_url: str, tmp_path: Path) -> str:
    """The URL of a database as version 0.1.0 left it, with runs in it."""
    migrations = tmp_path / "migrations"
    shutil.copytree(
        MIGRATIONS, migrations, ignore=shutil.ignore_patterns("000[2-9]*", "00[1-9]*", "__pyc*")
    )
    engine = open_database(any_url, migrations=migrations)
    assert revision(engine) == "0001"
    with writing(engine) as connection:
        for table, rows in HELD.items():
            for row in rows:
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                connection.execute(
                    text(f"INSERT INTO {table} ({names}) VALUES ({values})"),
                    row,
                )
    engine.dispose()
    return any_url


@pytest.fixture
def sixth_version(any_url: str, tmp_path: Path) -> str:
    """The URL of a database as revision 0006 left it: an ended pair, a study, a watched run."""
    migrations = tmp_path / "migrations"
    later = "0007*", "000[89]*", "001*"
    shutil.copytree(MIGRATIONS, migrations, ignore=shutil.ignore_patterns(*later, "__pyc*"))
    engine = open_database(any_url, migrations=migrations)
    assert revision(engine) == "0006"
    experiment = Experiment.model_validate({"optimizer": {"lr": 0.25}, "seeds": [0, 1]})
    summary = {"none": {"last_accuracy": 0.9, "best_accuracy": 0.95},
               "BatchNorm": {"last_accuracy": "NaN", "best_accuracy": 0.97}}  # fmt: skip
    usual = {"status": "finished", "step": 40, "summary": json.dumps({}), "created_at": NOW,
             "started_at": NOW, "ended_at": NOW + timedelta(seconds=90)}  # fmt: skip
    documents: list[dict[str, Any]] = [
        {"source": "experiment", "experiment": json.dumps(experiment.model_dump(mode="json")),
         "summary": json.dumps(summary)},
        {"source": "study",
         "study": json.dumps(Study(name="S", study="added_bias").model_dump(mode="json"))},
        {"source": "watch", "watched": json.dumps({"models": {"model": "ResNet"}}),
         "ended_at": None, "status": "running"},
    ]  # fmt: skip
    runs = [{"id": at, "name": f"Run {at}", **usual, **own} for at, own in enumerate(documents, 1)]
    networks = [
        {"id": 2 * seed + arm + 1, "run_id": 1, "arm": ("none", "BatchNorm")[arm], "seed": seed,
         "position": 2 * seed + arm, "parameters": 1, "weights_hash": "ab"}
        for seed in (0, 1) for arm in (0, 1)
    ]  # fmt: skip
    evaluations = [
        {"network_id": network["id"], "step": step, "test_accuracy": accuracy, "test_loss": 1.0}
        for network in networks
        for step, accuracy in ((0, 0.0), (10 if network["arm"] == "BatchNorm" else 40, 0.9))
    ]
    held = {"runs": runs, "networks": networks, "evaluations": evaluations}
    with writing(engine) as connection:
        for table, rows in held.items():
            for row in rows:
                values = ", ".join(f":{name}" for name in row)
                sentence = text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})")
                connection.execute(sentence, row)
    engine.dispose()
    return any_url


@pytest.mark.filterwarnings("ignore:The default datetime adapter:DeprecationWarning")
def test_runs_from_before_lists_were_searched_get_what_they_are_searched_by(
    sixth_version: str,
) -> None:
    engine = open_database(sixth_version)
    pair, study, watched = (read.run(engine, run_id) for run_id in (1, 2, 3))
    assert (pair.dataset, pair.network, pair.norms, pair.lr, pair.seed_count) == (
        "mnist", "mlp", ["none", "batch"], 0.25, 2)  # fmt: skip
    assert (pair.last_accuracy, pair.best_accuracy, pair.duration) == (0.9, 0.97, 90.0)
    assert pair.ratio == pytest.approx(4.0)
    assert (study.dataset, study.network, study.seed_count, study.ratio) == (None, None, 3, None)
    assert (watched.network, watched.norms, watched.duration) == ("ResNet", [], None)
    for run in (pair, study, watched):
        assert (run.tags, run.note, run.archived, run.deleted_at) == ([], "", False, None)
    assert [run.id for run in listing.page(engine, "lr<0.3 ratio>3").runs] == [1]
    assert edit.change(engine, [1], tags=["kept"]) == {}
    assert read.run(engine, 1).tags == ["kept"]
    engine.dispose()


def count(engine: Engine, table: str) -> int:
    """Rows in a table."""
    with engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


@pytest.mark.filterwarnings("ignore:The default datetime adapter:DeprecationWarning")
def test_a_database_of_the_first_version_keeps_everything(first_version: str) -> None:
    engine = open_database(first_version)
    assert {table: count(engine, table) for table in HELD} == {
        table: len(rows) for table, rows in HELD.items()
    }
    run = read.run(engine, 103)
    assert (run.source, run.watched, run.overhead, run.waited, run.looked, run.study) == (
        "experiment",
        *[None] * 5,
    )
    assert run.measured is None
    assert parse(run.experiment).steps == run.steps == 9 and run.worker_id == 104
    assert run.created_at == NOW.replace(tzinfo=UTC)
    assert [worker.kind for worker in read.workers(engine)] == ["worker"]
    assert (run.tags, run.note, run.archived, run.deleted_at) == ([], "", False, None)
    (network,), (layer,) = read.networks(engine, 103), read.layers(engine, 103)
    assert network.seed == 2**40 and (layer.name, layer.elements, layer.sampled) == (
        "hidden1",
        None,
        None,
    )
    found = series(engine, Selection("layer_records", 103, 108, ("mean",)), 0, 9, 1)
    assert found.low["mean"].tolist() == [0.25, math.inf]
    engine.dispose()


@pytest.mark.filterwarnings("ignore:The default datetime adapter:DeprecationWarning")
def test_an_upgraded_database_takes_new_runs_and_still_guards_its_references(
    first_version: str,
) -> None:
    engine = open_database(first_version)
    watched = {"arms": ["model"]}
    run_id = queue.begin_watched(engine, queue.register(engine, "watch"), "Mine", watched)
    network = {"arm": "model", "seed": 0, "parameters": 2**40, "weights_hash": "ab"}
    layer = {"kind": "linear", "norm": "none", "activation": "none", "units": 1}
    write.add_networks(
        engine,
        run_id,
        [(network, [{"name": "x" * 255, **layer, "elements": 2**40, "sampled": 9}])],
    )
    assert read.layers(engine, run_id)[0].elements == 2**40
    study = queue.enqueue(engine, Study(name="Mine", study="added_bias"))
    write.append_measurements(engine, study, 0, [Measurement(2**31 - 1, "q", "s", 1.0, math.nan)])
    assert count(engine, "measurements") == 1
    with writing(engine) as connection:
        connection.execute(text(f"DELETE FROM runs WHERE id = {study}"))
    assert count(engine, "measurements") == 0
    writer = write.RecordWriter(engine, 103)
    step = {"step": [1]}
    keys = {"network_id": 103, "layer_id": 108}
    writer.add("gradient_shift_records", keys, step | {"shift_l2": [math.nan]})
    writer.add("landscape_records", {"network_id": 103}, step | {"smoothness": [math.inf]})
    together = {"members": [6], "test_accuracy": [0.75], "test_top_2": [math.nan]}
    writer.add("ensemble_records", {"run_id": 103, "seed": 2**40}, step | together)
    writer.add("evaluations", {"network_id": 103}, step | {"test_top_2": [0.5]})
    writer.commit(2, measured=0.5)
    of_seed = Selection("ensemble_records", None, None, tuple(together), 103, 2**40)
    kept = series(engine, of_seed, 0, 9, 1).low
    assert kept["members"].tolist() == [6] and kept["test_accuracy"].tolist() == [0.75]
    assert math.isnan(kept["test_top_2"][0])
    found = series(engine, Selection("evaluations", 103, None, ("test_top_2",)), 0, 9, 1)
    assert found.null["test_top_2"] == [0] and found.low["test_top_2"][1] == 0.5
    for table, layer, statistic in (
        ("gradient_shift_records", 108, "shift_l2"),
        ("landscape_records", None, "smoothness"),
    ):
        found = series(engine, Selection(table, 103, layer, (statistic,)), 0, 9, 1)
        assert not math.isfinite(found.low[statistic][0])
    log.note(engine, 103, "Upgraded.")
    add_sample(engine, 103, System(2.0, 1.5, 1e9, 0.5, math.nan, None, None))
    kept = samples_of(engine, 103)
    assert kept.step == [2] and kept.values["cpu"] == [1.5]
    before = count(engine, "log_entries")
    with writing(engine) as connection:
        connection.execute(text("DELETE FROM runs WHERE id = 103"))
    assert count(engine, "log_entries") == before - 1 and count(engine, "system_records") == 0
    assert count(engine, "layer_records") == 0 and count(engine, "networks") == 2
    assert count(engine, "ensemble_records") == count(engine, "evaluations") == 0
    assert count(engine, "gradient_shift_records") == count(engine, "landscape_records") == 0
    engine.dispose()
