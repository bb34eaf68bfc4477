"""How quick the page is, in headless Chromium, beside the pages of others.

    python benchmarks/page.py [--steps 50000 1000000] [--repetitions 5] [--minutes 10] …

- **opening**: from navigation, with nothing cached, until the first and until every chart in sight
  has its lines, and the latter again from the browser's cache: a finished run of 24 series
  (`long_run.py`), and the same scalars in TensorBoard and trackio, where they are installed, their
  servers having read everything. Medians of the repetitions.
- **zoom**: from the request for the middle tenth until its finer records are drawn.
- **streaming**: another process commits 500 steps a second, four times a second. From each commit
  until every chart in sight shows its last step: median and 95th percentile of the first minute;
  long tasks of the page's thread in that minute; the page's heap, collected, after it and at the
  end.

The stores are kept in --folder and used again. Run it on a machine that does nothing else.
"""

import argparse
import contextlib
import math
import platform
import runpy
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from long_run import store
from page_rivals import IN_SIGHT, RIVALS
from playwright.sync_api import Browser, Page, sync_playwright
from processes import serving, writing

from shiftscope.db.engine import open_database

ROOT = Path(__file__).resolve().parents[1]
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Under remote control only, V8 reads a script anew for the place of each error that it throws:
    # 0.35 s of Plotly's start that nobody sees who opens the page by hand.
    "--js-flags=--no-enable-lazy-source-positions",
]
SIZE: Any = {"width": 1440, "height": 1200}
PATIENCE = 180_000
"""Milliseconds for a page to be drawn; one that takes longer counts as infinitely slow."""
WINDOW = 2
"""Seconds that a new window of the browser has for itself before it is asked to go anywhere."""
SETTLING = 5
"""Seconds of streaming before the minute that is measured."""
LONG_TASK = 50
RECORDED = ".plot:not([data-chart='gradient-signal'])"
"""The charts of what `long_run.py` writes."""
OVER_STEPS = f".panel:not(.moment) {RECORDED}"
"""Those whose horizontal axis is steps; the others show one step of the run."""
LINES = f"""(([first, last], least) => {{
  const isDrawn = (plot) => plot.querySelector(".canvas")?.data?.length > 0;
  const plots = ({IN_SIGHT})("{RECORDED}");
  return plots.length > 0 && plots.every((plot) => {{
    if (!plot.matches("{OVER_STEPS}")) return isDrawn(plot);
    const canvas = plot.querySelector(".canvas");
    const range = canvas?.layout?.xaxis.range ?? [];
    const inside = (canvas?.data ?? []).map(({{ x }}) =>
      x.filter((step) => step >= first && step <= last).length);
    return Math.max(0, ...inside) > least &&
      (first === 0 || (range[0] >= first - 1 && range[1] <= last + 1));
  }});
}})"""
"""Whether every chart in sight has more than `least` points of a range of steps."""
WHEN = """(condition) => {
  window.drawn = null;
  const look = () => requestAnimationFrame(() => {
    if (condition()) requestAnimationFrame(() => { window.drawn = performance.now(); });
    else look();
  });
  look();
}"""
WATCH = f"""() => {{
  window.shown = [];
  window.tasks = [];
  new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) =>
    [Date.now(), one.duration]))).observe({{ type: "longtask" }});
  const look = () => {{
    const last = Math.min(...({IN_SIGHT})("{OVER_STEPS}").map((plot) =>
      Math.max(0, ...(plot.querySelector(".canvas").data ?? []).map(({{ x }}) => x.at(-1) ?? 0))));
    if (last > (window.shown.at(-1)?.[0] ?? 0)) window.shown.push([last, Date.now()]);
    requestAnimationFrame(look);
  }};
  look();
}}"""


class Streamed(NamedTuple):
    """What one minute of streaming, and all that followed, took."""

    latencies: np.ndarray
    """Milliseconds from each commit until it is drawn."""
    tasks: list[float]
    """Milliseconds of each long task."""
    heaps: list[float]
    """Bytes after the minute and at the end."""


def seconds_to_open(browser: Browser, url: str, drawn: str, *, again: bool = False) -> float:
    """From navigation until a condition holds.

    Args:
        browser: Where.
        url: The page.
        drawn: The condition.
        again: In a browser that has had the page open before; else in one with nothing cached.
    """
    with opened(browser) as page:
        page.add_init_script(f"({WHEN})({drawn})")
        if again:
            page.goto(url, timeout=PATIENCE, wait_until="commit")
            when_drawn(page)
            page.goto("about:blank")
        page.goto(url, timeout=PATIENCE, wait_until="commit")
        return when_drawn(page)


def first_chart(drawn: str) -> str:
    """The condition for one chart instead of all."""
    return drawn.replace(".every(", ".some(", 1)


def seconds_to_zoom(browser: Browser, url: str, steps: int) -> float:
    """From the request for the middle tenth of a run until its finer records are drawn."""
    first, last = steps * 45 // 100, steps * 55 // 100
    with opened(browser) as page:
        page.add_init_script(f"({WHEN})(() => {LINES}([0, {steps}], 1))")
        page.goto(url, timeout=PATIENCE, wait_until="commit")
        when_drawn(page)
        page.wait_for_timeout(1000)
        begun = page.evaluate(
            f"""() => {{
              history.pushState(null, "", location.href + "&steps={first}-{last}");
              dispatchEvent(new PopStateEvent("popstate"));
              ({WHEN})(() => {LINES}([{first}, {last}], 400));
              return performance.now();
            }}"""
        )
        return when_drawn(page) - begun / 1000


def when_drawn(page: Page) -> float:
    """Seconds from the begin of the navigation until what `WHEN` waits for."""
    deadline = time.monotonic() + PATIENCE / 1000
    while not (drawn := page.evaluate("window.drawn")):
        if time.monotonic() > deadline:
            return math.inf
        page.wait_for_timeout(50)
    return drawn / 1000


@contextlib.contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A new page of a new context. Its window has settled: it loads scripts of its own."""
    context = browser.new_context(viewport=SIZE)
    try:
        page = context.new_page()
        page.wait_for_timeout(1000 * WINDOW)
        yield page
    finally:
        context.close()


def streamed(
    browser: Browser, address: str, database: str, *, rate: int, seconds: float, minutes: float
) -> Streamed:
    """Watch a run that another process writes."""
    total = SETTLING + max(seconds, 60 * minutes) + 2
    with (
        writing(database, address, seconds=total, rate=rate) as (run, commits),
        opened(browser) as page,
    ):
        page.add_init_script(f"({WHEN})(() => {LINES}([0, 1e9], 1))")
        page.goto(f"{address}/runs/{run}?tab=gradients", timeout=PATIENCE)
        when_drawn(page)
        page.evaluate(f"({WATCH})()")
        page.wait_for_timeout(1000 * SETTLING)
        begin = time.time()
        page.wait_for_timeout(1000 * seconds)
        end = time.time()
        shown = np.array(page.evaluate("window.shown"))
        tasks = [task for at, task in page.evaluate("window.tasks") if at >= begin * 1000]
        heaps = [heap(page)]
        page.wait_for_timeout(1000 * max(0.0, begin + 60 * minutes - time.time()))
        heaps.append(heap(page))
    latencies = []
    for commit in commits:
        # what was committed at the very end is drawn after the page was asked
        if begin <= commit.at <= end - 2:
            seen = np.searchsorted(shown[:, 0], commit.step)
            is_seen = seen < len(shown)
            latencies.append(shown[seen, 1] - 1000 * commit.at if is_seen else np.inf)
    return Streamed(np.array(latencies), tasks, heaps)


def heap(page: Page) -> float:
    """Bytes that the page's scripts hold, after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")


def finished_run(folder: Path, steps: int) -> int:
    """The number of a stored run of so many steps, which is made where there is none."""
    engine = open_database(f"sqlite:///{folder / 'shiftscope.db'}")
    known = folder / f"{steps}.run"
    if not known.exists():
        say(f"storing a run of {steps:,} steps")
        known.write_text(str(store(engine, steps)))
    engine.dispose()
    return int(known.read_text())


def opening(browser: Browser, folder: Path, every_steps: list[int], repetitions: int) -> None:
    """Print the table of opening."""
    columns: dict[str, list[str]] = {}

    def add(title: str, measure: Callable[[], float], times: int = repetitions) -> None:
        found = [measure()]
        while len(found) < times and found[-1] < math.inf:
            found.append(measure())
        columns.setdefault(title, []).append(f"{statistics.median(found):.2f}")
        say(f"{title}: " + " ".join(f"{one:.2f}" for one in found))

    def add_page(title: str, url: str, drawn: str) -> None:
        add(f"{title}, first chart", lambda: seconds_to_open(browser, url, first_chart(drawn)))
        add(f"{title}, all in sight", lambda: seconds_to_open(browser, url, drawn))
        add(f"{title}, again", lambda: seconds_to_open(browser, url, drawn, again=True))

    for steps in every_steps:
        run = finished_run(folder, steps)
        with serving(folder) as (address, _):
            url = f"{address}/runs/{run}?tab=gradients"
            add_page("shiftscope", url, f"() => {LINES}([0, {steps}], 1)")
            add("shiftscope, a zoom", partial(seconds_to_zoom, browser, url, steps))
        for kind in RIVALS:
            rival = kind(folder / f"{kind.module}-{steps}", steps)
            if rival.missing:
                say(f"{rival.title} is left out: {rival.missing}.")
                continue
            with rival.serving() as loading:
                add(f"{rival.title}, its server reads", partial(float, loading), 1)
                add_page(rival.title, rival.url, rival.drawn)
    print("| seconds until drawn, 24 series | " + " | ".join(f"{n:,} steps" for n in every_steps))
    print("|---" * (1 + len(every_steps)) + "|")
    for title, cells in columns.items():
        print(f"| {title} | " + " | ".join(cells) + " |")


def say(sentence: str) -> None:
    """On standard error: standard output is for the tables."""
    print(sentence, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, and print tables for docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description="How quick the page is.")
    parser.add_argument("--steps", type=int, nargs="*", default=[50_000, 1_000_000])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--rate", type=int, default=500, help="steps a second while streaming")
    parser.add_argument("--seconds", type=float, default=60, help="of streaming, measured")
    parser.add_argument("--minutes", type=float, default=10, help="of streaming, for the heap")
    parser.add_argument("--folder", type=Path, default=Path("build/page"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    found = runpy.run_path(str(ROOT / "tests" / "chromium.py"))["find"]()
    if found is None:
        raise SystemExit("No Chromium is here: `make test` installs one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        print(f"Chromium {browser.version}, Python {platform.python_version()}\n")
        if asked.steps:
            opening(browser, asked.folder, asked.steps, asked.repetitions)
        if asked.seconds:
            database = f"sqlite:///{asked.folder / 'shiftscope.db'}"
            with serving(asked.folder) as (address, _):
                result = streamed(
                    browser,
                    address,
                    database,
                    rate=asked.rate,
                    seconds=asked.seconds,
                    minutes=asked.minutes,
                )
            median, p95 = np.quantile(result.latencies, [0.5, 0.95])
            long = [task for task in result.tasks if task > LONG_TASK]
            print(f"\n| {asked.rate} steps a second, {asked.seconds:.0f} s | |\n|---|---|")
            print(f"| from commit to drawn, median | {median:.0f} ms |")
            print(f"| 95th percentile of {len(result.latencies)} commits | {p95:.0f} ms |")
            print(f"| long tasks over {LONG_TASK} ms | {len(long)} |")
            print(f"| the longest | {max(long, default=0):.0f} ms |")
            for at, size in zip((asked.seconds / 60, asked.minutes), result.heaps, strict=True):
                print(f"| heap after {at:.1f} minutes | {size / 2**20:.1f} MiB |")
        browser.close()


if __name__ == "__main__":
    main()
