"""Slots of the ring → records: the columns of rows, as the writer takes them.

Layers of one shape are finished together, whatever their network: fewer and larger array
operations.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from . import statistics
from .gradient_signal import GradientSignal
from .plan import LayerPlan, StackPlan
from .ring import ACCURACY, LOSS, LR, NOT_GIVEN, Irregular, LayerSlots, StackSlots
from .sampling import Sampling
from .shift import Past, shift, shift_of_sizes

Records = tuple[str, dict[str, int], Mapping[str, np.ndarray | list[float]]]
"""A table, the constant keys of its rows, and their columns."""


@dataclass
class LayerTrack:
    """A layer's number in the database, its plan, and its past."""

    layer_id: int
    plan: LayerPlan
    first: Past | None = None
    """Sorted values (m,) and std of the first record."""
    latest: Past | None = None
    """The same of the latest record."""
    signal: GradientSignal = field(default_factory=GradientSignal)
    """Of its weights' gradient."""


@dataclass
class NetworkTrack:
    """What is known of one network beside its slots; `place` is that in its stack."""

    network_id: int
    position: int
    arm: str
    plan: StackPlan
    place: int
    layers: list[LayerTrack]
    accuracies: list[float] = field(default_factory=list)
    """Test accuracies so far."""


@dataclass(frozen=True)
class NetworkSlots:
    """A network's track with the slots of its stack that are to be finished."""

    track: NetworkTrack
    room: StackSlots
    slots: slice

    def take(self, array: np.ndarray) -> np.ndarray:
        """This network's part of one of the room's arrays, (n, …)."""
        return array[self.slots, self.track.place]

    @property
    def ends_stretch(self) -> bool:
        """Whether these are the last of a full stretch."""
        return self.slots.stop == len(self.room.given)

    def norm(self, places: Sequence[int]) -> np.ndarray:
        """The norm of several tensors as one vector, (n,); those not given do not count."""
        taken = self.take(self.room.norms)[:, places]
        # in C order, so that a sum does not depend on how many rows are summed at once
        norms = np.ascontiguousarray(taken, np.float64)
        if len(places) == 1:
            return norms[:, 0]
        missing = norms == NOT_GIVEN
        with np.errstate(all="ignore"):
            together = np.sqrt(np.sum(np.where(missing, 0, norms) ** 2, axis=1))
        return np.where(missing.all(axis=1), NOT_GIVEN, together)


@dataclass(frozen=True)
class _NetworkLayer:
    """One layer of one network."""

    network: NetworkSlots
    index: int

    @property
    def layer(self) -> LayerTrack:
        return self.network.track.layers[self.index]

    @property
    def slots(self) -> LayerSlots:
        return self.network.room.layers[self.index]

    @property
    def is_finished(self) -> bool:
        """Whether all its records bring their statistics along."""
        finished = self.slots.finished
        if finished is None or not self.network.ends_stretch:
            return False
        return bool(self.network.take(finished)[:, -1].all())

    def sorted(self, record: int) -> np.ndarray:
        """The values of one of its records, sorted."""
        values = self.network.take(self.slots.sample)[record]
        return np.sort(values[: self.layer.plan.sampling.size])


def network_records(network: NetworkSlots, steps: np.ndarray, seconds: Sequence[float]) -> Records:
    """The rows of `network_records` of one network."""
    track, room = network.track, network.room
    given = network.take(room.given).astype(np.float64)
    accuracy = given[:, ACCURACY]
    if track.plan.labels:
        sampling = track.plan.layers[-1].sampling
        logits = network.take(room.layers[-1].sample).reshape(len(steps), *sampling.shape)
        accuracy = statistics.accuracy(logits, network.take(room.labels))
    columns = {
        "loss": given[:, LOSS],
        "accuracy": accuracy,
        "grad_norm": network.norm(range(*track.plan.gradients)),
        "lr": given[:, LR],
        "seconds": np.array(seconds),
    }
    keys = {"network_id": track.network_id}
    return "network_records", keys, {"step": steps} | _without_gaps(columns)


def _without_gaps(columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """None, which does not apply, for what was not given."""
    found: dict[str, Any] = dict(columns)
    for name, values in columns.items():
        if np.any(values == NOT_GIVEN):
            found[name] = [None if value == NOT_GIVEN else value for value in values.tolist()]
    return found


def layer_records(
    networks: Sequence[NetworkSlots], steps: np.ndarray, irregular: Sequence[Irregular] = ()
) -> Iterator[Records]:
    """The rows of `layer_records` of all layers of some networks.

    Layers that are alike are finished together, those that a GPU has finished apart from others; a
    layer whose preactivation had another shape than planned in one of the slots goes alone, record
    by record.
    """
    found: dict[tuple[str, ...], list[Mapping[str, np.ndarray]]] = {}
    for seen, at, sampling in _alike(networks, len(steps), irregular):
        columns = _records_of(seen, steps[at], sampling)
        found.setdefault(tuple(columns), []).append(columns)
    for names, parts in found.items():
        columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
        yield "layer_records", {}, _without_gaps(columns)


def _alike(
    networks: Sequence[NetworkSlots], count: int, irregular: Sequence[Irregular]
) -> Iterator[tuple[list[_NetworkLayer], slice, Sampling]]:
    """Layers to finish together, which of `count` records of them, and what is kept of one."""
    shapes = {
        (position, layer, slot): Sampling(shape, axis, stride)
        for position, layer, slot, shape, axis, stride in irregular
    }
    alone = {key[:2] for key in shapes}
    alike: dict[tuple[object, ...], list[_NetworkLayer]] = {}
    for network in networks:
        for index, layer in enumerate(network.track.layers):
            plan = layer.plan
            if (network.track.position, index) in alone:
                for at, slot in enumerate(range(network.slots.start, network.slots.stop)):
                    one = replace(network, slots=slice(slot, slot + 1))
                    sampling = shapes.get((network.track.position, index, slot), plan.sampling)
                    yield [_NetworkLayer(one, index)], slice(at, at + 1), sampling
                continue
            seen = _NetworkLayer(network, index)
            key = (seen.is_finished, plan.sampling, plan.activation, plan.running, plan.gamma,
                   plan.beta, plan.epsilon, plan.momentum,
                   *map(bool, vars(plan.places).values()))  # fmt: skip
            alike.setdefault(key, []).append(seen)
    for layers in alike.values():
        yield layers, slice(0, count), layers[0].layer.plan.sampling


def _records_of(
    seen: Sequence[_NetworkLayer], steps: np.ndarray, sampling: Sampling
) -> Mapping[str, np.ndarray]:
    """The columns of some layers, one layer's rows behind the other's."""
    count, plan = len(steps), seen[0].layer.plan
    columns: dict[str, Any] = {
        "network_id": np.repeat([one.network.track.network_id for one in seen], count),
        "layer_id": np.repeat([one.layer.layer_id for one in seen], count),
        "step": np.tile(steps, len(seen)),
    }
    columns |= _norms(seen) | _normalization(seen, plan)
    if sampling.size == 0:  # nobody saw its forward pass
        return columns
    if seen[0].is_finished:
        columns |= _finished(seen, plan)
        ordered = None
    else:
        z = _take(seen, lambda slots: slots.sample)[:, : sampling.size]
        found, ordered = statistics.preactivation(z, plan.activation, sampling)
        columns |= found | _shifts(seen, ordered, found["std"])

    def past(row: int) -> Past:
        alone = seen[row // count].sorted(row % count) if ordered is None else ordered[row].copy()
        return alone, columns["std"][row]

    for place, one in enumerate(seen):
        first, last = place * count, (place + 1) * count - 1
        if one.layer.latest is None:
            # Nothing came before the first record: its shift_w1 does not apply.
            one.layer.first = past(first)
            columns["shift_w1"][first] = NOT_GIVEN
        one.layer.latest = past(last)
    return columns


def _finished(seen: Sequence[_NetworkLayer], plan: LayerPlan) -> statistics.Columns:
    """What a GPU found, of records that are finite."""
    found = _take(seen, lambda slots: slots.finished)[:, :-1].T.copy()
    columns: statistics.Columns = dict(zip(plan.finished[:-1], found, strict=True))
    return columns | {"nonfinite": np.zeros(found.shape[1], np.int64)}


def _take(seen: Sequence[_NetworkLayer], array: Callable[[LayerSlots], Any]) -> np.ndarray:
    return np.concatenate([one.network.take(array(one.slots)) for one in seen])


def _shifts(
    seen: Sequence[_NetworkLayer], ordered: np.ndarray, std: np.ndarray
) -> statistics.Columns:
    """Each record against the one before it, and against its layer's first."""
    count, size = len(ordered) // len(seen), ordered.shape[1]
    step, start = np.empty_like(std), np.empty_like(std)
    step[1:] = shift(ordered[1:], std[1:], ordered[:-1], std[:-1])  # wrong where a layer begins
    for place, one in enumerate(seen):
        begin, rows = place * count, slice(place * count, (place + 1) * count)
        here = (ordered[begin], float(std[begin]))
        first, latest = one.layer.first or here, one.layer.latest or here
        step[begin] = shift_of_sizes(here, latest)
        if len(first[0]) == size:
            start[rows] = shift(ordered[rows], std[rows], first[0][None], np.array([first[1]]))
        else:
            start[rows] = [
                shift_of_sizes((o, s), first) for o, s in zip(ordered[rows], std[rows], strict=True)
            ]
    return {"shift_w1": step, "shift_from_start": start}


def _norms(seen: Sequence[_NetworkLayer]) -> statistics.Columns:
    def take(name: str) -> np.ndarray | None:
        places = [getattr(one.layer.plan.places, name) for one in seen]
        if not places[0]:
            return None
        return np.concatenate([one.network.norm(p) for one, p in zip(seen, places, strict=True)])

    weight, update = take("weight"), take("update")
    found = {
        "activation_grad_norm": take("activation_grad"),
        "weight_grad_norm": take("weight_grad"),
        "weight_norm": weight,
    }
    if weight is not None and update is not None:
        missing = (update == NOT_GIVEN) | (weight == NOT_GIVEN)
        if seen[0].network.track.plan.steps_by_lr:
            update = update * _take_lr(seen)
        with np.errstate(all="ignore"):
            found["update_ratio"] = np.where(missing, NOT_GIVEN, update / weight)
    if seen[0].layer.plan.places.product:
        found["grad_snr"] = np.concatenate([_signal_to_noise(one) for one in seen])
    return {name: column for name, column in found.items() if column is not None}


def _signal_to_noise(one: _NetworkLayer) -> np.ndarray:
    """Of one layer's gradient, record by record; weights count only if all have a gradient."""
    places, norms = one.layer.plan.places, one.network.take(one.network.room.norms)
    products, gradients = (np.ascontiguousarray(norms[:, p], np.float64)
                           for p in (places.product, places.weight_grad))  # fmt: skip
    with np.errstate(all="ignore"):
        product, norm = products.sum(axis=1), np.sqrt(np.square(gradients).sum(axis=1))
    product = np.where((products == NOT_GIVEN).any(axis=1), NOT_GIVEN, product)
    norm = np.where((gradients == NOT_GIVEN).any(axis=1), NOT_GIVEN, norm)
    pairs = zip(norm.tolist(), product.tolist(), strict=True)
    return np.array([one.layer.signal.add(*pair) for pair in pairs])


def _take_lr(seen: Sequence[_NetworkLayer]) -> np.ndarray:
    taken = [one.network.take(one.network.room.given)[:, LR] for one in seen]
    return np.concatenate(taken).astype(np.float64)


def _normalization(seen: Sequence[_NetworkLayer], plan: LayerPlan) -> statistics.Columns:
    columns: statistics.Columns = {}
    if plan.running:
        running = _take(seen, lambda slots: slots.running)
        columns |= _drift([running[:, part] for part in range(4)], plan)
    if plan.gamma:
        columns |= statistics.scale(_take(seen, lambda slots: slots.gamma))
    if plan.beta:
        columns |= statistics.offset(_take(seen, lambda slots: slots.beta))
    return columns


def _drift(running: list[np.ndarray], plan: LayerPlan) -> statistics.Columns:
    stale = running[0][:, 0] == NOT_GIVEN  # BatchNorm took no batch in: nothing to derive
    momentum = np.where(stale, np.nan, plan.momentum) if stale.any() else plan.momentum
    columns = statistics.drift(*running, momentum=momentum, epsilon=plan.epsilon)
    return {name: np.where(stale, NOT_GIVEN, column) for name, column in columns.items()}
