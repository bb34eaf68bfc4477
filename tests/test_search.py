"""The query language: what is understood, and where what is not goes wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftscope.db.errors import SearchError
from shiftscope.db.listing import SORTS
from shiftscope.db.search import KEYS, LONGEST, UNITS, Value, parse, setting_keys

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "search.md").read_text("utf-8")


def shown(query: str) -> list[tuple[object, ...]]:
    """Terms in short: place, negated, key, operator, values."""
    return [
        (
            term.position,
            term.negated,
            term.key.name if term.key else None,
            term.operator,
            *(value.meaning for value in term.values),
        )
        for term in parse(query)
    ]


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", []),
        (" \t", []),
        ("wide", [(0, False, None, ":", "wide")]),
        ('-"wide net" x,y', [(0, True, None, ":", "wide net"), (12, False, None, ":", "x,y")]),
        ("dataset:mnist  lr>0.1", [(0, False, "dataset", ":", "mnist"),
                                   (15, False, "lr", ">", 0.1)]),
        ("status:running,queued", [(0, False, "status", ":", "running", "queued")]),
        ('tag:"a b",c', [(0, False, "tag", ":", "a b", "c")]),
        ("-norm:none", [(0, True, "norm", ":", "none")]),
        ("best>=95% last<.5", [(0, False, "best", ">=", 0.95), (10, False, "last", "<", 0.5)]),
        ("age<2h duration>=1.5min", [(0, False, "age", "<", 7200.0),
                                     (7, False, "duration", ">=", 90.0)]),
        ("lr=1e-3", [(0, False, "lr", ":", 0.001)]),
        ("#12 -#3", [(0, False, "run", ":", 12.0), (4, True, "run", ":", 3.0)]),
        ("archived:yes deleted:NO", [(0, False, "archived", ":", True),
                                     (13, False, "deleted", ":", False)]),
        ("batch_size:60", [(0, False, "batch_size", ":", 60.0)]),
        ("momentum>0", [(0, False, "optimizer.momentum", ">", 0.0)]),
        ("twins:no", [(0, False, "twins", ":", False)]),
        ("DATASET:mn*", [(0, False, "dataset", ":", "mn*")]),
    ],
)  # fmt: skip
def test_a_query_is_understood(query: str, terms: list[tuple[object, ...]]) -> None:
    assert shown(query) == terms


def test_a_value_knows_its_place() -> None:
    (term,) = parse(" status:running,failed")
    assert term.position == 1
    assert term.values == (Value(8, "running"), Value(16, "failed"))


@pytest.mark.parametrize(
    ("query", "position", "word"),
    [
        ("mnist datset:mnist", 6, "did you mean dataset?"),
        ("zzzz:1", 0, "expected one of status"),
        ("lr>big", 3, "a number"),
        ("lr>", 3, "a value of lr"),
        ("lr>1,2", 4, "one value"),
        ("status:running,", 15, "queued, running"),
        ("status:done", 7, "finished"),
        ("dataset>mnist", 7, "dataset:VALUE"),
        ("age:2h", 3, "age<2h"),
        ("age<2", 4, "30min, 2h or 7d"),
        ("age<9999999d", 4, "100 years"),
        ("best>95%%", 5, "0.95 or 95%"),
        ("archived:maybe", 9, "yes or no"),
        ('a "b', 2, "second quotation mark"),
        ('a ""', 2, "between the quotation marks"),
        ('a"b"', 1, "a space between two terms"),
        ("- x", 0, "minus sign"),
        ("a\0b", 1, "control character"),
        ("x" * (LONGEST + 1), LONGEST, "1,000 characters"),
    ],
)
def test_an_error_points_at_the_place(query: str, position: int, word: str) -> None:
    with pytest.raises(SearchError) as caught:
        parse(query)
    assert caught.value.position == position
    assert word in str(caught.value)


pieces = st.sampled_from(
    [*KEYS, *":<>=-,#*\"' .%", ">=", "mnist", "0.1", "1e999", "2h", "7d", "yes", "running", "-"]
)


@settings(deadline=None)
@given(st.text(max_size=30) | st.lists(pieces | st.text(max_size=2), max_size=12).map("".join))
def test_any_text_is_understood_or_refused_at_a_place_in_it(query: str) -> None:
    try:
        terms = parse(query)
    except SearchError as error:
        assert 0 <= error.position <= len(query)
        assert str(error).endswith((".", "?"))
    else:
        assert all(query[term.position] != " " and term.values for term in terms)


def test_every_key_every_unit_and_every_sort_is_described() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M)) == set(KEYS)
    assert set(re.findall(r"`(\w+)`", PAGE.split("Units of time are ")[1].split(".")[0])) == set(
        UNITS
    )
    assert set(re.findall(r"`(\w+)`", PAGE.split("Keys to sort by: ")[1].split(".")[0])) == set(
        SORTS
    )


def test_settings_are_keys_by_what_they_hold() -> None:
    kinds = {name: key.kind for name, key in setting_keys().items()}
    assert kinds["train_examples"] == kinds["optimizer.lr"] == "number"
    assert kinds["network.kind"] == "word" and kinds["twins"] == "flag"
    assert not {"seeds", "arms", "dataset"} & kinds.keys()
    assert "residual" in setting_keys()["network.kind"].choices
