"""The fixed probe: the same examples, networks left as they are, and what is stored of it."""

import base64
import csv
import io
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exporting import csv_text
from fastapi.testclient import TestClient
from queries import exported
from sqlalchemy import Engine
from torch import nn

from shiftscope.db import catalog, queue, read
from shiftscope.db.errors import NotFound
from shiftscope.db.experiment import Experiment
from shiftscope.db.looking import PROBE_EXAMPLES
from shiftscope.db.parsing import with_settings
from shiftscope.db.units import mean_over_units, typical_unit, units_of
from shiftscope.server.app import create_app
from shiftscope.trainer import datasets
from shiftscope.trainer.discovery import find_layers
from shiftscope.trainer.evaluation import is_probed
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.probe import Probe, effective_rank, preactivations
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare

CPU = torch.device("cpu")


def experiment(*settings: str) -> Experiment:
    base = catalog.experiment("mnist-sigmoid")
    return with_settings(base, ["dataset=digits", "hidden=20,10", "steps=60", *settings])


def train(engine: Engine, wanted: Experiment) -> int:
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    recorder = RecorderProcess(str(engine.url), run_id)
    ready = prepare(wanted, datasets.load("digits", Path(), lambda _: None), CPU)
    watch_and_train(wanted, ready, recorder, CPU, threading.Event())
    return run_id


def convolutional() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Flatten(), nn.Linear(3 * 4 * 4, 5),
    )  # fmt: skip


def test_the_probe_is_fixed_and_spread_over_the_test_set() -> None:
    inputs = torch.arange(10_000.0)[:, None]
    assert Probe(inputs).inputs[:, 0].tolist() == list(range(0, 10_000, 5))
    assert len(Probe(inputs[:2_500]).inputs) == PROBE_EXAMPLES == 2_000
    assert torch.equal(Probe(inputs[:300]).inputs, inputs[:300])
    assert len(Probe(torch.zeros(1, 3, 224, 224).expand(60, -1, -1, -1)).inputs) == 53


def test_a_look_changes_neither_network_nor_random_state() -> None:
    network = convolutional()
    inputs = torch.randn(40, 1, 6, 6)
    layers = find_layers(network, inputs).layers
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    probe = Probe(inputs)
    first = probe.measure(0, network, layers)
    second = probe.measure(0, network, layers)
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(state[n], tensor) for n, tensor in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert all(norm.track_running_stats for norm in network if isinstance(norm, nn.BatchNorm2d))
    assert [units for _, units in first] == [units for _, units in second]
    statistics = second[0][0]
    assert statistics["w1_from_start_max"] == statistics["ks_from_previous_max"] == 0
    assert "w1_from_start_max" not in first[0][0], "a first look has no distance"


def test_preactivations_are_of_the_batch_itself_before_anything_changes_them_in_place() -> None:
    network = convolutional()
    inputs = torch.randn(40, 1, 6, 6)
    layers = find_layers(network, inputs).layers
    of_convolution, of_output = preactivations(network, layers, inputs)
    normalized = nn.functional.batch_norm(network[0](inputs), None, None, training=True)
    expected = torch.stack([normalized[i, :, (i % 16) // 4, i % 4] for i in range(40)])
    assert torch.allclose(of_convolution, expected, atol=1e-6)
    assert (of_convolution < 0).any(), "what the ReLU left would be no preactivation"
    without_dropout = network[5](normalized.relu().flatten(1))
    assert torch.allclose(of_output, without_dropout, atol=1e-5)


def test_effective_rank() -> None:
    orthogonal = torch.linalg.qr(torch.randn(50, 50)).Q[:, :8]
    assert effective_rank(1e-30 * orthogonal) == pytest.approx(8)
    assert effective_rank(torch.ones(30, 9)) == pytest.approx(1, abs=1e-5)
    values = torch.randn(20, 30)
    singular = torch.linalg.svdvals(values.double())
    p = singular / singular.sum()
    assert effective_rank(values) == pytest.approx(math.exp(-(p * p.log()).sum()))
    assert effective_rank(torch.zeros(3, 3)) == 0
    assert math.isnan(effective_rank(torch.tensor([[1.0, math.inf]])))


def test_nan_and_infinities_are_recorded_as_such() -> None:
    network = convolutional()
    inputs = torch.randn(40, 1, 6, 6)
    layers = find_layers(network, inputs).layers
    probe = Probe(inputs)
    probe.measure(0, network, layers)
    with torch.no_grad():
        network.get_parameter("0.weight").fill_(math.nan)
    (broken, arrays), (output, _) = probe.measure(0, network, layers)
    assert broken["nonfinite"] == 3 * 40 and math.isnan(float(broken["w1_from_start_mean"] or 0))
    assert output["nonfinite"] == 5 * 40 and math.isnan(float(output["effective_rank"] or 0))
    mean = arrays["mean"]
    assert mean is not None and np.isnan(np.frombuffer(base64.b64decode(mean), "<f4")).all()


def test_when_the_probe_is_looked_at() -> None:
    assert [step for step in range(61) if is_probed(step, 25, 60)] == [0, 25, 50, 60]
    assert not any(is_probed(step, None, 60) for step in range(61))


@pytest.fixture
def trained(engine: Engine) -> tuple[Engine, int]:
    """A run that looked at the probe at 0, 25, 50 and 60, between evaluations."""
    return engine, train(engine, experiment("probe_every=25", "evaluate_every=40"))


def test_what_is_stored_of_the_probe(trained: tuple[Engine, int]) -> None:
    engine, run_id = trained
    rows = exported(engine, run_id, "probe_records")
    assert len(rows) == 2 * 3 * 4 and read.run(engine, run_id).step == 60
    assert [row["step"] for row in rows[:4]] == [0, 25, 50, 60]
    for first, later in zip(rows[::4], rows[1::4], strict=True):
        assert first["w1_from_start_median"] is None and first["nonfinite"] == 0
        assert 0 < later["w1_from_start_median"] <= later["w1_from_start_max"]
        assert later["w1_from_start_mean"] == later["w1_from_previous_mean"]
        assert 1 <= later["effective_rank"] <= 20
        assert later["w1_floor"] == pytest.approx(0.095, rel=0.05), "of 360 digits"
    for units in units_of(engine, run_id, "hidden1"):
        assert units.steps == [0, 25, 50, 60]
        p15, p50, p85 = (units.arrays[name] for name in ("p15", "p50", "p85"))
        assert p15 is not None and p50 is not None and p85 is not None and p50.shape == (4, 20)
        assert (p15 <= p50).all() and (p50 <= p85).all()
        has_norm = units.network.arm == "BatchNorm"
        assert (units.arrays["running_mean"] is not None) == has_norm
        spread = next(r for r in rows if r["layer_id"] == units.layer.id)["spread_mean"]
        assert spread == pytest.approx((p85 - p15)[0].mean(), rel=1e-6)
        if has_norm:
            assert spread == pytest.approx(2.07, abs=0.15), "a normal's, for γ is 1"


def test_a_run_without_a_probe_has_no_units(engine: Engine, make_run: Any) -> None:
    run_id = make_run(engine).run_id
    (one, _) = units_of(engine, run_id, "hidden1")
    assert one.steps == [] and one.arrays["p50"] is None
    with TestClient(create_app(engine), base_url="http://localhost") as client:
        asked = client.get(f"/api/runs/{run_id}/units?layer=hidden1").json()
    assert asked["typical"] is None and asked["networks"][0]["p50"] is None


def test_a_criterion_reads_the_mean_over_the_units(trained: tuple[Engine, int]) -> None:
    engine, run_id = trained
    found = mean_over_units(engine, read.run(engine, run_id), "std")
    assert [(r.arm, r.layer) for r in found[:2]] == [("none", "hidden1"), ("none", "hidden2")]
    for units in units_of(engine, run_id, "hidden2"):
        (of_layer,) = [r for r in found if (r.arm, r.layer) == (units.network.arm, "hidden2")]
        std = units.arrays["std"]
        assert std is not None and list(of_layer.steps) == units.steps
        assert of_layer.values == pytest.approx(std.mean(1))
    (running, *_) = mean_over_units(engine, read.run(engine, run_id), "running_var")
    assert set(running.values) == {None}
    with pytest.raises(NotFound, match="'max'; expected one of mean"):
        mean_over_units(engine, read.run(engine, run_id), "max")


def test_units_over_http_and_as_csv(trained: tuple[Engine, int]) -> None:
    engine, run_id = trained
    with TestClient(create_app(engine), base_url="http://localhost") as client:
        path = f"/api/runs/{run_id}/units"
        asked = client.get(path, params={"layer": "hidden2"}).json()
        assert (asked["layer"], asked["seed"], asked["units"]) == ("hidden2", 0, 10)
        assert asked["unit"] == asked["typical"] and 0 <= asked["typical"] < 10
        assert [one["arm"] for one in asked["networks"]] == ["none", "BatchNorm"]
        assert asked["networks"][0]["step"] == [0, 25, 50, 60]
        assert asked["networks"][0]["running_mean"] is None
        at_step = client.get(path, params={"layer": "hidden2", "step": 49}).json()
        assert at_step["unit"] is None and at_step["networks"][1]["step"] == [25]
        third = client.get(path, params={"layer": "hidden2", "unit": 3}).json()
        assert at_step["networks"][1]["p50"][3] == third["networks"][1]["p50"][1]
        for wrong in ({"layer": "none"}, {"layer": "hidden2", "unit": 10},
                      {"layer": "hidden2", "seed": 5}):  # fmt: skip
            assert client.get(path, params=wrong).status_code == 404
    rows = list(csv.DictReader(io.StringIO(csv_text(engine, run_id, "unit_records"))))
    assert len(rows) == 2 * 4 * (20 + 10 + 10)
    of_unit = [
        r for r in rows if (r["arm"], r["layer"], r["unit"]) == ("BatchNorm", "hidden2", "3")
    ]
    assert [float(row["p50"]) for row in of_unit] == third["networks"][1]["p50"]


def test_a_typical_unit_moves_as_the_median_unit_does() -> None:
    p50 = np.array([[0, 0, 0, 0], [3, 1, -2, 9]], np.float32)
    assert typical_unit(p50) == 2
    assert typical_unit(np.zeros((3, 5), np.float32)) == 2, "of equals the one in the middle"
    p50[1, 1] = np.nan
    assert typical_unit(p50) == 0, "one that was no number moved farthest"


def test_a_layer_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(NotFound, match="no run 7"):
        units_of(engine, 7, "hidden1")
