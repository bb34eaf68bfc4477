"""A page of another site, open in the same browser, can neither start, stop nor read anything."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_live
from websockets.typing import Origin

from shiftscope.db import listing, queue
from shiftscope.db.errors import SetupProblem
from shiftscope.db.experiment import Experiment
from shiftscope.server.limits import Rate
from shiftscope.server.security import Guard
from shiftscope.server.settings import load_settings

FOREIGN = {"Origin": "https://evil.example"}
TOKEN = "given-by-the-environment"
FORM = {"Content-Type": "text/plain"}


def refused(answer: httpx.Response, status: int = 403) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_page_starts_and_stops_nothing(
    engine: Engine, web: httpx.Client, origin: str
) -> None:
    run_id = queue.enqueue(engine, Experiment())
    headers = {"Origin": origin}
    assert origin in refused(web.post("/api/runs", json={"experiment": {}}, headers=headers))
    refused(web.post(f"/api/runs/{run_id}/stop", headers=headers))
    assert [run.status for run in listing.page(engine).runs] == ["queued"]


def test_a_form_starts_nothing_since_its_body_is_not_json(
    engine: Engine, web: httpx.Client
) -> None:
    assert "application/json" in refused(
        web.post("/api/runs", content='{"experiment": {}}', headers=FORM), 415
    )
    chunks = iter([b'{"experiment": {}}'])
    refused(web.post("/api/runs", content=chunks), 415)
    assert listing.page(engine).runs == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_a_name_made_to_point_here_reaches_nothing(web: httpx.Client, host: str, path: str) -> None:
    assert host in refused(web.get(path, headers={"Host": host}))


@pytest.mark.parametrize("headers", [FOREIGN, {"Origin": "null"}, {"Host": "evil.example"}])
def test_a_foreign_page_watches_nothing(web: httpx.Client, headers: dict[str, str]) -> None:
    address = (web.base_url.host, web.base_url.port)
    origin = Origin(headers["Origin"]) if "Origin" in headers else None
    host = headers.get("Host", f"{web.base_url.host}:{web.base_url.port}")
    with (
        socket.create_connection(address) as connection,
        pytest.raises(InvalidStatus, match="403"),
        connect_live(f"ws://{host}/api/live", sock=connection, origin=origin, open_timeout=60),
    ):
        pass


def test_the_pages_own_requests_pass(web: httpx.Client) -> None:
    port = web.base_url.port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", "LOCALHOST"):
        headers = {"Host": host, "Origin": f"http://{host}"}
        assert web.get("/", headers=headers).status_code == 200
        answer = web.post("/api/runs", json={"experiment": {"steps": 5}}, headers=headers)
        assert answer.status_code == 201, answer.text
        run_id = answer.json()["id"]
        assert web.post(f"/api/runs/{run_id}/stop", headers=headers).status_code == 202
    address = f"127.0.0.1:{port}"
    origin = Origin(f"http://{address}")
    with connect_live(f"ws://{address}/api/live", origin=origin, open_timeout=60) as page:
        page.send('{"type": "runs"}')


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"]
)
def test_a_proxy_lets_nobody_in_where_no_token_is_asked_for(
    engine: Engine, web: httpx.Client, header: str
) -> None:
    proxied = {header: "192.0.2.7"}
    for asked in (
        web.get("/", headers=proxied),
        web.get("/api/runs", headers=proxied),
        web.post("/api/runs", json={"experiment": {}}, headers=proxied),
    ):
        said = refused(asked)
        assert header.lower() in said and "SHIFTSCOPE_TOKEN" in said
    address = f"ws://127.0.0.1:{web.base_url.port}/api/live"
    with pytest.raises(InvalidStatus, match="403"):
        connect_live(address, additional_headers=proxied, open_timeout=60).close()
    assert listing.page(engine).runs == []


def test_where_a_token_is_asked_for_proxies_and_folders_are_those_of_other_machines(
    engine: Engine, connect: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    web = connect(engine, token=TOKEN)
    web.headers.update({"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7"})
    assert web.get("/api/runs").status_code == 200
    folder = {"dataset": "folder", "folder": str(tmp_path)}
    said = refused(web.post("/api/runs", json={"experiment": folder}), 422)
    assert "expected a folder in the data folder" in said


def test_only_a_proxy_that_is_named_says_who_asks(
    engine: Engine, connect: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rate.__init__, "__defaults__", (lambda: 0.0,))  # no time passes

    def starts(web: httpx.Client, *askers: str) -> list[int]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return [
            web.post(
                "/api/runs",
                json={"experiment": {}},
                headers=headers | {"X-Forwarded-For": asker},
            ).status_code
            for asker in askers
        ]

    unnamed = connect(engine, token=TOKEN, starts=1)
    answers = starts(unnamed, *(f"192.0.2.{number}" for number in range(11)))
    assert answers == [201] * 10 + [429], "ten times one start, all from this machine"
    named = connect(engine, token=TOKEN, starts=1, proxies="127.0.0.0/8")
    assert starts(named, "192.0.2.1", "192.0.2.1", "192.0.2.2") == [201, 429, 201]


def test_what_is_no_address_of_a_proxy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTSCOPE_PROXIES", "10.0.0.5, 10.1.0.0/16")
    assert load_settings().proxies == "10.0.0.5, 10.1.0.0/16"
    for wrong in ("*", "10.0.0.5 10.0.0.6", "proxy.example", "10.0.0.5,"):
        monkeypatch.setenv("SHIFTSCOPE_PROXIES", wrong)
        with pytest.raises(SetupProblem, match=r"SHIFTSCOPE_PROXIES: expected such as 10\.0"):
            load_settings()


@pytest.mark.parametrize(
    ("listening", "host", "known"),
    [
        ("127.0.0.1", "127.0.0.1:1", True),
        ("127.0.0.1", "192.168.1.5", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "localhost@evil.example", False),
        ("192.168.1.5", "192.168.1.5:8420", True),
        ("192.168.1.5", "localhost:8420", True),
        ("Lab.example", "lab.example:8420", True),
        ("fe80::1", "[fe80::1]:8420", True),
        ("0.0.0.0", "lab.example", True),
        ("::", "lab.example", True),
        ("::", "no name", False),
    ],
)
def test_the_host_that_was_given_is_known_and_any_when_listening_everywhere(
    listening: str, host: str, known: bool
) -> None:
    answers: list[Any] = []
    scope = {"type": "http", "method": "GET", "headers": [(b"host", host.encode())]}

    async def app(*_: object) -> None:
        answers.append(200)

    async def send(message: Any) -> None:
        answers.append(message.get("status"))

    _finish(Guard(app, listening, tokens=False)(scope, _nothing, send))
    assert answers[0] == (200 if known else 403)


async def _nothing() -> Any:
    raise AssertionError("nothing is to be received")


def _finish(coroutine: Any) -> None:
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration):
        coroutine.send(None)
