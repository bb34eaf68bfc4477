"""Live push: nothing twice, nothing missing, whoever watches and however slowly."""

import json
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from conftest import reserved
from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError
from websockets.client import ClientProtocol
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from shiftscope.db import edit, queue, read, write
from shiftscope.db.engine import writing
from shiftscope.db.experiment import Experiment
from shiftscope.db.tables import Layer
from shiftscope.server import tails
from shiftscope.server.frames import MOST_PUSHED
from shiftscope.server.run_schemas import run_public

PATIENCE = 60


class Client:
    """Speaks docs/protocol.md, keeping the rows of every series as the page does."""

    decode: Callable[[bytes], tuple[dict[str, Any], list[dict[str, np.ndarray]]]]

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.latest = 0
        self.frames: list[dict[str, Any]] = []
        self.rows: dict[tuple[Any, ...], dict[int, dict[str, float]]] = {}
        self.resent: Counter[str] = Counter()

    def ask(self, **message: Any) -> None:
        self.connection.send(json.dumps(message))

    def next(self) -> dict[str, Any]:
        """The next message; of a frame the header, its rows being taken in."""
        message = self.connection.recv(PATIENCE)
        if isinstance(message, str):
            return json.loads(message)
        header, columns = self.decode(message)
        self.frames.append(header)
        self.latest = header["latest"]
        for series, data in zip(header["series"], columns, strict=True):
            self._take(series, data)
        return header

    def until(self, found: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        while not found(message := self.next()):
            pass
        return message

    def catch_up(self, step: int) -> None:
        """Until everything up to a step has come."""
        while self.latest < step:
            self.next()

    def _take(self, series: dict[str, Any], data: dict[str, np.ndarray]) -> None:
        key = (series["table"], series["network_id"], series["layer_id"])
        rows = self.rows.setdefault(key, {})
        for step in [step for step in rows if step >= series["first"]]:
            del rows[step]
            self.resent[series["table"]] += 1
        for row, step in enumerate(data["step"].astype(int).tolist()):
            assert step not in rows
            rows[step] = {name: column[row] for name, column in data.items()}


@pytest.fixture(autouse=True)
def _decoding(read_frame: Any) -> None:
    Client.decode = staticmethod(read_frame)


@contextmanager
def client(address: str, known: Client | None = None) -> Iterator[Client]:
    """A new client, or one that was connected before and keeps what it knows."""
    with connect(
        f"ws://{address}/api/live",
        compression=None,
        max_size=None,
        open_timeout=PATIENCE,
        ping_interval=None,  # whether the server is there these tests see for themselves
    ) as connection:
        known = known or Client(connection)
        known.connection = connection
        yield known


def everything(run: Any) -> list[dict[str, Any]]:
    layers = [
        {"table": "layer_records", "network_id": n, "layer_id": layer, "statistics": ["mean"]}
        for n, layer_ids in run.networks
        for layer in layer_ids
    ]
    evaluations = [
        {"table": "evaluations", "network_id": n, "statistics": ["test_accuracy"]}
        for n, _ in run.networks
    ]
    return layers + evaluations


@contextmanager
def appending(run: Any, at_once: int) -> Iterator[Callable[[], None]]:
    """Another thread commits steps, a few at a time; gives what ends it, and then the run."""
    enough = threading.Event()

    def work() -> None:
        while not enough.wait(0.02):
            run.append(at_once)
        queue.end(run.engine, run.run_id, "finished")

    thread = threading.Thread(target=work)

    def finish() -> None:
        enough.set()
        thread.join()

    thread.start()
    try:
        yield finish
    finally:
        finish()


def test_a_reconnect_in_the_middle_gives_no_row_twice_and_none_missing(
    any_engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(any_engine)
    run.begin()
    address = serve(any_engine)
    watch = {"type": "watch", "run": run.run_id, "points": 100_000, "series": everything(run)}
    with appending(run, at_once=17) as finish:
        with client(address) as first:
            first.ask(**watch, after=0)
            first.catch_up(301)
        with client(address) as second:
            second.rows, second.latest = first.rows, first.latest
            second.ask(**watch, after=first.latest)
            second.catch_up(first.latest + 301)
            assert second.resent.total() == 0
            known, seen = second.latest, len(second.frames)
            second.ask(**watch, after=known)
            second.catch_up(known + 601)
            finish()
            second.catch_up(run.step)
    # A frame of the watch before may have been under way; what was known is never sent again.
    sent = [series["first"] for frame in second.frames[seen:] for series in frame["series"]]
    assert sent and min(sent) > known
    for (table, _, _), rows in second.rows.items():
        steps = [0] if table == "evaluations" else list(range(1, run.step + 1))
        assert list(rows) == steps
        if table == "layer_records":
            assert [row["mean"] for row in rows.values()] == steps


def test_evaluations_come_exactly_once_beside_buckets_even_after_a_reconnect(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine, recording={"evaluate_every": 50})
    run.begin()
    address = serve(engine)
    watch = {"type": "watch", "run": run.run_id, "points": 40, "series": everything(run)}
    rows: dict[Any, Any] = {}
    widths: dict[str, int] = {}
    after = 0
    while after < 990:
        with client(address) as viewer:
            viewer.rows, viewer.latest = rows, after
            viewer.ask(**watch, after=after)
            for _ in range(3):
                due = [step for step in range(run.step + 1, run.step + 56) if step % 50 == 0]
                for network_id, _ in run.networks:
                    columns = {"step": due, "test_accuracy": [0.5] * len(due)}
                    run.writer.add("evaluations", {"network_id": network_id}, columns)
                run.append(55)
                viewer.until(lambda _, viewer=viewer: viewer.latest == run.step)
            after = viewer.latest
        assert viewer.resent["evaluations"] == 0
        widths = {series["table"]: series["width"] for series in viewer.frames[-1]["series"]}
    assert widths == {"layer_records": 64, "evaluations": 1}
    for (table, _, _), series in rows.items():
        if table == "evaluations":
            assert list(series) == list(range(0, 991, 50))
        else:
            assert max(row["last_step"] for row in series.values()) == 990


NAMES = ["mean", "std", "min", "max", "p01", "p05", "p15", "p25", "p50", "p75", "p85", "p95"]
HELD = 65_536 + 8 * MOST_PUSHED + 16_384
"""Bytes that may wait for a client: what the transport takes more onto, one frame, and states."""


def fully(run: Any, steps: int) -> None:
    """Commit steps of which every layer has a dozen statistics, each the step's number."""
    values = np.arange(run.step + 1.0, run.step + steps + 1)
    run.append(steps, **dict.fromkeys(NAMES, values))


def watch_fully(run: Any) -> dict[str, Any]:
    series = [one | {"statistics": NAMES} for one in everything(run) if "layer_id" in one]
    return {"type": "watch", "run": run.run_id, "points": 100_000, "series": series}


def held(server: uvicorn.Server) -> int:
    """The most bytes that wait in the server for one client."""
    sockets = live_sockets(server)
    return max((one.transport.get_write_buffer_size() for one in sockets), default=0)


def live_sockets(server: uvicorn.Server) -> list[Any]:
    """The server's ends of the live connections."""
    return [one for one in list(server.server_state.connections) if hasattr(one, "conn")]


@contextmanager
def narrow(address: str) -> Iterator[socket.socket]:
    """A connection that takes little on its own."""
    host, _, port = address.partition(":")
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
        narrow.connect((host, int(port)))
        yield narrow


def test_a_client_that_does_not_read_delays_nobody_holds_little_and_then_gets_everything_once(
    engine: Engine, make_run: Any, running_server: Any
) -> None:
    run = make_run(engine)
    fully(run, 4_000)
    patient = running_server(engine, ping_seconds=600.0)  # with one who reads nothing for long
    with patient as (address, server), narrow(address) as slow_socket:
        slow_connection = connect(
            f"ws://{address}/api/live",
            sock=slow_socket,
            compression=None,
            max_size=None,
            max_queue=1,
            open_timeout=PATIENCE,
            ping_interval=None,
            close_timeout=1,
        )
        with slow_connection, client(address) as fast:
            slow = Client(slow_connection)
            slow.ask(**watch_fully(run), after=0)
            fast.ask(**watch_fully(run), after=0)
            fast.until(lambda _: fast.latest == 4_000)
            waiting = []
            for _ in range(8):
                fully(run, 500)
                fast.until(lambda _: fast.latest == run.step)
                waiting.append(held(server))
            assert 65_536 < max(waiting) <= HELD
            slow.until(lambda _: slow.latest == run.step)
    assert slow.resent.total() == 0 and len(slow.frames) < len(fast.frames)
    for client_rows in (slow.rows, fast.rows):
        for rows in client_rows.values():
            assert [row["p95"] for row in rows.values()] == list(range(1, 8_001))


def test_what_one_frame_does_not_take_comes_in_the_next_from_bucket_to_bucket(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine)
    fully(run, 4_003)
    with client(serve(engine)) as viewer:
        viewer.ask(**watch_fully(run) | {"points": 3_000})
        viewer.until(lambda _: viewer.latest == 4_003)
    sizes = [sum(one["rows"] * len(one["columns"]) for one in f["series"]) for f in viewer.frames]
    assert len(sizes) == 2 and max(sizes) <= MOST_PUSHED
    assert viewer.resent.total() == 0
    assert {one["width"] for frame in viewer.frames for one in frame["series"]} == {4}
    for rows in viewer.rows.values():
        ends = [(row["step"], row["last_step"]) for row in rows.values()]
        assert ends == [(max(at, 1), min(at + 3, 4_003)) for at in range(0, 4_004, 4)]


@pytest.fixture
def silent() -> Iterator[Callable[[str], tuple[socket.socket, ClientProtocol]]]:
    """Opens connections of clients that read nothing more and answer no ping."""
    with ExitStack() as opened:

        def open_silent(address: str) -> tuple[socket.socket, ClientProtocol]:
            sock = opened.enter_context(narrow(address))
            protocol = ClientProtocol(parse_uri(f"ws://{address}/api/live"))
            protocol.send_request(protocol.connect())
            sock.sendall(b"".join(protocol.data_to_send()))
            answer = sock.recv(4096)
            assert answer.startswith(b"HTTP/1.1 101")
            protocol.receive_data(answer)
            return sock, protocol

        yield open_silent


@pytest.mark.parametrize("asks", [False, True], ids=["idle", "pushed to"])
def test_a_client_that_vanishes_is_gone_within_seconds(
    engine: Engine, make_run: Any, running_server: Any, silent: Any, asks: bool
) -> None:
    run = make_run(engine)
    fully(run, 4_000)
    pings = 600.0 if asks else 0.3
    with running_server(engine, ping_seconds=pings, pong_seconds=0.3) as (address, server):
        sock, protocol = silent(address)
        server.config.ws_ping_interval = 600.0  # the next client may be kept from answering
        if asks:
            protocol.send_text(json.dumps(watch_fully(run)).encode())
            sock.sendall(b"".join(protocol.data_to_send()))
            wait_for(lambda: held(server) > 65_536)
            assert viewers(server) == 1
            (watching,) = live_sockets(server)
            watching.loop.call_soon_threadsafe(watching.send_keepalive_ping)
        with client(address) as alive:
            alive.ask(**watch_fully(run))
            alive.until(lambda _: alive.latest == 4_000)
            wait_for(lambda: len(server.server_state.connections) == 1)
            wait_for(lambda: len(server.server_state.tasks) == viewers(server) == 1)
            run.append(1)
            alive.until(lambda _: alive.latest == 4_001)


def wait_for(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def viewers(server: uvicorn.Server) -> int:
    """How many clients the tails of a server wake."""
    app: Any = server.config.app
    return sum(len(tail.viewers) for tail in list(app.state.tails._tails.values()))


def test_pings_of_a_client_that_reads_no_answers_pile_up_nothing(
    engine: Engine, running_server: Any, silent: Any
) -> None:
    with running_server(engine, ping_seconds=600.0) as (address, server):
        sock, protocol = silent(address)
        protocol.send_ping(b"x" * 125)
        pings = b"".join(protocol.data_to_send()) * 1_000
        for _ in range(60):  # 8 MB, where the socket's buffers take one tenth
            sock.sendall(pings)
        with client(address) as alive:
            alive.ask(type="nonsense")
            assert alive.next()["type"] == "error"
        assert held(server) <= 65_536 + 262_144  # what one read of the socket brings


def test_after_a_restart_of_the_server_all_clients_are_soon_complete(
    engine: Engine, make_run: Any, running_server: Any
) -> None:
    run = make_run(engine)
    run.begin()
    watch = {"type": "watch", "run": run.run_id, "points": 100_000, "series": everything(run)}
    clients: list[Client] = []

    def follow(address: str) -> None:
        """Until step 900; as web/live.js does, connecting again and asking for what is after."""
        known = None
        while known is None or known.latest < 900:
            try:
                with client(address, known) as known:
                    if known not in clients:
                        clients.append(known)
                    known.ask(**watch, after=known.latest)
                    known.until(lambda _, known=known: known.latest >= 900)
            except (OSError, WebSocketException):
                time.sleep(random.uniform(0.2, 0.4))

    def write(until: int) -> None:
        while run.step < until:
            run.append(20)
            time.sleep(0.02)

    with ThreadPoolExecutor(8) as pool:
        with running_server(engine) as (address, _):
            following = [pool.submit(follow, address) for _ in range(8)]
            write(300)
            wait_for(lambda: len(clients) == 8 and min(one.latest for one in clients) > 0)
        port = int(address.partition(":")[2])
        with reserved(port):
            write(600)
            assert max(one.latest for one in clients) <= 300
            with running_server(engine, port=port):
                write(900)
                for one in following:
                    one.result(PATIENCE)
    for known in clients:
        assert known.resent.total() == 0
        for (table, _, _), rows in known.rows.items():
            assert list(rows) == ([0] if table == "evaluations" else list(range(1, 901)))


def test_viewers_of_one_run_share_one_look_and_one_frame(
    engine: Engine, make_run: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tails_made, frames_made = [], []
    begin, read_frame = tails.RunTail.__init__, tails.read_frame

    def counted_tail(self: tails.RunTail, *arguments: Any) -> None:
        tails_made.append(arguments)
        begin(self, *arguments)

    def counted_frame(*arguments: Any) -> Any:
        frames_made.append(arguments[2:])
        return read_frame(*arguments)

    monkeypatch.setattr(tails.RunTail, "__init__", counted_tail)
    monkeypatch.setattr(tails, "read_frame", counted_frame)
    run = make_run(engine)
    run.append(100)
    address = serve(engine)
    with client(address) as one, client(address) as two, client(address) as three:
        for viewer in (one, two, three):
            viewer.ask(type="watch", run=run.run_id, points=1000, series=everything(run))
        for viewer in (one, two, three):
            viewer.until(lambda _, viewer=viewer: viewer.latest == 100)
    assert len(tails_made) == 1
    assert len(frames_made) == 1


def test_a_client_is_pushed_to_at_most_four_times_a_second(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine)
    address = serve(engine)
    begun = time.monotonic()
    with appending(run, at_once=5) as finish, client(address) as viewer:
        viewer.ask(type="watch", run=run.run_id, series=everything(run))
        viewer.until(lambda _: len(viewer.frames) == 9)
        finish()
        viewer.catch_up(run.step)
    assert len(viewer.frames) <= 4 * (time.monotonic() - begun) + 1


def test_a_spike_of_one_step_reaches_a_viewer_of_few_points(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine)
    address = serve(engine)
    with client(address) as viewer:
        viewer.ask(type="watch", run=run.run_id, points=20, series=everything(run)[:1])
        for at in range(10):
            values = [0.0] * 100
            if at == 6:
                values[37] = 1e6
            run.append(100, mean=values)
            viewer.until(lambda _: viewer.latest == run.step)
    assert viewer.frames[-1]["series"][0]["width"] == 128
    highest = {
        step: row.get("mean.max", row.get("mean"))
        for rows in viewer.rows.values()
        for step, row in rows.items()
    }
    assert max(highest.values()) == 1e6  # type: ignore[type-var]


def merge(buckets: dict[int, Any], width: int) -> dict[int, Any]:
    """Buckets (last step, lowest, highest; by first step) as wider ones, as the page does it."""
    merged: dict[int, Any] = {}
    for step, (last, low, high) in sorted(buckets.items()):
        at = next((first for first in merged if first // width == step // width), step)
        before = merged.get(at, (last, low, high))
        merged[at] = (last, min(before[1], low), max(before[2], high))
    return merged


def test_buckets_that_widen_while_a_run_grows_end_equal_to_its_history(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine)
    address = serve(engine)
    network_id, layer_ids = run.networks[0]
    series = [everything(run)[0]]
    seen: dict[int, Any] = {}
    values = np.random.default_rng(1).normal(size=700)
    with client(address) as viewer:
        viewer.ask(type="watch", run=run.run_id, points=50, series=series)
        for begin in range(0, 700, 35):
            run.append(35, mean=values[begin : begin + 35])
            frame = viewer.until(lambda _: viewer.latest == run.step)
            width = frame["series"][0]["width"]
            for row in viewer.rows["layer_records", network_id, layer_ids[0]].values():
                low = row.get("mean", row.get("mean.min"))
                high = row.get("mean", row.get("mean.max"))
                first = int(row["step"])
                seen = {step: bucket for step, bucket in seen.items() if step < first}
                seen[first] = (int(row.get("last_step", first)), low, high)
            seen = merge(seen, width)
            viewer.rows.clear()
        widths = [frame["series"][0]["width"] for frame in viewer.frames]
    body = {"series": series, "points": 50}
    path = f"http://{address}/api/runs/{run.run_id}/series"
    answer = httpx.post(path, json=body, timeout=PATIENCE)
    header, (history,) = viewer.decode(answer.content)
    assert widths[0] == 1 and widths == sorted(widths)
    assert header["series"][0]["width"] == widths[-1] == 32
    columns = (history[name] for name in ("step", "last_step", "mean.min", "mean.max"))
    assert [(step, *bucket) for step, bucket in seen.items()] == list(zip(*columns, strict=True))


def test_a_database_that_does_not_answer_is_told_once_and_the_push_goes_on_after(
    engine: Engine, make_run: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    run.append(5)
    with client(serve(engine)) as viewer:
        viewer.ask(type="watch", run=run.run_id, series=everything(run))
        viewer.until(lambda _: viewer.latest == 5)

        def fail(*_: Any) -> None:
            raise OperationalError("SELECT", {}, Exception("disk I/O error"))

        with monkeypatch.context() as patch:
            patch.setattr(tails.RunTail, "_read", fail)
            assert "does not answer" in viewer.until(lambda m: m["type"] == "error")["detail"]
        run.append(5)
        viewer.until(lambda _: viewer.latest == 10)


def test_networks_are_told_when_training_begins_and_when_one_is_frozen(
    engine: Engine, serve: Any
) -> None:
    run_id = queue.enqueue(engine, Experiment())
    address = serve(engine)
    with client(address) as viewer:
        viewer.ask(type="watch", run=run_id)
        assert viewer.next()["run"]["status"] == "queued"
        queue.claim(engine, queue.register(engine), run_id)
        assert viewer.next()["run"]["status"] == "running"
        network = {"arm": "none", "seed": 0, "parameters": 1, "weights_hash": ""}
        layer = {"name": "hidden1", "kind": "Linear", "norm": "none", "activation": "relu"}
        layers = [layer | {"units": 7, "elements": 70, "sampled": None}]
        ((network_id, (layer_id,)),) = write.add_networks(engine, run_id, [(network, layers)])
        told = viewer.until(lambda message: message["type"] == "networks")
        assert told == {
            "type": "networks",
            "run": run_id,
            "networks": [
                network
                | {"id": network_id, "diverged_step": None, "frozen_step": None}
                | {"layers": [layers[0] | {"id": layer_id}]}
            ],
        }
        writer = write.RecordWriter(engine, run_id)
        writer.freeze(network_id, diverged_step=5, frozen_step=9)
        writer.commit(9)
        told = viewer.until(lambda message: message["type"] == "networks")
        assert told["networks"][0]["frozen_step"] == 9
        with writing(engine) as connection:
            connection.execute(update(Layer).values(sampled=70))
        told = viewer.until(lambda message: message["type"] == "networks")
        assert told["networks"][0]["layers"][0]["sampled"] == 70


def test_what_observing_costs_is_told_while_it_changes(
    any_engine: Engine, make_watched: Any, serve: Any
) -> None:
    run = make_watched(any_engine)
    with client(serve(any_engine)) as viewer:
        viewer.ask(type="watch", run=run.run_id)
        told = viewer.next()["run"]
        assert (told["source"], told["steps"], told["arms"]) == ("watch", None, ["model"])
        assert (told["overhead"], told["waited"], told["looked"]) == (None, None, None)
        cost = {"overhead": 0.018, "waited": 12.5, "looked": 3}
        run.writer.commit(7, **cost)
        told = viewer.until(lambda message: message["type"] == "run" and message["run"]["step"])
        assert {name: told["run"][name] for name in cost} == cost


def test_looking_again_at_a_model_of_many_layers_does_not_read_them_again(
    engine: Engine, make_watched: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_watched(engine, {"model": [f"blocks.{at}" for at in range(1_000)]})
    real, calls = read.layers, []
    monkeypatch.setattr(read, "layers", lambda *given: calls.append(1) or real(*given))
    with client(serve(engine)) as viewer:
        viewer.ask(type="watch", run=run.run_id)
        told = viewer.until(lambda message: message["type"] == "networks")
        assert len(told["networks"][0]["layers"]) == 1_000
        for step in range(1, 6):
            run.append(1)
            viewer.until(lambda message, at=step: message.get("run", {}).get("step") == at)
    assert len(calls) == 1


def test_the_list_of_runs_is_told_of_what_is_new_and_what_changes(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    old = make_run(engine)
    address = serve(engine)
    with client(address) as viewer:
        viewer.ask(type="runs")
        viewer.ask(type="runs")
        viewer.ask(type="unwatch")
        viewer.ask(type="nonsense")  # its answer says that the first message has been obeyed
        assert viewer.next()["type"] == "error"
        old.append(5)
        changed = viewer.next()
        assert (changed["run"]["id"], changed["run"]["step"]) == (old.run_id, 5)
        new = queue.enqueue(engine, Experiment(name="The new one"))
        assert viewer.next()["run"] | {"id": new, "name": "The new one"} == viewer_run(engine, new)
        queue.end(engine, old.run_id, "finished")
        ended = viewer.next()
        assert (ended["run"]["id"], ended["run"]["status"]) == (old.run_id, "finished")
        edit.change(engine, [old.run_id], name="Renamed")
        assert viewer.next()["run"]["name"] == "Renamed"
        edit.remove(engine, [old.run_id])
        assert viewer.next()["run"]["deleted_at"] is not None


def test_runs_that_wait_are_not_read_again_until_they_begin_or_are_stopped(
    engine: Engine, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_, last) = [queue.enqueue(engine, Experiment()) for _ in range(50)]
    real, shown = tails.run_public, []
    monkeypatch.setattr(tails, "run_public", lambda run: shown.append(run.id) or real(run))
    with client(serve(engine)) as viewer:
        viewer.ask(type="runs")
        viewer.ask(type="nonsense")  # its answer says that the first message has been obeyed
        assert viewer.next()["type"] == "error"
        assert queue.claim(engine, queue.register(engine), last) == last
        told = viewer.next()["run"]
        assert (told["id"], told["status"]) == (last, "running")
        queue.ask_to_stop(engine, first)
        told = viewer.next()["run"]
        assert (told["id"], told["status"]) == (first, "stopped")
    assert set(shown) == {first, last}


def viewer_run(engine: Engine, run_id: int) -> dict[str, Any]:
    """A run as it is pushed."""
    return run_public(read.run(engine, run_id)).model_dump(mode="json")


def test_an_ended_run_is_sent_whole_and_a_viewer_with_everything_gets_no_frame(
    engine: Engine, make_run: Any, serve: Any
) -> None:
    run = make_run(engine)
    run.append(10)
    queue.end(engine, run.run_id, "stopped")
    address = serve(engine)
    with client(address) as viewer:
        viewer.ask(type="watch", run=run.run_id, after=10, series=everything(run))
        assert viewer.next()["type"] == "run"
        assert viewer.next()["type"] == "networks"
        viewer.ask(type="watch", run=run.run_id, after=4, series=everything(run))
        frame = viewer.until(lambda message: message["type"] == "records")
    assert {series["first"] for series in frame["series"]} == {5}
    assert (frame["latest"], len(viewer.frames)) == (10, 1)


BAD = {
    "not JSON": "{",
    "no type": "{}",
    "an unknown type": '{"type": "dance"}',
    "an unknown run": '{"type": "watch", "run": 999}',
    "a number no run can have": '{"type": "watch", "run": 99999999999999999999}',
    "too few points": '{"type": "watch", "run": 1, "points": 1}',
    "an unknown network": '{"type": "watch", "run": 1, "series": [{"table": "evaluations", '
    '"network_id": 77, "statistics": ["test_loss"]}]}',
    "an unknown layer": '{"type": "watch", "run": 1, "series": [{"table": "layer_records", '
    '"network_id": 1, "layer_id": 77, "statistics": ["mean"]}]}',
    "an unknown table": '{"type": "watch", "run": 1, "series": [{"table": "workers", '
    '"network_id": 1, "statistics": ["pid"]}]}',
    "a key as a statistic": '{"type": "watch", "run": 1, "series": [{"table": "evaluations", '
    '"network_id": 1, "statistics": ["step"]}]}',
    "deep nesting": "[" * 100_000,
    "bytes": b"\x00\xff",
}


@pytest.mark.parametrize("message", BAD.values(), ids=list(BAD))
def test_a_bad_message_is_answered_by_a_sentence_and_the_connection_lives(
    engine: Engine, make_run: Any, serve: Any, message: str | bytes
) -> None:
    run = make_run(engine)
    run.append(3)
    with client(serve(engine)) as viewer:
        viewer.connection.send(message)
        answer = viewer.next()
        assert answer["type"] == "error" and len(answer["detail"]) > 10
        viewer.ask(type="watch", run=run.run_id, series=everything(run))
        viewer.until(lambda _: viewer.latest == 3)
