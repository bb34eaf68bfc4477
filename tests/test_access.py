"""Nobody comes in from another machine without a token, and one for looking changes nothing."""

import asyncio
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as connect_live

from shiftscope.db import audit, edit, listing, queue, tokens
from shiftscope.db.engine import writing
from shiftscope.db.errors import Conflict, NotFound, SetupProblem
from shiftscope.db.log import entries
from shiftscope.server import access, auditing, check_command, cookies, diagnose_command, headless
from shiftscope.server.app import create_app
from shiftscope.server.cli import app as command_line
from shiftscope.server.cookies import Cookies
from shiftscope.server.serve_command import token_needed
from shiftscope.server.settings import Settings, load_settings

SHIFTSCOPE = [sys.executable, "-c", "from shiftscope.server.cli import main; main()"]
GIVEN = "given-by-the-environment"
OPEN_TO_ALL = {"host": "0.0.0.0"}
READING = {
    *("/api/experiments/validate", "/api/sweeps/validate"),
    *("/api/runs/{run_id}/series", "/api/runs/{run_id}/moment"),
}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose data folder is new."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SHIFTSCOPE_")}
    return kept | {"SHIFTSCOPE_DATA": str(tmp_path)}


@pytest.fixture
def asking(engine: Engine, connect: Callable[..., httpx.Client], tmp_path: Path) -> httpx.Client:
    """A client of a server that listens to other machines."""
    return connect(engine, **OPEN_TO_ALL, data=tmp_path)


def test_a_token_is_random_and_only_its_hash_is_stored(any_engine: Engine) -> None:
    first = tokens.make_first(any_engine)
    assert first is not None and len(first) == 43  # 256 bits in base64
    assert tokens.make_first(any_engine) is None
    looking = tokens.make_token(any_engine, "lab", read_only=True)
    assert first != looking
    with any_engine.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM tokens")).all())
    assert first not in stored and looking not in stored and tokens.hashed(first) in stored
    assert [(one.name, one.read_only) for one in tokens.tokens(any_engine)] == [
        ("first start", False), ("lab", True)]  # fmt: skip
    with pytest.raises(Conflict, match="named lab"):
        tokens.make_token(any_engine, "lab")
    with pytest.raises(Conflict, match="named loopback"):
        tokens.make_token(any_engine, "loopback")
    tokens.revoke(any_engine, "first start")
    with pytest.raises(NotFound, match="first start"):
        tokens.revoke(any_engine, "first start")
    assert tokens.make_first(any_engine) is not None, "one for looking is not enough"
    said = [(line.who, line.what) for line in audit.lines(any_engine, limit=2)]
    assert said == [
        ("command line", "make token token 3"),
        ("command line", "revoke token first start"),
    ]


def test_tokens_are_compared_in_constant_time_and_all_of_them(
    engine: Engine, asking: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [tokens.make_token(engine) for _ in range(3)]
    compared: list[str] = []
    compare = hmac.compare_digest

    def watched(one: str, other: str) -> bool:
        compared.append(other)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    assert asking.get("/api/runs", headers=bearer(made[0])).status_code == 200
    assert compared == [tokens.hashed(token) for token in made], "the first, too, which fits"


WRONG = [{}, bearer("wrong"), {"Authorization": "Basic eDp5"}]
PATHS = [
    *("/api/runs", "/api/system", "/api/runs/1/export/evaluations.csv", "/api/openapi.json"),
    *("/api/audit", "/api/access", "/api/nothing", "/api", "/api/", "//api/runs"),
]


def test_nothing_is_told_without_a_token(engine: Engine, asking: httpx.Client) -> None:
    tokens.make_token(engine)
    port = asking.base_url.port
    for headers in (*WRONG, {"Cookie": f"shiftscope-{port}=wrong"}):
        for path in PATHS[:-1]:
            answer = asking.get(path, headers=headers)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["content-type"] == "application/problem+json"
            assert "This server asks for a token" in answer.json()["detail"]
        for path in ("/", "/new", "/runs/1", "/index.html", "//api/runs"):
            answer = asking.get(path, headers=headers)
            assert answer.status_code == 401 and "<form" in answer.text, path
        answer = asking.post("/api/runs", json={"experiment": {}}, headers=headers)
        assert answer.status_code == 401
        with pytest.raises(InvalidStatus, match="403"):
            place = f"ws://127.0.0.1:{port}/api/live"
            connect_live(place, additional_headers=headers, open_timeout=60).close()
    assert asking.get("/api/health").json() == {"status": "ok"}
    assert asking.get("/enter.js").status_code == asking.get("/styles/enter.css").status_code == 200
    assert listing.page(engine).runs == []
    assert [line.what for line in audit.lines(engine, limit=9)] == ["make token token 1"]


def test_a_link_becomes_a_cookie_that_scripts_and_other_sites_do_not_get(
    engine: Engine, asking: httpx.Client
) -> None:
    token = tokens.make_token(engine)
    answer = asking.get(f"/runs/1?tab=log&token={token}&seed=0")
    assert answer.status_code == 303 and answer.headers["Location"] == "/runs/1?tab=log&seed=0"
    assert answer.headers["Cache-Control"] == "no-store"
    cookie, *flags = answer.headers["Set-Cookie"].split("; ")
    assert cookie.startswith(f"shiftscope-{asking.base_url.port}=")
    assert token not in cookie and tokens.hashed(token) not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(flags) and "Secure" not in flags
    assert asking.get("/api/runs").status_code == 200, "httpx keeps the cookie as a browser does"
    assert asking.get("/runs/1").status_code == 200
    old = asking.get("/runs/1?token=an-old-one&tab=log")
    assert old.status_code == 303 and old.headers["Location"] == "/runs/1?tab=log"
    address = f"127.0.0.1:{asking.base_url.port}"
    place = f"ws://{address}/api/live"
    with connect_live(place, additional_headers={"Cookie": cookie}, open_timeout=60) as live:
        live.send(json.dumps({"type": "runs"}))

    behind_tls = asking.get(f"/?token={token}", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in behind_tls.headers["Set-Cookie"]
    for proxies, secure in (("https, http", True), ("http, https", False)):  # the first was asked
        answer = asking.get(f"/?token={token}", headers={"X-Forwarded-Proto": proxies})
        assert ("Secure" in answer.headers["Set-Cookie"]) is secure
    # Nobody is led to another site, and the API takes no token from an address.
    for path, place in (
        ("//evil.example/", "/evil.example/"),
        ("/%5Cevil.example/", "/%5Cevil.example/"),
    ):
        led = asking.get(f"http://{address}{path}?token={token}")
        assert (led.status_code, led.headers["Location"]) == (303, place)
    asking.cookies.clear()
    assert asking.get(f"/api/runs?token={token}").status_code == 401


def test_a_revoked_token_lets_nobody_in_and_ends_what_it_watches(
    engine: Engine, asking: httpx.Client, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "KNOWN_SECONDS", 0.0)
    run = make_run(engine)
    token = tokens.make_token(engine, "lab")
    address = f"ws://127.0.0.1:{asking.base_url.port}/api/live"
    watch = {"type": "watch", "run": run.run_id, "after": 0, "points": 9, "series": []}
    patient: dict[str, Any] = {"open_timeout": 60, "ping_interval": None}
    with connect_live(address, additional_headers=bearer(token), **patient) as live:
        live.send(json.dumps(watch))
        assert json.loads(live.recv(timeout=60))["type"] == "run"
        assert asking.get("/api/runs", headers=bearer(token)).status_code == 200
        tokens.revoke(engine, "lab")
        assert asking.get("/api/runs", headers=bearer(token)).status_code == 401
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(100):
                run.append(1)
                live.recv(timeout=60)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


def test_a_cookie_is_of_use_to_its_server_until_it_ends_or_its_token_is_revoked(
    engine: Engine,
    asking: httpx.Client,
    connect: Callable[..., httpx.Client],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "KNOWN_SECONDS", 0.0)
    token, other = tokens.make_token(engine, "lab"), tokens.make_token(engine)
    value = asking.get(f"/?token={token}").cookies[f"shiftscope-{asking.base_url.port}"]
    key = tmp_path / "cookie-key"
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32

    def answer(web: httpx.Client, value: str) -> int:
        web.cookies.clear()
        headers = {"Cookie": f"shiftscope-{web.base_url.port}={value}"}
        return web.get("/api/runs", headers=headers).status_code

    assert answer(asking, value) == 200
    assert asking.get("/api/runs", headers=bearer(value)).status_code == 401, "it is no token"
    expires, _, signature = value.partition(".")
    for wrong in (token, signature, f"{int(expires) + 1}.{signature}"):
        assert answer(asking, wrong) == 401, wrong
    assert answer(connect(engine, **OPEN_TO_ALL, data=tmp_path), value) == 401, "another port's"
    name = f"shiftscope-{asking.base_url.port}"
    stored = [tokens.hashed(one) for one in (token, other)]
    assert [Cookies(tmp_path).fits(name, value, one) for one in stored] == [True, False], (
        "a server that starts again knows its cookies"
    )
    for odd in ("", ".", "1", f"²{value}", f"{expires}.é", f"{'9' * 99}.{signature}"):
        assert not Cookies(tmp_path).fits(name, odd, stored[0])
    assert not Cookies(tmp_path / "nowhere").fits(name, value, stored[0])
    tokens.revoke(engine, "lab")
    assert answer(asking, value) == 401
    monkeypatch.setattr(cookies, "SECONDS", -1)
    ended = Cookies(tmp_path).make(name, stored[0])
    assert not Cookies(tmp_path).fits(name, ended, stored[0])


def test_tokens_are_read_one_after_the_other_and_are_as_old_as_when_they_were_asked_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.make_token(engine, "lab")
    now, reading, most = [0.0], 0, 0

    def read(engine: Engine) -> Any:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        found = tokens.tokens(engine)
        time.sleep(0.01)  # so that another would come in between
        reading -= 1
        return found

    monkeypatch.setattr(access, "tokens", read)
    keys = access.Keys(engine)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(asyncio.run, keys.identify(token)) for _ in range(8)]
        assert all(one.result() == access.Identity("lab") for one in asked)
    assert most == 1

    def slow(engine: Engine) -> Any:
        found = tokens.tokens(engine)
        if not found[0].revoked_at:
            tokens.revoke(engine, "lab")
        now[0] += access.KNOWN_SECONDS
        return found

    monkeypatch.setattr(access, "tokens", slow)
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: now[0]))
    keys = access.Keys(engine)
    assert asyncio.run(keys.identify(token)) is not None, "as it was when the list was asked for"
    monkeypatch.setattr(access, "tokens", tokens.tokens)
    assert asyncio.run(keys.identify(token)) is None


def test_nobody_comes_in_or_stays_where_the_database_does_not_answer(
    engine: Engine, asking: httpx.Client, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "KNOWN_SECONDS", 0.0)
    run = make_run(engine)
    headers = bearer(tokens.make_token(engine, "lab"))
    silent = threading.Event()

    def read(engine: Engine) -> Any:
        if silent.is_set():
            raise OperationalError("SELECT", None, Exception("disk I/O error"))
        return tokens.tokens(engine)

    monkeypatch.setattr(access, "tokens", read)
    address = f"ws://127.0.0.1:{asking.base_url.port}/api/live"
    watch = {"type": "watch", "run": run.run_id, "after": 0, "points": 9, "series": []}
    patient: dict[str, Any] = {"open_timeout": 60, "ping_interval": None}
    with connect_live(address, additional_headers=headers, **patient) as live:
        live.send(json.dumps(watch))
        assert json.loads(live.recv(timeout=60))["type"] == "run"
        silent.set()
        answer = asking.get("/api/runs", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(100):
                run.append(1)
                live.recv(timeout=60)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
    with pytest.raises(InvalidStatus, match="403"):
        connect_live(address, additional_headers=headers, **patient).close()
    silent.clear()
    assert asking.get("/api/runs", headers=headers).status_code == 200


def test_a_given_token_is_asked_for_on_loopback_too(
    engine: Engine, connect: Callable[..., httpx.Client]
) -> None:
    web = connect(engine, token=GIVEN)
    assert web.get("/api/runs").status_code == 401
    assert web.get("/api/runs", headers=bearer(GIVEN)).status_code == 200
    assert web.get("/api/access", headers=bearer(GIVEN)).json() == {
        "name": "SHIFTSCOPE_TOKEN", "read_only": False}  # fmt: skip
    with engine.connect() as connection:
        assert connection.execute(text("SELECT * FROM tokens")).all() == [], "it is not stored"


def changing(engine: Engine) -> list[tuple[str, str]]:
    """The method of every route that may change something, and an address of it."""
    return [
        (method.upper(), re.sub(r"\{\w+\}", "1", path))
        for path, methods in create_app(engine).openapi()["paths"].items()
        for method in methods
        if method != "get" and path not in READING
    ]


def test_a_token_for_looking_changes_nothing_and_reads_everything(
    engine: Engine, asking: httpx.Client, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "REFUSED_SECONDS", 0.0)
    run = make_run(engine)
    run.append(3)
    asking.headers.update(bearer(tokens.make_token(engine, "lab", read_only=True)))
    assert asking.get("/api/access").json() == {"name": "lab", "read_only": True}
    routes = changing(engine)
    assert len(routes) >= 9 and ("DELETE", "/api/runs/1") in routes
    for method, path in routes:
        answer = asking.request(method, path, json={})
        assert answer.status_code == 403, f"{method} {path}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert f"may not {method} {path}" in answer.json()["detail"]
    refused = [
        (line.who, line.what, line.answer) for line in audit.lines(engine, limit=len(routes))
    ]
    assert refused[::-1] == [("lab", f"{method} {path}", 403) for method, path in routes]
    assert [one.status for one in listing.page(engine).runs] == ["running"]

    network, (layer, _) = run.networks[0]
    series = [{"table": "layer_records", "network_id": network, "layer_id": layer,
               "statistics": ["mean"]}]  # fmt: skip
    for path, body in (
        ("/api/experiments/validate", {"experiment": {}}),
        ("/api/sweeps/validate", {"experiment": {}, "over": [{"setting": "lr", "values": [1, 2]}]}),
        ("/api/runs/1/series", {"series": series, "points": 9}),
        ("/api/runs/1/moment", {"series": series}),
    ):
        assert asking.post(path, json=body).status_code == 200, path
    assert asking.get("/api/runs/1/export/layer_records.csv").status_code == 200
    hidden = asking.get("/api/audit")
    assert hidden.status_code == 403 and "may not see who changed" in hidden.json()["detail"]


def test_refusals_of_one_kind_have_one_line_a_minute_with_their_count(
    engine: Engine, asking: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "REFUSED_SECONDS", 3600.0)
    made = [tokens.make_token(engine, name, read_only=True) for name in ("lab", "seminar")]
    for token in made:
        for _ in range(4):
            assert asking.post("/api/runs", headers=bearer(token)).status_code == 403
        assert asking.delete(f"/api/runs/{'9' * 150}", headers=bearer(token)).status_code == 403
    monkeypatch.setattr(auditing, "REFUSED_SECONDS", 0.0)
    assert asking.delete("/api/runs/7", headers=bearer(made[1])).status_code == 403
    told = [(line.who, line.what, line.answer) for line in audit.lines(engine, limit=9)]
    first = "POST /api/runs, and 4 more within a minute"
    assert [line for line in reversed(told) if line[2]] == [
        ("lab", first, 403), ("seminar", first, 403), ("seminar", "DELETE /api/runs/7", 403),
    ]  # fmt: skip


def test_a_mistake_of_the_servers_is_answered_as_all_is(
    engine: Engine, web: httpx.Client, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)

    def mistaken(*_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(queue, "ask_to_stop", mistaken)
    answer = web.post(f"/api/runs/{run.run_id}/stop")
    assert answer.status_code == 500 and "made a mistake" in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    (line,) = audit.lines(engine, limit=2)
    assert (line.what, line.run_id, line.answer) == ("stop run", run.run_id, 500)


def test_each_of_many_changes_is_in_the_audit_though_a_later_one_fails(
    engine: Engine, web: httpx.Client, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [make_run(engine).run_id for _ in range(3)]
    stop = queue.ask_to_stop

    def mistaken(engine: Engine, run_id: int) -> None:
        if run_id == runs[2]:
            raise RuntimeError("a mistake")
        stop(engine, run_id)

    monkeypatch.setattr(queue, "ask_to_stop", mistaken)
    answer = web.post("/api/runs/bulk", json={"action": "stop", "runs": [*runs, 77]})
    assert answer.status_code == 500
    lines = [(line.what, line.run_id, line.answer) for line in audit.lines(engine, limit=9)]
    assert lines[::-1] == [
        ("stop many", runs[0], 200), ("stop many", runs[1], 200), ("stop many", None, 500),
    ]  # fmt: skip


def test_every_change_has_a_line_in_the_audit(engine: Engine, connect: Callable[..., Any]) -> None:
    web, asking = connect(engine), connect(engine, **OPEN_TO_ALL)
    first = web.post("/api/runs", json={"experiment": {}}).json()["id"]
    again = web.post(f"/api/runs/{first}/again").json()["id"]
    token = tokens.make_token(engine, "lab")
    asking.headers.update(bearer(token))
    asking.patch(f"/api/runs/{first}", json={"name": "Renamed"})
    asking.post("/api/runs/bulk", json={"action": "stop", "runs": [first, again, 77]})
    asking.delete(f"/api/runs/{first}")
    asking.post("/api/runs/77/restore")  # there is none: nothing was changed
    asking.post("/api/runs", json={"experiment": {"steps": 0}})
    sweep = asking.post(
        "/api/sweeps", json={"experiment": {}, "over": [{"setting": "lr", "values": [1, 2]}]}
    )
    assert sweep.status_code == 201, sweep.text
    asking.post("/api/sweeps/1/stop")
    listed = asking.get("/api/audit").json()["entries"]
    assert [
        (line["who"], line["what"], line["run_id"], line["answer"]) for line in reversed(listed)
    ] == [
        ("loopback", "create run", first, 201),
        ("loopback", "run again", first, 201),
        ("loopback", "run again", again, 201),
        ("command line", "make token lab", None, None),
        ("lab", "edit run", first, 200),
        ("lab", "stop many", first, 200),
        ("lab", "stop many", again, 200),
        ("lab", "delete run", first, 200),
        ("lab", "create sweep 1", None, 201),
        ("lab", "stop sweep 1", None, 202),
    ]
    older = asking.get("/api/audit", params={"before": listed[-2]["id"], "limit": 5}).json()
    assert older["entries"] == listed[-1:]
    told = [entry.message for entry in entries(engine, first)]
    assert "lab asked: edit run." in told and not any("loopback" in line for line in told)


def test_the_headers_of_every_answer(web: httpx.Client) -> None:
    for path in ("/", "/app.js", "/api/runs", "/api/nothing", "/api/openapi.json"):
        headers = web.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "default-src 'none'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy and headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
    foreign = web.get("/", headers={"Host": "evil.example"})
    assert foreign.status_code == 403 and "Content-Security-Policy" in foreign.headers


def test_a_server_that_other_machines_reach_shows_its_token_once_and_not_to_the_browsers_flags(
    engine: Engine, environment: dict[str, str], tmp_path: Path
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$@" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o700)
    environment.pop("CI", None)
    environment |= {"BROWSER": str(browser), "DISPLAY": ":0"}
    environment["SHIFTSCOPE_DATABASE"] = engine.url.render_as_string(hide_password=False)
    command = [*SHIFTSCOPE, "serve", "--host", "0.0.0.0", "--port", "0", "--no-worker"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address, token = process.stdout.readline().split()[3].split("/?token=")
    try:
        deadline = time.monotonic() + 60
        while not opened.exists():
            assert time.monotonic() < deadline, "no browser was opened"
            time.sleep(0.05)
        assert opened.read_text() == f"{address}\n"
        assert httpx.get(f"{address}/api/health", timeout=60).status_code == 200
        assert httpx.get(f"{address}/api/runs", timeout=60).status_code == 401
        known = httpx.get(f"{address}/api/runs", headers=bearer(token), timeout=60)
        assert known.status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    everywhere = Settings(host="0.0.0.0")
    assert token_needed(engine, everywhere) is None, "it can't be shown again"
    assert token_needed(engine, Settings(host="0.0.0.0", token=GIVEN)) is None
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.0.0.2"):
        assert token_needed(engine, Settings(host=host)) == "", host
    for host in ("0.0.0.0", "::", "192.168.1.5", "lab.example", "fe80::1"):
        assert token_needed(engine, Settings(host=host)) is None, host


def test_a_server_that_cannot_store_a_token_does_not_start(engine: Engine) -> None:
    with writing(engine) as connection:
        full = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        connection.execute(text(f"CREATE TRIGGER no_room BEFORE INSERT ON tokens {full}"))
    with pytest.raises(SetupProblem, match="so the server needs a token, and it can't be stored"):
        token_needed(engine, Settings(host="0.0.0.0"))
    assert token_needed(engine, Settings(host="0.0.0.0", token=GIVEN)) is None


def test_a_given_token_that_could_be_guessed_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHIFTSCOPE_TOKEN", "hunter2")
    with pytest.raises(SetupProblem, match="SHIFTSCOPE_TOKEN: ") as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)
    monkeypatch.setenv("SHIFTSCOPE_TOKEN", "")
    assert load_settings().token == "", "as docker-compose.yml passes one that is not set"
    monkeypatch.setenv("SHIFTSCOPE_FRAMES", "http://localhost:*; script-src *")
    with pytest.raises(SetupProblem, match="SHIFTSCOPE_FRAMES: "):
        load_settings()


def test_tokens_and_the_audit_in_the_terminal(engine: Engine, asking: httpx.Client) -> None:
    database = engine.url.render_as_string(hide_password=False)

    def shiftscope(*words: str) -> str:
        called = CliRunner().invoke(command_line, [*words, "--database", database])
        assert called.exit_code == 0, called.output
        return called.stdout

    token = shiftscope("token", "--read-only", "--name", "seminar").strip()
    assert asking.get("/api/access", headers=bearer(token)).json()["read_only"]
    asking.post("/api/runs", json={"experiment": {}}, headers=bearer(token))
    assert shiftscope("token", "list").splitlines()[1].split()[:2] == ["seminar", "look"]
    called = CliRunner().invoke(command_line, ["token", "revoke", "nobody", "--database", database])
    assert isinstance(called.exception, NotFound) and "nobody" in str(called.exception)
    assert shiftscope("token", "revoke", "seminar") == "Revoked: seminar.\n"
    lines = shiftscope("audit").splitlines()
    assert "revoke token seminar" in lines[1]
    assert lines[2].split()[2:] == ["seminar", "POST", "/api/runs", "403"]


def test_every_change_from_the_terminal_has_a_line_in_the_audit(
    engine: Engine, make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTSCOPE_DATABASE", engine.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SHIFTSCOPE_DATA", str(tmp_path))
    monkeypatch.setattr(check_command, "_check_trainer", lambda *_: None)
    monkeypatch.setattr(diagnose_command, "look_at", lambda *_: None)
    monkeypatch.setattr(
        headless.OwnWorker, "give", lambda _, run_id: queue.end(engine, run_id, "stopped")
    )
    file = tmp_path / "log.csv"
    file.write_text("step,loss\n1,2\n")
    recorded = make_run(engine)
    recorded.append(5)
    with writing(engine) as connection:
        connection.execute(text("UPDATE runs SET status = 'stopped', step = 3"))
    for words in (
        *("run mnist-sigmoid", "resume 2", "sweep mnist-sigmoid --over lr=0.1,1 --queue"),
        *(f"import {file}", "check --mend", "diagnose 1 --again"),
    ):
        called = CliRunner().invoke(command_line, words.split())
        assert called.exit_code == 0, (words, called.output, called.exception)
    edit.remove(engine, [2])
    assert CliRunner().invoke(command_line, ["purge", "--days", "0"]).exit_code == 0
    lines = audit.lines(engine, limit=99)[::-1]
    assert [(line.what, line.run_id) for line in lines] == [
        ("create run", 2),
        ("resume run", 2),
        ("create sweep 1", None),
        ("import run", 5),
        ("mend Run 1", None),
        ("diagnose run", 1),
        ("purge run", 2),
    ]
    assert {line.who for line in lines} == {"command line"}
    assert not any("asked" in entry.message for entry in entries(engine, 1))
