"""`shiftscope reproduce`: what is run and reused, what is printed, the report and the table."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest
from reproducing import FAST, SLOW, VERSIONS, finished
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from shiftscope.db import catalog, read
from shiftscope.db.catalog import CatalogEntry
from shiftscope.db.claims import Evidence, Outcome, Recorded, differences
from shiftscope.db.engine import open_database, writing
from shiftscope.db.errors import NotFound
from shiftscope.db.experiment import Experiment
from shiftscope.db.reproduction import Decided, Task, chosen, every_claim, how_long, reusable, sized
from shiftscope.db.study import Length, Study
from shiftscope.db.verdict import Curve
from shiftscope.server import headless, reproduce_command
from shiftscope.server.claims_table import claims_table
from shiftscope.server.cli import app
from shiftscope.server.report import report
from shiftscope.server.report_charts import MOST_POINTS, accuracy_chart

CLAIMS_PAGE = Path(__file__).resolve().parents[1] / "docs" / "claims.md"
E1 = catalog.entry("mnist-sigmoid")
E9 = catalog.entry("redundant-bias")


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database of the commands, which can't train."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a run was started")

    monkeypatch.setenv("SHIFTSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SHIFTSCOPE_DATABASE", f"sqlite:///{tmp_path}/runs.db")
    monkeypatch.setattr(reproduce_command, "run_to_end", refused)
    monkeypatch.setattr(reproduce_command, "version", VERSIONS.__getitem__)
    engine = open_database(f"sqlite:///{tmp_path}/runs.db")
    yield engine
    engine.dispose()


def reproduce(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


@pytest.mark.parametrize("length", ["quick", "full"])
@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.name)
def test_a_sized_experiment_keeps_what_its_claims_fix(entry: CatalogEntry, length: Length) -> None:
    asked = sized(entry, length)
    assert differences(asked, entry.experiment) == []
    assert length == "quick" or len(asked.seeds) == 3
    if isinstance(asked, Study):
        assert asked.length == length


def test_names_and_numbers_choose_claims_in_their_order() -> None:
    assert [
        claim.number for task in chosen(["r1", "Redundant-Bias", "e9"]) for claim in task.claims
    ] == ["E9", "R1"]
    everything = [claim.number for task in chosen([]) for claim in task.claims]
    assert sorted(everything) == sorted(claim.number for claim in every_claim())
    numbers = [claim.number for claim in every_claim()]
    assert numbers.index("E9") < numbers.index("E12b") < numbers.index("E16b") < numbers.index("R1")
    with pytest.raises(
        NotFound, match=r"'E99'; expected one of E1, .*E9, .*, or of .*redundant-bias"
    ):
        chosen(["E1", "E99"])


def test_how_long_a_run_is_says_what_was_shortened() -> None:
    assert how_long(E1, "quick") == "seed 0, 10,000 of 50,000 steps"
    assert how_long(E1, "full") == "seeds 0, 1 and 2, 50,000 steps"
    assert how_long(E9, "full") == "seeds 0, 1 and 2, full length"
    inception = catalog.entry("mnist-inception")
    assert how_long(inception, "quick") == (
        "seed 0, 600 steps, recording.record_every=50, recording.evaluate_early=false"
    )
    assert how_long(inception, "full") == "seeds 0, 1 and 2, 600 steps"


def test_only_a_finished_run_of_the_same_settings_and_versions_is_reused(database: Engine) -> None:
    wanted = sized(E1, "quick")

    def found() -> int | None:
        run = reusable(read.finished_runs(database, E1.name), E1, wanted, VERSIONS)
        return run.id if run else None

    finished(database, E1, SLOW, FAST, length="full")
    finished(database, E1, SLOW, FAST, status="stopped")
    finished(database, E1, SLOW, FAST, versions=VERSIONS | {"torch": "2.98.0"})
    finished(database, E1, SLOW, FAST, versions={"python": "3.11.0"})
    assert found() is None
    local = finished(database, E1, SLOW, FAST, versions=VERSIONS | {"torch": "2.99.0+cpu"})
    assert found() == local
    newest = finished(database, E1, SLOW, FAST)
    assert found() == newest


@pytest.mark.parametrize(
    ("document", "is_reused"),
    [
        ("json_remove(experiment, '$.train_examples')", True),  # as before there was the setting
        ("json_insert(experiment, '$.of_tomorrow', 1)", False),
        ("json_set(experiment, '$.batch_size', 61)", False),
    ],
)
def test_a_setting_that_a_run_is_older_than_had_its_default(
    database: Engine, document: str, is_reused: bool
) -> None:
    run_id = finished(database, E1, SLOW, FAST)
    before = read.run(database, run_id).experiment
    with writing(database) as connection:
        connection.execute(text(f"UPDATE runs SET experiment = {document}"))
    assert read.run(database, run_id).experiment != before
    run = reusable(read.finished_runs(database, E1.name), E1, sized(E1, "quick"), VERSIONS)
    assert (run is not None) is is_reused


def test_claims_are_printed_with_their_verdict_and_decide_the_exit_code(database: Engine) -> None:
    run_id = finished(database, E1, SLOW, FAST)
    fine = reproduce("e1")
    assert fine.exit_code == 0, fine.output
    assert fine.stdout.startswith("E1  With BatchNorm the sigmoid network")
    assert (
        "    expected   reproduced\n    measured   At step 1,000 BatchNorm is 43.4 po"
        in fine.stdout
    )
    assert "    verdict    reproduced\n" in fine.stdout
    assert f"run        {run_id}, made before: mnist-sigmoid, seed 0, 10,000 of" in fine.stdout
    assert fine.stdout.endswith("\n1 of 1 decided as expected (quick).\n")
    finished(database, E1, FAST, SLOW)
    finished(database, E9)
    wrong = reproduce("E1", "E9")
    assert wrong.exit_code == 1
    assert "    verdict    not reproduced: not as expected\n" in wrong.stdout
    assert wrong.stdout.endswith("\n1 of 2 decided as expected (quick); not: E1.\n")


def test_an_open_claim_is_not_as_expected(database: Engine) -> None:
    finished(database, E1, {0: 0.1}, {0: 0.1})
    done = reproduce("E1")
    assert done.exit_code == 1 and "verdict    inconclusive: not as expected" in done.stdout


def trainer(
    engine: Engine, made: list[str], interrupted: bool = False, status: Any = "finished"
) -> Callable[..., headless.Ended]:
    """What trains instead of a worker; says in `made` of which entry."""

    def train(_engine: Engine, _worker: object, asked: Any, entry: str, label: str) -> Any:
        made.append(label)
        assert asked == sized(catalog.entry(entry), "quick")
        run_id = finished(engine, catalog.entry(entry), SLOW, FAST, status=status)
        return headless.Ended(read.run(engine, run_id), interrupted)

    return train


def test_what_finished_is_reused_unless_again_is_asked(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(reproduce_command, "run_to_end", trainer(database, made))
    for again in ((), (), ("--again",)):
        done = reproduce("E1", "E9", *again)
        assert done.exit_code == 0, done.output
    assert made == 2 * ["1 of 2  mnist-sigmoid", "2 of 2  redundant-bias"]


def test_a_failed_run_is_said_and_the_others_go_on(
    database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finished(database, E9)
    monkeypatch.setattr(reproduce_command, "run_to_end", trainer(database, [], status="failed"))
    done = reproduce("--output", tmp_path / "report.html", "E1", "E9")
    assert done.exit_code == 1
    assert "measured   Run 2 failed: No <b>memory</b>.\n" in done.stdout
    assert "E9  A bias before" in done.stdout
    assert "Run 2 failed: No &lt;b&gt;memory" in (tmp_path / "report.html").read_text("utf-8")


def test_after_ctrl_c_what_was_decided_is_shown_and_no_file_written(
    database: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    finished(database, E1, SLOW, FAST)
    stopped = trainer(database, [], interrupted=True, status="stopped")
    monkeypatch.setattr(reproduce_command, "run_to_end", stopped)
    done = reproduce("E1", "E9", "--output", tmp_path / "report.html")
    assert done.exit_code == 130 and "E9" not in done.stdout
    assert "1 of 1 decided as expected" in done.stdout and "Stopped." in done.stderr
    assert not (tmp_path / "report.html").exists()


def test_a_file_that_cannot_be_written_is_told_before_anything_runs(
    database: Engine, tmp_path: Path
) -> None:
    for file in (tmp_path / "absent" / "report.html", tmp_path):
        done = reproduce("E1", "--output", file)
        assert done.exception is not None and str(file) in str(done.exception)
        assert done.stdout == ""


def test_the_report_stands_alone_and_says_everything(database: Engine, tmp_path: Path) -> None:
    finished(database, E1, SLOW, FAST)
    finished(database, E9)
    file = tmp_path / "report.html"
    assert reproduce("E1", "E9", "--output", file).exit_code == 0
    assert file.stat().st_size < 10_000_000
    html = file.read_text("utf-8")
    page = html.split("<script")[0]
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    text = unescape(re.sub(r"<[^>]+>", " ", page))
    for claim in (E1.claims[0], *E9.claims):
        for part in (claim.statement, claim.source, claim.criterion):
            assert part in text
    for part in ("43.4 points higher", "seed 0, 10,000 of 50,000 steps", "shiftscope 9.8.7", "cpu"):
        assert part in text
    charts = charts_of(html)
    assert [chart["title"] for chart in charts] == [
        "Test accuracy", *(quantity.title for quantity in E9.quantities)
    ]  # fmt: skip
    assert [line["name"] for line in charts[0]["lines"]] == ["none", "BatchNorm"]
    assert charts[0]["lines"][1]["y"] == list(FAST.values())


def test_the_report_escapes_every_name(database: Engine) -> None:
    hostile = "</script><script>alert('x')</script>$title"
    asked = sized(E1, "quick")
    assert isinstance(asked, Experiment)
    arms = [arm.model_copy(update={"name": f"{arm.norm}{hostile}"}) for arm in asked.arms]
    entry = replace(E1, title=hostile, experiment=asked.model_copy(update={"arms": arms}))
    run_id = finished(database, entry, SLOW, FAST, versions={"torch": hostile})
    outcomes = ((E1.claims[0], Outcome("reproduced", hostile)),)
    done = Decided(Task(entry, E1.claims[:1]), read.run(database, run_id), False, outcomes)
    html = report(database, [done], "quick")
    assert html.count("<script") == html.count("</script>") == 3
    assert hostile not in html and html.count(escape(hostile)) == 3
    assert charts_of(html)[0]["lines"][0]["name"] == f"none{hostile}"


def charts_of(html: str) -> list[dict[str, Any]]:
    return json.loads(html.split('id="charts">')[1].split("</script>")[0])


def test_charts_show_each_seed_and_their_mean_and_hide_no_spike() -> None:
    nan = float("nan")
    curves = [
        Curve("none", 0, (0, 1, 2), (0.1, 0.2, nan)),
        Curve("none", 1, (0, 1, 2, 3), (0.3, 0.3, 0.5, 0.6)),
        Curve("long", 0, tuple(range(5000)), (*[0.5] * 4321, 0.9, *[0.5] * 678)),
    ]
    (chart,) = accuracy_chart("an-entry", ("none", "long"), curves)
    first, second, middle, long = chart.lines
    assert (first["seed"], second["seed"], middle["seed"]) == (0, 1, None)
    assert [line["legend"] for line in chart.lines] == [False, False, True, True]
    assert first["y"] == [0.1, 0.2, None]
    assert middle["x"] == [0, 1, 2] and middle["y"][:2] == [0.2, 0.25] and middle["y"][2] is None
    assert len(long["x"]) <= MOST_POINTS and 0.9 in long["y"] and 4321 in long["x"]
    together = [Recorded("", seed, None, (0, 1), (0.5, 0.5 + seed)) for seed in (0, 1)]
    (chart,) = accuracy_chart("an-entry", ("none", "long"), curves, together)
    assert [line["name"] for line in chart.lines[4:]] == ["all together"] * 3
    assert chart.lines[6]["y"] == [0.5, 1.0] and chart.lines[6]["legend"]
    assert accuracy_chart("an-entry", ("none",), []) == []


def test_the_table_keeps_the_rows_of_claims_that_were_not_run(
    database: Engine, tmp_path: Path
) -> None:
    page = tmp_path / "claims.md"
    finished(database, E1, SLOW, FAST)
    assert reproduce("E1", "--table", page).exit_code == 0
    (row,) = [line for line in page.read_text("utf-8").splitlines() if line.startswith("| E1 |")]
    assert "43.4 points higher" in row and "seed 0, 10,000 of 50,000 steps" in row
    assert "torch 2.99.0" in row and "| reproduced | At step" in row
    finished(database, E9)
    assert reproduce("E9", "--table", page).exit_code == 0
    text = page.read_text("utf-8")
    assert row in text.splitlines() and "moved an output by" in text
    other = row.replace("a third of its steps", "half of its steps")
    changed = claims_table([], "full", text.replace(row, other))
    assert other not in changed and changed.count("not run yet") == text.count("not run yet") + 1


def test_the_page_of_claims_lists_every_claim_as_it_is_claimed_now() -> None:
    page = CLAIMS_PAGE.read_text("utf-8")
    assert claims_table([], "full", page) == page, (
        "not up to date: shiftscope reproduce NUMBER --full --table docs/claims.md"
    )


REFERENCE = {"none": {1_000: 0.88, 10_000: 0.967}, "BatchNorm": {1_000: 0.92, 10_000: 0.971}}


@pytest.mark.parametrize(
    ("changed", "seeds", "result", "words"),
    [
        ({}, 3, "reproduced", "none at step 10,000: 96.7 % (96.7 to 96.7, 3 seeds); "),
        ({10_000: 0.965}, 3, "not reproduced", "; outside: BatchNorm at step 10,000."),
        ({1_000: 0.912}, 3, "not reproduced", "; outside: BatchNorm at step 1,000."),
        ({1_000: 0.934}, 3, "not reproduced", "; outside: BatchNorm at step 1,000."),
        ({}, 2, "inconclusive", "2 of the 3 seeds"),
    ],
)
def test_reference_values_are_reached_within_their_tolerance(
    changed: Mapping[int, float], seeds: int, result: str, words: str
) -> None:
    (claim,) = catalog.entry("mnist-reference-values").claims
    reached = {"none": REFERENCE["none"], "BatchNorm": {**REFERENCE["BatchNorm"], **changed}}
    curves = [
        Curve(arm, seed, tuple(points), tuple(points.values()))
        for seed in range(seeds)
        for arm, points in reached.items()
    ]
    outcome = claim.decide(Evidence(curves, tuple(REFERENCE), 10_000, ended=True))
    assert outcome.result == result and words in outcome.reason


@pytest.mark.parametrize(
    ("none", "result"),
    [
        (0.861, "not reproduced"),
        (0.862, "reproduced"),
        (0.902, "reproduced"),
        (0.903, "not reproduced"),
    ],
)
def test_the_reference_without_batch_norm_has_bounds_at_step_1_000(
    none: float, result: str
) -> None:
    (claim,) = catalog.entry("mnist-reference-values").claims
    curves = [
        Curve(arm, seed, tuple(points), (none if arm == "none" else points[1_000], points[10_000]))
        for seed in range(3)
        for arm, points in REFERENCE.items()
    ]
    outcome = claim.decide(Evidence(curves, tuple(REFERENCE), 10_000, ended=True))
    assert outcome.result == result, outcome.reason
