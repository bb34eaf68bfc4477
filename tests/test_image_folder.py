"""Folders of images by class: what is found, how it is decoded, and what is done about the rest."""

import io
import os
import struct
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shiftscope.db.errors import DatasetProblem
from shiftscope.trainer import decoders
from shiftscope.trainer.datasets import Images, folder, image_files, memory
from shiftscope.trainer.decoding import decode

RED, GREEN, BLUE, WHITE = (254, 0, 0), (0, 255, 1), (0, 0, 254), (255, 255, 255)


def picture(colour: Any = RED, size: tuple[int, int] = (20, 12), mode: str = "RGB",
            format: str = "PNG", **options: Any) -> bytes:  # fmt: skip
    made = io.BytesIO()
    Image.new(mode, size, colour).save(made, format, **options)
    return made.getvalue()


def lay(place: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def load(place: Path, size: int = 8, *, gray: bool = False) -> Images:
    return folder.load(place, size, lambda _: None, gray=gray)


def pixel(source: bytes, size: int = 8) -> tuple[int, ...]:
    """The middle of the decoded image."""
    decoded = decode(source, size, gray=False)
    assert isinstance(decoded, np.ndarray) and decoded.shape == (size, size, 3), decoded
    return tuple(decoded[size // 2, size // 2].tolist())


def palette(transparent: bool) -> bytes:
    image = Image.new("P", (20, 12), 1)
    image.putpalette([*RED, *GREEN])
    made = io.BytesIO()
    image.save(made, "PNG", **({"transparency": 1} if transparent else {}))
    return made.getvalue()


def in_16_bits(value: int) -> bytes:
    made = io.BytesIO()
    Image.fromarray(np.full((12, 20), value, np.uint16)).save(made, "PNG")
    return made.getvalue()


MODES = {
    "gray": (picture(99, mode="L"), (99, 99, 99)),
    "black and white": (picture(1, mode="1"), WHITE),
    "16 bits": (in_16_bits(0x7FFF), (127, 127, 127)),
    "palette": (palette(False), GREEN),
    "transparent palette": (palette(True), WHITE),
    "transparent": (picture((*RED, 0), mode="RGBA"), WHITE),
    "opaque": (picture((*RED, 255), mode="RGBA"), RED),
    "half transparent": (picture((0, 0, 0, 128), mode="RGBA"), (127, 127, 127)),
    "gray with alpha": (picture((0, 0), mode="LA"), WHITE),
    "CMYK": (picture((0, 255, 255, 0), mode="CMYK", format="JPEG", quality=100), RED),
    "JPEG": (picture(BLUE, format="JPEG", quality=100), BLUE),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode: str) -> None:
    content, expected = MODES[mode]
    assert np.abs(np.subtract(pixel(content), expected)).max() <= 2


def test_the_middle_square_is_kept_at_the_size_that_is_asked_for() -> None:
    wide = Image.new("RGB", (30, 10), RED)
    wide.paste(BLUE, (10, 0, 20, 10))
    made = io.BytesIO()
    wide.save(made, "PNG")
    decoded = decode(made.getvalue(), 5, gray=False)
    assert isinstance(decoded, np.ndarray)  # its edges blend with what is beside them
    assert (decoded[:, 1:-1] == BLUE).all() and (decoded[:, :, 2] > 200).all()
    exact = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    made = io.BytesIO()
    Image.fromarray(exact).save(made, "PNG")
    assert np.array_equal(decode(made.getvalue(), 8, gray=False), exact)
    gray = decode(made.getvalue(), 8, gray=True)
    assert np.array_equal(gray, np.asarray(Image.fromarray(exact).convert("L")))
    thin = decode(picture(size=(4000, 1)), 8, gray=False)
    assert isinstance(thin, np.ndarray) and (thin == RED).all()


def test_an_image_is_turned_as_its_exif_says() -> None:
    upright = Image.new("RGB", (16, 16), RED)
    upright.paste(BLUE, (0, 0, 16, 8))  # blue above red
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise to see it upright
    made = io.BytesIO()
    upright.save(made, "JPEG", quality=100, subsampling=0, exif=exif)
    decoded = decode(made.getvalue(), 16, gray=False)
    assert isinstance(decoded, np.ndarray)
    assert decoded[8, 14, 2] > 240 and decoded[8, 1, 0] > 240


def bomb() -> bytes:
    """A PNG that says it is 30,000 × 30,000."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))  # fmt: skip

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))  # fmt: skip


def noisy_png() -> bytes:
    made = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(made, "PNG")
    return made.getvalue()


GOOD_JPEG, NOISY_PNG = picture(size=(64, 64), format="JPEG"), noisy_png()
BROKEN = {
    "a bomb": (bomb(), "pixels"),
    "a truncated JPEG": (GOOD_JPEG[: len(GOOD_JPEG) // 2], "damaged"),
    "a truncated PNG": (NOISY_PNG[: len(NOISY_PNG) // 2], "damaged"),
    "text": (b"root:secret:0:0", "neither JPEG nor PNG"),
    "nothing": (b"", "neither JPEG nor PNG"),
    "a GIF": (picture(1, mode="L", format="GIF"), "neither JPEG nor PNG"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_image_is_left_out_counted_and_named(case: str, tmp_path: Path) -> None:
    content, why = BROKEN[case]
    files = {f"{kind}/{n}.png": picture(colour) for kind, colour in (("a", RED), ("b", BLUE))
             for n in range(10)}  # fmt: skip
    images = load(lay(tmp_path, {**files, "b/broken.jpg": content}))
    assert len(images.train_images) + len(images.test_images) == 20
    assert "1 image was left out: b/broken.jpg (" in images.note and why in images.note
    assert "secret" not in images.note
    for image, label in zip(images.train_images, images.train_labels, strict=True):
        assert (image == (RED, BLUE)[label]).all()


def test_files_that_are_none_are_named_and_never_waited_for(tmp_path: Path) -> None:
    lay(tmp_path, {f"{kind}/{n}.png": picture() for kind in "ab" for n in range(3)})
    (tmp_path / "a" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    (tmp_path / "b" / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "b" / "linked.png").symlink_to(tmp_path / "a" / "0.png")
    images = load(tmp_path)
    assert len(images.train_images) + len(images.test_images) == 7
    assert "3 images were left out" in images.note
    assert "a/lost.png (no such file or directory)" in images.note
    assert "a/pipe.png (no regular file)" in images.note


def test_imagenets_layout_has_its_test_set_in_val(tmp_path: Path) -> None:
    images = load(lay(tmp_path, {
        "train/b/x.PNG": picture(BLUE), "train/a/deep/er/x.Jpeg": picture(RED, format="JPEG"),
        "val/a/y.png": picture(RED), "val/b/y.jpg": picture(BLUE),
        "test/0001.png": picture(GREEN), "train/stray.png": picture(GREEN),
        "train/a/notes.txt": b"no image", "train/a/._x.png": b"no image",
        ".cache/a/z.png": picture(GREEN),
    }))  # fmt: skip
    assert images.class_names == ("a", "b") and images.classes == 2
    assert sorted(images.train_labels.tolist()) == sorted(images.test_labels.tolist()) == [0, 1]
    assert images.note == "2 + 2 images of 2 classes."


def test_one_folder_is_split_in_the_same_way_every_time(tmp_path: Path) -> None:
    names = [f"{kind}/{number:02}.png" for kind in ("katze", "Hündin 🐕") for number in range(20)]
    lay(tmp_path / "one", {name: picture() for name in names})
    lay(tmp_path / "two", {name: picture() for name in reversed(names)})
    one, two = (image_files.find(tmp_path / place) for place in ("one", "two"))
    assert [file.name for file in one.test] == [file.name for file in two.test]
    assert [file.name for file in one.train] == [file.name for file in two.train]
    assert sorted(file.name for file in one.train + one.test) == sorted(names)
    assert sorted(file.label for file in one.test) == ["Hündin 🐕"] * 4 + ["katze"] * 4
    order = [file.label for file in one.train]
    assert order != sorted(order) and order != sorted(order, reverse=True)


def test_class_folders_may_be_links_and_links_may_go_round(tmp_path: Path) -> None:
    elsewhere = lay(tmp_path / "elsewhere", {f"{n}.png": picture() for n in range(5)})
    place = lay(tmp_path / "place", {f"a/{n}.png": picture() for n in range(5)})
    (place / "b").symlink_to(elsewhere)
    (place / "a" / "sub").mkdir()
    (place / "a" / "sub" / "round").symlink_to(place)
    images = load(place)
    assert images.note == "8 + 2 images of 2 classes."


def test_an_empty_class_is_left_out_and_named(tmp_path: Path) -> None:
    lay(tmp_path, {f"{kind}/{n}.png": picture() for kind in "ab" for n in range(3)})
    (tmp_path / "nothing").mkdir()
    images = load(tmp_path)
    assert images.classes == 2 and "Without images: nothing." in images.note


REFUSED: dict[str, tuple[dict[str, bytes], str]] = {
    "one class": ({"a/x.png": picture(), "a/y.png": picture()}, "images of 1 classes"),
    "no images": ({"a/x.txt": b"text"}, "images of 0 classes"),
    "one image of each": ({"a/x.png": picture(), "b/x.png": picture()}, "has two images"),
    "a class only to test": (
        {f"{part}/{kind}/x.png": picture() for part, kinds in (("train", "ab"), ("val", "abc"))
         for kind in kinds},
        "classes without an image in the training set: c",
    ),
    "a class all broken": (
        {f"{part}/{kind}/x.png": picture() if kind < "c" else b"" for part in ("train", "test")
         for kind in "abc"},
        "No image of c in .* can be decoded. 2 images were left out",
    ),
    "nothing to test": (
        {f"{part}/{kind}/x.png": picture() if part == "train" else b"" for kind in "ab"
         for part in ("train", "test")},
        "No image to test with in",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_trained_on_is_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    files, says = REFUSED[case]
    with pytest.raises(DatasetProblem, match=says):
        load(lay(tmp_path, files))


def test_a_place_that_is_none_is_told_from_the_workers_side(tmp_path: Path) -> None:
    with pytest.raises(DatasetProblem, match="is not there, seen from the worker's machine"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("secret")
    with pytest.raises(DatasetProblem, match="is neither a folder nor a tar archive") as problem:
        load(tmp_path / "file")
    assert "secret" not in str(problem.value)
    with pytest.raises(DatasetProblem, match="can't be read"):
        load(tmp_path / ("x" * 300))
    (tmp_path / "half.tar.gz").write_bytes(b"\x1f\x8bno archive")
    with pytest.raises(DatasetProblem, match="truncated or no tar archive"):
        load(tmp_path / "half.tar.gz")


def test_an_archive_is_read_as_its_folder_is(tmp_path: Path) -> None:
    place = lay(tmp_path / "photos", {
        f"{part}/{kind}/{n}.png": picture(colour)
        for part in ("train", "test") for n in range(3)
        for kind, colour in (("a", RED), ("b", BLUE))
    })  # fmt: skip
    with tarfile.open(tmp_path / "photos.tgz", "w:gz") as archive:
        archive.add(place, "photos")
    packed, unpacked = load(tmp_path / "photos.tgz"), load(place)
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        assert np.array_equal(getattr(packed, field), getattr(unpacked, field))


def test_what_does_not_fit_is_refused_with_the_size_that_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {f"{kind}/{n}.png": picture() for kind in "ab" for n in range(10)})
    monkeypatch.setattr(memory, "free_memory", lambda: 200_000)
    with pytest.raises(DatasetProblem, match="an image size of at most 34, gray images") as problem:
        load(tmp_path, 64)
    assert "take 0.7 MB of memory, and 0.2 MB are free" in str(problem.value)
    assert load(tmp_path, 34).train_images.shape == (16, 34, 34, 3)


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 900 kB\nMemAvailable:     500 kB\n")
    monkeypatch.setattr(memory, "MEMORY_INFO", info)
    monkeypatch.setattr(memory, "GROUPS", ((tmp_path, "max", "current", ""),))
    (tmp_path / "current").write_text("250000\n")
    (tmp_path / "memory.stat").write_text("anon 5\nactive_file 1000\ninactive_file 2000\n")
    (tmp_path / "max").write_text("max\n")
    assert memory.free_memory() == 500 * 1024
    (tmp_path / "max").write_text("300000\n")
    assert memory.free_memory() == 53_000


KILLER = """
import sys
from shiftscope.trainer import decoding
real = decoding.decode
def decode(source, size, **how):
    if source.name == "killer.png":
        sys.exit(9)
    return real(source, size, **how)
decoding.decode = decode
decoding.main()
"""


def test_processes_decode_and_an_image_that_kills_one_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "PROGRAM", [sys.executable, "-c", KILLER])
    monkeypatch.setattr(decoders, "AT_ONCE", 7)
    monkeypatch.setattr(decoders, "cores", lambda: 2)
    names = [f"{n}.png" for n in range(16)]
    lay(tmp_path, {name: picture((n, 0, 0)) for n, name in enumerate(names)})
    lay(tmp_path, {"killer.png": picture(), "text.png": b"text"})
    images = np.zeros((18, 8, 8, 3), np.uint8)
    order = [*names[:9], "killer.png", "text.png", *names[9:]]
    done: list[int] = []
    broken = decoders.decode_into(
        images, [tmp_path / name for name in order], gray=False, progress=done.append
    )
    assert broken == {9: decoders.BROKEN_OFF, 10: "neither JPEG nor PNG"}
    assert images[:, 4, 4, 0].tolist() == [*range(9), 0, 0, *range(9, 16)]
    assert done == [7, 14, 18]


def test_processes_that_always_end_are_no_fault_of_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoders, "PROGRAM", [sys.executable, "-c", ""])
    monkeypatch.setattr(decoders, "AT_ONCE", 2)
    monkeypatch.setattr(decoders, "ENDINGS_BORNE", 2)
    sources = [lay(tmp_path, {f"{n}.png": picture()}) / f"{n}.png" for n in range(4)]
    with pytest.raises(DatasetProblem, match="end again and again"):
        decoders.decode_into(np.zeros((4, 8, 8), np.uint8), sources, gray=True)


class Stopped(BaseException):
    """A person asks for a stop."""


def test_a_stop_ends_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoders, "AT_ONCE", 1)
    monkeypatch.setattr(decoders, "cores", lambda: 1)
    made: list[decoders.Decoder] = []
    original = decoders.Decoder.__init__

    def note(self: decoders.Decoder, size: int, *, gray: bool) -> None:
        original(self, size, gray=gray)
        made.append(self)

    monkeypatch.setattr(decoders.Decoder, "__init__", note)
    sources = [lay(tmp_path, {f"{n}.png": picture()}) / f"{n}.png" for n in range(4)]

    def stop(_done: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        decoders.decode_into(np.zeros((4, 8, 8), np.uint8), sources, gray=True, progress=stop)
    assert [decoder._process.poll() is not None for decoder in made] == [True]
