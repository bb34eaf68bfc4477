"""One example among many sets of companions: how far its logits depend on them (E15).

With BatchNorm in training mode an example is seen with the others of its batch, so its output is
not its own (Ioffe & Szegedy 2015, §3.4): what moves it is the noise of the batch's mean and
variance, which goes with 1/√m.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ...db.arm import Arm
from ...db.network import Network
from ...db.study import Measurement, Study
from ..short_training import Twins, binary, train
from . import Load

BATCH_SIZES = (16, 32, 60, 128, 256)
USUAL = 60
EXAMPLES = {"quick": 60_000, "full": 120_000}
SETS = 200
LEARNING_RATE = 0.1
FIXED = 5
"""Test images whose logits are looked at, one at a time; the mean over them is what is said."""


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """Std of an example's logits over the sets, by the size of the batch that it is in.

    Of networks that were trained on the same examples in batches of that size, in training and in
    inference mode, and of the one that was trained in batches of 60.
    """
    data = binary(load(study.dataset or "mnist"))
    fixed = data.test_inputs[:FIXED]
    twins = Twins(data, Network(initialization="xavier"), seed)
    networks: dict[int, nn.Module] = {}
    for batch_size in BATCH_SIZES:
        network = networks[batch_size] = twins.build(Arm(name="BatchNorm", norm="batch"))
        steps = max(1, EXAMPLES[study.length] // batch_size)
        drawn = twins.batches(batch_size)
        for _ in train(network, drawn, lr=LEARNING_RATE, steps=steps, every=steps):
            pass
        generator = torch.Generator().manual_seed(seed)
        for mode in ("training", "inference"):
            network.train(mode == "training")
            moved = _std_over_sets(network, fixed, data.pixels, batch_size, generator)
            yield Measurement(seed, "logit_std", mode, batch_size, moved)
    network = networks[USUAL].train()
    for batch_size in BATCH_SIZES:
        generator = torch.Generator().manual_seed(seed)
        moved = _std_over_sets(network, fixed, data.pixels, batch_size, generator)
        yield Measurement(seed, "logit_std", "training, one network", batch_size, moved)


@torch.no_grad()
def _std_over_sets(
    network: nn.Module,
    fixed: Tensor,
    pixels: Tensor,
    batch_size: int,
    generator: torch.Generator,
) -> float:
    """Std of each logit over the companion sets: the mean over logits and fixed examples."""
    logits: list[Tensor] = []
    for _ in range(SETS):
        chosen = torch.randint(len(pixels), (batch_size - 1,), generator=generator)
        companions = pixels[chosen].float()
        logits.append(
            torch.stack([network(torch.cat((one[None], companions)))[0] for one in fixed])
        )
    return torch.stack(logits).double().std(0).mean().item()
