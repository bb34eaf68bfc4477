"""Whether a dataset fits into the memory that is free."""

import os
from pathlib import Path

from ...db.errors import DatasetProblem

TRAIN_COPIES, TEST_COPIES = 2, 6
"""Bytes per value while a dataset is loaded: the images, and once more as a tensor; those of the
test set as float32 as well."""
MEMORY_INFO = Path("/proc/meminfo")
GROUPS = (
    (Path("/sys/fs/cgroup"), "memory.max", "memory.current", ""),
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)
"""Limit and use of a container, in the second and in the first version of control groups."""


def free_memory() -> int:
    """Bytes that can be had, within a container's limit; all there are where that is not told."""
    free = [_available()]
    for folder, limit, used, prefix in GROUPS:
        try:
            room = int((folder / limit).read_text()) - int((folder / used).read_text())
            lines = (folder / "memory.stat").read_text().splitlines()
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
        told = dict(line.split() for line in lines)
        cached = sum(int(told.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
        free.append(room + cached)  # what files are cached gives way
    return max(min(free), 0)


def check_room(where: str, train: int, test: int, size: int, channels: int) -> None:
    """Refuse what would not fit.

    Args:
        where: What the images come from.
        train: Number of training images.
        test: Number of test images.
        size: Height and width.
        channels: 1 or 3.

    Raises:
        DatasetProblem: With the image size that would fit.
    """
    per_pixel = (train * TRAIN_COPIES + test * TEST_COPIES) * channels
    free = free_memory()
    if per_pixel * size**2 <= free:
        return
    fits = int((free / per_pixel) ** 0.5)
    ways = [f"an image size of at most {fits}"] if fits >= 8 else []
    ways += ["gray images"] if channels > 1 else []
    raise DatasetProblem(
        f"{train + test:,} images from {where} at {size}×{size} take "
        f"{_size(per_pixel * size**2)} of memory, and {_size(free)} are free. Choose "
        f"{', '.join([*ways, 'or a folder with fewer images'])}."
    )


def _available() -> int:
    try:
        for line in MEMORY_INFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"
