"""Long runs without training, their records written as a recorder writes them.

    python benchmarks/long_run.py sqlite:///FILE --steps 1000000
    python benchmarks/long_run.py sqlite:///FILE --seconds 60 --rate 500

The first stores a finished run. The second stores one that goes on: it commits four times a second
and says so, a line of JSON for each commit, `{"step": …, "at": seconds since 1970}`.

A run has two networks of four layers, of each of which three norms are recorded: 24 series, those
of the Gradients tab. They are noise about a slow curve, with one step that is 100 times larger.
"""

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
from sqlalchemy import Engine

from shiftscope.db import queue
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.db.write import RecordWriter, add_networks

ARMS = ("none", "BatchNorm")
LAYERS = ("hidden1", "hidden2", "hidden3", "output")
STATISTICS = ("activation_grad_norm", "weight_grad_norm", "update_ratio")
SERIES = [(arm, layer, name) for arm in ARMS for layer in LAYERS for name in STATISTICS]
AT_ONCE = 10_000
COMMITS = 4
"""A second."""
HEARTBEAT = 10


def values(series: int, first: int, last: int) -> np.ndarray:
    """What series number `series` has from a step to another, both included; always the same."""
    blocks = range(first // AT_ONCE, last // AT_ONCE + 1)
    noise = [np.random.default_rng([series, block]).normal(size=AT_ONCE) for block in blocks]
    steps = np.arange(blocks[0] * AT_ONCE, (blocks[-1] + 1) * AT_ONCE)
    found = 0.01 * (1 + series) * (1 + steps / 1000) ** -0.3 * np.exp(0.3 * np.concatenate(noise))
    found[steps == spike(series)] *= 100
    return found[first - steps[0] : last + 1 - steps[0]]


def spike(series: int) -> int:
    """The step at which a series is 100 times larger."""
    return 20_011 + 7 * series


class LongRun:
    """A running run, to be written step by step.

    Attributes:
        run_id: Its number.
    """

    def __init__(self, engine: Engine, steps: int) -> None:
        arms = [{"name": ARMS[0], "norm": "none"}, {"name": ARMS[1], "norm": "batch"}]
        experiment = {"name": f"{steps:,} steps", "dataset": "digits", "arms": arms, "steps": steps}
        self._engine = engine
        self.run_id = queue.enqueue(engine, Experiment.model_validate(experiment))
        self._worker = queue.register(engine)
        assert queue.claim(engine, self._worker, self.run_id), "another worker took the run"
        kind = {"kind": "linear", "norm": "none", "activation": "sigmoid", "units": 100}
        layers = [{"name": layer, **kind} for layer in LAYERS]
        network = {"seed": 0, "parameters": 99_710, "weights_hash": "0"}
        self._networks = add_networks(
            engine, self.run_id, [({"arm": arm, **network}, layers) for arm in ARMS]
        )
        self._writer = RecordWriter(engine, self.run_id)

    def write(self, first: int, last: int) -> None:
        """Commit the records of some steps, both included."""
        steps = np.arange(first, last + 1)
        evaluated = steps[steps % 500 == 0]
        series = 0
        for network_id, layer_ids in self._networks:
            keys = {"network_id": network_id}
            for layer_id in layer_ids:
                columns = {}
                for name in STATISTICS:
                    columns[name] = values(series, first, last)
                    series += 1
                self._writer.add(
                    "layer_records", keys | {"layer_id": layer_id}, {"step": steps, **columns}
                )
            loss = {"step": steps, "loss": 10 * values(series - 1, first, last)}
            self._writer.add("network_records", keys, loss)
            accuracy = 0.95 * (1 - np.exp(-evaluated / 5_000))
            self._writer.add("evaluations", keys, {"step": evaluated, "test_accuracy": accuracy})
        self._writer.commit(last, looked=last)

    def heartbeat(self) -> None:
        """Say that it goes on."""
        queue.heartbeat(self._engine, self._worker)

    def end(self) -> None:
        """It is finished."""
        queue.end(self._engine, self.run_id, "finished")
        queue.sign_off(self._engine, self._worker)


def store(engine: Engine, steps: int) -> int:
    """A finished run; returns its number."""
    run = LongRun(engine, steps)
    for first in range(1, steps + 1, AT_ONCE):
        run.write(first, min(first + AT_ONCE - 1, steps))
        run.heartbeat()
    run.end()
    return run.run_id


def stream(engine: Engine, seconds: float, rate: int) -> Iterator[tuple[int, float]]:
    """Write a run at `rate` steps a second; gives each commit's last step and time."""
    run = LongRun(engine, round(seconds * rate))
    each, begun = rate // COMMITS, time.monotonic()
    for commit in range(1, round(seconds * COMMITS) + 1):
        time.sleep(max(0.0, begun + commit / COMMITS - time.monotonic()))
        run.write((commit - 1) * each + 1, commit * each)
        yield commit * each, time.time()
        if commit % (HEARTBEAT * COMMITS) == 0:
            run.heartbeat()
    run.end()


def main() -> None:
    """Store one run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])  # pyright: ignore
    parser.add_argument("database", help="URL, such as sqlite:///FILE")
    parser.add_argument("--steps", type=int, default=1_000_000, help="of a finished run")
    parser.add_argument("--seconds", type=float, help="how long a run goes on that is streamed")
    parser.add_argument("--rate", type=int, default=500, help="its steps a second")
    asked = parser.parse_args()
    engine = open_database(asked.database)
    if asked.seconds is None:
        print(store(engine, asked.steps))
        return
    for step, at in stream(engine, asked.seconds, asked.rate):
        print(json.dumps({"step": step, "at": at}), flush=True)


if __name__ == "__main__":
    main()
