"""`shiftscope check` finds each planted fault, nothing in a healthy database, and mends safely."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import Ask, Recorded
from sqlalchemy import Engine, text, update

from shiftscope.db import edit, queue, read, soundness, steadiness
from shiftscope.db.checkpoints import checkpoints_folder, of_run
from shiftscope.db.checkup import faults
from shiftscope.db.engine import writing
from shiftscope.db.soundness import FORGOTTEN, Fault
from shiftscope.db.tables import Run, Worker
from shiftscope.db.write import RecordWriter
from shiftscope.server import check_command

LONG = 2_100
"""Steps of a run that has levels."""


def record_all(engine: Engine, make_run: Any, steps: int) -> Recorded:
    """A finished run with all records that it promised."""
    run = make_run(engine, steps=steps, recording={"evaluate_every": 20})
    run.begin()
    run.append(steps)
    evaluated = sorted({*range(20, steps, 20), steps})
    for network_id, _ in run.networks:
        run.writer.add("evaluations", {"network_id": network_id}, {"step": evaluated})
    run.writer.commit(steps)
    queue.end(engine, run.run_id, "finished")
    return run


def url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def found_in(engine: Engine, data: Path, *, full: bool = True) -> list[Fault]:
    return list(faults(engine, url_of(engine), data, full=full))


def say(engine: Engine, *sentences: str) -> None:
    """Do what no part of shiftscope does, as another program could."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        for sentence in sentences:
            connection.execute(text(sentence))
        connection.commit()
    engine.dispose()


def test_nothing_is_found_in_a_healthy_database(
    any_engine: Engine, make_run: Any, make_watched: Any, tmp_path: Path
) -> None:
    engine = any_engine
    record_all(engine, make_run, LONG)
    make_watched(engine).append(30)
    make_run(engine).append(10)  # both go on
    sparse = make_run(engine, steps=10, recording={"record_every": 4, "evaluate_every": 50})
    for network_id, layer_ids in sparse.networks:
        steps = {"step": [1, 5, 9]}
        sparse.writer.add("network_records", {"network_id": network_id}, steps)
        sparse.writer.add("evaluations", {"network_id": network_id}, {"step": [0, 10]})
        for layer_id in layer_ids:
            keys = {"network_id": network_id, "layer_id": layer_id}
            sparse.writer.add("layer_records", keys, steps)
    sparse.writer.commit(10)
    queue.end(engine, sparse.run_id, "finished")
    frozen = make_run(engine, steps=90)
    frozen.append(20)
    for network_id, _ in frozen.networks:
        frozen.writer.freeze(network_id, 18, 20)
    frozen.writer.commit(90)
    queue.end(engine, frozen.run_id, "finished")
    assert found_in(engine, tmp_path) == []
    assert found_in(engine, tmp_path, full=False) == []


OF_RUN = "network_id IN (SELECT id FROM networks WHERE run_id = {run})"
LAYER = "layer_id = (SELECT min(l.id) FROM layers l WHERE l.network_id = {network})"
PLANTED = (
    (
        60,
        f"DELETE FROM network_records WHERE step BETWEEN 30 AND 33 AND {OF_RUN}",
        "8 records of network_records are missing, in 2 series: none, seed 0 has none at step 30, "
        "nor at others up to 33.",
        False,
    ),
    (
        60,
        f"DELETE FROM layer_records WHERE step = 50 AND {LAYER}",
        "1 record of layer_records is missing, in 1 series: hidden1 of none, seed 0 has none at "
        "step 50.",
        False,
    ),
    (
        60,
        f"DELETE FROM evaluations WHERE step = 40 AND {OF_RUN}",
        "2 records of evaluations are missing, in 2 series: none, seed 0 has none at step 40.",
        False,
    ),
    (
        60,
        "DELETE FROM networks WHERE run_id = {run}",
        "It lacks networks, or layers of its networks.",
        False,
    ),
    (
        60,
        "UPDATE runs SET step = 59 WHERE id = {run}",
        "It has records up to step 60 and says to have ended at 59.",
        True,
    ),
    (
        LONG,
        f"UPDATE layer_records SET mean = 1e9 WHERE step = 40 AND {LAYER}",
        "Levels of 1 series, by which long ranges are drawn, disagree with the records of "
        "layer_records.",
        True,
    ),
    (
        60,
        "UPDATE runs SET status = 'running', worker_id = NULL WHERE id = {run}",
        "It is running, and its worker is gone.",
        True,
    ),
)
"""Steps of a run, what is done to it, what is found, and whether that can be mended."""


def test_each_planted_fault_is_found_and_mended_where_that_is_safe(
    any_engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    engine = any_engine
    runs = [record_all(engine, make_run, steps) for steps, *_ in PLANTED]
    with writing(engine) as connection:
        for run, (_, sentence, _, _) in zip(runs, PLANTED, strict=True):
            said = sentence.format(run=run.run_id, network=run.networks[0][0])
            connection.execute(text(said))
    expected = {
        f"Run {run.run_id}": (words, can_be_mended)
        for run, (_, _, words, can_be_mended) in zip(runs, PLANTED, strict=True)
    }
    found = {one.where: (one.found, one.mend is not None) for one in found_in(engine, tmp_path)}
    assert found == expected
    for one in found_in(engine, tmp_path):
        assert one.remedy.endswith(".")
        if one.mend is not None:
            one.mend()
    left = {one.where for one in found_in(engine, tmp_path)}
    assert left == {where for where, (_, can_be_mended) in expected.items() if not can_be_mended}


def test_a_worker_that_fell_silent_is_gone_unless_it_is_heard_of_in_a_lease(
    any_engine: Engine, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = any_engine
    run = make_run(engine)
    run.append(3)
    (worker,) = read.workers(engine)
    assert found_in(engine, Path("/nowhere")) == []
    with writing(engine) as connection:
        silent = datetime.now(UTC) - 2 * queue.LEASE
        connection.execute(update(Worker).values(heartbeat_at=silent))
    (lost,) = found_in(engine, Path("/nowhere"))
    assert lost.where == f"Run {run.run_id}" and lost.mend is not None
    assert lost.found == "It is running, and its worker has been silent for 45 s or more."
    with monkeypatch.context() as patched:
        patched.setattr(soundness.time, "sleep", lambda _: queue.heartbeat(engine, worker.id))
        lost.mend()
    assert read.run(engine, run.run_id).status == "running", "the clock had jumped"
    with writing(engine) as connection:
        connection.execute(update(Worker).values(heartbeat_at=silent))
    monkeypatch.setattr(steadiness, "LEASE", timedelta())
    lost.mend()
    assert read.run(engine, run.run_id).status != "running"


def test_a_run_that_stopped_before_its_frozen_networks_froze_again_lacks_nothing(
    any_engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    run = make_run(any_engine, steps=90)
    frozen, other = run.networks

    def record(steps: range, writer: RecordWriter, *networks: tuple[int, list[int]]) -> None:
        for network_id, layer_ids in networks:
            keys = {"network_id": network_id}
            writer.add("network_records", keys, {"step": list(steps)})
            for layer_id in layer_ids:
                writer.add("layer_records", keys | {"layer_id": layer_id}, {"step": list(steps)})
        writer.commit(steps[-1])

    def frozen_at() -> int | None:
        return read.networks(any_engine, run.run_id)[0].frozen_step

    record(range(1, 21), run.writer, frozen, other)
    run.writer.freeze(frozen[0], 18, 20)
    record(range(21, 41), run.writer, other)
    again = RecordWriter(any_engine, run.run_id)
    again.write_over(15)
    again.freeze(frozen[0], 16, None)  # as a stop has it
    record(range(16, 19), again, frozen, other)
    queue.end(any_engine, run.run_id, "stopped")
    assert (found_in(any_engine, tmp_path), frozen_at()) == ([], 20)
    last = RecordWriter(any_engine, run.run_id)
    last.write_over(18)
    record(range(19, 21), last, frozen, other)
    assert frozen_at() == 20
    record(range(21, 41), last, frozen, other)  # this time it does not freeze
    assert (found_in(any_engine, tmp_path), frozen_at()) == ([], None)


def test_rows_of_nothing_and_files_of_nobody_are_removed(
    engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    run = make_run(engine)
    run.append(5)
    queue.end(engine, run.run_id, "failed", "For a test.")
    say(engine, "DELETE FROM networks WHERE arm = 'none'")
    folder = checkpoints_folder(engine, tmp_path)
    for run_id in (run.run_id, 77):
        of_run(folder, run_id).mkdir(parents=True)
        (of_run(folder, run_id) / "000000000005.training").write_bytes(b"")
    half, fresh = (of_run(folder, run.run_id) / f"{name}.part" for name in ("half", "fresh"))
    for one in (half, fresh):
        one.write_bytes(b"")
    long_ago = time.time() - 2 * FORGOTTEN
    os.utime(half, (long_ago, long_ago))
    found = found_in(engine, tmp_path)
    tables = ["layer_records", "layers", "network_records"]
    assert [one.found.split()[2] for one in found if one.where == "Database"] == tables
    assert [one.where for one in found if one.where != "Database"] == ["Checkpoints", "Files"]
    for one in found:
        assert one.mend is not None
        one.mend()
    assert found_in(engine, tmp_path) == []
    assert [one.name for one in folder.iterdir()] == [str(run.run_id)]
    assert fresh.exists() and not half.exists()


def test_purging_a_deleted_run_removes_its_checkpoints(
    engine: Engine, make_run: Any, tmp_path: Path, ask: Ask
) -> None:
    deleted, kept = make_run(engine).run_id, make_run(engine).run_id
    folder = checkpoints_folder(engine, tmp_path)
    for run_id in (deleted, kept):
        queue.end(engine, run_id, "stopped")
        of_run(folder, run_id).mkdir(parents=True)
        (of_run(folder, run_id) / "000000000005.training").write_bytes(b"")
    edit.remove(engine, [deleted])
    database = {"SHIFTSCOPE_DATABASE": url_of(engine), "SHIFTSCOPE_DATA": str(tmp_path)}
    assert ask(database, "purge").stdout == "Nothing to remove.\n"
    assert of_run(folder, deleted).is_dir(), "it can be restored, and resumed"
    assert ask(database, "purge", "--days", "0").stdout == f"Removed: {deleted}.\n"
    assert [one.name for one in folder.iterdir()] == [str(kept)]


def test_the_command_says_what_is_wrong_and_ends_by_it(
    engine: Engine, make_run: Any, tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_command, "_check_trainer", lambda *_: None)  # as test_cli.py asks
    run = make_run(engine)
    run.append(5)
    with writing(engine) as connection:
        connection.execute(update(Run).values(status="stopped", step=3))
    database = {"SHIFTSCOPE_DATABASE": url_of(engine), "SHIFTSCOPE_DATA": str(tmp_path)}
    wrong = ask(database, "check")
    assert wrong.returncode == 1
    assert "!!  Run 1          It has records up to step 5 and says to have" in wrong.stdout
    assert "--mend shows them." in wrong.stdout
    mended = ask(database, "check", "--mend")
    assert mended.returncode == 0 and "ended at 3. Mended." in mended.stdout
    fine = ask(database, "check", "--full")
    assert fine.returncode == 0 and "nothing is wrong with 1 run\n" in fine.stdout
    run.append(500)
    file = Path(str(engine.url.database))
    engine.dispose()
    size = file.stat().st_size
    for begin in (size // 2, 4096):  # what was recorded; what is read when it is opened
        with file.open("r+b") as stream:
            stream.seek(begin)
            stream.write(b"\xa5" * (size - begin))
        damaged = ask(database, "check")
        assert damaged.returncode == 1 and "The file is damaged: " in damaged.stdout
        assert "shiftscope restore FILE --force" in damaged.stdout
