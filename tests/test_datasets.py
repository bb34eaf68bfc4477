"""Datasets: what is read, and what a person is told of files that are not right."""

import gzip
import hashlib
import http.server
import math
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from scipy import integrate, stats

from shiftscope.db.datasets import DatasetName
from shiftscope.db.errors import DatasetProblem
from shiftscope.db.experiment import Experiment
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets import cifar10, digits, download, synthetic
from shiftscope.trainer.datasets import idx as idx_module
from shiftscope.trainer.datasets.fashion_mnist import FASHION_MNIST
from shiftscope.trainer.datasets.idx import IdxDataset
from shiftscope.trainer.datasets.mnist import MNIST

NOWHERE = "http://127.0.0.1:9/"


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


def test_synthetic_classes_are_what_their_formula_says() -> None:
    patterns = synthetic.patterns().reshape(10, -1)
    np.testing.assert_allclose(patterns @ patterns.T, np.eye(10), atol=1e-12)
    images = synthetic.load()
    assert images.train_images.shape == (10_000, 28, 28) and len(images.test_labels) == 2_000
    assert np.bincount(images.test_labels).tolist() == [200] * 10
    every = np.concatenate([images.train_images, images.test_images]).reshape(12_000, -1)
    labels = np.concatenate([images.train_labels, images.test_labels])
    values = (every.astype(float) - 128) / 32
    noise = values - 4 * patterns[labels]
    assert noise.mean() == pytest.approx(0, abs=1e-3) and noise.std() == pytest.approx(1, abs=1e-3)
    right = (values @ patterns.T).argmax(1) == labels

    def density(t: float) -> float:
        return float(stats.norm.pdf(t - 4) * stats.norm.cdf(t) ** 9)

    best, _ = integrate.quad(density, -10, 20)
    assert best == pytest.approx(0.9832, abs=1e-4)
    assert right.mean() == pytest.approx(best, abs=4 * math.sqrt(best * (1 - best) / len(right)))
    assert (synthetic.load().train_images == images.train_images).all()


@pytest.mark.parametrize("of", [MNIST, FASHION_MNIST], ids=["mnist", "fashion_mnist"])
def test_what_is_missing_says_where_to_put_it_and_what_else_there_is(
    of: IdxDataset, tmp_path: Path
) -> None:
    lost = replace(of, mirrors=(NOWHERE, f"{NOWHERE}again/"))
    with pytest.raises(DatasetProblem, match=r"Put its four files there.*digits"):
        lost.load(tmp_path, quiet)
    assert list((tmp_path / of.folders[0]).iterdir()) == []
    available, note = lost.availability(tmp_path)
    assert not available and "or use digits" in note and of.title in note


def test_every_dataset_is_offered_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says_no(_urls: object) -> bool:
        return False

    for module in (idx_module, cifar10):
        monkeypatch.setattr(module, "is_reachable", says_no)
    offers = datasets.offers(tmp_path)
    assert set(offers) == set(get_args(DatasetName))
    here = {name for name, offer in offers.items() if offer["available"]}
    assert here == {"digits", "synthetic", "folder"}
    assert all(offer["note"].endswith(".") for offer in offers.values())


def test_a_folder_without_a_path_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetProblem, match="needs a path"):
        datasets.load("folder", tmp_path, quiet)


def test_gray_images_stay_as_they_are(tmp_path: Path) -> None:
    asked = Experiment(dataset="digits", gray=True)
    images = datasets.of_experiment(asked, tmp_path, quiet)
    assert (images.train_images == datasets.load("digits", tmp_path, quiet).train_images).all()


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
        MNIST.parse(MNIST.files[1], path)
    assert path.name in str(problem.value) and "Delete" in str(problem.value)


def test_a_file_is_known_by_the_checksum_of_its_gzip(tmp_path: Path) -> None:
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx(LABELS)))
    with pytest.raises(DatasetProblem, match=r"Fashion-MNIST's content \(its MD5 differs\)"):
        FASHION_MNIST.parse(FASHION_MNIST.files[1], path)
    own = replace(FASHION_MNIST.files[1], md5=hashlib.md5(path.read_bytes()).hexdigest())
    assert (FASHION_MNIST.parse(own, path) == 0).all()


def test_mnists_files_are_not_taken_for_fashion_mnists(mnist_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "fashion_mnist").symlink_to(_folder_of_mnist(mnist_folder))
    with pytest.raises(DatasetProblem, match="not Fashion-MNIST's content"):
        datasets.load("fashion_mnist", tmp_path, quiet)


def _folder_of_mnist(data: Path) -> Path:
    return next(
        path.parent
        for folder in MNIST.folders
        for path in (data / folder).glob("train-labels-idx1-ubyte.gz")
    )


@pytest.fixture
def mirror(mnist_folder: Path) -> Iterator[str]:
    """A mirror of MNIST on this machine."""
    with served(_folder_of_mnist(mnist_folder)) as address:
        yield address


@contextmanager
def served(source: Path) -> Generator[str]:
    """A folder as a web server has it."""

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
    tmp_path: Path, mirror: str
) -> None:
    mirrored = replace(MNIST, mirrors=(NOWHERE, mirror))
    phases: list[str] = []
    images = mirrored.load(tmp_path / "data", phases.append)
    assert images.test_images.shape == (10_000, 28, 28)
    assert phases[-1].startswith("MNIST: downloading") and phases[-1].endswith("100%")
    assert len(list((tmp_path / "data" / "mnist").iterdir())) == 4
    assert MNIST.availability(tmp_path / "data")[0]


class Stopped(BaseException):
    """A person asks for a stop in the middle of a download."""


def test_nothing_half_is_left_of_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LOOK_SECONDS", 60)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file.gz").write_bytes(bytes(1000))
    target = tmp_path / "here" / "file.gz"

    def stop(_how_far: str) -> None:
        raise Stopped

    def refuse(part: Path) -> None:
        raise DatasetProblem(f"{part.name} is another file")

    with served(tmp_path / "there") as address:
        url = f"{address}file.gz"
        with pytest.raises(Stopped):
            download.fetch([url], target, lambda _: None, stop, most=100_000_000)
        with pytest.raises(DatasetProblem, match=r"file\.gz is another file; .*127\.0\.0\.1:9"):
            download.fetch([url, NOWHERE], target, refuse, quiet, most=100_000_000)
        assert list(target.parent.iterdir()) == []
        assert download.is_reachable([NOWHERE, url])
        assert not download.is_reachable([NOWHERE, f"{address}nothing"])
        download.fetch([url], target, lambda _: None, quiet, most=100_000_000)
    assert [path.name for path in target.parent.iterdir()] == ["file.gz"]
    assert target.read_bytes() == bytes(1000)
