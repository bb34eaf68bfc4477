"""Any folder of images by class: decoded once, all of one size, kept as bytes."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...db.errors import DatasetProblem
from ..decoders import decode_into
from ..decoding import BYTES_PER_PIXEL
from .image_files import ImageFile, ImageFiles, find, some
from .images import Images
from .memory import check_room, free_memory

logger = logging.getLogger(__name__)


def load(place: Path, size: int, progress: Callable[[str], None], *, gray: bool = False) -> Images:
    """The images at a place, each the middle square of its file at size × size.

    What can't be decoded is left out, counted and named in `Images.note`.

    Raises:
        DatasetProblem: There is no such place, not what is expected in it, too much for the
            memory, or a class of which no image could be decoded.
    """
    progress(f"looking for images in {place.name}")
    files = find(place)
    check_room(str(place), len(files.train), len(files.test), size, 1 if gray else 3)
    decoding = _Decoding(files, size, gray, progress)
    train, train_labels = decoding.decode(files.train)
    test, test_labels = decoding.decode(files.test)
    broken = decoding.broken
    if broken and not place.exists():
        raise DatasetProblem(
            f"{place} disappeared while its images were read: {len(train) + len(test):,} of "
            f"{len(files.train) + len(files.test):,} were. Put it back and press Run again."
        )
    lost = set(range(len(files.class_names))) - set(train_labels.tolist())
    if lost or not len(test_labels):
        what = f"of {some(files.class_names[i] for i in sorted(lost))}" if lost else "to test with"
        raise DatasetProblem(f"No image {what} in {place} can be decoded. {_broken(broken)}")
    if broken:
        logger.warning("%s: %s", place, _broken(broken))
    return Images(
        train,
        train_labels,
        test,
        test_labels,
        classes=len(files.class_names),
        class_names=files.class_names,
        note=_note(files, len(train), len(test), broken),
    )


class _Decoding:
    """Decodes the parts of a dataset.

    Attributes:
        broken: By the name of a file why it can't be decoded.
    """

    def __init__(
        self, files: ImageFiles, size: int, gray: bool, progress: Callable[[str], None]
    ) -> None:
        self.broken: dict[str, str] = {}
        self._labels = {name: label for label, name in enumerate(files.class_names)}
        self._shape = (size, size) if gray else (size, size, 3)
        self._gray = gray
        self._progress = progress
        self._count = len(files.train) + len(files.test)
        self._done = 0
        self._said = ""

    def decode(self, files: Sequence[ImageFile]) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels of what can be decoded."""
        images = np.empty((len(files), *self._shape), np.uint8)
        sources = [file.source for file in files]
        room = free_memory() // 2 // BYTES_PER_PIXEL
        broken = decode_into(images, sources, gray=self._gray, room=room, progress=self._tell)
        self._done += len(files)
        labels = np.array([self._labels[file.label] for file in files], np.int64)
        if not broken:
            return images, labels
        self.broken |= {files[index].name: why for index, why in broken.items()}
        good = np.setdiff1d(np.arange(len(files)), list(broken))
        return images[good], labels[good]

    def _tell(self, done: int) -> None:
        words = f"decoding images, {(self._done + done) / self._count:.0%}"
        if words != self._said:
            self._progress(words)
            self._said = words


def _note(files: ImageFiles, train: int, test: int, broken: dict[str, str]) -> str:
    sentences = [f"{train:,} + {test:,} images of {len(files.class_names)} classes."]
    if files.empty:
        sentences.append(f"Without images: {some(files.empty)}.")
    if broken:
        sentences.append(_broken(broken))
    return " ".join(sentences)


def _broken(broken: dict[str, str]) -> str:
    what = "1 image was" if len(broken) == 1 else f"{len(broken):,} images were"
    return f"{what} left out: {some(f'{name} ({why})' for name, why in broken.items())}."
