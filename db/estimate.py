"""What an experiment will probably cost, before it is started: time and bytes."""

import math
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from .arm import Arm
from .experiment import Experiment
from .layouts import MODULE_LAYERS, LayerLayout, layers
from .looking import LANDSCAPE_STEPS, PROBE_EXAMPLES
from .norms import OVER_EXAMPLES, NormName
from .parsing import parse
from .study import Study
from .tables import RECORD_TABLES, Run, statistics_of

BASE = 1.0e-4
PER_LAYER = 0.75e-4
PER_PRODUCT = 7.0e-11
"""Seconds per step of one network: for itself, for each layer, and for each weight × example.

Measured for the eager pair of §4.1 on one core (1.6 ms a step); other machines scale it by what
they measured themselves.
"""
PER_POSITION = 2.0e-8
"""What a convolution takes beside its products, for each output × example: what is done to each
element, and that small kernels are slow. Measured beside the pair of §4.1."""
PER_DROPPED = 3.5e-8
PER_NOISY_WEIGHT = 3.2e-8
PER_ADAM_WEIGHT = 6.5e-9
"""What dropout adds for each output × example, weight noise and Adam for each weight."""
PER_PROBED = 1.2e-7
"""What a look at the probe takes beside its forward pass, for each unit × example: sorting, and the
distances. Its forward pass takes as long as a step of as many examples. Measured likewise."""
BYTES_PER_NUMBER = 10.4
"""In SQLite, keys and all; measured."""
PER_ARRAY_BYTE = 1.25
"""Bytes of SQLite's pages, which arrays do not fill, for each byte of them; measured."""
ENOUGH_STEPS = 200


@dataclass(frozen=True)
class Estimate:
    """Seconds and bytes that a run will take, and in a sentence what that rests on."""

    seconds: float
    steps_per_second: float
    bytes: int
    basis: str


@dataclass(frozen=True)
class StudyEstimate:
    """Seconds that a study will take, None where nobody can say, and what that rests on."""

    seconds: float | None
    basis: str


def estimate(engine: Engine, *experiments: Experiment) -> Estimate:
    """Estimate by a cost model, scaled by the latest run that was long enough to tell.

    Of several experiments it is one after the other: seconds and bytes of all, and the mean speed.
    """
    ratio, basis = _calibration(engine)
    seconds = sum(one.steps * seconds_per_step(one) for one in experiments) * ratio
    return Estimate(
        seconds=seconds,
        steps_per_second=sum(one.steps for one in experiments) / seconds,
        bytes=sum(recorded_bytes(one) for one in experiments),
        basis=basis,
    )


def estimate_study(engine: Engine, study: Study) -> StudyEstimate:
    """What the last finished run of the same study took, in proportion to the seeds."""
    with Session(engine) as session:
        ended = session.scalars(
            select(Run)
            .where(Run.source == "study", Run.status == "finished")
            .order_by(Run.id.desc())
        )
        last = next((run for run in ended if _is_alike(run, study)), None)
    if last is None or last.study is None or not (last.started_at and last.ended_at):
        return StudyEstimate(None, "No such study has ended here yet, so nobody can say.")
    took = (last.ended_at - last.started_at).total_seconds()
    seeds: int = len(last.study["seeds"])
    words = "1 seed" if seeds == 1 else f"{seeds} seeds"
    basis = f"Run {last.id} of the same length took {took:,.1f} s with {words}."
    return StudyEstimate(took / seeds * len(study.seeds), basis)


def _is_alike(run: Run, study: Study) -> bool:
    wanted = {"study": study.study, "dataset": study.dataset, "length": study.length}
    return all((run.study or {}).get(name) == value for name, value in wanted.items())


def seconds_per_step(experiment: Experiment) -> float:
    """One step of all networks with its share of the looks at the probe, of the gradient shift and
    of the landscape, by the cost model."""
    every = experiment.recording.probe_every
    share = 0.0 if every is None else 1 / every
    seconds = sum(
        _arm_seconds(experiment, arm) * (1 + _passes(experiment, arm))
        + share * _look_seconds(experiment, arm)
        for arm in experiment.arms
    )
    return seconds * len(experiment.seeds)


def _passes(experiment: Experiment, arm: Arm) -> float:
    """Forward and backward passes for the gradient shift and the landscape, for each step.

    One for the gradient itself, which both share where they are due together, and then one for each
    layer but the first, or for each step size.
    """
    recording = experiment.recording
    shift, along = recording.gradient_shift_every, recording.landscape_every
    passes = 0.0 if shift is None else _observed(experiment, arm) / shift
    passes += 0.0 if along is None else (1 + LANDSCAPE_STEPS) / along
    if shift is not None and along is not None:
        passes -= 1 / math.lcm(shift, along)
    return passes


def _times(experiment: Experiment, every: int | None) -> int:
    """How often is measured from step 1 on, each so many steps."""
    return 0 if every is None else math.ceil(experiment.steps / every)


def _looks(experiment: Experiment) -> int:
    """How often each network is put through the probe: at 0, each so many steps, and last."""
    every = experiment.recording.probe_every
    return 0 if every is None else 1 + math.ceil(experiment.steps / every)


def _look_seconds(experiment: Experiment, arm: Arm) -> float:
    found = layers(experiment.network_of(arm), experiment.input_shape)
    units = sum(layer.units for layer in found)
    return PROBE_EXAMPLES * (_example_seconds(found) + PER_PROBED * units)


def _example_seconds(found: list[LayerLayout]) -> float:
    """What an example takes in the products and the outputs of all layers."""
    outputs = sum(layer.units * layer.side**2 for layer in found if layer.size is not None)
    return PER_PRODUCT * sum(layer.products for layer in found) + PER_POSITION * outputs


def _arm_seconds(experiment: Experiment, arm: Arm) -> float:
    network, examples = experiment.network_of(arm), experiment.batch_size
    found = layers(network, experiment.input_shape)
    hidden = [layer for layer in found if layer.is_hidden]
    weights = sum(math.prod(layer.weight_shape) for layer in found)
    seconds = BASE + PER_LAYER * len(found) + _example_seconds(found) * examples
    seconds += sum(_norm_seconds(arm.norm, layer, examples) for layer in hidden)
    if network.dropout:
        dropped = hidden if network.kind == "mlp" else hidden[-1:]
        seconds += PER_DROPPED * sum(layer.units for layer in dropped) * examples
    if network.weight_noise:
        seconds += PER_NOISY_WEIGHT * weights
    if experiment.optimizer_of(arm).algorithm == "adam":
        seconds += PER_ADAM_WEIGHT * weights
    return seconds


def _norm_seconds(norm: NormName, layer: LayerLayout, examples: int) -> float:
    """What a norm adds to a step in one layer, where that is much; measured on one core."""
    match norm:
        case "batch_noisy":
            return 1.7e-7 * layer.units * layer.side**2 * examples
        case "whitening" | "iternorm":
            return 1.3e-9 * layer.units**3
        case "weight_standardization":
            return 1.6e-8 * math.prod(layer.weight_shape)
        case _:
            return 0.0


def recorded_bytes(experiment: Experiment) -> int:
    """What the records of the whole run take on the disk."""
    columns = {table: 1 + len(statistics_of(table)) for table in RECORD_TABLES}
    records = experiment.steps / experiment.recording.record_every
    evaluations = experiment.steps / experiment.recording.evaluate_every
    shifts = _times(experiment, experiment.recording.gradient_shift_every)
    landscapes = _times(experiment, experiment.recording.landscape_every)
    numbers = 0.0
    for arm in experiment.arms:
        observed = _observed(experiment, arm) + 2 * arm.lrn
        numbers += records * (observed * columns["layer_records"] + columns["network_records"])
        numbers += evaluations * columns["evaluations"]
        numbers += _looks(experiment) * observed * columns["probe_records"]
        numbers += shifts * observed * columns["gradient_shift_records"]
        numbers += landscapes * columns["landscape_records"]
    arrays = _looks(experiment) * sum(_array_bytes(experiment, arm) for arm in experiment.arms)
    return round(len(experiment.seeds) * (numbers * BYTES_PER_NUMBER + arrays * PER_ARRAY_BYTE))


def _array_bytes(experiment: Experiment, arm: Arm) -> int:
    """The arrays of one look, float32: 5 for every unit, and its running mean and variance."""
    found = layers(experiment.network_of(arm), experiment.input_shape)
    every = sum(layer.units for layer in found)
    normed = sum(layer.units for layer in found if layer.is_hidden)
    if arm.per_activation:  # in the last module, before the output, each position is a unit
        last = found[-1 - MODULE_LAYERS : -1]
        further = sum(layer.units * (layer.side**2 - 1) for layer in last)
        every, normed = every + further, normed + further
    return 4 * (5 * every + 2 * normed * (arm.norm in OVER_EXAMPLES))


def _observed(experiment: Experiment, arm: Arm) -> int:
    """Layers that are looked at: behind the nonlinearity a norm is one by itself."""
    found = layers(experiment.network_of(arm), experiment.input_shape)
    twice = arm.norm != "none" and arm.norm_place == "after"
    return len(found) + twice * sum(layer.is_hidden for layer in found)


def _calibration(engine: Engine) -> tuple[float, str]:
    with Session(engine) as session:
        last = session.scalars(
            select(Run)
            .where(
                Run.source == "experiment",  # a watched loop tells nothing of our own
                Run.status.in_(("finished", "stopped")),
                Run.step >= ENOUGH_STEPS,
                Run.steps_per_second > 0,
            )
            .order_by(Run.id.desc())
            .limit(1)
        ).first()
    if last is None or not last.steps_per_second:
        return 1.0, (
            "A guess for one core, as no run has ended here yet; the first one will calibrate it."
        )
    predicted = seconds_per_step(parse(last.experiment))
    return 1 / last.steps_per_second / predicted, (
        f"Scaled from run {last.id}, which made {last.steps_per_second:,.0f} steps per second "
        f"on {last.device or 'its device'}."
    )
