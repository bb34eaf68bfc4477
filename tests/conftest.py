"""Databases to test on, a run to fill, and a real server to talk to."""

import contextlib
import json
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import chromium
import httpx
import numpy as np
import pytest
import uvicorn
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine, make_url, text

from shiftscope.db import queue, write
from shiftscope.db.engine import open_database
from shiftscope.db.experiment import Experiment
from shiftscope.server.app import create_app
from shiftscope.server.assets import WEB
from shiftscope.server.cli import main
from shiftscope.server.serve_command import listen
from shiftscope.server.settings import Settings
from shiftscope.server.transport import PING_SECONDS, configure

ARMS = ("none", "BatchNorm")
LAYERS = ("hidden1", "hidden2")

settings.register_profile(
    "ours",
    derandomize=True,  # what is tried is the same in every run
    deadline=None,  # and no example fails because the machine is busy
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("ours")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Torch, where a test has loaded it, as runs of small networks have it: on one thread."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with tables and no rows, to be copied: migrations take their time."""
    file = tmp_path_factory.mktemp("empty") / "shiftscope.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def sqlite_engine(tmp_path: Path, empty_database: Path) -> Iterator[Engine]:
    """A new SQLite database."""
    file = shutil.copy(empty_database, tmp_path)
    engine = open_database(f"sqlite:///{file}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_engine(empty_postgresql: tuple[str, str]) -> Iterator[Engine]:
    """A new PostgreSQL database."""
    server, empty = empty_postgresql
    engine = open_database(_new_postgresql_database(server, template=empty))
    yield engine
    engine.dispose()


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine:
    """A new database: SQLite, or what SHIFTSCOPE_TEST_ON names (`postgresql`)."""
    return request.getfixturevalue(f"{os.environ.get('SHIFTSCOPE_TEST_ON', 'sqlite')}_engine")


@pytest.fixture(params=["sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database of each kind, without tables."""
    if request.param == "postgresql":
        return _new_postgresql_database(request.getfixturevalue("postgresql"))
    return f"sqlite:///{tmp_path / 'shiftscope.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    """A new database of each kind."""
    return request.getfixturevalue(f"{request.param}_engine")


@dataclass(frozen=True)
class PostgresqlServer:
    """A private PostgreSQL server: its URL, and what ends and starts it as an update would."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@pytest.fixture(scope="session")
def postgresql(postgresql_server: PostgresqlServer) -> str:
    """The URL of a private PostgreSQL server."""
    return postgresql_server.url


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A private PostgreSQL server, running."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    program = shutil.which("pg_ctl") or (programs[-1] if programs else None)
    if program is None:
        pytest.skip("PostgreSQL's pg_ctl is not on this machine")
    programs_folder = Path(program).parent
    # Not in pytest's folders, which are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="shiftscope-postgresql-"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # initdb refuses root
        user = {"user": "nobody"}
        shutil.chown(folder, "nobody")
    data = folder / "data"

    def call(*command: object) -> None:
        log = folder / "calls.log"
        with log.open("ab") as output:
            parts = [str(part) for part in command]
            subprocess.run(parts, check=True, stdout=output, stderr=output, cwd=folder, **user)

    call(programs_folder / "initdb", "-D", data, "-U", "shiftscope", "-A", "trust", "-N")
    port = free_port()  # not before: what takes long leaves it to others
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = (programs_folder / "pg_ctl", "-D", data, "-w", "-t", 300)

    def start() -> None:
        call(*control, "-l", folder / "log", "-o", options, "start")

    start()
    yield PostgresqlServer(
        f"postgresql://shiftscope@127.0.0.1:{port}/postgres",
        lambda: call(*control, "-m", "fast", "stop"),
        start,
    )
    call(*control, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def empty_postgresql(postgresql: str) -> tuple[str, str]:
    """The URL of the server, and the name of a database with tables and no rows to be copied."""
    url = _new_postgresql_database(postgresql)
    open_database(url).dispose()
    return postgresql, str(make_url(url).database)


def _new_postgresql_database(server: str, template: str = "template1") -> str:
    name = f"test_{time.monotonic_ns()}"
    admin = open_database(server)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    admin.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def reserved(port: int) -> Iterator[None]:
    """Nobody else is given a port that a server had and is to have again."""
    with socket.socket() as held:  # bound, it refuses whoever connects
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        yield


@dataclass
class Recorded:
    """A run of two arms with two layers each, and a writer that appends whole steps to it."""

    engine: Engine
    run_id: int
    networks: list[tuple[int, list[int]]]
    writer: write.RecordWriter
    step: int = 0

    def begin(self) -> None:
        """Evaluate every network before training, at step 0."""
        for network_id, _ in self.networks:
            columns = {"step": [0], "test_accuracy": [0.1], "test_loss": [2.3]}
            self.writer.add("evaluations", {"network_id": network_id}, columns)
        self.writer.commit(0)

    def append(self, steps: int, **statistics: Sequence[float | None]) -> None:
        """Commit more steps; `mean` of each layer is its step unless columns are given."""
        step = np.arange(self.step + 1, self.step + steps + 1)
        given = statistics or {"mean": step.astype(float)}
        for network_id, layer_ids in self.networks:
            for layer_id in layer_ids:
                keys = {"network_id": network_id, "layer_id": layer_id}
                self.writer.add("layer_records", keys, {"step": step, **given})
            loss = {"step": step, "loss": 1 / step}
            self.writer.add("network_records", {"network_id": network_id}, loss)
        self.step += steps
        self.writer.commit(self.step)


@pytest.fixture
def make_run() -> Callable[..., Recorded]:
    """Makes a running run in a database, with networks and layers and no records yet."""

    def make(engine: Engine, arms: Sequence[str] = ARMS, **settings: Any) -> Recorded:
        names = [{"name": arm, "norm": "none"} for arm in arms]
        experiment = Experiment.model_validate({"arms": names, "name": "A run", **settings})
        run_id = queue.enqueue(engine, experiment)
        assert queue.claim(engine, queue.register(engine), run_id) == run_id
        layer = {"kind": "Linear", "norm": "none", "activation": "sigmoid", "units": 100}
        layers = [{"name": name, **layer} for name in LAYERS]
        networks = [
            ({"arm": arm, "seed": 0, "parameters": 10, "weights_hash": "ab"}, layers)
            for arm in arms
        ]
        numbers = write.add_networks(engine, run_id, networks)
        return Recorded(engine, run_id, numbers, write.RecordWriter(engine, run_id))

    return make


@pytest.fixture
def make_watched() -> Callable[..., Recorded]:
    """Makes a watched run, whose arms have the layers named, and no records yet."""

    def make(
        engine: Engine,
        layers: Mapping[str, Sequence[str]] | None = None,
        *,
        name: str = "Mine",
        steps: int | None = None,
        layer: Mapping[str, Any] | None = None,
        **watched: Any,
    ) -> Recorded:
        layers = layers or {"model": LAYERS}
        document = {
            **{"program": "train.py", "host": "gpu-3", "pid": 4711, "arms": list(layers)},
            "models": dict.fromkeys(layers, "ResNet"),
            "optimizers": {arm: ["SGD(lr=0.1, momentum=0.9)"] for arm in layers},
            "attached": {arm: len(names) for arm, names in layers.items()},
            **{"skipped": [], "settings": {"batch_size": 128}, "not_recorded": []},
            **{"overhead_cap": None, **watched},
        }
        recorder = queue.register(engine, "watch")
        run_id = queue.begin_watched(engine, recorder, name, document, steps)
        block = {"kind": "Conv2d", "norm": "batch", "activation": "relu", "units": 64}
        block |= {"elements": 802_816, "sampled": 16_384, **(layer or {})}
        networks = [
            (
                {"arm": arm, "seed": 0, "parameters": 10, "weights_hash": "ab"},
                [{"name": one, **block} for one in names],
            )
            for arm, names in layers.items()
        ]
        numbers = write.add_networks(engine, run_id, networks)
        return Recorded(engine, run_id, numbers, write.RecordWriter(engine, run_id))

    return make


@dataclass
class Stored:
    """A SQLite file that watched runs go into, and what is in it."""

    url: str

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What a query gives, by column."""
        with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(query)]

    def run(self, number: int = 1) -> dict[str, Any]:
        """A run's row, with its document `watched` read."""
        (row,) = self.rows(f"SELECT * FROM runs WHERE id = {number}")
        return row | {"watched": json.loads(row["watched"])}

    def records(self, layer: str, arm: str = "model") -> list[dict[str, Any]]:
        """All records of a layer, step by step."""
        return self.rows(
            "SELECT r.* FROM layer_records r JOIN layers l ON l.id = r.layer_id JOIN networks n "
            f"ON n.id = r.network_id WHERE l.name = '{layer}' AND n.arm = '{arm}' ORDER BY step"
        )


@pytest.fixture
def stored(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Stored:
    """A SQLite file for watched runs; it has its tables, which a recorder would make itself.

    However busy the machine is, the recorder is waited for.
    """
    for name in ("KNOWN_SECONDS", "TOLD_SECONDS"):
        monkeypatch.setattr(f"shiftscope.trainer.watched.{name}", 60.0)
    return Stored(f"sqlite:///{shutil.copy(empty_database, tmp_path / 'watched.db')}")


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes posts, and what came; below it, /unwell fails the first time, and
    /moved names another one."""
    taken: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/there")
            else:
                self.send_response(500 if self.path == "/unwell" and len(taken) == 1 else 204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", taken
    server.shutdown()
    server.server_close()
    thread.join()


@contextlib.contextmanager
def running_server(
    engine: Engine,
    web: Path = WEB,
    *,
    port: int = 0,
    settings: Settings | None = None,
    ping_seconds: float = PING_SECONDS,
    pong_seconds: float = 600.0,
) -> Iterator[tuple[str, uvicorn.Server]]:
    """A real server in a thread, and its address, as 127.0.0.1:PORT.

    It lets go of no client that a busy machine keeps from answering a ping for some seconds.
    """
    listening = listen("127.0.0.1", port)
    # Small buffers, so that a reader that is slow is soon felt.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    settings = settings or Settings()
    app = create_app(engine, web, settings=settings)
    pings = {"ping_seconds": ping_seconds, "pong_seconds": pong_seconds}
    server = uvicorn.Server(configure(app, settings.proxies, **pings))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    deadline = time.monotonic() + 60
    while not server.started:
        assert thread.is_alive() and time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)
    try:
        yield address, server
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server did not end"


@pytest.fixture(name="running_server")
def _running_server() -> Callable[..., contextlib.AbstractContextManager[Any]]:
    """Runs a real server for a while."""
    return running_server


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Starts real servers; gives the address of each, as 127.0.0.1:PORT."""
    with contextlib.ExitStack() as servers:

        def start(engine: Engine, web: Path = WEB, **settings: Any) -> str:
            address, _ = servers.enter_context(
                running_server(engine, web, settings=Settings(**settings))
            )
            return address

        yield start


@pytest.fixture
def connect(serve: Callable[..., str]) -> Iterator[Callable[..., httpx.Client]]:
    """Starts real servers; gives an HTTP client of each."""
    clients: list[httpx.Client] = []

    def start(engine: Engine, web: Path = WEB, **options: str) -> httpx.Client:
        address = serve(engine, web, **options)
        clients.append(httpx.Client(base_url=f"http://{address}", timeout=60))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def web(engine: Engine, connect: Callable[..., httpx.Client]) -> httpx.Client:
    """An HTTP client of a server on the new SQLite database."""
    return connect(engine)


@dataclass(frozen=True)
class Asked:
    """What a command said, and the exit code that it ended with."""

    returncode: object
    stdout: str
    stderr: str


class Ask(Protocol):
    """Calls a command in an environment."""

    def __call__(self, environment: Mapping[str, str], *arguments: str) -> Asked: ...


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """The command line in this process, which spares the second in which a new one loads."""

    def ask(environment: Mapping[str, str], *arguments: str) -> Asked:
        with monkeypatch.context() as patched:
            patched.setattr(os, "environ", dict(environment))
            patched.setattr(sys, "argv", ["shiftscope", *arguments])
            try:
                main()
            except SystemExit as ended:
                code = ended.code or 0
            else:
                code = 0
        said = capfd.readouterr()
        return Asked(code, said.out, said.err)

    return ask


def decode(message: bytes) -> tuple[dict[str, Any], list[dict[str, np.ndarray]]]:
    """A frame's header, and the columns of each series."""
    (length,) = struct.unpack_from("<I", message)
    assert (4 + length) % 8 == 0
    header = json.loads(message[4 : 4 + length])
    numbers = np.frombuffer(message, "<f8", offset=4 + length)
    columns = []
    for series in header["series"]:
        size = series["rows"] * len(series["columns"])
        taken, numbers = numbers[:size], numbers[size:]
        shaped = taken.reshape(len(series["columns"]), series["rows"])
        columns.append(dict(zip(series["columns"], shaped, strict=True)))
    assert numbers.size == 0
    return header, columns


@pytest.fixture
def read_frame() -> Callable[[bytes], tuple[dict[str, Any], list[dict[str, np.ndarray]]]]:
    """Decodes a binary frame."""
    return decode


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """A data folder with real MNIST: SHIFTSCOPE_DATA's, or one that lies beside the checkout."""
    checkout = Path(__file__).resolve().parents[1]
    for folder in (os.environ.get("SHIFTSCOPE_DATA"), checkout.parent / "shared" / "data"):
        if folder and any(Path(folder).glob("**/train-images-idx3-ubyte*")):
            return Path(folder)
    pytest.skip("real MNIST is not here: set SHIFTSCOPE_DATA to a folder that holds it")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium of this machine, or playwright's own."""
    path = chromium.find()
    if path is None:
        pytest.fail(chromium.ADVICE)
    with sync_playwright() as playwright:
        launch = playwright.chromium.launch
        browser = launch(executable_path=path, args=chromium.FLAGS, timeout=60_000)
        yield browser
        browser.close()
