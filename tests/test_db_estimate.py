"""An estimate says what it rests on, and learns from the runs that have ended here."""

import itertools
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shiftscope.db import queue, write
from shiftscope.db.arm import Arm
from shiftscope.db.estimate import estimate
from shiftscope.db.experiment import Experiment
from shiftscope.db.looking import Recording
from shiftscope.db.network import Network
from shiftscope.db.norms import NormName
from shiftscope.db.optimizer import Optimizer
from shiftscope.db.tables import Layer, ProbeRecord, UnitRecord, statistics_of
from shiftscope.db.tables import Network as NetworkRow


def ended(engine: Engine, make_run: Any, speed: float, steps: int = 300) -> int:
    """A run that has finished at a speed in steps per second."""
    run = make_run(engine, steps=steps)
    run.append(steps)
    write.describe_run(engine, run.run_id, steps_per_second=speed, device="cpu")
    queue.end(engine, run.run_id, "finished")
    return run.run_id


def test_a_first_estimate_says_that_it_is_a_guess(engine: Engine) -> None:
    guess = estimate(engine, Experiment())
    assert "guess" in guess.basis
    assert guess.seconds == pytest.approx(50_000 / guess.steps_per_second)


def test_the_same_experiment_again_is_expected_to_be_as_fast_as_it_was(
    any_engine: Engine, make_run: Any
) -> None:
    ended(any_engine, make_run, speed=50)
    number = ended(any_engine, make_run, speed=1234.5)
    experiment = Experiment.model_validate({"arms": [{"name": "none"}, {"name": "BatchNorm"}]})
    found = estimate(any_engine, experiment)
    assert found.steps_per_second == pytest.approx(1234.5)
    assert f"run {number}" in found.basis and "1,234" in found.basis


def test_a_run_too_short_or_still_going_teaches_nothing(engine: Engine, make_run: Any) -> None:
    ended(engine, make_run, speed=7, steps=199)
    going = make_run(engine)
    going.append(1_000)
    write.describe_run(engine, going.run_id, steps_per_second=7)
    assert "guess" in estimate(engine, Experiment()).basis


def test_a_watched_run_teaches_nothing(any_engine: Engine) -> None:
    recorder = queue.register(any_engine, "watch")
    run_id = queue.begin_watched(any_engine, recorder, "Mine", {"arms": ["model"]})
    write.describe_run(any_engine, run_id, step=5_000, steps_per_second=7.0)
    queue.end(any_engine, run_id, "finished")
    assert "guess" in estimate(any_engine, Experiment()).basis


def test_convolutions_are_expected_to_take_longer_than_a_multilayer_perceptron(
    engine: Engine,
) -> None:
    """Measured on one core with 32 examples: 20 times as long, 60 times and 60 times."""
    speeds = [
        estimate(engine, Experiment(batch_size=32, network=Network(kind=kind))).steps_per_second
        for kind in ("mlp", "convolutional", "residual", "micro_inception")
    ]
    times = [speeds[0] / speed for speed in speeds[1:]]
    assert 10 < times[0] < 40 and 30 < times[1] < 120 and 30 < times[2] < 120


@pytest.mark.parametrize("norm", ["batch_noisy", "whitening", "iternorm", "weight_standardization"])
def test_a_norm_that_takes_long_is_expected_to(engine: Engine, norm: NormName) -> None:
    """Of 100 units and 60 examples, 2 to 10 times as long as without one."""
    plain, slow = (
        estimate(engine, Experiment(arms=[Arm(name="a", norm=name)])).seconds
        for name in ("none", norm)
    )
    assert 2 < slow / plain < 11


def test_more_of_anything_costs_more(engine: Engine) -> None:
    small = estimate(engine, Experiment())
    for more in (
        Experiment(seeds=[0, 1]),
        Experiment(network=Network(hidden=[100] * 4)),
        Experiment(network=Network(hidden=[200] * 3)),
        Experiment(batch_size=120),
        Experiment(steps=60_000),
        Experiment(network=Network(dropout=0.5)),
        Experiment(network=Network(weight_noise=0.1)),
        Experiment(optimizer=Optimizer(algorithm="adam")),
        Experiment(arms=[Arm(name="a", hidden=[400]), Arm(name="b")]),
    ):
        assert estimate(engine, more).seconds > small.seconds
    often, never = (
        estimate(engine, Experiment(recording=Recording(probe_every=every))) for every in (50, None)
    )
    assert often.seconds > small.seconds > never.seconds
    bare, shifts, along, both = (
        estimate(
            engine, Experiment(recording=Recording.model_validate({"probe_every": None, **asked}))
        )
        for asked in (
            {},
            {"gradient_shift_every": 20},
            {"landscape_every": 20},
            {"gradient_shift_every": 20, "landscape_every": 20},
        )
    )
    # at every 20th step as many passes as layers, of which there are 4; 9; and 12 where they share
    passes = [(each.seconds / bare.seconds - 1) * 20 for each in (shifts, along, both)]
    assert passes == pytest.approx([4, 9, 12], rel=0.05)
    assert both.bytes > shifts.bytes > bare.bytes and both.bytes > along.bytes > bare.bytes
    rarer = estimate(engine, Experiment(recording=Recording(record_every=10)))
    assert rarer.bytes < small.bytes / 5
    before, after = (
        estimate(engine, Experiment(arms=[Arm(name="a", norm="batch", norm_place=place)])).bytes
        for place in ("before", "after")
    )
    assert after > 1.5 * before, "the norms are layers by themselves"
    inception = Network(kind="micro_inception", activation="relu", width=0.25)
    channels, activations = (
        estimate(
            engine,
            Experiment(
                network=inception,
                arms=[Arm(name="a", norm="batch", per_activation=each)],
                steps=50,
                recording=Recording(probe_every=10),
            ),
        ).bytes
        for each in (False, True)
    )
    # 6 looks; of the last module 8 + 6 + 10 + 5 + 7 + 7 + 4 channels at 4 × 4 positions; 7 arrays
    assert activations - channels == pytest.approx(6 * 47 * 15 * 7 * 4 * 1.25, abs=1)


def test_the_bytes_of_the_probe_are_what_sqlite_takes(
    engine: Engine, make_run: Any, tmp_path: Any
) -> None:
    run = make_run(engine)
    looks, units = 400, {"hidden1": 100, "hidden2": 10}
    statistics = dict.fromkeys(statistics_of("probe_records"), 0.1234567) | {"nonfinite": 0}
    arrays = [column.name for column in UnitRecord.__table__.columns if not column.primary_key]
    with Session(engine) as session:
        pairs = session.execute(
            select(Layer.network_id, Layer.id, Layer.name)
            .join(NetworkRow, NetworkRow.id == Layer.network_id)
            .where(NetworkRow.run_id == run.run_id)
        ).all()
        for (network, layer, name), step in itertools.product(pairs, range(looks)):
            keys = {"network_id": network, "layer_id": layer, "step": step}
            session.add(ProbeRecord(**keys, **statistics))
            session.add(UnitRecord(**keys, **dict.fromkeys(arrays, bytes(4 * units[name]))))
        session.commit()
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (tmp_path / "shiftscope.db").stat().st_size
    arms = [Arm(name=name, norm="batch") for name in ("a", "b")]
    often, never = (
        estimate(
            engine,
            Experiment(
                arms=arms,
                steps=looks - 1,
                network=Network(hidden=[units["hidden1"]]),
                recording=Recording(probe_every=every),
            ),
        ).bytes
        for every in (1, None)
    )
    assert 0.7 < (often - never) / size < 1.4, (often, never, size)


def test_the_bytes_are_what_sqlite_takes(engine: Engine, make_run: Any, tmp_path: Any) -> None:
    run = make_run(engine)
    statistics = [name for name in statistics_of("layer_records") if name != "nonfinite"]
    for _ in range(4):
        values = [0.1234567 + step for step in range(1_000)]
        run.append(1_000, **dict.fromkeys(statistics, values))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    size = (tmp_path / "shiftscope.db").stat().st_size
    # Two arms with two layers each: one hidden and the output.
    expected = estimate(engine, Experiment(steps=4_000, network=Network(hidden=[100]))).bytes
    assert 0.7 < expected / size < 1.4
