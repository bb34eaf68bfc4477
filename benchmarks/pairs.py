"""The pairs that the benchmarks train: each with and without BatchNorm, from equal weights."""

from dataclasses import dataclass

import torch
from torch import nn

from shiftscope.db import catalog
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.twins import build, draw_weights

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Pair:
    """A pair to train: what it is called, and its experiment."""

    title: str
    experiment: Experiment

    def networks(self, images: datasets.Images) -> list[nn.Module]:
        """By arm the networks, not yet trained."""
        inputs = 784 if self.experiment.network.kind == "mlp" else 1
        weights = draw_weights(self.experiment.network, inputs, images.classes, seed=0)
        return [build(self.experiment, arm, weights, inputs=inputs) for arm in self.experiment.arms]


def pairs(dataset: str, device: str = "cpu") -> dict[str, Pair]:
    """The three pairs, by name."""
    settings = [f"dataset={dataset}", f"device={device}"]
    paper = with_settings(catalog.experiment("mnist-sigmoid"), settings)
    deep = with_settings(paper, [f"network.hidden={[100] * 20}"])
    inception = with_settings(
        paper,
        ["kind=micro_inception", "activation=relu", "initialization=xavier", "batch_size=32",
         "evaluate_every=1000000", "test_examples=32"],
    )  # fmt: skip
    return {
        "paper": Pair("§4.1 pair", paper),
        "deep": Pair("20-layer MLP pair", deep),
        "inception": Pair("micro Inception pair", inception),
    }
