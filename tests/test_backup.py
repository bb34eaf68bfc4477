"""A backup is what was committed at one moment, or it is none; nothing is lost by restoring."""

import json
import shutil
import sqlite3
import threading
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Ask
from sqlalchemy import Engine, func, select, text

from shiftscope.db import audit, backup, tokens
from shiftscope.db.backup import back_up, sqlite_url
from shiftscope.db.checkpoints import beside, checkpoints_folder, identity_in, of_run, place_of
from shiftscope.db.engine import MIGRATIONS, open_database, writing
from shiftscope.db.errors import DatabaseIsNewer, DatabaseProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.restoring import restore
from shiftscope.db.tables import LayerRecord, Run, Token


def url_of(engine: Engine) -> str:
    return sqlite_url(Path(str(engine.url.database)))


def steps_in(url: str) -> tuple[int, list[int], list[int]]:
    """A run's step, and how many records each of its layers has and up to which step."""
    engine = open_database(url)
    with engine.connect() as connection:
        step = connection.scalar(select(Run.step))
        query = select(func.count(), func.max(LayerRecord.step)).group_by(LayerRecord.layer_id)
        rows = connection.execute(query).all()
    engine.dispose()
    return step or 0, [count for count, _ in rows], [last for _, last in rows]


def add_checkpoint(engine: Engine, run_id: int, step: int, words: bytes) -> Path:
    """The two files of a checkpoint, as far as a backup is concerned; gives their folder."""
    folder = checkpoints_folder(engine, Path("/nowhere"))
    place_of(folder)
    of_run(folder, run_id).mkdir(exist_ok=True)
    for part in ("training", "records"):
        (of_run(folder, run_id) / f"{step:012d}.{part}").write_bytes(words)
    return folder


def test_a_backup_taken_while_a_run_is_recorded_is_a_consistent_prefix(
    engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    run = make_run(engine)
    run.append(500)
    ended = threading.Event()

    def record() -> None:
        while not ended.is_set():
            run.append(7)

    writer = threading.Thread(target=record)
    writer.start()
    try:
        found: list[int] = []
        for number in range(3):
            file = tmp_path / f"{number}.backup"
            back_up(url_of(engine), file)
            restored = sqlite_url(tmp_path / f"restored{number}.db")
            restore(restored, file, force=False)
            step, counts, last = steps_in(restored)
            assert counts == [step] * 4 and last == [step] * 4
            found.append(step)
            while run.step <= step + 7:  # what follows is committed before the next
                assert writer.is_alive()
                time.sleep(0.01)
    finally:
        ended.set()
        writer.join()
    assert found[0] < found[1] < found[2] < run.step, "the writer went on meanwhile"


def test_commits_in_the_midst_of_a_copy_wait_for_nothing_and_are_not_in_it(
    engine: Engine, make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    run.append(300)
    parts: list[int] = []

    def commit(*left: int) -> None:
        parts.append(left[1])
        run.append(50)

    monkeypatch.setattr(backup, "PAGES_AT_ONCE", 5)
    monkeypatch.setattr(backup, "_interruptible", commit)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")  # of the connection that commits
    back_up(url_of(engine), tmp_path / "a.backup")
    assert len(parts) > 5 and parts == sorted(parts, reverse=True), "it never began anew"
    url = sqlite_url(tmp_path / "restored.db")
    restore(url, tmp_path / "a.backup", force=False)
    assert steps_in(url) == (300, [300] * 4, [300] * 4)
    assert run.step == 300 + 50 * len(parts)


def test_what_is_restored_is_what_was_backed_up_and_what_was_there_is_set_aside(
    engine: Engine, make_run: Any, tmp_path: Path, ask: Ask
) -> None:
    run = make_run(engine)
    run.append(20)
    folder = add_checkpoint(engine, run.run_id, 20, b"twenty")
    place = place_of(folder)
    (of_run(folder, run.run_id) / "000000000020.training.4711.part").write_bytes(b"half")
    file, url = tmp_path / "night.backup", url_of(engine)
    database = {"SHIFTSCOPE_DATABASE": url, "SHIFTSCOPE_DATA": str(tmp_path)}
    made = ask(database, "backup", str(file))
    assert made.returncode == 0 and "1 run, " in made.stdout and "Verified." in made.stdout
    run.append(10)
    add_checkpoint(engine, run.run_id, 30, b"thirty")

    there = ask(database, "restore", str(file))
    assert there.returncode == 2 and "With --force it is set aside" in there.stderr
    in_use = ask(database, "restore", str(file), "--force")
    assert in_use.returncode == 2 and "is in use. End `shiftscope serve`" in in_use.stderr
    engine.dispose()
    done = ask(database, "restore", str(file), "--force")
    assert done.returncode == 0, done.stderr
    assert steps_in(url)[0] == 20
    assert place_of(folder) == place
    assert {one.name: one.read_bytes() for one in of_run(folder, 1).iterdir()} == {
        "000000000020.training": b"twenty",
        "000000000020.records": b"twenty",
    }
    aside = Path(done.stdout.split("What was there is ")[1].split(" now.")[0])
    assert steps_in(sqlite_url(aside))[0] == 30
    kept = of_run(beside(aside, identity_in(aside)), 1)
    assert (kept / "000000000030.training").read_bytes() == b"thirty"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_backup_has_the_checkpoints_of_runs_that_go_on_meanwhile(
    engine: Engine, make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (make_run(engine).run_id for _ in range(3))
    for run_id in (first, second):
        folder = add_checkpoint(engine, run_id, 10, b"ten")
    add = backup._add

    def meanwhile(archive: zipfile.ZipFile, name: str, *source: Any) -> Any:
        if name.startswith((f"checkpoints/{first}/", f"checkpoints/{second}/")):
            shutil.rmtree(of_run(folder, second), ignore_errors=True)
        if name.startswith(f"checkpoints/{first}/"):
            add_checkpoint(engine, second, 20, b"twenty")
            add_checkpoint(engine, third, 5, b"five")
        return add(archive, name, *source)

    monkeypatch.setattr(backup, "_add", meanwhile)
    back_up(url_of(engine), tmp_path / "a.backup")
    with zipfile.ZipFile(tmp_path / "a.backup") as archive:
        steps = [(first, 10, b"ten"), (second, 20, b"twenty"), (third, 5, b"five")]
        for run_id, step, words in steps:
            for part in ("training", "records"):
                assert archive.read(f"checkpoints/{run_id}/{step:012d}.{part}") == words


def test_who_may_ask_and_who_changed_what_is_not_turned_back(
    engine: Engine, tmp_path: Path
) -> None:
    file, url = tmp_path / "old.backup", url_of(engine)
    for name in ("lab", "lost"):
        tokens.make_token(engine, name)
    back_up(url, file)
    tokens.revoke(engine, "lost")
    tokens.make_token(engine, "new", read_only=True)
    audit.record(engine, "lab", "stop run", [7], 202)
    before = [(line.id, line.at, line.what) for line in audit.lines(engine, limit=9)]
    made = all_of(engine)
    engine.dispose()
    made_at = restore(url, file, force=True)[0].made_at
    assert [one.name for one in tokens.tokens(engine)] == ["lab", "new"]
    assert all_of(engine) == made
    restored, *earlier = audit.lines(engine, limit=9)
    assert [(line.id, line.at, line.what) for line in earlier] == before
    assert (restored.who, restored.what) == (
        "command line", f"restore backup of {made_at:%F %T} UTC: old.backup")  # fmt: skip
    engine.dispose()
    elsewhere = sqlite_url(tmp_path / "elsewhere.db")
    restore(elsewhere, file, force=False)
    other = open_database(elsewhere)
    assert [one.name for one in tokens.tokens(other)] == ["lab", "lost"], "there was no other word"
    other.dispose()


def all_of(engine: Engine) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(select(*Token.__table__.columns)).all()


def test_a_damaged_database_is_replaced_and_not_backed_up(
    engine: Engine, make_run: Any, tmp_path: Path
) -> None:
    make_run(engine).append(400)
    tokens.make_token(engine, "lab")
    engine.dispose()
    good, database = tmp_path / "good.backup", Path(str(engine.url.database))
    back_up(url_of(engine), good)
    before = good.read_bytes()
    with database.open("r+b") as stream:
        stream.seek(database.stat().st_size // 2)
        stream.write(b"\xa5" * 8192)
    with pytest.raises(DatabaseProblem, match="damaged"):
        back_up(url_of(engine), good)
    assert good.read_bytes() == before, "an earlier backup is kept"
    database.write_bytes(b"no database at all" * 100)
    _, aside = restore(url_of(engine), good, force=True)
    assert aside is not None and aside.read_bytes().startswith(b"no database")
    assert steps_in(url_of(engine))[0] == 400
    assert tokens.tokens(engine) == [], "nobody knows whether it was revoked"
    assert "revoke all tokens" in audit.lines(engine, limit=9)[1].what


@pytest.mark.parametrize(
    "kind", ["torn", "flipped", "no zip", "foreign name", "compressed", "not there"]
)
def test_a_damaged_backup_is_refused_and_nothing_is_touched(
    engine: Engine, make_run: Any, tmp_path: Path, kind: str
) -> None:
    run = make_run(engine)
    run.append(5)
    file, url = tmp_path / "a.backup", url_of(engine)
    back_up(url, file)
    whole = file.read_bytes()
    if kind == "torn":
        file.write_bytes(whole[: len(whole) // 2])
    elif kind == "flipped":
        at = len(whole) // 3
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    elif kind == "no zip":
        file.write_text("a backup")
    elif kind == "not there":
        file.unlink()
    elif kind == "compressed":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("shiftscope.db", bytes(1_000_000))
    else:
        with zipfile.ZipFile(file) as archive:
            manifest = json.loads(archive.read("manifest.json"))
        manifest["files"]["../escaped"] = {"bytes": 0, "sha256": ""}
        with zipfile.ZipFile(file, "w") as archive:
            for name in manifest["files"]:
                archive.writestr(name, b"")
            archive.writestr("manifest.json", json.dumps(manifest))
    engine.dispose()
    before = sorted(one.name for one in tmp_path.iterdir())
    with pytest.raises(DatabaseProblem, match=r"no whole backup|There is no file"):
        restore(url, file, force=True)
    assert sorted(one.name for one in tmp_path.iterdir()) == before
    assert steps_in(url)[0] == 5


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    first = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    for file in (first / "versions").glob("[0-9]*.py"):
        if file.name[:4] != "0001":
            file.unlink()
    old, file = sqlite_url(tmp_path / "old.db"), tmp_path / "old.backup"
    engine = open_database(old, migrations=first)
    with writing(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO runs (id, name, status, step, steps, experiment, summary, created_at) "
                "VALUES (1, 'A run', 'finished', 7, 7, :experiment, '{}', '2026-01-02 03:04:05')"
            ),
            {"experiment": Experiment().model_dump_json()},
        )
    engine.dispose()
    assert back_up(old, file).revision == "0001"
    url = sqlite_url(tmp_path / "new" / "shiftscope.db")
    restore(url, file, force=False)
    assert [one.name for one in (tmp_path / "new").iterdir()] == ["shiftscope.db"]
    with sqlite3.connect(tmp_path / "new" / "shiftscope.db") as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert found > "0010"
    assert steps_in(url)[0] == 7


def test_a_backup_of_a_later_version_is_refused(engine: Engine, tmp_path: Path) -> None:
    file, url = tmp_path / "later.backup", sqlite_url(tmp_path / "new" / "shiftscope.db")
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    back_up(url_of(engine), file)
    with pytest.raises(DatabaseIsNewer, match="a later version"):
        restore(url, file, force=False)
    assert list((tmp_path / "new").iterdir()) == []


def test_postgresql_is_told_the_commands(ask: Ask, tmp_path: Path) -> None:
    url = "postgresql://me:secret@db.example/runs"
    for command in ("backup", "restore"):
        done = ask({}, command, str(tmp_path / "x"), "--database", url, "--data", str(tmp_path))
        assert done.returncode == 2 and "secret" not in done.stderr
        assert "pg_dump --format=custom --file=FILE postgresql://me@db.example/runs" in done.stderr
