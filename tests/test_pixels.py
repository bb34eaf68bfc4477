"""Bytes become inputs: in the order that networks expect, binary, scaled or standardized."""

from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from shiftscope.db.datasets import Standardize
from shiftscope.trainer.datasets import Images
from shiftscope.trainer.pixels import Pixels, to_device

CPU = torch.device("cpu")
RANDOM = np.random.default_rng(0)
LABELS = np.arange(2300) % 2


def images(*shape: int) -> Images:
    train, test = (RANDOM.integers(0, 256, (count, *shape), np.uint8) for count in (2300, 7))
    train[:, 0, 0] = test[:, 0, 0] = 9  # a pixel that never changes
    return Images(train, LABELS, test, LABELS[:7], classes=2)


def pixels(of: Images, standardize: Standardize = "none", *, binary: bool = False,
           flat: bool = False) -> Pixels:  # fmt: skip
    return to_device(of, CPU, binary=binary, standardize=standardize, flat=flat)


def test_gray_images_have_one_channel_and_flat_ones_are_rows() -> None:
    gray = images(4, 5)
    assert pixels(gray).train.shape == (2300, 1, 4, 5)
    flat = pixels(gray, flat=True)
    assert flat.train.dtype == torch.uint8 and flat.test.shape == (7, 20)
    expected = torch.from_numpy(gray.test_images.reshape(7, 20) / np.float32(255))
    torch.testing.assert_close(flat.test, expected, rtol=0, atol=0)


def test_colour_comes_channel_after_channel() -> None:
    colour = images(4, 5, 3)
    found = pixels(colour)
    assert found.train.shape == (2300, 3, 4, 5) and found.train.is_contiguous()
    for example, channel in product((0, 2299), range(3)):
        assert (found.train[example, channel].numpy()
                == colour.train_images[example, :, :, channel]).all()  # fmt: skip
    assert (pixels(colour, flat=True).train == found.train.flatten(1)).all()


def test_binary_pixels_are_above_half_intensity() -> None:
    found = pixels(images(4, 5), binary=True)
    assert found.train.unique().tolist() == [0, 1] and found.scale.white == 1
    middle = np.array([[[127, 128]]], np.uint8)
    edge = Images(middle, LABELS[:1], middle, LABELS[:1])
    assert pixels(edge, binary=True).test.tolist() == [[[[0, 1]]]]


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("standardize", ["channel", "pixel"])
def test_the_training_set_is_standardized_and_the_test_set_by_the_same_numbers(
    standardize: Standardize, binary: bool, flat: bool
) -> None:
    colour = images(4, 5, 3)
    plain = pixels(colour, binary=binary)
    found = pixels(colour, standardize, binary=binary, flat=flat)
    train, test = (plain.scale(plain.train).double(), plain.test.double())
    over = 0 if standardize == "pixel" else (0, 2, 3)
    mean, std = train.mean(over, keepdim=True), train.std(over, correction=0, keepdim=True)
    std = torch.where(std < 1e-9, 1, std)
    for ours, theirs in ((found.scale(found.train), train), (found.test, test)):
        expected = ((theirs - mean) / std).float()
        torch.testing.assert_close(
            ours, expected.flatten(1) if flat else expected, rtol=1e-4, atol=1e-5
        )
    if standardize == "pixel":
        assert found.scale(found.train).view(2300, 3, 4, 5)[:, :, 0, 0].abs().max() < 1e-6


def test_gray_is_pillows_gray() -> None:
    colour = images(4, 5, 3)
    gray = colour.in_gray()
    assert gray.train_images.shape == (2300, 4, 5) and gray.in_gray() is gray
    for array, ours in zip(colour.test_images, gray.test_images, strict=True):
        assert (np.asarray(Image.fromarray(array).convert("L")) == ours).all()
