"""The web application, built from a database and the settings."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy import Engine

from . import (
    access_routes,
    bulk_routes,
    catalog_routes,
    comparison_routes,
    definition_routes,
    export_routes,
    finding_routes,
    folded_routes,
    list_routes,
    live,
    log_routes,
    measurement_routes,
    moment_routes,
    nonfinite_routes,
    report_routes,
    run_routes,
    series_routes,
    sweep_routes,
    system_routes,
    unit_routes,
    verdict_routes,
)
from .access import Access, Keys
from .assets import WEB, add_assets
from .body_size import BodySize
from .cookies import Cookies
from .failures import RESPONSES, Unforeseen, add_failures
from .limits import Limits
from .older_runs import OlderRuns
from .openapi import Application
from .policy import Policy
from .security import Guard, is_loopback
from .settings import Settings
from .tails import Tails
from .wire import SafeJSONResponse


def create_app(engine: Engine, web: Path = WEB, *, settings: Settings | None = None) -> FastAPI:
    """The interface of docs/protocol.md and the page.

    Args:
        engine: The database.
        web: The page's files.
        settings: Its host, which is not this machine's loopback where who asks needs a token, as he
            does where one is set; the pages that may show ours in a frame; the limits. By default
            those of the environment.
    """
    settings = settings or Settings()
    token, host = settings.token, settings.host
    keys = Keys(engine, token) if token or not is_loopback(host) else None
    app = Application(
        title="shiftscope",
        version=version("shiftscope"),
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages would load scripts from elsewhere
        redoc_url=None,
        default_response_class=SafeJSONResponse,
        responses=RESPONSES,
    )
    app.state.engine = engine
    app.state.started_at = datetime.now(UTC)
    app.state.tails = Tails(engine)
    app.state.older_runs = OlderRuns(engine)
    app.state.limits = Limits(engine, settings)
    # The last one added is the first that a request meets.
    app.add_middleware(Unforeseen)
    app.add_middleware(BodySize)
    cookies = Cookies(settings.data_folder)
    app.add_middleware(Access, engine=engine, keys=keys, cookies=cookies, web=web)
    app.add_middleware(Guard, host=host, tokens=keys is not None)
    app.add_middleware(Unforeseen)  # of those two themselves
    app.add_middleware(Policy, frames=settings.frames)
    add_failures(app)
    for routes in (
        # The list's own addresses come before those of a run's number.
        *(system_routes, access_routes, catalog_routes, definition_routes),
        *(list_routes, folded_routes),
        *(bulk_routes, run_routes, verdict_routes, finding_routes, series_routes, moment_routes),
        *(measurement_routes, unit_routes, nonfinite_routes, log_routes, sweep_routes),
        *(export_routes, report_routes, comparison_routes, live),
    ):
        app.include_router(routes.router)
    add_assets(app, web)
    return app
