"""Datasets: images and labels as arrays, read from the data folder or bundled."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ...db.datasets import DatasetName
from ...db.errors import DatasetProblem
from ...db.experiment import Experiment
from . import cifar10, digits, folder, synthetic
from .fashion_mnist import FASHION_MNIST
from .images import Images
from .mnist import MNIST

__all__ = ["Images", "load", "of_experiment", "offers"]

Progress = Callable[[str], None]
LOADED: dict[DatasetName, Callable[[Path, Progress], Images]] = {
    "mnist": MNIST.load,
    "fashion_mnist": FASHION_MNIST.load,
    "cifar10": cifar10.load,
}
AVAILABILITY: dict[DatasetName, Callable[[Path], tuple[bool, str]]] = {
    "mnist": MNIST.availability,
    "fashion_mnist": FASHION_MNIST.availability,
    "cifar10": cifar10.availability,
    "digits": lambda _: (True, "Comes with scikit-learn; no download."),
    "synthetic": lambda _: (True, "Drawn from its formula; no download."),
    "folder": lambda _: (True, "Your own images by class, on the worker's machine."),
}


def load(name: DatasetName, data: Path, progress: Progress) -> Images:
    """The dataset of this name.

    Args:
        name: As in an experiment; a folder needs the other settings too: `of_experiment`.
        data: The data folder.
        progress: Told in a few words what takes time, such as a download.

    Raises:
        DatasetProblem: It is missing and can't be downloaded, or its files are not what they
            should be; the message says what to do.
    """
    if name in LOADED:
        return LOADED[name](data, progress)
    if name == "folder":
        raise DatasetProblem("The dataset folder has no images of its own: it needs a path.")
    return digits.load() if name == "digits" else synthetic.load()


def of_experiment(experiment: Experiment, data: Path, progress: Progress) -> Images:
    """The dataset that an experiment asks for, in gray where it says so.

    Args:
        experiment: What is asked; a relative folder is one of the data folder.
        data: The data folder.
        progress: As in `load`.

    Raises:
        DatasetProblem: As in `load`.
    """
    if experiment.dataset == "folder":
        place = data / os.path.expanduser(experiment.folder)
        return folder.load(place, experiment.image_size, progress, gray=experiment.gray)
    images = load(experiment.dataset, data, progress)
    return images.in_gray() if experiment.gray else images


def offers(data: Path) -> dict[str, Any]:
    """By dataset: is it here or to be had, and a sentence about it."""
    with ThreadPoolExecutor(len(AVAILABILITY)) as threads:  # which wait for an answer
        asked = {name: threads.submit(of, data) for name, of in AVAILABILITY.items()}
        answers = {name: answer.result() for name, answer in asked.items()}
    return {name: {"available": here, "note": note} for name, (here, note) in answers.items()}
