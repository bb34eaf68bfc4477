"""The list of runs with its sweeps folded: which rows it has, and what a sweep's row says."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, update

from shiftscope.db import edit, folded, listing, queue, sweeps
from shiftscope.db.engine import writing
from shiftscope.db.experiment import Experiment
from shiftscope.db.parsing import with_settings
from shiftscope.db.sweep_parsing import parse_sweep
from shiftscope.db.tables import Run


def start(engine: Engine, name: str, rates: list[float]) -> int:
    """A sweep over the learning rate; the numbers of its runs follow on each other."""
    experiment = Experiment(name=name).model_dump(mode="json")
    document = {"experiment": experiment, "over": [{"setting": "lr", "values": rates}]}
    return sweeps.start(engine, parse_sweep({"name": name, **document}))


def enqueue(engine: Engine, name: str) -> int:
    return queue.enqueue(engine, with_settings(Experiment(name=name), []))


def change(engine: Engine, run_id: int, **columns: Any) -> None:
    with writing(engine) as connection:
        connection.execute(update(Run).where(Run.id == run_id).values(columns))


@pytest.fixture
def rows(any_engine: Engine) -> Callable[..., list[tuple[int | None, int | None]]]:
    """Runs 1 and 5 alone, 2, 3 and 4 in sweep 1, 6 and 7 in sweep 2; finds rows of their list."""
    enqueue(any_engine, "First")
    assert start(any_engine, "Rates", [0.1, 0.2, 0.4]) == 1
    enqueue(any_engine, "Between")
    assert start(any_engine, "More", [0.5, 0.7]) == 2

    def find(query: str = "", **how: Any) -> list[tuple[int | None, int | None]]:
        found = folded.page(any_engine, query, **how)
        assert found.matched == len(listing.numbers(any_engine, query))
        return [(sweep, run) for sweep, run in found.rows]

    return find


def test_a_sweep_is_one_row_where_its_first_run_would_be(
    rows: Callable[..., list[tuple[int | None, int | None]]], any_engine: Engine
) -> None:
    assert rows() == [(2, None), (None, 5), (1, None), (None, 1)]
    assert rows(sort="run") == [(None, 1), (1, None), (None, 5), (2, None)]
    # 1, 2 and 5 have the same rate.
    assert rows(sort="lr") == [(None, 5), (1, None), (None, 1), (2, None)]
    for run_id, best in ((1, 0.5), (3, 0.9), (4, 0.1), (6, 0.7)):
        change(any_engine, run_id, best_accuracy=best)
    assert rows(sort="-best") == [(1, None), (2, None), (None, 1), (None, 5)]
    assert rows(sort="best") == [(1, None), (None, 1), (2, None), (None, 5)]


def test_a_sweep_that_is_opened_has_its_runs_below_it_and_pages_go_through_them(
    rows: Callable[..., list[tuple[int | None, int | None]]], any_engine: Engine
) -> None:
    opened = [(None, 1), (1, None), (1, 2), (1, 3), (1, 4), (None, 5), (2, None)]
    assert rows(sort="run", opened=[1, 99]) == opened
    for offset in range(0, 8, 2):
        part = rows(sort="run", opened=[1], limit=2, offset=offset)
        assert part == opened[offset : offset + 2]
    assert folded.numbers(any_engine, sort="run", opened=[1]) == [
        (1,), (2, 3, 4), (2,), (3,), (4,), (5,), (6, 7)]  # fmt: skip
    assert folded.page(any_engine, opened=[1], limit=2).total == 7


def test_a_search_that_leaves_one_run_of_a_sweep_shows_that_run(
    rows: Callable[..., list[tuple[int | None, int | None]]],
) -> None:
    assert rows("lr>=0.4") == [(2, None), (None, 4)]
    assert rows("#3") == [(None, 3)]
    assert rows("sweep>0") == [(2, None), (1, None)]
    assert rows("sweep:1") == [(1, None)]
    assert rows("-sweep>0") == [(None, 5), (None, 1)]


def test_the_row_of_a_sweep_says_what_of_it_matches_and_its_best_run_that_finished(
    any_engine: Engine, connect: Any
) -> None:
    web = connect(any_engine)
    start(any_engine, "Rates", [0.1, 0.2, 0.4, 0.8])
    for run_id, status, best in ((1, "finished", 0.9), (2, "finished", 0.95), (3, "failed", 0.99),
                                 (4, "finished", float("nan"))):  # fmt: skip
        change(any_engine, run_id, status=status, best_accuracy=best)

    def sweep(query: str = "") -> dict[str, Any]:
        (found,) = web.get("/api/runs/folded", params={"q": query}).json()["sweeps"]
        return found

    found = sweep()
    assert (found["sweep"]["name"], found["sweep"]["settings"]) == ("Rates", ["optimizer.lr"])
    assert found["sweep"]["statuses"] == {"finished": 3, "failed": 1}
    assert (found["runs"], found["size"]) == ([4, 3, 2, 1], 4)
    assert found["best"] == {"run": 2, "accuracy": 0.95, "values": [0.2]}
    narrowed = sweep("-lr:0.2")
    assert (narrowed["runs"], narrowed["size"]) == ([4, 3, 1], 4)
    assert narrowed["best"] == {"run": 1, "accuracy": 0.9, "values": [0.1]}
    assert sweep("lr>0.3")["best"] is None
    assert edit.remove(any_engine, [1]) == {}
    assert sweep()["runs"] == [4, 3, 2]


def test_folded_pages_and_numbers_are_asked_for_over_http(
    web: httpx.Client, engine: Engine
) -> None:
    first = enqueue(engine, "First")
    start(engine, "Rates", [0.1, 0.2])
    page = web.get("/api/runs/folded?limit=1&open=1").json()
    assert page["rows"] == [{"sweep": 1, "run": None}] and page["runs"] == []
    assert (page["total"], page["matched"], page["folded"], page["next"]) == (4, 3, 1, 1)
    rest = web.get("/api/runs/folded?offset=1&open=1").json()
    assert [row["run"] for row in rest["rows"]] == [run["id"] for run in rest["runs"]] == [3, 2, 1]
    assert (rest["sweeps"][0]["sweep"]["id"], rest["next"]) == (1, None)
    assert web.get("/api/runs/folded?offset=9").json()["rows"] == []
    assert web.get("/api/runs/folded/numbers").json() == {"rows": [[3, 2], [first]]}
    assert web.get("/api/runs/folded/numbers?q=name:first").json() == {"rows": [[first]]}
    assert web.get("/api/runs/folded?q=lr>big").status_code == 400
    assert web.get("/api/runs/folded?open=x").status_code == 422
