"""The page in a real Chromium: from a click to a CSV file, live, zoomed, themed, reconnected."""

import csv
import json
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import reserved
from playwright.sync_api import Browser, Download, Locator, Page, expect
from reproducing import FAST, SLOW, finished
from sqlalchemy import Engine
from sweeping import finish

from shiftscope.db import audit, edit, log, queue, read, sweeps
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.db.findings import Found, store_findings
from shiftscope.db.judge import judged
from shiftscope.db.reproduction import Decided, chosen
from shiftscope.db.study import Measurement
from shiftscope.db.sweep_parsing import parse_sweep
from shiftscope.db.write import append_measurements
from shiftscope.server.imports import import_path
from shiftscope.server.report import report
from shiftscope.server.run_report import run_report

pytestmark = pytest.mark.browser

SERVE = [sys.executable, "-c", "from shiftscope.server.cli import main; main()", "serve"]
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
TABS = (
    "overview",
    "shift",
    "gradients",
    "running-statistics",
    "findings",
    "settings",
    "log",
    "system",
)
DRAWN = """([chart, layer]) => {
  const all = [...document.querySelectorAll(`.plot[data-chart="${chart}"]`)];
  const plot = all.find((one) => !layer || one.dataset.layer === layer);
  const canvas = plot?.querySelector(".canvas");
  return (canvas?.data ?? []).map((trace) => ({
    x: Array.from(trace.x), y: Array.from(trace.y), mode: trace.mode, fill: trace.fill ?? "",
    symbol: trace.marker?.symbol ?? "",
    range: canvas.layout.xaxis.range, height: canvas.layout.yaxis.range,
  }));
}"""

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => window.shifts.push(...list.getEntries().map((one) => [one.value,
  ...one.sources.map(({ node, previousRect: from, currentRect: to }) =>
    `${node?.nodeName} ${node?.className} ${from.y}+${from.height} to ${to.y}+${to.height}`)])),
).observe({ type: "layout-shift", buffered: true });
"""

NOTIFICATIONS = """
window.told = [];
window.Notification = class {
  static permission = "default";
  static async requestPermission() { return (Notification.permission = "granted"); }
  constructor(title, { body }) { window.told.push([title, body]); }
};
window.leave = () => {
  Object.defineProperty(document, "hidden", { get: () => true });
  document.dispatchEvent(new Event("visibilitychange"));
};
"""

FITS = "document.documentElement.scrollWidth <= window.innerWidth"

SHOWN = """(readings) => readings.map((one) => {
  const [inner, outer] = [one, one.parentElement].map((each) => each.getBoundingClientRect());
  return { top: inner.top, bottom: outer.bottom,
    fits: inner.right <= outer.right + 1 && inner.bottom <= outer.bottom + 1 &&
      one.scrollWidth <= one.clientWidth + 1 };
}).filter(({ top, bottom }) => top < bottom - 1).map(({ fits }) => fits)"""


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end, none may have had an error that was not expected."""
    opened: list[tuple[Page, list[str]]] = []

    def open_page(size: dict[str, int] = WIDE, theme: Any = "light") -> Page:
        context = browser.new_context(
            viewport=size,  # type: ignore[arg-type]
            color_scheme=theme,
            accept_downloads=True,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda message: errors.append(message.text) if message.type == "error" else None,
        )
        opened.append((page, errors))
        return page

    yield open_page
    for page, errors in opened:
        page.context.close()
        # Chromium itself reports every answer that is not 2xx, and every lost connection.
        assert [
            e
            for e in errors
            if not re.search("status of 4(00|22)|WebSocket|ERR_(CONNECTION|EMPTY|SOCKET)", e)
        ] == []


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., tuple[str, subprocess.Popen[str]]]]:
    """Starts `shiftscope serve` on the data folder tmp_path; gives its address and process."""
    started: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> tuple[str, subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*SERVE, "--no-browser", "--data", str(tmp_path), *flags],
            env={key: value for key, value in os.environ.items() if "SHIFTSCOPE_" not in key},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None, "the server did not say where it is"
        return found[0], process

    yield start
    for process in started:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)


def drawn(page: Page, chart: str, layer: str | None = None) -> list[dict[str, Any]]:
    """The traces of a chart as Plotly has them."""
    return page.evaluate(DRAWN, [chart, layer])


def last_step(page: Page, chart: str = "train-loss") -> float:
    return max((trace["x"][-1] for trace in drawn(page, chart)), default=-math.inf)


def rows_of(file: Download) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(file.path().read_text("utf-8").splitlines()))


def wait_until(page: Page, condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        page.wait_for_timeout(50)


def heap_used(page: Page) -> float:
    """Bytes of the page's own heap, without what is garbage."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")


def hear(place: Locator) -> Callable[[], list[str]]:
    """What a place of the page says from now on, however briefly."""
    element = place.element_handle()
    element.evaluate(
        """(element) => {
          element.heard = [];
          new MutationObserver(() => element.heard.push(element.textContent))
            .observe(element, { childList: true, characterData: true, subtree: true });
        }"""
    )
    return lambda: element.evaluate("(element) => element.heard")


def status_of(page: Page) -> Locator:
    return page.locator(".run-header .status")


def test_a_run_from_the_first_click_to_a_csv_file(
    start_server: Callable[..., tuple[str, subprocess.Popen[str]]],
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    address, _ = start_server("--port", "0")
    page = open_page()
    page.goto(address)
    page.get_by_role("link", name="New", exact=True).click()
    page.get_by_role("link", name="MNIST, sigmoid, with and without").click()
    page.get_by_label("Dataset").select_option("digits")
    # The page takes digits by itself, under a name that says so, where a worker has no MNIST.
    page.get_by_label("Name", exact=True).fill("The first run")
    expect(page.locator(".cost .figure")).to_have_text(re.compile(r"\d"))

    # A value that is not allowed is marked beside its field, in the server's own words.
    steps = page.get_by_label("Steps", exact=True)
    steps.fill("0")
    expect(steps).to_have_attribute("aria-invalid", "true")
    schema = httpx.get(f"{address}/api/catalog", timeout=60).json()["entries"][0]["experiment"]
    refused = httpx.post(
        f"{address}/api/experiments/validate",
        json={"experiment": schema | {"steps": 0}},
        timeout=60,
    ).json()["errors"]
    assert [problem["field"] for problem in refused] == ["steps"]
    words = page.locator(f"[id='{steps.get_attribute('aria-describedby')}']")
    expect(words).to_have_text(refused[0]["message"])
    steps.fill("1000000")
    expect(steps).not_to_have_attribute("aria-invalid", "true")

    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/1")
    page.evaluate("window.sameDocument = true")
    wait_until(page, lambda: last_step(page) > 0, "the first records are drawn")
    seen = [last_step(page)]
    while len(seen) < 4:
        wait_until(page, lambda: last_step(page) > seen[-1], f"the curves pass {seen[-1]}")
        seen.append(last_step(page))
    assert page.evaluate("window.sameDocument"), "curves grow without a reload"

    page.reload()
    wait_until(page, lambda: last_step(page) >= seen[-1], "everything is there after a reload")
    assert drawn(page, "train-loss")[0]["x"][0] == 1, "from the first step on"
    after_reload = last_step(page)
    wait_until(page, lambda: last_step(page) > after_reload, "the curves grow on")

    page.get_by_role("button", name="Stop").click()
    expect(status_of(page)).to_have_text("stopped")
    stopped = httpx.get(f"{address}/api/runs/1", timeout=60).json()
    asked, ended = (datetime.fromisoformat(stopped[at]) for at in ("stop_asked_at", "ended_at"))
    assert asked <= ended and stopped["error"] is None, "it was not ended by force"
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()

    at = stopped["step"]
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_have_attribute("title", f"It goes on from step {at:,}")
    resume.click()
    wait_until(page, lambda: last_step(page) > at, "the curves go on where they were")
    page.get_by_role("button", name="Stop").click()
    expect(status_of(page)).to_have_text("stopped")
    expect(resume).to_be_visible()

    for table in ("layer_records", "network_records", "evaluations"):
        page.locator(".menu summary", has_text="Export").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=f"{table}.csv").click()
        download.value.save_as(tmp_path / f"{table}.csv")
        assert_same_as_database(tmp_path / f"{table}.csv", tmp_path / "shiftscope.db", table)

    page.get_by_role("link", name="Run again").click()
    expect(page.get_by_label("Steps", exact=True)).to_have_value("1000000")
    page.get_by_label("Steps", exact=True).fill("300")
    expect(page.locator(".setting.differs")).to_have_count(1)
    expect(page.locator(".setting.differs .was")).to_have_text("was 1000000")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/2")
    expect(status_of(page)).to_have_text("finished")
    wait_until(page, lambda: last_step(page) == 300, "the last step is drawn")
    page.get_by_role("link", name="Settings", exact=True).click()
    differing = page.locator("section", has_text="What differs from the catalog").first
    expect(differing.locator("tr.differs")).to_have_count(3)
    expect(differing).to_contain_text("300 steps")
    page.get_by_role("link", name="Log", exact=True).click()
    entries = page.locator(".entries tbody tr")
    expect(entries).to_have_text(
        [re.compile(words) for words in ("Queued", "Started by worker", "Loading digits",
                                         "Training begins on cpu: 2 networks",
                                         "The final weights have the SHA-256", "Finished")]
    )  # fmt: skip
    page.goto(page.url.replace("runs/2", "runs/1"))
    expect(page.locator(".entries")).to_contain_text("Asked to stop.")
    page.get_by_role("link", name="System", exact=True).click()
    wait_until(
        page,
        lambda: page.evaluate("""() => document.querySelector(
            "[data-quantity='cpu'] .canvas")?.data?.[0]?.y.some((cores) => cores > 0) ?? false"""),
        "the CPU is drawn",
    )


def test_the_settings_of_an_arm_are_chosen_in_the_form_and_shown_again(
    start_server: Callable[..., tuple[str, subprocess.Popen[str]]],
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    address, _ = start_server("--port", "0", "--no-worker")
    page = open_page()
    page.goto(f"{address}/new/mnist-sigmoid")
    page.get_by_label("Normalization of arm 2").select_option("whitening")
    page.get_by_label("Place of arm 2").select_option("after")
    page.get_by_label("γ, β of arm 2").uncheck()
    expect(page.locator(".overrides summary")).to_have_text(["Overrides nothing else"] * 2)
    page.locator(".overrides summary").nth(1).click()
    page.get_by_label("ε of arm 2").fill("0.25")
    page.get_by_label("Hidden layers of arm 2").fill("9, 8")
    page.get_by_label("Activation of arm 2", exact=True).select_option("relu")
    said = "Overrides ε 0.25, Hidden layers 9, 8, Activation relu"
    expect(page.locator(".overrides summary").nth(1)).to_have_text(said)
    table = page.locator(".table table")
    fits = "({ parentElement: box }) => box.scrollWidth <= box.clientWidth"
    assert table.evaluate(fits), "every setting is in sight"
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/1")
    experiment = httpx.get(f"{address}/api/runs/1", timeout=60).json()["experiment"]
    assert experiment["arms"][1] == {
        "name": "BatchNorm", "norm": "whitening", "norm_place": "after", "affine": False,
        "lrn": False, "per_activation": False, "weight_scale": 1, "bn_epsilon": 0.25,
        "hidden": [9, 8], "activation": "relu",
    } | dict.fromkeys(
        ("bn_momentum", "lr", "decay", "momentum", "weight_decay", "dropout", "weight_noise",
         "initialization", "initial_std")
    )  # fmt: skip

    # a run of a version that did not have these settings is shown, and run again, with defaults
    for arm in experiment["arms"]:
        for name in ("norm_place", "affine", "bn_epsilon", "bn_momentum"):
            del arm[name]
    del experiment["network"]["norm_groups"]
    with closing(sqlite3.connect(tmp_path / "shiftscope.db")) as database, database:
        database.execute("UPDATE runs SET experiment = ?", [json.dumps(experiment)])
    page.goto(f"{address}/new?again=1")
    expect(page.get_by_label("γ, β of arm 2")).to_be_checked()
    expect(page.get_by_label("Place of arm 2")).to_have_value("before")
    expect(page.get_by_label("Norm groups")).to_have_value("2")
    expect(page.locator(".setting.differs")).to_have_count(0)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/2")
    page.goto(f"{address}/runs/1?tab=settings")
    row = page.locator("tr:not(.differs)", has_text="whitening")
    expect(row).to_contain_text("before")
    expect(page.locator("tr", has_text="network.bn_epsilon")).to_contain_text("0.00001")
    expect(row).to_contain_text("9, 8")


def assert_same_as_database(file: Path, database: Path, table: str) -> None:
    """Every row of the file is a row of the table, in order, bit by bit."""
    with file.open(newline="", encoding="utf-8") as text:
        header, *rows = list(csv.reader(text))
    statistics = header[header.index("step") + 1 :]
    keys = ["network_id", *(["layer_id"] if "layer_id" in header else []), "step"]
    columns = [*keys, *statistics]
    with sqlite3.connect(database) as connection:
        names = ", ".join(f'"{column}"' for column in columns)
        stored = connection.execute(f"SELECT {names} FROM {table} ORDER BY {', '.join(keys)}")
        expected = stored.fetchall()
    connection.close()
    assert len(rows) == len(expected) > 10
    places = [header.index(column) for column in columns]
    for row, values in zip(rows, expected, strict=True):
        for place, value in zip(places, values, strict=True):
            assert reads_as(row[place], value), (row[:7], header[place], row[place], value)


def reads_as(text: str, value: float | str | None) -> bool:
    if value is None:
        return text == ""
    if value == "NaN":
        return text == "NaN"
    return float(text).hex() == float(value).hex()


def test_a_spike_of_one_step_in_50_000_is_drawn_live_and_at_rest(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=50_000)
    quiet = 0.1 + 0.01 * np.random.default_rng(0).random(50_000)
    quiet[31_414] = 250.0
    run.append(50_000, shift_w1=quiet.tolist())  # type: ignore[arg-type]
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")

    def highest() -> float:
        traces = drawn(page, "shift-step", "hidden1")
        return max((max(trace["y"]) for trace in traces), default=0)

    wait_until(page, lambda: highest() == 250, "the spike is drawn live")
    traces = drawn(page, "shift-step", "hidden1")
    assert all(len(trace["x"]) <= 500 for trace in traces)
    assert traces[0]["height"][1] >= 250, "the axis holds it"

    queue.end(engine, run.run_id, "finished")
    expect(status_of(page)).to_have_text("finished")
    wait_until(
        page,
        lambda: 500 < len(drawn(page, "shift-step", "hidden1")[0]["x"]) <= 2_000,
        "the run is drawn in full detail at rest",
    )
    assert highest() == 250
    at = int(np.argmax(drawn(page, "shift-step", "hidden1")[0]["y"]))
    assert abs(drawn(page, "shift-step", "hidden1")[0]["x"][at] - 31_415) < 64
    assert heap_used(page) < 100e6


def test_zoom_asks_for_finer_records_is_shared_by_all_charts_and_kept_in_the_address(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=20_000)
    run.append(20_000, shift_w1=np.sin(np.arange(20_000)).tolist())  # type: ignore[arg-type]
    queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")
    wait_until(page, lambda: last_step(page, "shift-step") == 20_000, "the run is drawn")
    plot = page.locator(".plot[data-chart='shift-step']").first
    plot.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    drag = plot.locator(".nsewdrag").first
    drag.hover()  # which waits until nothing moves any more
    box = drag.bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.58, y, steps=6)
    page.mouse.up()
    page.wait_for_url("**steps=*")
    first, last = (int(n) for n in page.url.rpartition("=")[2].split("-"))
    assert 9_000 < first < last < 12_000

    def steps_in_sight() -> list[float]:
        trace = drawn(page, "shift-step", "hidden1")[0]
        return [step for step in trace["x"] if first <= step <= last]

    wait_until(
        page,
        lambda: steps_in_sight() == [*range(first, last + 1)],
        "every record of the range is drawn",
    )

    def ranges(chart: str, layer: str) -> list[list[int]]:
        return [trace["range"] for trace in drawn(page, chart, layer)]

    for chart in ("fan", "shift-from-start", "shift-step"):
        wait_until(
            page,
            lambda chart=chart: all(one == [first, last] for one in ranges(chart, "hidden2")),
            f"{chart} has the same range",
        )
    page.reload()
    wait_until(
        page,
        lambda: ranges("shift-step", "hidden1")[:1] == [[first, last]],
        "the range is drawn again",
    )
    page.locator(".plot[data-chart='shift-step']").first.focus()
    page.keyboard.press("Escape")
    wait_until(
        page, lambda: drawn(page, "shift-step")[0]["range"] == [0, 20_000], "all steps are in sight"
    )
    expect(page).not_to_have_url(re.compile("steps="))


def test_what_is_no_number_is_marked_where_it_happened(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=40)
    values = [1.0] * 40
    values[11], values[20] = math.nan, math.inf
    run.writer.freeze(run.networks[0][0], diverged_step=12, frozen_step=30)
    run.append(40, activation_grad_norm=values)
    queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=gradients")

    def rugs() -> list[list[float]]:
        traces = drawn(page, "activation-gradient", "hidden1")
        return [trace["x"] for trace in traces if trace["symbol"] == "line-ns-open"]

    wait_until(page, lambda: bool(rugs()), "it is drawn")
    assert rugs() == [[12, 21], [12, 21]]
    words = page.locator(".plot[data-chart='activation-gradient'] .rugs").first
    expect(words).to_contain_text("none: NaN from step 12, ∞ from step 21")
    expect(page.locator(".nonfinite li")).to_have_text(
        [
            "none: layer hidden2, gradient at the preactivation, step 12, frozen after step 30",
            "BatchNorm: layer hidden2, gradient at the preactivation, step 12",
        ]
    )


def test_a_lost_connection_is_told_calmly_and_nothing_is_missed(
    start_server: Callable[..., tuple[str, subprocess.Popen[str]]],
    make_run: Callable[..., Any],
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'shiftscope.db'}")
    run = make_run(engine, steps=1_000)
    run.append(100)
    address, process = start_server("--no-worker", "--port", "0")
    page = open_page()
    with page.expect_response("**/api/system"):  # by which it knows a server that was restarted
        page.goto(f"{address}/runs/{run.run_id}")
    wait_until(page, lambda: last_step(page) == 100, "the first records are drawn")
    page.evaluate("window.sameDocument = true")
    told = hear(page.locator(".floating"))
    end(process)
    expect(page.locator(".live")).to_have_text("reconnecting")
    expect(page.locator(".floating")).to_contain_text("The server cannot be reached since")
    assert serious(page) == []
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wait_until(page, lambda: page.evaluate(FITS), "the page fits a narrow window")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    run.append(150)
    port = address.rpartition(":")[2]
    with reserved(int(port)):
        start_server("--no-worker", "--port", port)
    expect(page.locator(".live")).to_have_text("live")
    words = "The server was restarted."
    wait_until(page, lambda: any(words in one for one in told()), "it is told for some seconds")
    wait_until(page, lambda: last_step(page) == 250, "what came meanwhile is drawn")
    for trace in drawn(page, "train-loss"):
        assert trace["x"] == [*range(1, 251)], "no record twice, none missing"
    run.append(50)
    wait_until(page, lambda: last_step(page) == 300, "the curves grow on")
    assert page.evaluate("window.sameDocument")
    engine.dispose()


@pytest.mark.parametrize(
    ("size", "themes"),
    [(WIDE, ("light", "dark")), (NARROW, ("dark", "light"))],
    ids=["wide", "narrow"],
)
def test_every_view_fits_its_window_in_both_themes(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
    size: dict[str, int],
    themes: tuple[Literal["light", "dark"], Literal["light", "dark"]],
) -> None:
    """Opened in the first theme, where nothing keeps people out; then in the second one."""
    run = make_run(engine, arms=("none", "a long name of an arm", "BatchNorm"), steps=600)
    run.begin()
    run.append(600)
    queue.end(engine, run.run_id, "failed", "The disk is full: nothing more could be written.")
    (network_id, layer_ids), *_ = run.networks
    found = [dead_units(network_id, layer_id) for layer_id in layer_ids]
    store_findings(engine, run.run_id, found, 600)
    address = f"http://{serve(engine)}"
    page = open_page(size, themes[0])
    places = [*(f"/runs/{run.run_id}?tab={tab}" for tab in TABS), f"/new?again={run.run_id}"]
    audit.record(engine, "a name of a token that is as long as it may be", "edit run", [1], 403)
    for place in ("/", "/audit", "/new", "/new/mnist-sigmoid", *places):
        page.goto(address + place)
        expect(page.locator(".live")).to_have_text("live")
        expect(page.locator("main h1")).to_be_visible()
        if any(f"tab={tab}" in place for tab in ("overview", "shift", "gradients")):
            expect(page.locator(".plot .main-svg").first).to_be_attached()
        for theme in themes:
            page.emulate_media(color_scheme=theme)
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert wide <= room, f"{place} scrolls sideways"
            if theme == themes[0]:
                assert serious(page) == [], place
        page.emulate_media(color_scheme=themes[0])


def test_nothing_moves_while_records_stream_in(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=6_000)
    run.begin()
    run.append(40)
    address = f"http://{serve(engine)}/runs/{run.run_id}"
    overview, shift = open_page(NARROW), open_page()
    for page, tab in ((overview, "overview"), (shift, "shift")):
        page.add_init_script(SHIFTS)
        page.goto(f"{address}?tab={tab}")
        expect(page.locator(".plot .main-svg").first).to_be_attached()
        page.wait_for_load_state("networkidle")  # what it asks for first has come
        expect(page.locator(".nonfinite")).to_contain_text("No NaN or infinity")
    sentence = overview.locator(".verdict .sentence")
    expect(sentence).to_contain_text("in 0 steps")
    for page in (overview, shift):
        page.evaluate("shifts.length = 0")
    for reached in (0.31, 0.93):
        run.append(1_480)
        for at, (network_id, _) in enumerate(run.networks):
            found = {"step": [run.step], "test_accuracy": [reached - 0.2 * at], "test_loss": [0.5]}
            run.writer.add("evaluations", {"network_id": network_id}, found)
        run.writer.commit(run.step, overhead=0.018, waited=0.0, looked=run.step)
        for page in (overview, shift):
            words = page.locator(".run-header .words")
            expect(words).to_have_text(f"{run.step:,} of 6,000 steps")
        wait_until(
            overview, lambda: last_step(overview, "test-accuracy") == run.step, "it is drawn"
        )
    expect(sentence).to_contain_text("none did after")
    run.writer.freeze(run.networks[0][0], diverged_step=2_900, frozen_step=run.step)
    run.writer.commit(run.step, overhead=0.018, waited=0.0, looked=run.step)
    for page in (overview, shift):
        told = f"none: loss, step 2,900, frozen after step {run.step:,}"
        expect(page.locator(".nonfinite")).to_contain_text(told)
        moved = page.evaluate("shifts")
        assert sum(value for value, *_ in moved) < 0.001, f"{page.url}: {moved}"


def serious(page: Page) -> list[str]:
    """What axe-core finds on the page that keeps people out: rule and first element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]} {one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def test_a_comparison_is_zoomed_with_all_its_charts_and_read_with_the_keys(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    spiked = [9.0 if step == 3_001 else 1.0 for step in range(1, 6_001)]
    for size in (60, 61):
        run = make_run(engine, steps=6_000, batch_size=size)
        run.append(6_000, shift_w1=spiked)
        queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/compare?runs=1,2&group=arm&layer=hidden2")
    plot = page.locator(".plot[data-chart=layer]")
    words = page.locator(".compare-range .words")
    expect(words).to_have_text("steps 0–6,000")
    plot.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
    wait_until(
        page,
        lambda: any(trace["fill"] and 9.0 in trace["y"] for trace in drawn(page, "layer")),
        "a band of the whole runs holds the spike",
    )
    drag = plot.locator(".nsewdrag").first
    drag.hover()  # which waits until nothing moves any more
    box = drag.bounding_box()
    assert box is not None
    x, y = box["x"], box["y"] + box["height"] / 2
    page.mouse.move(x + box["width"] * 0.48, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] * 0.52, y, steps=6)
    page.mouse.up()
    page.wait_for_url("**steps=*")
    found = re.search(r"[?&]steps=(\d+)-(\d+)&", page.url)
    assert found is not None
    first, last = int(found[1]), int(found[2])
    assert 2_700 < first < 3_001 < last < 3_300

    def exact(chart: str) -> bool:
        shown = [trace for trace in drawn(page, chart) if not trace["fill"]]
        return bool(shown) and all(
            [step for step in trace["x"] if first <= step <= last] == [*range(first, last + 1)]
            for trace in shown
        )

    wait_until(page, lambda: exact("layer"), "every step in sight is drawn")
    spikes = [dict(zip(one["x"], one["y"], strict=True)) for one in drawn(page, "layer")]
    assert spikes[-1][3_001] == 9.0 and spikes[-1][3_000] == 1.0
    page.mouse.move(0, 0)
    plot.focus()
    page.keyboard.press("ArrowLeft")
    below = page.locator(".compare-plot", has=plot).locator(".below")
    expect(below).to_contain_text(f"step {last:,}")
    page.keyboard.press("ArrowLeft")
    expect(below).to_contain_text(f"step {last - 1:,}")
    expect(below).to_have_attribute("aria-live", "polite")
    page.keyboard.press("Home")
    expect(below).to_contain_text(f"step {first:,}")
    page.goto(page.url)
    expect(words).to_have_text(f"steps {first:,}–{last:,}")
    page.locator(".plot[data-chart=train-loss]").scroll_into_view_if_needed()
    wait_until(page, lambda: exact("train-loss"), "other charts show the same steps")
    page.keyboard.press("]")
    expect(words).not_to_have_text(f"steps {first:,}–{last:,}")
    page.keyboard.press("0")
    expect(words).to_have_text("steps 0–6,000")
    assert "steps=" not in page.url
    figure = page.locator(".compare-figure", has=page.locator(".plot[data-chart=train-loss]"))
    expect(figure.locator("figcaption .hint")).to_contain_text("steps the middle")


def test_runs_are_compared_grouped_and_chosen(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    rates = (0.1, 0.1, 0.5)
    for place, rate in enumerate(rates):
        run = make_run(engine, steps=600, optimizer={"lr": rate}, batch_size=60 + place)
        for at, (network_id, _) in enumerate(run.networks):
            reached = 0.5 + 0.1 * place + 0.2 * at
            columns = {"step": [0, 300, 600], "test_accuracy": [0.1, reached, 0.95]}
            run.writer.add("evaluations", {"network_id": network_id}, columns)
        run.append(600)
        queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}")
    page.get_by_label("Select run 1").check()
    page.get_by_role("toolbar").get_by_role("link", name="Compare").click()
    expect(page.locator(".chips li")).to_have_count(1)
    page.get_by_role("button", name="Leave out run 1").click()
    expect(page.get_by_text("Put runs beside each other")).to_be_visible()
    page.get_by_label("Add runs").fill("lr<1")
    page.get_by_label("Add runs").press("Enter")
    expect(page.locator(".chips li")).to_have_count(3)
    expect(page.get_by_role("row", name=re.compile("#1 none"))).to_contain_text("567 steps")
    wait_until(page, lambda: len(drawn(page, "test-accuracy")) == 6, "a line for each arm and run")

    page.get_by_label("A line for each").select_option("optimizer.lr")
    row = page.get_by_role("row", name=re.compile("lr 0.1 · none"))
    expect(row).to_contain_text("2 (2 runs)")
    expect(row).to_contain_text("batch_size")

    def filled(fill: bool) -> list[list[float]]:
        return [one["y"] for one in drawn(page, "test-accuracy") if bool(one["fill"]) is fill]

    wait_until(page, lambda: len(filled(True)) == 2, "two lines have bands")
    assert len(filled(False)) == 4 and filled(False)[0] == pytest.approx([0.1, 0.55, 0.95])
    page.get_by_label("Choose lr 0.5 · BatchNorm").check()
    expect(page).to_have_url(re.compile(r"runs=[123,]+&group=optimizer.lr&lines=3$"))
    wait_until(page, lambda: len(drawn(page, "test-accuracy")) == 4, "what is not chosen is faint")
    page.get_by_label("Charts").select_option("grid")
    plots = page.locator(".plot[data-chart=test-accuracy]")
    expect(plots).to_have_count(2)
    page.get_by_role("button", name="Menu of Training loss").click()
    menu = page.get_by_role("dialog", name="Chart")
    menu.get_by_text("Formula").click()
    expect(menu.locator("dt code")).to_have_text("loss")
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").click()
    rows = rows_of(download.value)
    assert len(rows) == 4 * 600 and rows[0]["line"] == "lr 0.1 · none"
    with page.expect_download() as download:
        menu.get_by_role("button", name="SVG").click()
    assert download.value.suggested_filename == "shiftscope-comparison-train-loss.svg"
    picture = download.value.path().read_text("utf-8")
    assert "lr 0.1" in picture and "lr 0.5" in picture and "Runs 1, 2, 3" in picture
    menu.get_by_role("button", name="Copy link").click()
    expect(menu.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "layout=grid" in link and "lines=3&chart=train-loss" in link
    page.goto(link)
    expect(page.locator(".plot[data-chart=train-loss]").first).to_be_focused()
    expect(page.get_by_label("Choose lr 0.5 · BatchNorm")).to_be_checked()
    expect(page.locator(".settings tr", has_text="optimizer.lr")).to_contain_text("0.5")
    # It is made anew when what is compared comes again, so it is looked for each time.
    seen = """() => {
      const plot = document.querySelector(".quantity .plot");
      plot?.scrollIntoView();
      return Boolean(plot?.querySelector(".main-svg"));
    }"""
    wait_until(page, lambda: page.evaluate(seen), "the outcomes are drawn")
    page.get_by_role("button", name="Menu of Best accuracy by learning rate").click()
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").click()
    rows = rows_of(download.value)
    assert [row["optimizer.lr"] for row in rows] == ["0.1"] * 4 + ["0.5"] * 2
    page.keyboard.press("Escape")
    assert serious(page) == []
    page.reload()
    expect(page.get_by_label("Choose lr 0.5 · BatchNorm")).to_be_checked()
    page.get_by_role("button", name="Leave out run 3").click()
    expect(page.get_by_role("row", name=re.compile("lr 0.1"))).to_have_count(2)
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wait_until(page, lambda: page.evaluate(FITS), "the page fits a narrow window")


def test_keys_do_what_the_page_says_they_do(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=600)
    run.begin()
    run.append(600)
    page = open_page()
    page.route("**/series", lambda _: None)
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}")
    expect(page.locator(".plot .main-svg").first).to_be_attached()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"steps=150-450"))  # before any record came
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile(r"steps="))
    page.unroute("**/series")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog.get_by_text("Zoom in")).to_be_visible()
    assert serious(page) == []
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    page.keyboard.press("2")
    expect(page.get_by_role("link", name="Shift", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    heat_map = page.locator(".plot[data-chart='heat-shift_from_start'] .main-svg")
    expect(heat_map.first).to_be_attached()
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile(r"steps="))
    page.keyboard.press("0")
    expect(page).not_to_have_url(re.compile(r"steps="))
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.keyboard.press("t")
    expect(page.get_by_label("Theme")).to_be_focused()


def dead_units(network_id: int, layer_id: int) -> Found:
    return Found(
        "dead_units", network_id, layer_id, 101, 600, "warning", "layer_records", "dead",
        0.9, 0.25, 301, 325, "hidden2: 90 % are dead.", "They stay so.", "Lower the rate.",
    )  # fmt: skip


def test_findings_are_counted_told_live_and_lead_to_their_charts(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=600, diagnosis={"silenced": ["stalled"]})
    run.begin()
    run.append(600, dead=[0.9] * 600)  # type: ignore[arg-type]
    (network_id, (_, layer_id)), _other = run.networks
    found = dead_units(network_id, layer_id)
    store_findings(engine, run.run_id, [], 300)
    page = open_page()
    page.add_init_script(NOTIFICATIONS)
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=findings")
    tab = page.locator(".tabs a[aria-current]")
    expect(page.locator(".findings")).to_contain_text("The rules found nothing so far.")
    expect(page.locator(".findings")).to_contain_text("Silenced in this run: Stalled.")
    expect(tab).to_have_text("Findings")
    store_findings(engine, run.run_id, [found], 600)
    expect(tab).to_have_text("Findings 1")
    card = page.get_by_role("article", name="Dead units")
    for words in ("warning", "none", "hidden2: 90 % are dead.", "They stay so.", "Lower the rate."):
        expect(card).to_contain_text(words)
    card.get_by_role("link").click()
    expect(page.locator(".tabs a[aria-current]")).to_have_text("Gradients")
    expect(page.locator(".range .words")).to_have_text("steps 251–375")
    expect(page).to_have_url(re.compile("layer=hidden2"))
    expect(chart_of(page, "dead", "hidden2")).to_be_focused()
    wait_until(
        page,
        lambda: any(one["y"] for one in page.evaluate(DRAWN, ["dead", "hidden2"])),
        "it is drawn",
    )
    (trace, *_) = page.evaluate(DRAWN, ["dead", "hidden2"])
    assert set(trace["y"]) == {0.9}
    page.get_by_role("link", name="Findings 1").click()
    page.get_by_role("button", name="Notify me").click()
    expect(page.get_by_role("button", name="Notify me")).to_have_attribute("aria-pressed", "true")
    page.evaluate("leave()")
    of_network = replace(found, rule="diverged", layer_id=None, sentence="It diverged.")
    store_findings(engine, run.run_id, [found, of_network], 600)
    wait_until(page, lambda: page.evaluate("told.length") == 1, "the finding is told")
    queue.end(engine, run.run_id, "failed", "The disk is full.")
    wait_until(page, lambda: page.evaluate("told.length") == 2, "the end is told")
    assert page.evaluate("told") == [
        [f"#{run.run_id} A run", "Diverged, none: It diverged."],
        [f"#{run.run_id} A run", "failed: The disk is full."],
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_reading_of_six_arms_is_cut(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
    size: dict[str, int],
) -> None:
    run = make_run(engine, arms=[f"arm {number}" for number in range(6)], steps=5_005)
    values = np.random.default_rng(0).lognormal(size=5_005).tolist()
    run.append(5_005, shift_w1=values, shift_from_start=values)  # type: ignore[arg-type]
    queue.end(engine, run.run_id, "finished")
    page = open_page(size)
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")
    for chart in ("shift-step", "shift-from-start"):
        plot = page.locator(f".plot[data-chart='{chart}']").first
        plot.scroll_into_view_if_needed()
        expect(plot.locator(".reading")).to_have_count(6)
        expect(plot.locator(".reading .value").first).to_have_text(re.compile(r"\d"))
        shown = plot.locator(".reading").evaluate_all(SHOWN)
        assert len(shown) >= 3
        assert all(shown), f"a reading of {chart} is cut"


def test_an_address_that_cannot_be_decoded_is_said_to_hold_nothing(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"http://{serve(engine)}/new/%")
    expect(page.get_by_text("There is nothing here")).to_be_visible()
    assert serious(page) == []


def test_charts_are_scrubbed_smoothed_subtracted_and_counted_otherwise_and_the_address_says_so(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=900)
    run.begin()
    run.append(900)
    queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}")
    wait_until(page, lambda: last_step(page) == 900, "the curves are drawn")
    slider = page.get_by_role("slider")
    slider.press("Home")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "step 2")
    page.wait_for_url("**?step=2")
    loss = page.locator('.plot[data-chart="train-loss"]')
    expect(loss).to_have_attribute("aria-label", re.compile("none 0.500; .* at step 2."))
    expect(loss.locator(".marker")).to_be_visible()
    page.keyboard.press(".")
    page.wait_for_url("**?step=3")
    page.get_by_role("button", name="Latest step").click()
    expect(loss.locator(".marker")).to_be_hidden()
    page.wait_for_url("**/runs/1")

    page.keyboard.press("v")
    page.get_by_label("Half-life").select_option("10 steps")
    wait_until(page, lambda: len(drawn(page, "train-loss")) == 4, "raw and smoothed of both arms")
    raw, smoothed, *_ = drawn(page, "train-loss")
    assert raw["y"] == [1 / step for step in range(1, 901)] and len(smoothed["y"]) == 900
    page.get_by_label("Half-life").select_option("off")
    page.get_by_label("Counts").select_option("examples")
    wait_until(page, lambda: last_step(page) == 900 * 60, "the axis counts examples")
    assert drawn(page, "train-loss")[0]["range"] == [0, 900 * 60]
    page.get_by_label("Arms minus none").check()
    wait_until(page, lambda: len(drawn(page, "train-loss")) == 1, "only the difference is drawn")
    assert set(drawn(page, "train-loss")[0]["y"]) == {0}
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="View", exact=True)).to_be_focused()
    page.wait_for_url("**?x=examples&smooth=0&difference=1")


def test_a_chart_is_taken_away_as_data_as_a_picture_and_as_a_link(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    run = make_run(engine, steps=600)
    odd = [math.nan if step == 580 else 1 / (1 + step) for step in range(600)]
    run.append(600, weight_grad_norm=odd)
    queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?smooth=30")
    page.get_by_role("link", name="none: layer hidden2, gradient of the weights, step 581").click()
    expect(chart_of(page, "weight-gradient", "hidden2")).to_be_focused()
    words = chart_of(page, "weight-gradient", "hidden2").locator(".rugs")
    expect(words).to_contain_text("NaN")  # its records have come
    page.get_by_role("button", name="Menu of hidden2, Gradient of the weights").click()
    menu = page.get_by_role("dialog")
    assert serious(page) == []
    menu.get_by_text("Formula").click()
    expect(menu.locator("dd")).to_have_text("‖∂L/∂W‖₂")
    files = {}
    for kind, role in {"csv": "link", "png": "button", "svg": "button"}.items():
        with page.expect_download() as download:
            menu.get_by_role(role, name=kind.upper()).click()  # type: ignore[arg-type]
        download.value.save_as(tmp_path / kind)
        files[kind] = (tmp_path / kind).read_bytes()
    header, *rows = csv.reader(files["csv"].decode().splitlines())
    assert header[-3:] == ["layer", "step", "weight_grad_norm"]
    assert {row[-3] for row in rows} == {"hidden2"} and len(rows) == 2 * (600 - 531 + 1)
    assert [row[-1] for row in rows if row[-2] == "581"] == ["NaN", "NaN"]
    assert files["png"].startswith(b"\x89PNG") and len(files["png"]) > 10_000
    assert b"hidden2, Gradient of the weights" in files["svg"] and b"581" in files["svg"]

    copy_link(page, menu)
    link = page.evaluate("navigator.clipboard.readText()")
    other = open_page()
    other.goto(link)
    expect(chart_of(other, "weight-gradient", "hidden2")).to_be_focused()

    def traces(of: Page) -> list[dict[str, Any]]:
        return drawn(of, "weight-gradient", "hidden2")

    wait_until(other, lambda: traces(other) == traces(page) != [], "it is the same")

    page.locator("summary", has_text="Share").click()
    button = page.get_by_role("button", name="Copy link")
    said = hear(button)
    button.click()
    wait_until(page, lambda: "copied" in str(said()), "it says that it has copied the link")
    asked = parse_qs(urlsplit(page.evaluate("navigator.clipboard.readText()")).query)
    assert {"tab", "x", "scale", "smooth", "log"} <= asked.keys()  # whatever is remembered here


def copy_link(page: Page, menu: Locator) -> None:
    """Copy the link of a chart's menu, which says so for a moment."""
    button = menu.get_by_role("button", name="Copy link")
    said = hear(button)
    button.click()
    wait_until(page, lambda: "Copied" in said(), "it says that it has copied the link")


def chart_of(page: Page, chart: str, layer: str) -> Locator:
    return page.locator(f'.plot[data-chart="{chart}"][data-layer="{layer}"]')


def test_choices_outlast_a_reload(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=10)
    run.append(10)
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}")
    page.get_by_label("Theme").select_option("dark")
    page.locator("figure:has([data-chart='train-loss'])").get_by_text("log", exact=True).click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    log = page.locator("figure:has([data-chart='train-loss'])").get_by_text("log", exact=True)
    expect(log).to_have_attribute("aria-pressed", "true")
    log.click()
    expect(log).to_have_attribute("aria-pressed", "false")


def test_the_first_run_is_one_click_away(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.clock.install()
    page.goto(f"http://{serve(engine)}")
    start = page.get_by_role("button", name="Start the first run")
    expect(start).to_be_visible()
    page.clock.fast_forward(6_000)  # a page that opens with its server gives a worker its time
    expect(page.get_by_text("No worker is alive")).to_be_visible()
    assert serious(page) == []
    start.click()
    page.clock.fast_forward(6_000)  # and so does a click
    page.wait_for_url("**/runs/1")
    expect(page.get_by_text("queued: waiting for a worker")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(status_of(page)).to_have_text("stopped")
    expect(page.get_by_text("The run ended before training began.")).to_be_visible()
    resume = page.get_by_role("button", name="Resume")
    expect(resume).to_have_attribute("title", "There is no checkpoint: it begins anew")
    resume.click()
    expect(status_of(page)).to_have_text("queued")
    expect(page.get_by_text("The run ended before training began.")).to_have_count(0)
    expect(resume).to_be_hidden()


def test_runs_are_listed_newest_first_live_and_few_of_them_are_elements(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    for number in range(1, 301):
        queue.enqueue(engine, Experiment(name=f"Pair {number}"))
    page = open_page()
    page.goto(f"http://{serve(engine)}")
    rows = page.locator("[data-run]")
    expect(page.get_by_text("300 runs")).to_be_visible()
    queue.enqueue(engine, Experiment(name="One more"))
    expect(rows.first).to_contain_text("One more")
    queue.ask_to_stop(engine, 298)
    expect(page.locator("[data-run='298'] .status")).to_have_text("stopped")
    page.get_by_role("grid", name="Runs").press("End")
    expect(page.locator("[data-run='1']")).to_be_in_viewport()
    numbers = rows.evaluate_all("(rows) => rows.map(({ dataset }) => Number(dataset.run))")
    assert numbers == [*range(numbers[0], 0, -1)] and len(numbers) < 40
    page.get_by_role("grid", name="Runs").press("Home")
    expect(rows.first).to_contain_text("One more")
    rows.first.get_by_role("link").click()
    page.wait_for_url("**/runs/301")
    page.go_back()
    expect(rows.first).to_contain_text("One more")


def test_runs_are_found_selected_edited_and_deleted_with_the_keys(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    for number in range(1, 9):
        queue.enqueue(engine, Experiment(name=f"Pair {number}"))
        queue.ask_to_stop(engine, number)
    page = open_page()
    address = serve(engine)
    page.goto(f"http://{address}/?sort=nope&open=9999999999")  # neither is there
    page.wait_for_url(f"http://{address}/")
    page.goto(f"http://{address}/?sort=name")
    rows = page.locator("[data-run]")
    expect(rows.first).to_contain_text("Pair 1")
    expect(page.get_by_role("columnheader", name="run")).to_have_attribute("aria-sort", "ascending")

    page.keyboard.press("/")
    page.keyboard.type("stat")
    offered = page.locator("#query-suggestions li code")
    expect(offered).to_have_text(["status:"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("st")
    expect(offered).to_have_text(["stopping", "stopped"])
    page.keyboard.type("art")
    problem = page.locator("#query-problem")
    expect(problem).to_contain_text("Expected one of queued, running")
    expect(problem.locator(".ahead")).to_have_text("status:")
    page.get_by_role("combobox", name="Search runs").fill("-name:8")
    expect(rows).to_have_count(7)
    expect(problem).to_be_hidden()
    page.wait_for_url("**/?q=-name%3A8&sort=name")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    listed = csv.DictReader(saved.value.path().read_text("utf-8").splitlines())
    assert [row["name"] for row in listed] == [f"Pair {number}" for number in range(1, 8)]

    page.get_by_role("grid", name="Runs").focus()
    for key in ("j", "j", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    selected = page.locator("[aria-selected='true']")
    expect(selected).to_contain_text(["Pair 3", "Pair 4"])
    with page.expect_download() as saved:
        page.get_by_role("link", name="Export").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert {name.split("/")[0] for name in archive.namelist() if "/" in name} == {
            "run-3", "run-4"}  # fmt: skip
    page.get_by_label("Select run 6").click(modifiers=["Shift"])
    expect(selected).to_have_count(4)
    assert serious(page) == []
    page.keyboard.press("Delete")
    question = page.get_by_role("dialog", name="Delete 4 runs?")
    expect(question).to_contain_text("searching for deleted:yes")
    assert serious(page) == []
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(rows).to_have_count(7)
    page.keyboard.press("Delete")
    question.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(7)

    page.get_by_role("grid", name="Runs").press("Home")
    page.keyboard.press("e")
    page.get_by_label("Name of run 1").fill("Renamed")
    page.get_by_label("Tags of run 1").fill("Lecture, draft")
    page.keyboard.press("Enter")
    row = page.locator("[data-run='1']")
    expect(row.locator(".tag")).to_have_text(["lecture", "draft"])
    expect(row.get_by_role("link", name="Renamed")).to_be_visible()
    page.get_by_text("Columns").click()
    page.get_by_label("tags").uncheck()
    expect(row.locator(".tag")).to_have_count(0)
    expect(page.locator("#setting-columns option[value='optimizer.momentum']")).to_have_count(1)
    page.get_by_label("Setting as a column").fill("momentum")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")  # what lies over the heads goes
    page.get_by_role("columnheader", name="momentum").get_by_role("button").click()
    page.wait_for_url("**sort=-optimizer.momentum")
    expect(rows.first.get_by_role("gridcell").last).to_have_text("0")
    page.reload()
    expect(rows.first.get_by_role("gridcell").last).to_have_text("0")
    expect(page.get_by_role("columnheader", name="duration")).to_be_visible()
    expect(page.get_by_role("columnheader", name="tags")).to_have_count(0)


def test_a_sweep_is_one_row_of_the_list_that_opens_and_is_selected_as_a_whole(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    queue.enqueue(engine, Experiment(name="Alone"), "mnist-sigmoid")
    experiment = Experiment(name="Rates").model_dump(mode="json")
    over = [{"setting": "lr", "values": [0.1, 0.2, 0.4]}]
    asked = parse_sweep({"name": "Rates", "experiment": experiment, "over": over})
    sweeps.start(engine, asked, "mnist-sigmoid")
    for run_id in (2, 3, 4):
        queue.ask_to_stop(engine, run_id)
    page = open_page()
    page.goto(f"http://{serve(engine)}")
    fold = page.locator("[data-sweep='1']")
    expect(fold).to_contain_text("3 runs by lr")
    expect(fold.locator(".col-status")).to_have_text("3 stopped")
    rows = page.locator("[data-run]")
    expect(rows).to_have_count(1)
    expect(page.get_by_text("4 runs, 1 sweep")).to_be_visible()

    page.get_by_role("treegrid", name="Runs").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(4)
    expect(fold).to_have_attribute("aria-expanded", "true")
    page.wait_for_url("**/?open=1")
    page.keyboard.press("x")
    expect(page.get_by_text("3 runs selected")).to_be_visible()
    page.get_by_label("Select run 3").click()
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    assert page.get_by_label("Select the runs of sweep 1").evaluate("box => box.indeterminate")
    assert serious(page) == []
    page.keyboard.press("ArrowLeft")  # from the run to its sweep
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(1)
    page.keyboard.press("Escape")

    page.get_by_label("fold sweeps").uncheck()
    page.wait_for_url("**/?sweeps=apart")
    expect(rows).to_have_count(4)
    page.get_by_role("link", name="all sweeps").click()
    expect(fold).to_be_visible()
    expect(rows).to_have_count(0)
    page.get_by_role("combobox", name="Search runs").fill("#3")
    expect(rows).to_have_count(1)
    rows.get_by_role("link", name="lr 0.2").click()
    page.locator("main summary", has_text="Compare").click()
    page.get_by_role("link", name="with the runs of its sweep").click()
    page.wait_for_url("**/compare?runs=2,3,4")


def test_a_watched_run_appears_live_beside_the_others(
    engine: Engine,
    make_run: Callable[..., Any],
    make_watched: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    make_run(engine, steps=10)
    page = open_page()
    address = f"http://{serve(engine)}"
    page.goto(address)
    expect(page.locator("[data-run]")).to_have_count(1)
    skipped = [{"arm": "model", "name": "aux", "reason": "It was never called."}]
    run = make_watched(
        engine,
        {"model": ["conv1", "layer1.0.conv1"]},
        name="My ResNet",
        skipped=skipped,
        not_recorded=["Gradients: the model is compiled."],
    )
    row = page.locator(f"[data-run='{run.run_id}']")
    expect(row).to_contain_text("My ResNet")
    expect(row).to_contain_text("watched")
    run.append(5)
    expect(row).to_contain_text("5 steps")
    expect(row.locator(".progress")).to_be_hidden()
    row.get_by_role("link").click()
    page.wait_for_url(f"**/runs/{run.run_id}")
    wait_until(page, lambda: last_step(page) == 5, "the first records are drawn")
    run.append(3)
    wait_until(page, lambda: last_step(page) == 8, "the curve grows")
    facts = page.locator(".run-header .facts").first
    expect(facts).to_contain_text("8 steps")
    expect(facts).to_contain_text("watched: its loop runs in train.py on gpu-3")
    for action in ("Stop", "Run again"):
        expect(page.get_by_text(action, exact=True)).to_have_count(0)
    expect(page.get_by_text("No accuracy was logged: run.log(accuracy=…)")).to_be_visible()

    cost = page.locator(".run-header .cost")
    expect(cost).to_have_text("")
    run.writer.commit(8, overhead=0.018, waited=0.0, looked=8)
    expect(cost).to_have_text("watching costs 1.8 % · every step")
    run.writer.commit(9, overhead=0.018, waited=12.34, looked=9)
    expect(cost).to_contain_text("the loop waited 12.3 s for the recorder: nothing is dropped")

    page.get_by_role("link", name="Shift", exact=True).click()
    wait_until(page, lambda: page.locator(".plot").count() == 9, "two layers of four charts")
    label = page.locator(".matrix-row > header").nth(1)
    expect(label).to_contain_text("layer1.0.conv1")
    expect(label).to_contain_text("Conv2d, 64 units, relu, batch norm")
    expect(label).to_contain_text("16,384 of 802,816 elements")
    page.get_by_role("link", name="Settings", exact=True).click()
    for words in ("ResNet", "SGD(lr=0.1, momentum=0.9)", "It was never called.", "batch_size"):
        expect(page.locator(".settings-tab")).to_contain_text(words)
    expect(page.locator(".settings-tab")).to_contain_text("Gradients: the model is compiled.")
    assert serious(page) == []
    queue.end(engine, run.run_id, "finished")
    expect(status_of(page)).to_have_text("finished")
    expect(facts).to_contain_text("its loop ran in train.py")
    expect(cost).to_contain_text("waited 12.3 s")
    page.goto(f"{address}/new?again={run.run_id}")
    expect(page.get_by_text("its loop belongs to train.py on gpu-3")).to_be_visible()


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_a_thousand_layers_are_a_few_charts_at_a_time(
    engine: Engine,
    make_watched: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
    size: dict[str, int],
) -> None:
    names = [
        f"encoder.layers.{block}.{part}"
        for block in range(250)
        for part in ("attention.out_proj", "linear1", "linear2", "norm")
    ]
    run = make_watched(engine, {"model": names}, steps=100)
    run.append(20, shift_w1=[0.1] * 20)
    page = open_page(size)
    asked: list[str] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda sent: asked.append(str(sent))))
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")

    def is_drawn(layer: str) -> bool:
        return page.evaluate(DRAWN, ["shift-step", layer]) != []

    def reach(layer: str) -> None:
        """Wait until the page shows a layer."""
        plot = page.locator(f".plot[data-chart='shift-step'][data-layer='{layer}']")
        plot.scroll_into_view_if_needed()
        wait_until(page, lambda: is_drawn(layer), f"{layer} is drawn")
        assert page.locator(".plot").count() <= 1 + 4 * 8, "one of all layers, and eight rows"

    reach("encoder.layers.0.linear1")
    bar = page.locator(".layer-bar")
    expect(bar).to_contain_text("layers 1–8 of 1,000")
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= room
    pin = page.get_by_label("Pin encoder.layers.0.linear2")
    pin.click()
    bar.get_by_role("button", name="Next layers").click()
    expect(page.locator(".matrix-row header h2").first).to_have_text("encoder.layers.0.linear2")
    pin.click()
    expect(pin).to_have_count(0)
    reach("encoder.layers.2.linear1")
    expect(bar).to_contain_text("layers 9–16 of 1,000")
    expect(page).to_have_url(re.compile(r"layer=encoder\.layers\.2\.attention\.out_proj"))
    bar.get_by_label("Module").select_option("encoder.layers · 248 … 249")
    reach("encoder.layers.249.norm")
    page.reload()
    reach("encoder.layers.249.norm")
    page.get_by_label("Find layers").fill("layers.17 linear")
    expect(bar).to_contain_text("layers 1–8 of 22 found")
    found = "encoder.layers.17.linear2"
    reach(found)
    run.append(1, shift_w1=[0.2])

    def last_of_found() -> list[float]:
        return [one["x"][-1] for one in drawn(page, "shift-step", found)]

    wait_until(page, lambda: last_of_found()[:1] == [21], "it stays live")
    page.get_by_label("Find layers").fill("nothing such")
    expect(page.get_by_text("No layer’s path holds “nothing such”.")).to_be_visible()
    most = max(message.count('"layer_id"') for message in asked)
    assert 0 < most <= 8 + 1, "only what is shown is asked for, a page and what is pinned"
    assert heap_used(page) < 100e6


def test_twins_of_different_layers_line_up_with_a_reason_for_the_empty_side(
    engine: Engine,
    make_watched: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    skipped = [{"arm": "without", "name": "bn1", "reason": "twin() took it out."}]
    layers = {"with": ["conv1", "bn1", "fc"], "without": ["conv1", "extra", "fc"]}
    run = make_watched(engine, layers, skipped=skipped)
    run.append(10, p50=[1.0] * 10)
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")
    rows = page.locator(".matrix-row:not(.heads)")
    expect(rows).to_have_count(4)
    expect(rows.locator("h2")).to_have_text(["conv1", "extra", "bn1", "fc"])
    expect(rows.nth(1)).to_contain_text("only in without")
    expect(rows.nth(1)).to_contain_text("with has no layer of this name")
    rows.nth(2).scroll_into_view_if_needed()  # a chart that nobody sees is not drawn
    expect(rows.nth(2)).to_contain_text("not looked at: twin() took it out.")


def test_a_sparse_cadence_shows_which_steps_were_looked_at(
    engine: Engine,
    make_watched: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_watched(engine, overhead_cap=0.02)
    looked = [1, 2, 3, 400, 900, 1_000]
    for network_id, _ in run.networks:
        values = {"step": looked, "loss": [3.0, 2.0, 1.5, 1.0, 0.5, 0.4]}
        run.writer.add("network_records", {"network_id": network_id}, values)
    run.writer.commit(1_000, overhead=0.0194, looked=len(looked))
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}")
    wait_until(page, lambda: last_step(page) == 1_000, "it is drawn")
    line, dots = drawn(page, "train-loss")
    assert line["x"] == looked, "lines join recorded steps and nothing else"
    assert (dots["mode"], dots["x"]) == ("markers", [3, 400, 900, 1_000])
    expect(page.locator(".run-header .cost")).to_have_text(
        "watching costs 1.9 % · looked at 6 of 1,000 steps (cap 2 %)"
    )


def test_a_sweep_from_the_form_to_its_charts(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"http://{serve(engine)}/new/mnist-sigmoid")
    rate = page.locator(".setting").filter(has=page.get_by_label("Learning rate", exact=True))
    rate.get_by_role("button", name="several").click()
    page.get_by_label("How Learning rate varies").select_option("log")
    ends = {"Lowest value": "0.01", "Highest value": "0", "Number of values": "3"}
    for label, value in ends.items():
        page.get_by_label(f"{label} of Learning rate").fill(value)
    expect(page.get_by_role("group", name="Values of Learning rate")).to_contain_text(
        "a range goes from a lower to a higher number, got 0.01 to 0."
    )
    page.get_by_label("Highest value of Learning rate").fill("100")
    expect(page.locator(".several .told").filter(visible=True)).to_have_text("0.01, 1, 100")
    expect(page.locator(".start .size")).to_have_text("3 runs, 6 networks")
    assert serious(page) == []
    page.get_by_role("button", name="Start all").click()
    page.wait_for_url("**/sweeps/1")
    expect(page.locator(".sweep .facts")).to_contain_text("3 queued · 3 runs, 6 networks")

    first, second, third = sweeps.runs(engine, 1)
    finish(engine, first.id, {("none", 0): [0.1, 0.2], ("BatchNorm", 0): [0.1, 0.5, 0.95]})
    finish(engine, second.id, {("none", 0): [0.1, math.nan], ("BatchNorm", 0): [0.1, 0.97]})
    row = page.locator(f".sweep-table [data-run='{second.id}']")
    for words in ("NaN", "not reached", "97.0 %"):
        expect(row).to_contain_text(words)

    def traces(outcome: str) -> list[dict[str, Any]]:
        return page.evaluate(
            "(id) => (document.querySelector(`[data-quantity=${id}] .canvas`)?.data ?? [])"
            ".map(({ x, y, mode }) => ({ x: [...x], y: [...y], mode }))",
            outcome,
        )

    drawn = {"mode": "lines+markers", "x": [0.01, 1], "y": [0.95, 0.97]}
    wait_until(page, lambda: drawn in traces("last_accuracy"), "both runs are drawn")
    ticks = [one["x"] for one in traces("last_accuracy") if one["mode"] == "markers"]
    assert ticks == [[1]], "the run without a number is marked"

    def line() -> list[dict[str, Any]]:
        return [one for one in traces("steps_to_target") if one["mode"] == "lines+markers"]

    wait_until(page, lambda: [one["x"] for one in line()] == [[0.01, 1]], "so are their steps")
    assert line()[0]["y"] == pytest.approx([18.89, 9.195], abs=0.01)
    target = page.get_by_role("spinbutton", name="Target")
    target.fill("50")
    target.press("Enter")
    page.wait_for_url("**/sweeps/1?target=0.5")
    expect(row.locator("td").last).to_have_text("5")
    expect(page.locator(".sweep-table thead")).to_contain_text("steps to 50 %")
    page.get_by_role("button", name="Menu of Steps to the target").click()
    menu = page.get_by_role("dialog", name="Chart")
    with page.expect_download() as download:
        menu.get_by_role("link", name="CSV").click()
    rows = rows_of(download.value)
    assert [(float(row["optimizer.lr"]), row["arm"]) for row in rows] == [
        (rate, arm) for rate in (0.01, 1) for arm in ("none", "BatchNorm")
    ]
    assert [bool(row["steps_to_target"]) for row in rows] == [False, True, False, True]
    with page.expect_download() as download:
        menu.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "shiftscope-sweep-1-steps_to_target.png"
    menu.get_by_role("button", name="Copy link").click()
    expect(menu.get_by_role("button", name="Copied")).to_be_visible()
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator("[data-quantity=steps_to_target]")).to_be_focused()
    expect(page.get_by_role("spinbutton", name="Target")).to_have_value("50")
    page.get_by_role("button", name="Stop all").click()
    expect(page.locator(f"[data-run='{third.id}'] .status")).to_have_text("stopped")
    assert serious(page) == []
    page.get_by_role("link", name=f"#{first.id}").click()
    expect(page.get_by_role("link", name="sweep 1")).to_be_visible()
    edit.remove(engine, [first.id, second.id, third.id])
    page.get_by_role("link", name="sweep 1").click()
    expect(page.locator(".sweep .facts")).to_contain_text("All its runs are deleted.")
    page.get_by_role("link", name="restored in the list").click()
    expect(page.locator(".sweep-row[data-sweep='1']")).to_be_visible()


def test_a_verdict_is_said_live_and_for_any_target(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=2_000)
    run.begin()
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/verdict" in one.url else None)
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}")
    sentence = page.locator(".verdict .sentence")
    expect(sentence).to_have_text(
        "Neither none nor BatchNorm has yet reached 90 % in 0 steps: BatchNorm is 0.0 points "
        "higher (one seed: no interval)."
    )

    def evaluate(step: int, none: float, batch: float) -> None:
        for (network_id, _), accuracy in zip(run.networks, (none, batch), strict=True):
            columns = {"step": [step], "test_accuracy": [accuracy]}
            run.writer.add("evaluations", {"network_id": network_id}, columns)
        run.append(step - run.step)

    evaluate(400, 0.3, 1.0)
    expect(sentence).to_have_text(re.compile("^BatchNorm reached 90 % after 356 steps, none has n"))
    run.append(50)
    wait_until(page, lambda: last_step(page) == 450, "what follows the evaluation is drawn")
    many = len(asked)
    run.append(50)  # records, and no evaluation
    wait_until(page, lambda: last_step(page) == 500, "the records are drawn")
    assert len(asked) == many, "the verdict is asked for when an evaluation has come, not before"
    evaluate(2_000, 0.95, 1.0)
    queue.end(engine, run.run_id, "finished")
    expect(sentence).to_have_text(
        "BatchNorm reached 90 % after 356 steps, none after 1,877: 5.3 × sooner "
        "(one seed: no interval)."
    )
    expect(page.locator(".verdict tbody tr").nth(1)).to_contain_text("356")
    page.get_by_label("Target, %").fill("95")
    page.get_by_label("Target, %").press("Enter")
    page.wait_for_url("**?target=0.95")
    expect(sentence).to_have_text(re.compile("^BatchNorm reached 95 % after 378 steps, none after"))
    page.reload()
    expect(sentence).to_have_text(re.compile("^BatchNorm reached 95 %"))
    expect(page.get_by_label("Target, %")).to_have_value("95")
    page.locator(".menu summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="verdict.csv").click()
    assert len(download.value.path().read_text().splitlines()) == 3


@pytest.mark.parametrize(("size", "theme"), [(WIDE, "light"), (NARROW, "dark")])
def test_a_report_draws_its_charts_from_a_file_without_a_network(
    open_page: Callable[..., Page], engine: Engine, tmp_path: Path, size: Any, theme: str
) -> None:
    decided: list[Decided] = []
    for number in ("E1", "E9"):
        (task,) = chosen([number])
        run_id = finished(engine, task.entry, SLOW, FAST)
        outcomes = tuple(judged(engine, run_id).outcomes[:1])
        decided.append(Decided(task, read.run(engine, run_id), False, outcomes))
    file = tmp_path / "report.html"
    file.write_text(report(engine, decided, "quick"), "utf-8")
    page = open_page(size, theme)
    page.context.set_offline(True)
    page.goto(file.as_uri())
    expect(page.locator(".chart .main-svg:first-child")).to_have_count(3)
    expect(page.locator(".unexpected")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert serious(page) == []
    colors = page.evaluate(
        "[...document.querySelectorAll('.chart')].map((one) => one.data[0].line.color)"
    )
    assert set(colors) == {"#d55e00" if theme == "light" else "#f0803c"}


def test_a_study_is_started_from_its_card_and_its_charts_grow_while_it_measures(
    engine: Engine, serve: Callable[..., str], open_page: Callable[..., Page]
) -> None:
    page = open_page()
    page.goto(f"http://{serve(engine)}/new")
    page.get_by_label("Filter the cards").fill("bias redundant")
    expect(page.get_by_role("heading", name="Training pairs")).to_be_hidden()
    page.get_by_role("link", name="A bias before BatchNorm does nothing").click()
    page.get_by_label("Seeds").fill("0, 1")
    expect(page.locator(".cost .basis")).to_contain_text("nobody can say")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/runs/1")
    expect(page.locator(".quantity .note .empty").first).to_be_visible()
    assert queue.claim(engine, queue.register(engine)) == 1
    page.evaluate("window.sameDocument = true")

    def drawn_of(quantity: str) -> list[dict[str, Any]]:
        return page.locator(f".plot[data-quantity='{quantity}'] .canvas").evaluate(
            "({ data, layout }) => (data ?? []).map(({ x, y, mode }) =>"
            " ({ x: [...x], y: [...y], mode, log: layout.xaxis.type === 'log' }))"
        )

    def found(seed: int, x: float, value: float) -> Measurement:
        return Measurement(seed, "output_difference", "float32", x, value)

    append_measurements(engine, 1, 0, [found(0, 10.0, 4e-6), found(0, 1.0, 1e-6)])
    wait_until(page, lambda: bool(drawn_of("output_difference")), "what was found is drawn")
    (line,) = drawn_of("output_difference")
    assert (line["x"], line["y"], line["log"]) == ([1, 10], [1e-6, 4e-6], True)
    more = [found(1, 1.0, 3e-6), found(1, 10.0, math.nan)]
    append_measurements(engine, 1, 2, more)
    wait_until(page, lambda: len(drawn_of("output_difference")) == 3, "the second seed is drawn")
    dots, line, nan = drawn_of("output_difference")
    assert nan["x"] == [10]
    assert (dots["mode"], dots["y"]) == ("markers", [1e-6, 3e-6, 4e-6])
    assert line["y"] == pytest.approx([2e-6, 4e-6])
    expect(page.locator(".quantity [role=status]").first).to_have_text("not drawn: 1 NaN")
    assert page.evaluate("window.sameDocument"), "charts grow without a reload"
    plot = page.locator(".plot[data-quantity='output_difference']")
    words = page.locator(".quantity", has=plot).locator(".at")
    plot.focus()
    for key, said in (("Home", "at 1,"), ("ArrowRight", "at 10,"), ("Escape", "last point")):
        page.keyboard.press(key)
        expect(words).to_contain_text(said)
    gradients = [
        Measurement(0, "bias_gradient", dtype, 1.0, 1e-16) for dtype in ("float64", "float32")
    ]
    append_measurements(engine, 1, 4, gradients)
    queue.end(engine, 1, "finished")
    expect(status_of(page)).to_have_text("finished")
    expect(page.locator(".verdict .claims strong")).to_have_text(re.compile("^E9 .*reproduced"))
    menu = page.get_by_role("button", name=re.compile("^Menu of ")).first
    menu.click()
    chart = page.get_by_role("dialog", name="Chart")
    with page.expect_download() as data:
        chart.get_by_role("link", name="CSV").click()
    rows = rows_of(data.value)
    assert [row["value"] for row in rows] == ["4e-06", "1e-06", "3e-06", "NaN"]
    with page.expect_download() as picture:
        chart.get_by_role("button", name="SVG").click()
    assert picture.value.suggested_filename == "shiftscope-run-1-output_difference.svg"
    drawn = picture.value.path().read_text("utf-8")
    assert "float32" in drawn and "1 NaN" in drawn
    page.keyboard.press("Escape")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    wait_until(page, lambda: page.evaluate(FITS), "the page fits a narrow window")
    assert serious(page) == []
    page.route("**/api/catalog", lambda route: (time.sleep(0.5), route.continue_()))
    page.goto(f"{page.url}?chart=bias_gradient")  # as the menu's link has it
    gradient = page.locator(".plot[data-quantity='bias_gradient']")
    expect(gradient).to_have_attribute("aria-label", re.compile("^Gradient of the bias"))
    expect(gradient).to_be_focused()
    page.get_by_role("link", name="Run again").click()
    expect(page.get_by_label("Seeds")).to_have_value("0, 1")


def test_a_report_of_many_charts_draws_those_that_come_near(
    open_page: Callable[..., Page], engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    run = make_run(engine, arms=[f"<b>{at}</b>" for at in range(7)])
    run.append(3, p15=[0, 0, 0], p50=[1, math.nan, 1], p85=[2, 2, 2], shift_from_start=[0, 1, 2])
    file = tmp_path / "report.html"
    file.write_text(run_report(engine, [run.run_id]), "utf-8")
    page = open_page(WIDE, "dark")
    page.context.set_offline(True)
    page.goto(file.as_uri())
    charts = page.locator(".chart")
    expect(charts.first.locator(".main-svg").first).to_be_visible()
    expect(charts.last.locator(".main-svg")).to_have_count(0)
    charts.last.scroll_into_view_if_needed()
    expect(charts.last.locator(".main-svg").first).to_be_visible()
    names = charts.last.locator(".legendtext").all_text_contents()
    assert names == [f"<b>{at}</b>" for at in range(7)], "a name is text, never markup"


def test_what_was_imported_is_drawn_and_taken_away_again_by_keyboard(
    open_page: Callable[..., Page], engine: Engine, serve: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "log.csv"
    file.write_text("series,step,train/loss,note_1\na,1,2,7\nb,1,3,\na,2,NaN,8\nb,2,1,\n")
    run_id = import_path(engine, file, "Mine").run_id
    page = open_page(NARROW)
    page.goto(f"http://{serve(engine)}/")
    expect(page.locator(f"[data-run='{run_id}']")).to_contain_text("imported")
    page.get_by_role("link", name="Mine").click()
    plot = page.locator(".plot[data-quantity='train/loss']")
    expect(plot).to_have_attribute("aria-label", re.compile(r"a NaN; b 1\.00"))
    expect(page.locator(".plot[data-quantity='note_1']")).to_be_visible()
    assert serious(page) == []
    expect(page.get_by_role("link", name="Run again")).to_have_count(0)
    page.get_by_role("link", name="Settings").click()
    expect(page.locator(".settings-tab")).to_contain_text(str(file))

    head = page.locator(".menu summary", has_text="Export")
    head.press("Enter")
    page.get_by_label("Format").select_option("json")
    with page.expect_download() as download:
        page.get_by_role("link", name="measurements.json").press("Enter")
    rows = json.loads(download.value.path().read_text())["rows"]
    assert [row[-1] for row in rows] == [2, 7, 3, "NaN", 8, 1]
    head.press("Enter")
    with page.expect_download() as download:
        page.get_by_role("link", name="log_entries.json").press("Enter")
    assert json.loads(download.value.path().read_text())["table"] == "log_entries"
    expect(page.get_by_label("Format")).to_be_hidden()
    head.press("Enter")
    zipped = page.get_by_role("link", name="zip")
    expect(zipped).to_have_attribute("href", f"/api/runs/{run_id}/export.zip?format=json")
    assert page.evaluate(FITS)
    page.get_by_label("Format").press("Escape")
    expect(head).to_be_focused()
    expect(page.get_by_label("Format")).to_be_hidden()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".menu summary", has_text="Share").press("Enter")
    copying = page.get_by_role("button", name="Copy link")
    said = hear(copying)
    copying.press("Enter")
    wait_until(page, lambda: any("copied" in one for one in said()), "it says that it has")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    with page.expect_download() as download:
        page.get_by_role("link", name="report.html").press("Enter")
    assert "<h4>train/loss</h4>" in download.value.path().read_text()


def test_of_a_long_import_only_what_is_in_sight_is_read_and_no_spike_is_lost(
    open_page: Callable[..., Page], engine: Engine, serve: Callable[..., str], tmp_path: Path
) -> None:
    names = [f"layer{at}/norm" for at in range(12)]
    rows = [[step, *[700 if step == 777 else 2] * len(names)] for step in range(1, 1_501)]
    file = tmp_path / "long.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [["step", *names], *rows]))
    run_id = import_path(engine, file).run_id
    page = open_page(WIDE)
    asked: list[str] = []
    heard: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.on("websocket", lambda socket: socket.on(
        "framereceived", lambda payload: heard.append(str(payload))))  # fmt: skip
    page.goto(f"http://{serve(engine)}/runs/{run_id}")

    def highest(name: str) -> float:
        canvas = page.locator(f".plot[data-quantity='{name}'] .canvas")
        values = canvas.evaluate("({ data }) => Math.max(...(data?.[0]?.y ?? [0]))")
        return float(values)

    wait_until(page, lambda: highest(names[0]) == 700, "the spike of one step is drawn")
    first = page.locator(".panel", has=page.locator(f"[data-quantity='{names[0]}']"))
    expect(first).to_contain_text("1,500 numbers, drawn from the lowest to the highest of each")
    assert 0 < asked.count(f"/api/runs/{run_id}/measured") < len(names)
    assert f"/api/runs/{run_id}/measurements" not in asked

    first.get_by_role("button", name="log", exact=True).click()
    wait_until(page, lambda: "log=" in page.url, "the address says so")
    type_of = "({ layout }) => layout.yaxis.type"
    wait_until(page, lambda: first.locator(".canvas").evaluate(type_of) == "log", "it is drawn so")
    page.get_by_role("searchbox", name="Find quantities").fill("norm layer11")
    expect(page.locator(".panel.quantity")).to_have_count(1)
    wait_until(page, lambda: highest(names[11]) == 700, "what was found is drawn")
    assert parse_qs(urlsplit(page.url).query)["find"] == ["norm layer11"]

    refused = {"status": 422, "title": "", "detail": "This one is refused."}
    page.route(re.compile("/measured.*layer10"), lambda route: route.fulfill(
        status=422, content_type="application/problem+json", body=json.dumps(refused)))  # fmt: skip
    page.get_by_role("searchbox", name="Find quantities").fill("norm layer10")
    expect(page.locator(".panel.quantity")).to_contain_text("This one is refused.")
    before = len(asked)
    edit.change(engine, [run_id], name="Renamed meanwhile")
    wait_until(page, lambda: any("Renamed meanwhile" in one for one in heard), "it is told")
    page.get_by_role("searchbox", name="Find quantities").fill("norm layer9")
    wait_until(page, lambda: highest(names[9]) == 700, "another one is drawn")
    assert asked[before:].count(f"/api/runs/{run_id}/measured") == 1, "none is asked for again"
    page.get_by_role("searchbox", name="Find quantities").fill("norm layer11")
    page.wait_for_url("**find=*layer11*")
    page.reload()
    expect(page.locator(".layer-bar .words")).to_have_text("1 quantity found of 12")
    page.get_by_role("searchbox", name="Find quantities").fill("bias")
    expect(page.locator(".nothing")).to_have_text("No quantity’s name holds “bias”.")
    assert serious(page) == []


HEAT = """(chart) => {
  const canvas = document.querySelector(`.plot[data-chart="${chart}"] .canvas`);
  return (canvas?.data ?? []).filter(({ type }) => type === "heatmap").map((trace) => ({
    z: trace.z, zmin: trace.zmin, zmax: trace.zmax, axis: trace.yaxis }));
}"""


def test_all_layers_and_all_units_are_seen_at_once_and_one_step_as_a_distribution(
    engine: Engine,
    make_run: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
) -> None:
    run = make_run(engine, steps=50, recording={"probe_every": 25})
    for network_id, layer_ids in run.networks:
        for layer_id in layer_ids:
            for step in (0, 25, 50):
                mean = (step + np.arange(100)).astype("<f4").tobytes()
                keys = {"network_id": network_id, "layer_id": layer_id}
                arrays = {name: [mean] for name in ("mean", "p15", "p50", "p85")}
                run.writer.add("unit_records", keys, {"step": [step], **arrays})
    names = ("min", "p01", "p05", "p15", "p25", "p50", "p75", "p85", "p95", "p99", "max")
    spread = {name: [at * step / 50 for step in range(1, 51)] for at, name in enumerate(names)}
    moved = [0.0, *np.linspace(0.1, 4, 48), math.nan]
    gradient = [0.001] * 50
    run.append(
        50, **spread, shift_from_start=moved, weight_grad_norm=gradient,
        activation_grad_norm=gradient,
    )  # fmt: skip
    queue.end(engine, run.run_id, "finished")
    page = open_page()
    page.goto(f"http://{serve(engine)}/runs/{run.run_id}?tab=shift")

    def heat(chart: str) -> list[dict[str, Any]]:
        return page.evaluate(HEAT, chart)

    wait_until(page, lambda: len(heat("heat-shift_from_start")) == 4, "all layers are drawn")
    values, holes, _, _ = heat("heat-shift_from_start")
    assert len(values["z"]) == 2 and len(values["z"][0]) == 50, "layers by steps"
    assert (values["zmin"], values["zmax"]) == (0, 4)
    assert values["z"][1][48] == 4 and values["z"][1][49] is None and holes["z"][1][49] == 1
    plot = page.locator(".plot[data-chart='heat-shift_from_start']")
    expect(plot.locator(".rugs").first).to_contain_text("NaN from step 50 on (hidden1)")
    plot.focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    fan = page.locator(".plot[data-chart='fan'][data-layer='hidden2']")
    expect(fan).to_be_focused()
    expect(page).to_have_url(re.compile("layer=hidden2"))

    density = page.locator(".plot[data-chart='density'][data-layer='hidden2']")
    density.scroll_into_view_if_needed()
    expect(density.locator(".across")).to_contain_text("step 50")

    def highest() -> float:
        traces = [t for t in drawn(page, "density", "hidden2") if t["mode"] == "lines"]
        return max((max(trace["y"]) for trace in traces), default=0)

    wait_until(page, lambda: abs(highest() - 0.25) < 1e-9, "the latest density is drawn")
    page.goto(f"{page.url}&step=25")
    density.scroll_into_view_if_needed()
    wait_until(page, lambda: abs(highest() - 0.5) < 1e-9, "that of half the spread is drawn")
    expect(density.locator(".across")).to_contain_text("step 25")

    units = page.locator(".plot[data-chart='unit-heat-mean']")
    units.scroll_into_view_if_needed()
    wait_until(page, lambda: len(heat("unit-heat-mean")) == 2, "all units are drawn")
    assert [len(row) for row in heat("unit-heat-mean")[0]["z"]] == [3] * 100
    expect(page.get_by_text("All 3 looks at the probe.")).to_be_visible()
    drag = units.locator(".nsewdrag").first
    box = drag.bounding_box()
    assert box is not None
    drag.click(position={"x": 20, "y": box["height"] * 0.175})
    expect(page.get_by_label("unit", exact=True)).to_have_value("17")

    page.get_by_role("link", name="Gradients").click()
    by_depth = "weight-gradient-by-depth"
    wait_until(page, lambda: len(drawn(page, by_depth)) == 2, "gradients by depth are drawn")
    assert drawn(page, by_depth)[0]["y"] == [0.001, 0.001]
    across = page.locator(f".plot[data-chart='{by_depth}'] .across")
    expect(across).to_have_text(re.compile(r"step \d+$"))
    (step,) = re.findall(r"step (\d+)$", across.inner_text())
    page.get_by_role("button", name="Menu of Gradient of the weights, by depth").click()
    menu = page.get_by_role("dialog", name="Chart")
    with page.expect_download() as data:
        menu.get_by_role("link", name="CSV").click()
    rows = rows_of(data.value)
    assert [(row["layer"], row["step"], row["weight_grad_norm"]) for row in rows] == [
        (layer, step, "0.001") for _ in run.networks for layer in ("hidden1", "hidden2")
    ]
    with page.expect_download() as picture:
        menu.get_by_role("button", name="SVG").click()
    assert f"seed 0; step {step}" in picture.value.path().read_text("utf-8")
    copy_link(page, menu)
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.locator(f".plot[data-chart='{by_depth}']")).to_be_focused()


BOLD, IMAGE = '<b class="evil">B</b>', '<img src="x" onerror="evil=1">'
LINK = '<a href="javascript:evil=1">\u202eknil</a>'
EVIL = r"""() => ({
  ran: window.evil ?? 0,
  elements: document.querySelectorAll(".evil, img[src='x'], [href^='javascript'], svg a").length,
  turned: /[\u202a-\u202e\u2066-\u2069]/.test(document.title + document.body.outerHTML
    .replaceAll(/<script.*?<\/script>/gs, "")),
  bold: [...document.querySelectorAll("svg tspan")].filter((one) => one.style.fontWeight).length,
})"""


TICKS = """() => [...document.querySelectorAll(".plot .xtick, .plot .ytick")]
  .some((one) => one.textContent.includes("conv"))"""


def test_text_of_a_person_is_never_html_and_turns_nothing_around(
    engine: Engine,
    make_watched: Callable[..., Any],
    serve: Callable[..., str],
    open_page: Callable[..., Page],
    tmp_path: Path,
) -> None:
    layers = ["<b>conv</b>", LINK]  # the first is short enough for the ticks of a chart
    run = make_watched(engine, {BOLD: layers, IMAGE: layers}, name=f"{BOLD}{LINK}", steps=200)
    run.begin()
    run.append(200)
    edit.change(engine, [run.run_id], tags=["<b>tag</b>", "\u202egat"], note=f"{IMAGE}{LINK}")
    log.note(engine, run.run_id, f"{IMAGE}{LINK}")
    rows = [("step", "series", LINK), *((step, IMAGE, step / 9) for step in range(1, 9))]
    with (tmp_path / "log.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    imported = import_path(engine, tmp_path / "log.csv", BOLD).run_id
    in_file = tmp_path / "report.html"
    in_file.write_text(run_report(engine, [run.run_id, imported]), "utf-8")
    address = f"http://{serve(engine)}"
    page = open_page()
    for place, drawn_in in (
        (f"{address}/", None),
        *((f"{address}/runs/{run.run_id}?tab={tab}", ".plot" if tab in TABS[:3] else None)
          for tab in TABS),
        (f"{address}/runs/{imported}", ".plot"),
        (f"{address}/compare?runs={run.run_id},{imported}", None),
        (in_file.as_uri(), ".chart"),
    ):  # fmt: skip
        page.goto(place)
        expect(page.locator("body")).to_contain_text('<b class="evil">')
        if drawn_in is not None:
            expect(page.locator(f"{drawn_in} .main-svg").first).to_be_attached()
        if place.endswith("tab=gradients"):
            wait_until(page, lambda: page.evaluate(TICKS), "the ticks are drawn")
        found = page.evaluate(EVIL)
        assert found == {"ran": 0, "elements": 0, "turned": False, "bold": 0}, place
