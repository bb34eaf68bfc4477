"""Datasets: images and labels as arrays, read from the data folder or bundled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...db.datasets import DatasetName
from . import digits, mnist
from .images import Images

__all__ = ["Images", "load", "offers"]

Progress = Callable[[str], None]


def load(name: DatasetName, data: Path, progress: Progress) -> Images:
    """The dataset of this name.

    Args:
        name: As in an experiment.
        data: The data folder.
        progress: Told in a few words what takes time, such as a download.

    Raises:
        DatasetProblem: It is missing and can't be downloaded, or its files are not what they
            should be; the message says what to do.
    """
    return digits.load() if name == "digits" else mnist.load(data, progress)


def offers(data: Path) -> dict[str, Any]:
    """By dataset: is it here or to be had, and a sentence about it."""
    available, note = mnist.availability(data)
    return {
        "mnist": {"available": available, "note": note},
        "digits": {"available": True, "note": "Comes with scikit-learn; no download."},
    }
