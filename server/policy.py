"""What browsers may do with our answers: run and load what is ours alone, and frame none of it."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .assets import plotly_styles


def policy(frames: str = "") -> dict[str, str]:
    """The headers of every answer; `frames` are the origins of pages that may show ours in a frame.

    No script is inline, and no style but Plotly's own, each named by its hash, so that text of a
    person's that ever became HTML does nothing.
    """
    content = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": " ".join(["'self'", *(f"'sha256-{one}'" for one in plotly_styles())]),
        "img-src": "'self' data: blob:",  # a chart that is saved as a picture
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": frames or "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in content.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return headers if frames else headers | {"X-Frame-Options": "DENY"}


class Policy:
    """Adds the headers to every answer; pure ASGI."""

    def __init__(self, app: ASGIApp, frames: str = "") -> None:
        self._app = app
        self._headers = policy(frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and what is answered with the headers."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._app(scope, receive, send_on)
