"""Opening: a newer database is refused, an older one upgraded after a backup."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from shiftscope.db import queue, read
from shiftscope.db.engine import MIGRATIONS, open_database, revision, writing
from shiftscope.db.errors import DatabaseIsNewer, DatabaseProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.tables import Table
from shiftscope.server.settings import load_settings

LATER = """
from alembic import op
import sqlalchemy as sa

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("mood", sa.String(20)))
"""


@pytest.fixture
def later_migrations(tmp_path: Path, engine: Engine) -> Path:
    """The migrations of a version after this one."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    later = LATER.format(before=revision(engine))
    (folder / "versions" / "9999_mood.py").write_text(later)
    return folder


def test_an_older_database_is_upgraded_after_a_backup(
    engine: Engine, tmp_path: Path, later_migrations: Path
) -> None:
    run_id = queue.enqueue(engine, Experiment(name="Kept"))
    before = revision(engine)
    engine.dispose()
    upgraded = open_database(str(engine.url), migrations=later_migrations)
    with upgraded.connect() as connection:
        assert connection.execute(text("SELECT name, mood FROM runs")).all() == [("Kept", None)]
    upgraded.dispose()
    (backup,) = tmp_path.glob("*.backup")
    assert f".{before}." in backup.name
    old = open_database(f"sqlite:///{backup}")
    assert read.run(old, run_id).name == "Kept" and revision(old) == before
    old.dispose()


def test_processes_that_upgrade_together_make_one_backup(
    engine: Engine, tmp_path: Path, later_migrations: Path
) -> None:
    run_id = queue.enqueue(engine, Experiment(name="Kept"))
    engine.dispose()
    call = "from sys import argv; from pathlib import Path\n"
    call += "from shiftscope.db.engine import open_database\n"
    call += "open_database(argv[1], migrations=Path(argv[2])).dispose()"
    command = [sys.executable, "-c", call, str(engine.url), str(later_migrations)]
    together = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in together] == [0, 0, 0, 0]
    (backup,) = tmp_path.glob("*.backup")
    assert list(tmp_path.glob("*.part*")) == []
    old = open_database(f"sqlite:///{backup}")
    assert read.run(old, run_id).name == "Kept"
    old.dispose()


def test_a_backup_that_fails_leaves_nothing_and_the_database_as_it_was(
    engine: Engine, tmp_path: Path, later_migrations: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = revision(engine)
    engine.dispose()

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DatabaseProblem, match="No space left"):
        open_database(str(engine.url), migrations=later_migrations)
    assert list(tmp_path.glob("*.backup")) == list(tmp_path.glob("*.part*")) == []
    assert revision(engine) == before


@pytest.mark.parametrize("folder", ["what?", "100%25 sure", "a#b@c:d", "über"])
def test_the_data_folder_may_have_any_name(tmp_path: Path, folder: str) -> None:
    settings = load_settings(data=tmp_path / folder, database="")
    open_database(settings.database_url).dispose()
    assert (tmp_path / folder / "shiftscope.db").exists()
    assert [file.name for file in tmp_path.iterdir()] == [folder]


def test_a_url_may_name_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    opened = open_database("sqlite:///~/kept/x.db")
    opened.dispose()
    assert opened.url.database == str(tmp_path / "kept" / "x.db")
    assert (tmp_path / "kept" / "x.db").exists() and not (tmp_path / "~").exists()


def test_a_newer_database_is_refused_by_a_sentence_and_left_alone(
    engine: Engine, tmp_path: Path, later_migrations: Path
) -> None:
    engine.dispose()
    open_database(str(engine.url), migrations=later_migrations).dispose()
    with pytest.raises(DatabaseIsNewer, match=r"later version.*9999.*Upgrade shiftscope"):
        open_database(str(engine.url))
    open_database(str(engine.url), migrations=later_migrations).dispose()
    assert len(list(tmp_path.glob("*.backup"))) == 1


def test_a_newer_postgresql_database_is_refused_too(any_engine: Engine) -> None:
    with writing(any_engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = any_engine.url.render_as_string(hide_password=False)
    with pytest.raises(DatabaseIsNewer, match="later version"):
        open_database(url)


def test_an_up_to_date_database_is_opened_without_a_backup(engine: Engine, tmp_path: Path) -> None:
    open_database(str(engine.url)).dispose()
    assert list(tmp_path.glob("*.backup")) == []


def test_processes_that_start_together_on_a_new_database_all_open_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'shiftscope.db'}"
    together, failures = threading.Barrier(4), []

    def start() -> None:
        together.wait(30)
        try:
            open_database(url).dispose()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://localhost/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:////proc/x/y",
    ],
)
def test_a_url_that_cannot_work_is_refused_by_a_sentence(url: str) -> None:
    with pytest.raises(DatabaseProblem, match=r"\.$"):
        open_database(url)


def test_a_file_that_is_no_database_is_refused_by_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(b"\xff\xd8\xff" * 1000)
    with pytest.raises(DatabaseProblem, match=r"holiday\.jpg can't be opened.*--database"):
        open_database(f"sqlite:///{file}")


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(DatabaseProblem) as caught:
        open_database("postgresql://me:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(caught.value) and "can't be opened" in str(caught.value)


def test_sqlite_keeps_foreign_keys_and_writes_ahead(engine: Engine) -> None:
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"


def test_the_tables_are_those_that_the_models_describe(any_engine: Engine) -> None:
    with any_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Table.metadata) == []


def test_anyone_can_read_the_file_with_sqlite3(engine: Engine) -> None:
    queue.enqueue(engine, Experiment(name="Plain"))
    with sqlite3.connect(str(engine.url.database)) as plain:
        assert plain.execute("SELECT name FROM runs").fetchall() == [("Plain",)]
    plain.close()
