"""A trained network's statistics where they don't fit: one example, other images (E32).

In inference an example is seen alone, by statistics that are kept: its own do not exist. When the
images change, the kept ones no longer fit; Ioffe & Szegedy (2015), §5, ask whether recomputing them
is what a new domain needs. No label is needed for it.

Images of contrast a are ax + (1 − a)/2; a = −1 inverts them. The first layer then gives aWx and a
constant, which new statistics take out but for the sign of a: with a > 0 they restore the network,
with a < 0 every unit of the first layer is normalized to −x̂.
"""

import copy
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..accuracy import share_right
from ..norms.population import take_averages
from ..short_training import Twins, accuracy, binary, train
from . import Load

STEPS = {"quick": 1_000, "full": 3_000}
LEARNING_RATE = 0.1
BATCH = 60
BATCH_SIZES = (1, 2, 4, 8, 16, 60, 250)
NEW_BATCHES = 100
CONTRASTS = (1.0, 0.75, 0.5, 0.25, 0.1, -0.1, -0.5, -1.0)
ANGLES = (0, 15, 30, 45, 60, 90)


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Accuracies with a batch's own statistics, kept ones, and ones estimated on new images."""
    data = binary(load(study.dataset or "mnist"))
    inputs, labels = data.test_inputs, data.test_labels
    twins = Twins(data, Network(initialization="xavier"), seed)
    network = twins.build(Arm(name="BatchNorm", norm="batch"))
    steps = STEPS[study.length]
    for _ in train(network, twins.batches(BATCH), lr=LEARNING_RATE, steps=steps, every=steps):
        pass

    for size in BATCH_SIZES:
        for series, own in (("the batch’s own", True), ("kept", False)):
            reached = _in_batches(network, inputs, labels, size, own=own)
            yield Measurement(seed, "own_statistics", series, size, reached)

    unlabelled = [batch for batch, _ in islice(twins.batches(BATCH), NEW_BATCHES)]
    for quantity, change, amounts in (
        ("faded", faded, CONTRASTS),
        ("rotated", rotated, ANGLES),
    ):
        for amount in amounts:
            anew = copy.deepcopy(network)
            take_averages(anew, (change(batch, amount) for batch in unlabelled))
            changed = change(inputs, amount)
            for series, model in (("kept", network), ("estimated anew", anew)):
                reached = accuracy(model, changed, labels)
                yield Measurement(seed, quantity, series, amount, reached)


def faded(inputs: Tensor, contrast: float) -> Tensor:
    """Images of another contrast about middle gray."""
    return contrast * inputs + (1 - contrast) / 2


def rotated(inputs: Tensor, degrees: float) -> Tensor:
    """Square images, (examples, pixels), turned about their middle; binary again."""
    side = round(inputs.shape[1] ** 0.5)
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    cosine, sine = angle.cos(), angle.sin()
    turn = torch.stack([cosine, -sine, cosine * 0, sine, cosine, cosine * 0]).view(1, 2, 3)
    images = inputs.view(-1, 1, side, side)
    grid = affine_grid(turn.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return (grid_sample(images, grid, align_corners=False) > 0.5).float().flatten(1)


@torch.no_grad()
def _in_batches(
    network: nn.Module, inputs: Tensor, labels: Tensor, size: int, *, own: bool
) -> float:
    """Accuracy in batches of one size; NaN where the network refuses them."""
    seen = copy.deepcopy(network).train(own)
    whole = len(inputs) // size * size
    try:
        logits = torch.cat([seen(batch) for batch in inputs[:whole].split(size)])
    except ValueError:  # torch: "Expected more than 1 value per channel when training"
        return float("nan")
    return share_right(logits, labels[:whole])
