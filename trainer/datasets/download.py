"""Downloads: checked before they get their name, so that nothing half is ever found."""

import http.client
import tempfile
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from ...db.errors import DatasetProblem

CHUNK = 1 << 18
OFFLINE = (OSError, http.client.HTTPException)
LOOK_SECONDS, WAIT_SECONDS = 3, 30


def fetch(
    urls: Sequence[str],
    target: Path,
    check: Callable[[Path], object],
    progress: Callable[[str], None],
    *,
    most: int,
) -> Path:
    """Download a file from the first place that has it.

    Args:
        urls: Where it is to be had, the best first.
        target: Where to put it.
        check: Raises DatasetProblem when the file is not what it should be.
        progress: Told in a few words how far it is.
        most: Bytes that the file can have; a place that sends more has another file.

    Raises:
        DatasetProblem: With what each place said.
    """
    failures: list[str] = []
    for url in urls:
        try:
            return _fetch(url, target, check, progress, most)
        except (*OFFLINE, DatasetProblem) as error:
            failures.append(f"{url}: {getattr(error, 'reason', error)}")
    raise DatasetProblem("; ".join(failures))


def is_reachable(urls: Sequence[str]) -> bool:
    """Whether one of the places answers."""
    for url in urls:
        request = urllib.request.Request(url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=LOOK_SECONDS):
                return True
        except OFFLINE:
            continue
    return False


def _fetch(
    url: str,
    target: Path,
    check: Callable[[Path], object],
    progress: Callable[[str], None],
    most: int,
) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=target.parent) as folder:
        part = Path(folder) / target.name
        with urllib.request.urlopen(url, timeout=WAIT_SECONDS) as response, part.open("wb") as out:
            total = int(response.headers.get("Content-Length") or 0)
            done = 0
            while chunk := response.read(CHUNK):
                done += out.write(chunk)
                if done > most:
                    raise DatasetProblem(
                        f"it sends more than {most:,} bytes, which is no such file"
                    )
                share = f", {done / total:.0%}" if total else ""
                progress(f"downloading {target.name}{share}")
        check(part)
        return part.replace(target)
