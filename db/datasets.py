"""The datasets by name, and what is known of them before they are read."""

from typing import Literal

KnownDataset = Literal["mnist", "fashion_mnist", "cifar10", "digits", "synthetic"]
DatasetName = Literal[KnownDataset, "folder"]
Standardize = Literal["none", "channel", "pixel"]

SHAPES: dict[DatasetName, tuple[int, int, int]] = {
    "mnist": (1, 28, 28),
    "fashion_mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "digits": (1, 28, 28),
    "synthetic": (1, 28, 28),
}
"""Channels, height and width; those of a folder are settings of the experiment."""
TRAINING_SETS: dict[DatasetName, int] = {
    "mnist": 60_000,
    "fashion_mnist": 60_000,
    "cifar10": 50_000,
    "digits": 1_437,
    "synthetic": 10_000,
}
"""Examples of the training set; how many a folder has is known once it is read."""
TEST_SETS: dict[DatasetName, int] = {
    "mnist": 10_000,
    "fashion_mnist": 10_000,
    "cifar10": 10_000,
    "digits": 360,
    "synthetic": 2_000,
}
"""Examples of the test set; how many a folder has is known once it is read."""
HANDWRITTEN: tuple[DatasetName, ...] = ("mnist", "digits")
"""Ink on paper, which the paper makes binary."""
