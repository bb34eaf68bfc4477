"""CIFAR-10 (Krizhevsky 2009): 50,000 + 10,000 photographs of 32×32 in 10 classes.

Looked for in the data folder itself and in its `cifar10`, in this order: the python version's
folder, the binary version's, the archive of either, JPEG files by class (`cifar10/train/CLASS/…`),
an archive of those. The binary version is downloaded where there is none.

Source of formats and checksums: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import hashlib
import io
import pickle
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...db.errors import DatasetProblem
from . import folder as image_folder
from .download import fetch, is_reachable
from .images import Images

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
FOLDERS = ("cifar10", ".")
JPEG_FOLDER, JPEG_ARCHIVE = "cifar10", "cifar10-jpg.tar.gz"
URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
MOST_BYTES = 200_000_000
"""Of the download, which has 170 million."""
ARCHIVES = {
    "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    "cifar-10-binary.tar.gz": "c32a1d4ab5d03f1284b67883e8d87530",
}
"""MD5, as the dataset's page has it."""
PYTHON = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
"""MD5, as torchvision has it."""
BINARY = tuple(f"{name}.bin" for name in PYTHON)
"""Their archive has a checksum, they have none: they are known by their size and labels."""
EXTRACTED = {"cifar-10-batches-py": tuple(PYTHON), "cifar-10-batches-bin": BINARY}
"""Folders that the archives unpack to, and the files in them."""
SIDE, PIXELS = 32, 3 * 32 * 32
IN_BATCH, TRAIN_PER_CLASS, TEST_PER_CLASS = 10_000, 5_000, 1_000
Batch = tuple[np.ndarray, np.ndarray]
"""Rows of red, green, then blue pixels, uint8 (examples, 3072), and labels."""


def load(data: Path, progress: Callable[[str], None]) -> Images:
    """CIFAR-10 from the data folder, downloaded where it is not there.

    Raises:
        DatasetProblem: It is missing and can't be downloaded, or is truncated, corrupt or another
            dataset.
    """
    place = _place(data)
    if place is None:
        place = _download(data, progress)
    if place.name in (JPEG_FOLDER, JPEG_ARCHIVE):
        return _from_jpeg(place, progress)
    progress(f"reading {place.name}")
    try:
        batches = _from_folder(place) if place.is_dir() else _from_archive(place)
    except OSError as error:
        raise DatasetProblem(f"{place} can't be read: {error.strerror}.") from error
    return _images(batches, place)


def availability(data: Path) -> tuple[bool, str]:
    """Whether CIFAR-10 is here or can be downloaded, and a sentence about it."""
    place = _place(data)
    if place is not None:
        jpeg = " as JPEG files" if place.name in (JPEG_FOLDER, JPEG_ARCHIVE) else ""
        return True, f"Found in {place}{jpeg}."
    where = f"in {data / FOLDERS[0]}"
    if is_reachable([URL]):
        return True, f"Not {where} yet: downloaded (170 MB) when a run first needs it."
    return False, (
        f"CIFAR-10 is not {where} and its page can't be reached from here. "
        f"Put {' or '.join(ARCHIVES)} there, or use digits."
    )


def _place(data: Path) -> Path | None:
    """The folder or archive that it lies in."""
    folders = [data / folder for folder in FOLDERS]
    for inside, names in EXTRACTED.items():
        for place in (folder / inside for folder in folders):
            if all((place / name).is_file() for name in names):
                return place
    jpeg = data / JPEG_FOLDER
    has_jpeg = all((jpeg / "train" / name).is_dir() for name in CLASS_NAMES)
    archives = [folder / name for name in ARCHIVES for folder in folders]
    jpegs = [folder / JPEG_ARCHIVE for folder in folders]
    candidates = [*archives, *([jpeg] if has_jpeg else []), *jpegs]
    return next((place for place in candidates if place == jpeg or place.is_file()), None)


def _from_jpeg(place: Path, progress: Callable[[str], None]) -> Images:
    images = image_folder.load(place, SIDE, progress)
    if images.class_names != CLASS_NAMES:
        raise DatasetProblem(
            f"{place} has other classes than CIFAR-10: expected {', '.join(CLASS_NAMES)}."
        )
    note = f"CIFAR-10 as JPEG files, whose pixels are not quite the original's. {images.note}"
    return replace(images, note=note)


def _from_folder(place: Path) -> list[Batch]:
    """The batches of an extracted version: five to train on, one to test."""
    if place.name.endswith("py"):
        found = {name: (place / name).read_bytes() for name in PYTHON}
        for name, content in found.items():
            if hashlib.md5(content).hexdigest() != PYTHON[name]:
                raise DatasetProblem(f"{_wrong(place / name)} (its MD5 differs). {_advice(place)}")
        return [_unpickled(content, place) for content in found.values()]
    return [_records((place / name).read_bytes(), place) for name in BINARY]


def _from_archive(place: Path) -> list[Batch]:
    _check(place)
    is_python = "python" in place.name
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(place) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in (PYTHON if is_python else BINARY) and member.isfile():
                    stream = archive.extractfile(member)
                    found[name] = stream.read() if stream else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DatasetProblem(f"{_wrong(place)}. {_advice(place)}") from error
    names = list(PYTHON) if is_python else list(BINARY)
    missing = [name for name in names if name not in found]
    if missing:
        raise DatasetProblem(f"{place.name} lacks {', '.join(missing)}. {_advice(place)}")
    read = _unpickled if is_python else _records
    return [read(found[name], place) for name in names]


def _check(place: Path) -> None:
    with place.open("rb") as file:
        digest = hashlib.file_digest(file, "md5").hexdigest()
    if digest != ARCHIVES[place.name]:
        raise DatasetProblem(f"{_wrong(place)} (its MD5 differs). {_advice(place)}")


def _records(content: bytes, place: Path) -> Batch:
    """Rows of a label and 3072 pixels, a byte each."""
    if len(content) != IN_BATCH * (PIXELS + 1):
        raise DatasetProblem(
            f"{place.name} has {len(content):,} bytes; expected {IN_BATCH * (PIXELS + 1):,}. "
            f"{_advice(place)}"
        )
    rows = np.frombuffer(content, np.uint8).reshape(IN_BATCH, PIXELS + 1)
    return rows[:, 1:], rows[:, 0].astype(np.int64)


class _Unpickler(pickle.Unpickler):
    """Makes arrays and plain containers only: a pickle may otherwise run any program."""

    ALLOWED: Mapping[str, Any] = {
        "_reconstruct": np.ndarray.__new__,
        "ndarray": np.ndarray,
        "dtype": np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        """Of numpy what an array is made of, and of nothing else anything."""
        if module.split(".")[0] == "numpy" and name in self.ALLOWED:
            return self.ALLOWED[name]
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a dataset")


def _unpickled(content: bytes, place: Path) -> Batch:
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        rows = np.asarray(batch[b"data"])
        labels = np.asarray(batch[b"labels"], np.int64)
    except Exception as error:  # whatever a foreign pickle leads to
        raise DatasetProblem(f"{_wrong(place)}. {_advice(place)}") from error
    if rows.shape != (len(labels), PIXELS) or rows.dtype != np.uint8:
        raise DatasetProblem(f"{_wrong(place)}: an array of other shape. {_advice(place)}")
    return rows, labels


def _images(batches: list[Batch], place: Path) -> Images:
    *train, (test_rows, test_labels) = batches
    rows = np.concatenate([rows for rows, _ in train])
    labels = np.concatenate([labels for _, labels in train])
    for found, each in ((labels, TRAIN_PER_CLASS), (test_labels, TEST_PER_CLASS)):
        if not np.array_equal(np.bincount(found), [each] * len(CLASS_NAMES)):
            raise DatasetProblem(
                f"{_wrong(place)}: its labels are not {each:,} of each class. {_advice(place)}"
            )
    return Images(_square(rows), labels, _square(test_rows), test_labels, class_names=CLASS_NAMES)


def _square(rows: np.ndarray) -> np.ndarray:
    """(examples, 3072) → (examples, 32, 32, 3)."""
    return np.ascontiguousarray(rows.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))


def _wrong(place: Path) -> str:
    return f"{place.name} is truncated, corrupt or not CIFAR-10's"


def _advice(place: Path) -> str:
    return f"Delete {place}, so that it is downloaded anew, or replace it by CIFAR-10's own."


def _download(data: Path, progress: Callable[[str], None]) -> Path:
    target = data / FOLDERS[0] / URL.rpartition("/")[2]
    try:
        return fetch(
            [URL],
            target,
            _check,
            lambda how_far: progress(f"CIFAR-10: {how_far}"),
            most=MOST_BYTES,
        )
    except DatasetProblem as error:
        raise DatasetProblem(
            f"CIFAR-10 is not in {target.parent} and can't be downloaded ({error}). Put "
            f"{' or '.join(ARCHIVES)} there, or choose digits, which needs no download."
        ) from error
