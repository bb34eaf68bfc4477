"""A spreadsheet that opens our CSV files finds text and numbers, and no programs."""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from shiftscope.db import read
from shiftscope.db.log import note
from shiftscope.server.csv_cells import FORMULA, cell, text_of
from shiftscope.server.imports import import_path

ARMS = ("=1+1", "-minus", "+plus", "@sum", "'=quoted", "'plain", "\u200b=", "＝wide")
LINK = '=HYPERLINK("http://evil.example")'
SIGNS = st.text(st.sampled_from("'=-+@\t\r\n;\" 1.ea"))
BLANK = ' "\t\r\n'
ELSEWHERE = ("1;=1+1", "loss\t@sum(A1)", "a\n=1", "a;'=1", 'x; "=1";-2', ";;=1;\n", "'\t'=1")
"""Text that is cut into several cells where another sign than the comma separates them."""


@given(SIGNS | st.text())
def test_text_is_no_formula_and_comes_back(text: str) -> None:
    written = cell(text)
    assert text_of(written) == text
    if written.startswith(FORMULA):
        assert math.isfinite(float(written))
        return
    for cut in re.split("[;\t\r\n]", written):
        assert not cut.lstrip(BLANK).startswith(FORMULA), cut


def test_a_spreadsheet_that_cuts_cells_elsewhere_finds_no_formula_either() -> None:
    file = io.StringIO()
    csv.writer(file).writerows([1, cell(text)] for text in ELSEWHERE)
    for separator in ",;\t":
        for row in csv.reader(io.StringIO(file.getvalue()), delimiter=separator):
            assert not any(one.lstrip(BLANK).startswith(FORMULA) for one in row), row
    assert [text_of(cell(text)) for text in ELSEWHERE] == list(ELSEWHERE)


def test_numbers_stay_numbers() -> None:
    for value in (-1.5, -3, None, True, "-1.5", "+2", "-.5e-7", "NaN"):
        assert cell(value) == value


def test_no_file_has_a_formula(web: httpx.Client, engine: Engine, make_run: Any) -> None:
    run = make_run(engine, ARMS)
    run.append(2, mean=[-1.5] * 2, std=[-math.inf] * 2)
    note(engine, run.run_id, LINK)
    files = {
        f"runs/{run.run_id}/export/layer_records.csv": "arm",
        f"runs/{run.run_id}/export/network_records.csv": "arm",
        f"runs/{run.run_id}/export/log_entries.csv": "message",
        f"runs/{run.run_id}/verdict.csv": "arm",
        f"comparison.csv?runs={run.run_id}": "arm",
        f"comparison/networks.csv?runs={run.run_id}": "arm",
        f"comparison/lines.csv?runs={run.run_id}&table=network_records&statistic=loss": "arm",
    }
    for file, column in files.items():
        answer = web.get(f"/api/{file}")
        assert answer.status_code == 200, answer.text
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert rows, file
        for row in rows:
            for name, value in row.items():
                is_number = name in {"mean", "std"}
                assert is_number or not value.startswith(FORMULA), (file, name, value)
        read_back = {text_of(row[column]) for row in rows}
        assert (
            set(ARMS) if column == "arm" else {'=HYPERLINK("http://evil.example")'}
        ) <= read_back
    numbers = web.get(f"/api/runs/{run.run_id}/export/layer_records.csv").text
    first = next(csv.DictReader(io.StringIO(numbers)))
    assert (first["mean"], first["std"]) == ("-1.5", "-Infinity")
    in_json = web.get(f"/api/runs/{run.run_id}/export/network_records.json").json()
    assert {row[in_json["columns"].index("arm")] for row in in_json["rows"]} == set(ARMS)


def test_what_is_imported_comes_back_from_its_own_export(
    web: httpx.Client, engine: Engine, tmp_path: Path
) -> None:
    rows = [("=loss", arm, 1, -0.5) for arm in ARMS] + [("-acc", "'''@", 2, -math.inf)]
    file = tmp_path / "log.csv"
    with file.open("w", newline="", encoding="utf-8") as text:
        csv.writer(text).writerows([("quantity", "series", "x", "value"), *rows])

    def imported(path: Path) -> tuple[int, list[tuple[str, str, float, float]]]:
        run_id = import_path(engine, path).run_id
        found = read.measurements(engine, read.run(engine, run_id))
        return run_id, [(one.quantity, one.series, one.x, one.value) for one in found]

    run_id, first = imported(file)
    again = tmp_path / "again.csv"
    again.write_bytes(web.get(f"/api/runs/{run_id}/measurements.csv").content)
    assert ",'=loss,'=1+1," in again.read_text("utf-8")
    assert imported(again)[1] == first
    assert [one[0] for one in first] == ["=loss"] * len(ARMS) + ["-acc"]
