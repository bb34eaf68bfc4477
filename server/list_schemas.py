"""The list of runs: its pages, its search, and actions on many runs."""

from typing import Literal

from pydantic import ConfigDict, Field

from ..db import edit, search
from ..db.document import Name
from ..db.findings import Severity
from .run_schemas import RunPublic
from .schemas import Asked, Document, Number, Public


class RunsPublic(Public):
    """A page of the list of runs, how many there are in all, and the next page's `offset`."""

    runs: list[RunPublic]
    total: int
    next: int | None


class NumbersPublic(Public):
    """The numbers of all runs of a list, in order."""

    runs: list[int]


class SparklinePublic(Public):
    """Test accuracy of one arm of a run, in few points: (step, accuracy)."""

    run: int
    arm: str
    points: list[tuple[int, float]]


class SparklinesPublic(Public):
    """Sparklines of some runs."""

    sparklines: list[SparklinePublic]


class FindingCountPublic(Public):
    """How many findings a run has, and the severity of the worst."""

    run: int
    findings: int
    severity: Severity | None


class FindingCountsPublic(Public):
    """Findings of some runs, of those that the rules have looked at."""

    counts: list[FindingCountPublic]


class SettingValuesPublic(Public):
    """What a run has of some settings, by path; null where it has none."""

    run: int
    values: Document


class SettingsOfRunsPublic(Public):
    """Settings of some runs."""

    settings: list[SettingValuesPublic]


class SearchKeyPublic(Public):
    """Something that runs can be searched by, and values to suggest; a setting is a column, too."""

    name: str
    setting: bool
    kind: search.Kind
    about: str
    values: list[str]


class SearchKeysPublic(Public):
    """Everything that runs can be searched by, and sorted by."""

    keys: list[SearchKeyPublic]
    sorts: list[str]


class RefusedPublic(Public):
    """A run that was left as it was, and why."""

    run: int
    detail: str


class BulkPublic(Public):
    """What came of an action on many runs: those that it was done to, and new ones."""

    runs: list[int]
    new: list[int]
    refused: list[RefusedPublic]


BulkAction = Literal[
    "stop",
    "resume",
    "again",
    "archive",
    "unarchive",
    "delete",
    "restore",
    "tag",
    "untag",
    "rename",
    "note",
]
NEEDS = {"tag": "tag", "untag": "tag", "rename": "name", "note": "note"}
"""What some actions are done with."""


class BulkAsked(Asked):
    """One action on many runs, some of them with a word."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"action": {"const": action}}},
                    "then": {"required": [name], "properties": {name: {"type": "string"}}},
                }
                for action, name in NEEDS.items()
            ]
        }
    )

    action: BulkAction
    runs: list[Number] = Field(min_length=1, max_length=10_000)
    tag: edit.Tag | None = None
    name: Name | None = None
    note: edit.Note | None = None
