"""What is too large or too much is refused first: the number, the limit and what to do."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
import torch
from sqlalchemy import Engine
from starlette.testclient import TestClient

from shiftscope.db import catalog, demand, listing, queue, read
from shiftscope.db.errors import SetupProblem, TooSoon
from shiftscope.db.parsing import with_settings
from shiftscope.server.app import create_app
from shiftscope.server.body_size import MOST_BYTES
from shiftscope.server.limits import FROM_HERE, Rate
from shiftscope.server.serve_command import Server
from shiftscope.server.settings import Settings
from shiftscope.server.transport import MOST_ASKED
from shiftscope.trainer.setup import check_memory

JSON = {"Content-Type": "application/json"}
SMALL = {"dataset": "digits", "steps": 5}
TOKEN = "t" * 20


def client(
    engine: Engine, host: str = "127.0.0.1", token: str = TOKEN, **limits: Any
) -> TestClient:
    """Of a server with these limits; to it, whoever asks is another machine."""
    app = create_app(engine, settings=Settings(host=host, token=token, **limits))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return TestClient(app, base_url="http://127.0.0.1", headers=headers)


def start(web: TestClient, **experiment: Any) -> Any:
    return web.post("/api/runs", json={"experiment": SMALL | experiment})


def detail(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


def test_a_long_body_is_refused_before_it_is_read(web: httpx.Client, engine: Engine) -> None:
    long = b'{"experiment": {"name": "' + b"x" * MOST_BYTES + b'"}}'
    for path in ("/api/runs", "/api/experiments/validate", "/api/runs/1/stop"):
        said = detail(web.post(path, content=long, headers=JSON), 413)
        assert f"{MOST_BYTES:,} bytes" in said and "Send less" in said

    def parts() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // 65_536 + 2):
            yield b"[" * 65_536

    assert f"{MOST_BYTES:,}" in detail(web.post("/api/runs", content=parts(), headers=JSON), 413)
    padded = json.dumps({"experiment": SMALL}).ljust(MOST_BYTES)
    assert web.post("/api/runs", content=padded, headers=JSON).status_code == 201
    assert listing.page(engine).total == 1


def test_starts_have_a_rate(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rate.__init__, "__defaults__", (lambda: 0.0,))  # no time passes
    web = client(engine, starts=3)
    sweep = {"experiment": SMALL, "over": [{"setting": "optimizer.lr", "values": [0.1, 0.2]}]}
    assert start(web).status_code == 201
    assert web.post("/api/sweeps", json=sweep).status_code == 201
    assert web.post("/api/runs/bulk", json={"action": "again", "runs": [1, 2]}).status_code == 200
    for again in (
        start(web),
        web.post("/api/runs/1/again"),
        web.post("/api/sweeps", json=sweep),
        web.post("/api/runs/bulk", json={"action": "again", "runs": [1]}),
    ):
        assert "3 starts in a minute are the limit" in detail(again, 429)
        assert 1 <= int(again.headers["retry-after"]) <= 20
    assert listing.page(engine).total == 5
    assert web.post("/api/runs/1/stop").status_code == 202


def test_a_rate_fades_over_a_minute_and_is_each_ones_own() -> None:
    now = [0.0]
    rate = Rate(2, lambda: now[0])
    rate.take("10.0.0.1")
    rate.take("10.0.0.1")
    with pytest.raises(TooSoon) as refused:
        rate.take("10.0.0.1")
    assert refused.value.seconds == 30
    rate.take("10.0.0.2")
    now[0] = 30.0
    rate.take("10.0.0.1")
    with pytest.raises(TooSoon):
        rate.take("10.0.0.1")
    for _ in range(2 * FROM_HERE):
        rate.take("127.0.0.1")
    with pytest.raises(TooSoon):
        rate.take("127.0.0.1")


def test_the_queue_has_a_length(engine: Engine) -> None:
    web = client(engine, queued=3)
    assert start(web).status_code == start(web).status_code == 201
    sweep = {"experiment": SMALL, "over": [{"setting": "optimizer.lr", "values": [0.1, 0.2]}]}
    said = detail(web.post("/api/sweeps", json=sweep), 409)
    assert "2 runs are queued and 2 more" in said and "limit is 3" in said
    assert start(web).status_code == 201
    assert "limit is 3" in detail(start(web), 409)
    web.post("/api/runs/1/stop")
    assert start(web).status_code == 201


def stopped(web: TestClient, **experiment: Any) -> str:
    """The path of a run that was stopped, and can be resumed."""
    run_id = start(web, **experiment).json()["id"]
    assert web.post(f"/api/runs/{run_id}/stop").status_code == 202
    return f"/api/runs/{run_id}/resume"


def test_a_run_is_resumed_as_it_is_started(engine: Engine) -> None:
    free = client(engine)
    first, second = stopped(free), stopped(free, network={"hidden": [64] * 2})
    many = {"action": "resume", "runs": [1, 2, 77]}
    assert "parameters, and the limit is 9" in detail(client(engine, parameters=9).post(first), 422)
    narrow = client(engine, queued=1, starts=4)
    assert narrow.post(first).status_code == 202
    assert "1 runs are queued and 1 more" in detail(narrow.post(second), 409)
    bulk = narrow.post("/api/runs/bulk", json=many).json()
    assert [(one["run"], one["detail"][:27]) for one in bulk["refused"]] == [
        (1, "Run 1 is queued: it goes on"),
        (77, "There is no run 77."),
        (2, "1 runs are queued and 1 mor"),
    ]
    assert narrow.post("/api/runs/1/stop").status_code == 202
    assert narrow.post("/api/runs/bulk", json=many).json()["runs"] == [1]
    assert narrow.post("/api/runs/1/stop").status_code == 202
    assert "4 starts in a minute are the limit" in detail(narrow.post(second), 429)
    assert "4 starts in a minute" in detail(narrow.post("/api/runs/bulk", json=many), 429)


def test_who_asks_at_once_passes_the_limit_of_the_queue_together_no_more_than_alone(
    any_engine: Engine,
) -> None:
    web = client(any_engine)
    again = [stopped(web) for _ in range(4)]
    narrow = client(any_engine, queued=3)
    together = threading.Barrier(8)

    def ask(number: int) -> int:
        together.wait()
        if number % 2:
            return narrow.post(again[number // 2]).status_code
        return start(narrow).status_code

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert sorted(answers)[3:] == [409] * 5 and set(answers) <= {201, 202, 409}
    assert len(read.queued_runs(any_engine)) == 3


def test_parameters_have_a_limit(engine: Engine) -> None:
    wide = {"network": {"hidden": [4096] * 20}}
    found = 2 * (784 * 4096 + 19 * 4096**2 + 20 * 4096 + 4096 * 10 + 10)
    assert demand.parameters(with_settings(
        catalog.experiment("mnist-sigmoid"), ["dataset=digits", f"network.hidden={[4096] * 20}"]
    )) == found  # fmt: skip
    web = client(engine, parameters=found - 1, memory=0)
    for path in ("/api/runs", "/api/experiments/validate"):
        answer = web.post(path, json={"experiment": SMALL | wide})
        said = detail(answer, 422)
        assert f"{found:,} parameters, and the limit is {found - 1:,}" in said
        assert answer.json()["errors"][0]["field"] == "network"
    assert start(client(engine, parameters=found, memory=0), **wide).status_code == 201


def test_memory_is_estimated_before_the_start(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = {"network": {"hidden": [4000] * 4}}
    web = client(engine)
    assert start(web, **wide).status_code == 201  # no worker, so nobody knows
    worker = queue.register(engine)
    queue.heartbeat(engine, worker, {"devices": ["cpu"]})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("M", (), {"total": 10**9}))
    said = detail(start(web, **wide), 422)
    assert "would take 1.7 GB of memory, and the machine has 1.0 GB" in said
    assert "SHIFTSCOPE_MEMORY" in said
    assert start(client(engine, memory=2), **wide).status_code == 201
    assert start(client(engine, memory=0), **wide).status_code == 201
    assert "the limit is 0.1 GB" in detail(start(client(engine, memory=0.1), **wide), 422)
    queue.heartbeat(engine, worker, {"devices": ["cuda:0", "cpu"]})
    assert start(web, **wide).status_code == 201  # of a GPU only the worker knows
    assert start(web, device="cpu", **wide).status_code == 422


def test_the_worker_looks_at_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = with_settings(catalog.experiment("mnist-sigmoid"), ["dataset=digits"])
    cpu, gpu = torch.device("cpu"), torch.device("cuda:0")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (10**6, 10**9))
    with pytest.raises(SetupProblem, match=r"and 0\.0 GB are free on cuda:0"):
        check_memory(experiment, gpu)
    check_memory(experiment, cpu)
    monkeypatch.setenv("SHIFTSCOPE_MEMORY", "0.0001")
    with pytest.raises(SetupProblem, match="SHIFTSCOPE_MEMORY"):
        check_memory(experiment, cpu)
    monkeypatch.setenv("SHIFTSCOPE_MEMORY", "0")
    check_memory(experiment, gpu)


@pytest.mark.parametrize("folder", ["/etc", "../photos", "a/../../photos", "~/photos", "~root"])
def test_another_machine_names_no_folder_outside_of_the_data(engine: Engine, folder: str) -> None:
    asked = {"dataset": "folder", "folder": folder, "binary": False}
    answer = start(client(engine, "0.0.0.0"), **asked)
    assert "expected a folder in the data folder" in detail(answer, 422)
    assert start(client(engine, token=""), **asked).status_code == 201
    asked["folder"] = "photos/flowers"
    assert start(client(engine, "0.0.0.0"), **asked).status_code == 201


def test_a_long_message_of_a_websocket_is_refused() -> None:
    server = Server(lambda: None, on_begin=lambda: None, on_end=lambda: None)
    assert server.config.ws_max_size == MOST_ASKED
