"""Finds a Chromium for the browser tests; as a program it also installs one where it can."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ADVICE = (
    "The browser tests need Chromium, and none was found or could be installed. Install it with "
    "your package manager (Debian and Ubuntu: apt install chromium; macOS: brew install --cask "
    "chromium) or with: .venv/bin/playwright install --with-deps chromium"
)


def find() -> str | None:
    """Path of a Chromium on this machine or of playwright's own; None when there is neither."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> None:
    """Try playwright's own download, then Debian's package where we may install it."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        attempts = [
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            *attempts,
        ]
    for command in attempts:
        if find() is None:
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    if find() is None:
        sys.stderr.write("Installing Chromium for the browser tests ...\n")
        install()
    if find() is None:
        sys.exit(ADVICE)
