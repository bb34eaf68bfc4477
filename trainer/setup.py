"""Experiment → everything that trains: data on the device, twins, optimizers, observers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import SGD

from ..db.errors import DatasetProblem
from ..db.experiment import Experiment
from .datasets import Images
from .loop import Trainee, Twins
from .observer import Observer
from .recorder import LayerTrack, NetworkTrack
from .twins import batches, blocks_of, build, draw_weights, weights_hash


def prepare(
    experiment: Experiment, images: Images, device: torch.device
) -> tuple[list[Twins], tuple[Tensor, Tensor]]:
    """The twins of every seed, and the test set as inputs and labels, all on the device.

    Raises:
        DatasetProblem: The training set has fewer examples than a batch.
    """
    if experiment.batch_size > len(images.train_images):
        raise DatasetProblem(
            f"The batch size {experiment.batch_size} is larger than the {experiment.dataset} "
            f"training set of {len(images.train_images):,} examples; choose a smaller one."
        )
    inputs = _inputs(images.train_images, experiment.binary, device)
    labels = torch.from_numpy(images.train_labels).to(device)
    test_inputs = _inputs(images.test_images, experiment.binary, device)
    test_labels = torch.from_numpy(images.test_labels).to(device)
    seeds: list[Twins] = []
    for seed in experiment.seeds:
        weights = draw_weights(experiment.network, inputs.shape[1], images.classes, seed)
        trainees: list[Trainee] = []
        for arm in experiment.arms:
            network = build(experiment, arm, weights).to(device)
            optimizer = SGD(
                network.parameters(),
                lr=experiment.learning_rate(arm),
                momentum=experiment.optimizer.momentum,
            )
            index = len(seeds) * len(experiment.arms) + len(trainees)
            observer = Observer(network, optimizer, experiment.batch_size)
            trainees.append(Trainee(index, arm, network, optimizer, observer))
        order = batches(inputs, labels, experiment.batch_size, seed)
        seeds.append(Twins(seed, order, trainees))
    return seeds, (test_inputs, test_labels)


def _inputs(images: np.ndarray, binary: bool, device: torch.device) -> Tensor:
    """uint8 (examples, height, width) → float32 (examples, pixels): 0 or 1, or 0 to 1."""
    pixels = torch.from_numpy(images.reshape(len(images), -1).copy()).to(device)
    return (pixels > 127).float() if binary else pixels.float() / 255


def describe(seeds: Sequence[Twins]) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The rows of the tables `networks` and `layers`, in the order of the ring."""
    return [
        (
            {
                "arm": trainee.arm.name,
                "seed": twins.seed,
                "parameters": sum(p.numel() for p in trainee.network.parameters()),
                "weights_hash": weights_hash(trainee.network),
            },
            [
                {
                    "name": block.name,
                    "kind": "linear",
                    "norm": "none" if block.norm is None else trainee.arm.norm,
                    "activation": block.activation_name,
                    "units": block.units,
                }
                for block in blocks_of(trainee.network)
            ],
        )
        for twins in seeds
        for trainee in twins.trainees
    ]


def tracks(
    experiment: Experiment, seeds: Sequence[Twins], numbers: Sequence[tuple[int, list[int]]]
) -> list[NetworkTrack]:
    """What the recorder needs of each network; `numbers` are those of `write.add_networks`."""
    found: list[NetworkTrack] = []
    for seed_index, twins in enumerate(seeds):
        for trainee in twins.trainees:
            network_id, layer_ids = numbers[trainee.index]
            layers = [
                LayerTrack(
                    layer_id,
                    block.activation_name,
                    None if block.norm is None else experiment.network.bn_epsilon,
                )
                for layer_id, block in zip(layer_ids, blocks_of(trainee.network), strict=True)
            ]
            found.append(
                NetworkTrack(
                    network_id,
                    trainee.arm.name,
                    seed_index,
                    experiment.learning_rate(trainee.arm),
                    layers,
                    trainee.observer.weight_gradients,
                )
            )
    return found
