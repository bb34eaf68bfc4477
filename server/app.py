"""The web application, built from a database and the settings."""

from importlib.metadata import version

from fastapi import FastAPI
from sqlalchemy import Engine

from . import catalog_routes, export_routes, live, run_routes, series_routes, system_routes
from .assets import add_assets
from .failures import add_failures
from .tails import Tails
from .wire import SafeJSONResponse


def create_app(engine: Engine) -> FastAPI:
    """The HTTP and WebSocket interface of docs/protocol.md, and the page."""
    app = FastAPI(
        title="shiftscope",
        version=version("shiftscope"),
        openapi_url="/api/openapi.json",
        docs_url="/api/docs",
        redoc_url=None,
        default_response_class=SafeJSONResponse,
    )
    app.state.engine = engine
    app.state.tails = Tails(engine)
    add_failures(app)
    for routes in (system_routes, catalog_routes, run_routes, series_routes, export_routes, live):
        app.include_router(routes.router)
    add_assets(app)
    return app
