"""The list of runs: found, sorted, edited, deleted and restored, alone and many at once."""

import csv
import io
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, update
from typer.testing import CliRunner

from shiftscope.db import edit, listing, queue, read
from shiftscope.db.engine import writing
from shiftscope.db.errors import SetupProblem
from shiftscope.db.experiment import Experiment
from shiftscope.db.findings import Found, store_findings
from shiftscope.db.parsing import with_settings
from shiftscope.db.rules import RULE_NAMES, RuleName
from shiftscope.db.search import setting_keys
from shiftscope.db.study import Study
from shiftscope.db.tables import Run
from shiftscope.server.cli import app
from shiftscope.server.csv_cells import text_of


def problem(response: Any, status: int) -> dict[str, Any]:
    """The problem that a response must be."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return response.json()


def enqueue(engine: Engine, name: str, *values: str, **columns: Any) -> int:
    """A queued run with some settings, and then with columns of its row."""
    run_id = queue.enqueue(engine, with_settings(Experiment(name=name), values))
    if columns:
        with writing(engine) as connection:
            connection.execute(update(Run).where(Run.id == run_id).values(columns))
    return run_id


def noticed(rule: RuleName) -> Found:
    """What a rule might find of a run."""
    severity = "critical" if rule == "diverged" else "warning"
    return Found(rule, None, None, 1, 7, severity, "network_records", "loss", 1.0, 0.5, 1, 7,
                 "It is so.", "Because.", "Try.")  # fmt: skip


@pytest.fixture
def listed(any_engine: Engine) -> Callable[..., list[str]]:
    """Finds names of runs, of a list that has something for every key."""
    now = datetime.now(UTC)
    enqueue(any_engine, "Wide net", "lr=0.5", "dataset=digits", best_accuracy=0.97,
            tags=["lecture", "paper_1"], ratio=3.5, status="finished", duration=90.0)  # fmt: skip
    enqueue(any_engine, "deep NET, 100 % of it", "arms.1.norm=layer", "twins=false",
            note="odd seeds", best_accuracy=0.91, created_at=now - timedelta(days=3),
            tags=["paperx1"], status="failed", duration=4000.0)  # fmt: skip
    enqueue(any_engine, "momentum", "momentum=0.9", "batch_size=128", "seeds=0,1,2",
            archived=True, device="cpu", status="stopped")  # fmt: skip
    enqueue(any_engine, "gone", status="stopped", deleted_at=now)
    queue.enqueue(any_engine, Study(name="A study", study="added_bias"), "redundant-bias")
    recorder = queue.register(any_engine, "watch")
    queue.begin_watched(any_engine, recorder, "Mine", {"models": {"model": "ResNet"}})

    def find(query: str, sort: str = "run") -> list[str]:
        return [run.name for run in listing.page(any_engine, query, sort=sort).runs]

    return find


FOUND = {
    "": ["Wide net", "deep NET, 100 % of it", "A study", "Mine"],
    "net": ["Wide net", "deep NET, 100 % of it"],
    '"100 %"': ["deep NET, 100 % of it"],
    "odd": ["deep NET, 100 % of it"],
    "note:odd name:deep": ["deep NET, 100 % of it"],
    "dataset:digits": ["Wide net"],
    "dataset:DIG*,nothing": ["Wide net"],
    "-dataset:digits": ["deep NET, 100 % of it", "A study", "Mine"],
    "norm:none norm:layer": ["deep NET, 100 % of it"],
    "lr>0.1": ["Wide net"],
    "lr=0.5 -lr<0.5": ["Wide net"],
    "lr<=0.1": ["deep NET, 100 % of it"],
    "-lr>0.1": ["deep NET, 100 % of it", "A study", "Mine"],
    "best>=95%": ["Wide net"],
    "tag:lecture": ["Wide net"],
    "tag:paper_1": ["Wide net"],
    "tag:pap*": ["Wide net", "deep NET, 100 % of it"],
    "tag:aper": [],
    "age>2d": ["deep NET, 100 % of it"],
    "age<1h ratio>3": ["Wide net"],
    "duration>1h": ["deep NET, 100 % of it"],
    "status:queued,running": ["A study", "Mine"],
    "source:study entry:redundant-bias": ["A study"],
    "network:resnet": ["Mine"],
    "network.kind:mlp": ["Wide net", "deep NET, 100 % of it"],
    "twins:no": ["deep NET, 100 % of it"],
    "archived:yes": ["momentum"],
    "archived:yes,no momentum>0 batch_size:128 seeds:3 device:cpu": ["momentum"],
    "deleted:yes": ["gone"],
    "run<1e300 run>-1e300 steps>0": ["Wide net", "deep NET, 100 % of it"],
    "#1": ["Wide net"],
}


def test_every_term_finds_what_it_says(listed: Callable[..., list[str]]) -> None:
    assert {query: listed(query) for query in FOUND} == FOUND


def test_every_sort_puts_what_does_not_apply_last(listed: Callable[..., list[str]]) -> None:
    everything = set(listed(""))
    for sort in listing.SORTS:
        assert set(listed("", sort)) == set(listed("", f"-{sort}")) == everything
    assert listed("", "best")[:2] == ["deep NET, 100 % of it", "Wide net"]
    assert listed("", "-best")[:2] == ["Wide net", "deep NET, 100 % of it"]
    assert listed("", "tag")[:2] == listed("", "-tag")[1::-1] == [
        "Wide net", "deep NET, 100 % of it"]  # fmt: skip
    assert listed("", "status") == ["Mine", "A study", "deep NET, 100 % of it", "Wide net"]
    assert listed("", "created")[0] == "deep NET, 100 % of it"


def test_the_list_comes_in_pages_and_as_numbers(web: httpx.Client, engine: Engine) -> None:
    numbers = [enqueue(engine, f"Run {number}") for number in range(5)]
    first = web.get("/api/runs?limit=2&sort=run").json()
    assert [run["id"] for run in first["runs"]] == numbers[:2]
    assert (first["total"], first["next"]) == (5, 2)
    last = web.get("/api/runs?limit=2&sort=run&offset=4").json()
    assert [run["id"] for run in last["runs"]] == numbers[4:] and last["next"] is None
    assert web.get("/api/runs?offset=9").json() == {"runs": [], "total": 5, "next": None}
    assert web.get("/api/runs/numbers?q=-name:3").json() == {"runs": [5, 3, 2, 1]}
    refused = problem(web.get("/api/runs", params={"q": "net lr>big"}), 400)
    assert refused["position"] == 7 and "a number" in refused["detail"]
    assert problem(web.get("/api/runs/numbers?q=lr>"), 400)["position"] == 3
    problem(web.get("/api/runs?sort=nothing"), 422)


def test_the_whole_list_is_a_file_with_every_column_and_setting(
    any_engine: Engine, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "AT_ONCE", 2)  # several parts
    web = connect(any_engine)
    enqueue(any_engine, '=cmd("x")', "momentum=0.9", "seeds=0,1", tags=["a", "b"],
            summary={"none": {"last_accuracy": 0.5}}, last_accuracy=0.5,
            ratio=math.inf)  # fmt: skip
    others = [enqueue(any_engine, f"Run {at}", "dataset=digits") for at in range(4)]
    queue.enqueue(any_engine, Study(name="A study", study="added_bias"), "redundant-bias")
    answer = web.get("/api/runs.csv?sort=run")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="shiftscope-runs.csv"' in answer.headers["content-disposition"]
    first, *rest = list(csv.DictReader(io.StringIO(answer.text)))
    assert first["twins"] == "yes"
    assert len(rest) == 5 and set(setting_keys()) < set(first)
    assert first["name"] == """'=cmd("x")""" and text_of(first["name"]) == '=cmd("x")'
    assert (first["optimizer.momentum"], first["seeds"], first["tags"]) == ("0.9", "0 1", "a b")
    assert json.loads(first["arms"]) == ["none", "BatchNorm"]
    assert json.loads(first["summary"]) == {"none": {"last_accuracy": 0.5}}
    assert (first["last_accuracy"], first["ratio"], first["best_accuracy"]) == (
        "0.5", "Infinity", "")  # fmt: skip
    assert rest[-1]["source"] == "study" and rest[-1]["optimizer.momentum"] == ""
    found = web.get("/api/runs.csv?sort=-run&q=dataset:digits").text
    assert [int(row["run_id"]) for row in csv.DictReader(io.StringIO(found))] == others[::-1]
    assert problem(web.get("/api/runs.csv?q=lr>"), 400)["position"] == 3


def test_what_can_be_searched_is_told_with_its_values(web: httpx.Client, engine: Engine) -> None:
    enqueue(engine, "A", "dataset=digits", tags=["lecture", "draft"])
    told = web.get("/api/runs/keys").json()
    keys = {key["name"]: key for key in told["keys"]}
    assert keys["dataset"]["values"] == ["digits"] and keys["tag"]["values"] == ["draft", "lecture"]
    assert "running" in keys["status"]["values"] and keys["archived"]["values"] == ["yes", "no"]
    assert keys["optimizer.momentum"]["kind"] == "number" and told["sorts"] == [*listing.SORTS]


def test_runs_are_found_sorted_and_listed_by_their_findings(
    any_engine: Engine, connect: Any
) -> None:
    web = connect(any_engine)
    several, one, none, never = (enqueue(any_engine, f"Run {at}") for at in range(4))

    def find(run: int, *rules: RuleName) -> None:
        store_findings(any_engine, run, [noticed(rule) for rule in rules], 7)

    find(several, "stalled", "diverged", "dead_units")
    find(one, "dead_units")
    find(none)
    for query, expected in {
        "findings>0": [several, one],
        "findings:0": [none],
        "-findings>1": [one, none, never],
        "finding:dead_units": [several, one],
        "finding:stalled,diverged": [several],
        "finding:dead_units -finding:d*d": [one],
        "-finding:*": [none, never],
    }.items():
        assert listing.numbers(any_engine, query, sort="run") == expected, query
    assert listing.numbers(any_engine, sort="-findings") == [several, one, none, never]
    assert listing.numbers(any_engine, sort="findings") == [none, one, several, never]
    told = web.get(f"/api/runs/findings?run={several}&run={one}&run={none}&run={never}&run=99")
    assert told.json()["counts"] == [
        {"run": several, "findings": 3, "severity": "critical"},
        {"run": one, "findings": 1, "severity": "warning"},
        {"run": none, "findings": 0, "severity": None},
    ]
    listed = web.get("/api/runs?sort=run").json()["runs"]
    assert [run["diagnosed"] for run in listed] == [7, 7, 7, None]
    rows = csv.DictReader(io.StringIO(web.get("/api/runs.csv?sort=run").text))
    assert [(row["findings"], row["severity"]) for row in rows] == [
        ("3", "critical"), ("1", "warning"), ("0", ""), ("", "")]  # fmt: skip
    assert "expected one of nonfinite_values" in problem(
        web.get("/api/runs?q=finding:dead"), 400)["detail"].lower()  # fmt: skip
    keys = {key["name"]: key for key in web.get("/api/runs/keys").json()["keys"]}
    assert keys["finding"]["values"] == [*RULE_NAMES]


def test_settings_are_columns_and_what_the_list_is_sorted_by(
    any_engine: Engine, connect: Any
) -> None:
    web = connect(any_engine)
    fast = enqueue(any_engine, "Fast", "momentum=0.9")
    slow = enqueue(any_engine, "Slow", "momentum=0.5", "batch_size=7")
    queue.enqueue(any_engine, Study(name="A study", study="added_bias"), "redundant-bias")
    asked = "setting=optimizer.momentum&setting=batch_size&setting=no.such"
    told = web.get(f"/api/runs/settings?run={slow}&run={fast}&run=3&run=99&{asked}")
    assert told.json()["settings"] == [
        {"run": fast, "values": {"optimizer.momentum": 0.9, "batch_size": 60, "no.such": None}},
        {"run": slow, "values": {"optimizer.momentum": 0.5, "batch_size": 7, "no.such": None}},
        {"run": 3, "values": {"optimizer.momentum": None, "batch_size": None, "no.such": None}},
    ]
    assert listing.numbers(any_engine, sort="optimizer.momentum") == [slow, fast, 3]
    sorted_by = web.get("/api/runs/folded?sort=-optimizer.momentum").json()["runs"]
    assert [run["id"] for run in sorted_by] == [fast, slow, 3]
    for sort in setting_keys():
        assert set(listing.numbers(any_engine, sort=f"-{sort}")) == {fast, slow, 3}, sort
    problem(web.get("/api/runs?sort=optimizerXmomentum"), 422)
    problem(web.get(f"/api/runs/settings?run={fast}"), 422)
    keys = web.get("/api/runs/keys").json()["keys"]
    assert [key["name"] for key in keys if key["setting"]] == [*setting_keys()]


def test_watched_runs_are_found_and_sorted_by_what_their_programs_said(
    any_engine: Engine, connect: Any, make_watched: Any
) -> None:
    web = connect(any_engine)

    def watched(**said: Any) -> int:
        return make_watched(any_engine, settings=said).run_id

    mixed = watched(batch_size=60, lr=0.25, Augment="Mixup", width=1e-5, amp=True, momentum=0.5)
    plain = watched(batch_size="sixty", lr=10**400, Augment="none", width=20, amp=False, twins=True)
    other = watched(width="1e999", odd_one=None, **{"two words": 1})
    own = enqueue(any_engine, "Own", "batch_size=60", "momentum=0.9")
    for query, expected in {
        "batch_size:60": [mixed, own],
        "batch_size>0 source:watch": [mixed],
        "-batch_size>0": [plain, other],
        "momentum>0.4": [mixed, own],
        "lr:0.25": [mixed],
        "twins:yes": [plain, own],
        "settings.Augment:mix*": [mixed],
        "settings.Augment:none,mixup": [mixed, plain],
        "settings.augment:mixup": [],
        "settings.width>10": [plain],
        "settings.width:0.00001": [mixed],
        "settings.width<=20": [mixed, plain],
        "settings.amp:yes": [mixed],
        "settings.amp:no": [plain],
        "settings.amp:yes,no": [mixed, plain],
        "settings.nothing:1": [],
        "-settings.width:*": [own],
    }.items():
        assert listing.numbers(any_engine, query, sort="run") == expected, query
    assert listing.numbers(any_engine, sort="-settings.width") == [plain, mixed, other, own]
    by_word = listing.numbers(any_engine, "source:watch", sort="settings.Augment")
    assert by_word == [mixed, plain, other], "numbers first, then words, then nothing"
    assert listing.numbers(any_engine, sort="-settings.Augment")[:2] == [plain, mixed]
    assert listing.numbers(any_engine, "source:watch", sort="-batch_size")[0] == mixed
    asked = f"run={mixed}&setting=settings.Augment&setting=optimizer.momentum"
    (told,) = web.get(f"/api/runs/settings?{asked}").json()["settings"]
    assert told["values"] == {"settings.Augment": "Mixup", "optimizer.momentum": 0.5}
    keys = web.get("/api/runs/keys").json()["keys"]
    assert [(key["name"], key["setting"]) for key in keys if key["kind"] == "any"] == [
        (f"settings.{name}", True)
        for name in (
            *("Augment", "amp", "batch_size", "lr", "momentum", "odd_one", "twins", "width"),
        )
    ]
    assert web.get("/api/runs?sort=-settings.width").json()["runs"][0]["id"] == plain
    rows = csv.DictReader(io.StringIO(web.get("/api/runs.csv?sort=run").text))
    assert [(row["batch_size"], row["settings.Augment"], row["lr"]) for row in rows] == [
        ("60", "Mixup", "0.25"), ("sixty", "none", ""), ("", "", ""), ("60", "", "0.1"),
    ]  # fmt: skip
    refused = problem(web.get("/api/runs?q=settings.width>big"), 400)
    assert refused["position"] == 15 and "a number" in refused["detail"]


def test_a_run_is_renamed_tagged_noted_and_archived(any_engine: Engine, connect: Any) -> None:
    web = connect(any_engine)
    run_id = enqueue(any_engine, "Old")
    path = f"/api/runs/{run_id}"
    edited = {"name": " New ", "tags": ["Lecture", "a/b", "lecture"], "note": "See p. 3 – ε"}
    run = web.patch(path, json=edited).json()
    assert (run["name"], run["tags"]) == ("New", ["lecture", "a/b"])
    assert run["note"] == "See p. 3 – ε" and run["archived"] is False
    assert web.patch(path, json={"archived": True, "note": None}).json()["note"] == run["note"]
    assert web.get("/api/runs").json()["total"] == 0
    archived = web.get("/api/runs?q=archived:yes").json()["runs"]
    assert archived == [web.patch(path, json={}).json()]
    for wrong in ({"name": ""}, {"tags": ["two words"]}, {"tags": [""]}, {"note": "a\nb"},
                  {"tags": [f"t{n}" for n in range(21)]}, {"status": "finished"}):  # fmt: skip
        problem(web.patch(path, json=wrong), 422)
    problem(web.patch("/api/runs/99", json={"name": "x"}), 404)


def test_words_are_found_whatever_their_case(any_engine: Engine, connect: Any) -> None:
    run_id = enqueue(any_engine, "Übung 3")
    for query in ("übung", "ÜBUNG", "name:Übung"):
        found = connect(any_engine).get("/api/runs", params={"q": query}).json()["runs"]
        assert [run["id"] for run in found] == [run_id], query


def test_a_deleted_run_is_in_no_list_until_it_is_restored(any_engine: Engine, connect: Any) -> None:
    web = connect(any_engine)
    run_id = enqueue(any_engine, "A run")
    path = f"/api/runs/{run_id}"
    assert "Stop it" in problem(web.delete(path), 409)["detail"]
    web.post(f"{path}/stop")
    deleted = web.delete(path).json()["deleted_at"]
    assert deleted and web.delete(path).json()["deleted_at"] == deleted
    assert web.get("/api/runs").json()["total"] == 0
    assert web.get("/api/runs/numbers?q=deleted:yes").json()["runs"] == [run_id]
    assert web.get(path).status_code == 200
    assert web.post(f"{path}/restore").json()["deleted_at"] is None
    assert web.get("/api/runs").json()["total"] == 1


def test_purging_removes_what_was_deleted_before_a_moment_with_its_records(
    any_engine: Engine, make_run: Any
) -> None:
    run = make_run(any_engine)
    run.append(3)
    queue.end(any_engine, run.run_id, "finished")
    kept = enqueue(any_engine, "Kept", status="stopped")
    assert edit.remove(any_engine, [run.run_id, kept]) == {}
    edit.restore(any_engine, [kept])
    now = datetime.now(UTC)
    assert edit.purge(any_engine, now - timedelta(days=1)) == []
    assert edit.purge(any_engine, now + timedelta(seconds=1)) == [run.run_id]
    assert listing.numbers(any_engine, "deleted:yes,no") == [kept]
    assert read.networks(any_engine, run.run_id) == []


def test_a_run_again_does_the_same(web: httpx.Client, engine: Engine, make_watched: Any) -> None:
    run_id = enqueue(engine, "Mine", "lr=0.7", "dataset=digits")
    again = web.post(f"/api/runs/{run_id}/again")
    assert again.status_code == 201
    first, second = web.get(f"/api/runs/{run_id}").json(), again.json()
    assert second["id"] != run_id and second["experiment"] == first["experiment"]
    assert (second["dataset"], second["network"], second["norms"], second["lr"]) == (
        "digits", "mlp", ["none", "batch"], 0.7)  # fmt: skip
    study = queue.enqueue(engine, Study(name="S", study="added_bias"), "redundant-bias")
    assert web.post(f"/api/runs/{study}/again").json()["catalog_entry"] == "redundant-bias"
    watched = make_watched(engine).run_id
    assert "watched" in problem(web.post(f"/api/runs/{watched}/again"), 409)["detail"]
    problem(web.post("/api/runs/99/again"), 404)


def test_many_runs_are_changed_at_once_and_each_refusal_is_told(
    any_engine: Engine, connect: Any
) -> None:
    web = connect(any_engine)
    one, two, three = (enqueue(any_engine, f"Run {number}") for number in range(3))

    def bulk(action: str, *runs: int, **more: str) -> dict[str, Any]:
        return web.post("/api/runs/bulk", json={"action": action, "runs": runs, **more}).json()

    assert bulk("tag", one, two, tag="Lecture") == {"runs": [one, two], "new": [], "refused": []}
    assert bulk("untag", two, tag="lecture")["runs"] == [two]
    assert listing.numbers(any_engine, "tag:lecture") == [one]
    assert bulk("note", one, two, note="with warm-up")["runs"] == [one, two]
    assert bulk("rename", two, three, name="Later")["runs"] == [two, three]
    known = {run["id"]: (run["name"], run["note"]) for run in web.get("/api/runs").json()["runs"]}
    assert known == {
        one: ("Run 0", "with warm-up"), two: ("Later", "with warm-up"), three: ("Later", ""),
    }  # fmt: skip
    assert bulk("note", one, two, note="")["runs"] == [one, two]
    for action, name in (("rename", "name"), ("note", "note"), ("tag", "tag")):
        assert bulk(action, one)["errors"][0]["field"] == name
    stopped = bulk("stop", one, two, 99, one)
    assert stopped["runs"] == [one, two]
    assert stopped["refused"] == [{"run": 99, "detail": "There is no run 99."}]
    deleted = bulk("delete", one, three)
    assert deleted["runs"] == [one] and deleted["refused"][0]["run"] == three
    assert listing.numbers(any_engine) == [three, two]
    assert bulk("restore", one)["runs"] == [one]
    assert bulk("archive", one, two)["runs"] == [one, two]
    assert listing.numbers(any_engine) == [three]
    assert bulk("unarchive", one)["runs"] == [one]
    again = bulk("again", one, two)
    assert again["runs"] == [one, two] and again["new"] == [three + 1, three + 2]
    wrong = {"action": "tag", "runs": [one]}
    assert problem(web.post("/api/runs/bulk", json=wrong), 422)["errors"][0]["field"] == "tag"
    problem(web.post("/api/runs/bulk", json={"action": "burn", "runs": [one]}), 422)


def test_a_run_that_ends_says_what_it_came_to(any_engine: Engine, make_run: Any) -> None:
    run = make_run(any_engine, steps=40)
    for (network_id, _), reached in zip(run.networks, (40, 10), strict=True):
        accuracy = {"step": [0, reached], "test_accuracy": [0.0, 0.9], "test_loss": [1.0, 1.0]}
        run.writer.add("evaluations", {"network_id": network_id}, accuracy)
    run.writer.commit(40, summary={"none": {"last_accuracy": 0.9, "best_accuracy": 0.9},
                                   "BatchNorm": {"last_accuracy": 0.5}})  # fmt: skip
    live = read.run(any_engine, run.run_id)
    assert (live.last_accuracy, live.best_accuracy) == (0.9, 0.9)
    assert (live.ratio, live.duration) == (None, None)
    queue.end(any_engine, run.run_id, "finished")
    ended = read.run(any_engine, run.run_id)
    assert ended.ratio == pytest.approx(4.0)
    assert ended.ended_at is not None and ended.started_at is not None
    assert ended.duration == (ended.ended_at - ended.started_at).total_seconds()


def test_sparklines_keep_extremes_in_few_points(
    web: httpx.Client, engine: Engine, make_run: Any
) -> None:
    run = make_run(engine, steps=10_000)
    step = [*range(0, 10_000, 10)]
    accuracy = [0.5] * len(step)
    accuracy[500] = 0.01
    for network_id, _ in run.networks:
        values = {"step": step, "test_accuracy": accuracy}
        run.writer.add("evaluations", {"network_id": network_id}, values)
    nothing = {"step": [9_999], "test_accuracy": [float("nan")]}
    run.writer.add("evaluations", {"network_id": run.networks[0][0]}, nothing)
    run.writer.commit(10_000)
    told = web.get(f"/api/runs/sparklines?run={run.run_id}&run=77").json()["sparklines"]
    assert [(one["run"], one["arm"]) for one in told] == [(1, "none"), (1, "BatchNorm")]
    for one in told:
        lowest = min(one["points"], key=lambda point: point[1])
        assert len(one["points"]) <= 2 * listing.BUCKETS and lowest[1] == 0.01
        assert {accuracy for _, accuracy in one["points"]} == {0.01, 0.5}


def test_the_terminal_lists_what_matches_and_purges(engine: Engine) -> None:
    terminal = ("--database", str(engine.url))
    deep, _ = enqueue(engine, "Deep", "lr=0.5"), enqueue(engine, "Wide")
    call = CliRunner().invoke
    assert "Deep" not in call(app, ["runs", "lr<0.5", *terminal]).stdout
    both = call(app, ["runs", "--sort", "name", *terminal]).stdout
    assert both.index("Deep") < both.index("Wide")
    assert call(app, ["runs", "tag:none", *terminal]).stdout == "No run matches.\n"
    wrong = call(app, ["runs", "net lr>big", *terminal]).exception
    assert isinstance(wrong, SetupProblem) and str(wrong).endswith(f"\nnet lr>big\n{' ' * 7}^")
    assert "expected one of run, status" in str(
        call(app, ["runs", "--sort", "x", *terminal]).exception
    )
    queue.ask_to_stop(engine, deep)
    edit.remove(engine, [deep])
    assert call(app, ["purge", *terminal]).stdout == "Nothing to remove.\n"
    assert call(app, ["purge", "--days", "0", *terminal]).stdout == f"Removed: {deep}.\n"
