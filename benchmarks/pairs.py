"""The pairs that the benchmarks train: each with and without BatchNorm, from equal weights."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from shiftscope.db import catalog
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.pixels import Scaling
from shiftscope.trainer.setup import Prepared, assemble, prepare
from shiftscope.trainer.twins import batches, build, draw_weights

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Pair:
    """A pair to train: what it is called, its experiment, and its networks by arm."""

    title: str
    experiment: Experiment
    networks: Callable[[Experiment, datasets.Images], list[nn.Module]]
    prepare: Callable[[Experiment, datasets.Images, torch.device], Prepared]


def pairs(dataset: str, device: str = "cpu") -> dict[str, Pair]:
    """The three pairs, by name."""
    settings = [f"dataset={dataset}", f"device={device}"]
    paper = with_settings(catalog.experiment("mnist-sigmoid"), settings)
    deep = with_settings(paper, [f"network.hidden={[100] * 20}"])
    inception = with_settings(paper, ["batch_size=32", "recording.evaluate_every=1000000"])
    return {
        "paper": Pair("§4.1 pair", paper, _mlps, prepare),
        "deep": Pair("20-layer MLP pair", deep, _mlps, prepare),
        "inception": Pair("micro Inception pair", inception, _inceptions, _prepare_inceptions),
    }


def _mlps(experiment: Experiment, images: datasets.Images) -> list[nn.Module]:
    weights = draw_weights(experiment.network, 784, images.classes, seed=0)
    return [build(experiment, arm, weights) for arm in experiment.arms]


def _inceptions(experiment: Experiment, images: datasets.Images) -> list[nn.Module]:
    torch.manual_seed(0)
    plain = MicroInception(images.classes, normalize=False)
    normalized = MicroInception(images.classes, normalize=True)
    weights = [p for p in plain.parameters() if p.ndim > 1]
    for target, source in zip(
        (p for p in normalized.parameters() if p.ndim > 1), weights, strict=True
    ):
        target.data.copy_(source)
    return [plain, normalized]


def _prepare_inceptions(
    experiment: Experiment, images: datasets.Images, device: torch.device
) -> Prepared:
    pixels = torch.from_numpy((images.train_images > 127).reshape(-1, 784)).byte().to(device)
    labels = torch.from_numpy(images.train_labels).to(device)
    networks = [[network.to(device)] for network in _inceptions(experiment, images)]
    example = (Scaling(1)(pixels[: experiment.batch_size]), labels[: experiment.batch_size])
    drawn = batches(pixels, labels, experiment.batch_size, seed=0, scale=Scaling(1))
    return assemble(experiment, networks, [drawn], example, example)


class _Unit(nn.Sequential):
    """Convolution, BatchNorm if asked for, ReLU."""

    def __init__(
        self, channels: int, units: int, size: int, normalize: bool, stride: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels, units, size, stride, padding=size // 2, bias=not normalize
        )  # fmt: skip
        if normalize:
            self.norm = nn.BatchNorm2d(units)
        self.relu = nn.ReLU(inplace=True)


class _Module(nn.Module):
    """Branches side by side: 1×1; 1×1 and 3×3; 1×1 and twice 3×3; pooling and 1×1.

    A `stride` of 2 halves the image: no 1×1 branch then, and pooling passes its channels on.
    """

    def __init__(
        self, channels: int, one: int, three: tuple[int, int], double: tuple[int, int],
        pool: nn.Module, project: int, normalize: bool, stride: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()

        def unit(before: int, after: int, size: int, stride: int = 1) -> nn.Module:
            return _Unit(before, after, size, normalize, stride)

        branches: list[nn.Module] = [unit(channels, one, 1)] if one else []
        branches.append(
            nn.Sequential(unit(channels, three[0], 1), unit(*three, 3, stride))
        )  # fmt: skip
        branches.append(
            nn.Sequential(
                unit(channels, double[0], 1),
                unit(*double, 3),
                unit(double[1], double[1], 3, stride),
            )
        )
        branches.append(nn.Sequential(pool, unit(channels, project, 1)) if project else pool)
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class MicroInception(nn.Module):
    """Inception small enough for a CPU, after the paper's Figure 5: 28×28 gray images.

    (batch, 784) → logits (batch, classes).
    """

    def __init__(self, classes: int, *, normalize: bool) -> None:
        super().__init__()
        self.stem = nn.Sequential(_Unit(1, 8, 5, normalize, 2), _Unit(8, 16, 3, normalize))
        average, largest = nn.AvgPool2d(3, 1, 1), nn.MaxPool2d(3, 1, 1)
        halve = nn.MaxPool2d(3, 2, 1)
        self.a = _Module(16, 8, (8, 8), (8, 12), average, 4, normalize)
        self.to_b = _Module(32, 0, (8, 16), (8, 12), halve, 0, normalize, 2)
        self.b = _Module(60, 16, (8, 12), (12, 16), average, 16, normalize)
        self.to_c = _Module(60, 0, (16, 24), (24, 32), halve, 0, normalize, 2)
        self.c = _Module(116, 32, (24, 40), (20, 28), largest, 16, normalize)
        self.output = nn.Linear(116, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x.view(-1, 1, 28, 28))
        x = self.c(self.to_c(self.b(self.to_b(self.a(x)))))
        return self.output(x.mean((2, 3)))
