"""The page: our modules from web/, and Plotly from the plotly wheel.

index.html says `<script defer src="/vendor/plotly.min.js"></script>`; it is served with the
version in that address (`/vendor/plotly-4.1.1.min.js`), which browsers then keep for a year.
Every address without a dot that is not the API's is the page's own and gets index.html.
"""

import gzip
import mimetypes
import re
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).resolve().parents[1] / "web"
PLOTLY_PLACE = "/vendor/plotly.min.js"
APP = '<script type="module"'
KEEP = "public, max-age=31536000, immutable"


def add_assets(app: FastAPI, web: Path) -> None:
    """Serve the page at every address that no route has taken before."""
    # A registry of Windows may call .js text/plain, and browsers then refuse modules.
    mimetypes.add_type("text/javascript", ".js")
    app.add_api_route("/vendor/{file}", _vendor, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/", GZipMiddleware(Page(directory=web), minimum_size=1000))


class Page(StaticFiles):
    """Files of web/, always checked for a newer one, and index.html for the page's own places."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or index.html where the address is a place of the page."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404)
        if "." not in path.rsplit("/", 1)[-1] or path in {".", "index.html"}:
            return await run_in_threadpool(self._index)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _index(self) -> Response:
        full_path, found = self.lookup_path("index.html")
        if not found:
            raise HTTPException(404, "The page is not installed: web/index.html is missing.")
        html = Path(full_path).read_text("utf-8")
        place = f"/vendor/plotly-{plotly_version()}.min.js"
        return Response(
            html.replace(PLOTLY_PLACE, place).replace(APP, self._preloads() + APP),
            media_type="text/html",
            headers={"Cache-Control": "no-cache"},
        )

    def _preloads(self) -> str:
        """All modules at once: found import by import, they would come one after the other."""
        folder = Path(str(self.directory))
        places = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*.js"))
        return "".join(f'<link rel="modulepreload" href="/{place}">\n    ' for place in places)


async def _vendor(request: Request, file: str) -> Response:
    """Plotly's script, under its plain name or with its version."""
    names = {"plotly.min.js": "no-cache", f"plotly-{plotly_version()}.min.js": KEEP}
    if file not in names:
        raise HTTPException(404)
    packed, tag = await run_in_threadpool(_packed_plotly)
    headers = {"Cache-Control": names[file], "ETag": tag, "Vary": "Accept-Encoding"}
    if tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(packed, media_type="text/javascript", headers=headers)
    return Response(gzip.decompress(packed), media_type="text/javascript", headers=headers)


@cache
def _plotly_file() -> Path:
    found = find_spec("plotly")  # finds the package without running it
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


@cache
def plotly_version() -> str:
    """The version of plotly.js, from the comment at its head."""
    with _plotly_file().open("rb") as file:
        found = re.search(rb"plotly\.js v([\w.+-]+)", file.read(400))
    return found[1].decode() if found else "unknown"


def plotly_script() -> str:
    """Plotly's script."""
    return _plotly_file().read_text("utf-8")


@cache
def _packed_plotly() -> tuple[bytes, str]:
    """Plotly's script (4.8 MB) in gzip (1.5 MB), packed once, and its ETag."""
    script = _plotly_file().read_bytes()
    return gzip.compress(script, compresslevel=6), f'"{sha256(script).hexdigest()[:20]}"'
