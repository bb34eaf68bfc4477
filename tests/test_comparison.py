"""Runs beside each other: lines, means with intervals, settings; over HTTP and as text."""

import csv
import io
import math
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from shiftscope.db import edit, queue
from shiftscope.db.averages import Average, Points, average, averages
from shiftscope.db.comparison import MOST_RUNS, Compared, compared, layer_names
from shiftscope.db.engine import writing
from shiftscope.db.errors import InvalidExperiment
from shiftscope.db.importing import store_import
from shiftscope.db.intervals import mean, means
from shiftscope.db.outcomes import line_outcome, network_outcome, target_of
from shiftscope.db.parsing import setting_paths
from shiftscope.db.study import Study
from shiftscope.db.tables import Run
from shiftscope.server.cli import app

SLOW = {0: 0.1, 500: 0.2, 1000: 0.95}
QUICK = {0: 0.1, 200: 0.8, 400: 1.0, 1000: 0.96}
Evaluated = Callable[..., int]


@pytest.fixture
def evaluated(engine: Engine, make_run: Any) -> Evaluated:
    """Makes a finished run of `none`, slow, and `BatchNorm`, quick, and gives its number."""

    def make(*, quick: dict[int, float] = QUICK, steps: int = 1_000, **settings: Any) -> int:
        run = make_run(engine, steps=steps, **settings)
        for (network_id, _), points in zip(run.networks, (SLOW, quick), strict=True):
            columns = {"step": list(points), "test_accuracy": list(points.values())}
            run.writer.add("evaluations", {"network_id": network_id}, columns)
        run.append(steps)
        queue.end(engine, run.run_id, "finished")
        return run.run_id

    return make


def labels(found: Compared) -> list[str]:
    return [line.label for line in found.lines]


def points(step: list[int], low: list[float], high: list[float] | None = None) -> Points:
    values = np.array(low, np.float64)
    steps = np.array(step, np.int64)
    most = values if high is None else np.array(high, np.float64)
    return Points(steps, steps, values, most, np.isnan(values))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 16])
def test_many_means_have_the_intervals_of_each(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 7))
    values[0, 3], values[0, 4] = math.nan, math.inf
    for column, found in zip(values.T, zip(*means(values), strict=True), strict=True):
        one = mean(column.tolist())
        ends = [math.nan if end is None else end for end in (one.low, one.high)]
        assert found == pytest.approx((one.value, *ends), rel=1e-12, nan_ok=True)


def test_a_mean_is_where_all_networks_have_a_value() -> None:
    found = average(
        [points([0, 10, 20, 30], [1, 2, 3, 4]), points([0, 20, 40], [3, 5, 9]), None], 1
    )
    assert (found.step.tolist(), found.mean.tolist()) == ([0, 20], [2, 4])
    assert (found.networks, found.lacking, found.left_out) == (2, 1, 3)
    assert found.least is None and (found.low < found.mean).all() and (found.high > 2).all()


def test_of_buckets_the_middle_is_averaged_and_a_spike_is_kept() -> None:
    one = points([4, 8], [1, 0], [3, 100])
    other = points([5, 9], [5, 2], [7, 4])  # the same buckets of 4 steps
    found = average([one, other], 4)
    assert (found.step.tolist(), found.last_step.tolist()) == ([4, 8], [5, 9])
    assert found.mean.tolist() == [4, 26.5]
    assert found.least is not None and found.least.tolist() == [1, 0]
    assert found.most is not None and found.most.tolist() == [7, 100]
    broken = average([points([4, 8], [math.nan, 1]), points([4, 8], [1, 1])], 4)
    assert math.isnan(broken.mean[0]) and broken.mean[1] == 1
    nowhere = average([None, points([], []), points([4], [1])], 4)
    assert (nowhere.networks, nowhere.lacking, nowhere.left_out) == (2, 1, 1)
    assert nowhere.mean.tolist() == []


def test_lines_are_arms_of_runs_of_settings_or_of_all_runs(
    engine: Engine, evaluated: Evaluated
) -> None:
    slow = evaluated(optimizer={"lr": 0.5}, seeds=[0])
    low = evaluated(optimizer={"lr": 0.1}, seeds=[0])
    again = evaluated(optimizer={"lr": 0.1}, seeds=[0], steps=1_200)
    runs = [slow, low, again]
    by_run = compared(engine, [*runs, slow])
    assert labels(by_run) == [f"#{run} {arm}" for run in runs for arm in ("none", "BatchNorm")]
    assert by_run.groups == ("optimizer.lr", "steps") and by_run.notes == ()
    by_rate = compared(engine, runs, "optimizer.lr")
    assert labels(by_rate) == [
        f"lr {lr} · {arm}" for lr in ("0.1", "0.5") for arm in ("none", "BatchNorm")
    ]
    first = by_rate.lines[0]
    assert (first.repeats, first.runs) == (1, [again]), "what repeats counts once, the longer one"
    assert "2 networks repeat others" in by_rate.notes[0]
    by_arm = compared(engine, runs, "arm")
    assert labels(by_arm) == ["none", "BatchNorm"]
    assert by_arm.lines[0].varying == ("optimizer.lr", "steps")
    with pytest.raises(InvalidExperiment, match="No run here has the setting nothing"):
        compared(engine, runs, "nothing")


def test_every_database_is_read_alike_and_a_nan_is_no_lack(
    any_engine: Engine, make_run: Any
) -> None:
    runs = [make_run(any_engine, steps=64, batch_size=size) for size in (60, 70)]
    for run, last in zip(runs, (2.0, math.nan), strict=True):
        run.append(64, shift_w1=[None] + [1.0] * 62 + [last])
    found = compared(any_engine, [run.run_id for run in runs], "arm")
    assert layer_names(any_engine, found.members) == {"hidden1": 4, "hidden2": 4}
    exact, _ = averages(any_engine, found.lines, "layer_records", "shift_w1", layer="hidden2")
    assert exact.step.tolist() == list(range(2, 65)) and exact.left_out == 0
    assert exact.mean[:-1].tolist() == [1.0] * 62 and math.isnan(exact.mean[-1])
    coarse, _ = averages(
        any_engine, found.lines, "layer_records", "shift_w1", layer="hidden2", width=32
    )
    assert coarse.step.tolist() == [1, 32, 64], "a bucket begins at its first record"
    assert coarse.mean[:2].tolist() == [1.0, 1.0] and math.isnan(coarse.mean[2])


@pytest.mark.parametrize("count", [1, 2])
def test_no_evaluation_is_lost_in_a_bucket(
    engine: Engine, evaluated: Evaluated, count: int
) -> None:
    curve = dict.fromkeys(range(10, 1_001, 10), 0.5)
    for rate in range(1, count + 1):
        evaluated(optimizer={"lr": rate}, quick={**curve, 60: 0.0, 80: 0.9, 990: math.nan})
    line = compared(engine, range(1, count + 1), "arm").lines[1]
    table = ("evaluations", "test_accuracy")
    exact, coarse = (averages(engine, [line], *table, width=width)[0] for width in (1, 32))
    assert exact.step.tolist() == list(curve) and exact.least is None
    assert coarse.step.tolist()[:4] == [10, 40, 70, 100] and len(coarse.step) == 1_000 // 32 + 1
    assert coarse.last_step.tolist()[:4] == [30, 60, 90, 120] and coarse.networks == count
    assert coarse.mean[:3].tolist() == [0.5, 0.25, 0.7] and math.isnan(coarse.mean[30])
    assert coarse.least is not None and coarse.least[:3].tolist() == [0.5, 0.0, 0.5]
    assert coarse.most is not None and coarse.most[:3].tolist() == [0.5, 0.5, 0.9]
    (part,) = averages(engine, [line], *table, first=60, last=80)
    assert part.step.tolist() == [60, 70, 80] and part.mean.tolist() == [0.0, 0.5, 0.9]


def test_a_range_of_steps_is_read_alone_and_at_every_width_with_its_spike(
    any_engine: Engine, make_run: Any
) -> None:
    runs = [make_run(any_engine, steps=steps, batch_size=60 + steps % 7) for steps in (2048, 300)]
    for run, steps in zip(runs, (2048, 300), strict=True):
        spiked = [9.0 if step == 2_000 else 1.0 for step in range(1, steps + 1)]
        run.append(steps, shift_w1=spiked)
    lines = compared(any_engine, [run.run_id for run in runs]).lines[::2]
    asked = ("layer_records", "shift_w1")

    def read(first: int, last: int | None, width: int) -> list[Any]:
        part = {"first": first, "last": last, "width": width}
        return averages(any_engine, lines, *asked, layer="hidden1", **part)

    for width in (1, 4, 64):
        long, short = read(1_990, None, width)
        assert long.step[0] == 1_990 // width * width and long.last_step[-1] == 2048
        assert (long.mean if width == 1 else long.most).max() == 9.0
        assert (short.networks, short.lacking, len(short.step)) == (1, 0, 0), "it had ended"
    within, other = read(100, 120, 1)
    assert within.step.tolist() == other.step.tolist() == list(range(100, 121))


@pytest.mark.parametrize("width", [1, 16])
@pytest.mark.parametrize(
    ("table", "statistic", "layer"),
    [
        ("layer_records", "shift_w1", "hidden1"),
        ("network_records", "loss", None),
        ("evaluations", "test_accuracy", None),
    ],
)
def test_a_zoom_draws_no_mean_behind_the_end_of_the_first_network(
    engine: Engine, make_run: Any, table: str, statistic: str, layer: str | None, width: int
) -> None:
    runs = [make_run(engine, steps=steps, batch_size=60 + steps) for steps in (512, 256)]
    for value, (run, steps) in enumerate(zip(runs, (512, 256), strict=True)):
        for network_id, _ in run.networks:
            taken = list(range(0, steps + 1, 32))
            curve = {"step": taken, "test_accuracy": [float(value)] * len(taken)}
            run.writer.add("evaluations", {"network_id": network_id}, curve)
        run.append(steps, shift_w1=[float(value)] * steps)
    (line, _) = compared(engine, [run.run_id for run in runs], "arm").lines

    def read(first: int, last: int | None) -> Average:
        part: dict[str, Any] = {"layer": layer, "first": first, "last": last, "width": width}
        return averages(engine, [line], table, statistic, **part)[0]

    whole, behind, across = read(0, None), read(320, 512), read(192, 400)
    for found in (whole, behind, across):
        assert (found.networks, found.lacking) == (2, 0)
    assert whole.step[-1] == 256, "where the first of them ends"
    assert len(behind.step) == 0 and behind.left_out > 0
    within = whole.step >= 192
    assert across.step.tolist() == whole.step[within].tolist()
    assert across.mean.tolist() == whole.mean[within].tolist()
    assert across.left_out > 0


def test_what_an_arm_overrides_is_its_setting(engine: Engine, make_run: Any) -> None:
    run = make_run(engine, arms=["a", "b"], optimizer={"lr": 0.1}).run_id
    arms = [{"name": "a", "norm": "none", "lr": 2}, {"name": "b", "norm": "none"}]
    other = make_run(engine).run_id
    experiment = {"arms": arms, "optimizer": {"lr": 0.1}}
    with writing(engine) as connection:
        connection.execute(update(Run).where(Run.id == run).values(experiment=experiment))
    found = compared(engine, [run, other], "optimizer.lr")
    assert labels(found)[-1] == "lr 2 · a"
    differing = {(one.arm, one.path): one for one in found.settings.settings}
    assert differing[None, "arms"].values == (["a", "b"], ["none", "BatchNorm"])
    assert (None, "optimizer.lr") not in differing, "the runs' own rates are equal"


def test_steps_to_a_target_with_an_interval_or_in_words(
    engine: Engine, evaluated: Evaluated, make_run: Any
) -> None:
    runs = [
        evaluated(seeds=[0]),
        evaluated(seeds=[1], quick={0: 0.1, 400: 0.9}, optimizer={"lr": 0.2}),
        evaluated(seeds=[2], quick={0: 0.1, 1000: 0.5}, optimizer={"lr": 0.3}),
    ]
    found = compared(engine, runs[:2], "arm")
    slow, quick = (line_outcome(line, 0.9) for line in found.lines)
    assert slow.words == "967 steps (967 to 967)", "at 500 + 500 · 0.7 / 0.75"
    assert quick.steps_to_target is not None and quick.reached == quick.networks == 2
    assert quick.steps_to_target.value == pytest.approx(math.sqrt(300 * 400))
    assert quick.best_accuracy is not None and quick.best_accuracy.value == pytest.approx(0.95)
    assert target_of(found) == (0.9, False) and target_of(found, 0.5) == (0.5, False)
    some = compared(engine, runs, "arm").lines[1]
    assert line_outcome(some, 0.9).words == "with 2 of 3 networks"
    never = compared(engine, runs[2:]).lines[1]
    assert line_outcome(never, 0.9).words == "never in 1,000 steps"
    assert line_outcome(never, 0.1).words == "from the start"
    assert network_outcome(never.members[0], 0.9).steps_to_target is None
    running = compared(engine, [make_run(engine).run_id])
    assert [line_outcome(line, 0.9).words for line in running.lines] == ["not evaluated"] * 2
    assert "no accuracy on a test set" in running.notes[0]


def test_a_run_without_what_is_compared_is_named(
    engine: Engine, evaluated: Evaluated, make_watched: Any
) -> None:
    study = queue.enqueue(engine, Study(name="A study", study="added_bias"), "redundant-bias")
    watched = make_watched(engine, {"model": ["hidden1"]})
    watched.append(10, shift_w1=[0.5] * 10)
    imported = store_import(engine, "Elsewhere", {"seeds": [0]}, [])
    found = compared(engine, [evaluated(), study, watched.run_id, imported])
    assert [note.split(":")[0] for note in found.notes] == [
        f"Run {study} is a study",
        f"Run {watched.run_id} has no accuracy on a test set",
        f"Run {imported} was imported",
    ]
    shift = averages(engine, found.lines, "layer_records", "shift_w1", layer="hidden1")
    assert [(one.networks, one.lacking) for one in shift] == [(0, 1), (0, 1), (1, 0)]
    settings = {one.path for one in found.settings.settings if one.arm is None}
    assert settings == {"dataset", "batch_size", "seeds", "arms"}, "not what only one source has"


def test_a_comparison_over_http(web: httpx.Client, evaluated: Evaluated) -> None:
    runs = [evaluated(seeds=[0]), evaluated(seeds=[1], optimizer={"lr": 0.2})]
    numbers = ",".join(map(str, runs))
    found = web.get("/api/comparison", params={"runs": numbers, "group": "optimizer.lr"}).json()
    assert [run["id"] for run in found["runs"]] == runs and found["ended"]
    assert [line["words"] for line in found["lines"]] == ["967 steps", "300 steps"] * 2
    assert [one["settings"]["optimizer.lr"] for one in found["networks"]] == [0.1, 0.1, 0.2, 0.2]
    assert [(one["path"], one["values"]) for one in found["settings"]] == [
        ("optimizer.lr", [0.1, 0.2]),
        ("seeds", [[0], [1]]),
    ]
    assert found["layers"] == [{"name": f"hidden{at}", "networks": 4} for at in (1, 2)]

    asked = {"runs": numbers, "table": "network_records", "statistic": "loss", "group": "arm"}
    lines = web.get("/api/comparison/lines", params={**asked, "points": 100}).json()
    assert lines["width"] == 32 and lines["lines"][0]["networks"] == 2
    assert lines["lines"][0]["step"][:3] == [1, 32, 64]
    assert lines["lines"][0]["mean"][1] == pytest.approx((1 / 32 + 1 / 63) / 2)
    rows = list(
        csv.DictReader(io.StringIO(web.get("/api/comparison/lines.csv", params=asked).text))
    )
    assert len(rows) == 2 * 1_000 and float(rows[99]["mean"]) == 0.01
    part = {**asked, "first": 500, "last": 549}
    lines = web.get("/api/comparison/lines", params={**part, "points": 100}).json()
    assert lines["width"] == 1 and lines["lines"][0]["step"] == [*range(500, 550)]
    assert lines["lines"][0]["least"] is None and lines["lines"][0]["mean"][1] == 1 / 501
    text = web.get("/api/comparison/lines.csv", params=part).text
    assert list(csv.DictReader(io.StringIO(text))) == rows[499:549] + rows[1499:1549]
    foreign = {**asked, "layer": 'λ"'}
    assert web.get("/api/comparison/lines.csv", params=foreign).status_code == 200
    text = web.get("/api/comparison.csv", params={"runs": numbers, "target": 0.8}).text
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["line"] for row in table][:2] == [f"#{runs[0]} none", f"#{runs[0]} BatchNorm"]
    assert float(table[1]["steps_to_target"]) == pytest.approx(200)
    assert table[1]["steps_to_target_low"] == "", "one network has no interval"
    text = web.get("/api/comparison/networks.csv", params={"runs": numbers, "target": 0.8}).text
    table = list(csv.DictReader(io.StringIO(text)))
    assert [(row["run"], row["arm"], row["optimizer.lr"]) for row in table] == [
        (str(run), arm, lr)
        for run, lr in zip(runs, ("0.1", "0.2"), strict=True)
        for arm in ("none", "BatchNorm")
    ]
    assert float(table[1]["steps_to_target"]) == pytest.approx(200)


def test_what_cannot_be_compared_is_refused(
    web: httpx.Client, engine: Engine, evaluated: Evaluated
) -> None:
    run = evaluated()
    many = ",".join(str(number) for number in range(1, MOST_RUNS + 2))
    loss = {"table": "network_records", "statistic": "loss"}
    for path, asked, status, words in (
        ("", {"runs": "7"}, 404, "no run 7"),
        ("", {"runs": "9999999999"}, 404, "no run 9999999999"),
        ("", {"runs": many}, 422, "expected 1 to 100 runs to compare, got 101."),
        ("", {"runs": "1,x"}, 422, "runs"),
        ("", {"runs": "1", "target": "0"}, 422, "target"),
        ("", {"runs": "1", "group": "lr"}, 422, "No run here has the setting lr"),
        ("/lines", {"runs": "1", **loss, "statistic": "lost"}, 404, "no statistic 'lost'"),
        ("/lines", {"runs": "1", **loss, "table": "layer_records"}, 422, "layer: is required"),
        ("/lines", {"runs": "1", **loss, "table": "ensemble_records"}, 422, "table"),
        ("/lines", {"runs": "1", **loss, "layer": "a\0"}, 422, "layer"),
        ("/lines", {"runs": "1", **loss, "first": "-1"}, 422, "first"),
        ("/lines.csv", {"runs": "1", **loss, "last": "late"}, 422, "last"),
    ):
        answer = web.get(f"/api/comparison{path}", params=asked)
        assert answer.status_code == status and words in answer.json()["detail"], answer.text
    edit.remove(engine, [run])
    assert "is deleted" in web.get("/api/comparison", params={"runs": "1"}).json()["detail"]


def test_a_comparison_in_the_terminal(engine: Engine, evaluated: Evaluated) -> None:
    runs = [str(evaluated()), str(evaluated(optimizer={"lr": 0.2}))]
    shown = CliRunner().invoke(app, ["compare", *runs, "--database", str(engine.url)])
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert ["#1", "none", "1", "967", "steps", "95.0", "95.0"] in lines
    assert ["optimizer.lr", "0.1", "0.2"] in lines
    assert f"Settings that are equal: {len(setting_paths()) - 3}." in shown.output
