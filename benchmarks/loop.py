"""What watching costs: watched pairs against the bare loops over the same pairs.

    make benchmark      or      python benchmarks/loop.py [--pair paper] [--steps 5000] …

Three pairs, each with and without BatchNorm: the networks of the paper's §4.1, an MLP of 20 hidden
layers, and a micro Inception. Alternating repetitions of, on one machine and in one process:

(a) a plain eager loop over the two networks, nothing recorded, with the number of torch threads
    that is fastest for it;
(b) a shiftscope run of the same: every statistic of every layer at every step, from the first step
    to the last commit into a SQLite file; the MLPs with evaluations at their default steps.

With --channels-last the bare networks train in that memory format, as shiftscope's do. Prints the
medians of steps per second, the ratio b/a, and the bytes on disk for each recorded value. Training
on real MNIST where it is in the data folder (SHIFTSCOPE_DATA), else on digits.
"""

import argparse
import platform
import sqlite3
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import torch
from pairs import CPU, Pair, pairs
from torch.nn import functional

from shiftscope.db import queue
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.db.tables import RECORD_TABLES, statistics_of
from shiftscope.server.settings import load_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets.mnist import MNIST
from shiftscope.trainer.devices import cores, training_threads
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare

STEPS = {"paper": 5000, "deep": 5000, "inception": 500}


def bare(
    pair: Pair, experiment: Experiment, images: datasets.Images, memory_format: torch.memory_format
) -> float:
    """Steps per second of the plain loop."""
    inputs = torch.from_numpy(images.train_images > 127)[:, None].float()
    inputs = inputs.flatten(1) if experiment.network.kind == "mlp" else inputs
    labels = torch.from_numpy(images.train_labels)
    networks = pair.networks(images)
    for network in networks:
        network.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]
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


class Watched(NamedTuple):
    """What a recorded run took."""

    speed: float
    """Steps per second."""
    size: float
    """Bytes on disk for each recorded value."""
    set_up: float
    """Seconds before the first step, in which its programs were traced."""


def watched(pair: Pair, experiment: Experiment, images: datasets.Images, folder: Path) -> Watched:
    """A recorded run, from its first step to its last commit."""
    file = folder / f"{time.time_ns()}.db"
    engine = open_database(f"sqlite:///{file}")
    run_id = queue.enqueue(engine, experiment)
    queue.claim(engine, queue.register(engine))
    recorder = RecorderProcess(f"sqlite:///{file}", run_id)
    began = time.perf_counter()
    prepared = prepare(experiment, images, CPU)
    set_up = time.perf_counter() - began
    time.sleep(1)  # the recorder's process has started by then, as the interpreter has for (a)
    began = time.perf_counter()
    completed = watch_and_train(experiment, prepared, recorder, CPU, threading.Event())
    speed = experiment.steps / (time.perf_counter() - began)
    if not completed:
        raise SystemExit("The watched run did not come to its end; nothing was measured.")
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return Watched(speed, file.stat().st_size / recorded_values(file), set_up)


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


def fastest_threads(
    pair: Pair, experiment: Experiment, images: datasets.Images, memory_format: torch.memory_format
) -> int:
    """The number of torch threads with which the bare loop is fastest."""
    short = with_settings(experiment, [f"steps={max(10, experiment.steps // 10)}"])
    speeds: dict[int, float] = {}
    for threads in sorted({1, training_threads(), cores()}):
        torch.set_num_threads(threads)
        speeds[threads] = max(bare(pair, short, images, memory_format) for _ in range(2))
    return max(speeds, key=lambda threads: speeds[threads])


def measure(
    pair: Pair, experiment: Experiment, images: datasets.Images, repetitions: int,
    memory_format: torch.memory_format,
) -> None:  # fmt: skip
    """Alternate, and print the medians."""
    threads = fastest_threads(pair, experiment, images, memory_format)
    print(
        f"{pair.title} on {experiment.dataset}, {experiment.steps:,} steps of "
        f"{experiment.batch_size}, {repetitions} repetitions; torch {torch.__version__}, "
        f"{cores()} cores ({platform.machine()})"
    )
    plain: list[float] = []
    recorded: list[Watched] = []
    with tempfile.TemporaryDirectory() as folder:
        for repetition in range(repetitions):
            torch.set_num_threads(threads)
            plain.append(bare(pair, experiment, images, memory_format))
            torch.set_num_threads(training_threads())
            recorded.append(watched(pair, experiment, images, Path(folder)))
            speed = recorded[-1].speed
            print(f"  {repetition + 1}: bare {plain[-1]:6.1f}  watched {speed:6.1f} steps/s")
    a = statistics.median(plain)
    b, size, set_up = (statistics.median(column) for column in zip(*recorded, strict=True))
    print(f"(a) bare loop    {a:8.1f} steps/s (median), {threads} thread(s)")
    print(f"(b) watched run  {b:8.1f} steps/s (median), everything at every step")
    print(f"ratio b/a        {b / a:8.3f}")
    print(f"bytes on disk    {size:8.2f} per recorded value")
    print(f"set up in        {set_up:8.2f} s, before the clock starts\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="Watched pairs against bare loops.")
    parser.add_argument("--pair", choices=list(STEPS), help="only this one")
    parser.add_argument("--steps", type=int, help="instead of each pair's own number")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--channels-last", action="store_true", help="of the bare networks")
    parser.add_argument("--data", type=Path, default=load_settings().data_folder)
    arguments = parser.parse_args()

    last = arguments.channels_last
    memory_format = torch.channels_last if last else torch.preserve_format
    dataset = "mnist" if MNIST.is_here(arguments.data) else "digits"
    images = datasets.load(dataset, arguments.data, print)
    for name, pair in pairs(dataset).items():
        if arguments.pair in (None, name):
            steps = arguments.steps or STEPS[name]
            experiment = with_settings(pair.experiment, [f"steps={steps}"])
            measure(pair, experiment, images, arguments.repetitions, memory_format)


if __name__ == "__main__":
    main()
