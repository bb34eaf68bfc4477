"""A real Chromium: pages of other origins, the way in by a token, one for looking, the policy."""

import functools
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from shiftscope.db import audit, listing, tokens
from shiftscope.server import access
from shiftscope.server.notebook import FRAMES

pytestmark = pytest.mark.browser

PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
TRY_ALL = """async (server) => {
  const tried = {};
  const post = (path, options) => fetch(`http://${server}${path}`,
    { method: "POST", credentials: "include", ...options });
  const body = JSON.stringify({ experiment: {} });
  const said = (promise) => promise.then((answer) => answer.type, (error) => error.name);
  tried.json = await said(post("/api/runs", { body,
    headers: { "Content-Type": "application/json" } }));
  tried.form = await said(post("/api/runs", { body, mode: "no-cors" }));
  tried.stop = await said(post("/api/runs/1/stop", { mode: "no-cors" }));
  tried.read = await said(fetch(`http://${server}/api/runs`, { credentials: "include" }));
  tried.live = await new Promise((resolve) => {
    const socket = new WebSocket(`ws://${server}/api/live`);
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve("refused");
  });
  tried.script = await new Promise((resolve) => {
    const script = document.createElement("script");
    script.onload = () => resolve("loaded");
    script.onerror = () => resolve("refused");
    script.src = `http://${server}/api/runs`;
    document.head.append(script);
  });
  return tried;
}"""
REFUSED = {
    "json": "TypeError",  # what it asks first, whether it may, is refused
    "form": "TypeError",  # sent as it is, refused by its origin
    "stop": "TypeError",
    "read": "TypeError",
    "live": "refused",
    "script": "refused",
}
VIOLATIONS = """window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => window.violations.push(
  `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.columnNumber}`));"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that counts what the policy forbids."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(VIOLATIONS)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    context.close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[int]:
    """The port of another site, with an empty page."""
    (tmp_path / "index.html").write_text("<!doctype html><title>Elsewhere</title>")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_of_another_origin_neither_starts_nor_reads_anything(
    engine: Engine,
    make_run: Any,
    serve: Callable[..., str],
    page: Page,
    elsewhere: int,
    tmp_path: Path,
) -> None:
    make_run(engine)
    token = tokens.make_first(engine)
    server = serve(engine, host="0.0.0.0", data=tmp_path)
    answer = page.goto(f"http://{server}/runs/1?tab=log")
    assert answer is not None and answer.status == 401
    expect(page.get_by_role("alert")).to_have_text("This server asks for a token.")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_contain_text("does not know")
    page.get_by_label("Token").fill(str(token))
    page.get_by_role("button", name="Enter").click()
    expect(page.locator(".entries")).to_be_visible()
    assert page.url == f"http://{server}/runs/1?tab=log", "the token is not in the address"
    (cookie,) = page.context.cookies()
    assert cookie.get("httpOnly") and cookie.get("sameSite") == "Strict"
    assert str(token) not in str(cookie.get("value"))
    assert page.evaluate("document.cookie") == ""

    open_to_all = serve(engine)  # on loopback, where no cookie is needed
    before = [run.status for run in listing.page(engine).runs]
    for origin in (f"http://127.0.0.1:{elsewhere}", f"http://localhost:{elsewhere}"):
        page.goto(origin)
        assert page.evaluate(TRY_ALL, server) == REFUSED, origin
        assert page.evaluate(TRY_ALL, open_to_all) == REFUSED, origin
    assert [run.status for run in listing.page(engine).runs] == before == ["running"]
    assert [line.who for line in audit.lines(engine, limit=9)] == ["command line"]

    # A link from elsewhere comes without the cookie; the page that asks for a token finds it.
    page.evaluate("(place) => { window.location.href = place; }", f"http://{server}/runs/1")
    expect(page.locator(".run-header h1")).to_contain_text("A run")


def test_who_may_change_something_sees_who_did(
    engine: Engine, make_run: Any, serve: Callable[..., str], page: Page
) -> None:
    make_run(engine)
    for number in range(150):
        audit.record(engine, "lab", f"change {number}", [1], 403 if number % 2 else 200)
    page.goto(f"http://{serve(engine)}/")
    page.get_by_role("link", name="Audit").click()
    entries = page.locator(".entries tbody tr")
    expect(entries).to_have_count(100)
    expect(entries.first).to_contain_text("lab#1403 refusedchange 149")
    page.get_by_role("button", name="Older").click()
    expect(entries).to_have_count(150)
    expect(entries.last).to_contain_text("lab#1200change 0")
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    entries.first.get_by_role("link").click()
    expect(page.locator(".run-header h1")).to_contain_text("A run")


def test_a_frame_shows_the_page_where_that_is_allowed_and_nowhere_else(
    engine: Engine, make_run: Any, serve: Callable[..., str], page: Page, elsewhere: int
) -> None:
    make_run(engine).append(3)
    allowed, forbidden = serve(engine, frames=FRAMES), serve(engine)
    page.goto(f"http://localhost:{elsewhere}")  # as Jupyter is
    add_frame = """(server) => {
      const frame = document.createElement("iframe");
      frame.src = `http://${server}/runs/1`;
      document.body.append(frame);
    }"""
    shown, empty = page.frame_locator("iframe").nth(0), page.frame_locator("iframe").nth(1)
    page.evaluate(add_frame, allowed)
    expect(shown.locator(".live")).to_have_text("live")
    page.evaluate(add_frame, forbidden)
    expect(empty.locator(".run-header")).to_have_count(0)
    deadline = time.monotonic() + 60  # until Chromium has put its own page there
    while any(forbidden in frame.url for frame in page.frames):
        assert time.monotonic() < deadline, [frame.url for frame in page.frames]
        page.wait_for_timeout(50)


def test_who_may_only_look_sees_everything_live_and_is_offered_no_change(
    engine: Engine,
    make_run: Any,
    serve: Callable[..., str],
    page: Page,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(access, "KNOWN_SECONDS", 0.0)
    run = make_run(engine)
    run.begin()
    run.append(50)
    server = serve(engine, host="0.0.0.0", data=tmp_path)
    page.goto(f"http://{server}/?token={tokens.make_token(engine, 'lab', read_only=True)}")
    assert page.url == f"http://{server}/"
    expect(page.locator(".read-only")).to_be_visible()
    expect(page.locator(".live")).to_have_text("live")
    row = page.locator(".run-row")
    row.get_by_role("checkbox").check()
    expect(page.get_by_role("link", name="Compare", exact=True)).to_have_count(2)
    page.keyboard.press("e")
    for name in ("Stop", "Delete", "Archive", "Tag", "Edit run 1", "New", "New run", "Audit"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
        expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    expect(page.locator(".run-edit")).to_have_count(0)
    page.goto(f"http://{server}/audit")
    expect(page.get_by_role("alert")).to_contain_text("may not see who changed what")
    page.goto(f"http://{server}/new/mnist-sigmoid")
    expect(page.locator(".cost .figure")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_have_count(0)
    for tab in ("overview", "shift"):
        page.goto(f"http://{server}/runs/1?tab={tab}")
        expect(page.locator(".js-plotly-plot").first).to_be_visible()
        expect(page.locator(".js-plotly-plot .main-svg").nth(2)).to_be_attached()
        assert page.evaluate("window.violations") == [], tab
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_role("link", name="Run again")).to_have_count(0)
    expect(page.locator(".live")).to_have_text("live")
    tokens.revoke(engine, "lab")
    run.append(50)  # something to send, by which the connection ends
    expect(page.get_by_label("Token")).to_be_visible()
