"""What lies below live push: uvicorn, told what a client may cost (bounds: docs/protocol.md)."""

from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PING_SECONDS = 4.0
"""Between a client's answer to a ping and the next ping."""
PONG_SECONDS = 6.0
"""A ping goes behind what was sent before it: also the time to read a frame."""
MOST_ASKED = 2 * 2**20
"""Bytes of a client's message; a watch of 2,000 series of all statistics has 1.3 million."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, which lets go of a client that does not read.

    uvicorn itself closes a connection when its buffer has been written, which never happens to a
    client that has stopped, and to one whose network is gone only when the system gives up after a
    quarter of an hour. Until then it would hold its buffer and be pushed to.
    """

    def send_keepalive_ping(self) -> None:
        """Send a ping; a connection that is still closing by now has nobody who reads."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """Nobody has answered: say so, and let go whether or not it can be said."""
        super().keepalive_timeout()
        self.transport.abort()

    def handle_ping(self) -> None:
        """Answer, unless earlier words are still unread: answers would grow the buffer for ever."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # the answer, which is dropped

    def shutdown(self) -> None:
        """Close; a client that does not read holds up nobody's restart."""
        super().shutdown()
        if not self.writable.is_set():
            self.transport.abort()


def configure(
    app: Any,
    proxies: str = "",
    *,
    ping_seconds: float = PING_SECONDS,
    pong_seconds: float = PONG_SECONDS,
) -> uvicorn.Config:
    """What uvicorn needs to know to serve an application.

    Args:
        app: The application.
        proxies: Addresses whose word is taken of who asked them; "": nobody's.
        ping_seconds: Between a client's answer to a ping and the next ping.
        pong_seconds: After which a client without an answer is let go.
    """
    return uvicorn.Config(
        app,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        log_level="warning",
        access_log=False,
        ws=BoundedWebSocket,
        ws_max_size=MOST_ASKED,
        # Compression costs 28 times as much for each client (docs/protocol.md).
        ws_per_message_deflate=False,
        ws_ping_interval=ping_seconds,
        ws_ping_timeout=pong_seconds,
        timeout_graceful_shutdown=1,
    )
