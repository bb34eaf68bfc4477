"""TensorBoard's event files: records of a length, its checksum, an Event and its checksum.

The extra `tensorboard` brings the messages and the checksum; it keeps its own reader from telling
where a file is damaged, so the frame is read here.
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ..db.errors import InvalidImport
from .extras import load

EXTRA = "tensorboard"
_PROTO = "tensorboard.compat.proto"
LONGEST = 2**28
"""Bytes of a record: a longer one is no event."""


def _checksum() -> Callable[[bytes], int]:
    return load(EXTRA, "tensorboard.compat.tensorflow_stub.pywrap_tensorflow").masked_crc32c


class EventFile:
    """An event file that scalars are written to, as float32: TensorBoard shows no others.

    Raises:
        MissingExtra: tensorboard is not installed.
    """

    def __init__(self, file: BinaryIO, wall_time: float) -> None:
        self._file = file
        self._checksum = _checksum()
        self._event = load(EXTRA, f"{_PROTO}.event_pb2").Event
        self._write(self._event(wall_time=wall_time, file_version="brain.Event:2"))

    def add(self, step: int, wall_time: float, scalars: dict[str, float]) -> None:
        """One event: at a step the value of each tag."""
        event = self._event(wall_time=wall_time, step=step)
        for tag, number in scalars.items():
            event.summary.value.add(tag=tag, simple_value=number)
        self._write(event)

    def _write(self, event: Any) -> None:
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        checksums = [struct.pack("<I", self._checksum(part)) for part in (length, data)]
        self._file.write(b"".join([length, checksums[0], data, checksums[1]]))


def read_events(path: Path, cut: Callable[[], None]) -> Iterator[Any]:
    """Every Event of a file, in order.

    Args:
        path: The file.
        cut: Called where the last record is not whole: a program still writes it or was killed.

    Raises:
        MissingExtra: tensorboard is not installed.
        InvalidImport: A record is damaged; says which and where.
    """
    checksum = _checksum()
    event = load(EXTRA, f"{_PROTO}.event_pb2").Event
    with path.open("rb") as file:
        number, at = 1, 0
        while head := file.read(12):
            if len(head) < 12:
                return cut()
            length, of_length = struct.unpack("<QI", head)
            if checksum(head[:8]) != of_length or length > LONGEST:
                raise _damaged(path, number, at, "its length is not what its checksum says")
            body = file.read(length + 4)
            if len(body) < length + 4:
                return cut()
            data, (of_data,) = body[:length], struct.unpack("<I", body[length:])
            if checksum(data) != of_data:
                raise _damaged(path, number, at, "its content is not what its checksum says")
            try:
                yield event.FromString(data)
            except ValueError:  # protobuf's DecodeError is one
                raise _damaged(path, number, at, "it is no Event of TensorBoard") from None
            number, at = number + 1, file.tell()
    return None


def _damaged(path: Path, number: int, at: int, why: str) -> InvalidImport:
    return InvalidImport(
        f"{path}: record {number:,}, at byte {at:,}, is damaged: {why}. Nothing was imported."
    )


def scalar(value: Any) -> float | None:
    """The number of a Summary.Value; None where it is something else: a histogram, an image."""
    if value.HasField("simple_value"):
        return value.simple_value
    # A shape says how large an array is to be made of one value: only that of a scalar is followed.
    if not value.HasField("tensor") or value.tensor.tensor_shape.dim:
        return None
    try:
        numbers = load(EXTRA, "tensorboard.util.tensor_util").make_ndarray(value.tensor)
    except (TypeError, ValueError):  # of a type that is not known, or with another number of values
        return None
    return float(numbers) if numbers.shape == () and numbers.dtype.kind in "fiu" else None
