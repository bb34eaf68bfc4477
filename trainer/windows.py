"""Records as they come, in parts, put together for the rules: windows of steps, and looks.

What a rule sees depends on the records alone, not on how they were handed over: the same while a
run trains and afterwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from .rules.rule import LOOKS, READ, Array, NetworkFacts, Seen

WINDOW = 25
"""Records in a window: few enough for a short run, enough that a median is calm."""
Part = tuple[Mapping[str, int], Mapping[str, Any]]
"""Constant keys of some rows, and their columns, as the writer takes them."""
Owner = tuple[int, int | None]
"""A network's number, and a layer's or None."""


@dataclass
class Block:
    """Rows of one owner: steps (n,), and each statistic (n,)."""

    steps: Array
    columns: dict[str, Array]


def by_owner(table: str, parts: Sequence[Part]) -> dict[Owner, Block]:
    """The rows of some parts, by network and layer, in the order in which they came."""
    found: dict[Owner, list[Block]] = {}
    for keys, columns in parts:
        steps = np.asarray(columns["step"], np.int64)
        numbers = {name: _numbers(columns[name]) for name in READ[table] if name in columns}
        for owner, rows in _runs(keys, columns, len(steps)):
            block = Block(steps[rows], {name: values[rows] for name, values in numbers.items()})
            found.setdefault(owner, []).append(block)
    return {owner: _joined(blocks) for owner, blocks in found.items()}


def _runs(
    keys: Mapping[str, int], columns: Mapping[str, Any], count: int
) -> Iterator[tuple[Owner, slice]]:
    """Stretches of rows that have one owner."""
    if "network_id" in keys:
        yield (keys["network_id"], keys.get("layer_id")), slice(0, count)
        return
    network, layer = np.asarray(columns["network_id"]), np.asarray(columns["layer_id"])
    changes = np.flatnonzero((np.diff(network) != 0) | (np.diff(layer) != 0)) + 1
    for first, end in pairwise((0, *changes.tolist(), count)):
        yield (int(network[first]), int(layer[first])), slice(first, end)


def _joined(blocks: Sequence[Block]) -> Block:
    if len(blocks) == 1:
        return blocks[0]
    names = dict.fromkeys(name for block in blocks for name in block.columns)

    def join(name: str) -> Array:
        nothing = [np.full(len(block.steps), np.nan) for block in blocks]
        pairs = zip(blocks, nothing, strict=True)
        return np.concatenate([block.columns.get(name, none) for block, none in pairs])

    steps = np.concatenate([block.steps for block in blocks])
    return Block(steps, {name: join(name) for name in names})


def _numbers(column: Any) -> Array:
    """Floats: what does not apply is NaN, and what was recorded as NaN is infinite."""
    if isinstance(column, np.ndarray):
        values = column.astype(np.float64)
        return np.where(np.isnan(values), np.inf, values)
    return np.array([np.nan if v is None else np.inf if v != v else v for v in column], np.float64)


@dataclass
class NetworkRecords:
    """What came of one network and is not looked at yet, and what rules need of before.

    Attributes:
        facts: What is known of it.
        steps: (n,), of the training records that wait for their window to fill.
    """

    facts: NetworkFacts
    steps: Array = field(default_factory=lambda: np.empty(0, np.int64))
    _layers: dict[str, Array] = field(default_factory=dict[str, Array])
    _network: dict[str, Array] = field(default_factory=dict[str, Array])
    _first_layers: dict[str, Array] | None = None
    _first_network: dict[str, float] = field(default_factory=dict[str, float])
    _before: dict[str, float] = field(default_factory=dict[str, float])
    _fresh: int = 0
    _started: bool = False
    _ends: list[int] = field(default_factory=list[int])
    _losses: list[float] = field(default_factory=list[float])
    _latest: int = 0
    _looks: dict[str, list[tuple[int, dict[str, Array]]]] = field(
        default_factory=lambda: {table: [] for table in LOOKS}
    )
    _done: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOOKS, 0))

    def train(self, network: Block, layers: Mapping[int, Block]) -> None:
        """More training records: of the network, and of its layers by their numbers."""
        count = len(self.steps)
        self.steps = np.concatenate([self.steps, network.steps])
        for name in READ["network_records"]:
            new = network.columns.get(name, np.full(len(network.steps), np.nan))
            self._network[name] = np.concatenate([self._network.get(name, np.empty(0)), new])
        of_layers = [_aligned(layers.get(one.layer_id), network.steps) for one in self.facts.layers]
        for name in READ["layer_records"]:
            new = np.array([one[name] for one in of_layers]).reshape(len(of_layers), -1)
            old = self._layers.get(name, np.empty((len(of_layers), 0)))
            self._layers[name] = np.concatenate([old, new], axis=1)
        self._fresh = count
        self._latest = int(self.steps[-1])
        if self._first_layers is None:
            self._first_layers = {name: values[:, 0] for name, values in self._layers.items()}
            self._first_network = {name: float(v[0]) for name, v in self._network.items()}

    def state_dict(self) -> dict[str, Any]:
        """All that is known of the past, and what waits for its window to fill."""
        return {name: value for name, value in vars(self).items() if name != "facts"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        vars(self).update(state)

    def look(self, table: str, step: int, columns: dict[str, Array]) -> None:
        """An evaluation, or a look at the probe: of each statistic one number, or one a layer."""
        self._looks[table].append((step, columns))

    def fresh(self) -> Seen | None:
        """The training records that came last, as one observation, once; None: there are none."""
        rows = slice(self._fresh, len(self.steps))
        self._fresh = len(self.steps)
        return self._seen(rows, (1, -1)) if rows.start < rows.stop else None

    def windows(self, *, last: bool) -> Seen | None:
        """The windows that are full, once; the one that is not when it is the `last`."""
        size = WINDOW
        full = len(self.steps) // size * size
        if full == 0 and last:
            full = size = len(self.steps)
        if full == 0:
            return None
        seen = self._seen(slice(0, full), (-1, size))
        self._started = True
        self._ends += seen.steps[:, -1].tolist()
        self._losses += seen.loss.tolist()
        self._before = {name: float(values[full - 1]) for name, values in self._network.items()}
        self.steps = self.steps[full:]
        self._network = {name: values[full:] for name, values in self._network.items()}
        self._layers = {name: values[:, full:] for name, values in self._layers.items()}
        self._fresh = max(0, self._fresh - full)
        return seen

    def looks(self, table: str, *, last: bool) -> tuple[Seen, int] | None:
        """All looks so far, with how many of them are new; None where none is.

        One that is ahead of training waits for it.
        """
        known = [one for one in self._looks[table] if last or one[0] <= self._latest]
        new, self._done[table] = len(known) - self._done[table], len(known)
        if new <= 0:
            return None
        steps = np.array([[step] for step, _ in known])
        columns = {
            name: np.stack([values[name] for _, values in known], axis=-1)[..., None]
            for name in LOOKS[table]
        }
        of_layers = table != "evaluations"
        if not of_layers:
            before = np.searchsorted(self._ends, steps[:, 0], side="right")
            losses = np.array([np.nan, *self._losses])
            columns["train_loss"] = losses[before][:, None]
        return Seen(
            self.facts,
            steps,
            layers=columns if of_layers else {},
            network={} if of_layers else columns,
        ), new

    def _seen(self, rows: slice, shape: tuple[int, int]) -> Seen:
        layers = len(self.facts.layers)
        return Seen(
            self.facts,
            self.steps[rows].reshape(shape),
            {name: v[:, rows].reshape(layers, *_sized(rows, shape)) for name, v in
             self._layers.items()},
            {name: values[rows].reshape(shape) for name, values in self._network.items()},
            self._first_layers or {},
            self._first_network,
            self._before,
            not self._started,
        )  # fmt: skip


def _sized(rows: slice, shape: tuple[int, int]) -> tuple[int, int]:
    """A shape without −1: of no layers there is nothing to infer it from."""
    count = rows.stop - rows.start
    first, second = shape
    return (first, count // first) if second < 0 else (count // second, second)


def _aligned(block: Block | None, steps: Array) -> Mapping[str, Array]:
    """A layer's statistics at the network's steps; NaN where it has no record."""
    nothing = np.full(len(steps), np.nan)
    if block is None:
        return dict.fromkeys(READ["layer_records"], nothing)
    found = {name: block.columns.get(name) for name in READ["layer_records"]}
    if np.array_equal(block.steps, steps):
        return {name: nothing if values is None else values for name, values in found.items()}
    at = np.searchsorted(steps, block.steps)
    fits = (at < len(steps)) & (steps[np.minimum(at, len(steps) - 1)] == block.steps)
    aligned: dict[str, Array] = {}
    for name, values in found.items():
        aligned[name] = nothing.copy()
        if values is not None:
            aligned[name][at[fits]] = values[fits]
    return aligned
