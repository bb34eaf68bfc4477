"""`show(run)`: a run's live page inside a notebook.

    from shiftscope.server import show

    show(12)        # a run's number
    show(run)       # what watch() or Pair gave

The page is that of a server: one that answers already, has the same database and lets its page be
shown in a frame (SHIFTSCOPE_FRAMES), or one that is started in the background and ends with the
notebook. That one is reached from this machine only. Where tokens are in use it has one of its own,
and is opened by a link: a browser sends no cookie of ours to a frame in another's page.
"""

import atexit
import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from html import escape
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from sqlalchemy import URL

from ..db import read
from ..db.engine import open_database, parse_url
from ..db.errors import DatabaseProblem, SetupProblem, shown
from ..db.tokens import tokens
from .settings import PREFIX, Settings, load_settings

ANSWERS_WITHIN = 2
HEIGHT = 720
FRAMES = "http://localhost:* http://127.0.0.1:* vscode-webview: vscode-file:"
"""Where notebooks are: Jupyter on this machine, or reached through ssh, and VS Code."""
_PROGRAM = "from shiftscope.server.cli import main; main()"
_started: dict[str, tuple[subprocess.Popen[str], str, str]] = {}
"""By database the server that this process started, its address, and its token or ""."""


class View:
    """The page of a run: in a notebook a frame, or a link where a token is asked for.

    Attributes:
        address: Of the page, to open in a browser; with the token, where one is asked for.
    """

    def __init__(self, page: str, title: str, height: int, token: str = "") -> None:
        self.address = f"{page}?token={token}" if token else page
        self._page = page
        self._title = title
        self._height = height

    def _repr_html_(self) -> str:
        address, page, title = (escape(one) for one in (self.address, self._page, self._title))
        link = f'<p><a href="{address}" target="_blank">{page}</a></p>'
        if self.address != self._page:
            return f"<p>{title}</p>{link}"
        return (
            f'<iframe src="{page}" title="{title}" width="100%" height="{self._height}" '
            f'style="border: 0"></iframe>{link}'
        )

    def __repr__(self) -> str:
        return f"{self._title}: {self.address}"


def show(run: Any, *, height: int = HEIGHT, database: str | None = None) -> View:
    """The live page of a run; the last line of a notebook's cell shows it, `display` elsewhere.

    Args:
        run: Its number, or what `watch` or `Pair` gave.
        height: Of the frame, in pixels.
        database: URL; by default the watched run's, or that of `shiftscope serve`.

    Raises:
        NotFound: There is no such run.
        SetupProblem: This is no run, or the server does not start.
    """
    number: Any = run if isinstance(run, int) else getattr(run, "id", None)
    if not isinstance(number, int) or isinstance(number, bool):
        raise SetupProblem(
            f"Expected the number of a run, or what watch() gave, got {shown(run)}. A watched run "
            "has none while its database does not answer."
        )
    settings = load_settings(database=database or getattr(run, "database", None))
    engine = open_database(settings.database_url)
    name = read.run(engine, number).name
    guarded = bool(settings.token or tokens(engine))
    engine.dispose()
    address, token = _server(settings, guarded)
    return View(f"{address}/runs/{number}", f"Run {number}: {name}", height, token)


def _server(settings: Settings, guarded: bool) -> tuple[str, str]:
    """The address of a server that has this database, and the token that it asks for or "".

    Where tokens are in use, of the database or by a server on the usual port, none is started that
    would let in all who are on this machine.
    """
    url = settings.database_url
    usual = f"http://127.0.0.1:{settings.port}"
    if _has(usual, url):
        return usual, ""
    guarded = guarded or _asks_for_token(usual)
    process, address, token = _started.get(url, (None, "", ""))
    if process is not None and guarded and not token:
        _end(process)
    if process is None or process.poll() is not None:
        token = secrets.token_urlsafe(32) if guarded else ""
        process, address = _start(url, token)
        _started[url] = process, address, token
    return address, token


def _asks_for_token(address: str) -> bool:
    """Whether a server there does, which then tells nobody else which database it has."""
    try:
        urllib.request.urlopen(f"{address}/api/access", timeout=ANSWERS_WITHIN).close()
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.UNAUTHORIZED
    except (OSError, ValueError, HTTPException):  # none, or not ours
        pass
    return False


def _has(address: str, url: str) -> bool:
    """Whether a server of ours answers there, may be framed, and has this database."""
    try:
        with urllib.request.urlopen(f"{address}/api/system", timeout=ANSWERS_WITHIN) as answer:
            told: Any = json.load(answer)
            framed = "X-Frame-Options" not in answer.headers
        return framed and _alike(parse_url(told["database"]), parse_url(url))
    except (OSError, ValueError, KeyError, TypeError, DatabaseProblem):  # none, or not ours
        return False


def _alike(told: URL, ours: URL) -> bool:
    """Whether what a server tells is our database; it keeps the password to itself."""
    if told.get_backend_name() == ours.get_backend_name() == "sqlite":
        # a relative path is relative to the server's folder, which we don't know
        file = told.database or ""
        return os.path.isabs(file) and os.path.realpath(file) == os.path.realpath(
            ours.database or ""
        )
    return told.set(password=None) == ours.set(password=None)


def _start(url: str, token: str) -> tuple[subprocess.Popen[str], str]:
    """A server on a free port, without a worker, that ends with this process."""
    environment = {f"{PREFIX}FRAMES": FRAMES, **os.environ}
    environment |= {f"{PREFIX}DATABASE": url, f"{PREFIX}TOKEN": token}
    flags = ["--no-browser", "--no-worker", "--host", "127.0.0.1", "--port", "0"]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "serve", *flags],
            env=environment,  # by no flag: all can read those
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,  # a Ctrl-C that is meant for the notebook does not end it
        )
        assert process.stdout is not None
        words = process.stdout.readline().split()  # shiftscope is at http://… (Ctrl-C ends it)
        address = next((word for word in words if word.startswith("http://")), None)
        if address is None:
            process.kill()
            process.communicate()
            said.seek(0)
            why = said.read().strip() or "It said nothing."
            raise SetupProblem(f"The page's server did not start: {why}")
    atexit.register(_end, process)
    return process, address


def _end(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=10)
