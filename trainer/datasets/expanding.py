"""Archives that can't expand without bound: what a few bytes of gzip stand for may be terabytes."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

GZIP = b"\x1f\x8b"


class TooLarge(Exception):
    """An archive expands to more than is allowed."""


class Expanding:
    """The expanded content of a file, which ends in TooLarge after `most` bytes."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._left = most

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end.

        Raises:
            TooLarge: There are more than `most`.
        """
        found = self._file.read(min(size, self._left + 1))
        self._left -= len(found)
        if self._left < 0:
            raise TooLarge
        return found


@contextmanager
def expanded(place: Path, most: int) -> Iterator[Expanding]:
    """A file, out of its gzip where it is in one.

    Raises:
        OSError: It can't be read.
    """
    with place.open("rb") as file:
        is_zipped = file.read(len(GZIP)) == GZIP
        file.seek(0)
        if is_zipped:
            with gzip.GzipFile(fileobj=file) as unzipped:
                yield Expanding(unzipped, most)  # pyright: ignore[reportArgumentType]
        else:
            yield Expanding(file, most)
