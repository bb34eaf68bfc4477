"""Datasets of four IDX files, the format of MNIST: gzipped or not."""

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ...db.errors import DatasetProblem
from .download import fetch, is_reachable
from .images import Images

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SHAPES = ((60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,))
MORE_IN_GZIP = 1 << 20
"""Bytes that a gzipped file may have beyond those it expands to."""


@dataclass(frozen=True)
class IdxFile:
    """One of the four files, and how its content is known.

    Attributes:
        name: Without `.gz`.
        shape: Of its array.
        sha256: Of the decompressed bytes; or
        md5: of the gzipped file. Then a file that is not gzipped is known by its shape alone.
    """

    name: str
    shape: tuple[int, ...]
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True)
class IdxDataset:
    """60,000 training and 10,000 test images of 28×28, with 10 classes.

    Attributes:
        title: Its name in sentences.
        megabytes: What has to be downloaded.
        folders: Where in the data folder it is looked for; downloaded into the first.
        mirrors: Addresses of folders, the best first.
        files: In the order of `NAMES`.
        class_names: By label, or ().
    """

    title: str
    megabytes: int
    folders: tuple[str, ...]
    mirrors: tuple[str, ...]
    files: tuple[IdxFile, ...]
    class_names: tuple[str, ...] = ()

    def load(self, data: Path, progress: Callable[[str], None]) -> Images:
        """The dataset from the data folder, downloaded where it is not there.

        Raises:
            DatasetProblem: A file is missing and can't be downloaded, or is truncated, corrupt or
                another dataset's.
        """
        train_images, train_labels, test_images, test_labels = (
            self.parse(file, self._path(file, data) or self._download(file, data, progress))
            for file in self.files
        )
        return Images(
            train_images,
            train_labels.astype(np.int64),
            test_images,
            test_labels.astype(np.int64),
            class_names=self.class_names,
        )

    def is_here(self, data: Path) -> bool:
        """Whether all four files are in the data folder; what is in them is seen on loading."""
        return all(self._path(file, data) for file in self.files)

    def availability(self, data: Path) -> tuple[bool, str]:
        """Whether it is here or can be downloaded, and a sentence about it."""
        if self.is_here(data):
            return True, f"Found in {data}."
        missing = [file.name for file in self.files if self._path(file, data) is None]
        where = f"in {data / self.folders[0]}"
        if is_reachable(self._urls(self.files[3])):
            size = f"{self.megabytes} MB"
            return True, f"Not {where} yet: downloaded ({size}) when a run first needs it."
        return False, (
            f"{self.title} is not {where} and its mirrors can't be reached from here. "
            f"Put {', '.join(missing)} (.gz or not) there, or use digits."
        )

    def parse(self, file: IdxFile, path: Path) -> np.ndarray:
        """The array in an IDX file: a magic number, the sizes (big-endian), then bytes.

        Raises:
            DatasetProblem: It is not that file of this dataset.
        """
        advice = (
            f"Delete {path}, so that it is downloaded anew, or replace it by {self.title}'s own "
            "file."
        )
        header = 4 + 4 * len(file.shape)
        expected = header + int(np.prod(file.shape))
        try:
            with path.open("rb") as opened:
                raw = opened.read(expected + MORE_IN_GZIP)
            is_zipped = raw[:2] == b"\x1f\x8b"
            # One byte more than expected tells that there is too much, however much that is.
            content = (
                gzip.GzipFile(fileobj=io.BytesIO(raw)).read(expected + 1) if is_zipped else raw
            )
        except (OSError, EOFError, zlib.error) as error:
            raise DatasetProblem(f"{path.name} can't be read: {error}. {advice}") from error
        if len(content) < header or content[:3] != b"\0\0\x08" or content[3] != len(file.shape):
            raise DatasetProblem(f"{path.name} is not an IDX file of bytes. {advice}")
        shape = tuple(int(size) for size in np.frombuffer(content, ">u4", len(file.shape), 4))
        if shape != file.shape or len(content) != expected:
            raise DatasetProblem(
                f"{path.name} is not {self.title}'s or is truncated: it says its shape is {shape} "
                f"and has {_size(content, expected)}; expected {file.shape} and {expected:,}. "
                f"{advice}"
            )
        if (file.sha256 and hashlib.sha256(content).hexdigest() != file.sha256) or (
            file.md5 and is_zipped and hashlib.md5(raw).hexdigest() != file.md5
        ):
            raise DatasetProblem(
                f"{path.name} has the right shape but not {self.title}'s content (its "
                f"{'SHA-256' if file.sha256 else 'MD5'} differs): it is corrupt or another "
                f"dataset. {advice}"
            )
        return np.frombuffer(content, np.uint8, offset=header).reshape(file.shape)

    def _urls(self, file: IdxFile) -> list[str]:
        return [f"{mirror}{file.name}.gz" for mirror in self.mirrors]

    def _path(self, file: IdxFile, data: Path) -> Path | None:
        candidates = (
            data / folder / f"{file.name}{end}" for folder in self.folders for end in (".gz", "")
        )
        return next((path for path in candidates if path.is_file()), None)

    def _download(self, file: IdxFile, data: Path, progress: Callable[[str], None]) -> Path:
        folder = data / self.folders[0]
        target = folder / f"{file.name}.gz"
        try:
            return fetch(
                self._urls(file),
                target,
                partial(self.parse, file),
                lambda how_far: progress(f"{self.title}: {how_far}"),
                most=math.prod(file.shape) + MORE_IN_GZIP,
            )
        except DatasetProblem as error:
            raise DatasetProblem(
                f"{self.title} is not in {folder} and can't be downloaded ({error}). Put its four "
                "files there (.gz or not), or choose the dataset digits, which needs no download."
            ) from error


def _size(content: bytes, expected: int) -> str:
    if len(content) > expected:
        return f"more than {expected:,} bytes"
    return f"{len(content):,} bytes"
