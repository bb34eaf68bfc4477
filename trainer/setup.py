"""Experiment → everything that trains: data on the device, twins, optimizers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..db.errors import DatasetProblem
from ..db.experiment import Experiment
from .datasets import Images
from .observer import NormPlaces
from .records import LayerTrack, NetworkTrack
from .sgd import SGD
from .twins import Trainee, Twins, batches, blocks_of, build, draw_weights, scale, weights_hash


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
    white = 1 if experiment.binary else 255
    pixels = _pixels(images.train_images, experiment.binary, device)
    labels = torch.from_numpy(images.train_labels).to(device)
    test_inputs = scale(_pixels(images.test_images, experiment.binary, device), white)
    test_labels = torch.from_numpy(images.test_labels).to(device)
    seeds: list[Twins] = []
    for seed in experiment.seeds:
        weights = draw_weights(experiment.network, pixels.shape[1], images.classes, seed)
        trainees: list[Trainee] = []
        for arm in experiment.arms:
            network = build(experiment, arm, weights).to(device)
            optimizer = SGD(
                network.parameters(),
                lr=experiment.learning_rate(arm),
                momentum=experiment.optimizer.momentum,
            )
            index = len(seeds) * len(experiment.arms) + len(trainees)
            trainees.append(Trainee(index, arm, network, optimizer))
        order = batches(pixels, labels, experiment.batch_size, seed, white=white)
        seeds.append(Twins(seed, order, trainees))
    return seeds, (test_inputs, test_labels)


def _pixels(images: np.ndarray, binary: bool, device: torch.device) -> Tensor:
    """uint8 (examples, height, width) → uint8 (examples, pixels), 0 or 1 where `binary`."""
    flat = images.reshape(len(images), -1)
    return torch.from_numpy((flat > 127).astype(np.uint8) if binary else flat.copy()).to(device)


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
    experiment: Experiment,
    seeds: Sequence[Twins],
    numbers: Sequence[tuple[int, list[int]]],
    places: Sequence[NormPlaces],
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
                    places[trainee.index],
                )
            )
    return found
