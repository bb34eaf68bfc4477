"""The pages of others, for `page.py`: the same scalars in their stores, their servers, and when
what they show is drawn."""

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from long_run import AT_ONCE, SERIES, values

PATIENCE = 900
"""Seconds for a server to have read everything."""
IN_SIGHT = """(selector) => [...document.querySelectorAll(selector)].filter((one) => {
  const { top, bottom, height } = one.getBoundingClientRect();
  return height > 0 && bottom > 0 && top < innerHeight;
})"""


class Rival:
    """Another page, on the scalars of a run of `steps` steps.

    Attributes:
        title: In the table.
        module: What it is imported as.
        drawn: JavaScript, true when every chart in sight has its lines.
    """

    title, module, drawn = "", "", "() => true"

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        self.port = free_port()

    @property
    def missing(self) -> str | None:
        """Why it cannot be measured here."""
        if importlib.util.find_spec(self.module) is None:
            return f"{self.module} is not installed"
        return None

    def store(self) -> None:
        """Put the scalars where it looks for them."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """What starts its server."""
        raise NotImplementedError

    def is_loaded(self) -> bool:
        """Whether its server has read everything."""
        raise NotImplementedError

    @property
    def environment(self) -> dict[str, str]:
        """Of its processes."""
        return dict(os.environ)

    @property
    def url(self) -> str:
        """Where its page with all scalars is."""
        return f"http://127.0.0.1:{self.port}/"

    @contextlib.contextmanager
    def serving(self) -> Iterator[float]:
        """Its server, once it has read everything; gives the seconds that this took."""
        done = self.folder / "stored"
        if not done.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.store()
            done.touch()
        begun = time.monotonic()
        with (
            (self.folder / "log").open("wb") as log,
            subprocess.Popen(
                self.command(), stdout=log, stderr=log, env=self.environment
            ) as server,
        ):
            try:
                while not self._answers():
                    if server.poll() is not None or time.monotonic() - begun > PATIENCE:
                        raise SystemExit(f"{self.title} does not start: see {log.name}")
                    time.sleep(0.05)
                yield time.monotonic() - begun
            finally:
                server.terminate()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError, ValueError, KeyError):
            return self.is_loaded()
        return False

    def get(self, path: str) -> bytes:
        """What its server answers."""
        with urllib.request.urlopen(self.url.split("?")[0] + path, timeout=60) as answer:
            return answer.read()


class TensorBoard(Rival):
    """Event files, with at most 1,000 points a series, as it is by default."""

    title, module = "TensorBoard", "tensorboard"
    drawn = f"""() => {{
      const cards = ({IN_SIGHT})("scalar-card");
      const context = (window.seen ??= new OffscreenCanvas(60, 30).getContext("2d",
        {{ willReadFrequently: true }}));
      const isPainted = (canvas) => {{
        context.clearRect(0, 0, 60, 30);
        context.drawImage(canvas, 0, 0, 60, 30);
        return context.getImageData(0, 0, 60, 30).data.some((value) => value > 0);
      }};
      return cards.length > 0 && cards.every((card) => {{
        const canvas = card.querySelector(".series-view canvas");
        return canvas?.width > 0 && isPainted(canvas);
      }});
    }}"""

    @property
    def flags(self) -> list[str]:
        """How many points it keeps."""
        return []

    def store(self) -> None:
        # slow to load; its messages are made at run time
        from tensorboard.compat.proto.event_pb2 import Event  # noqa: PLC0415  # pyright: ignore
        from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415  # pyright: ignore
        from tensorboard.summary.writer.event_file_writer import (  # noqa: PLC0415
            EventFileWriter,
        )

        writer = EventFileWriter(str(self.folder / "events"))
        tags = ["/".join(one) for one in SERIES]
        for first in range(1, self.steps + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, self.steps)
            columns = [values(at, first, last).tolist() for at in range(len(tags))]
            for step, row in enumerate(zip(*columns, strict=True), first):
                found = [
                    Summary.Value(tag=tag, simple_value=value)
                    for tag, value in zip(tags, row, strict=True)
                ]
                summary = Summary(value=found)
                writer.add_event(Event(wall_time=1.7e9 + step, step=step, summary=summary))
        writer.close()

    def command(self) -> list[str]:
        events = str(self.folder / "events")
        flags = ["--logdir", events, "--port", str(self.port), *self.flags]
        return [sys.executable, "-m", "tensorboard.main", *flags]

    def is_loaded(self) -> bool:
        tag = "/".join(SERIES[-1])
        found = json.loads(self.get(f"data/plugin/scalars/scalars?tag={tag}&run=."))
        return bool(found) and found[-1][1] == self.steps

    @property
    def url(self) -> str:
        return f"{super().url}#timeseries"

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=60) as answer:
            return answer.read()


class TensorBoardAll(TensorBoard):
    """The same with every point. (Its help says `scalars=0`; version 2.21 then shows none.)"""

    title = "TensorBoard, every point"

    @property
    def flags(self) -> list[str]:
        return ["--samples_per_plugin", f"scalars={self.steps}"]


class Trackio(Rival):
    """Its own store, written in bulk as its importers do."""

    title, module = "trackio", "trackio"
    drawn = f"""() => {{
      const plots = ({IN_SIGHT})(".plot-container");
      return plots.length > 0 && plots.every((plot) => plot.querySelector("canvas, svg path"));
    }}"""

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TRACKIO_DIR": str(self.folder), "HF_HUB_OFFLINE": "1"}

    def store(self) -> None:
        # A process of its own, since the module asks for its folder when it is loaded.
        program = f"import page_rivals; page_rivals.store_in_trackio({self.steps})"
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            cwd=Path(__file__).parent,
            env=self.environment,
        )

    def command(self) -> list[str]:
        show = f"trackio.show(open_browser=False, block_thread=True, server_port={self.port})"
        return [sys.executable, "-c", f"import trackio; {show}"]

    def is_loaded(self) -> bool:
        return bool(self.get(""))


def store_in_trackio(steps: int) -> None:
    """Write a run of `steps` steps."""
    from trackio.sqlite_storage import SQLiteStorage  # noqa: PLC0415  # pyright: ignore

    names = ["/".join(one) for one in SERIES]
    for first in range(1, steps + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, steps)
        columns = [values(at, first, last).tolist() for at in range(len(names))]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        SQLiteStorage.bulk_log("pages", "run", rows, list(range(first, last + 1)))


RIVALS = (TensorBoard, TensorBoardAll, Trackio)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
