"""What a network more costs: the §4.1 pair with 1 to 16 seeds, trained apart and stacked.

    python benchmarks/seeds.py [--device cpu] [--steps 200] [--threads 1] …

Apart: a program for each network, one after the other. Stacked: one program for all seeds of an
arm (torch.func.vmap). Nothing is recorded, so that only training is compared; alternating
repetitions, medians. "Of one" is the time of a step divided by that with a single seed.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch
from pairs import pairs

from shiftscope.db.parsing import with_settings
from shiftscope.server.settings import load_settings
from shiftscope.trainer import datasets, setup
from shiftscope.trainer.datasets.mnist import MNIST
from shiftscope.trainer.devices import choose

SEEDS = (1, 2, 4, 8, 16)


def seconds_per_step(
    seeds: int, images: datasets.Images, dataset: str, device: torch.device, steps: int, *,
    stacked: bool,
) -> float:  # fmt: skip
    """One step of both arms with so many seeds."""
    paper = pairs(dataset, str(device))["paper"].experiment
    experiment = with_settings(paper, [f"seeds={list(range(seeds))}"])
    prepared = setup.prepare(experiment, images, device, stacked=stacked)
    began = time.perf_counter()
    with torch.no_grad():
        for step in range(steps + 10):
            if step == 10:
                _wait(device)
                began = time.perf_counter()
            drawn = [next(of_seed) for of_seed in prepared.batches]
            for stack in prepared.stacks:
                inputs = stack.gather([drawn[which][0] for which in stack.draws])
                labels = stack.gather([drawn[which][1] for which in stack.draws])
                stack.update(stack.look(inputs, labels))
        _wait(device)
    return (time.perf_counter() - began) / steps


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of more seeds, apart and stacked.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=load_settings().data_folder)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = choose(arguments.device)
    dataset = "mnist" if MNIST.is_here(arguments.data) else "digits"
    images = datasets.load(dataset, arguments.data, print)
    found: dict[tuple[int, bool], list[float]] = {}
    for _ in range(arguments.repetitions):
        for seeds in SEEDS:
            for stacked in (False, True):
                steps = max(10, arguments.steps // seeds)
                found.setdefault((seeds, stacked), []).append(
                    seconds_per_step(seeds, images, dataset, device, steps, stacked=stacked)
                )
    one = statistics.median(found[1, False])
    print(
        f"§4.1 pair on {dataset}, {device}, {arguments.threads} thread(s), "
        f"torch {torch.__version__}"
    )
    print("| seeds | apart, ms a step | of one | stacked, ms a step | of one |")
    print("|---|---|---|---|---|")
    for seeds in SEEDS:
        apart, together = (statistics.median(found[seeds, stacked]) for stacked in (False, True))
        print(
            f"| {seeds} | {apart * 1e3:.2f} | {apart / one:.1f} | {together * 1e3:.2f} "
            f"| {together / one:.1f} |"
        )


if __name__ == "__main__":
    main()
