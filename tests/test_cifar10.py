"""CIFAR-10 in all its forms: small batches, made here, read as the real ones."""

import hashlib
import io
import pickle
import struct
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shiftscope.db.errors import DatasetProblem
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets import cifar10

IN_BATCH = 20
RANDOM = np.random.default_rng(0)
ROWS = RANDOM.integers(0, 256, (6, IN_BATCH, 3072), np.uint8)
LABELS = np.arange(IN_BATCH) % 10
load: Callable[[Path], datasets.Images] = partial(cifar10.load, progress=lambda _: None)


PicklerInPython: Any = vars(pickle)["_Pickler"]


class Python2(PicklerInPython):
    """Writes as Python 2 did, whose text is bytes."""

    def save_text(self, text: str | bytes) -> None:
        content = text.encode("latin1") if isinstance(text, str) else text
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)

    dispatch = PicklerInPython.dispatch | {str: save_text, bytes: save_text}


def pickled(rows: np.ndarray, labels: np.ndarray) -> bytes:
    """A batch as Python 2 wrote it."""
    made = io.BytesIO()
    Python2(made, protocol=2).dump({"data": rows, "labels": labels.tolist()})
    return made.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def record(rows: np.ndarray, labels: np.ndarray) -> bytes:
    return np.concatenate([labels[:, None].astype(np.uint8), rows], axis=1).tobytes()


def packed(path: Path, members: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


PYTHON = {name: pickled(rows, LABELS) for name, rows in zip(cifar10.PYTHON, ROWS, strict=True)}
BINARY = {name: record(rows, LABELS) for name, rows in zip(cifar10.BINARY, ROWS, strict=True)}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset is the one that is made here."""
    monkeypatch.setattr(cifar10, "IN_BATCH", IN_BATCH)
    monkeypatch.setattr(cifar10, "TRAIN_PER_CLASS", 10)
    monkeypatch.setattr(cifar10, "TEST_PER_CLASS", 2)
    monkeypatch.setattr(cifar10, "PYTHON", {name: md5(each) for name, each in PYTHON.items()})
    monkeypatch.setattr(cifar10, "URL", "http://127.0.0.1:9/cifar-10-binary.tar.gz")


def lay(data: Path, form: str, monkeypatch: pytest.MonkeyPatch, **changed: bytes) -> Path:
    """One form of it in the data folder; `changed` members, or none where they are empty."""
    kind, _, how = form.partition(" ")
    members = {**(PYTHON if kind == "python" else BINARY), **changed}
    members = {name: content for name, content in members.items() if content}
    inside = "cifar-10-batches-py" if kind == "python" else "cifar-10-batches-bin"
    if how == "folder":
        place = data / "cifar10" / inside
        place.mkdir(parents=True)
        for name, content in members.items():
            (place / name).write_bytes(content)
        return place
    place = data / f"cifar-10-{kind}.tar.gz"
    packed(place, {f"{inside}/{name}": content for name, content in members.items()})
    monkeypatch.setattr(cifar10, "ARCHIVES", {place.name: md5(place.read_bytes())})
    return place


FORMS = ["python folder", "binary folder", "python archive", "binary archive"]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_same_images(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lay(tmp_path, form, monkeypatch)
    images = load(tmp_path)
    assert images.train_images.shape == (100, 32, 32, 3) and images.test_images.shape[0] == 20
    assert images.train_labels.tolist() == LABELS.tolist() * 5
    assert images.class_names[3] == "cat"
    red, green, blue = ROWS[5, 7].reshape(3, 32, 32)
    for channel, plane in enumerate((red, green, blue)):
        assert (images.test_images[7, :, :, channel] == plane).all()
    assert cifar10.availability(tmp_path) == (True, f"Found in {place}.")


class Evil:
    """What a pickle may do to whoever opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "touched"
    content = pickle.dumps({b"data": Evil(mark), b"labels": []}, protocol=2)
    monkeypatch.setitem(cifar10.PYTHON, "test_batch", md5(content))
    lay(tmp_path, "python folder", monkeypatch, test_batch=content)
    with pytest.raises(DatasetProblem, match="truncated, corrupt or not CIFAR-10's"):
        load(tmp_path)
    assert not mark.exists()
    pickle.loads(content)
    assert mark.exists()


WRONG: dict[str, tuple[str, dict[str, bytes], str]] = {
    "another batch": ("python folder", {"test_batch": PYTHON["data_batch_1"]}, "its MD5 differs"),
    "a short batch": (
        "binary folder",
        {"test_batch.bin": BINARY["test_batch.bin"][:-1]},
        r"has 61,459 bytes; expected 61,460",
    ),
    "unequal classes": (
        "binary folder",
        {"test_batch.bin": record(ROWS[5], np.zeros(IN_BATCH, np.int64))},
        "its labels are not 2 of each class",
    ),
    "a batch less": ("python archive", {"data_batch_3": b""}, "lacks data_batch_3"),
    "no array": ("python archive", {"test_batch": pickle.dumps([1, 2])}, "corrupt"),
    "no pickle": ("python archive", {"test_batch": b"<html>not found</html>"}, "corrupt"),
    "other pixels": (
        "python archive",
        {"test_batch": pickled(ROWS[5][:, :9], LABELS)},
        "an array of other shape",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_cifar10_is_named_with_advice(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, changed, says = WRONG[case]
    place = lay(tmp_path, form, monkeypatch, **changed)
    with pytest.raises(DatasetProblem, match=says) as problem:
        load(tmp_path)
    assert f"Delete {place}, so that" in str(problem.value)


def test_a_truncated_archive_is_refused_by_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lay(tmp_path, "binary archive", monkeypatch)
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatasetProblem, match="its MD5 differs"):
        load(tmp_path)
    monkeypatch.setitem(cifar10.ARCHIVES, place.name, md5(place.read_bytes()))
    with pytest.raises(DatasetProblem, match="truncated, corrupt"):
        load(tmp_path)


def test_where_it_can_not_be_downloaded_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatasetProblem, match=r"Put cifar-10-python.* there, or choose digits"):
        load(tmp_path)
    assert list((tmp_path / "cifar10").iterdir()) == []
    available, note = cifar10.availability(tmp_path)
    assert not available and "can't be reached" in note


def test_jpeg_files_by_class_are_read_too(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    for part, each in (("train", 2), ("test", 1)):
        for label, name in enumerate(cifar10.CLASS_NAMES):
            for number in range(each):
                made = io.BytesIO()
                Image.new("RGB", (32, 32), (25 * label, 9, 9)).save(made, "JPEG")
                members[f"cifar10/{part}/{name}/{number}.jpg"] = made.getvalue()
    for name, content in members.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    packed(tmp_path / "archive" / cifar10.JPEG_ARCHIVE, members)
    found = [load(tmp_path / "folder"), load(tmp_path / "archive")]
    for images in found:
        assert images.train_images.shape == (20, 32, 32, 3)
        assert images.test_images.shape == (10, 32, 32, 3)
        assert "JPEG" in images.note and "20 + 10 images of 10 classes" in images.note
        for image, label in zip(images.test_images, images.test_labels, strict=True):
            assert abs(int(image[16, 16, 0]) - 25 * int(label)) <= 3
    assert (found[0].train_images == found[1].train_images).all()
    assert "as JPEG files" in cifar10.availability(tmp_path / "archive")[1]
