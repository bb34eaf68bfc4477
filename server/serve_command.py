from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from ..db.engine import open_database
from .app import create_app
from .settings import load_settings


def serve(
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    database: Annotated[str | None, typer.Option()] = None,
    data: Annotated[Path | None, typer.Option()] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
    worker: Annotated[bool, typer.Option("--worker/--no-worker")] = True,
) -> None:
    """Serve the page."""
    settings = load_settings(host=host, port=port, database=database, data=data)
    engine = open_database(settings.database_url)
    uvicorn.run(
        create_app(engine),
        host=settings.host,
        port=settings.port,
        ws_per_message_deflate=False,
        log_level="warning",
    )
