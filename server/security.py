"""Who may ask: docs/protocol.md says it. Other sites' pages in the same browser may not."""

import re
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .failures import problem

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::[0-9]*)?")
SAFE = {"GET", "HEAD"}
_PASSED_ON = re.compile(r"x-forwarded-.*|forwarded|x-real-ip|via")
"""Headers by which a proxy says that it passes on what someone else asks."""


class Guard:
    """Refuses what only a foreign page or a proxy would send; pure ASGI, around the application.

    The name in `Host` is this machine's, or the one that we listen on: a foreign name that is made
    to point here (DNS rebinding) reaches nothing. Whoever listens on every address (0.0.0.0, ::),
    as the containers do, chose to be reached under any name, and any is taken. `Origin`, which
    browsers send with all that may change something, has to be the page's own. A body has to say
    that it is JSON, which a form of another site can't. Where nobody is asked for a token, no proxy
    may pass anything on: to us all whom it lets in would be on this machine.
    """

    def __init__(self, app: ASGIApp, host: str, *, tokens: bool) -> None:
        """Args:
        app: The application.
        host: What it listens on.
        tokens: Whether a token is asked for.
        """
        self._app = app
        self._tokens = tokens
        self._host = host.strip("[]").lower()
        self._any = _is(self._host, "is_unspecified")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        if scope["type"] == "lifespan" or (refusal := self._refusal(scope)) is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = [host.lower() for host in headers.getlist("host")]
        if len(hosts) != 1 or not self._knows(hosts[0]):
            named = " and ".join(hosts) or "no name"
            return problem(
                403,
                f"This server does not go by {named}: open it as 127.0.0.1 or localhost, or start "
                "it with --host and the name or address that you use.",
            )
        proxied = next((name for name in headers if _PASSED_ON.fullmatch(name)), None)
        if proxied and not self._tokens:
            return problem(
                403,
                f"A proxy passed this on ({proxied}), and this server asks nobody for a token: "
                "whoever reaches the proxy would be let in. Start the server with a token in "
                "SHIFTSCOPE_TOKEN, which it then asks for, or ask it without the proxy.",
            )
        if scope["type"] == "http" and scope["method"] in SAFE:
            return None
        for origin in headers.getlist("origin"):
            if origin.lower().partition("://")[2] != hosts[0]:
                return problem(403, f"A page of {origin} may not do this; expected {hosts[0]}'s.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if _has_body(headers) and kind != "application/json":
            return problem(415, f"Expected Content-Type: application/json, got {kind or 'none'}.")
        return None

    def _knows(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        name = (found[1] or found[2]) if found else ""
        known = name == self._host or is_loopback(name)
        return bool(name) and (self._any or known)


def is_loopback(host: str) -> bool:
    """Whether a name or an address is reached from this machine only."""
    name = host.strip("[]").lower()
    return name == "localhost" or _is(name, "is_loopback")


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _is(address: str, quality: str) -> bool:
    try:
        return bool(getattr(ip_address(address), quality))
    except ValueError:
        return False
