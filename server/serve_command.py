"""`shiftscope serve`: the page, the interface and a worker, until Ctrl-C."""

import errno
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ..db import queue
from ..db.engine import open_database
from ..db.errors import SetupProblem, cause, refusal
from ..db.tokens import make_first
from ..db.webhook import Webhook
from .app import create_app
from .flags import DatabaseFlag, DataFlag, HostFlag, PortFlag, WebhookFlag
from .interrupts import interruptible, uninterrupted
from .security import is_loopback
from .settings import Settings, load_settings, make_folder
from .transport import configure
from .worker_process import KeptWorker, start_worker


def serve(
    host: HostFlag = None,
    port: PortFlag = None,
    database: DatabaseFlag = None,
    data: DataFlag = None,
    webhook: WebhookFlag = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open no browser; only print the address.")
    ] = False,
    no_worker: Annotated[
        bool,
        typer.Option("--no-worker", help="Start no worker; `shiftscope worker` elsewhere trains."),
    ] = False,
) -> None:
    """Show the page, and train what is started in it.

    Prints the address of the page; Ctrl-C ends everything.
    """
    settings = load_settings(host=host, port=port, database=database, data=data, webhook=webhook)
    with interruptible():
        make_folder(settings)
        listening = listen(settings.host, settings.port)
        url = settings.database_url
        engine = open_database(url)
        token = token_needed(engine, settings)
        herald = settings.webhook and Webhook(engine, settings.webhook, address_of(listening))
        worker = KeptWorker(
            lambda: start_worker(url, settings.data_folder),
            say,
            lambda pid: bury(engine, pid),
        )

        def begin() -> None:
            address = address_of(listening)
            link = f"{address}/?token={token}" if token else address
            typer.echo(f"shiftscope is at {link} (Ctrl-C ends it)")
            sys.stdout.flush()
            if token is None:
                say(
                    "It asks for a token, which was shown when it was made; `shiftscope token` "
                    "makes another."
                )
            if not no_worker:
                worker.start()
            if herald:
                herald.start()
            if not no_browser and has_display():
                # Without the token, which the page asks for: all can read a browser's flags.
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        app = create_app(engine, settings=settings)
        server = Server(app, settings.proxies, on_begin=begin, on_end=worker.ask_to_end)
        try:
            server.run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            with uninterrupted():
                worker.end()
                if herald:
                    herald.end()
                engine.dispose()


def token_needed(engine: Engine, settings: Settings) -> str | None:
    """The token to show: "" where none is asked for, None where it was shown before.

    Raises:
        SetupProblem: One is needed, and it can't be stored.
    """
    if settings.token:
        return None
    if is_loopback(settings.host):
        return ""
    try:
        return make_first(engine)
    except SQLAlchemyError as error:
        raise SetupProblem(
            f"Other machines reach {settings.host}, so the server needs a token, and it can't be "
            f"stored: {cause(error)}. Mend that, give a token by SHIFTSCOPE_TOKEN, or listen on "
            "127.0.0.1."
        ) from None


class Server(uvicorn.Server):
    """uvicorn, quiet, saying when it accepts connections and when it begins to end."""

    def __init__(
        self,
        app: object,
        proxies: str = "",
        *,
        on_begin: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        super().__init__(configure(app, proxies))
        self._on_begin = on_begin
        self._on_end = on_end

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End in good order, which takes seconds; a second Ctrl-C changes nothing."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self._on_begin()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Say so, then end: what ends besides the server does so meanwhile."""
        self._on_end()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already: an early browser waits instead of being refused.

    Raises:
        SetupProblem: The port is in use or not allowed, or the host is not this machine's.
    """
    listening = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
        return listening
    except (OSError, UnicodeError) as error:
        if listening is not None:
            listening.close()
        raise SetupProblem(_why_not(error, host, port)) from None


def _why_not(error: OSError | UnicodeError, host: str, port: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return (
            f"Port {port} is in use, perhaps by a shiftscope that runs already; "
            f"name another with --port, such as --port {port + 1}."
        )
    if number == errno.EACCES:
        return f"Port {port} is not allowed here; name one above 1023 with --port."
    return f"{host} port {port} can't be listened on: {error}. Expected --host 127.0.0.1 or alike."


def address_of(listening: socket.socket) -> str:
    """The address to open in a browser."""
    host, port = listening.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # every address of this machine, so this one
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def has_display() -> bool:
    """Whether a browser can be shown here."""
    if os.environ.get("CI"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return "SSH_CONNECTION" not in os.environ


def bury(engine: Engine, pid: int) -> None:
    """Forget a worker that died; where the database takes no word of it, its lease runs out."""
    try:
        queue.bury(engine, pid)
    except SQLAlchemyError as error:
        say(f"The runs of a worker that died stay as they are: {refusal(error)}")


def say(sentence: str) -> None:
    """Tell the person at the terminal; standard output is for the address alone."""
    typer.echo(sentence, err=True)
