"""Terms of a query → conditions on runs."""

import re
from datetime import datetime, timedelta
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from .outline import names_of
from .search import KEYS, SAID, Key, Term, parse
from .tables import Finding, Run

COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "status": Run.status,
    "dataset": Run.dataset,
    "network": Run.network,
    "norm": Run.norms,
    "tag": Run.tags,
    "lr": Run.lr,
    "best": Run.best_accuracy,
    "last": Run.last_accuracy,
    "ratio": Run.ratio,
    "step": Run.step,
    "steps": Run.steps,
    "seeds": Run.seed_count,
    "speed": Run.steps_per_second,
    "age": Run.created_at,
    "duration": Run.duration,
    "run": Run.id,
    "name": Run.name,
    "note": Run.note,
    "device": Run.device,
    "entry": Run.catalog_entry,
    "sweep": Run.sweep_id,
    "source": Run.source,
    "archived": Run.archived,
    "deleted": Run.deleted_at,
}
FINDINGS: ColumnElement[Any] = case(
    (
        Run.diagnosed.is_not(None),
        select(func.count()).where(Finding.run_id == Run.id).correlate(Run).scalar_subquery(),
    )
)
"""How many findings a run has, by their index; NULL where the rules never looked."""
NUMERAL = r"^[+-]?([0-9]{1,255}([.][0-9]+)?|[0-9]([.][0-9]+)?e[+-]?([12]?[0-9]{1,2}|30[0-7]))$"
"""Numbers that every database can read from text."""
COMPARE = {">": gt, ">=": ge, "<": lt, "<=": le}
OLDER = {">": lt, ">=": le, "<": gt, "<=": ge}
"""A greater age is an earlier moment."""
ESCAPE = "/"
ANSWERS = ("yes", "no")


def matching(query: str, now: datetime) -> ColumnElement[bool]:
    """The condition that a run matches a query; archived and deleted runs only where it asks.

    Args:
        query: As docs/search.md describes it.
        now: What ages count from.

    Raises:
        SearchError: The query is not understood.
    """
    terms = parse(query)
    named = {term.key.name for term in terms if term.key is not None}
    usual: list[ColumnElement[bool]] = []
    if "archived" not in named:
        usual.append(Run.archived.is_(False))
    if "deleted" not in named:
        usual.append(Run.deleted_at.is_(None))
    return and_(*usual, *(_condition(term, now) for term in terms))


def _condition(term: Term, now: datetime) -> ColumnElement[bool]:
    found = or_(*(_one(term, value.meaning, now) for value in term.values))
    # What does not apply is NULL: not so is then true.
    return not_(func.coalesce(found, false())) if term.negated else found


def _one(term: Term, meaning: str | float | bool, now: datetime) -> ColumnElement[bool]:
    key = term.key
    if key is None:
        return _contains(Run.name, str(meaning)) | _contains(Run.note, str(meaning))
    if key.name == "deleted":
        return Run.deleted_at.is_not(None) if meaning else Run.deleted_at.is_(None)
    if key.name == "finding":
        rule = Finding.rule.like(_pattern(str(meaning)), escape=ESCAPE)
        return select(Finding.id).where(Finding.run_id == Run.id, rule).correlate(Run).exists()
    if isinstance(meaning, bool):
        return held(key).is_(meaning)
    if key.name == "age":
        assert isinstance(meaning, float)
        then = now - timedelta(seconds=meaning)
        return OLDER[term.operator](Run.created_at, then)
    if key.kind == "any" and isinstance(meaning, str):
        return _is(said(key.name.removeprefix(SAID)), meaning)
    if not isinstance(meaning, str):
        # As a float on both sides: a column of integers would refuse a number too great for it.
        number: ColumnElement[Any] = literal(meaning, Double())
        found = held(key)
        return COMPARE[term.operator](found, number) if term.operator != ":" else found == number
    if key.kind == "words":
        words = type_coerce(COLUMNS[key.name], String())
        return words.like(f"% {_pattern(meaning)} %", escape=ESCAPE)
    if key.kind == "text":
        return _contains(COLUMNS[key.name], meaning)
    return func.lower(held(key)).like(_pattern(meaning), escape=ESCAPE)


def held(key: Key) -> Any:
    """What a run has of a key: a column, its findings, or a setting of its experiment."""
    if key.name == "findings":
        return FINDINGS
    if KEYS.get(key.name) is key:
        return COLUMNS[key.name]
    if key.kind == "any":
        return _number(said(key.name.removeprefix(SAID)))
    setting = Run.experiment[tuple(key.name.split("."))]
    told = [said(name) for name in names_of(key.name)]
    if key.kind == "flag":
        return func.coalesce(setting.as_boolean(), *map(_flag, told))
    if key.kind == "number":
        return func.coalesce(setting.as_float(), *map(_number, told))
    return func.coalesce(setting.as_string(), *told)


def ranked(key: Key) -> tuple[Any, ...]:
    """What runs are sorted by for a key, the first deciding."""
    # What programs said may be words: these come after all numbers.
    return (held(key), said(key.name.removeprefix(SAID))) if key.kind == "any" else (held(key),)


def said(name: str) -> ColumnElement[Any]:
    """What a watched program said of itself under a name, as text in lower case."""
    return func.lower(Run.watched[("settings", name)].as_string())


def _is(text: ColumnElement[Any], meaning: str) -> ColumnElement[bool]:
    """Whether a text is a word, or the number or the flag that the word is."""
    found = text.like(_pattern(meaning), escape=ESCAPE)
    if re.match(NUMERAL, meaning.lower()):
        number: ColumnElement[Any] = literal(float(meaning), Double())
        found |= _number(text) == number
    return (
        found | _flag(text).is_(meaning.lower() == "yes") if meaning.lower() in ANSWERS else found
    )


def _number(text: ColumnElement[Any]) -> ColumnElement[Any]:
    number: ColumnElement[Any] = cast(text, Double())
    return case((text.regexp_match(NUMERAL), number))


def _flag(text: ColumnElement[Any]) -> ColumnElement[Any]:
    # JSON's true is 1 in SQLite.
    return case((text.in_(("true", "1")), true()), (text.in_(("false", "0")), false()))


def _contains(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column).contains(text.lower(), autoescape=True)


def _pattern(text: str) -> str:
    """A word as LIKE takes it; `*` stands for any text."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text.lower().replace("*", "%")
