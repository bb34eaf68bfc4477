"""The query language of the list of runs: text → terms, each with its place. Pure.

`dataset:mnist norm:none lr>0.1 -tag:lecture "wide net"`: all terms must hold. docs/search.md is
its description; `matching.py` turns terms into conditions.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, cast, get_args
from unicodedata import category

from pydantic.fields import FieldInfo

from .document import Document, plain_types
from .errors import SearchError
from .experiment import Experiment
from .rules import RULE_NAMES
from .tables import Source, Status

LONGEST = 1000
"""Characters of a query."""
Kind = Literal["word", "words", "text", "number", "share", "time", "flag", "any"]
"""What a key holds: a word, several words, any text, a number, a share, seconds, yes or no, or any
one of a number, a word, yes and no."""
COMPARED: tuple[Kind, ...] = ("number", "share", "time", "any")
SAID = "settings."
"""Begins the key of a setting that a watched program said of itself, under any name."""
Operator = Literal[":", ">", ">=", "<", "<="]
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
LONGEST_TIME = 100 * 366 * UNITS["d"]
SPACE = re.compile(r"\s*")
KEYED = re.compile(r"([A-Za-z_][\w.]*)(:|>=|<=|>|<|=)")
WORD = re.compile(r'[^\s"]+')
PART = re.compile(r'[^\s,"]+')
"""Of a list with commas."""
NAME = re.compile(r"[A-Za-z0-9_.]+")
"""Of what a watched program said; others can't be asked for."""
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class Key:
    """Something that runs can be searched by.

    Attributes:
        name: As it stands before the operator.
        kind: What it holds.
        about: What it is, in a line.
        choices: All values there can be; empty where any may be.
    """

    name: str
    kind: Kind
    about: str
    choices: tuple[str, ...] = ()


KEYS = {
    key.name: key
    for key in (
        Key("status", "word", "how far the run is", get_args(Status)),
        Key("dataset", "word", "what it trains on"),
        Key("network", "word", "the kind of network; of a watched run its class"),
        Key("norm", "words", "the normalization of one of its arms"),
        Key("tag", "words", "one of its tags"),
        Key("lr", "number", "learning rate of the experiment, which arms may override"),
        Key("best", "share", "best test accuracy, of the arm where it is highest"),
        Key("last", "share", "last test accuracy, of the arm where it is highest"),
        Key("ratio", "number", "steps to the target, reference ÷ the arm that was soonest"),
        Key("step", "number", "the latest step"),
        Key("steps", "number", "how many steps it will be"),
        Key("seeds", "number", "how many seeds"),
        Key("speed", "number", "steps per second"),
        Key("age", "time", "time since it was created"),
        Key("duration", "time", "time from its start to its end, once it has ended"),
        Key("findings", "number", "how many findings, once the rules have looked"),
        Key("finding", "words", "a rule that found something", RULE_NAMES),
        Key("run", "number", "its number"),
        Key("name", "text", "text in its name"),
        Key("note", "text", "text in its note"),
        Key("device", "word", "what it trains on, such as cpu or cuda:0"),
        Key("entry", "word", "the catalog entry that it came from"),
        Key("sweep", "number", "the number of the sweep that it is in"),
        Key(
            "source",
            "word",
            "an experiment, a study, a watched loop or an import",
            get_args(Source),
        ),
        Key("archived", "flag", "archived runs; without this key they are left out"),
        Key("deleted", "flag", "deleted runs, until they are purged"),
    )
}


@dataclass(frozen=True)
class Value:
    """What a term asks for: text, a number (a time in seconds, a share of 1) or yes and no."""

    position: int
    meaning: str | float | bool


@dataclass(frozen=True)
class Term:
    """One condition: any of its values will do.

    Attributes:
        position: Where it begins in the query.
        key: What it looks at; None: name and note.
        operator: How.
        values: What it asks for; one only unless the operator is `:`.
        negated: Whether the condition must not hold.
    """

    position: int
    key: Key | None
    operator: Operator
    values: tuple[Value, ...]
    negated: bool


@cache
def setting_keys() -> Mapping[str, Key]:
    """Settings of experiments that runs can be searched by: those of one number, word or flag."""
    return {key.name: key for key in _setting_keys(Experiment.model_fields)}


def setting_key(path: str) -> Key | None:
    """The key of a setting: of experiments, or of any name, one that a watched program said."""
    name = path.removeprefix(SAID)
    if name != path and NAME.fullmatch(name):
        return Key(path, "any", "what a watched program said of itself")
    return setting_keys().get(path)


@cache
def last_words() -> Mapping[str, str]:
    """Paths of settings by their last word, where no other path has it."""
    ends = [path.rpartition(".")[2] for path in setting_keys()]
    return {
        end: path for path, end in zip(setting_keys(), ends, strict=True) if ends.count(end) == 1
    }


def _setting_keys(fields: Mapping[str, FieldInfo], prefix: str = "") -> Iterator[Key]:
    for name, field in fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Document):
            yield from _setting_keys(kind.model_fields, f"{prefix}{name}.")
        elif (held := _held(kind)) is not None and prefix + name not in KEYS:
            yield Key(prefix + name, held, str(field.title).lower(), _choices(kind))


def _held(kind: Any) -> Kind | None:
    parts = plain_types(kind)
    if bool in parts:
        return "flag"
    if parts & {int, float}:
        return "number"
    return "word" if str in parts or _choices(kind) else None


def _choices(kind: Any) -> tuple[str, ...]:
    return tuple(one for one in get_args(kind) if isinstance(one, str))


def parse(query: str) -> tuple[Term, ...]:
    """The terms of a query.

    Raises:
        SearchError: It is not understood, with the place where that begins.
    """
    if len(query) > LONGEST:
        raise SearchError(LONGEST, f"Expected at most {LONGEST:,} characters, got {len(query):,}.")
    for position, sign in enumerate(query):
        if category(sign) in ("Cc", "Cs") and sign not in "\t\n\r":  # no database stores them
            raise SearchError(position, "Expected text, got a control character.")
    return tuple(_terms(query))


def _terms(query: str) -> Iterator[Term]:
    at = _skip(query, 0)
    while at < len(query):
        start = at
        negated = query[at] == "-"
        at += negated
        if at == len(query) or query[at].isspace():
            raise SearchError(start, "Expected what to leave out right after the minus sign.")
        keyed = KEYED.match(query, at)
        if keyed:
            key = _key(keyed[1], at)
            operator = cast(Operator, ":" if keyed[2] == "=" else keyed[2])
            values, at = _values(query, keyed.end(), key, operator)
        else:
            operator: Operator = ":"
            text, after = _text(query, at, WORD)
            number = re.fullmatch(r"#(\d+)", query[at:after])
            key = KEYS["run"] if number else None
            values = (Value(at, float(number[1]) if number else text),)
            at = after
        if at < len(query) and not query[at].isspace():
            raise SearchError(at, "Expected a space between two terms.")
        yield Term(start, key, operator, values, negated)
        at = _skip(query, at)


def _skip(query: str, at: int) -> int:
    found = SPACE.match(query, at)
    return found.end() if found else at


def _key(name: str, at: int) -> Key:
    """A key by its name, or a setting by its path or, where that is unique, its last word."""
    if name.startswith(SAID) and (said := setting_key(name)):  # whose case the program chose
        return said
    name = name.lower()
    settings = setting_keys()
    if (found := KEYS.get(name) or settings.get(last_words().get(name, name))) is not None:
        return found
    near = get_close_matches(name, [*KEYS, *settings], 1)
    instead = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(KEYS)}."
    raise SearchError(
        at, f"There is no key {name}: {instead} To search for it as text, put it in quotes."
    )


def _values(query: str, at: int, key: Key, operator: Operator) -> tuple[tuple[Value, ...], int]:
    before = at - len(operator)
    if operator != ":" and key.kind not in COMPARED:
        sentence = f"{key.name} is no number: expected {key.name}:VALUE, got {operator}."
        raise SearchError(before, sentence)
    if operator == ":" and key.kind == "time":
        sentence = f"{key.name} is compared: expected {key.name}<2h or {key.name}>7d."
        raise SearchError(before, sentence)
    values: list[Value] = []
    while True:
        if at == len(query) or query[at].isspace() or query[at] == ",":
            raise SearchError(at, f"Expected a value of {key.name}{_such_as(key)}.")
        text, after = _text(query, at, PART)
        is_word = key.kind == "any" and operator == ":"
        values.append(Value(at, text if is_word else _meaning(text, key, at)))
        at = after
        if at == len(query) or query[at] != ",":
            return tuple(values), at
        if operator != ":":
            raise SearchError(at, f"Expected one value after {operator}; a list goes with a colon.")
        at += 1


def _such_as(key: Key) -> str:
    examples = {"share": "0.95 or 95%", "time": "30min, 2h or 7d", "flag": "yes or no"}
    example = ", ".join(key.choices) or examples.get(key.kind, "")
    return f", such as {example}" if example else ""


def _text(query: str, at: int, plain: re.Pattern[str]) -> tuple[str, int]:
    """A word or what stands in quotes, and where it ends."""
    if query[at] == '"':
        end = query.find('"', at + 1)
        if end < 0:
            raise SearchError(at, "Expected a second quotation mark, to end what begins here.")
        if end == at + 1:
            raise SearchError(at, "Expected text between the quotation marks.")
        return query[at + 1 : end], end + 1
    found = plain.match(query, at)
    assert found is not None  # neither a space, nor a quotation mark, nor the end
    return found[0], found.end()


def _meaning(text: str, key: Key, at: int) -> str | float | bool:
    if key.kind == "flag":
        if text.lower() not in {"yes", "no"}:
            raise SearchError(at, f"{key.name} is yes or no, got {text}.")
        return text.lower() == "yes"
    if key.kind in COMPARED:
        return _number(text, key, at)
    if key.choices and "*" not in text and text.lower() not in key.choices:
        raise SearchError(at, f"Expected one of {', '.join(key.choices)}, got {text}.")
    return text


def _number(text: str, key: Key, at: int) -> float:
    found = NUMBER.match(text)
    unit = text[found.end() :] if found else ""
    expected = {"time": "a time with its unit", "share": "a share"}.get(key.kind, "a number")
    known = {"time": [*UNITS], "share": ["", "%"]}.get(key.kind, [""])
    if found is None or unit not in known:
        raise SearchError(at, f"Expected {expected}{_such_as(key)}, got {text}.")
    value = float(found[0]) / 100 if unit == "%" else float(found[0]) * UNITS.get(unit, 1.0)
    if key.kind == "time" and abs(value) > LONGEST_TIME:
        raise SearchError(at, f"Expected at most 100 years, got {text}.")
    return value
