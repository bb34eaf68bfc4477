"""What a run was made with."""

import platform
from importlib.metadata import version

import torch


def versions() -> dict[str, str]:
    """The versions of shiftscope, torch and Python."""
    return {
        "shiftscope": version("shiftscope"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
