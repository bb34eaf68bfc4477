"""What watching costs with shiftscope and with others: one loop, one machine, one run.

    pip install '.[bench]'
    python benchmarks/observers.py [--steps 1000] [--repetitions 5] [--only mlp] [--only wandb] …

Two pairs of networks, with and without BatchNorm: the MLP of the paper's §4.1 and a small ResNet.
One plain eager loop trains both networks of a pair; only who looks on differs (`rivals.py`), each
at every step and at its own default. For the MLP also shiftscope's own run of the pair, in which
the loop is shiftscope's. Alternating repetitions, timed from the first step until everything is on
the disk. Prints a Markdown table of medians.
"""

import argparse
import logging
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from loop import watched
from pairs import Pair, pairs
from rivals import OBSERVERS, Networks, Observer, Shiftscope
from torch import Tensor, nn
from torch.nn import functional

from shiftscope.db.parsing import with_settings
from shiftscope.server.settings import load_settings
from shiftscope.trainer import datasets, twin
from shiftscope.trainer.datasets.mnist import MNIST
from shiftscope.trainer.devices import cores

STEPS = {"mlp": 2000, "resnet": 100}
OWN = "own"
"""shiftscope's own run of the MLP pair."""


class Block(nn.Module):
    """Two 3×3 convolutions and the way around them."""

    def __init__(self, channels: int, units: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, units, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(units)
        self.conv2 = nn.Conv2d(units, units, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(units)
        self.around = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        x = self.around(x)
        return torch.relu(y + functional.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1])))


def resnet(classes: int) -> nn.Sequential:
    """Seven convolutions of 8, 16 and 32 channels on 28×28 gray images, and a linear layer."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes),
    )  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A pair of networks to train, anew each time from equal weights."""

    title: str
    networks: Callable[[], Networks]
    lr: float
    batch_size: int
    steps: int


def train(
    subject: Subject, images: datasets.Images, kind: type[Observer], every: int, folder: Path
) -> float:
    """Steps per second, from the first step until everything is on the disk."""
    inputs = torch.from_numpy(images.train_images > 127).flatten(1).float()
    labels = torch.from_numpy(images.train_labels)
    networks = subject.networks()
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.SGD(network.parameters(), lr=subject.lr) for network in networks.values()
    ]
    observer = kind(networks, optimizers, folder, every)
    time.sleep(1)  # processes that some of them start have started by then
    torch.manual_seed(0)
    began = time.perf_counter()
    for _ in range(subject.steps):
        batch = torch.randint(len(inputs), (subject.batch_size,))
        x, y = inputs[batch], labels[batch]
        losses: list[Tensor] = []
        for network, optimizer in zip(networks.values(), optimizers, strict=True):
            loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            losses.append(loss.detach())
        observer.after_backward()
        for optimizer in optimizers:
            optimizer.step()
        observer.after_update(losses)
    observer.close()
    return subject.steps / (time.perf_counter() - began)


def train_own(subject: Subject, pair: Pair, images: datasets.Images, folder: Path) -> float:
    """The same of shiftscope's own run of the MLP pair."""
    experiment = with_settings(pair.experiment, [f"steps={subject.steps}"])
    return watched(pair, experiment, images, folder).speed


def measure(subject: Subject, pair: Pair | None, images: datasets.Images,
            only: Sequence[str], repetitions: int) -> None:  # fmt: skip
    """Alternate, and print the table."""
    looks = [(name, every) for name, kind in OBSERVERS.items() if not only or name in only
             for every in sorted({1, kind.default})]  # fmt: skip
    if ("bare", 1) not in looks:
        looks.insert(0, ("bare", 1))
    if pair is not None and (not only or OWN in only):
        looks.append((OWN, 1))
    speeds: dict[tuple[str, int], list[float]] = {look: [] for look in looks}
    sizes: dict[tuple[str, int], int] = {}
    for _ in range(repetitions):
        for name, every in looks:
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place)
                if name == OWN and pair is not None:
                    speed = train_own(subject, pair, images, folder)
                else:
                    speed = train(subject, images, OBSERVERS[name], every, folder)
                speeds[name, every].append(speed)
                files = [file for file in folder.rglob("*") if not file.is_symlink()]
                sizes[name, every] = sum(file.stat().st_size for file in files if file.is_file())
    print(
        f"\n{subject.title}, {subject.steps:,} steps of {subject.batch_size}, medians of "
        f"{repetitions}; torch {torch.__version__} with {torch.get_num_threads()} thread(s), "
        f"{cores()} cores ({platform.machine()})\n\n"
        "| | looks at | steps/s | ratio to bare | activations | gradients | BatchNorm's buffers "
        "| MB on disk |\n|---|---|---|---|---|---|---|---|"
    )
    bare = statistics.median(speeds["bare", 1])
    for name, every in looks:
        kind = Shiftscope if name == OWN else OBSERVERS[name]
        title = "shiftscope, its own loop" if name == OWN else kind.title
        cadence = "every step" if every == 1 else f"1 in {every:,} ({kind.because})"
        speed = statistics.median(speeds[name, every])
        recorded = [kind.activations or "–", kind.gradients or "–", kind.buffers or "–"]
        cells = [title, "–" if name == "bare" else cadence, f"{speed:.1f}", f"{speed / bare:.3f}"]
        print("|", " | ".join([*cells, *recorded, f"{sizes[name, every] / 1e6:.2f}"]), "|")


def main() -> None:
    parser = argparse.ArgumentParser(description="Watching with shiftscope and with others.")
    parser.add_argument("--steps", type=int, help="instead of each pair's own number")
    parser.add_argument("--repetitions", type=int, default=5)
    names = [*STEPS, *OBSERVERS, OWN]
    only = "only this pair or this observer; may be given several times"
    parser.add_argument("--only", action="append", choices=names, default=[], help=only)
    parser.add_argument("--threads", type=int, default=1, help="of torch, for all alike")
    parser.add_argument("--data", type=Path, default=load_settings().data_folder)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    logging.getLogger("wandb").setLevel(logging.ERROR)
    dataset = "mnist" if MNIST.is_here(arguments.data) else "digits"
    images = datasets.load(dataset, arguments.data, print)
    paper = pairs(dataset)["paper"]

    def mlps() -> Networks:
        names = [arm.name for arm in paper.experiment.arms]
        return dict(zip(names, paper.networks(images), strict=True))

    def resnets() -> Networks:
        torch.manual_seed(0)
        normalized = resnet(images.classes)
        return {"none": twin(normalized, "none"), "BatchNorm": normalized}

    lr = paper.experiment.optimizer.lr
    subjects = {
        "mlp": Subject(f"{paper.title} on {dataset}", mlps, lr, 60, STEPS["mlp"]),
        "resnet": Subject(f"Small ResNet pair on {dataset}", resnets, 0.1, 60, STEPS["resnet"]),
    }
    chosen = [name for name in subjects if name in arguments.only] or list(subjects)
    observers = [name for name in arguments.only if name not in subjects]
    for name in chosen:
        subject = subjects[name]
        if arguments.steps:
            subject = replace(subject, steps=arguments.steps)
        pair = paper if name == "mlp" else None
        measure(subject, pair, images, observers, arguments.repetitions)


if __name__ == "__main__":
    main()
