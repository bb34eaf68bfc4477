"""Which devices this machine has, and which one a run takes."""

import os
from collections.abc import Callable

import torch

from ..db.errors import DeviceProblem


def present() -> list[str]:
    """Names of the devices here, the best first; the CPU is always among them."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def choose(name: str) -> torch.device:
    """The device that an experiment's `device` setting means on this machine.

    Raises:
        DeviceProblem: It is not here; the message lists those that are.
    """
    here = present()
    wanted = {"auto": here[0], "cuda": "cuda:0"}.get(name, name)
    if wanted not in here:
        raise DeviceProblem(
            f"The device {name} is not on this machine; it has {', '.join(here)}. "
            "Choose one of these, or auto."
        )
    return torch.device(wanted)


def cores() -> int:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def training_threads() -> int:
    """Half the cores, up to four: small networks gain nothing from more; the recorder needs one."""
    return max(1, min(4, cores() // 2))


def gpu_use(device: torch.device) -> Callable[[], tuple[float | None, float | None]] | None:
    """What tells the share of time that a GPU is busy, and the bytes reserved on it.

    None where there is no CUDA device. The share is None where NVML's Python package is not there.
    """
    if device.type != "cuda":
        return None

    def use() -> tuple[float | None, float | None]:
        try:
            share = torch.cuda.utilization(device) / 100
        except (ModuleNotFoundError, RuntimeError):
            share = None
        return share, float(torch.cuda.memory_reserved(device))

    return use
