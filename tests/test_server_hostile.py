"""Whatever a client sends, it is answered by a result or a problem, never by a crash."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shiftscope.db import queue
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import setting_paths

SMALL = settings(max_examples=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
segments = st.text(max_size=30) | st.integers().map(str) | st.sampled_from(["1", "-1", "01", "1e3"])
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)
JSON = {"Content-Type": "application/json"}
POSTS = [
    *("/api/runs", "/api/experiments/validate", "/api/runs/1/series", "/api/runs/1/stop"),
    *("/api/runs/bulk", "/api/runs/1/restore", "/api/runs/1/moment"),
]


def check(response: Any) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == "application/problem+json"
        body = response.json()
        assert body["status"] == response.status_code and len(body["detail"]) > 5


@pytest.fixture(autouse=True)
def _a_run(engine: Engine, make_run: Any) -> None:
    make_run(engine).append(3)


@SMALL
@given(path=st.sampled_from(POSTS), body=json_values)
def test_any_json(web: httpx.Client, path: str, body: Any) -> None:
    check(web.post(path, content=json.dumps(body), headers=JSON))
    check(web.patch("/api/runs/1", content=json.dumps(body), headers=JSON))


@SMALL
@given(path=st.sampled_from(POSTS), body=st.binary(max_size=60), kind=header_values)
def test_any_bytes(web: httpx.Client, path: str, body: bytes, kind: str) -> None:
    check(web.post(path, content=body, headers={"Content-Type": kind}))
    check(web.post(path, content=body, headers=JSON))


@SMALL
@given(path=st.sampled_from(setting_paths()), value=json_values)
def test_any_value_of_any_setting(web: httpx.Client, path: str, value: Any) -> None:
    experiment = Experiment().model_dump(mode="json")
    *parents, last = path.split(".")
    part = experiment
    for parent in parents:
        part = part[parent]
    part[last] = value
    content = json.dumps({"experiment": experiment})
    check(web.post("/api/experiments/validate", content=content, headers=JSON))
    check(web.post("/api/runs", content=content, headers=JSON))
    check(web.get("/api/runs"))


@SMALL
@given(
    series=st.lists(
        st.fixed_dictionaries(
            {
                "table": st.sampled_from(["layer_records", "evaluations", "runs"]) | st.text(),
                "network_id": st.integers(-1, 3) | st.integers(),
                "statistics": st.lists(st.sampled_from(["mean", "test_loss", "step"]) | st.text()),
            },
            optional={"layer_id": st.integers(0, 3) | st.integers() | st.none()},
        ),
        max_size=3,
    ),
    first=st.integers(-1, 5) | st.integers(),
    last=st.integers(-1, 5) | st.integers() | st.none(),
    points=st.integers(0, 5) | st.integers(),
)
def test_any_series(web: httpx.Client, **body: Any) -> None:
    check(web.post("/api/runs/1/series", content=json.dumps(body), headers=JSON))


@SMALL
@given(run=segments, table=segments, query=st.text(max_size=20))
def test_any_path(web: httpx.Client, run: str, table: str, query: str) -> None:
    def get(path: str) -> None:
        check(web.get(path, params={"limit": query, "offset": run}))

    def quote(text: str) -> str:
        return "".join(f"%{byte:02x}" for byte in text.encode())

    get(f"/api/runs/{quote(run)}")
    get(f"/api/runs/{quote(run)}/export/{quote(table)}.csv")
    get(f"/api/runs/1/export/{quote(table)}.csv")
    get(f"/api/runs/{quote(run)}/verdict")
    check(web.get("/api/runs/1/verdict", params={"target": query}))
    check(web.get("/api/runs", params={"q": query}))
    check(web.get("/api/runs", params={"q": f"name:{table}", "sort": query}))
    check(web.get("/api/runs/sparklines", params={"run": run}))
    get("/api/runs")
    get(f"/api/{quote(run)}")
    check(web.post(f"/api/runs/{quote(run)}/stop"))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/api/runs", "/api/runs/1", "/api/nothing", "/new", "/app.js"])
def test_any_method(web: httpx.Client, method: str, path: str) -> None:
    response = web.request(method, path)
    assert response.status_code < 500
    if method not in {"HEAD", "OPTIONS"}:
        assert response.status_code in {404, 405, 409, 422}
        check(response)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"experiment": ' * 50_000,
        b'{"experiment": {"steps": ' + b"9" * 10_000 + b"}}",
        b'{"experiment": {"steps": 1e999}}',
        b'{"experiment": {"name": "\\ud800"}}',
        b'{"experiment": {"name": "\\u0000"}}',
        b'{"experiment": {"optimizer": {"lr": NaN}}}',
        b"\xff\xfe{}",
    ],
    ids=["deep list", "deep object", "long", "1e999", "surrogate", "zero", "NaN", "UTF-16"],
)
def test_a_body_made_to_hurt(web: httpx.Client, body: bytes) -> None:
    for path in POSTS:
        check(web.post(path, content=body, headers=JSON))


def test_a_name_that_only_some_databases_can_store_is_refused_by_all(
    any_engine: Engine, connect: Any
) -> None:
    web = connect(any_engine)
    for name in ("zero \x00 byte", "half \ud800 pair"):
        content = json.dumps({"experiment": {"name": name}})
        answer = web.post("/api/runs", content=content, headers=JSON)
        assert answer.status_code == 422, answer.text
    assert queue.claim(any_engine, queue.register(any_engine)) is None
