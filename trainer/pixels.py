"""Images → inputs: bytes on the training device, and how a batch of them becomes numbers."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..db.datasets import Standardize
from .datasets.images import Images

CHUNK = 1000
"""Images whose moments are added at once."""


@dataclass(frozen=True)
class Scaling:
    """What turns bytes into inputs: `white` becomes 1, then x becomes (x − mean) / std.

    Attributes:
        white: The byte that becomes 1: 255 for gray or coloured images, 1 for binary ones.
        mean: float32, of one example's shape, or None: the inputs stay between 0 and 1.
        std: The same; 1 where all of the training set is equal.
    """

    white: int
    mean: Tensor | None = None
    std: Tensor | None = None

    def __call__(self, pixels: Tensor) -> Tensor:
        """uint8 (examples, …) → float32 of the same shape."""
        inputs = pixels.float() if self.white == 1 else pixels.float().div_(self.white)
        if self.mean is None or self.std is None:
            return inputs
        return inputs.sub_(self.mean).div_(self.std)


@dataclass(frozen=True)
class Pixels:
    """A dataset's images on the training device.

    Attributes:
        train: uint8, (examples, channels, height, width), or flat: (examples, inputs), channel
            after channel. A batch of them goes through `scale`.
        test: float32 inputs of the same form.
        scale: Bytes → inputs.
    """

    train: Tensor
    test: Tensor
    scale: Scaling


def to_device(
    images: Images, device: torch.device, *, binary: bool, standardize: Standardize, flat: bool
) -> Pixels:
    """Put the images on the device.

    Args:
        images: As they were read.
        device: Where the networks train.
        binary: Whether bytes above 127 become 1, and the others 0.
        standardize: Whether mean and std are those of the training set's channels, or of each
            input by itself.
        flat: Whether an example is one row of inputs, as an MLP takes it.
    """
    train, test = (_bytes(part, binary) for part in (images.train_images, images.test_images))
    white = 1 if binary else 255
    mean, std = _moments(train, white, standardize)
    if flat:
        mean, std = (
            None if moment is None else moment.expand(train.shape[1:]).flatten()
            for moment in (mean, std)
        )
        train, test = train.flatten(1), test.flatten(1)
    scale = Scaling(
        white,
        None if mean is None else mean.to(device),
        None if std is None else std.to(device),
    )
    return Pixels(train.to(device), scale(test.to(device)), scale)


def _bytes(images: np.ndarray, binary: bool) -> Tensor:
    """uint8 (examples, height, width[, channels]) → (examples, channels, height, width)."""
    channels_first = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return torch.from_numpy(
        (channels_first > 127).astype(np.uint8) if binary else channels_first.copy()
    )


def _moments(
    train: Tensor, white: int, standardize: Standardize
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Mean and std, float32, of each channel (channels, 1, 1) or input (channels, height, width).

    The sums are whole numbers, and exact.
    """
    if standardize == "none":
        return None, None
    total = torch.zeros(train.shape[1:], dtype=torch.int64)
    squares = torch.zeros_like(total)
    for chunk in train.split(CHUNK):
        total += chunk.sum(0, dtype=torch.int64)
        squares += chunk.to(torch.int32).square_().sum(0, dtype=torch.int64)
    count = len(train)
    over = 0 if standardize == "pixel" else (0, 2, 3)
    varies = train.amax(over, keepdim=True) > train.amin(over, keepdim=True)
    if standardize == "channel":
        count *= total[0].numel()
        total, squares = (each.sum((1, 2), keepdim=True) for each in (total, squares))
    mean = total.double() / count
    variance = (squares.double() / count - mean.square()).clamp_(min=0)
    std = torch.where(varies[0], variance.sqrt(), white)
    return (mean / white).float(), (std / white).float()
