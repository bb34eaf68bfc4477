"""Files that survive a loss of power."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """See that a file, or the names in a folder, survive a loss of power."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
