"""A report of runs: everything in one small file, no spike lost, every name escaped."""

import json
import math
import re
from html import escape, unescape
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from shiftscope.db import queue
from shiftscope.db.errors import NotFound, SetupProblem
from shiftscope.db.study import Measurement, Quantity
from shiftscope.server.cli import app
from shiftscope.server.imports import import_path
from shiftscope.server.report_charts import quantity_charts
from shiftscope.server.run_report import run_report


def charts_of(html: str) -> dict[str, dict[str, Any]]:
    charts = json.loads(html.split('id="charts">')[1].split("</script>")[0])
    return {chart["id"]: chart for chart in charts}


def text_of(html: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", html.split("<script")[0]))


def long_run(engine: Engine, make_run: Any, **settings: Any) -> Any:
    """4,000 steps with a spike of one step in a shift and a NaN in a gradient."""
    run = make_run(engine, **settings)
    run.begin()
    wave = np.sin(np.arange(4_000) / 100)
    spiked, broken = np.zeros(4_000), np.ones(4_000)
    spiked[2_345] = 7.0
    broken[580] = math.nan
    run.append(4_000, p15=wave - 1, p50=wave, p85=wave + 1, shift_from_start=spiked,
               weight_grad_norm=broken, mean_drift=broken + 1, var_drift=broken)  # fmt: skip
    queue.end(engine, run.run_id, "finished")
    return run


def test_a_report_has_everything_in_one_small_file(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = long_run(engine, make_run)
    answer = web.get(f"/api/runs/{run.run_id}/report.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    html = answer.text
    assert len(answer.content) < 10_000_000
    assert not re.search(r"(?:src|href)=\"(?!#)", html.split("<script")[0])
    text = text_of(html)
    for part in (f"#{run.run_id} A run", "Shift", "Gradients", "Running statistics", "hidden2",
                 "optimizer.lr", "seeds", "arms.1.name"):  # fmt: skip
        assert part in text, part
    charts = charts_of(html)
    assert {"run-accuracy", "run-test-loss", "run-loss", "layer0-fan-1"} <= charts.keys()
    shift = charts["layer1-shift_from_start"]
    assert [line["name"] for line in shift["lines"]] == ["none", "BatchNorm"]
    assert all(max(line["y"]) == 7.0 and len(line["y"]) <= 1_000 for line in shift["lines"])
    gradient = charts["layer0-weight_grad_norm"]
    found = re.findall(r"(\w+): NaN, infinite or beyond ±1e307 first at steps ([\d,]+) to ([\d,]+)",
                       gradient["shows"])  # fmt: skip
    assert [arm for arm, *_ in found] == ["none", "BatchNorm"]
    assert all(
        int(first.replace(",", "")) <= 581 <= int(last.replace(",", "")) for _, first, last in found
    )
    band, median = charts["layer0-fan-0"]["lines"]
    assert min(band["y"]) == pytest.approx(-2, abs=0.01)
    assert max(band["to"]) == pytest.approx(2, abs=0.01)
    assert charts["layer0-fan-0"]["range"] == charts["layer0-fan-1"]["range"]
    assert len(median["x"]) == len(median["y"])


def test_several_runs_stand_side_by_side(
    web: httpx.Client, engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    runs = [long_run(engine, make_run).run_id for _ in range(2)]
    file = tmp_path / "report.html"
    arguments = ["report", *map(str, runs), "--output", str(file), "--database", str(engine.url)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    html = file.read_text("utf-8")
    lines = charts_of(html)["layer0-shift_from_start"]["lines"]
    assert [line["name"] for line in lines] == [
        f"#{run} {arm}" for run in runs for arm in ("none", "BatchNorm")
    ]
    assert [line["color"] for line in lines] == [0, 1, 2, 3]
    assert text_of(html).count("verdict") == 2
    assert web.get(f"/api/runs/{runs[0]}/report.html?beside=99").status_code == 404


def test_a_report_of_what_is_not_there_or_too_much_is_refused(
    engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    assert "The run" not in run_report(engine, [run.run_id, run.run_id])
    with pytest.raises(NotFound, match="There is no run 99"):
        run_report(engine, [99])
    with pytest.raises(SetupProblem, match="at most 8 runs, got 9"):
        run_report(engine, list(range(1, 10)))


def test_an_arm_that_diverged_does_not_flatten_the_others(engine: Engine, make_run: Any) -> None:
    run = make_run(engine)
    for (network_id, _), last in zip(run.networks, (0.5, 1e28), strict=True):
        losses = {"step": [0, 10, 20], "test_loss": [2.3, 1.0, last]}
        run.writer.add("evaluations", {"network_id": network_id}, losses)
    run.append(20)
    charts = charts_of(run_report(engine, [run.run_id]))
    assert charts["run-test-loss"]["log_y"] and not charts["run-loss"]["log_y"]


def test_every_name_in_a_report_is_escaped(
    engine: Engine, make_watched: Any, tmp_path: Path
) -> None:
    hostile = "</script><script>alert(1)</script>$title"
    run = make_watched(engine, {hostile: [hostile]}, name=hostile, program=hostile)
    run.append(5, p15=[0.0] * 5, p50=[1.0] * 5, p85=[2.0] * 5)
    (tmp_path / "log.csv").write_text(f"step,{hostile}\n1,2\n")
    imported = import_path(engine, tmp_path / "log.csv", hostile).run_id
    html = run_report(engine, [run.run_id, imported])
    assert html.count("<script") == html.count("</script>") == 3
    assert hostile not in html and escape(hostile) in html
    assert charts_of(html)["layer0-fan-0"]["title"] == f"#{run.run_id} {hostile}"


def test_a_model_of_a_thousand_layers_has_a_small_report_that_says_what_it_leaves_out(
    engine: Engine, make_watched: Any
) -> None:
    run = make_watched(engine, {"model": [f"layer{at}" for at in range(1_000)]})
    run.append(3, p15=[0.0] * 3, p50=[1.0] * 3, p85=[2.0] * 3)
    html = run_report(engine, [run.run_id])
    assert len(html) < 10_000_000
    text = text_of(html)
    assert "400 of 1,000 layers, evenly chosen" in text
    assert "layer0 " in text and "layer999 " in text


def test_numbers_too_large_for_an_axis_are_no_points_and_counted() -> None:
    quantity = Quantity(name="loss", title="Loss", shows="It falls.", x="step", unit="")
    found = [Measurement(0, "loss", "a", x, y) for x, y in ((1, 1e308), (2, -1e308), (1e308, 1))]
    (chart,) = quantity_charts("run", [quantity], [*found, Measurement(0, "loss", "a", 3, 1e307)])
    assert [line["y"] for line in chart.lines] == [[None, None, 1e307]]
    assert chart.shows == "It falls. Not drawn: 3 NaN, infinite or beyond ±1e307."


def test_every_value_at_a_repeated_place_is_in_the_mean() -> None:
    quantity = Quantity(name="loss", title="Loss", shows="", x="step", unit="")
    found = [Measurement(0, "loss", "a", x, y) for x, y in ((1, 1), (2, 4), (1, 3))]
    (chart,) = quantity_charts("run", [quantity], found)
    assert [(line["seed"], line["y"]) for line in chart.lines] == [(0, [1, 3, 4]), (None, [2, 4])]
    assert chart.shows == "Thick: the mean of all values at a place; thin: each seed."
    (chart,) = quantity_charts("run", [quantity], [*found, Measurement(1, "loss", "a", 1, 8)])
    assert (chart.lines[-1]["x"], chart.lines[-1]["y"]) == ([1], [4])
