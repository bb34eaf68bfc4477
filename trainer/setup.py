"""Experiment → everything that trains: data on the device, twins, stacks, and the plan."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..db import demand
from ..db.arm import Arm
from ..db.errors import DatasetProblem, SetupProblem
from ..db.experiment import Experiment
from ..db.location import Location
from .datasets import Images
from .datasets.memory import free_memory
from .discovery import find_layers
from .evenly import evenly_spaced
from .loop import Batches
from .observer import StackObserver
from .pixels import to_device
from .plan import Plan
from .ring import STRETCHES, numbers, slots_for
from .stack import Stack
from .twins import ShuffledBatches, arm_weights, build, weights_hash


@dataclass(frozen=True)
class Prepared:
    """Everything that trains.

    Attributes:
        stacks: The networks.
        batches: By seed, or by network where networks are no twins.
        test: Inputs and labels of the test set.
        plan: What is recorded.
    """

    stacks: list[Stack]
    batches: list[Batches]
    test: tuple[Tensor, Tensor]
    plan: Plan


def prepare(
    experiment: Experiment, images: Images, device: torch.device, *, stacked: bool | None = None
) -> Prepared:
    """The twins of every seed on the device, and what is recorded of them.

    `stacked`: see `assemble`.

    Raises:
        DatasetProblem: The training set has fewer examples than a batch, or than are asked for.
    """
    if experiment.train_examples is not None:
        images = images.thinned(experiment.train_examples)
    if experiment.batch_size > len(images.train_images):
        raise DatasetProblem(
            f"The batch size {experiment.batch_size} is larger than the {experiment.dataset} "
            f"training set of {len(images.train_images):,} examples; choose a smaller one."
        )
    check_memory(experiment, device)
    pixels = to_device(
        images,
        device,
        binary=experiment.binary,
        standardize=experiment.standardize,
        flat=experiment.network.kind == "mlp",
    )
    inputs = pixels.train.shape[1]
    labels = torch.from_numpy(images.train_labels).to(device)
    test_labels = torch.from_numpy(images.test_labels).to(device)
    wanted, there = experiment.recording.test_examples, len(test_labels)
    chosen = slice(None) if wanted is None else evenly_spaced(wanted, there)
    networks = [
        [
            build(
                experiment,
                arm,
                arm_weights(experiment, arm, inputs, images.classes, seed),
                seed,
                inputs=inputs,
            ).to(device)
            for seed in (experiment.drawn_by(seed, index) for seed in experiment.seeds)
        ]
        for index, arm in enumerate(experiment.arms)
    ]
    drawn_by = [
        experiment.drawn_by(seed, index)
        for seed in experiment.seeds
        for index in range(1 if experiment.twins else len(experiment.arms))
    ]
    example = (pixels.scale(pixels.train[: experiment.batch_size]), labels[: experiment.batch_size])
    return assemble(
        experiment,
        networks,
        [
            ShuffledBatches(pixels.train, labels, experiment.batch_size, seed, scale=pixels.scale)
            for seed in drawn_by
        ],
        (pixels.test[chosen], test_labels[chosen]),
        example,
        stacked=stacked,
    )


def assemble(
    experiment: Experiment,
    networks: Sequence[Sequence[nn.Module]],
    drawn: list[Batches],
    test: tuple[Tensor, Tensor],
    example: tuple[Tensor, Tensor],
    *,
    stacked: bool | None = None,
) -> Prepared:
    """Stacks and plan of some networks.

    Args:
        experiment: For its arms, seeds, optimizer and recording.
        networks: By arm, then by seed.
        drawn: By seed its batches, or by position those of each network.
        test: Inputs and labels of the test set.
        example: Inputs and labels of a batch like those to come.
        stacked: Whether the seeds of an arm train as one stack; None: on a GPU, where launches
            are what a step costs. On a CPU a stack needs the core that the recorder has.
    """
    if stacked is None:
        stacked = example[0].device.type != "cpu"
    for network in itertools.chain.from_iterable(networks):
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    stacks: list[Stack] = []
    rows: list[list[dict[str, Any]]] = []
    for index, (arm, of_arm) in enumerate(zip(experiment.arms, networks, strict=True)):
        every = range(len(of_arm))
        for seeds in [list(every)] if stacked else [[seed] for seed in every]:
            positions = [seed * len(experiment.arms) + index for seed in seeds]
            stacks.append(
                Stack(
                    arm,
                    [of_arm[seed] for seed in seeds],
                    seeds if experiment.twins else positions,
                    positions,
                    find_layers(of_arm[seeds[0]], example[0]).layers,
                    example,
                    optimizer=experiment.optimizer_of(arm),
                    steps=experiment.steps,
                )
            )
            rows.append([_row(arm, experiment.seeds[seed], of_arm[seed]) for seed in seeds])
    plans = [
        StackObserver(stack, index).plan(of_stack, len(example[1]))
        for index, (stack, of_stack) in enumerate(zip(stacks, rows, strict=True))
    ]
    device = example[0].device.type
    plan = Plan(
        plans,
        slots_for(numbers(plans), experiment.recording.record_every),
        STRETCHES,
        precise="float32" if device == "mps" else "float64",
        finishes=device == "cuda",  # MPS has no float64, in which that is done
    )
    return Prepared(stacks, drawn, test, plan)


def check_memory(experiment: Experiment, device: torch.device) -> None:
    """Refuse what the device can't hold, as far as that is known before it trains.

    Raises:
        SetupProblem: Says what is needed and what there is.
    """
    needed, most = demand.memory(experiment), Location().memory
    if most is not None:
        there, where = most * 1e9, "are the limit (SHIFTSCOPE_MEMORY)"
    elif device.type == "cuda":
        there, where = torch.cuda.mem_get_info(device)[0], f"are free on {device}"
    else:
        there, where = free_memory(), "are free"
    if most != 0 and needed > there:
        raise SetupProblem(
            f"The networks alone would take {needed / 1e9:,.1f} GB of memory, and "
            f"{there / 1e9:,.1f} GB {where}. Choose narrower or fewer layers, a smaller batch, "
            "fewer arms or fewer seeds; SHIFTSCOPE_MEMORY=0 tries it all the same."
        )


def _row(arm: Arm, seed: int, network: nn.Module) -> dict[str, Any]:
    """A network's row in the table `networks`."""
    return {
        "arm": arm.name,
        "seed": seed,
        "parameters": sum(p.numel() for p in network.parameters()),
        "weights_hash": weights_hash(network),
    }
