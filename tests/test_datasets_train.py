"""The MLPs train on images of every kind, and the run says what was left out."""

import os
import re
import tarfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from queries import exported
from sqlalchemy import Engine

from shiftscope.db import log, queue, read
from shiftscope.db.parsing import parse
from shiftscope.trainer import datasets
from shiftscope.trainer.datasets import cifar10
from shiftscope.trainer.execute import execute, watch_and_train
from shiftscope.trainer.recorder_process import RecorderProcess
from shiftscope.trainer.setup import prepare

CPU = torch.device("cpu")
NETWORK = {"hidden": [12, 9]}
COMMON = {"steps": 20, "batch_size": 8, "network": NETWORK, "device": "cpu"}
"""Small, since what is trained is not the point."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A data folder with an image folder of two classes, and one image that is none."""
    for label, colour in (("red", (200, 30, 30)), ("blue", (30, 30, 200))):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(15):
            shade = tuple(min(value + 3 * number, 255) for value in colour)
            path = tmp_path / "photos" / label / f"{number}.jpg"
            Image.new("RGB", (24, 18), shade).save(path)
    (tmp_path / "photos" / "red" / "none.jpg").write_text("text")
    return tmp_path


ASKED: dict[str, dict[str, Any]] = {
    "colour": {"dataset": "folder", "folder": "photos", "image_size": 8, "standardize": "channel"},
    "binary": {"dataset": "folder", "folder": "photos", "image_size": 8, "gray": True,
               "binary": True},
    "gray": {"dataset": "synthetic", "standardize": "pixel"},
}  # fmt: skip
INPUTS = {"colour": 192, "binary": 64, "gray": 784}


@pytest.mark.parametrize("kind", ASKED)
def test_a_pair_trains_on_images_of_every_kind(kind: str, photos: Path, engine: Engine) -> None:
    wanted = parse({**COMMON, **ASKED[kind]})
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    images = datasets.of_experiment(wanted, photos, lambda _: None)
    prepared = prepare(wanted, images, CPU)
    assert prepared.test[0].shape[1] == INPUTS[kind]
    recorder = RecorderProcess(str(engine.url), run_id)
    assert watch_and_train(wanted, prepared, recorder, CPU, threading.Event())
    rows = exported(engine, run_id)
    assert len(rows) == 2 * 3 * 20
    assert all(row["nonfinite"] == 0 for row in rows)


def test_a_run_says_what_was_left_out(
    photos: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftscope.trainer.execute.signal.signal", lambda *_: None)
    wanted = parse({**COMMON, **ASKED["colour"], "steps": 2})
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    execute(str(engine.url), photos, run_id)
    run = read.run(engine, run_id)
    assert run.status == "finished" and run.versions is not None
    assert run.versions["data"] == (
        "24 + 6 images of 2 classes. 1 image was left out: red/none.jpg (neither JPEG nor PNG)."
    )
    told = [one.message for one in log.entries(engine, run_id)]
    assert told[2:4] == ["Loading folder.", "Looking for images in photos."]
    assert told[4].endswith("1 image was left out: red/none.jpg (neither JPEG nor PNG).")
    assert told[5] == "Training begins on cpu: 2 networks." and told[7:] == ["Finished."]
    assert re.fullmatch("The final weights have the SHA-256 [0-9a-f]{64}.", told[6])


def test_a_folder_that_is_not_there_fails_the_run_in_a_sentence(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftscope.trainer.execute.signal.signal", lambda *_: None)
    wanted = parse({**COMMON, "dataset": "folder", "folder": "nothing"})
    run_id = queue.enqueue(engine, wanted)
    queue.claim(engine, queue.register(engine), run_id)
    execute(str(engine.url), tmp_path, run_id)
    run = read.run(engine, run_id)
    assert run.status == "failed" and run.error is not None
    assert run.error.startswith(f"The image folder {tmp_path / 'nothing'} is not there")


@pytest.fixture
def some_of_cifar10(tmp_path: Path) -> Path:
    """A data folder with three real images of each class and part, as JPEG files."""
    checkout = Path(__file__).resolve().parents[1]
    places = (os.environ.get("SHIFTSCOPE_DATA"), checkout.parent / "shared" / "data")
    found = (Path(place) / cifar10.JPEG_ARCHIVE for place in places if place)
    archive = next((path for path in found if path.is_file()), None)
    if archive is None:
        pytest.skip(f"{cifar10.JPEG_ARCHIVE} is not here: set SHIFTSCOPE_DATA to where it lies")
    with tarfile.open(archive) as images:
        chosen = (m for m in images if re.search(r"/000[0-2]\.jpg$", m.name))
        images.extractall(tmp_path, chosen, filter="data")
    return tmp_path


def test_real_cifar10_is_read(some_of_cifar10: Path) -> None:
    images = datasets.load("cifar10", some_of_cifar10, lambda _: None)
    assert images.class_names == cifar10.CLASS_NAMES
    for labels in (images.train_labels, images.test_labels):
        assert np.bincount(labels).tolist() == [3] * 10
    assert images.train_images.shape == images.test_images.shape == (30, 32, 32, 3)
    mean = np.concatenate([images.train_images, images.test_images]).mean((0, 1, 2))
    assert mean == pytest.approx([125.3, 123.0, 113.9], abs=25)  # of all 50,000
    assert "30 + 30 images of 10 classes" in images.note
