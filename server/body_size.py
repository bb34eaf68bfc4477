"""A body that is too long is refused before it is read."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .failures import problem

MOST_BYTES = 2 << 20
"""Of a body: the longest that the page sends has some 100 kB."""
REFUSAL = f"The body is longer than {MOST_BYTES:,} bytes, the most that is read. Send less at once."


class BodySize:
    """Answers 413 to what says it is too long, and to what is once that is seen; pure ASGI."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "0")
        if said.isdecimal() and int(said[:20]) > MOST_BYTES:
            await problem(413, REFUSAL)(scope, receive, send)
            return
        left = MOST_BYTES

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, REFUSAL)
            return message

        await self._app(scope, counted, send)
