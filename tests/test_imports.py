"""What another program logged becomes a run, number for number, or an error that says where."""

import json
import math
import os
import struct
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from shiftscope.db import queue, read
from shiftscope.db.errors import InvalidImport, SetupProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.study import Measurement
from shiftscope.server import imports
from shiftscope.server.cli import app
from shiftscope.server.export_tensorboard import write_event_files
from shiftscope.server.imports import import_path

ODD = [1.5, math.nan, math.inf, -math.inf, 5e-324, 1e300, 0.1 + 0.2]


def found(engine: Engine, run_id: int) -> list[Measurement]:
    return read.measurements(engine, read.run(engine, run_id))


def written(folder: Path, text: str, name: str = "log.csv") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def as_float32(value: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def same(one: float, other: float) -> bool:
    return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)


def test_a_wide_csv_has_a_quantity_in_each_column(
    any_engine: Engine, connect: Any, tmp_path: Path
) -> None:
    file = written(tmp_path, "\ufeffstep,loss,accuracy\n1,2.5,\n2,NaN,0.5\n3,-Infinity,1e-3\n")
    run_id = import_path(any_engine, file).run_id
    expected = [
        ("loss", 1, 2.5),
        *(("loss", 2, math.nan), ("accuracy", 2, 0.5)),
        *(("loss", 3, -math.inf), ("accuracy", 3, 0.001)),
    ]
    numbers = found(any_engine, run_id)
    assert [(one.quantity, one.x, one.series) for one in numbers] == [
        (quantity, x, "log") for quantity, x, _ in expected
    ]
    assert all(same(a.value, b[2]) for a, b in zip(numbers, expected, strict=True))
    shown = connect(any_engine).get(f"/api/runs/{run_id}").json()
    assert (shown["source"], shown["status"], shown["step"]) == ("import", "finished", 5)
    assert shown["imported"]["quantities"] == ["loss", "accuracy"]
    assert shown["watched"] is None and shown["experiment"] is None


def test_a_long_csv_has_a_number_in_each_row(engine: Engine, tmp_path: Path) -> None:
    text = "quantity,series,seed,x,value\ndrift,a,7,0.5,1\ndrift,b,8,1.5,2\n"
    run_id = import_path(engine, written(tmp_path, text), "Mine").run_id
    assert found(engine, run_id) == [
        Measurement(7, "drift", "a", 0.5, 1.0),
        Measurement(8, "drift", "b", 1.5, 2.0),
    ]
    assert read.run(engine, run_id).name == "Mine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: expected a column step"),
        ("epoch,loss\n1,2\n", "line 1: expected a column step (or x) in the first line, got epoch"),
        ("step\n1\n", "line 1: expected a column with numbers beside the step"),
        ("step,loss,Loss\n1,2,3\n", "line 1: the column 'loss' is there twice"),
        ("step,loss\n1,2\n2,abc\n", "line 3: expected a number in the column 'loss', got 'abc'"),
        ("step,loss\n1,1_0\n", "line 2: expected a number in the column 'loss', got '1_0'"),
        ("step,loss\nNaN,1\n", "line 2: expected a finite step, got 'NaN'"),
        ("step,loss\n1,inf\n2,-1e400\n", "line 3: '-1e400' in the column 'loss' is larger than"),
        ("step,loss\n1e400,1\n", "line 2: '1e400' in the column 'step' is larger than any"),
        ("step,loss\n1\n", "line 2: expected 2 fields, as the first line has, got 1"),
        ("step,seed,loss\n1,-1,2\n", "line 2: expected a seed, a whole number, got '-1'"),
        (f"step,seed,loss\n1,{'9' * 5000},2\n", "line 2: expected a seed, a whole number, got"),
        ("step,loss\n1,\n", "has no numbers to import"),
    ],
)
def test_an_error_of_a_csv_says_where_and_stores_nothing(
    engine: Engine, tmp_path: Path, text: str, sentence: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(InvalidImport) as error:
        import_path(engine, file)
    assert str(file) in str(error.value) and sentence in str(error.value)
    assert read.newest_run(engine) == 0


def test_an_import_that_breaks_off_leaves_no_run(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, skip: Any) -> Any:
        yield Measurement(0, "loss", "a", 1.0, 2.0)
        if calls.append(path) or len(calls) == 2:
            raise OSError(5, "Input/output error")

    calls: list[Path] = []
    monkeypatch.setattr(imports, "csv_numbers", broken)
    with pytest.raises(InvalidImport, match="can't be read: Input/output error"):
        import_path(engine, tmp_path / "log.csv")
    assert read.newest_run(engine) == 0


def test_names_that_are_too_long_are_left_out_and_told(engine: Engine, tmp_path: Path) -> None:
    file = written(tmp_path, f"step,loss,{'long' * 30}\n1,2,3\n")
    imported = import_path(engine, file)
    assert [one.quantity for one in found(engine, imported.run_id)] == ["loss"]
    (left,) = imported.document["skipped"]
    assert left["name"] == "long" * 30 and "at most 80 characters" in left["reason"]


def test_names_that_not_every_database_stores_are_left_out_and_told(
    any_engine: Engine, tmp_path: Path
) -> None:
    file = written(tmp_path, "series,step,loss,lo\0ss\na,1,2,3\n\x1b[31m,1,4,5\n")
    imported = import_path(any_engine, file)
    assert [one.value for one in found(any_engine, imported.run_id)] == [2]
    assert [one["name"] for one in imported.document["skipped"]] == ["lo ss", "loss"]


def test_a_file_may_be_called_anything_and_a_pipe_is_refused(
    engine: Engine, tmp_path: Path
) -> None:
    imported = import_path(engine, written(tmp_path, "step,loss\n1,2\n", f"{'long' * 30}.csv"))
    assert [one.series for one in found(engine, imported.run_id)] == [("long" * 30)[:80]]
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InvalidImport, match="is no file"):
        import_path(engine, tmp_path / "pipe.csv")


def test_the_command_prints_the_runs_number(engine: Engine, tmp_path: Path) -> None:
    file = written(tmp_path, "Wall time,Step,Value\n1700000000,5,0.25\n")  # as TensorBoard's page
    arguments = ["import", str(file), "--database", str(engine.url)]
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, done.stdout) == (0, "1\n")
    assert done.stderr.startswith("1 numbers of 1 quantities in 1 series.\n")
    assert found(engine, 1) == [Measurement(0, "Value", "log", 5.0, 0.25)]
    arguments[1] = str(tmp_path / "absent")
    failed = CliRunner().invoke(app, arguments)
    assert isinstance(failed.exception, InvalidImport)
    assert "absent can't be read: No such file" in str(failed.exception)


@pytest.fixture
def recorded(engine: Engine, make_run: Any) -> Any:
    pytest.importorskip("tensorboard")
    run = make_run(engine, arms=("none", "Batch/Norm"))
    run.begin()
    run.append(len(ODD), mean=ODD, shift_w1=[None, *ODD[1:]])
    return run


def test_event_files_have_every_record_and_come_back_as_float32(
    engine: Engine, recorded: Any, tmp_path: Path, web: httpx.Client
) -> None:
    write_event_files(engine, recorded.run_id, tmp_path / "events")
    folders = sorted(path.name for path in (tmp_path / "events").iterdir())
    assert folders == ["Batch_Norm", "none"]
    imported = import_path(engine, tmp_path / "events", "Back")
    assert imported.document["series"] == folders
    numbers = {
        (one.series, one.quantity, one.x): one.value for one in found(engine, imported.run_id)
    }
    for arm in folders:
        assert numbers[arm, "test_accuracy", 0.0] == np.float32(0.1)
        for step, value in enumerate(ODD, 1):
            assert numbers[arm, "loss", step] == np.float32(1 / step)
            for layer in ("hidden1", "hidden2"):
                assert same(numbers[arm, f"{layer}/mean", step], as_float32(value))
                assert ((arm, f"{layer}/shift_w1", step) in numbers) == (step > 1)
    again = tmp_path / "again"
    write_event_files(engine, imported.run_id, again)
    assert len(found(engine, import_path(engine, again).run_id)) == len(numbers)


def test_tensorboard_reads_what_we_write(engine: Engine, recorded: Any, tmp_path: Path) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.plugin_event_accumulator"
    )
    tensors = pytest.importorskip("tensorboard.util.tensor_util")
    write_event_files(engine, recorded.run_id, tmp_path / "events")
    events = accumulator.EventAccumulator(str(tmp_path / "events" / "none"))
    events.Reload()
    tags = {"hidden1/mean", "hidden2/shift_w1", "loss", "test_loss"}
    assert tags <= set(events.PluginTagToContent("scalars"))
    means = [(e.step, float(tensors.make_ndarray(e.tensor_proto)))
             for e in events.Tensors("hidden1/mean")]  # fmt: skip
    assert [step for step, _ in means] == list(range(1, len(ODD) + 1))
    assert all(same(mean, as_float32(value)) for (_, mean), value in zip(means, ODD, strict=True))


def test_scalars_of_other_writers_are_read_and_the_rest_is_told(
    engine: Engine, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard")
    writing = pytest.importorskip("torch.utils.tensorboard")
    for arm in ("a", "b/c"):
        with writing.SummaryWriter(str(tmp_path / "logs" / arm)) as writer:
            writer.add_scalar("train/loss", 0.5, 3)
            writer.add_scalar("train/lr", math.nan, 3, new_style=True)
            writer.add_text("note", "hello", 3)
    (tmp_path / "logs").rename(tmp_path / "lr0.01")
    imported = import_path(engine, tmp_path / "lr0.01")
    assert read.run(engine, imported.run_id).name == "lr0.01"
    numbers = found(engine, imported.run_id)
    assert [(one.series, one.quantity, one.x) for one in numbers] == [
        (arm, name, 3.0) for arm in ("a", "b/c") for name in ("train/loss", "train/lr")
    ]
    assert numbers[0].value == 0.5 and math.isnan(numbers[1].value)
    assert [one["name"] for one in imported.document["skipped"]] == ["note/text_summary"]


def test_a_damaged_record_is_named_and_a_cut_one_is_told(
    engine: Engine, recorded: Any, tmp_path: Path
) -> None:
    write_event_files(engine, recorded.run_id, tmp_path / "events")
    file = next((tmp_path / "events" / "none").glob("*network_records"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    imported = import_path(engine, tmp_path / "events")
    assert imported.document["skipped"] == [
        {"name": str(file), "reason": "Its last record is not whole."}
    ]
    damaged = bytearray(whole)
    damaged[-6] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(InvalidImport, match=rf"{file.name}: record 8, at byte \d+, is damaged"):
        import_path(engine, tmp_path / "events")
    (empty := tmp_path / "empty").mkdir()
    with pytest.raises(InvalidImport, match="has no event files"):
        import_path(engine, empty)


def test_event_files_are_not_mixed_nor_rounded(
    engine: Engine, recorded: Any, tmp_path: Path
) -> None:
    write_event_files(engine, recorded.run_id, tmp_path / "events")
    with pytest.raises(SetupProblem, match="is not empty"):
        write_event_files(engine, recorded.run_id, tmp_path / "events")
    run_id = import_path(engine, written(tmp_path, "x,loss\n0.5,1\n")).run_id
    with pytest.raises(SetupProblem, match=r"has loss at 0\.5, and event files have whole steps"):
        write_event_files(engine, run_id, tmp_path / "more")
    run_id = queue.enqueue(engine, Experiment())
    with pytest.raises(SetupProblem, match="has no records, so there are no event files"):
        write_event_files(engine, run_id, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_what_was_imported_is_exported_like_a_study(
    web: httpx.Client, engine: Engine, tmp_path: Path
) -> None:
    run_id = import_path(engine, written(tmp_path, "step,loss\n1,NaN\n")).run_id
    answer = web.get(f"/api/runs/{run_id}/export/measurements.json").json()
    assert answer["rows"] == [[run_id, 0, "loss", "log", 1.0, "NaN"]]
    assert web.get(f"/api/runs/{run_id}/export.zip").status_code == 200
    verdict = web.get(f"/api/runs/{run_id}/verdict").json()
    assert verdict["sentence"].startswith("What was imported are measurements alone")
    stop = web.post(f"/api/runs/{run_id}/stop", content=json.dumps({}), headers={
        "Content-Type": "application/json"})  # fmt: skip
    assert stop.status_code == 409
    again = web.post(f"/api/runs/{run_id}/again")
    assert again.status_code == 409 and "was imported" in again.json()["detail"]
    listed = web.get("/api/runs?query=source:import").json()["runs"]
    assert [run["id"] for run in listed] == [run_id]
