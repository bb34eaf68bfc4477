"""The page's files: right types, never stale, Plotly once a year."""

import mimetypes
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from shiftscope.server.assets import plotly_version

PAGE = """<!doctype html>
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/styles/charts.css">
<script type="module" src="/app.js"></script>
<script defer src="/vendor/plotly.min.js"></script>"""


@pytest.fixture
def page(engine: Engine, tmp_path: Path, connect: Any) -> httpx.Client:
    """The application with a small page, on a machine that takes .js for text."""
    folder = tmp_path / "web"
    (folder / "charts").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "styles").mkdir()
    (folder / "style.css").write_text("p { color: red }")
    (folder / "styles" / "charts.css").write_text("p { color: blue }")
    (folder / "app.js").write_text('import { fan } from "./charts/fan.js";\n' + "fan;\n" * 200)
    (folder / "charts" / "fan.js").write_text('export const fan = "fan";\n')
    (tmp_path / "secret.txt").write_text("secret")
    mimetypes.add_type("text/plain", ".js")
    return connect(engine, folder)


@pytest.mark.parametrize("path", ["/", "/new", "/runs/12", "/index.html", "/a/b/c"])
def test_every_place_of_the_page_is_its_index(page: httpx.Client, path: str) -> None:
    answer = page.get(path)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert f"/vendor/plotly-{plotly_version()}.min.js" in answer.text


def test_modules_and_styles_are_one_file_each_which_browsers_keep(page: httpx.Client) -> None:
    html = page.get("/").text
    assert '"/vendor/plotly.min.js"' not in html and "/charts.css" not in html
    (script,) = re.findall(r'src="(/app-\w+\.js)"', html)
    (style,) = re.findall(r'href="(/style-\w+\.css)"', html)
    for place, kind, content in [
        (script, "text/javascript", '$charts_fan = (function $charts_fan() {\nconst fan = "fan";'),
        (style, "text/css", "p { color: red }\np { color: blue }"),
    ]:
        answer = page.get(place)
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["content-encoding"] == "gzip" and content in answer.text
        assert "immutable" in answer.headers["cache-control"]
        tag = {"If-None-Match": answer.headers["etag"]}
        assert page.get(place, headers=tag).status_code == 304


def test_what_was_edited_has_another_name(page: httpx.Client, tmp_path: Path) -> None:
    before = page.get("/").text
    (tmp_path / "web" / "charts" / "fan.js").write_text("export const fan = 2;\n")
    after = page.get("/").text
    assert before != after
    assert "const fan = 2" in page.get(re.findall(r"/app-\w+\.js", after)[0]).text


def test_modules_that_cannot_be_joined_are_named(page: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "web" / "charts" / "fan.js").write_text("export default 1;\n")
    answer = page.get("/")
    assert answer.status_code == 500 and "web/charts/fan.js" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/app.js", "/charts/fan.js"])
def test_modules_are_javascript_and_checked_for_newer_ones(page: httpx.Client, path: str) -> None:
    answer = page.get(path)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    again = page.get(path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and again.headers["cache-control"] == "no-cache"


def test_large_files_are_compressed(page: httpx.Client) -> None:
    assert page.get("/app.js").headers["content-encoding"] == "gzip"


def test_plotly_is_kept_for_a_year_under_its_version_only(
    page: httpx.Client,
) -> None:
    kept = page.get(f"/vendor/plotly-{plotly_version()}.min.js")
    assert "max-age=31536000" in kept.headers["cache-control"]
    assert kept.headers["content-encoding"] == "gzip"
    assert int(kept.headers["content-length"]) < 2_000_000 < len(kept.content)
    assert kept.headers["content-type"].startswith("text/javascript")
    assert f"plotly.js v{plotly_version()}".encode() in kept.content[:200]
    assert b": this, (() => {" in kept.content[:800] and kept.content.rstrip().endswith(b"})));")
    plain = page.get("/vendor/plotly.min.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.content == kept.content
    assert plain.headers["cache-control"] == "no-cache"
    tag = {"If-None-Match": plain.headers["etag"]}
    assert page.get("/vendor/plotly.min.js", headers=tag).status_code == 304


@pytest.mark.parametrize(
    "path",
    ["/missing.js", "/vendor/other.js", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%00.js"],
)
def test_files_that_are_not_the_pages_are_not_there(page: httpx.Client, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_checkout_without_a_page_says_so(engine: Engine, tmp_path: Path, connect: Any) -> None:
    (tmp_path / "empty").mkdir()
    answer = connect(engine, tmp_path / "empty").get("/")
    assert "web/index.html is missing" in answer.json()["detail"]
