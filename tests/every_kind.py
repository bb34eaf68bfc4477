"""A database with a run of every kind and in every state."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sqlalchemy import Engine
from sweeping import finish

from shiftscope.db import catalog, edit, log, queue, sweeps, write
from shiftscope.db.findings import Found, store_findings
from shiftscope.db.importing import store_import
from shiftscope.db.study import Measurement, Study
from shiftscope.db.sweep_parsing import parse_sweep
from shiftscope.db.system import System, add_sample

STEPS = 40
MEASURED = [
    Measurement(0, "loss", "log", 1.0, 2.5),
    Measurement(0, "loss", "log", 2.0, math.nan),
    Measurement(0, "loss", "log", 3.0, -math.inf),
]


def fill(engine: Engine, make_run: Callable[..., Any], make_watched: Callable[..., Any]) -> None:
    """Store them, the finished run as number 1."""
    finished = make_run(engine, name="Finished")
    _record(finished, units=100)
    queue.end(engine, finished.run_id, "finished")
    running = make_run(engine, name="Running", dataset="digits")
    running.append(STEPS, mean=[math.nan] * STEPS, std=[math.inf] * STEPS, p50=[None] * STEPS)
    _record(make_watched(engine, steps=None), units=64)
    failed = make_run(engine, name="Failed")
    queue.end(engine, failed.run_id, "failed", "The disk is full.")
    _study(engine)
    store_import(engine, "Imported", {"file": "log.csv", "quantities": ["loss"]}, MEASURED)
    _sweep(engine)
    edit.change(engine, [finished.run_id], tags=["lecture"], note="A note")
    edit.change(engine, [failed.run_id], archived=True)


def _record(run: Any, units: int) -> None:
    """Everything that a run may have: records of all tables, findings, samples, a log."""
    run.begin()
    run.append(STEPS)
    for network_id, layer_ids in run.networks:
        for layer_id in layer_ids:
            keys = {"network_id": network_id, "layer_id": layer_id}
            look = np.linspace(-1, 1, units).astype("<f4").tobytes()
            arrays = {name: [look] * 2 for name in ("mean", "p15", "p50", "p85")}
            run.writer.add("unit_records", keys, {"step": [0, STEPS], **arrays})
        at_the_end = {"step": [STEPS], "test_accuracy": [0.93], "test_loss": [math.nan]}
        run.writer.add("evaluations", {"network_id": network_id}, at_the_end)
    run.writer.commit(STEPS)
    network_id, (layer_id, *_) = run.networks[0]
    found = Found(
        *("dead_units", network_id, layer_id, 1, STEPS, "warning", "layer_records", "dead"),
        *(0.9, 0.25, 30, STEPS, "hidden1: 90 % are dead.", "They stay so.", "Lower the rate."),
    )
    store_findings(run.engine, run.run_id, [found], STEPS)
    add_sample(run.engine, run.run_id, System(2.0, 1.6, 4.1e8, 0.9, 0.4, math.nan, math.nan))
    log.note(run.engine, run.run_id, "A warning.", "warning")


def _study(engine: Engine) -> None:
    asked = next(one.experiment for one in catalog.entries() if isinstance(one.experiment, Study))
    run_id = queue.enqueue(engine, asked)
    queue.claim(engine, queue.register(engine), run_id)
    write.append_measurements(engine, run_id, 0, MEASURED)


def _sweep(engine: Engine) -> None:
    arms = [{"name": "plain", "norm": "none"}, {"name": "BatchNorm", "norm": "batch"}]
    over = [{"setting": "optimizer.lr", "values": [0.1, 0.2, 0.3]}]
    sweep = parse_sweep({"experiment": {"arms": arms, "seeds": [0]}, "over": over})
    first, second, _ = sweeps.runs(engine, sweeps.start(engine, sweep))
    for run in (first, second):
        finish(engine, run.id, {("plain", 0): [0.1, 0.5], ("BatchNorm", 0): [0.1, 0.95]})
