"""Whatever a client sends over the WebSocket, it is answered or the connection is closed for it.

Others' connections and the server go on, and nothing is logged as a mistake of the server's.
SHIFTSCOPE_FUZZ is how often each is tried, for a night.
"""

import json
import logging
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

PATIENCE = 60
# The server in this process draws numbers of its own meanwhile, which hypothesis takes for ours.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
CLOSED_FOR = {1002, 1007, 1009}
"""Why docs/protocol.md says that a connection is closed: no frame, no UTF-8, too large."""
FEW = settings(
    max_examples=int(os.environ.get("SHIFTSCOPE_FUZZ", "60")),
)
HANDSHAKE = (
    "GET /api/live HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
numbers = st.sampled_from([0, 1, 2, -1, 2**31, 2**63, 10**400, 1.5, 1e308, True]) | st.integers()
values = st.recursive(
    st.none() | st.booleans() | numbers | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
selections = st.fixed_dictionaries(
    {
        "table": st.sampled_from(["layer_records", "evaluations", "ensemble_records"]) | values,
        "network_id": numbers | values,
        "statistics": st.lists(st.sampled_from(["mean", "test_loss"]) | values) | values,
    },
    optional={"layer_id": numbers | values, "seed": numbers},
)
asked = st.fixed_dictionaries(
    {"type": st.sampled_from(["watch", "runs", "unwatch"]) | values},
    optional={
        **{"run": numbers | values, "after": numbers | values, "points": numbers | values},
        "series": st.lists(selections, max_size=3) | values,
    },
)
texts = st.text(max_size=40) | (values | asked).map(json.dumps)
messages = texts | st.binary(max_size=40) | st.lists(texts, min_size=1, max_size=4)
"""A text, bytes, or a text in several frames."""


class Client:
    """A client of a live connection, which always knows whether it is still answered."""

    _unknown = count(1_000_000)

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def answers(self) -> list[dict[str, Any]]:
        """What has come until now, by asking for a run that is not there; frames are left out."""
        run = next(self._unknown)
        self.connection.send(json.dumps({"type": "watch", "run": run}))
        found: list[dict[str, Any]] = []
        while str(run) not in (found[-1]["detail"] if found and "detail" in found[-1] else ""):
            message = self.connection.recv(PATIENCE)
            if isinstance(message, str):
                found.append(json.loads(message))
        return found[:-1]


@contextmanager
def joined(address: str) -> Iterator[Client]:
    """A new client."""
    patient: dict[str, Any] = {"open_timeout": PATIENCE, "ping_interval": None}
    with connect(f"ws://{address}/api/live", max_size=None, **patient) as connection:
        yield Client(connection)


@pytest.fixture
def address(
    any_engine: Engine, make_run: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> Iterator[str]:
    """A server with a run that has records; it logged no mistake of its own."""
    run = make_run(any_engine)
    run.begin()
    run.append(3)
    started = serve(any_engine)
    log = logging.getLogger("uvicorn")  # does not hand on what it logs
    log.addHandler(caplog.handler)
    yield started
    log.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelno > 30] == []


@pytest.fixture
def other(address: str) -> Iterator[Client]:
    """Somebody else, who watches the list of runs."""
    with joined(address) as client:
        client.connection.send('{"type": "runs"}')
        yield client


@seed(1)
@FEW
@given(sent=st.lists(messages, min_size=1, max_size=5))
@example(sent=["[" * 200_000])
@example(sent=['{"type": "watch", "run": ' + "9" * 10_000 + "}"])
@example(sent=['{"type": "watch", "run": 1, "after": 1e999}'])
@example(sent=['{"type": "watch", "run": 1, "points": true}'])
@example(sent=["", b"", b'{"type": "runs"}', '{"type": "runs"', '"runs"}'])
def test_any_message_is_answered_and_the_connection_stays(
    address: str, other: Client, sent: list[Any]
) -> None:
    with joined(address) as client:
        for message in sent:
            client.connection.send(message)
        for answer in client.answers():
            assert answer["type"] in {"error", "run", "networks", "findings"}
            assert answer["type"] != "error" or len(answer["detail"]) > 5
        client.connection.send('{"type": "watch", "run": 1}')
        while json.loads(client.connection.recv(PATIENCE)).get("type") != "run":
            pass
    assert other.answers() == []


def frame(opcode: int, payload: bytes, length: int, first: int, mask: int) -> bytes:
    """A frame that may say another length than it has, have bits that mean nothing, or no mask."""
    head = bytes([first << 4 | opcode])
    if length < 126:
        head += bytes([mask << 7 | length])
    elif length < 2**16:
        head += bytes([mask << 7 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask << 7 | 127]) + struct.pack("!Q", length)
    return head + (bytes(4) if mask else b"") + payload


payloads = st.binary(max_size=30) | texts.map(lambda text: text.encode(errors="surrogatepass"))
honest = payloads.flatmap(
    lambda payload: st.builds(
        frame, st.integers(0, 15), st.just(payload), st.just(len(payload)), st.sampled_from([0, 8]),
        st.just(1),
    )
)  # fmt: skip
lying = st.builds(
    frame, st.integers(0, 15), payloads, st.integers(0, 2**63), st.integers(0, 15),
    st.integers(0, 1),
)  # fmt: skip


@seed(2)
@FEW
@given(sent=st.lists(honest | lying | st.binary(max_size=30), max_size=4).map(b"".join))
@example(sent=frame(1, b'{"type": "ru', 15, 8, 1))
@example(sent=frame(1, b"\xff\xfe", 2, 8, 1))
@example(sent=frame(2, b"", 2**40, 8, 1))
def test_any_bytes_are_answered_or_close_the_connection_for_a_reason(
    address: str, other: Client, sent: bytes
) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as raw:
        raw.sendall(HANDSHAKE.encode() + sent)
        raw.shutdown(socket.SHUT_WR)
        came = b""
        while some := raw.recv(65_536):
            came += some
    head, _, frames = came.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    closed = [payload for opcode, payload in frames_in(frames) if opcode == 8]
    assert len(closed) <= 1
    for payload in filter(None, closed):
        (code,) = struct.unpack_from("!H", payload)
        # A client's own close is given back as it is.
        assert code in CLOSED_FOR or struct.pack("!H", code) in sent, code
    assert other.answers() == []


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The frames that the server sent whole: opcode and payload."""
    while len(data) >= 2:
        opcode, length, start = data[0] & 15, data[1], 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length, start = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
        yield opcode, data[start : start + length]
        data = data[start + length :]


@pytest.mark.parametrize("place", ["/", "/nothing", "/api", "/api/runs", "/api/live/more"])
def test_nothing_else_takes_a_websocket(address: str, place: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"ws://{address}{place}"):
        pass
    assert refused.value.response.status_code in {403, 404}


def test_a_message_that_is_too_large_closes_the_connection_and_no_other(
    address: str, other: Client
) -> None:
    with joined(address) as client, pytest.raises(ConnectionClosed) as closed:
        client.connection.send(" " * 40_000_000)
        client.connection.recv(PATIENCE)
    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert other.answers() == []
