"""A notebook shows a run's live page, from a server that is there or one that is started."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from conftest import free_port
from sqlalchemy import Engine

from shiftscope.db.errors import NotFound, SetupProblem
from shiftscope.db.tokens import make_token
from shiftscope.server import notebook, show
from shiftscope.server.notebook import View


@pytest.fixture(autouse=True)
def _nothing_on_the_usual_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTSCOPE_PORT", str(free_port()))
    monkeypatch.setattr(notebook, "ANSWERS_WITHIN", 60)  # however busy the machine is


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def test_a_server_that_has_the_database_is_used(
    engine: Engine, make_run: Any, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    address = serve(engine, frames="http://localhost:*")
    monkeypatch.setenv("SHIFTSCOPE_PORT", address.rpartition(":")[2])
    view = show(run.run_id, database=url_of(engine), height=500)
    assert view.address == f"http://{address}/runs/{run.run_id}"
    html = view._repr_html_()
    assert f'<iframe src="{view.address}"' in html and 'height="500"' in html
    assert repr(view) == f"Run {run.run_id}: A run: {view.address}"


def test_a_server_of_another_database_is_not_and_one_is_started_once(
    engine: Engine, make_run: Any, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any, empty_database: Any,
) -> None:  # fmt: skip
    other = notebook.open_database(f"sqlite:///{empty_database}")
    monkeypatch.setenv("SHIFTSCOPE_PORT", serve(other).rpartition(":")[2])
    run = make_run(engine)
    watched = SimpleNamespace(id=run.run_id, database=url_of(engine))  # as watch() gives
    view, again = show(watched), show(run.run_id, database=url_of(engine))
    assert view.address == again.address and ":8420" not in view.address
    base = view.address.rpartition("/runs/")[0]
    assert httpx.get(f"{base}/api/runs/{run.run_id}", timeout=60).json()["name"] == "A run"
    page = httpx.get(view.address, timeout=60)
    assert "<title>shiftscope" in page.text
    assert f"frame-ancestors {notebook.FRAMES}" in page.headers["Content-Security-Policy"]
    process, *_ = notebook._started.pop(url_of(engine))
    notebook._end(process)
    assert process.poll() is not None
    with pytest.raises(httpx.ConnectError):
        httpx.get(view.address, timeout=60)
    other.dispose()


def test_where_tokens_are_in_use_no_server_lets_in_who_has_none(
    engine: Engine, make_run: Any, serve: Callable[..., str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:  # fmt: skip
    monkeypatch.setenv("SHIFTSCOPE_DATA", str(tmp_path))
    run = make_run(engine)
    asking = serve(engine, frames=notebook.FRAMES, token="x" * 20)
    monkeypatch.setenv("SHIFTSCOPE_PORT", asking.rpartition(":")[2])
    view = show(run.run_id, database=url_of(engine))
    page, _, token = view.address.partition("?token=")
    base = page.removesuffix(f"/runs/{run.run_id}")
    assert base != f"http://{asking}" and len(token) == 43
    for closed in (f"{base}/api/runs", page):
        assert httpx.get(closed, timeout=60).status_code == 401
    assert httpx.get(view.address, timeout=60).headers["Location"] == f"/runs/{run.run_id}"
    html = view._repr_html_()
    assert "<iframe" not in html and f'href="{view.address}"' in html
    # The database's tokens are in use, too, whether or not a server asks for them just now.
    monkeypatch.setenv("SHIFTSCOPE_PORT", str(free_port()))
    make_token(engine, "lab")
    assert show(run.run_id, database=url_of(engine)).address == view.address
    process, *_ = notebook._started.pop(url_of(engine))
    notebook._end(process)


def test_a_server_that_forbids_frames_is_not_used(
    engine: Engine, serve: Callable[..., str]
) -> None:
    assert not notebook._has(f"http://{serve(engine)}", url_of(engine))
    allowing = serve(engine, frames=notebook.FRAMES)
    assert notebook._has(f"http://{allowing}", url_of(engine))
    asking = serve(engine, frames=notebook.FRAMES, token="x" * 20)
    assert not notebook._has(f"http://{asking}", url_of(engine))


def test_what_is_no_run_is_refused(engine: Engine) -> None:
    for wrong in ("12", None, SimpleNamespace(id=None), True):
        with pytest.raises(SetupProblem, match="Expected the number of a run"):
            show(wrong, database=url_of(engine))
    with pytest.raises(NotFound, match="There is no run 5"):
        show(5, database=url_of(engine))


def test_names_are_escaped() -> None:
    html = View("http://127.0.0.1:1/runs/1", 'Run 1: "><script>', 700)._repr_html_()
    assert "<script" not in html and len(re.findall("<iframe", html)) == 1
