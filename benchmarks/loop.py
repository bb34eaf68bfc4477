"""What watching costs: a watched pair against the bare loop over the same pair.

    make benchmark      or      python benchmarks/loop.py [--steps 2000] [--repetitions 5]

Alternating repetitions of, on one machine and in one process:

(a) a plain eager loop over the two networks of the paper's §4.1, nothing recorded, with the
    number of torch threads that is fastest for it;
(b) a shiftscope run of the same experiment: every statistic of every layer at every step,
    evaluations at their default steps, committed to a SQLite file.

Prints the medians of steps per second, the ratio b/a, and the bytes on disk for each recorded
value. Training on real MNIST where it is in the data folder (SHIFTSCOPE_DATA), else on digits.
"""

import argparse
import platform
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path

import torch
from torch.nn import functional

from shiftscope.db import catalog, queue
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.db.tables import RECORD_TABLES, statistics_of
from shiftscope.server.settings import load_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets import mnist
from shiftscope.trainer.devices import cores, training_threads
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.setup import prepare
from shiftscope.trainer.twins import build, draw_weights

CPU = torch.device("cpu")


def bare(experiment: Experiment, images: datasets.Images) -> float:
    """Steps per second of the plain loop."""
    inputs = torch.from_numpy(images.train_images > 127).flatten(1).float()
    labels = torch.from_numpy(images.train_labels)
    weights = draw_weights(experiment.network, inputs.shape[1], images.classes, seed=0)
    networks = [build(experiment, arm, weights) for arm in experiment.arms]
    optimizers = [torch.optim.SGD(n.parameters(), lr=experiment.optimizer.lr) for n in networks]
    chosen: list[torch.Tensor] = []
    began = time.perf_counter()
    for _ in range(experiment.steps):
        chosen = chosen or list(torch.randperm(len(inputs)).split(experiment.batch_size))
        batch = chosen.pop()
        x, y = inputs[batch], labels[batch]
        for network, optimizer in zip(networks, optimizers, strict=True):
            loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
    return experiment.steps / (time.perf_counter() - began)


def watched(experiment: Experiment, images: datasets.Images, folder: Path) -> tuple[float, float]:
    """Steps per second of a recorded run, from its first step to its last commit, and bytes on
    disk for each recorded value."""
    file = folder / f"{time.time_ns()}.db"
    engine = open_database(f"sqlite:///{file}")
    run_id = queue.enqueue(engine, experiment)
    queue.claim(engine, queue.register(engine))
    seeds, test = prepare(experiment, images, CPU)
    began = time.perf_counter()
    completed = watch_and_train(engine, run_id, experiment, seeds, test, CPU, threading.Event())
    speed = experiment.steps / (time.perf_counter() - began)
    if not completed:
        raise SystemExit("The watched run did not come to its end; nothing was measured.")
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return speed, file.stat().st_size / recorded_values(file)


def recorded_values(file: Path) -> int:
    """How many numbers the record tables hold, NULL not counted."""
    with sqlite3.connect(file) as connection:
        columns = {table: statistics_of(table) for table in RECORD_TABLES}
        counts = [
            connection.execute(
                f"SELECT {' + '.join(f'COUNT({name!r})' for name in names)} FROM {table}".replace(
                    "'", '"'
                )
            ).fetchone()[0]
            for table, names in columns.items()
        ]
    connection.close()
    return sum(counts)


def fastest_threads(experiment: Experiment, images: datasets.Images) -> int:
    """The number of torch threads with which the bare loop is fastest."""
    short = with_settings(experiment, ["steps=300"])
    speeds: dict[int, float] = {}
    for threads in sorted({1, training_threads(), cores()}):
        torch.set_num_threads(threads)
        speeds[threads] = max(bare(short, images) for _ in range(2))
    return max(speeds, key=lambda threads: speeds[threads])


def main() -> None:
    parser = argparse.ArgumentParser(description="A watched pair against the bare loop.")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--data", type=Path, default=load_settings().data_folder)
    arguments = parser.parse_args()

    dataset = "mnist" if mnist.is_here(arguments.data) else "digits"
    settings = [f"steps={arguments.steps}", f"dataset={dataset}", "device=cpu"]
    experiment = with_settings(catalog.entry("mnist-sigmoid").experiment, settings)
    images = datasets.load(dataset, arguments.data, print)
    threads = fastest_threads(experiment, images)
    print(
        f"§4.1 pair on {dataset}, {arguments.steps:,} steps, {arguments.repetitions} repetitions; "
        f"torch {torch.__version__}, {cores()} cores ({platform.machine()})"
    )

    plain: list[float] = []
    recorded: list[float] = []
    sizes: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for repetition in range(arguments.repetitions):
            torch.set_num_threads(threads)
            plain.append(bare(experiment, images))
            torch.set_num_threads(training_threads())
            speed, size = watched(experiment, images, Path(folder))
            recorded.append(speed)
            sizes.append(size)
            print(f"  {repetition + 1}: bare {plain[-1]:6.0f}  watched {speed:6.0f} steps/s")
    a, b = statistics.median(plain), statistics.median(recorded)
    print(f"(a) bare loop    {a:8.1f} steps/s (median), {threads} thread(s)")
    print(f"(b) watched run  {b:8.1f} steps/s (median), everything at every step")
    print(f"ratio b/a        {b / a:8.3f}")
    print(f"bytes on disk    {statistics.median(sizes):8.2f} per recorded value")


if __name__ == "__main__":
    main()
