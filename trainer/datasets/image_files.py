"""Image files by class: found in a folder or a tar archive, and put into a training and a test set.

The layouts are `train/CLASS/…` with `test/CLASS/…` or `val/CLASS/…`, as ImageNet has it, or
`CLASS/…`. What lies deeper in a class folder belongs to the class. Hidden files and folders and
files with other endings are not looked at.
"""

import hashlib
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from ...db.errors import DatasetProblem
from ..decoding import Source
from .expanding import TooLarge, expanded
from .memory import free_memory

ENDINGS = (".jpg", ".jpeg", ".png")
ARCHIVES = (".tar", ".tar.gz", ".tgz")
TRAIN = ("train", "training")
TEST = ("test", "val", "valid", "validation")
"""The first of these that has images in class folders: ImageNet's `test` has no classes."""
TEST_SHARE = 5
"""Of one folder without a test set every fifth image is taken for it."""
LINKED_DEPTH = 2
"""Folders of parts and of classes may be links; links below these, which may go round, are not
followed."""
LAYOUT = "expected train/CLASS/*.jpg and test/CLASS/*.jpg (or val), or CLASS/*.jpg; JPEG or PNG"
MOST_ENTRIES = 2_000_000
"""Files and folders, of whatever kind: more than ImageNet has. What an archive says of an empty one
takes half a byte in it and a kilobyte in memory."""
Found = TypeVar("Found")
Entry = tuple[PurePosixPath, Source | None]
"""A path within the place, and where its content is; None for a folder."""


@dataclass(frozen=True)
class ImageFile:
    """One file: its name within the place, its class, and where its content is."""

    name: str
    label: str
    source: Source


@dataclass(frozen=True)
class ImageFiles:
    """Training and test files, each in an order that mixes the classes.

    Attributes:
        train: The training set.
        test: The test set.
        class_names: In alphabetical order.
        empty: Class folders without an image, which are left out.
    """

    train: list[ImageFile]
    test: list[ImageFile]
    class_names: tuple[str, ...]
    empty: tuple[str, ...]


def find(place: Path) -> ImageFiles:
    """The images at a place, which is a folder or a tar archive, by class.

    Without a test set a fifth of each class becomes it. Which images these are, and the order, is
    said by the hashes of their names, so that it is the same on every machine.

    Raises:
        DatasetProblem: There is no such place, or not what is expected in it.
    """
    try:
        entries = list(_entries(place))
    except OSError as error:
        raise DatasetProblem(
            f"{error.filename or place} can't be read: {error.strerror}."
        ) from error
    train, test, folders = _by_part(entries)
    names = sorted({file.label for file in train})
    unknown = sorted({file.label for file in test} - set(names))
    if unknown:
        raise DatasetProblem(
            f"The test set in {place} has classes without an image in the training set: "
            f"{some(unknown)}."
        )
    if len(names) < 2:
        raise DatasetProblem(
            f"{place} has images of {len(names)} classes, and at least 2 are needed; {LAYOUT}."
        )
    if not test:
        train, test = _split(train)
    if not test:
        raise DatasetProblem(
            f"No class in {place} has two images, one of them for the test set; {LAYOUT}."
        )
    return ImageFiles(
        _mixed(train), _mixed(test), tuple(names), tuple(sorted(folders - set(names)))
    )


def some(names: Iterable[str]) -> str:
    """The first three names, and how many more there are."""
    every = list(names)
    shown = ", ".join(name.encode("utf-8", "replace").decode() for name in every[:3])
    return shown + (f" and {len(every) - 3:,} more" if len(every) > 3 else "")


def _entries(place: Path) -> Iterator[Entry]:
    if place.is_file() and place.name.lower().endswith(ARCHIVES):
        yield from _in_archive(place)
        return
    if not place.is_dir():
        kind = "is neither a folder nor a tar archive" if place.exists() else "is not there"
        raise DatasetProblem(
            f"The image folder {place} {kind}, seen from the worker's machine; {LAYOUT}."
        )
    yield from _bounded(place, _in_folder(place, PurePosixPath()))


def _bounded(place: Path, found: Iterable[Found]) -> Iterator[Found]:
    """What is found in a place, as long as it is not too much."""
    for number, one in enumerate(found):
        if number == MOST_ENTRIES:
            raise DatasetProblem(
                f"{place} has more than {MOST_ENTRIES:,} files and folders, which is the most that "
                "is looked at. Leave out what is no image, or choose fewer."
            )
        yield one


def _in_folder(folder: Path, within: PurePosixPath) -> Iterator[Entry]:
    follow = len(within.parts) < LINKED_DEPTH
    with os.scandir(folder) as found:
        entries = sorted(_bounded(folder, found), key=lambda entry: entry.name)
    for entry in entries:
        path = within / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=follow):
            yield path, None
            yield from _in_folder(Path(entry.path), path)
        elif path.suffix.lower() in ENDINGS:
            yield path, Path(entry.path)


def _in_archive(place: Path) -> Iterator[Entry]:
    """Its one outermost folder is left off; the files' content is kept in memory.

    Nothing is written to the disk, and links in it are not followed.
    """
    entries: list[Entry] = []
    left = free_memory() // 2
    try:
        with (
            expanded(place, left) as content,
            tarfile.open(fileobj=content, mode="r|") as archive,  # pyright: ignore[reportArgumentType, reportCallIssue]
        ):
            for member in _bounded(place, archive):
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts:
                    raise DatasetProblem(
                        f"{place} has a file that would lie outside of it: {some([member.name])}. "
                        "Pack the archive anew from the folder of images."
                    )
                if member.isdir():
                    entries.append((path, None))
                elif member.isfile() and path.suffix.lower() in ENDINGS and path.name[0] != ".":
                    left -= member.size  # which of a sparse file is more than lies in the archive
                    if left < 0:
                        raise TooLarge
                    stream = archive.extractfile(member)
                    entries.append((path, stream.read() if stream else b""))
    except TooLarge:
        raise DatasetProblem(
            f"{place} expands to more than half of the free memory. Unpack the archive and name "
            "the folder."
        ) from None
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DatasetProblem(
            f"{place} can't be read: it is truncated or no tar archive. Replace it."
        ) from error
    outermost = {path.parts[0] for path, _ in entries if path.parts}
    skip = 1 if len(outermost) == 1 else 0
    for path, content in entries:
        if len(path.parts) > skip:
            yield PurePosixPath(*path.parts[skip:]), content


def _by_part(entries: list[Entry]) -> tuple[list[ImageFile], list[ImageFile], set[str]]:
    """Training set, test set (or none yet), and the names of all class folders."""
    with_images = {path.parts[0] for path, source in entries if source and len(path.parts) > 2}
    train = next((name for name in TRAIN if name in with_images), None)
    if train is None:
        files, folders = _of_classes(entries)
        return files, [], folders
    test = next((name for name in TEST if name in with_images), None)
    files, folders = _of_classes(entries, train)
    held_out, more = _of_classes(entries, test) if test else ([], set[str]())
    return files, held_out, folders | more


def _of_classes(entries: list[Entry], part: str | None = None) -> tuple[list[ImageFile], set[str]]:
    files: list[ImageFile] = []
    folders: set[str] = set()
    at = 0 if part is None else 1
    for path, source in entries:
        if part is not None and path.parts[0] != part:
            continue
        if source is None and len(path.parts) == at + 1:
            folders.add(path.parts[at])
        elif source is not None and len(path.parts) > at + 1:
            files.append(ImageFile(str(path), path.parts[at], source))
    return files, folders


def _split(files: list[ImageFile]) -> tuple[list[ImageFile], list[ImageFile]]:
    """Of each class a fifth for the test set, at least one where there are two."""
    by_class: dict[str, list[ImageFile]] = {}
    for file in _mixed(files):
        by_class.setdefault(file.label, []).append(file)
    train: list[ImageFile] = []
    test: list[ImageFile] = []
    for each in by_class.values():
        count = max(len(each) // TEST_SHARE, 1) if len(each) > 1 else 0
        test += each[:count]
        train += each[count:]
    return train, test


def _mixed(files: list[ImageFile]) -> list[ImageFile]:
    return sorted(files, key=lambda file: _hash(file.name))


def _hash(name: str) -> bytes:
    return hashlib.sha256(os.fsencode(name)).digest()
