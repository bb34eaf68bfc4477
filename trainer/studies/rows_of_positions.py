"""Convolutional BatchNorm is BatchNorm over the rows of all positions (E12a).

§3.2 of Ioffe & Szegedy (2015): a feature map is normalized over all examples and locations, an
effective batch of m' = m·p·q. That holds of the arithmetic; how well the statistics are known
depends on how alike neighbouring positions are, which the second quantity shows. Float64.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ...db.study import Measurement, Study
from . import Load

EXAMPLES, MAPS, BATCHES = 16, 8, 200
SIDES = (2, 4, 7, 14, 28)
BLUR = 7
PARTS = ("output", "gradient of the input", "gradient of γ", "running mean", "running variance")


def measure(study: Study, seed: int, load: Load) -> Iterator[Measurement]:
    """By positions p·q of a map: differences of the two, and the std of a batch's mean."""
    generator = torch.Generator().manual_seed(seed)
    for side in SIDES:
        shape = (EXAMPLES, MAPS, side, side)
        images, direction = (
            torch.randn(*shape, generator=generator, dtype=torch.float64) for _ in range(2)
        )
        of_images = _passes(nn.BatchNorm2d(MAPS), 3 * images + 1, direction)
        of_rows = _passes(nn.BatchNorm1d(MAPS), _rows(3 * images + 1), _rows(direction))
        both = zip(PARTS, of_images, of_rows, strict=True)
        for part, image_like, row_like in both:
            if image_like.ndim == 4:
                image_like = _rows(image_like)
            error = (image_like - row_like).abs().max().item()
            yield Measurement(seed, "difference", part, side**2, error)
        yield from _stds_of_mean(seed, side, generator)


def _passes(
    norm: nn.BatchNorm1d | nn.BatchNorm2d, batch: Tensor, direction: Tensor
) -> tuple[Tensor, ...]:
    """What training computes, in the order of `PARTS`; the loss is ⟨output, direction⟩."""
    norm.double()
    entering = batch.clone().requires_grad_()
    output = norm(entering)
    of_input, of_gamma = torch.autograd.grad(output, (entering, norm.weight), direction)
    assert norm.running_mean is not None and norm.running_var is not None
    return output.detach(), of_input, of_gamma, norm.running_mean, norm.running_var


def _rows(images: Tensor) -> Tensor:
    """(N, C, H, W) → (N·H·W, C)."""
    return images.movedim(1, -1).flatten(0, 2)


def _stds_of_mean(seed: int, side: int, generator: torch.Generator) -> Iterator[Measurement]:
    """The std over batches of the batch's mean, for maps of unit variance."""
    wide = side + BLUR - 1
    noise = torch.randn(BATCHES * EXAMPLES, 1, wide, wide, generator=generator)
    smooth = avg_pool2d(noise, BLUR, stride=1) * BLUR  # a mean of 49, brought to unit variance
    sharp = noise[:, :, :side, :side]
    for series, maps in (("independent positions", sharp), ("smooth maps, 7×7 mean", smooth)):
        means = maps.reshape(BATCHES, -1).mean(1)
        yield Measurement(seed, "std_of_mean", series, side**2, means.std().item())
    yield Measurement(seed, "std_of_mean", "1/√(m·p·q)", side**2, EXAMPLES**-0.5 / side)
