"""What many clients of one run cost, and how soon they have what was committed.

    python benchmarks/live.py [--clients 100 500] [--minutes 10] [--points 500] …

A process commits 500 steps a second, four times a second (`long_run.py`). Clients in processes of
their own watch all its 24 series and check that each step comes exactly once (`watchers.py`).

- **from commit to received**: of every commit and client;
- the server's **CPU** time, and its **memory**, which should be flat;
- **restart**: at the end the server is stopped and started again while the run goes on. From when
  it listens until each client has everything that was committed by then.

Run it on a machine that does nothing else; clients and server share it.
"""

import argparse
import contextlib
import json
import multiprocessing
import platform
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from long_run import STATISTICS
from processes import Commit, serving, writing
from watchers import Watcher, watch

SETTLING = 10
"""Seconds until what is measured begins."""
RESTARTED = 15
"""Seconds that the clients have after the restart."""


class Measured(NamedTuple):
    """What so many clients came to."""

    latencies: np.ndarray
    """Seconds from each commit until a client had it; infinite where it never came."""
    frames: float
    """A second, of each client."""
    cpu: float
    """Seconds of the server's processor time in a second."""
    memory: list[int]
    """Bytes that the server held, second by second."""
    faults: list[str]
    lost: int
    """Connections that ended before the restart."""
    back: np.ndarray
    """Seconds from when the server listened again until each client was complete."""


def measure(
    folder: Path, clients: int, *, seconds: float, rate: int, points: int, processes: int
) -> Measured:
    """Watch a run for so long, and then through a restart of its server."""
    total = SETTLING + seconds + RESTARTED
    database = f"sqlite:///{folder / 'shiftscope.db'}"
    with contextlib.ExitStack() as rest:
        with serving(folder) as (address, pid):
            # it goes on while the server that was restarted comes up
            written = writing(database, address, seconds=total + 60, rate=rate)
            run, commits = rest.enter_context(written)
            asked = {"type": "watch", "run": run, "points": points, "series": series(address, run)}
            pool = rest.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            shares = [len(share) for share in np.array_split(np.arange(clients), processes)]
            ends = time.time() + total
            following = pool.starmap_async(
                watch, [(address, asked, share, ends) for share in shares]
            )
            time.sleep(SETTLING)
            server = psutil.Process(pid)
            begin, before = time.time(), sum(server.cpu_times()[:2])
            memory = []
            while time.time() < begin + seconds:
                memory.append(server.memory_info().rss)
                time.sleep(1)
            end, after = time.time(), sum(server.cpu_times()[:2])
        with serving(folder, int(address.rpartition(":")[2])):
            listening = time.time()
            watchers = [one for share in following.get() for one in share]
    inside = [commit for commit in commits if begin <= commit.at < end - 2]
    committed = [commit for commit in commits if commit.at <= listening][-1]
    frames = sum(begin <= at < end for one in watchers for _, at in one.seen)
    return Measured(
        latencies=np.concatenate([received(one, inside) for one in watchers])
        - np.tile([commit.at for commit in inside], len(watchers)),
        frames=frames / (end - begin) / clients,
        cpu=(after - before) / (end - begin),
        memory=memory,
        faults=[fault for one in watchers for fault in one.faults],
        lost=sum(one.opened for one in watchers) - 2 * clients,
        back=np.concatenate([received(one, [committed]) for one in watchers]) - listening,
    )


def series(address: str, run: int) -> list[dict[str, Any]]:
    """All that the run records of its layers."""
    with urllib.request.urlopen(f"{address}/api/runs/{run}") as answer:
        networks = json.load(answer)["networks"]
    return [
        {
            **{"table": "layer_records", "network_id": network["id"], "layer_id": layer["id"]},
            "statistics": STATISTICS,
        }
        for network in networks
        for layer in network["layers"]
    ]


def received(watcher: Watcher, commits: list[Commit]) -> np.ndarray:
    """When a client had each of some commits; infinite where it never had it."""
    seen = np.array([*watcher.seen, (np.inf, np.inf)])
    return seen[np.searchsorted(seen[:, 0], [commit.step for commit in commits]), 1]


def main() -> None:
    """Measure, and print a table for docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description="What many clients of one run cost.")
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--rate", type=int, default=500, help="steps a second")
    parser.add_argument(
        "--points", type=int, default=500, help="the most of a line; 500, the page's, makes buckets"
    )
    parser.add_argument("--processes", type=int, default=2, help="that the clients are in")
    asked = parser.parse_args()
    print(
        f"{asked.rate} steps a second, {asked.points:,} points, {asked.minutes:g} minutes; "
        f"Python {platform.python_version()}, {psutil.cpu_count()} cores ({platform.machine()})\n"
    )
    print("| | " + " | ".join(f"{clients} clients" for clients in asked.clients) + " |")
    print("|---" * (1 + len(asked.clients)) + "|")
    cells: dict[str, list[str]] = {}
    for clients in asked.clients:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(
                Path(folder),
                clients,
                seconds=60 * asked.minutes,
                rate=asked.rate,
                points=asked.points,
                processes=asked.processes,
            )
        for title, cell in described(found).items():
            cells.setdefault(title, []).append(cell)
        for fault in found.faults[:5]:
            print(fault, file=sys.stderr)
    for title, row in cells.items():
        print(f"| {title} | " + " | ".join(row) + " |")


def described(found: Measured) -> dict[str, str]:
    """The cells of the table, by the title of their row."""
    median, p95, most = 1000 * np.quantile(found.latencies, [0.5, 0.95, 1], method="lower")
    minute = min(60, len(found.memory) - 1)
    first, last, peak = (
        f"{size / 2**20:.0f}"
        for size in (found.memory[minute], found.memory[-1], max(found.memory))
    )
    return {
        "from commit to received, median": f"{median:.0f} ms",
        "95th percentile": f"{p95:.0f} ms",
        "the longest": f"{most:.0f} ms",
        "frames a second, of each client": f"{found.frames:.2f}",
        "the server's CPU, of one core": f"{found.cpu:.0%}",
        "its memory after a minute, at the end, at most": f"{first}, {last}, {peak} MiB",
        "gaps and repeats": str(len(found.faults)),
        "connections lost before the restart": str(found.lost),
        "complete after a restart, the slowest client": f"{found.back.max():.1f} s",
    }


if __name__ == "__main__":
    main()
