"""Files made to do harm: they expand to no more than is expected, lead nowhere and run nothing."""

import ast
import gzip
import io
import struct
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine
from test_datasets import quiet, served
from test_image_folder import picture

from shiftscope.db import listing
from shiftscope.db.errors import DatasetProblem, InvalidImport
from shiftscope.server import import_csv, imports
from shiftscope.server.event_files import EXTRA, scalar
from shiftscope.server.extras import load
from shiftscope.server.imports import import_path
from shiftscope.trainer import decoders
from shiftscope.trainer.datasets import download, folder, image_files
from shiftscope.trainer.datasets.mnist import MNIST
from shiftscope.trainer.decoding import decode

ROOT = Path(__file__).resolve().parents[1]
MEGABYTE = 1 << 20
NEVER = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "marshal.load",
    "marshal.loads", "pickle.loads", "shelve.open", "np.load", "numpy.load", "joblib.load",
    "shutil.unpack_archive", "yaml.load", "dill.load", "cloudpickle.load",
}  # fmt: skip
"""Calls that may run what a file says, or write where it says."""


@contextmanager
def memory_below(most: int) -> Iterator[None]:
    """What is allocated meanwhile never exceeds a number of bytes."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def bomb(megabytes: int) -> bytes:
    """Members of gzip, of zeros: a thousandth of what it expands to."""
    return gzip.compress(bytes(MEGABYTE)) * megabytes


def test_a_gzipped_dataset_expands_no_further_than_its_size(tmp_path: Path) -> None:
    labels = MNIST.files[3]
    path = tmp_path / f"{labels.name}.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 10_000)) + bomb(50))
    with (
        memory_below(10 * MEGABYTE),
        pytest.raises(DatasetProblem, match="more than 10,008 bytes"),
    ):
        MNIST.parse(labels, path)


def packed(place: Path, *members: tarfile.TarInfo, content: bytes = b"") -> Path:
    """A gzipped archive of entries as they are, each file with the same content."""
    with tarfile.open(place, "w:gz") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return place


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def long_name(size: int) -> bytes:
    """The head of an entry whose name has so many bytes."""
    member = entry("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("what", ["a file that is no image", "images", "a name"])
def test_an_archive_expands_no_further_than_half_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(image_files, "free_memory", lambda: 4 * MEGABYTE)
    place = tmp_path / "photos.tgz"
    if what == "a name":
        place.write_bytes(gzip.compress(long_name(100 * MEGABYTE)) + bomb(100))
    else:
        name = "notes.txt" if what == "a file that is no image" else "a/1.png"
        packed(place, entry(name), content=bytes(30 * MEGABYTE))
    with (
        memory_below(10 * MEGABYTE),
        pytest.raises(DatasetProblem, match="more than half of the free memory"),
    ):
        image_files.find(place)


def test_a_place_has_no_more_entries_than_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "MOST_ENTRIES", 20)
    empty = [entry(f"notes/{n}.txt") for n in range(21)]
    said = "more than 20 files and folders"
    with pytest.raises(DatasetProblem, match=said):
        image_files.find(packed(tmp_path / "photos.tgz", *empty))
    for name in ("wide", "deep"):
        for n in range(22):
            folders = Path(tmp_path, name, *([f"{n}"] if name == "wide" else ["a"] * n))
            folders.mkdir(parents=True, exist_ok=True)
        with pytest.raises(DatasetProblem, match=said):
            image_files.find(tmp_path / name)


def test_large_images_are_decoded_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "cores", lambda: 2)
    monkeypatch.setattr(decoders, "AT_ONCE", 1)
    small, large = picture(), picture((0, 0, 254), (100, 100))
    sources = [large, small, large]

    def decoded(room: int, count: int = 3) -> tuple[list[int], dict[int, str]]:
        images = np.zeros((count, 8, 8, 3), np.uint8)
        broken = decoders.decode_into(images, sources[:count], gray=False, room=room)
        return images[:, 4, 4, 2].tolist(), broken

    assert decoded(20_000) == ([254, 0, 254], {})
    assert decoded(15_000) == ([254, 0, 254], {}), "each of the two processes has 7,500"
    assert decoded(9_999) == ([0, 0, 0], dict.fromkeys((0, 2), "more than 9,999 pixels"))
    assert decoded(9_999, 1) == ([0], {0: "more than 9,999 pixels"}), "without a process, too"
    jpeg = picture(size=(400, 400), format="JPEG")
    assert isinstance(decode(jpeg, 8, gray=False, most=9_999), np.ndarray), "an eighth of each side"


def test_an_archive_leads_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(picture())
    (tmp_path / "data").mkdir()
    place = tmp_path / "data" / "photos.tgz"
    good = [entry(f"{kind}/{n}.png") for kind in "ab" for n in range(2)]
    links = [
        entry("a/link.png", tarfile.SYMTYPE, str(secret)),
        entry("a/hard.png", tarfile.LNKTYPE, "../secret.png"),
        entry("a/device.png", tarfile.CHRTYPE),
        entry("b/pipe.png", tarfile.FIFOTYPE),
    ]
    packed(place, *good, *links, content=picture())
    before = sorted(tmp_path.rglob("*"))
    found = image_files.find(place)
    assert {file.name for file in (*found.train, *found.test)} == {one.name for one in good}
    assert len(folder.load(place, 8, quiet).train_images) == 2
    for name in ("../../evil.png", "a/../../evil.png", "/evil.png"):
        packed(place, *good, entry(name), content=picture())
        with pytest.raises(DatasetProblem, match="would lie outside of it"):
            image_files.find(place)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mirror_that_sends_without_end_is_left(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file.gz").write_bytes(bytes(3 * MEGABYTE))
    target = tmp_path / "here" / "file.gz"
    with (
        served(tmp_path / "there") as address,
        pytest.raises(DatasetProblem, match="more than 1,048,576 bytes"),
    ):
        download.fetch([f"{address}file.gz"], target, lambda _: None, quiet, most=MEGABYTE)
    assert list(target.parent.iterdir()) == []


def test_a_shape_in_an_event_is_not_followed() -> None:
    summary: Any = load(EXTRA, "tensorboard.compat.proto.summary_pb2").Summary()
    value = summary.value.add(tag="loss")
    value.tensor.dtype = 1  # float32
    value.tensor.float_val.append(1.5)
    assert scalar(value) == 1.5
    for _ in range(5):
        value.tensor.tensor_shape.dim.add(size=10_000)
    assert scalar(value) is None
    other = summary.value.add(tag="accuracy")
    other.tensor.dtype = 1
    other.tensor.tensor_content = bytes(12)
    assert scalar(other) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("step,loss\n1," + "9" * 500, "line 2: expected fewer than 400 characters"),
        ("step," + ",".join(f"q{n}" for n in range(9)) + "\n1" + ",1" * 9, "more than 5 quant"),
        ("step,series,loss\n" + "".join(f"1,{n},2\n" for n in range(9)), "more than 5 series"),
        ("step,loss\n" + "1,2\n" * 40, "more than 30 numbers"),
    ],
)
def test_an_import_has_bounds(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setattr(import_csv, "LONGEST_LINE", 400)
    monkeypatch.setattr(imports, "MOST_NAMES", 5)
    monkeypatch.setattr(imports, "MOST_NUMBERS", 30)
    file = tmp_path / "log.csv"
    file.write_text(text)
    with pytest.raises(InvalidImport, match=sentence):
        import_path(engine, file)
    assert listing.page(engine).total == 0


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_nothing_that_a_file_says_is_run() -> None:
    for file in (
        file for part in ("db", "trainer", "server") for file in (ROOT / part).rglob("*.py")
    ):
        for name, call in calls(ast.parse(file.read_text("utf-8"))):
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            assert name not in NEVER, f"{file}: {name}"
            assert name.rpartition(".")[2] not in {"extractall", "extract"}, f"{file}: {name}"
            assert given.get("shell", "False") == "False", f"{file}: {name}"
            if name == "torch.load":
                assert given.get("weights_only") == "True", f"{file}: {name}"
            if name == "pickle.load":  # between a program and its own processes, through pipes
                assert file.name in {"decoders.py", "decoding.py"}, file
