"""What the image installs is pinned with hashes, and is what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ["requirements.lock", "requirements-cuda.lock"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def requirements(lines: list[str]) -> dict[str, Requirement]:
    """By name."""
    found = [Requirement(line) for line in lines]
    return {canonicalize_name(one.name): one for one in found}


def locked(name: str) -> dict[str, tuple[Version, list[str]]]:
    """By name the version of each package, and its hashes."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / name).read_text("utf-8")).replace("\\\n", " ")
    found: dict[str, tuple[Version, list[str]]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        package, *hashes = line.split()
        pinned = re.fullmatch(r"([\w.-]+)(?:\[[\w,.-]+\])?==([\w.+!-]+)", package)
        assert pinned is not None, line
        assert canonicalize_name(pinned[1]) not in found, line
        found[canonicalize_name(pinned[1])] = Version(pinned[2]), hashes
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_one_version_and_hashes(name: str) -> None:
    for package, (_, hashes) in locked(name).items():
        assert hashes, package
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", one) for one in hashes), package


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_what_the_project_asks_for_in_the_versions_tried_together(name: str) -> None:
    asked = requirements(
        [
            *PROJECT["project"]["dependencies"],
            *PROJECT["project"]["optional-dependencies"]["postgres"],
            *PROJECT["build-system"]["requires"],
        ]
    )
    versions = {package: version for package, (version, _) in locked(name).items()}
    assert set(asked) <= set(versions)
    tried = requirements((ROOT / "constraints.txt").read_text("utf-8").splitlines()[1:])
    for package, version in versions.items():
        for one in (asked.get(package), tried.get(package)):
            assert one is None or one.specifier.contains(version), f"{package} {version}: {one}"


def test_the_locks_differ_by_torch_and_what_its_build_for_cuda_needs() -> None:
    cpu, cuda = map(locked, LOCKS)
    assert {package for package in cpu if cpu[package] != cuda.get(package)} == {"torch"}
    assert (cpu["torch"][0].local, cuda["torch"][0].local) == ("cpu", None)
    assert cpu["torch"][0].public == cuda["torch"][0].public
    more = set(cuda) - set(cpu)
    assert all(re.match("cuda-|nvidia-|triton$", package) for package in more), more
