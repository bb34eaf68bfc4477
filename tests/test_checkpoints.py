"""Checkpoint files: bytes and back, torn ones passed over, the last two kept, where they lie."""

import math
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import OperationalError

from shiftscope.db import queue, read, resuming
from shiftscope.db.checkpoints import (
    checkpoints_folder,
    of_run,
    place_of,
    remove_checkpoints,
    runs_with_checkpoints,
)
from shiftscope.db.engine import MIGRATIONS, open_database, writing
from shiftscope.db.errors import CannotResume, RunTakenOver
from shiftscope.db.experiment import Experiment
from shiftscope.db.log import entries
from shiftscope.db.resuming import MOST_INTERRUPTIONS
from shiftscope.db.tables import Level, Run, Table
from shiftscope.db.write import RecordWriter, known_networks
from shiftscope.trainer.checkpoint import RECORDS, TRAINING, Checkpoints, write
from shiftscope.trainer.state import DamagedState, from_bytes, to_bytes

SHARED = np.arange(6, dtype=np.float32)
STATE: dict[Any, Any] = {
    "numbers": [1, -2.5, 1e300, math.nan, math.inf, True, None, 2**70],
    ("a", 3, None): ("tuple", [SHARED, SHARED]),
    4: {"empty": np.empty((0, 3)), "flags": np.array([True, False]), "scalar": np.float64(0.1)},
    "axes": np.arange(24, dtype=np.int64).reshape(2, 3, 4).transpose(2, 0, 1),
    "generator": random.Random(1).getstate(),
}


def test_a_state_comes_back_as_it_was() -> None:
    found = from_bytes(to_bytes(STATE))
    assert repr(found) == repr({**STATE, 4: {**STATE[4], "scalar": 0.1}})
    assert found["axes"].strides == STATE["axes"].strides, "as it lay in memory"
    one, other = found["a", 3, None][1]
    assert one is other and one.flags.writeable


def test_a_state_holds_nothing_that_runs_code() -> None:
    for foreign in ({1, 2}, print, Path()):
        with pytest.raises(TypeError, match=type(foreign).__name__):
            to_bytes([foreign])


@pytest.mark.parametrize("damage", ["cut", "bit", "other file", "empty"])
def test_a_damaged_state_is_recognized(damage: str) -> None:
    data = to_bytes(STATE)
    flipped = data[:100] + bytes([data[100] ^ 1]) + data[101:]
    torn = {"cut": data[:-7], "bit": flipped, "other file": b"PK" * 300, "empty": b""}[damage]
    with pytest.raises(DamagedState):
        from_bytes(torn)


def keep(checkpoints: Checkpoints, step: int, *, marks: tuple[str, str] = ("m", "m")) -> None:
    write(checkpoints.file(step, TRAINING), {"of": step}, marks[0])
    write(checkpoints.file(step, RECORDS), {}, marks[1])


def kept_steps(checkpoints: Checkpoints) -> list[int]:
    """The steps that any file of a run is of."""
    names = (file.name.partition(".")[0] for file in checkpoints.folder.iterdir())
    return sorted({int(name) for name in names if name})


def test_the_last_two_are_kept_and_a_torn_one_falls_back_to_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "12")
    warnings: list[str] = []
    assert checkpoints.newest(1000, warnings.append) is None
    for step in (10, 20, 30, 40):
        keep(checkpoints, step)
        checkpoints.prune(step)
    assert kept_steps(checkpoints) == [30, 40]
    write(checkpoints.file(50, TRAINING), {}, "m")  # whose other half never came
    found = Checkpoints(tmp_path / "12").newest(1000, warnings.append)
    assert found is not None and (found.step, found.training, warnings) == (40, {"of": 40}, [])
    assert kept_steps(checkpoints) == [30, 40]

    for part in (TRAINING, RECORDS):
        keep(checkpoints, 40)
        file = checkpoints.file(40, part)
        file.write_bytes(file.read_bytes()[:-1])
        found = checkpoints.newest(1000, warnings.append)
        assert found is not None and found.step == 30
        assert "step 40 can't be read" in warnings.pop()
    keep(checkpoints, 40, marks=("one", "other"))
    found = checkpoints.newest(1000, warnings.append)
    assert found is not None and found.step == 30 and "different times" in warnings.pop()
    assert checkpoints.newest(29, warnings.append) is None, "ahead of the records"
    assert "ahead of the records" in warnings[0]


@pytest.mark.parametrize("damage", ["torn", "ahead of the records"])
def test_checkpoints_of_no_use_never_take_the_place_of_new_ones(
    tmp_path: Path, damage: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "12")
    keep(checkpoints, 30)
    (tmp_path / "12" / "._000000000030.training").touch()  # what macOS leaves on foreign disks
    for step in (40, 50):
        keep(checkpoints, step, marks=("one", "other") if damage == "torn" else ("m", "m"))
    until = 1000 if damage == "torn" else 39
    warnings: list[str] = []

    def resumed() -> Checkpoints:
        again = Checkpoints(tmp_path / "12")
        found = again.newest(until, warnings.append)
        assert found is not None and found.step == 30 and len(warnings) == 2
        return again

    resumed()
    again = resumed()
    for step in (35, 45, 55):
        keep(again, step)
        again.prune(step)
    assert kept_steps(again) == [45, 55]
    for step in (45, 55):
        again.file(step, RECORDS).write_bytes(b"torn")
    assert Checkpoints(tmp_path / "12").newest(1000, warnings.append) is None
    assert kept_steps(again) == [], "the run begins anew, and so do its checkpoints"


@pytest.mark.parametrize("cause", ["file", "folder", "version"])
def test_checkpoints_that_cannot_be_read_for_now_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    checkpoints = Checkpoints(tmp_path / "12")
    for step in (30, 40):
        keep(checkpoints, step)
    file = checkpoints.file(40, RECORDS)
    data = file.read_bytes()
    named = checkpoints.folder if cause == "folder" else file

    def fail(path: Path) -> Any:
        if path == named:
            raise OSError(5, "Input/output error")
        return data

    with monkeypatch.context() as patched:
        if cause == "version":
            file.write_bytes(data.replace(b"shiftscope state 1", b"shiftscope state 2"))
        else:
            patched.setattr(Path, "read_bytes" if cause == "file" else "iterdir", fail)
        with pytest.raises(CannotResume, match=f"{named} can't be read .*press Resume to try"):
            checkpoints.newest(1000, pytest.fail)
    file.write_bytes(data)
    found = checkpoints.newest(1000, pytest.fail)
    assert found is not None and found.step == 40
    assert kept_steps(checkpoints) == [30, 40]


def test_a_run_that_stops_where_it_was_resumed_keeps_the_one_before(tmp_path: Path) -> None:
    for step in (30, 40):
        keep(Checkpoints(tmp_path), step)
    again = Checkpoints(tmp_path)
    assert again.newest(1000, pytest.fail) is not None
    keep(again, 40)
    again.prune(40)
    assert kept_steps(again) == [30, 40]


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    file = Checkpoints(tmp_path).file(10, TRAINING)
    write(file, {"of": 10}, "m")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(file, {"of": 11}, "m")
    assert list(tmp_path.iterdir()) == [file]
    assert from_bytes(file.read_bytes())["state"] == {"of": 10}


def test_they_lie_beside_the_database_or_in_the_data_folder(
    any_engine: Engine, tmp_path: Path
) -> None:
    folder = checkpoints_folder(any_engine, tmp_path / "data")
    name = Path(any_engine.url.database or "").name
    assert folder.name.startswith(f"{name}.") and folder.suffix == ".checkpoints"
    is_beside = any_engine.dialect.name == "sqlite"
    assert folder.parent == (tmp_path if is_beside else tmp_path / "data")
    assert place_of(folder) == place_of(folder) != place_of(tmp_path / "another")
    for left_by_a_loss_of_power in (b"", b"\0\0\0", b"\xff\xfe"):
        (folder / "place").write_bytes(left_by_a_loss_of_power)
        assert place_of(folder) == place_of(folder) != ""
    keep(Checkpoints(of_run(folder, 7)), 10)
    keep(Checkpoints(of_run(folder, 12)), 10)
    assert runs_with_checkpoints(folder) == [7, 12]
    remove_checkpoints(folder, [7, 99])
    assert runs_with_checkpoints(folder) == [12]
    assert runs_with_checkpoints(tmp_path / "nowhere") == []


def test_databases_of_one_name_have_folders_of_their_own(tmp_path: Path) -> None:
    folders: set[Path] = set()
    for file in ("lab.db", "lab.sqlite", "lab.db"):
        engine = open_database(f"sqlite:///{tmp_path / file}")
        folders.add(checkpoints_folder(engine, tmp_path))
        engine.dispose()
        (tmp_path / "lab.db").unlink(missing_ok=True)
    assert len(folders) == 3


def test_an_older_database_keeps_the_folder_that_it_has(any_url: str, tmp_path: Path) -> None:
    older = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    for file in (older / "versions").glob("0015*"):
        file.unlink()
    engine = open_database(any_url, migrations=older)
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO runs (name, status, step, summary, created_at, checkpoint_place) "
                "VALUES ('A run', 'stopped', 7, '{}', '2026-01-02 03:04:05', 'here')"
            )
        )
    engine.dispose()
    engine = open_database(any_url)
    stem = Path(engine.url.database or "").stem
    assert checkpoints_folder(engine, tmp_path) == tmp_path / f"{stem}.checkpoints"
    engine.dispose()


def claimed(engine: Engine) -> tuple[int, int]:
    """A run that is running, and its worker."""
    run_id, worker = queue.enqueue(engine, Experiment()), queue.register(engine)
    assert queue.claim(engine, worker, run_id, "here") == run_id
    return run_id, worker


def interrupted_at_40(engine: Engine) -> tuple[int, int]:
    run_id, worker = claimed(engine)
    assert resuming.kept(engine, run_id, start=1, step=40, place="here")
    assert resuming.interrupted(engine, run_id, "It was killed.", start=1)
    return run_id, worker


def last_words(engine: Engine, run_id: int) -> str:
    return entries(engine, run_id)[-1].message


def test_only_a_worker_that_has_the_checkpoints_goes_on_with_a_run(
    postgresql_engine: Engine,
) -> None:
    engine = postgresql_engine
    run_id, worker = interrupted_at_40(engine)
    assert "step 40. That lies at here: it waits for a worker there." in last_words(engine, run_id)
    elsewhere = queue.register(engine, place="there")
    assert queue.claim(engine, elsewhere, place="there") is None
    assert queue.claim(engine, elsewhere) is None
    assert queue.claim(engine, worker, place="here") == run_id
    assert read.run(engine, run_id).starts == 2


def test_a_resumed_run_waits_for_the_worker_that_has_its_checkpoints(
    postgresql_engine: Engine,
) -> None:
    engine = postgresql_engine
    run_id, worker = interrupted_at_40(engine)
    queue.ask_to_stop(engine, run_id)
    queue.sign_off(engine, worker)  # its machine is away
    resuming.resume(engine, run_id)
    assert last_words(engine, run_id).endswith(
        "step 40. That lies at here: it waits for a worker there. If there will be none any more, "
        "Run again begins it anew."
    )
    assert queue.claim(engine, queue.register(engine, place="there"), place="there") is None
    assert read.run(engine, run_id).checkpoint_step == 40
    assert queue.claim(engine, queue.register(engine, place="here"), place="here") == run_id


def test_the_place_of_checkpoints_keeps_nobody_from_a_run_of_a_sqlite_file(engine: Engine) -> None:
    run_id, _ = interrupted_at_40(engine)
    assert last_words(engine, run_id).endswith("goes on from its checkpoint at step 40.")
    assert queue.claim(engine, queue.register(engine), place="of a copy") == run_id


def test_an_interrupted_run_goes_on_until_it_comes_no_further(any_engine: Engine) -> None:
    run_id, worker = claimed(any_engine)

    def interrupt(start: int) -> Run:
        assert resuming.interrupted(any_engine, run_id, "It was killed.", start)
        run = read.run(any_engine, run_id)
        if run.status == "queued":
            assert queue.claim(any_engine, worker, run_id, "here") == run_id
        return run

    for start in range(1, MOST_INTERRUPTIONS + 1):
        assert interrupt(start).interruptions == start
    resuming.kept(any_engine, run_id, MOST_INTERRUPTIONS + 1, step=40, place="here")
    for start in range(MOST_INTERRUPTIONS + 1, 2 * MOST_INTERRUPTIONS + 1):
        assert interrupt(start).status == "queued"
    resuming.kept(any_engine, run_id, 2 * MOST_INTERRUPTIONS + 1, step=40, place="here")
    run = interrupt(2 * MOST_INTERRUPTIONS + 1)
    assert run.status == "failed", "the same checkpoint again is no way further"
    assert (run.error or "").startswith("It was killed. ") and "press Resume" in (run.error or "")
    resuming.resume(any_engine, run_id)
    assert (read.run(any_engine, run_id).status, read.run(any_engine, run_id).interruptions) == (
        "queued",
        0,
    )


def test_a_process_that_was_taken_for_dead_writes_and_ends_nothing(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    writer = RecordWriter(any_engine, run.run_id, start=1)
    writer.add("network_records", {"network_id": run.networks[0][0]}, {"step": [1], "loss": [2.0]})
    assert resuming.interrupted(any_engine, run.run_id, "It was silent.", start=1)
    assert queue.claim(any_engine, queue.register(any_engine), run.run_id) == run.run_id
    with pytest.raises(RunTakenOver, match="another process"):
        writer.commit(1)
    assert not queue.end(any_engine, run.run_id, "failed", "Too late.", start=1)
    assert not resuming.interrupted(any_engine, run.run_id, "It was killed.", start=1)
    assert not resuming.kept(any_engine, run.run_id, start=1, step=40, place="here")
    found = read.run(any_engine, run.run_id)
    assert (found.status, found.step, found.checkpoint_step) == ("running", 0, None)
    assert list(read.export_rows(any_engine, run.run_id, "network_records")) == []


def test_what_is_written_over_is_never_missing_nor_there_twice(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    run.append(6)
    writer = RecordWriter(any_engine, run.run_id)
    writer.write_over(2)

    def losses() -> list[float]:
        rows = read.export_rows(any_engine, run.run_id, "network_records")
        return [row[5] for row in rows if row[1] == run.networks[0][0]]

    def store(steps: list[int]) -> None:
        for network_id, _ in run.networks:
            columns = {"step": steps, "loss": [10.0 * step for step in steps]}
            writer.add("network_records", {"network_id": network_id}, columns)
        writer.commit(steps[-1])

    before = losses()
    assert before == [1 / step for step in range(1, 7)]
    store([3, 4])
    assert losses() == [*before[:2], 30.0, 40.0, *before[4:]]
    assert read.run(any_engine, run.run_id).step == 6, "a cursor never goes back"
    store([6, 7])  # and 5 is not looked at any more
    assert losses() == [*before[:2], 30.0, 40.0, 60.0, 70.0]
    assert read.run(any_engine, run.run_id).step == 7


def steps_of(run: Any, table: str, series: int = 0) -> list[int]:
    """Of the records of the first network, and of its first layer, in the order of their steps."""
    columns = Table.metadata.tables[table].columns
    network_id, layer_ids = run.networks[series]
    query = select(columns["step"]).order_by(columns["step"])
    for name, key in (("network_id", network_id), ("layer_id", layer_ids[0])):
        query = query.where(columns[name] == key) if name in columns else query
    with run.engine.connect() as connection:
        return list(connection.scalars(query))


def record(run: Any, writer: RecordWriter, **of_tables: Sequence[int]) -> None:
    """Queue records of these steps, of every series of each table."""
    for table, steps in of_tables.items():
        columns = Table.metadata.tables[table].columns
        if "run_id" in columns:
            writer.add(table, {"run_id": run.run_id, "seed": 0}, {"step": steps})
        for network_id, layer_ids in run.networks if "network_id" in columns else ():
            for layer_id in layer_ids if "layer_id" in columns else layer_ids[:1]:
                owner = {"network_id": network_id, "layer_id": layer_id}
                keys = {name: key for name, key in owner.items() if name in columns}
                writer.add(table, keys, {"step": steps})


def test_nothing_of_an_earlier_start_stays_among_or_behind_what_is_written_over(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    rare = ("evaluations", "probe_records", "unit_records", "ensemble_records",
            "landscape_records")  # fmt: skip
    record(run, run.writer, layer_records=range(1, 13), **dict.fromkeys(rare, (0, 4, 5, 10, 12)))
    run.writer.commit(12)
    writer = RecordWriter(any_engine, run.run_id)
    writer.write_over(4)
    record(run, writer, layer_records=[6])
    writer.commit(6)
    assert steps_of(run, "layer_records") == [1, 2, 3, 4, *range(6, 13)]
    assert steps_of(run, "evaluations") == [0, 4, 5, 10, 12], "later ones stay until then"
    record(run, writer, layer_records=[9], evaluations=[8])
    writer.commit(9)
    assert steps_of(run, "layer_records") == [1, 2, 3, 4, 6, *range(9, 13)]
    assert steps_of(run, "evaluations") == [0, 4, 8, 10, 12]
    record(run, writer, layer_records=[11], ensemble_records=[11])
    writer.commit(12)
    assert steps_of(run, "layer_records") == [1, 2, 3, 4, 6, 9, 11]
    assert steps_of(run, "evaluations") == [0, 4, 8]
    assert steps_of(run, "ensemble_records") == [0, 4, 11]
    for table in ("probe_records", "unit_records", "landscape_records"):
        assert steps_of(run, table) == [0, 4], table


def test_a_network_that_is_frozen_earlier_than_before_has_no_records_behind_that(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    record(run, run.writer, layer_records=range(1, 13), evaluations=(0, 10))
    run.writer.commit(12)
    writer = RecordWriter(any_engine, run.run_id)
    writer.write_over(4)
    record(run, writer, layer_records=[5, 6])
    writer.freeze(run.networks[0][0], 5, 6)
    writer.commit(6)
    assert steps_of(run, "layer_records") == list(range(1, 7))
    assert steps_of(run, "evaluations") == [0]
    assert steps_of(run, "layer_records", series=1) == list(range(1, 13))
    assert steps_of(run, "evaluations", series=1) == [0, 10]


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_commit_whose_answer_is_lost_can_be_tried_again(
    any_engine: Engine, make_run: Any, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    """As when PostgreSQL goes down between a commit and its answer."""

    def lose(writer: RecordWriter, step: int) -> None:
        dialect = any_engine.dialect
        commit, failure = dialect.do_commit, dialect.loaded_dbapi.OperationalError

        def go_down(connection: Any) -> None:
            if is_committed:
                commit(connection)
            raise failure("the connection is lost")

        with monkeypatch.context() as patched:
            patched.setattr(dialect, "do_commit", go_down)
            with pytest.raises(OperationalError, match="lost"):
                writer.commit(step)
        writer.commit(step)

    def levels(run: Any) -> int:
        own = Level.network_id.in_([network_id for network_id, _ in run.networks])
        with any_engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(Level).where(own)) or 0

    run, whole = make_run(any_engine), make_run(any_engine)
    steps, more = range(1, 1100), range(1100, 2200)
    for one, commit in ((run, lose), (whole, RecordWriter.commit)):
        record(one, one.writer, layer_records=steps, network_records=steps, evaluations=[0])
        one.writer.freeze(one.networks[0][0], 5, None)
        commit(one.writer, 1099)
        record(one, one.writer, layer_records=more, network_records=more)
        commit(one.writer, 2199)
    for table in ("layer_records", "network_records"):
        assert steps_of(run, table) == list(range(1, 2200))
    assert levels(run) == levels(whole) > 0
    diverged = [entry for entry in entries(any_engine, run.run_id) if "diverged" in entry.message]
    assert len(diverged) == 1

    writer = RecordWriter(any_engine, run.run_id)
    writer.write_over(2190)
    for step in (2193, 2196):  # what lies between goes with the second try, too
        record(run, writer, layer_records=[step])
        lose(writer, step)
    assert steps_of(run, "layer_records")[2189:] == [2190, 2193, 2196, 2197, 2198, 2199]


def test_networks_that_are_built_differently_cannot_go_on(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    layer = {"kind": "Linear", "norm": "none", "activation": "sigmoid", "units": 100}
    layers = [{"name": name, **layer} for name in ("hidden1", "hidden2")]
    networks = [
        ({"arm": arm, "seed": 0, "parameters": 10, "weights_hash": "ab"}, layers)
        for arm in ("none", "BatchNorm")
    ]
    assert known_networks(any_engine, run.run_id, networks) == run.networks
    assert known_networks(any_engine, run.run_id + 1, networks) == []
    other = [(networks[0][0], layers[:1]), networks[1]]
    for changed in (networks[:1], other):
        with pytest.raises(CannotResume, match="built differently"):
            known_networks(any_engine, run.run_id, changed)
