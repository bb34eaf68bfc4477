"""MNIST (LeCun, Cortes & Burges 1998) from its four IDX files, gzipped or not.

Looked for in the data folder itself, in its `mnist` folder and in torchvision's `MNIST/raw`;
downloaded into `mnist` when they are in none of them.
"""

import gzip
import hashlib
import http.client
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...db.errors import DatasetProblem
from .images import Images

FOLDERS = ("mnist", "MNIST/raw", ".")
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
CHUNK = 1 << 18
OFFLINE = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class IdxFile:
    """One of the four files: its name, its shape and the SHA-256 of its decompressed bytes."""

    name: str
    shape: tuple[int, ...]
    sha256: str


FILES = (
    IdxFile(
        "train-images-idx3-ubyte",
        (60_000, 28, 28),
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    IdxFile(
        "train-labels-idx1-ubyte",
        (60_000,),
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    IdxFile(
        "t10k-images-idx3-ubyte",
        (10_000, 28, 28),
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    IdxFile(
        "t10k-labels-idx1-ubyte",
        (10_000,),
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


def load(data: Path, progress: Callable[[str], None]) -> Images:
    """MNIST: 60,000 training and 10,000 test images of 28×28.

    Raises:
        DatasetProblem: A file is missing and can't be downloaded, or is truncated, corrupt or
            not MNIST's.
    """
    arrays = [_parse(file, _path(file, data) or _download(file, data, progress)) for file in FILES]
    train_images, train_labels, test_images, test_labels = arrays
    return Images(
        train_images, train_labels.astype(np.int64), test_images, test_labels.astype(np.int64)
    )


def is_here(data: Path) -> bool:
    """Whether all four files are in the data folder; what is in them is seen on loading."""
    return all(_path(file, data) for file in FILES)


def availability(data: Path) -> tuple[bool, str]:
    """Whether MNIST is here or can be downloaded, and a sentence about it."""
    if is_here(data):
        return True, f"Found in {data}."
    missing = [file.name for file in FILES if _path(file, data) is None]
    where = f"in {data / FOLDERS[0]}"
    for mirror in MIRRORS:
        request = urllib.request.Request(f"{mirror}{FILES[3].name}.gz", method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=3):
                return True, f"Not {where} yet: downloaded (11 MB) when a run first needs it."
        except OFFLINE:
            continue
    return False, (
        f"MNIST is not {where} and its mirrors can't be reached from here. "
        f"Put {', '.join(missing)} (.gz or not) there, or use digits."
    )


def _path(file: IdxFile, data: Path) -> Path | None:
    candidates = (data / folder / f"{file.name}{end}" for folder in FOLDERS for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _parse(file: IdxFile, path: Path) -> np.ndarray:
    """The array in an IDX file: a magic number, the sizes (big-endian), then bytes."""
    advice = f"Delete {path}, so that it is downloaded anew, or replace it by MNIST's own file."
    try:
        raw = path.read_bytes()
        content = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetProblem(f"{path.name} can't be read: {error}. {advice}") from error
    header = 4 + 4 * len(file.shape)
    expected = header + int(np.prod(file.shape))
    if len(content) < header or content[:3] != b"\0\0\x08" or content[3] != len(file.shape):
        raise DatasetProblem(f"{path.name} is not an IDX file of bytes. {advice}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", len(file.shape), 4))
    if shape != file.shape or len(content) != expected:
        raise DatasetProblem(
            f"{path.name} is not MNIST's or is truncated: it says its shape is {shape} and has "
            f"{len(content):,} bytes; expected {file.shape} and {expected:,}. {advice}"
        )
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise DatasetProblem(
            f"{path.name} has the right shape but not MNIST's content (its SHA-256 differs): it "
            f"is corrupt or another dataset. {advice}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(file.shape)


def _download(file: IdxFile, data: Path, progress: Callable[[str], None]) -> Path:
    folder = data / FOLDERS[0]
    target = folder / f"{file.name}.gz"
    part = target.with_suffix(".part")
    failures: list[str] = []
    for mirror in MIRRORS:
        url = f"{mirror}{target.name}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with urllib.request.urlopen(url, timeout=30) as response, part.open("wb") as out:
                total = int(response.headers.get("Content-Length") or 0)
                done = 0
                while chunk := response.read(CHUNK):
                    done += out.write(chunk)
                    share = f", {done / total:.0%}" if total else ""
                    progress(f"downloading MNIST: {file.name}{share}")
            _parse(file, part)
            return part.replace(target)
        except (*OFFLINE, DatasetProblem) as error:
            part.unlink(missing_ok=True)
            failures.append(f"{url}: {getattr(error, 'reason', error)}")
    raise DatasetProblem(
        f"MNIST is not in {folder} and can't be downloaded ({'; '.join(failures)}). Put its four "
        "files there (.gz or not), or choose the dataset digits, which needs no download."
    )
