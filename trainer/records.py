"""Slots of the ring → records: the columns of rows, as the writer takes them.

Layers of one shape are finished together, whatever their network: fewer and larger array
operations leave the interpreter to the training loop.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from . import statistics
from .observer import NormPlaces
from .ring import NetworkSlots
from .shift import shift

Records = tuple[str, dict[str, int], Mapping[str, np.ndarray | list[float]]]
"""A table, the constant keys of its rows, and their columns."""


@dataclass
class LayerTrack:
    """A layer's number in the database, what is needed to finish its records, and its past."""

    layer_id: int
    activation: str
    epsilon: float | None
    """BatchNorm's ε; None without BatchNorm."""
    first: tuple[np.ndarray, float] | None = None
    """Sorted values (m,) and std of the first record."""
    latest: tuple[np.ndarray, float] | None = None
    """The same of the latest record."""


@dataclass
class NetworkTrack:
    """What is known of one network beside its slots."""

    network_id: int
    arm: str
    seed_index: int
    lr: float
    layers: list[LayerTrack]
    places: NormPlaces
    accuracies: list[float] = field(default_factory=list)
    """Test accuracies so far."""


@dataclass(frozen=True)
class Watched:
    """A network's track with the slots that are to be finished, and their norms (n, norms)."""

    track: NetworkTrack
    room: NetworkSlots
    slots: slice
    norms: np.ndarray

    def take(self, tensor: Tensor) -> np.ndarray:
        """These slots of one of the room's tensors; a view where it is on the CPU."""
        return tensor[self.slots].cpu().numpy()


@dataclass(frozen=True)
class _Seen:
    """One layer of one network; `norm` is its place among the network's BatchNorms."""

    network: Watched
    index: int
    norm: int

    @property
    def layer(self) -> LayerTrack:
        return self.network.track.layers[self.index]


def network_records(
    network: Watched, steps: np.ndarray, labels: Sequence[np.ndarray], seconds: Sequence[float]
) -> Records:
    """The rows of `network_records` of one network."""
    track, room = network.track, network.room
    gradients = network.norms[:, track.places.gradients]
    logits = network.take(room.preactivations[-1])
    with np.errstate(all="ignore"):
        grad_norm = np.sqrt(np.sum(gradients**2, axis=1))
    columns = {
        "step": steps,
        "loss": network.take(room.loss),
        "accuracy": statistics.accuracy(logits, labels[track.seed_index]),
        "grad_norm": grad_norm,
        "lr": np.full(len(steps), track.lr),
        "seconds": list(seconds),
    }
    return "network_records", {"network_id": track.network_id}, columns


def layer_records(watched: Sequence[Watched], steps: np.ndarray) -> Iterator[Records]:
    """The rows of `layer_records` of all layers of some networks."""
    alike: dict[tuple[object, ...], list[_Seen]] = {}
    for network in watched:
        norm = 0
        for index, layer in enumerate(network.track.layers):
            shape = network.room.preactivations[index].shape[1:]
            key = (shape, layer.activation, layer.epsilon)
            alike.setdefault(key, []).append(_Seen(network, index, norm))
            norm += layer.epsilon is not None
    for layers in alike.values():
        yield from _records_of(layers, steps)


def _records_of(seen: Sequence[_Seen], steps: np.ndarray) -> Iterator[Records]:
    count, layer = len(steps), seen[0].layer
    z = np.concatenate([s.network.take(s.network.room.preactivations[s.index]) for s in seen])
    columns, ordered = statistics.preactivation(z, layer.activation)
    columns |= _shifts(seen, ordered, columns["std"])
    columns |= _norms(seen)
    if layer.epsilon is not None:
        columns |= _batch_norm(seen, layer.epsilon)
    for place, one in enumerate(seen):
        rows = slice(place * count, (place + 1) * count)
        keys = {"network_id": one.network.track.network_id, "layer_id": one.layer.layer_id}
        mine = {"step": steps} | {name: column[rows] for name, column in columns.items()}
        is_new = one.layer.latest is None
        one.layer.latest = (ordered[rows][-1].copy(), columns["std"][rows][-1])
        if is_new:
            # Nothing came before the first record: its shift_w1 does not apply.
            one.layer.first = (ordered[rows][0].copy(), columns["std"][rows][0])
            first = {name: column[:1] for name, column in mine.items() if name != "shift_w1"}
            yield "layer_records", keys, first
            mine = {name: column[1:] for name, column in mine.items()}
        if len(mine["step"]):
            yield "layer_records", keys, mine


def _shifts(seen: Sequence[_Seen], ordered: np.ndarray, std: np.ndarray) -> statistics.Columns:
    count = len(ordered) // len(seen)
    before, before_std = np.empty_like(ordered), np.empty_like(std)
    before[1:], before_std[1:] = ordered[:-1], std[:-1]
    first, first_std = np.empty_like(ordered), np.empty_like(std)
    for place, one in enumerate(seen):
        begin, rows = place * count, slice(place * count, (place + 1) * count)
        here = (ordered[begin], std[begin])
        before[begin], before_std[begin] = one.layer.latest or here
        first[rows], first_std[rows] = one.layer.first or here
    return {
        "shift_w1": shift(ordered, std, before, before_std),
        "shift_from_start": shift(ordered, std, first, first_std),
    }


def _norms(seen: Sequence[_Seen]) -> statistics.Columns:
    def take(places: Callable[[NormPlaces], list[int]]) -> np.ndarray:
        return np.concatenate(
            [s.network.norms[:, places(s.network.track.places)[s.index]] for s in seen]
        )

    lr = np.repeat([s.network.track.lr for s in seen], len(seen[0].network.norms))
    weight_norm = take(lambda places: places.weight)
    with np.errstate(all="ignore"):
        update_ratio = lr * take(lambda places: places.direction) / weight_norm
    return {
        "activation_grad_norm": take(lambda places: places.preactivation_gradient),
        "weight_grad_norm": take(lambda places: places.weight_gradient),
        "weight_norm": weight_norm,
        "update_ratio": update_ratio,
    }


def _batch_norm(seen: Sequence[_Seen], epsilon: float) -> statistics.Columns:
    def take(tensors: Callable[[NetworkSlots], list[Tensor]]) -> np.ndarray:
        return np.concatenate([s.network.take(tensors(s.network.room)[s.norm]) for s in seen])

    return statistics.drift(
        take(lambda room: room.norm_inputs),
        take(lambda room: room.running_means),
        take(lambda room: room.running_vars),
        epsilon,
    ) | statistics.affine(take(lambda room: room.gammas), take(lambda room: room.betas))
