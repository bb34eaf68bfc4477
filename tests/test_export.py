"""A CSV file reads back as what was recorded, whoever writes it."""

import csv
import io
import json
import math
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from conftest import Ask
from exporting import csv_text
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from shiftscope.db import log, read
from shiftscope.db.findings import Found, store_findings
from shiftscope.db.system import System, add_sample
from shiftscope.server import extras
from shiftscope.server.csv_cells import text_of
from shiftscope.server.export import json_chunks
from shiftscope.server.export_parquet import parquet_chunks
from shiftscope.server.export_tables import export_table
from shiftscope.server.export_zip import DEFINITIONS, zip_chunks

ODD = [1.5, math.nan, None, math.inf, -math.inf, 0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2]
COMMAND = [sys.executable, "-c", "from shiftscope.server.cli import main; main()"]


def bits(value: float | None) -> str | None:
    """Equal only for equal bits; every NaN is one."""
    if value is None:
        return None
    return "NaN" if math.isnan(value) else np.float64(value).tobytes().hex()


def parsed(field: str) -> float | None:
    """A field as any reader of CSV takes it."""
    return float(field) if field else None


def words(engine: Engine, run: Any) -> list[str]:
    """What follows the program's name."""
    return ["export", str(run.run_id), "--database", str(engine.url)]


def export(engine: Engine, run: Any, *options: str, **kwargs: Any) -> Any:
    command = [*COMMAND, *words(engine, run), *options]
    return subprocess.run(command, capture_output=True, timeout=60, **kwargs)


@settings(max_examples=30)
@given(values=st.lists(st.none() | st.floats(), min_size=1, max_size=20))
def test_any_float_reads_back_bit_equal(
    any_engine: Engine, make_run: Any, values: list[float | None]
) -> None:
    run = make_run(any_engine)
    run.append(len(values), mean=values)
    rows = csv.DictReader(io.StringIO(csv_text(any_engine, run.run_id, "layer_records")))
    found = [bits(parsed(row["mean"])) for row in rows]
    if any_engine.dialect.name == "sqlite":  # keeps whole numbers as integers: no sign of zero
        values = [value + 0.0 if value == 0 else value for value in values]
    assert found == [bits(value) for value in values] * 4


def test_what_is_not_finite_is_spelled_out_and_what_does_not_apply_is_empty(
    engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    run.append(4, mean=[math.nan, math.inf, -math.inf, None])
    text = csv_text(engine, run.run_id, "layer_records")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["mean"] for row in rows[:4]] == ["NaN", "Infinity", "-Infinity", ""]


@pytest.mark.parametrize("table", ["layer_records", "network_records", "evaluations"])
def test_the_page_and_the_command_line_write_the_same_file(
    web: httpx.Client, engine: Engine, make_run: Any, tmp_path: Path, table: str
) -> None:
    arms = ('comma, "quote"', "=línea; 'new'", "NaN")
    run = make_run(engine, arms=arms)
    run.begin()
    run.append(1_200, mean=(ODD * 134)[:1_200])
    answer = web.get(f"/api/runs/{run.run_id}/export/{table}.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f'filename="shiftscope-run-{run.run_id}-{table}.csv"'
    assert name in answer.headers["content-disposition"]
    printed = export(engine, run, "--table", table, "--output", "-")
    assert (printed.returncode, printed.stderr) == (0, b"")
    file = tmp_path / "out.csv"
    assert export(engine, run, "--table", table, "--output", str(file)).returncode == 0
    assert answer.content == printed.stdout == file.read_bytes()
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert list(rows[0]) == read.export_columns(table)
    found = [text_of(row["arm"]) for row in rows]
    assert found == sorted(found, key=arms.index)
    expected = {"layer_records": 1_200 * 3 * 2, "network_records": 1_200 * 3, "evaluations": 3}
    assert len(rows) == expected[table]


def test_a_watched_run_is_exported_like_any(any_engine: Engine, make_watched: Any) -> None:
    run = make_watched(any_engine, {"a": ["conv1"], "b": ["conv1", "layer1.0.conv1"]})
    run.append(3)
    rows = list(csv.DictReader(io.StringIO(csv_text(any_engine, run.run_id, "layer_records"))))
    assert [(row["arm"], row["layer"]) for row in rows[::3]] == [
        ("a", "conv1"),
        ("b", "conv1"),
        ("b", "layer1.0.conv1"),
    ]


def test_a_part_of_a_table_is_those_rows_and_columns_of_the_whole(
    web: httpx.Client, make_run: Any, engine: Engine
) -> None:
    run = make_run(engine)
    run.append(600, mean=[1e-300 * step for step in range(600)])
    networks = web.get(f"/api/runs/{run.run_id}").json()["networks"]
    chosen = networks[1]
    query = {
        "network_id": [chosen["id"]], "layer": "hidden2", "statistic": ["std", "mean"],
        "first": 20, "last": 540,
    }  # fmt: skip

    def rows(table: str, **query: Any) -> list[dict[str, str]]:
        answer = web.get(f"/api/runs/{run.run_id}/export/{table}.csv", params=query)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    found = rows("layer_records", **query)
    assert [int(row["step"]) for row in found] == list(range(20, 541))
    keys = ["run_id", "network_id", "arm", "seed", "layer_id", "layer", "step", "mean", "std"]
    assert list(found[0]) == keys
    whole = rows("layer_records")
    same = [
        {key: row[key] for key in keys}
        for row in whole
        if row["network_id"] == str(chosen["id"]) and row["layer"] == "hidden2"
    ]
    assert found == same[19:540]
    assert rows("network_records", network_id=99) == []
    refused = web.get(f"/api/runs/{run.run_id}/export/layer_records.csv?statistic=loss")
    assert (refused.status_code, "no statistic 'loss'" in refused.json()["detail"]) == (404, True)


def test_an_unknown_run_or_table_is_told_at_once(
    web: httpx.Client, make_run: Any, engine: Engine
) -> None:
    run = make_run(engine)
    for path in (
        f"/{run.run_id}/export/runs.csv",
        "/77/export/layer_records.csv",
        "/77/export.zip",
        f"/{run.run_id}/export/layer_records.exe",
        f"/{run.run_id}/export.zip?format=exe",
        f".zip?run={run.run_id}&run=77",
        f".zip?run={run.run_id}&format=exe",
    ):
        answer = web.get(f"/api/runs{path}")
        assert answer.status_code == 404 and answer.json()["detail"].startswith("There is no ")


def test_a_closed_pipe_is_no_error_and_a_full_disk_is_a_sentence(
    engine: Engine, make_run: Any
) -> None:
    run = make_run(engine)
    run.append(3_000)
    reader, writer = os.pipe()
    os.close(reader)
    command = [*COMMAND, *words(engine, run)]
    piped = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (piped.returncode, piped.stderr) == (0, b"")
    with open("/dev/full", "wb") as full:
        failed = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert failed.returncode == 2 and failed.stderr.startswith(b"shiftscope: Standard output")
    assert b"Traceback" not in failed.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--table", "workers"), "There is no table 'workers'; expected one of layer_records"),
        (("--format", "xls"), "There is no format 'xls'; expected one of csv, json, parquet"),
        (("--zip", "--table", "evaluations"), "--zip has all tables: leave out --table"),
        (("--output", "/nowhere/at/all.csv"), "/nowhere/at/all.csv can't be written"),
        (("--output", "/"), "/ can't be written"),
    ],
)
def test_a_bad_option_ends_with_2_and_a_sentence(
    engine: Engine, make_run: Any, ask: Ask, options: tuple[str, ...], sentence: str
) -> None:
    run = make_run(engine)
    done = ask(os.environ, *words(engine, run), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"shiftscope: {sentence}") and done.stderr.count("\n") == 1


def test_an_export_never_replaces_the_database_nor_loses_an_earlier_one(
    engine: Engine, make_run: Any, ask: Ask, tmp_path: Path
) -> None:
    recorded = make_run(engine)
    recorded.append(5)
    database = Path(str(engine.url.database))
    command = words(engine, recorded)
    done = ask(os.environ, *command, "--output", str(database))
    assert done.returncode == 2 and "is the database itself" in done.stderr
    assert read.run(engine, recorded.run_id).id == recorded.run_id
    earlier = tmp_path / "records.csv"
    earlier.write_text("earlier")
    done = ask(os.environ, *command, "--table", "nope", "--output", str(earlier))
    assert done.returncode == 2 and earlier.read_text() == "earlier"
    done = ask(os.environ, *command, "--output", str(earlier))
    assert done.returncode == 0 and earlier.read_text().startswith("run_id,")
    assert not list(tmp_path.glob("*.part"))


def odd_run(engine: Engine, make_run: Any) -> Any:
    run = make_run(engine)
    run.append(1_200, mean=(ODD * 134)[:1_200])
    return run


def test_json_reads_back_bit_equal_and_is_json_for_any_reader(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = odd_run(engine, make_run)
    answer = web.get(f"/api/runs/{run.run_id}/export/layer_records.json")
    assert answer.headers["content-type"] == "application/json"
    found = json.loads(answer.content, parse_constant=pytest.fail)
    assert (found["run"], found["table"]) == (run.run_id, "layer_records")
    assert found["columns"] == read.export_columns("layer_records")
    at = found["columns"].index("mean")
    means = [None if row[at] is None else float(row[at]) for row in found["rows"]]
    assert [bits(mean) for mean in means] == [bits(value) for value in (ODD * 134)[:1_200]] * 4
    assert {type(row[at]) for row in found["rows"][:5]} == {float, str, type(None)}


def test_parquet_keeps_nan_apart_from_what_does_not_apply(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run = odd_run(engine, make_run)
    answer = web.get(f"/api/runs/{run.run_id}/export/layer_records.parquet")
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.column_names == read.export_columns("layer_records")
    found = [bits(value) for value in table["mean"].to_pylist()]
    assert found == [bits(value) for value in (ODD * 134)[:1_200]] * 4
    kinds = [str(table.schema.field(name).type) for name in ("layer", "step", "nonfinite", "p50")]
    assert kinds == ["string", "int64", "int64", "double"]


def test_an_extra_that_is_missing_is_named(
    web: httpx.Client, engine: Engine, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    monkeypatch.setitem(extras.MODULES, "parquet", "no_such_package")
    answer = web.get(f"/api/runs/{run.run_id}/export/layer_records.parquet")
    assert answer.status_code == 501
    assert answer.json()["detail"].endswith("pip install shiftscope[parquet]")
    assert web.get(f"/api/runs/{run.run_id}/export.zip?format=parquet").status_code == 501
    assert web.get("/api/system").json()["formats"] == ["csv", "json"]


def test_the_zip_has_every_table_and_what_it_means(
    web: httpx.Client, engine: Engine, make_run: Any, ask: Ask, tmp_path: Path
) -> None:
    run = odd_run(engine, make_run)
    file = tmp_path / "all.zip"
    assert ask(os.environ, *words(engine, run), "--zip", "--output", str(file)).returncode == 0
    for archive in (
        zipfile.ZipFile(file),
        zipfile.ZipFile(io.BytesIO(web.get(f"/api/runs/{run.run_id}/export.zip").content)),
    ):
        assert archive.testzip() is None
        tables = {"layer_records.csv", "network_records.csv", "log_entries.csv"}
        told = {"run.json", "verdict.json", "README.md", "statistics.md"}
        assert set(archive.namelist()) == tables | told
        for name in tables:
            text = csv_text(engine, run.run_id, name.removesuffix(".csv"))
            assert archive.read(name).decode() == text
        assert json.loads(archive.read("run.json"))["experiment"]["name"] == "A run"
        assert "sentence" in json.loads(archive.read("verdict.json"))
        assert all(name in archive.read("README.md").decode() for name in tables)
        assert b"`shift_from_start`" in archive.read("statistics.md")


def test_several_runs_are_one_zip_with_a_folder_for_each(
    web: httpx.Client, engine: Engine, make_run: Any, ask: Ask, tmp_path: Path
) -> None:
    first, second = odd_run(engine, make_run).run_id, odd_run(engine, make_run).run_id
    file = tmp_path / "runs.zip"
    options = (str(second), str(first), str(second), "--zip", "--output", str(file))
    done = ask(os.environ, "export", *options, "--database", str(engine.url))
    assert (done.returncode, done.stderr) == (0, "")
    answer = web.get(f"/api/runs.zip?run={second}&run={first}&run={second}")
    assert 'filename="shiftscope-runs.zip"' in answer.headers["content-disposition"]
    for archive in (zipfile.ZipFile(file), zipfile.ZipFile(io.BytesIO(answer.content))):
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
        expected = {"statistics.md": DEFINITIONS.read_bytes()}
        for run_id in (first, second):
            alone = zipfile.ZipFile(io.BytesIO(b"".join(zip_chunks(engine, run_id))))
            names = set(alone.namelist()) - {"statistics.md"}
            expected |= {f"run-{run_id}/{name}": alone.read(name) for name in names}
        assert members == expected
    for wrong in ("", "?run=0", "?run=" + "&run=".join(map(str, range(1, 1002)))):
        assert web.get(f"/api/runs.zip{wrong}").status_code == 422
    alone = ask(os.environ, "export", "1", "2", "--database", str(engine.url))
    assert (alone.returncode, alone.stdout) == (2, "") and "add --zip" in alone.stderr


OF_RUNS = ("findings", "log_entries", "system_records")


@pytest.fixture
def diagnosed(any_engine: Engine, make_run: Any) -> Any:
    """A run with an infinite finding, a warning in its log and a sample without a GPU."""
    run = make_run(any_engine)
    run.append(7)
    found = Found(
        "stalled", None, None, 7, 7, "warning", "network_records", "seconds",
        math.inf, 300, 7, 7, "No step, at all.", "Because.", "Try.",
    )  # fmt: skip
    store_findings(any_engine, run.run_id, [found], 7)
    log.note(any_engine, run.run_id, 'It is "slow".', "warning")
    add_sample(any_engine, run.run_id, System(0.5, 1.5, 2e9, 0.25, math.nan, None, None))
    return run


def test_findings_log_and_system_are_tables(diagnosed: Any) -> None:
    engine, run_id = diagnosed.engine, diagnosed.run_id
    findings, entries, samples = (
        list(csv.DictReader(io.StringIO(csv_text(engine, run_id, table)))) for table in OF_RUNS
    )
    (finding,) = findings
    assert (finding["rule"], finding["value"], finding["threshold"], finding["arm"]) == (
        *("stalled", "Infinity", "300.0", ""),
    )
    assert (finding["sentence"], finding["evidence_last"]) == ("No step, at all.", "7")
    assert [entry["message"] for entry in entries] == [
        one.message for one in log.entries(engine, run_id)
    ]
    assert (entries[-1]["level"], entries[-1]["message"]) == ("warning", 'It is "slow".')
    assert entries[-1]["at"].endswith("+00:00")
    (sample,) = samples
    assert [sample[name] for name in ("sample", "step", "cpu", "machine_memory", "gpu")] == [
        *("1", "7", "1.5", "NaN", ""),
    ]
    names = zipfile.ZipFile(io.BytesIO(b"".join(zip_chunks(engine, run_id)))).namelist()
    assert {f"{table}.csv" for table in OF_RUNS} <= set(names)


def test_a_long_log_is_exported_whole(
    engine: Engine, make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(engine)
    monkeypatch.setattr(log, "MOST", 2)
    for at in range(5):
        log.note(engine, run.run_id, f"Entry {at}.")
    rows = list(csv.DictReader(io.StringIO(csv_text(engine, run.run_id, "log_entries"))))
    assert [row["message"] for row in rows[-5:]] == [f"Entry {at}." for at in range(5)]


@pytest.mark.parametrize("any_engine", ["sqlite"], indirect=True)
def test_findings_log_and_system_are_json_and_parquet(diagnosed: Any) -> None:
    engine, run_id = diagnosed.engine, diagnosed.run_id
    parquet = pytest.importorskip("pyarrow.parquet")
    for table, column, value, kind in (
        ("findings", "value", math.inf, "double"),
        ("findings", "evidence_first", 7, "int64"),
        ("log_entries", "message", 'It is "slow".', "string"),
        ("system_records", "sample", 1, "int64"),
        ("system_records", "gpu_memory", None, "double"),
    ):
        text = b"".join(json_chunks(export_table(engine, run_id, table)))
        found = json.loads(text, parse_constant=pytest.fail)
        written = found["rows"][-1][found["columns"].index(column)]
        assert written == ("Infinity" if value == math.inf else value)
        file = io.BytesIO(b"".join(parquet_chunks(export_table(engine, run_id, table))))
        read_back = parquet.read_table(file)
        assert read_back[column].to_pylist()[-1] == value
        assert str(read_back.schema.field(column).type) == kind


def test_a_zip_is_sent_while_it_is_made(engine: Engine, make_run: Any) -> None:
    run = make_run(engine)
    run.append(20_000, mean=np.random.default_rng(0).normal(size=20_000))
    pieces = [len(piece) for piece in zip_chunks(engine, run.run_id)]
    assert max(pieces) < 200_000 < sum(pieces)
