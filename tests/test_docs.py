"""What is written about the product is true of it."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from shiftscope.db import catalog
from shiftscope.db.arm import Arm
from shiftscope.db.network import Initialization
from shiftscope.db.norms import NormName
from shiftscope.db.optimizer import Algorithm, Optimizer, Schedule
from shiftscope.db.parsing import setting_paths
from shiftscope.db.read import export_columns
from shiftscope.db.study import Study
from shiftscope.db.tables import RECORD_TABLES, statistics_of
from shiftscope.server.export_tables import EXPORTED
from shiftscope.trainer import Pair, watch

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def tree() -> list[str]:
    """Every path that README's tree names."""
    blocks = re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)
    block = next(block for block in blocks if block.startswith("db/ "))
    paths, folder = [], ""
    for line in block.splitlines():
        names = re.match(r"( *)((?:[\w.]+/? )*[\w.]+/?)(?:  |$)", line)
        assert names is not None, line
        if not names[1]:
            folder = names[2].split()[0] if len(names[2].split()) == 1 else ""
        paths += [(folder if names[1] else "") + name for name in names[2].split()]
    return paths


def test_readmes_tree_matches_the_disk() -> None:
    named = tree()
    assert "trainer/loop.py" in named and "tests/" in named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_module_of_the_trainer_is_named_where_a_newcomer_reads() -> None:
    pages = README + (ROOT / "docs" / "architecture.md").read_text()
    modules = {file.name for file in (ROOT / "trainer").glob("*.py")} - {"__init__.py"}
    assert sorted(modules - set(re.findall(r"\w+\.py", pages))) == []


def test_no_module_is_named_in_the_architecture_that_is_not_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    there = {file.name for part in ("db", "trainer", "server", "web", "tests")
             for file in (ROOT / part).rglob("*.*")}  # fmt: skip
    assert sorted(set(re.findall(r"`(?:\w+/)*(\w+\.(?:py|js))`", page)) - there) == []


def test_every_file_that_the_documents_link_to_is_there() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        links = re.findall(r"(?:\]\(|src(?:set)?=\")((?!http)[^)\"#]+)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


@pytest.mark.parametrize("table", RECORD_TABLES)
def test_every_statistic_is_defined(table: str) -> None:
    text = (ROOT / "docs" / "statistics.md").read_text()
    section = text.split(f"## `{table}`")[1].split("\n## ")[0]
    defined = {name for line in section.splitlines() if line.startswith("| `")
               for name in re.findall(r"`(\w+)`", line.split("|")[1])}  # fmt: skip
    assert defined == set(statistics_of(table))


@pytest.mark.parametrize("table", RECORD_TABLES)
def test_every_key_is_defined_in_the_order_of_an_export(table: str) -> None:
    text = (ROOT / "docs" / "statistics.md").read_text()
    rows = re.findall(
        r"^\| `(\w+)` \| ([\w` ]+) \|", text.split("## Keys")[1].split("\n## ")[0], re.M
    )
    keys = [n for n, where in rows if where == "every table" or f"`{table}`" in where.split()]
    assert keys + statistics_of(table) == export_columns(table)


OVERRIDES = {name for name, field in Arm.model_fields.items() if field.default is None}


def test_every_claim_of_a_study_is_described() -> None:
    names = ("studies.md", "training_studies.md", "settings.md")
    pages = "".join((ROOT / "docs" / name).read_text("utf-8") for name in names)
    studies = [entry for entry in catalog.entries() if isinstance(entry.experiment, Study)]
    numbers = [claim.number for entry in studies for claim in entry.claims]
    assert {"E9", "E21b", "E32c"} <= set(numbers)
    assert [number for number in numbers if not re.search(rf"\*\*{number}\b", pages)] == []
    assert [entry.name for entry in studies if f"`{entry.name}`" not in pages] == []


def test_every_norm_and_how_an_arm_has_it_is_described() -> None:
    page = (ROOT / "docs" / "normalizations.md").read_text()
    described = re.findall(r"^\| `(\w+)` \|", page, re.M)
    assert set(described) == {*get_args(NormName), *Arm.model_fields} - OVERRIDES - {"name"}


def test_every_setting_that_an_arm_overrides_is_described() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    described = re.findall(r"^\| `(\w+)` \| `([\w.]+)` \|", page, re.M)
    assert {name for name, _ in described} == OVERRIDES
    assert {path for _, path in described} <= set(setting_paths())
    assert all(path.endswith(f".{name}") for name, path in described)


@pytest.mark.parametrize("values", [Algorithm, Schedule, Initialization])
def test_every_choice_of_training_is_described(values: object) -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    tables = re.findall(r"\n\|---.*?\n\n", page, re.S)
    named = [set(re.findall(r"^\| `(\w+)` \|", table, re.M)) for table in tables]
    assert set(get_args(values)) in named
    assert set(Optimizer.model_fields) <= set(re.findall(r"`(?:optimizer\.)?(\w+)`", page))


@pytest.mark.parametrize("of", [watch, Pair])
def test_every_argument_of_watch_is_described(of: Callable[..., object]) -> None:
    page = (ROOT / "docs" / "watch.md").read_text()
    table = page.split("## Arguments")[1].split("\n\n| argument")[1].split("\n\n")[0]
    told = {
        name
        for line in table.splitlines()
        if line.count("|") > 3 and line.split("|")[2].strip() in {"both", f"`{of.__name__}`"}
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert told == set(inspect.signature(of).parameters)


def test_every_table_that_can_be_exported_is_named() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    section = page.split("## `shiftscope export RUN`")[1].split("\n## ")[0]
    tables = section.split("`--table` is ")[1].split("`--output`")[0]
    assert sorted(re.findall(r"`(\w+)`", tables)) == sorted(EXPORTED)


def test_readme_is_short() -> None:
    assert len(README.splitlines()) < 150
