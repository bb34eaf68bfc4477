"""Which devices this machine has, and which one a run takes.

As a program, `python -m shiftscope.trainer.devices`, it prints one device a line, the best first.
"""

import sys

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


if __name__ == "__main__":
    sys.stdout.write("\n".join(present()) + "\n")
