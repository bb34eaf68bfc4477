"""The page: our modules from web/, and Plotly from the plotly wheel.

index.html says `<script defer src="/vendor/plotly.min.js"></script>`; it is served with the
version in that address (`/vendor/plotly-4.1.1.min.js`), which browsers then keep for a year.
Every address without a dot that is not the API's is the page's own and gets index.html.
"""

import gzip
import mimetypes
import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from .joining import CannotJoin, join_modules

WEB = Path(__file__).resolve().parents[1] / "web"
PLOTLY_PLACE = "/vendor/plotly.min.js"
ENTRY = "app.js"
STYLE = re.compile(r'<link rel="stylesheet" href="/([^"]+)">')
STYLES = re.compile(rf"(?:{STYLE.pattern}\s*)+")
FACTORY = '(typeof self !== "undefined" ? self : this, () => {'
KEEP = "public, max-age=31536000, immutable"


def add_assets(app: FastAPI, web: Path) -> None:
    """Serve the page at every address that no route has taken before."""
    # A registry of Windows may call .js text/plain, and browsers then refuse modules.
    mimetypes.add_type("text/javascript", ".js")
    app.add_api_route("/vendor/{file}", _vendor, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/", GZipMiddleware(Page(directory=web), minimum_size=1000))


class Page(StaticFiles):
    """Files of web/, always checked for a newer one, and index.html for the page's own places.

    What index.html links to is served as two files, named after what is in them, which browsers
    keep: all stylesheets, and all modules (joining.py).
    """

    _known: tuple[object, dict[str, "Packed"]] = (None, {})

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or index.html where the address is a place of the page."""
        if path == "api" or path.startswith("api/"):
            raise HTTPException(404)
        if scope["method"] not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        if "." not in path.rsplit("/", 1)[-1] or path in {".", "index.html"}:
            return await run_in_threadpool(self._index)
        if (packed := self._known[1].get(path)) is not None:
            return packed.response(Headers(scope=scope), KEEP)
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def _index(self) -> Response:
        full_path, found = self.lookup_path("index.html")
        if not found:
            raise HTTPException(404, "The page is not installed: web/index.html is missing.")
        html = Path(full_path).read_text("utf-8")
        script, style = self._pack(html)
        html = STYLES.sub(f'<link rel="stylesheet" href="/{style}">\n    ', html, count=1)
        html = html.replace(PLOTLY_PLACE, f"/vendor/plotly-{plotly_version()}.min.js")
        return Response(
            html.replace(f'src="/{ENTRY}"', f'src="/{script}"'),
            media_type="text/html",
            headers={"Cache-Control": "no-cache"},
        )

    def _pack(self, html: str) -> tuple[str, str]:
        """Pack the modules and stylesheets as they are now; returns their two names."""
        folder = Path(str(self.directory))
        sheets = [folder / place for place in STYLE.findall(html)]
        files = [*sorted(folder.rglob("*.js")), *sheets]
        state = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
        known, packs = self._known
        if known != state:
            try:
                joined = join_modules(folder, ENTRY)
            except CannotJoin as error:
                raise HTTPException(500, str(error)) from error
            style = "\n".join(file.read_text("utf-8") for file in sheets).encode()
            digest = _digest(joined.script.encode() + style)
            script = f"{joined.script}//# sourceMappingURL=/app-{digest}.js.map\n".encode()
            packs = {
                f"app-{digest}.js": Packed(script, "text/javascript"),
                f"style-{digest}.css": Packed(style, "text/css"),
                f"app-{digest}.js.map": Packed(joined.map.encode(), "application/json"),
            }
            self._known = (state, packs)
        first, second, *_ = packs
        return first, second


class Packed:
    """A file in memory, compressed once."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self._packed = gzip.compress(content, compresslevel=6)
        self._media_type = media_type
        self._tag = f'"{_digest(content)}"'

    def response(self, asked: Headers, keep: str) -> Response:
        """As a browser asks for it, which may keep it as `Cache-Control` says."""
        headers = {"Cache-Control": keep, "ETag": self._tag, "Vary": "Accept-Encoding"}
        if self._tag in asked.get("If-None-Match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" in asked.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self._packed, media_type=self._media_type, headers=headers)
        content = gzip.decompress(self._packed)
        return Response(content, media_type=self._media_type, headers=headers)


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:20]


async def _vendor(request: Request, file: str) -> Response:
    """Plotly's script, under its plain name or with its version."""
    names = {"plotly.min.js": "no-cache", f"plotly-{plotly_version()}.min.js": KEEP}
    if file not in names:
        raise HTTPException(404)
    packed = await run_in_threadpool(_packed_plotly)
    return packed.response(request.headers, names[file])


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


@cache
def plotly_styles() -> list[str]:
    """SHA-256, in base64, of each style sheet that Plotly puts into the page.

    An empty one that it fills by CSSOM, and that of its maps, whole, though we draw none.
    """
    sheets = ["", *re.findall(r"\.textContent='([^'\\]*)'", plotly_script())]
    return [b64encode(sha256(sheet.encode()).digest()).decode() for sheet in sheets]


def plotly_script() -> str:
    """Plotly's script, its outermost function in parentheses.

    So V8 compiles that function while the script arrives; else it reads all 4.8 MB to find where
    the function ends, and once more when it is called.
    """
    script = _plotly_file().read_text("utf-8")
    head, function, body = script.partition(FACTORY)
    body, end, nothing = body.rpartition("}));")
    if not function or not end or nothing.strip():
        return script  # put together in another way
    return f"{head}{FACTORY.replace('() =>', '(() =>')}{body}}})));\n"


@cache
def _packed_plotly() -> Packed:
    """Plotly's script (4.8 MB) in gzip (1.5 MB)."""
    return Packed(plotly_script().encode(), "text/javascript")
