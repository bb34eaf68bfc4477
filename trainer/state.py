"""State: what a process has to remember to go on, as bytes and back, exactly.

A state is a tree of None, booleans, numbers, text, lists, tuples, dictionaries and numpy arrays.
Its bytes are JSON that refers to arrays, the arrays, and a SHA-256 of all that. Reading runs no
code, whatever the bytes are. Nothing here needs torch.
"""

import hashlib
import json
import re
import struct
from typing import Any, Protocol, cast

import numpy as np

State = Any
"""A tree as above."""
MAGIC = b"shiftscope state 1\n"
_ANY_MAGIC = re.compile(rb"shiftscope state \d+\n")
_LENGTH = struct.Struct("<Q")
_DIGEST_BYTES = hashlib.sha256().digest_size


class Stateful(Protocol):
    """What remembers something that a checkpoint has to keep."""

    def state_dict(self) -> State:
        """What it remembers; nothing that happens later may change it."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go on from what was remembered."""
        ...


class DamagedState(ValueError):
    """Bytes that are no state, or not all of one."""


class ForeignState(ValueError):
    """Bytes that another version of shiftscope may well read."""


def to_bytes(state: State) -> bytes:
    """A state as bytes; an array that it holds several times is written once.

    Raises:
        TypeError: It holds something else than a state may.
    """
    arrays: dict[int, tuple[int, np.ndarray]] = {}
    tree = json.dumps(_packed(state, arrays)).encode()
    parts = [MAGIC, _LENGTH.pack(len(tree)), tree]
    for _, array in arrays.values():
        parts.append(array.transpose(_in_memory(array)).tobytes())
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return b"".join([*parts, digest.digest()])


def from_bytes(data: bytes) -> State:
    """The state that became these bytes; its arrays can be written to.

    Raises:
        DamagedState: They are torn or altered.
        ForeignState: They are of another version.
    """
    if _ANY_MAGIC.match(data) and not data.startswith(MAGIC):
        raise ForeignState("it is of another version of shiftscope")
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest or not body.startswith(MAGIC):
        raise DamagedState("The checksum does not fit.")
    begin = len(MAGIC) + _LENGTH.size
    (length,) = _LENGTH.unpack_from(body, len(MAGIC))
    return _Unpacking(body, begin + length).unpacked(json.loads(body[begin : begin + length]))


def _in_memory(array: np.ndarray) -> list[int]:
    """The axes in the order in which they lie: torch's channels-last tensors stay what they are."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


def _packed(value: State, arrays: dict[int, tuple[int, np.ndarray]]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        # numpy's floats are Python's, too, but its other numbers are not
        return value
    if isinstance(value, np.ndarray):
        place, _ = arrays.setdefault(id(value), (len(arrays), value))
        axes = _in_memory(value)
        return {"array": place, "type": value.dtype.str, "shape": value.shape, "axes": axes}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value).items()
        return {"dict": [[_packed(key, arrays), _packed(one, arrays)] for key, one in items]}
    if isinstance(value, tuple):
        return {"tuple": [_packed(one, arrays) for one in cast("tuple[Any, ...]", value)]}
    if isinstance(value, list):
        return [_packed(one, arrays) for one in cast("list[Any]", value)]
    raise TypeError(f"A state holds no {type(value).__name__}.")


class _Unpacking:
    def __init__(self, data: bytes, position: int) -> None:
        self._data = data
        self._position = position
        self._arrays: dict[int, np.ndarray] = {}

    def unpacked(self, value: Any) -> State:
        match value:
            case list():
                return [self.unpacked(one) for one in value]
            case {"tuple": values}:
                return tuple(self.unpacked(one) for one in values)
            case {"dict": items}:
                return {self.unpacked(key): self.unpacked(one) for key, one in items}
            case {"array": place, "type": dtype, "shape": shape, "axes": axes}:
                if place not in self._arrays:  # they come in the order in which they lie
                    self._arrays[place] = self._next(np.dtype(dtype), shape, axes)
                return self._arrays[place]
            case _:
                return value

    def _next(self, dtype: np.dtype[Any], shape: list[int], axes: list[int]) -> np.ndarray:
        lying = [shape[axis] for axis in axes]
        count = int(np.prod(lying, dtype=np.int64))
        array = np.frombuffer(self._data, dtype, count, self._position).reshape(lying).copy()
        self._position += array.nbytes
        return array.transpose(np.argsort(axes)) if axes else array
