"""Which devices this machine has, and which one a run takes."""

import os

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
