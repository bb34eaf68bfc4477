"""Datasets: what is read, and what a person is told of files that are not right."""

import gzip
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from shiftscope.db.errors import DatasetProblem
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets import digits, mnist


def quiet(_phase: str) -> None:
    """Nobody listens to the progress."""


def test_digits_are_real_and_always_there(tmp_path: Path) -> None:
    images = datasets.load("digits", tmp_path, quiet)
    assert images.train_images.shape == (1437, 28, 28) and images.test_images.shape == (360, 28, 28)
    assert images.train_images.dtype == np.uint8 and images.train_images.max() == 255
    assert sorted(set(images.test_labels.tolist())) == list(range(10))


def test_upsampling_keeps_a_constant_and_the_corners() -> None:
    corner = np.zeros((1, 8, 8))
    corner[0, 0, 0] = 255
    assert digits._upsample(corner)[0, 0, 0] == 255
    assert (digits._upsample(np.full((1, 8, 8), 99.0)) == 99).all()


def test_real_mnist_is_read_and_verified(mnist_folder: Path) -> None:
    images = datasets.load("mnist", mnist_folder, quiet)
    assert images.train_images.shape == (60_000, 28, 28)
    assert images.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@pytest.fixture
def no_mirrors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", "http://127.0.0.1:9/again/"))


@pytest.mark.usefixtures("no_mirrors")
def test_missing_mnist_says_where_to_put_it_and_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(DatasetProblem, match=r"Put its four files there.*digits"):
        datasets.load("mnist", tmp_path, quiet)
    assert not list((tmp_path / "mnist").glob("*.part"))
    offer = datasets.offers(tmp_path)
    assert offer["mnist"]["available"] is False and "digits" in offer["mnist"]["note"]
    assert offer["digits"]["available"] is True


def idx(array: np.ndarray) -> bytes:
    """An array as an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


LABELS = np.zeros(60_000, np.uint8)
BROKEN = {
    "truncated": (idx(LABELS)[:30_000], "truncated"),
    "cut gzip": (gzip.compress(idx(LABELS))[:40], "can't be read"),
    "not IDX": (b"<html>not found</html>", "not an IDX file"),
    "empty": (b"", "not an IDX file"),
    "other shape": (idx(np.zeros(10_000, np.uint8)), "expected \\(60000,\\)"),
    "other content": (idx(LABELS), "SHA-256"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_not_mnists_is_named_with_advice(case: str, tmp_path: Path) -> None:
    content, reason = BROKEN[case]
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DatasetProblem, match=reason) as problem:
        mnist._parse(mnist.FILES[1], path)
    assert path.name in str(problem.value) and "Delete" in str(problem.value)


@pytest.fixture
def mirror(tmp_path: Path, mnist_folder: Path) -> Iterator[str]:
    """A mirror of MNIST on this machine."""
    source = next(
        path.parent
        for folder in mnist.FOLDERS
        for path in (mnist_folder / folder).glob("train-labels-idx1-ubyte.gz")
    )

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(source))  # type: ignore[arg-type]

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep the terminal for the tests."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_mnist_is_downloaded_from_the_second_mirror_when_the_first_is_gone(
    tmp_path: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/", mirror))
    phases: list[str] = []
    images = datasets.load("mnist", tmp_path / "data", phases.append)
    assert images.test_images.shape == (10_000, 28, 28)
    assert phases[-1].endswith("100%")
    assert mnist.availability(tmp_path / "data")[0]
