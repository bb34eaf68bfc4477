"""Who asks, and what they may: tokens, where the server listens to other machines.

On loopback nobody is asked. Elsewhere everything under /api, but for /api/health, and every place
of the page need a token: as `?token=` in a link to the page, which becomes a cookie and leaves the
address; as that cookie; or as `Authorization: Bearer`. The page's own files hold nothing of
anyone's and are open. A token that is read-only changes nothing, and whoever changes something is
written down.
"""

import math
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL, Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..db import tables
from ..db.audit import LOOPBACK
from ..db.tokens import GIVEN, hashed, is_same, tokens
from .auditing import Audit
from .cookies import SECONDS, Cookies
from .failures import no_answer, problem
from .security import SAFE

KNOWN_SECONDS = 1.0
"""A token that is revoked lets nobody in after so long."""
OPEN = {"/api/health"}
READING = re.compile(r"/api/((experiments|sweeps)/validate|runs/[0-9]+/(series|moment))")
"""What is asked by POST since it takes a body, and changes nothing."""
NEEDED = "This server asks for a token"
HOW = (
    "Open the link that it printed when it first started, or send Authorization: Bearer and the "
    "token; `shiftscope token`, where the server runs, makes another."
)
READ_ONLY = "This token is for looking only: it may not {}. Ask who runs the server for another."


@dataclass(frozen=True)
class Identity:
    """Who asks.

    Attributes:
        name: The token's, or `loopback`.
        read_only: It may change nothing.
    """

    name: str
    read_only: bool = False


@dataclass
class Keys:
    """The tokens that are valid, as the database has them, and the one that was given.

    Attributes:
        engine: Where they are stored, by their hashes.
        given: Of SHIFTSCOPE_TOKEN; "" is none.
    """

    engine: Engine
    given: str = ""
    _known: Sequence[tables.Token] = field(default=(), init=False)
    _read_at: float = field(default=-math.inf, init=False)
    _reading: threading.Lock = field(default_factory=threading.Lock, init=False)
    _failure: tuple[float, SQLAlchemyError] | None = field(default=None, init=False)
    """When the database did not answer, and what it said: all who wait then need not ask again."""

    async def identify(
        self, token: str, fits: Callable[[str, str], bool] = is_same
    ) -> Identity | None:
        """Whose token it is, or whose it `fits` the hash of; None where it is nobody's.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: The database does not answer.
        """
        if self._is_old(time.monotonic()):
            await run_in_threadpool(self._read)
        found = None
        for known in self._known:  # all of them, so that the time says nothing of which
            if fits(token, known.hash):
                found = Identity(known.name, known.read_only)
        if self.given and fits(token, hashed(self.given)):
            found = Identity(GIVEN)
        return found

    def _read(self) -> None:
        """Learn which tokens are valid, one reader after the other: the latest list stays.

        It is as old as the moment before it was asked for.
        """
        asked = time.monotonic()
        with self._reading:
            if self._failure is not None and self._failure[0] >= asked:
                raise self._failure[1]
            now = time.monotonic()
            if self._is_old(now):
                try:
                    self._known = tokens(self.engine)
                except SQLAlchemyError as error:
                    self._failure = (time.monotonic(), error)
                    raise
                self._read_at = now

    def _is_old(self, now: float) -> bool:
        return now - self._read_at >= KNOWN_SECONDS


class Access:
    """Lets in who may; pure ASGI, around the application and inside of `Guard`.

    `keys` is None where nobody is asked for a token.
    """

    def __init__(
        self, app: ASGIApp, engine: Engine, keys: Keys | None, cookies: Cookies, web: Path
    ) -> None:
        self._app = app
        self._cookies = cookies
        self._audit = Audit(engine)
        self._keys = keys
        self._web = web

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with the identity of who asks, or refuse it."""
        if scope["type"] == "lifespan" or _is_open(scope):
            return await self._app(scope, receive, send)
        try:
            entered = await self._enter(scope)
        except SQLAlchemyError as error:
            entered = no_answer(None, error)
        if isinstance(entered, Response):
            if scope["type"] == "websocket":
                return await send({"type": "websocket.close", "code": 1008})
            return await entered(scope, receive, send)
        state = scope.setdefault("state", {})
        state["identity"] = entered
        if scope["type"] == "websocket":
            return await self._app(scope, receive, self._while_valid(scope, send))
        if not _changes(scope):
            return await self._app(scope, receive, send)
        changed = state["changed"] = self._audit.changed(entered.name)
        send = self._audit.audited(scope, changed, entered.name, send)
        if entered.read_only:
            what = f"{scope['method']} {scope['path']}"
            return await problem(403, READ_ONLY.format(what))(scope, receive, send)
        return await self._app(scope, receive, send)

    async def _enter(self, scope: Scope) -> Identity | Response:
        """Who asks, or what they are answered instead of what they asked for."""
        if self._keys is None:
            return Identity(LOOPBACK)
        shown = _token_in_address(scope) if _is_page(scope) else None
        if shown and await self._keys.identify(shown):
            return self._into_cookie(scope, shown)
        sent, fits = self._sent(scope)
        identity = await self._keys.identify(sent, fits) if sent else None
        if identity is None:
            return self._refusal(scope, known=shown or sent)
        return identity if shown is None else RedirectResponse(_without_token(scope), 303)

    def _sent(self, scope: Scope) -> tuple[str, Callable[[str, str], bool]]:
        """What a script or else a browser sends, and what says whether it fits a token's hash."""
        connection = HTTPConnection(scope)
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind:
            return token.strip() if kind.lower() == "bearer" else "", is_same
        name = cookie_name(scope)
        return connection.cookies.get(name, ""), partial(self._cookies.fits, name)

    def _into_cookie(self, scope: Scope, token: str) -> Response:
        response = RedirectResponse(_without_token(scope), HTTPStatus.SEE_OTHER)
        response.headers["Cache-Control"] = "no-store"
        name = cookie_name(scope)
        response.set_cookie(
            name,
            self._cookies.make(name, hashed(token)),
            max_age=SECONDS,
            httponly=True,
            samesite="strict",
            secure=_is_secure(scope),
        )
        return response

    def _refusal(self, scope: Scope, known: str | None) -> Response:
        why = f"{NEEDED}, and does not know the one that was sent." if known else f"{NEEDED}."
        if not _is_page(scope):
            return problem(401, f"{why} {HOW}", headers={"WWW-Authenticate": "Bearer"})
        html = (self._web / "enter.html").read_text("utf-8").replace(f"{NEEDED}.", why)
        headers = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
        return Response(html, 401, media_type="text/html", headers=headers)

    def _while_valid(self, scope: Scope, send: Send) -> Send:
        """Send to a WebSocket as long as its token lets it in."""

        async def send_on(message: Message) -> None:
            try:
                valid = isinstance(await self._enter(scope), Identity)
                code, reason = 1008, "The token ended."
            except SQLAlchemyError:
                valid = False
                code, reason = 1013, "The database does not answer."
            if not valid:
                await send({"type": "websocket.close", "code": code, "reason": reason})
                raise OSError(reason)  # as if the client had left
            await send(message)

        return send if self._keys is None else send_on


def _is_api(scope: Scope) -> bool:
    return scope["path"] == "/api" or scope["path"].startswith("/api/")


def _is_page(scope: Scope) -> bool:
    """A place of the page, which gets index.html."""
    last = scope["path"].rpartition("/")[2]
    if scope["type"] != "http" or scope["method"] not in SAFE or _is_api(scope):
        return False
    return "." not in last or last in {".", "..", "index.html"}


def _is_open(scope: Scope) -> bool:
    """Whether nobody is asked: the server's health, and the page's own files."""
    if scope["type"] == "websocket" or scope["method"] not in SAFE:
        return False
    return scope["path"] in OPEN or not (_is_api(scope) or _is_page(scope))


def _changes(scope: Scope) -> bool:
    """Whether a request may change something; what nobody has listed as reading does."""
    return scope["method"] not in SAFE and READING.fullmatch(scope["path"]) is None


def _token_in_address(scope: Scope) -> str | None:
    return HTTPConnection(scope).query_params.get("token")


def _is_secure(scope: Scope) -> bool:
    """Whether the browser came by TLS; of several proxies in a row the first says so."""
    asked = Headers(scope=scope).get("x-forwarded-proto", scope["scheme"])
    return asked.partition(",")[0].strip().lower() == "https"


def cookie_name(scope: Scope) -> str:
    """With the port in it: a browser sends a cookie to all ports of a host."""
    return f"shiftscope-{URL(scope=scope).port or 'token'}"


def _without_token(scope: Scope) -> str:
    """The address that was asked for, without the token; never that of another host."""
    query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    rest = urlencode([(name, value) for name, value in query if name != "token"])
    return quote(f"/{scope['path'].lstrip('/')}") + (f"?{rest}" if rest else "")
