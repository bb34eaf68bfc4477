"""The datasets by name, and what is known of them before they are read."""

from typing import Literal

DatasetName = Literal["mnist", "fashion_mnist", "cifar10", "digits", "synthetic", "folder"]
Standardize = Literal["none", "channel", "pixel"]

SHAPES: dict[DatasetName, tuple[int, int, int]] = {
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "digits": (1, 28, 28),
    "synthetic": (1, 28, 28),
}
"""Channels, height and width; those of a folder are settings of the experiment."""
HANDWRITTEN: tuple[DatasetName, ...] = ("mnist", "digits")
"""Ink on paper, which the paper makes binary."""
