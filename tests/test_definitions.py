"""What the page says of a statistic is what docs/statistics.md says, of every one."""

import pytest

from shiftscope.db import units
from shiftscope.db.tables import RECORD_TABLES, statistics_of
from shiftscope.server.definitions import PAGE, definitions


@pytest.mark.parametrize("table", RECORD_TABLES)
def test_every_statistic_has_a_definition(table: str) -> None:
    found = definitions()[table]
    assert set(found) == set(statistics_of(table))
    assert all(one.definition for one in found.values())


def test_units_too_and_nothing_is_left_of_the_markup() -> None:
    assert set(definitions()["unit_records"]) == set(units.ARRAYS)
    said = [text for table in definitions().values() for one in table.values()
            for text in (one.unit, one.definition)]  # fmt: skip
    assert [text for text in said if any(mark in text for mark in ("*", "`", "\\", "]("))] == []


def test_a_definition_is_the_words_of_the_page() -> None:
    entropy = definitions()["network_records"]["loss"]
    assert f"| `loss` | {entropy.unit} | {entropy.definition} |" in PAGE.read_text("utf-8")


def test_a_distance_of_the_probe_comes_with_its_formula() -> None:
    said = definitions()["probe_records"]["js_from_start_median"].definition
    assert said.startswith("js of each unit from the start; over the units the median, mean and")
    assert "½ Σ p ln(p/m) + ½ Σ q ln(q/m)" in said
