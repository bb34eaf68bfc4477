"""Diagnosis: each rule fires on its fault and nothing fires on a healthy network."""

import contextlib
import csv
import io
import json
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from rule_table import rows
from sqlalchemy import Engine
from typer.testing import CliRunner
from websockets.sync.client import connect

from shiftscope.db import catalog, queue, read, webhook
from shiftscope.db.errors import Conflict, InvalidExperiment, SetupProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.findings import Found, findings, store_findings
from shiftscope.db.importing import store_import
from shiftscope.db.parsing import parse, with_settings
from shiftscope.db.rules import RULE_NAMES
from shiftscope.db.rules import Diagnosis as Settings
from shiftscope.db.study import Measurement
from shiftscope.server.cli import app
from shiftscope.server.settings import load_settings
from shiftscope.trainer import datasets
from shiftscope.trainer.diagnosing import diagnose
from shiftscope.trainer.diagnosis import Diagnosis
from shiftscope.trainer.execute import watch_and_train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.rules import NetworkFacts, rules
from shiftscope.trainer.rules.rule import LayerFacts
from shiftscope.trainer.setup import prepare
from shiftscope.trainer.windows import WINDOW

ROOT = Path(__file__).resolve().parents[1]
STEPS = 400
HIDDEN, OUTPUT = slice(0, 3), 3
FACTS = tuple(
    LayerFacts(10 + at, name, norm, activation, units, 60 * units)
    for at, (name, norm, activation, units) in enumerate(
        [("hidden1", "batch", "sigmoid", 100), ("hidden2", "batch", "sigmoid", 100),
         ("hidden3", "batch", "sigmoid", 100), ("output", "none", "none", 10)]
    )
)  # fmt: skip


@dataclass
class Records:
    """What a healthy network of four layers records; a test spoils a part of it."""

    steps: np.ndarray = field(default_factory=lambda: np.arange(1, STEPS + 1))
    batch_size: int = 60

    def __post_init__(self) -> None:
        count, rng = len(self.steps), np.random.default_rng(0)

        def around(value: float, normed: bool = False) -> np.ndarray:
            values = value * np.exp(0.3 * rng.standard_normal((4, count)))
            return np.where(np.arange(4)[:, None] < 3, values, np.nan) if normed else values

        self.layers = {
            "std": around(1), "saturated": around(0.01), "dead": np.zeros((4, count)),
            "activation_grad_norm": around(0.1), "weight_grad_norm": around(0.3),
            "weight_norm": around(10), "update_ratio": around(2e-3),
            "mean_drift": around(0.12, True), "gamma_min": around(0.9, True),
            "gamma_max": around(1.1, True), "nonfinite": np.zeros((4, count)),
        }  # fmt: skip
        self.network = {
            "loss": 2.3 * np.exp(-self.steps / 60) + 0.2 * rng.random(count),
            "lr": np.full(count, 0.1),
            "seconds": 0.01 * np.cumsum(1 + rng.random(count)),
        }
        looks = np.array([0, 1, 2, 5, 10, 20, 50, *range(100, STEPS + 1, 50)])
        test = 2.3 * np.exp(-looks / 60) + 0.25
        self.evaluations = {
            "step": looks, "test_loss": test, "test_accuracy": 1 - test / 3,
            "test_loss_batch_statistics": test.copy(),
            "test_accuracy_batch_statistics": 1 - test / 3,
        }  # fmt: skip
        probed = np.array([0, *range(50, STEPS + 1, 50)])
        moved = 3 * 0.04 * np.exp(-probed / 100) * np.ones((4, 1))
        moved[:, 0] = np.nan
        moved[OUTPUT, 1] = 6  # logits go from nothing to answers
        self.probes = {
            "step": probed, "w1_from_previous_median": moved,
            "w1_floor": np.where(np.isnan(moved), np.nan, 0.04),
            "effective_rank": np.full((4, len(probed)), 30.0),
        }  # fmt: skip

        self.units = np.ones((4, len(probed), 100), "<f4")

    def fed(self, *ends: int, **settings: Any) -> Diagnosis:
        """The diagnosis after the records came, handed over in parts that end at these steps."""
        diagnosis = Diagnosis([NetworkFacts(1, FACTS, self.batch_size, 10)], Settings(**settings))
        before = -1
        for end in (*ends, int(self.steps[-1])):
            self._hand_over(diagnosis, before, end)
            diagnosis.look()
            before = end
        diagnosis.look(last=True)
        return diagnosis

    def _hand_over(self, diagnosis: Diagnosis, before: int, end: int) -> None:
        rows = (self.steps > before) & (self.steps <= end)
        of_network = {name: values[rows] for name, values in self.network.items()}
        steps = self.steps[rows]
        diagnosis.take("network_records", {"network_id": 1}, {"step": steps, **of_network})
        repeated = {
            "network_id": np.repeat(1, 4 * len(steps)),
            "layer_id": np.repeat([layer.layer_id for layer in FACTS], len(steps)),
            "step": np.tile(steps, 4),
        }
        of_layers = {name: values[:, rows].ravel() for name, values in self.layers.items()}
        listed = {name: _without_gaps(values) for name, values in of_layers.items()}
        diagnosis.take("layer_records", {}, repeated | listed)
        for row, step in enumerate(self.evaluations["step"]):
            if before < step <= end:
                values = {name: [column[row]] for name, column in self.evaluations.items()}
                diagnosis.take("evaluations", {"network_id": 1}, values)
        for row, step in enumerate(self.probes["step"]):
            for at, layer in enumerate(FACTS):
                if before < step <= end:
                    keys = {"network_id": 1, "layer_id": layer.layer_id}
                    values = {
                        name: _without_gaps(column[..., row][at : at + 1])
                        for name, column in self.probes.items()
                        if name != "step"
                    }
                    diagnosis.take("probe_records", keys, {"step": [step], **values})
                    packed = self.units[at, row].tobytes()
                    diagnosis.take("unit_records", keys, {"step": [step], "std": [packed]})


def _without_gaps(values: np.ndarray) -> list[float | None]:
    """As the recorder has it: what does not apply is None."""
    return [None if np.isnan(value) else float(value) for value in values]


def nonfinite_values(records: Records) -> None:
    records.layers["nonfinite"][1:, 309:] = 7
    records.layers["weight_grad_norm"][:, 309:] = math.inf


def diverged(records: Records) -> None:
    records.network["loss"][300:] = 8.0


def exploding_gradient(records: Records) -> None:
    records.layers["weight_grad_norm"][:, 300:] *= 1000


def vanishing_gradient(records: Records) -> None:
    records.layers["weight_grad_norm"][0] *= 1e-4


def dead_units(records: Records) -> None:
    records.layers["dead"][2, 200:] = 0.6


def saturated_units(records: Records) -> None:
    records.layers["saturated"][2] = 0.9


def large_updates(records: Records) -> None:
    records.layers["update_ratio"][1, 100:] *= 200


def small_updates(records: Records) -> None:
    records.network["loss"] = 1 + 1.3 * np.exp(-records.steps / 60)
    records.layers["update_ratio"][1] *= 1e-3


def loss_not_decreasing(records: Records) -> None:
    records.network["loss"] = 2.3 + 0.01 * np.sin(records.steps)


def overfitting(records: Records) -> None:
    risen = np.maximum(records.evaluations["step"] - 150, 0) / 100
    records.evaluations["test_loss"] += risen
    records.evaluations["test_loss_batch_statistics"] += risen


def poor_initialization(records: Records) -> None:
    records.layers["std"][2] *= 30


def shift_above_floor(records: Records) -> None:
    records.probes["w1_from_previous_median"][2, 3:] = 0.9


def lagging_statistics(records: Records) -> None:
    records.layers["mean_drift"][1, 100:] = 1.5


def inference_gap(records: Records) -> None:
    records.evaluations["test_accuracy"] -= 0.2


def small_batch(records: Records) -> None:
    records.batch_size = 4


def gamma_collapse(records: Records) -> None:
    records.layers["gamma_min"][1, 200:] = -0.01
    records.layers["gamma_max"][1, 200:] = 0.02


def channel_collapse(records: Records) -> None:
    records.units[1, 4:, :12] = 0.05


def low_rank(records: Records) -> None:
    records.probes["effective_rank"][2] = 1.2


def stalled(records: Records) -> None:
    records.network["seconds"][250:] += 4000


FAULTS: tuple[Callable[[Records], None], ...] = (
    *(nonfinite_values, diverged, exploding_gradient, vanishing_gradient, dead_units),
    *(saturated_units, large_updates, small_updates, loss_not_decreasing, overfitting),
    *(poor_initialization, shift_above_floor, lagging_statistics, inference_gap, small_batch),
    *(gamma_collapse, channel_collapse, low_rank, stalled),
)


def named(diagnosis: Diagnosis) -> dict[str, list[str]]:
    """The layers of the findings, by rule."""
    names = {layer.layer_id: layer.name for layer in FACTS}
    found: dict[str, list[str]] = {}
    for (rule, _, layer), _one in sorted(diagnosis.findings.items(), key=str):
        found.setdefault(rule, []).append(names.get(layer or 0, ""))
    return found


def test_every_rule_is_a_module_that_documents_can_name_and_has_a_test() -> None:
    assert sorted(rules()) == sorted(RULE_NAMES) == sorted(fault.__name__ for fault in FAULTS)
    for name, rule in rules().items():
        assert (rule.measure is None) != (rule.first is None), name


def test_a_healthy_network_has_no_findings() -> None:
    assert named(Records().fed(100, 200, 300)) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_rule_fires_on_its_fault_and_no_other_does(fault: Callable[[Records], None]) -> None:
    records = Records()
    fault(records)
    found = named(records.fed(100, 200, 300))
    assert list(found) == [fault.__name__]
    silenced = records.fed(silenced=[fault.__name__])
    assert named(silenced) == {}


def test_collapsed_channels_are_counted_and_one_look_is_none() -> None:
    records = Records()
    channel_collapse(records)
    (found,) = records.fed().findings.values()
    assert found.sentence.startswith("hidden2: 12 of 100 channels vary a tenth as much")
    assert (found.first_step, found.evidence_table, found.statistic) == (200, "unit_records", "std")
    records.units[1, 5, :3] = 1
    (later,) = records.fed().findings.values()
    assert later.first_step == 300


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_findings_do_not_depend_on_how_records_were_handed_over(
    fault: Callable[[Records], None],
) -> None:
    records = Records()
    fault(records)
    at_once = records.fed().findings
    ends = np.unique(np.random.default_rng(1).integers(1, STEPS, 40)).tolist()
    assert records.fed(*ends).findings == at_once


def one(diagnosis: Diagnosis) -> Found:
    (found,) = diagnosis.findings.values()
    return found


def test_a_finding_says_which_layer_and_which_steps() -> None:
    records = Records()
    dead_units(records)
    found = one(records.fed())
    assert (found.layer_id, found.network_id, found.severity) == (12, 1, "warning")
    assert (found.first_step, found.last_step) == (201, STEPS)
    assert (found.evidence_table, found.statistic) == ("layer_records", "dead")
    assert (found.value, found.threshold) == (0.6, 0.25)
    assert (found.evidence_first, found.evidence_last) == (201, 225)
    assert found.sentence == "hidden3: 60 % of its units give 0 for every example."


def test_the_first_offender_is_the_first_in_the_order_of_a_step() -> None:
    records = Records()
    nonfinite_values(records)
    found = one(records.fed(100, 309))
    assert (found.layer_id, found.first_step, found.statistic) == (11, 310, "nonfinite")
    assert found.sentence.startswith("hidden2: NaN or infinities in the preactivation")
    backward = Records()
    backward.layers["activation_grad_norm"][:3, 200] = math.inf
    backward.layers["weight_grad_norm"][:3, 200] = math.inf
    found = one(backward.fed())
    assert (found.layer_id, found.first_step) == (12, 201)
    assert found.sentence.startswith("hidden3: NaN or infinities in the gradient at")
    loss = Records()
    loss.network["loss"][77] = math.nan
    assert one(loss.fed()).sentence.startswith("The network: NaN or infinities in the loss")
    update = Records()
    update.layers["weight_norm"][OUTPUT, 0] = 0  # it begins there, and has no ratio yet
    update.layers["update_ratio"][OUTPUT, 0] = math.inf
    update.layers["update_ratio"][1:, 50] = math.inf
    found = one(update.fed())
    assert (found.layer_id, found.first_step, found.statistic) == (11, 51, "update_ratio")


def test_a_fault_shorter_than_the_patience_is_noise() -> None:
    patience = rules()["dead_units"].patience
    records = Records()
    records.layers["dead"][2, 100 : 100 + (patience - 1) * WINDOW] = 1
    assert named(records.fed()) == {}
    records.layers["dead"][2, 100 : 100 + patience * WINDOW] = 1
    assert named(records.fed()) == {"dead_units": ["hidden3"]}


def test_a_fault_ends_only_when_it_is_clearly_over_and_one_that_comes_back_is_the_same() -> None:
    records = Records()
    records.layers["dead"][2, 100:200] = 0.3
    records.layers["dead"][2, 200:250] = 0.22  # below the threshold, and not yet healthy
    assert one(records.fed()).last_step == 250
    records.layers["dead"][2, 380:] = 0.3  # not for long enough
    found = one(records.fed())
    assert (found.first_step, found.last_step) == (101, 250)
    longer = Records(np.arange(1, 701))
    longer.layers["dead"][2, 100:200] = 0.3
    longer.layers["dead"][2, 400:600] = 0.5
    found = one(longer.fed())
    assert (found.first_step, found.last_step, found.value) == (101, 600, 0.5)


def test_a_threshold_can_be_set() -> None:
    records = Records()
    dead_units(records)
    assert named(records.fed(thresholds=["dead_units=0.7"])) == {}
    found = one(records.fed(thresholds=["dead_units=0.5"]))
    assert found.threshold == 0.5


def test_a_network_that_is_frozen_is_diagnosed_while_the_others_go_on() -> None:
    facts = [NetworkFacts(number, FACTS, 60, 10) for number in (1, 2)]
    diagnosis = Diagnosis(facts)

    def train(networks: Sequence[int], steps: Sequence[int], loss: float) -> None:
        for network_id in networks:
            columns = {"step": steps, "loss": [2.3 if s == 1 else loss for s in steps]}
            diagnosis.take("network_records", {"network_id": network_id}, columns)

    train([1], [1, 2, 3], 1.0)
    train([2], [1, 2, 3], math.nan)
    diagnosis.look()
    assert {(rule, number) for rule, number, _ in diagnosis.findings} == {("nonfinite_values", 2)}
    train([1], [4, 5], 1.0)
    assert diagnosis.look()
    assert ("diverged", 2, None) in diagnosis.findings
    diverged_network = diagnosis.findings["diverged", 2, None]
    assert diverged_network.sentence.endswith("is no number any more.")
    assert (diverged_network.first_step, diverged_network.last_step) == (2, 3)


def test_a_run_that_stands_still_is_found_while_it_does() -> None:
    diagnosis = Records().fed()
    assert not diagnosis.wait(299)
    assert diagnosis.wait(301) and not diagnosis.wait(400)
    found = one(diagnosis)
    assert (found.network_id, found.first_step, found.last_step) == (None, STEPS, STEPS)


def test_what_an_experiment_sets_of_the_rules_is_validated() -> None:
    entry = catalog.experiment("mnist-sigmoid")
    asked = with_settings(entry, ["silenced=dead_units,stalled", "thresholds=large_updates=0.2"])
    assert asked.diagnosis.silenced == ["dead_units", "stalled"]
    assert asked.diagnosis.set_thresholds() == {"large_updates": 0.2}
    for wrong, what in (
        ("silenced=dead", "dead_units"),
        ("thresholds=dead=1", "there is no rule 'dead'; expected one of nonfinite_values"),
        ("thresholds=dead_units=none", "expected dead_units=NUMBER, a number above 0"),
        ("thresholds=dead_units=0", "a number above 0"),
    ):
        with pytest.raises(InvalidExperiment, match=re.escape(what)):
            with_settings(entry, [wrong])


def test_a_run_that_was_stored_before_there_were_rules_asks_for_the_same() -> None:
    document = Experiment().model_dump(mode="json")
    del document["diagnosis"]
    assert parse(document) == Experiment()


def test_findings_are_stored_once_and_keep_their_numbers(
    any_engine: Engine, make_run: Callable[..., Any]
) -> None:
    run = make_run(any_engine)
    (network_id, (layer_id, _)), _other = run.networks
    found = Found(
        "dead_units", network_id, layer_id, 1, 100, "warning", "layer_records", "dead",
        0.5, 0.25, 1, 25, "Half are dead.", "Because.", "Try.",
    )  # fmt: skip
    of_run = Found(
        "stalled", None, None, 7, 7, "warning", "network_records", "seconds",
        math.inf, 300, 7, 7, "No step.", "Because.", "Try.",
    )  # fmt: skip
    assert [one for _, one in store_findings(any_engine, run.run_id, [of_run, found], 100)] == [
        of_run,
        found,
    ]
    longer = Found(**{**vars(found), "last_step": 200, "value": 0.75})
    assert store_findings(any_engine, run.run_id, [of_run, longer], 200) == []
    first, second = findings(any_engine, run.run_id)
    assert (first.found, first.arm, first.seed, first.layer) == (longer, "none", 0, "hidden1")
    assert (second.found, second.arm, second.layer) == (of_run, None, None)
    assert read.run(any_engine, run.run_id).diagnosed == 200
    store_findings(any_engine, run.run_id, [longer], 300)
    assert [one.id for one in findings(any_engine, run.run_id)] == [first.id]


@pytest.fixture
def train(engine: Engine) -> Callable[..., int]:
    """Trains an experiment beside its recorder; returns the number of the finished run."""

    def run(wanted: Experiment, data: Path) -> int:
        run_id = queue.enqueue(engine, wanted)
        queue.claim(engine, queue.register(engine), run_id)
        device = torch.device("cpu")
        images = datasets.of_experiment(wanted, data, lambda _: None)
        recorder = RecorderProcess(str(engine.url), run_id)
        prepared = prepare(wanted, images, device)
        assert watch_and_train(wanted, prepared, recorder, device, threading.Event())
        queue.end(engine, run_id, "finished")
        return run_id

    return run


def of_arms(engine: Engine, run_id: int) -> dict[tuple[str | None, int | None], set[str]]:
    found: dict[tuple[str | None, int | None], set[str]] = {}
    for finding in findings(engine, run_id):
        found.setdefault((finding.arm, finding.seed), set()).add(finding.found.rule)
    return found


@pytest.fixture
def handwritten(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """MNIST and where it lies; where it is not, the digits that come with scikit-learn."""
    try:
        return "mnist", request.getfixturevalue("mnist_folder")
    except pytest.skip.Exception:
        return "digits", tmp_path


def test_the_papers_pair_has_no_findings_with_batchnorm(
    engine: Engine, train: Callable[..., int], handwritten: tuple[str, Path]
) -> None:
    dataset, data = handwritten
    shortened = ["steps=300", "seeds=0,1,2", "probe_every=100", "evaluate_every=100"]
    shortened += ["evaluate_early=false", "test_examples=360", f"dataset={dataset}"]
    run_id = train(with_settings(catalog.experiment("mnist-sigmoid"), shortened), data)
    found = of_arms(engine, run_id)
    assert {seed for arm, seed in found if arm == "BatchNorm"} == set()
    # without it the loss stands still for hundreds of steps, which is the paper's point
    assert all("loss_not_decreasing" in found["none", seed] for seed in (0, 1, 2))
    live = findings(engine, run_id)
    diagnose(engine, run_id)
    assert findings(engine, run_id) == live


def test_networks_with_known_faults_are_found_out(
    engine: Engine, train: Callable[..., int], tmp_path: Path
) -> None:
    short = ["dataset=digits", "steps=125", "seeds=0", "probe_every=50", "evaluate_early=false"]
    deep = with_settings(
        catalog.experiment("mnist-deep-sigmoid"), [*short, "hidden=" + ",".join(["30"] * 10)]
    )
    found = of_arms(engine, train(deep, tmp_path))
    assert {"vanishing_gradient", "small_updates", "low_rank"} <= found["none", 0]
    assert ("BatchNorm", 0) not in found
    wild = ["activation=relu", "initialization=gaussian", "initial_std=100", "optimizer.lr=1000"]
    pair = with_settings(
        catalog.experiment("mnist-sigmoid"), [*short, *wild, "hidden=20,10", "batch_size=4"]
    )
    found = of_arms(engine, train(pair, tmp_path))
    assert {"nonfinite_values", "diverged"} <= found["none", 0]
    assert "small_batch" in found["BatchNorm", 0]


def test_a_run_that_goes_on_and_an_import_are_not_diagnosed_afterwards(
    engine: Engine, make_run: Callable[..., Any]
) -> None:
    run = make_run(engine)
    with pytest.raises(Conflict, match="is running: findings come while it trains"):
        diagnose(engine, run.run_id)
    imported = store_import(engine, "Mine", {}, [Measurement(0, "loss", "a", 1, 2)])
    with pytest.raises(Conflict, match="is no training"):
        diagnose(engine, imported)


def test_every_rule_is_described_with_its_threshold_and_where_that_comes_from() -> None:
    page = (ROOT / "docs" / "findings.md").read_text("utf-8")
    described = [line for line in page.splitlines() if line.startswith("| `")]
    assert described == rows()


@pytest.fixture
def found(engine: Engine, make_run: Callable[..., Any]) -> Any:
    """A running run with a finding of a layer and one of a network."""
    run = make_run(engine, diagnosis={"silenced": ["stalled"]})
    (network_id, (layer_id, _)), (other_id, _) = run.networks
    of_layer = Found(
        "dead_units", network_id, layer_id, 1, 100, "warning", "layer_records", "dead",
        0.5, 0.25, 26, 50, "hidden1: half are dead.", "Because.", "Try this.",
    )  # fmt: skip
    of_network = Found(
        "diverged", other_id, None, 5, 5, "critical", "network_records", "loss",
        math.inf, 2, 5, 5, "It diverged.", "Because.", "Try that.",
    )  # fmt: skip
    run.found = [of_layer, of_network]
    return run


def test_findings_are_served_as_json_and_as_a_file(
    web: httpx.Client, engine: Engine, found: Any
) -> None:
    address = f"/api/runs/{found.run_id}/findings"
    before = web.get(address).json()
    silenced = [{"name": "stalled", "title": "Stalled"}]
    assert before == {
        "run": found.run_id, "diagnosed": None, "silenced": silenced, "findings": []
    }  # fmt: skip
    store_findings(engine, found.run_id, found.found, 100)
    served = web.get(address).json()
    critical, warning = served["findings"]
    assert served["diagnosed"] == 100
    assert (critical["rule"], critical["arm"], critical["layer"]) == ("diverged", "BatchNorm", None)
    assert critical["evidence"]["value"] == "Infinity"
    assert warning["title"] == "Dead units" and warning["layer"] == "hidden1"
    assert warning["evidence"] == {
        "table": "layer_records", "statistic": "dead", "value": 0.5, "threshold": 0.25,
        "first": 26, "last": 50,
    }  # fmt: skip
    file = web.get(f"{address}.csv")
    assert f"shiftscope-run-{found.run_id}-findings.csv" in file.headers["content-disposition"]
    first, second = csv.DictReader(io.StringIO(file.text))
    assert (first["rule"], first["value"], first["layer"]) == ("diverged", "Infinity", "")
    assert (second["sentence"], second["evidence_first"]) == ("hidden1: half are dead.", "26")
    assert web.get("/api/runs/999/findings").status_code == 404
    assert web.get("/api/runs/999/findings.csv").status_code == 404


def test_findings_are_pushed_when_they_come(engine: Engine, serve: Any, found: Any) -> None:
    with connect(f"ws://{serve(engine)}/api/live", compression=None) as connection:

        def until_findings() -> dict[str, Any]:
            while True:
                text = connection.recv(60)
                if isinstance(text, str) and (message := json.loads(text))["type"] == "findings":
                    return message

        connection.send(json.dumps({"type": "watch", "run": found.run_id}))
        store_findings(engine, found.run_id, [], 25)
        assert until_findings()["findings"] == []
        store_findings(engine, found.run_id, found.found, 50)
        message = until_findings()
        assert (message["run"], len(message["findings"])) == (found.run_id, 2)


def test_the_terminal_says_what_was_found_where_and_what_to_try(engine: Engine, found: Any) -> None:
    store_findings(engine, found.run_id, found.found, 100)
    url = ["--database", str(engine.url)]
    done = CliRunner().invoke(app, ["diagnose", str(found.run_id), *url])
    assert done.stdout.splitlines() == [
        "Findings: 2.",
        "- Diverged",
        "  BatchNorm, seed 0, step 5: It diverged.",
        "  To try: Try that.",
        "- Dead units",
        "  none, hidden1, seed 0, steps 1 to 100: hidden1: half are dead.",
        "  To try: Try this.",
    ]
    queue.end(engine, found.run_id, "finished")
    again = CliRunner().invoke(app, ["diagnose", str(found.run_id), "--again", *url])
    assert again.stdout == "Findings: none.\n"  # it has no records


def test_a_webhook_tells_of_findings_and_of_the_end_whatever_the_receiver_answers(
    engine: Engine,
    found: Any,
    receiver: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, taken = receiver
    monkeypatch.setattr(webhook, "LOOK_SECONDS", 0.02)
    store_findings(engine, found.run_id, found.found[:1], 50)
    hook = webhook.Webhook(engine, f"{url}/unwell", "http://here")
    assert hook.look() == []  # what was before is not told
    hook.start()

    def wait_for(count: int) -> None:
        deadline = time.monotonic() + 60
        while len(taken) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(taken) == count

    store_findings(engine, found.run_id, found.found, 100)
    wait_for(1)
    store_import(engine, "Mine", {}, [Measurement(0, "loss", "a", 1, 2)])
    queue.end(engine, found.run_id, "failed", "No memory.")
    wait_for(2)
    hook.end()
    new, end = taken
    assert (new["event"], new["run"]["id"], new["run"]["status"]) == (
        "findings", found.run_id, "running",
    )  # fmt: skip
    assert [one["rule"] for one in new["findings"]] == ["diverged"]
    assert new["address"] == f"http://here/runs/{found.run_id}?tab=findings"
    assert (end["event"], end["run"]["error"], end["findings"]) == ("failed", "No memory.", [])
    whose = f"Run {found.run_id}, {new['run']['name']}: "
    assert new["content"] == f"{whose}{new['findings'][0]['title']} {new['address']}"
    assert end["content"] == f"{whose}failed. No memory. http://here/runs/{found.run_id}"
    assert (new["text"], end["text"]) == (new["content"], end["content"])
    run = read.run(engine, found.run_id)
    run.name = "<!channel> & @everyone"
    called = webhook.event(run, "finished")
    assert "&lt;!channel&gt; &amp; @everyone" in called["text"] and "&lt;" not in called["content"]
    assert called["allowed_mentions"] == {"parse": []}
    assert "The webhook did not take findings of run" in caplog.text
    webhook.post(f"{url}/moved", end)  # following it would leave out what is told
    assert "did not take failed of run" in caplog.text and "302" in caplog.text


def test_a_receiver_that_drips_its_answer_is_left_after_the_limit(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 0.3)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(65_536)
                with contextlib.suppress(OSError):  # who was sent it has left
                    while not over.wait(0.05):
                        taken.sendall(b"H")  # each read is in time

        dripping = threading.Thread(target=drip)
        dripping.start()
        content = {"event": "failed", "run": {"id": 7}}
        webhook.post(f"http://127.0.0.1:{listening.getsockname()[1]}", content)
        over.set()  # until now it went on
        dripping.join()
    assert "did not take failed of run 7: it did not answer within 0.3 s" in caplog.text


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("here", ""),
        ("http://[::1", "; Invalid IPv6 URL"),
        ("http://a:99999/x", "; Port out of range 0-65535"),
        ("http:///x", ""),
        ("https://a b/", ""),
    ],
)
def test_an_address_that_nothing_can_be_posted_to_is_refused_in_words(
    address: str, why: str
) -> None:
    with pytest.raises(SetupProblem) as error:
        load_settings(webhook=address)
    assert str(error.value) == (
        "--webhook (or SHIFTSCOPE_WEBHOOK): expected an address such as "
        f"https://example.org/hook{why}, got {address!r}."
    )
