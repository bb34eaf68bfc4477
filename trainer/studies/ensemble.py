"""Six variants of BN-x30 and their ensemble, as §4.2.3 of Ioffe & Szegedy (2015) has them (E6).

Each member is a micro Inception with BatchNorm that differs from BN-x30 by some of: convolutions
that start with twice the weights, dropout of 5 or 10 %, and BatchNorm of each activation by itself,
in place of each channel, in the last module. The ensemble predicts the mean of the members' class
probabilities.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...db.arm import Arm
from ...db.experiment import Experiment
from ...db.network import Network
from ...db.optimizer import Optimizer
from ...db.study import Length, Measurement, Study
from ..accuracy import share_right
from ..evaluation import parts
from ..pixels import to_device
from ..stack import Stack
from ..twins import batches, build, draw_weights
from . import Load

STEPS: dict[Length, int] = {"quick": 150, "full": 600}
BATCH, LR, DECAY = 32, 0.15, 0.1
"""The learning rate of BN-x30, which falls to a tenth over the whole training."""


@dataclass(frozen=True)
class Member:
    """How a member differs from BN-x30.

    Attributes:
        scale: Of the first weights of its convolutions.
        dropout: The share that is dropped before the output.
        per_activation: Whether the last module has BatchNorm of each activation by itself.
    """

    scale: float = 1.0
    dropout: float = 0.0
    per_activation: bool = False


MEMBERS = (
    Member(scale=2.0),
    Member(dropout=0.05),
    Member(dropout=0.1),
    Member(per_activation=True),
    Member(scale=2.0, dropout=0.05),
    Member(dropout=0.1, per_activation=True),
)


class PerActivation(nn.Module):
    """BatchNorm of each activation by itself: (batch, channels, h, w) → the same shape.

    Mean and variance are over the batch alone, not over positions, with a γ and a β for each.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        """`shape`: (channels, h, w)."""
        super().__init__()
        self.norm = nn.BatchNorm1d(torch.Size(shape).numel())

    def forward(self, x: Tensor) -> Tensor:
        """As rows of activations."""
        return self.norm(x.flatten(1)).view_as(x)


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Shares of the test set that are right: each member's, and that of the first k together.

    Top-1, and top-2: the class is among the two most probable. Every member has first weights and
    batches of its own.
    """
    images = load(study.dataset or "mnist")
    steps = STEPS[study.length]
    pixels = to_device(images, torch.device("cpu"), binary=False, standardize="none", flat=False)
    labels = torch.from_numpy(images.train_labels)
    test_labels = torch.from_numpy(images.test_labels)
    total = torch.zeros(len(test_labels), images.classes)
    for number, member in enumerate(MEMBERS):
        own_seed = seed * len(MEMBERS) + number
        drawn = batches(pixels.train, labels, BATCH, own_seed, scale=pixels.scale)
        network = _trained(member, drawn, steps, images.classes, own_seed)
        with torch.no_grad():
            found = torch.cat([network(part).softmax(1) for part in parts(pixels.test)])
        total += found
        for series, probabilities in (("single network", found), ("first k together", total)):
            for among in (1, 2):
                right = share_right(probabilities, test_labels, among)
                yield Measurement(seed, f"top_{among}", series, number + 1, right)


def _trained(
    member: Member, drawn: Iterator[tuple[Tensor, Tensor]], steps: int, classes: int, seed: int
) -> nn.Module:
    """A member after its training, in inference mode."""
    arm = Arm(name="member", norm="batch", dropout=member.dropout)
    experiment = Experiment(
        binary=False,
        batch_size=BATCH,
        network=Network(kind="micro_inception", activation="relu", initialization="he"),
        optimizer=Optimizer(
            lr=LR,
            momentum=0.9,
            weight_decay=2e-5,
            schedule="exponential",
            decay=DECAY,
            decay_every=steps,
        ),
        arms=[arm],
    )
    example = next(drawn)
    channels = example[0].shape[1]
    weights = draw_weights(experiment.network, channels, classes, seed)
    scaled = [w * member.scale if w.ndim == 4 else w for w in weights]
    network = build(experiment, arm, scaled, seed, inputs=channels)
    if member.per_activation:
        _norm_each_activation(network, example[0])
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = experiment.optimizer_of(arm)
    stack = Stack(arm, [network], [0], [0], [], example, optimizer=optimizer, steps=steps)
    with torch.no_grad():
        for _ in range(steps):
            stack.update(stack.look(*next(drawn)))
    return network.eval()


def _norm_each_activation(network: nn.Module, images: Tensor) -> None:
    """Put `PerActivation` in the place of the last module's BatchNorms."""
    blocks = [m for m in network.get_submodule("c").modules() if hasattr(m, "norm")]
    shapes: dict[nn.Module, torch.Size] = {}
    hooks = [
        block.register_forward_hook(lambda m, _, output: shapes.update({m: output.shape[1:]}))
        for block in blocks
    ]
    network.eval()(images)
    network.train()
    for hook, block in zip(hooks, blocks, strict=True):
        hook.remove()
        block.add_module("norm", PerActivation(shapes[block]))
